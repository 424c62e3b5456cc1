/*
 * Claim: a storm of timers starves nobody: neither the guest's own end nor the node.
 *
 * The deadline of the local APIC's timer is set to a time that has passed, again and
 * again, with interrupts on: each write is an interrupt at once, and a host timer if
 * KVM makes one of it. The guest asks for the next before it has acknowledged the
 * last, too. Meanwhile the driver asks the node for its sessions; the lifetime is what
 * ends this one.
 */
#include "kit.h"
#include "guests.h"

#define TSC_DEADLINE 0x6e0u
#define EOI          0x80bu

static uint64_t expect_tick(uint64_t deadline)
{
	kit_wrmsr(TSC_DEADLINE, deadline);
	__asm__ volatile("sti\n\tnop\n\tnop\n\tcli" ::: "memory");
	return deadline;
}

uint32_t guest_timer_storm(unsigned form)
{
	uint64_t ticks = 0;

	kit_apic_on(CENO_VECTOR_TICK);
	for (uint64_t i = 1 + form;; i++) {
		if (kit_try(expect_tick, i % 3 ? 1 : kit_tsc()) == CENO_VECTOR_TICK)
			ticks++;
		if (i % 2)
			kit_wrmsr(EOI, 0);
		if (ticks == UINT64_MAX)
			return KIT_THROUGH;
	}
}
