/*
 * Claim: ring 3 reaches no port: neither the stop port, by which it would end the
 * session in the kernel's name, nor any other.
 *
 * IOPL is 0 and the TSS has no permission bitmap, so both are general protection
 * faults inside the guest. The session goes on, and ends as the guest says.
 */
#include "kit.h"
#include "guests.h"

static uint64_t out_stop(uint64_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"((uint32_t)value), "d"((uint16_t)CENO_PORT_STOP));
	return 0;
}

static uint64_t in_serial(uint64_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "d"((uint16_t)port));
	return value;
}

uint32_t guest_port_user(unsigned form)
{
	uint64_t vector = form ? kit_ring3(in_serial, 0x3fd) : kit_ring3(out_stop, 0x42);

	/* The CPU's own word for it, and the instruction was not skipped. */
	return vector == KIT_GP && kit_trap.cs == CENO_SEL_USER_CS ? KIT_HELD : KIT_THROUGH;
}
