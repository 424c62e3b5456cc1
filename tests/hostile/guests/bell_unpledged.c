/*
 * Claim: a class that the session did not pledge has no doorbell.
 *
 * Doorbells are not memory: KVM takes the store and signals an eventfd, without the
 * vmm. The vmm makes stdio's before it knows its session, so that this is not for free
 * must be shown: the right store (four bytes, at the page's start) to each other
 * class's page finds nothing there. Ring 3 tries the odd ones.
 */
#include "kit.h"
#include "guests.h"

static uint64_t ring(uint64_t at)
{
	*(volatile uint32_t *)at = 1;
	return 0;
}

uint32_t guest_bell_unpledged(unsigned form)
{
	unsigned class = form + 1;
	uint64_t gpa = CENO_GPA_DOORBELL + class * CENO_PAGE;
	/* The vmm may have more to do than to look at one ring: none of these may be taken either. */
	unsigned times = class == CENO_PLEDGE_GPU ? 3 : 1;

	for (unsigned i = 0; i < times; i++) {
		if (form % 2)
			kit_ring3(ring, kit_user(gpa));
		else
			ring((uint64_t)kit_at(gpa));
	}
	return KIT_THROUGH;
}
