/*
 * Claim: what a guest does between its program's end and its own still counts: a
 * violation there is a violation, and the proof and the client hear of it.
 *
 * The program has reported that all is well, and the guest was asked to stop: the
 * moment in which a host that takes the session for over looks away. It waits for just
 * that, and then stores behind the end of RAM (form 0), has ring 3 read the gap below
 * its window (form 1), or rings for a class that was not pledged (form 2). The
 * status that was reported does not cover it: the session ends as it would have
 * before.
 */
#include "kit.h"
#include "guests.h"

static uint64_t look(uint64_t at)
{
	return *(volatile uint64_t *)at;
}

uint32_t guest_last_act(unsigned form)
{
	/* Mapped before: the 100 ms that are left are for the act alone. */
	volatile uint64_t *behind = kit_at(CENO_GPA_RAM + kit.handoff->ram_bytes);
	uint64_t below = kit_user(CENO_GPA_WINDOW - CENO_LARGE_PAGE);
	volatile uint32_t *bell = (volatile uint32_t *)((uint64_t)kit_at(CENO_GPA_DOORBELL) + CENO_PAGE);

	kit_report(0); /* returns when it is asked to stop */
	if (form == 0)
		*behind = 1;
	else if (form == 1)
		kit_ring3(look, below);
	else
		*bell = 1;
	return KIT_THROUGH;
}
