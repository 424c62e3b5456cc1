/*
 * Claim: a guest that never yields ends with its lifetime, whether it spins in ring 0
 * or in ring 3, between instructions or inside of one.
 *
 * Nothing in the guest is asked: no interrupt is let in, no bell rung. The lifetime is
 * the warden's own clock, the end a request that the guest does not hear, then a kick
 * out of KVM_RUN. Ring 3 is the worse one (form 1): where ring 0 is emulated, the host
 * looks after every ring-0 instruction, and after none of ring 3. Form 2 stays within
 * string instructions of many megabytes, which a host that emulates them must leave
 * half way. Form 3 never ends an instruction at all: the handler of its page fault is
 * not mapped, and the fault that this is has a fresh stack each time, so that the CPU
 * goes from one delivery to the next (the loops that hung hosts were of this kind).
 */
#include "kit.h"
#include "guests.h"

#define NOWHERE  0x0000123400000000ull /* canonical, not mapped */
#define IST1     36u                   /* in the TSS (SDM vol. 3, 8.7) */
#define USE_IST1 (1ull << 32)          /* in a gate's first half */

static uint64_t forever(uint64_t unused)
{
	for (;;)
		__asm__ volatile("" : "+r"(unused));
	return unused;
}

/* Vector work at full width, so that a kick finds the CPU in the middle of something. */
static uint64_t forever_busy(uint64_t unused)
{
	for (;;)
		__asm__ volatile("pxor %%xmm0, %%xmm0\n\tmulps %%xmm1, %%xmm2" : "+r"(unused));
	return unused;
}

static void forever_strings(void)
{
	const struct ceno_handoff *h = kit.handoff;
	uint64_t bytes = h->user_bytes - CENO_LARGE_PAGE; /* its own data is in the first */

	for (uint64_t at = CENO_LARGE_PAGE; at < h->user_bytes; at += CENO_LARGE_PAGE)
		kit_at(h->user_gpa + at);
	for (;;) {
		uint64_t to = KIT_VIEW + h->user_gpa + CENO_LARGE_PAGE, count = bytes;

		__asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(0x5a) : "memory");
	}
}

/* The page fault's gate leads nowhere, on a stack of its own. */
static void forever_faults(void)
{
	volatile uint64_t *gate = (volatile uint64_t *)(kit.handoff->idt_gva + KIT_PF * 16);

	*(volatile uint64_t *)(kit.handoff->tss_gva + IST1) = (uint64_t)kit_at(kit_page()) + CENO_PAGE;
	gate[0] = (NOWHERE & 0xffff) | (uint64_t)CENO_SEL_KERNEL_CS << 16 | USE_IST1 | 0x8e0000000000ull |
	    (NOWHERE >> 16 & 0xffff) << 48;
	gate[1] = NOWHERE >> 32;
	(void)*(volatile uint8_t *)NOWHERE;
}

uint32_t guest_spin(unsigned form)
{
	if (form == 0)
		forever(0);
	else if (form == 1)
		kit_ring3(forever_busy, 0);
	else if (form == 2)
		forever_strings();
	else
		forever_faults();
	return KIT_THROUGH;
}
