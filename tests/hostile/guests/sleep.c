/*
 * Claim: a guest that sleeps so that nothing can wake it ends with its lifetime.
 *
 * hlt with interrupts off (form 0) is a CPU that waits for an NMI; the vmm has none to
 * send and needs none: the thread inside KVM is kicked. Form 1 sleeps with interrupts
 * on, but without a controller that would deliver one, and goes back to sleep if one
 * comes all the same. Form 2 has a timer that would wake it in centuries, for which
 * the host may hold one of its own; form 3 has an interrupt pending that its own task
 * priority keeps out, so that a host that asks "is there one?" instead of "may it come?"
 * would run it for ever and never let it sleep.
 */
#include "kit.h"
#include "guests.h"

#define SVR          0x80fu
#define SVR_OFF      0xffu
#define X2APIC_TPR   0x808u
#define X2APIC_SELF  0x83fu
#define TSC_DEADLINE 0x6e0u
#define FAR          (1ull << 62) /* cycles: some fifty years */
#define ALL_CLASSES  0xf0u

static uint64_t doze(uint64_t unused)
{
	__asm__ volatile("sti\n\thlt\n\tcli" ::: "memory");
	return unused;
}

static void prepare(unsigned form)
{
	switch (form) {
	case 1:
		kit_wrmsr(SVR, SVR_OFF);
		break;
	case 2:
		kit_apic_on(CENO_VECTOR_TICK);
		kit_wrmsr(TSC_DEADLINE, kit_tsc() + FAR);
		break;
	default:
		kit_apic_on(CENO_VECTOR_TICK);
		kit_wrmsr(X2APIC_TPR, ALL_CLASSES);
		kit_wrmsr(X2APIC_SELF, CENO_VECTOR_TICK);
		break;
	}
}

uint32_t guest_sleep(unsigned form)
{
	if (form == 0) {
		for (;;)
			__asm__ volatile("cli\n\thlt" ::: "memory");
	}
	prepare(form);
	for (;;)
		/* What the host has sent (input came) may wake form 2: nothing else, and form 3 not at all. */
		if (kit_try(doze, 0) == CENO_VECTOR_TICK && form != 1)
			return KIT_THROUGH;
}
