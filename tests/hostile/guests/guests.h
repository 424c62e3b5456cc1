/*
 * The hostile guests, in both worlds: the kernel that runs them (kit.c) and the driver
 * that judges them (judge.c) take names, forms and expected ends from this one table.
 *
 *   X(name, forms, emulated, native, claim)
 *
 * forms      how many ways there are to try it, each in a session of its own
 * emulated   how each session must end where KVM has no VMX/SVM and emulates ring 0
 * native     how it must end where ring 0 is the CPU's own
 *
 * An end is a violation code of vmm/core/launch.h, or one of
 *   HELD       refused inside the guest, which says so: cause exit, status 0
 *   TTL        nothing to refuse: the guest is ended by its lifetime
 */
#ifndef CENO_HOSTILE_GUESTS_H
#define CENO_HOSTILE_GUESTS_H

#include <stdint.h>

#define HOSTILE_GUESTS(X) \
	/* read-only slots */ \
	X(text_write, 6, READ_ONLY, READ_ONLY, "its own running text cannot be written") \
	X(rom_write, 4, READ_ONLY, READ_ONLY, "the firmware cannot be written") \
	X(trust_write, 3, READ_ONLY, READ_ONLY, "the release key cannot be replaced") \
	X(boot_write, 4, READ_ONLY, READ_ONLY, "the boot page cannot be made to lie") \
	X(pack_write, 4, READ_ONLY, READ_ONLY, "inputs and arguments cannot be changed") \
	X(rom_stack, 2, READ_ONLY, READ_ONLY, "a stack in read-only memory takes no push") \
	/* no slot */ \
	X(window_unpledged, 7, UNBACKED, UNBACKED, "there is no window of a class that was not pledged") \
	X(bell_unpledged, 10, UNBACKED, UNBACKED, "there is no doorbell of a class that was not pledged") \
	X(read_outside, 4, UNBACKED, UNBACKED, "nothing can be read behind the end of RAM") \
	X(write_outside, 4, UNBACKED, UNBACKED, "nothing can be written behind the end of RAM") \
	X(execute_outside, 2, OUTSIDE, NO_FETCH, "nothing can be executed behind the end of RAM") \
	X(low_memory, 20, UNBACKED, UNBACKED, "there is no memory below the firmware, no BIOS and no reset vector") \
	X(gaps, 8, UNBACKED, UNBACKED, "the gaps between slots are empty to the byte") \
	X(no_device, 6, UNBACKED, UNBACKED, "no device answers where machines have them") \
	X(beyond, 3, UNBACKED, UNBACKED, "the ends of the physical address space are empty") \
	X(no_image, 6, UNBACKED, UNBACKED, "a session without an image has none in memory") \
	X(bell_width, 8, UNBACKED, UNBACKED, "a doorbell takes one store of four bytes and nothing else") \
	/* ports */ \
	X(port_probe, 10, PORT, PORT, "no port answers but the one that stops") \
	X(port_string, 3, STRING, STRING, "the stop port takes no string of values") \
	X(port_width, 4, PORT, PORT, "the stop port takes one 32-bit value and gives none") \
	X(port_user, 6, HELD, HELD, "ring 3 reaches no port") \
	/* the CPU's own state */ \
	X(triple_fault, 4, SHUTDOWN, SHUTDOWN, "a CPU that cannot take its fault is stopped") \
	X(tables_gone, 2, OUTSIDE, NO_WALK, "page tables outside of memory end the guest and nothing else") \
	X(bad_control, 6, HELD, NO_RUN, "control registers take no invalid state") \
	X(bad_efer, 3, MSR, MSR, "EFER takes no value that the session was not offered") \
	X(leave_long_mode, 2, NO_RUN, HELD, "64-bit mode cannot be left half way") \
	X(bad_return, 5, HELD, HELD, "returning to an impossible place is a fault") \
	X(alias_tables, 1, HELD, HELD, "page tables that change under themselves reach no more than RAM") \
	X(table_in_window, 1, HELD, HELD, "page tables in memory shared with the vmm give nothing new") \
	X(hypercall, 3, HELD, HELD, "a hypercall gives nothing and writes nowhere") \
	X(nested_guest, 3, NO_RUN, HELD, "a guest cannot start a guest") \
	X(send_init, 2, INIT, INIT, "INIT and SIPI to itself leave the session where it is") \
	X(send_ipi, 4, HELD, HELD, "interrupts to other CPUs reach nobody") \
	X(fpu_state, 5, HELD, HELD, "invalid FPU state is refused by the CPU, and none outlives the session") \
	X(debug_registers, 4, HELD, HELD, "debug registers trap nobody but the guest") \
	X(cpuid_probe, 2, HELD, HELD, "CPUID offers no door to the host: no virtualisation, no shared pages, no SMM") \
	/* model-specific registers */ \
	X(msr_read, 10, MSR, MSR, "a register that is not offered cannot be read") \
	X(msr_write, 8, MSR, MSR, "a register that is not offered cannot be written") \
	X(pv_page, 8, MSR, MSR, "KVM cannot be made to write into a page of the guest's choice") \
	/* rings and reports */ \
	X(ring_lie, 9, RING_LIE, RING_LIE, "a ring index that claims more than the ring holds ends the session") \
	X(report_lie, 12, RING_LIE, RING_LIE, "a report out of its ranges ends the session") \
	X(double_fetch, 2, RING_LIE, RING_LIE, "an index that changes while it is read is read once") \
	X(report_race, 1, HELD, HELD, "a report that changes while it is read is one of those that were written") \
	X(host_page, 1, HELD, HELD, "what the guest writes into the host's page changes nothing on the host") \
	X(bell_storm, 1, HELD, HELD, "a storm on the doorbell is taken as one ring") \
	X(report_storm, 1, HELD, HELD, "one program ends once, however often it is said") \
	X(trail_lie, 8, HELD, HELD, \
	  "a trail of zero, huge, overlapping or changing length is copied within its window") \
	X(handoff_lie, 2, HELD, HELD, "what the guest makes of its own boot records misleads nobody") \
	X(escapes, 2, HELD, HELD, "terminal escapes reach the program's own stream and nothing else") \
	/* resources */ \
	X(page_touch, 1, HELD, HELD, "one byte in every granule: all of them are overwritten and proven") \
	X(fill_memory, 1, HELD, HELD, "all of RAM is used: all of it is overwritten and proven") \
	X(flood, 3, TTL, TTL, "a reader who does not read stalls the guest, not the node") \
	X(spin, 4, TTL, TTL, "a guest that never yields ends with its lifetime, within an instruction too") \
	X(sleep, 4, TTL, TTL, "a guest that sleeps with interrupts off ends with its lifetime") \
	X(exit_storm, 6, TTL, TTL, "a storm of exits ends with its lifetime") \
	X(timer_storm, 3, TTL, TTL, "a storm of timers starves nobody") \
	X(deaf, 3, HELD, HELD, "a guest that will not stop is stopped, and its last writes are wiped") \
	X(last_act, 3, UNBACKED, UNBACKED, "a violation after the program's end is still a violation")

/* One function each, in a file of its name. form: 0 to forms - 1. */
#define HOSTILE_DECLARE(name, forms, emulated, native, claim) \
	__attribute__((visibility("hidden"))) uint32_t guest_##name(unsigned form);
HOSTILE_GUESTS(HOSTILE_DECLARE)
#undef HOSTILE_DECLARE

#endif
