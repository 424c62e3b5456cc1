/*
 * Claim: a storm of exits, as fast as the CPU can make them, ends with the guest's
 * lifetime; none of them reaches the vmm's own code more than once.
 *
 * What KVM answers by itself, without end: CPUID (which leaves the guest on every CPU
 * that has virtualisation), a write to the APIC's task priority, and faults that ring
 * 3 provokes and ring 0 takes. An exit that comes to the vmm ends the run, so there is
 * no such storm to be had.
 */
#include "kit.h"
#include "guests.h"

#define X2APIC_TPR 0x808u

static uint64_t invalid(uint64_t unused)
{
	__asm__ volatile("ud2");
	return unused;
}

uint32_t guest_exit_storm(unsigned form)
{
	uint32_t out[4];

	for (uint32_t i = 0;; i++) {
		switch (form) {
		case 0:
			kit_cpuid(i % 32, 0, out);
			break;
		case 1:
			kit_wrmsr(X2APIC_TPR, i & 0xf0);
			break;
		default:
			if (kit_ring3(invalid, i) != KIT_UD)
				return KIT_THROUGH;
			break;
		}
	}
}
