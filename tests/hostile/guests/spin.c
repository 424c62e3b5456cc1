/*
 * Claim: a guest that never yields ends with its lifetime, whether it spins in ring 0
 * or in ring 3.
 *
 * Nothing in the guest is asked: no interrupt is let in, no bell rung. The lifetime is
 * the warden's own clock, the end a request that the guest does not hear, then a kick
 * out of KVM_RUN. Ring 3 is the worse one: where ring 0 is emulated, the host looks
 * after every ring-0 instruction, and after none of ring 3.
 */
#include "kit.h"
#include "guests.h"

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

uint32_t guest_spin(unsigned form)
{
	if (form == 0)
		forever(0);
	kit_ring3(forever_busy, 0);
	return KIT_THROUGH;
}
