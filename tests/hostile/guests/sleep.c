/*
 * Claim: a guest that sleeps so that nothing can wake it ends with its lifetime.
 *
 * hlt with interrupts off (form 0) is a CPU that waits for an NMI; the vmm has none to
 * send and needs none: the thread inside KVM is kicked. Form 1 sleeps with interrupts
 * on, but without a controller that would deliver one, and goes back to sleep if one
 * comes all the same.
 */
#include "kit.h"
#include "guests.h"

#define SVR     0x80fu
#define SVR_OFF 0xffu

static uint64_t doze(uint64_t unused)
{
	__asm__ volatile("sti\n\thlt\n\tcli" ::: "memory");
	return unused;
}

uint32_t guest_sleep(unsigned form)
{
	if (form == 0) {
		for (;;)
			__asm__ volatile("cli\n\thlt" ::: "memory");
	}
	kit_wrmsr(SVR, SVR_OFF);
	for (;;)
		kit_try(doze, 0);
	return KIT_THROUGH;
}
