/*
 * Claim: a storm of timers starves nobody: neither the guest's own end nor the node.
 *
 * The deadline of the local APIC's timer is set to a time that has passed, again and
 * again, with interrupts on: each write is an interrupt at once, and a host timer if
 * KVM makes one of it. The guest asks for the next before it has acknowledged the
 * last, too. Form 1 asks once, for a timer that goes off by itself at every cycle of
 * its clock for ever: the period is the host's work, whatever the guest does. Form 2
 * has each passed deadline interrupt ring 3. Meanwhile the driver asks the node for its
 * sessions; the lifetime is what ends this one.
 */
#include "kit.h"
#include "guests.h"

#define TSC_DEADLINE 0x6e0u
#define EOI          0x80bu
#define LVT_TIMER    0x832u
#define PERIODIC     (1u << 17)
#define COUNT        0x838u
#define DIVIDE       0x83eu
#define BY_ONE       0xbu
#define LET_IN       0x202u /* rflags: interrupts on */

static uint64_t expect_tick(uint64_t deadline)
{
	kit_wrmsr(TSC_DEADLINE, deadline);
	__asm__ volatile("sti\n\tnop\n\tnop\n\tcli" ::: "memory");
	return deadline;
}

static uint64_t wait_here(uint64_t unused)
{
	for (;;)
		__asm__ volatile("pause" : "+r"(unused));
	return unused;
}

static void begin_period(void)
{
	kit_wrmsr(LVT_TIMER, CENO_VECTOR_TICK | PERIODIC);
	kit_wrmsr(DIVIDE, BY_ONE);
	kit_wrmsr(COUNT, 1);
}

static uint64_t one_tick(unsigned form, uint64_t i)
{
	if (form == 0)
		return kit_try(expect_tick, i % 3 ? 1 : kit_tsc());
	if (form == 2)
		kit_wrmsr(TSC_DEADLINE, 1);
	return kit_ring3_flags(wait_here, 0, LET_IN);
}

uint32_t guest_timer_storm(unsigned form)
{
	uint64_t ticks = 0;

	kit_apic_on(CENO_VECTOR_TICK);
	if (form == 1)
		begin_period();
	for (uint64_t i = 1;; i++) {
		if (one_tick(form, i) == CENO_VECTOR_TICK)
			ticks++;
		if (form || i % 2)
			kit_wrmsr(EOI, 0);
		if (ticks == UINT64_MAX)
			return KIT_THROUGH;
	}
}
