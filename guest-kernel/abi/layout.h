/*
 * Where everything lies: the guest-physical map, and the few guest-virtual
 * addresses that are constants of the ABI.
 *
 * Included by the guest (firmware, nucleus, services) and by the host (warden,
 * vmm). Nothing here depends on the session: what does is in boot.h.
 *
 * Bump CENO_ABI_VERSION whenever any offset, size, number or meaning in
 * guest-kernel/abi changes; firmware refuses a bundle of another version.
 */
#ifndef CENO_ABI_LAYOUT_H
#define CENO_ABI_LAYOUT_H

#define CENO_ABI_VERSION 8u

#define CENO_PAGE 4096ull
#define CENO_LARGE_PAGE (2ull << 20)

#ifndef __ASSEMBLER__ /* assembly and linker scripts include this file too */
#include <stdint.h>

/* Address newtypes: a guest-physical and a guest-virtual address never mix. */
typedef struct { uint64_t v; } ceno_gpa_t;
typedef struct { uint64_t v; } ceno_gva_t;
#endif

/* Guest-physical map. Everything below CENO_GPA_RAM is read-only, a window, or
 * a doorbell; RAM is one contiguous slot; the pack and the image lie above. */
#define CENO_GPA_FIRMWARE 0x01000000ull /* firmware image, at most CENO_FIRMWARE_MAX   */
#define CENO_GPA_TRUST    0x01100000ull /* one page: struct ceno_trust (bundle.h)      */
#define CENO_GPA_BUNDLE   0x01200000ull /* signed bundle, at most CENO_BUNDLE_MAX      */
#define CENO_GPA_BOOT     0x01400000ull /* one page: struct ceno_boot (boot.h)         */
#define CENO_GPA_WINDOW   0x40000000ull /* class c at + c * CENO_WINDOW_STRIDE         */
#define CENO_GPA_TRAIL    0x42000000ull /* behind the last window: the guest's ledger (trail.h), always there */
#define CENO_GPA_DOORBELL 0x50000000ull /* class c at + c * CENO_PAGE (no memslot)     */
#define CENO_GPA_RAM      0x100000000ull
#define CENO_GPA_PACK     0x2000000000ull
#define CENO_GPA_IMAGE    0x4000000000ull

#define CENO_FIRMWARE_MAX (128ull << 10)
#define CENO_BUNDLE_MAX   (1ull << 20)
#define CENO_WINDOW_STRIDE (4ull << 20)
#define CENO_TRAIL_BYTES 0x40000u
#define CENO_RAM_MIN (32ull << 20) /* and a multiple of CENO_LARGE_PAGE */
#define CENO_RAM_MAX (64ull << 30)
#define CENO_PACK_MAX (64ull << 30)

#ifndef __ASSEMBLER__
/* Pledge classes, as bit numbers; each class has at most one window and one
 * doorbell. Class numbers are ABI. */
enum ceno_pledge_class {
	CENO_PLEDGE_STDIO,
	CENO_PLEDGE_RW,
	CENO_PLEDGE_NET,
	CENO_PLEDGE_STORAGE,
	CENO_PLEDGE_SPAWN,
	CENO_PLEDGE_AUDIO,
	CENO_PLEDGE_VIDEO,
	CENO_PLEDGE_GPU,
	CENO_PLEDGE_COUNT
};
/* Of these membrane alone holds programs to: they have no window, and in the nucleus RW is nothing. */
#define CENO_PLEDGE_POSIX (1u << CENO_PLEDGE_RW | 1u << CENO_PLEDGE_SPAWN)
_Static_assert(CENO_GPA_TRAIL == CENO_GPA_WINDOW + CENO_PLEDGE_COUNT * CENO_WINDOW_STRIDE, "trail");
#endif

/* The entry page: one read-execute page at the same address in every ring-3
 * space, below 2^31 so that ring 0 compares it with one sign-extended
 * immediate. An int3 here is a call into the nucleus, an int3 elsewhere is the
 * program's own breakpoint. The saved rip is gate + 1. */
#define CENO_GVA_ENTRY    0x7ffff000
#define CENO_GVA_ENTRY_REGION 0x7fe00000 /* its 2 MiB: nothing else can be mapped there */
#define CENO_GATE_SYSCALL (CENO_GVA_ENTRY + 0x00)
#define CENO_GVA_SYSCALL  (CENO_GVA_ENTRY + 0x01) /* where LSTAR points if ring 0 is emulated: to that, or to
                                                   * CENO_GVA_AHEAD_CODE (services/entry/ahead.h) */
#define CENO_GATE_SYSRET  (CENO_GVA_ENTRY + 0x10) /* resume the process: rip = rcx, rflags = r11 */
#define CENO_GATE_RESUME  (CENO_GVA_ENTRY + 0x20) /* resume it: rip and rflags from the trap page */
#define CENO_GATE_VERB    (CENO_GVA_ENTRY + 0x30) /* int3; ret: verbs.h */

/* The rest of that page switches FPU state (docs/fpu.md). The nucleus runs it in a space of
 * its own; in any other the int3 at its end is a breakpoint, as elsewhere. */
#define CENO_GVA_FPU_SAVE (CENO_GVA_ENTRY + 0x40) /* to the area at rdi; then as the next */
#define CENO_GVA_FPU_LOAD (CENO_GVA_ENTRY + 0x80) /* from the area at rsi */
#define CENO_GATE_FPU     (CENO_GVA_ENTRY + 0xd0)

/* Behind that, the vDSO's ELF image (services/entry/vdso.h), for Linux programs; and in the same
 * table, so likewise in every ring-3 space: */
#define CENO_GVA_VDSO     (CENO_GVA_ENTRY + 0x100)
#define CENO_GVA_CLOCK    (CENO_GVA_ENTRY - 0x1000) /* struct ceno_clock (clock.h), read-only */
#define CENO_GVA_FPU      0x7fc00000 /* in that space alone: area of fiber n at + n * CENO_PAGE */
#define CENO_FPU_MASK_LOW 0xfff9ffff /* all components of XCR0 but AMX's, which no vmm asks Linux for */
#define CENO_FPU_SEGMENTS 0xfd0      /* behind what XSAVE writes: selectors ds es fs gs, bases fs gs */
#define CENO_FPU_SEGMENT_WORDS 6

/* Services are all linked at one address, each in a space of its own: start,
 * then the two handler entries that the nucleus jumps to with the process's
 * sixteen registers live. */
#define CENO_GVA_SERVICE         0x10000000
#define CENO_GVA_HANDLER_SYSCALL (CENO_GVA_SERVICE + 0x40)
#define CENO_GVA_HANDLER_FAULT   (CENO_GVA_SERVICE + 0x80)
#define CENO_GVA_WINDOW          0x18000000 /* window of class c at + c * CENO_LARGE_PAGE */
#define CENO_GVA_BUNDLE          0x20000000 /* the whole signed bundle, read-only (init) */
/* In one 2 MiB, so that one page table holds all that every fiber has besides its text: */
#define CENO_GVA_SERVICE_STACK   0x1f020000 /* top; grows down, guard page below */
#define CENO_SERVICE_STACK_BYTES 0x10000
#define CENO_GVA_STATE           0x1f100000 /* a restartable fiber's state, at most 64 KiB */
#define CENO_GVA_TRAP_PAGE       0x1f001000 /* struct ceno_trap_page of this fiber */
#define CENO_TRAP_GPR_OFFSET     0x80       /* its gpr[] (asserted in verbs.h) */
#define CENO_GVA_BOOT_PAGE       0x1f003000 /* struct ceno_boot, read-only (init and membrane) */
#define CENO_GVA_RAM             0x200000000000ull /* user RAM, where membrane and native programs map it */
#define CENO_GVA_PACK            0x300000000000ull /* the pack, likewise */

/* Firmware runs on tables of its own, where firmware, trust page, bundle and boot
 * page are mapped at gva = gpa: the stub supervisor read-execute, the rest user
 * read-only (verifier text executable). At reset rip is the stub's entry, rsp the
 * ring-0 stack, rdi the handoff record's gva, rsi the nucleus's entry gva (both
 * already mapped, supervisor); TSS.rsp0 lies 64 bytes below that rsp. GDT, IDT and
 * TSS are in place (KVM_SET_SREGS). */
#define CENO_GVA_VERIFIER_STACK       0x02000000 /* top; grows down */
#define CENO_VERIFIER_STACK_BYTES     0x10000
#define CENO_GVA_VERIFIER_EVENTS      0x02001000 /* one page, user read-write: struct ceno_boot_events */

/* Ring-3 selectors are Linux's (programs look at them). */
#define CENO_SEL_KERNEL_CS 0x08
#define CENO_SEL_KERNEL_SS 0x10
#define CENO_SEL_USER_SS   0x2b
#define CENO_SEL_USER_CS   0x33
#define CENO_SEL_TSS       0x40

/* The only port: ring 0 stops by one 32-bit OUT of a ceno_stop code, then hlt. */
#define CENO_PORT_STOP 0x00f4

/* Interrupt vectors: the LAPIC timer, and one for every window: irqfds are routed
 * to it as an MSI to APIC id 0. A wake-up says only "look again". */
#define CENO_VECTOR_TICK   0x20
#define CENO_VECTOR_WINDOW 0x21

#endif
