/*
 * Claim: a class that the session did not pledge has no doorbell.
 *
 * Doorbells are not memory: KVM takes the store and signals an eventfd, without the
 * vmm. The vmm makes stdio's before it knows its session, so that this is not for free
 * must be shown: the right store (four bytes, at the page's start) to each other
 * class's page finds nothing there. Ring 3 tries the odd ones. Then what could slip
 * past a bell that is found by its address: a store that begins on stdio's page and
 * ends on the next class's, a locked exchange, and a run of stores by ring 3 that
 * begins with a good ring of stdio's bell and goes on to the next page's.
 */
#include "kit.h"
#include "guests.h"

#define CLASSES 7u /* all but stdio */
#define NEXT    (CENO_GPA_DOORBELL + CENO_PAGE)

static uint64_t ring(uint64_t at)
{
	*(volatile uint32_t *)at = 1;
	return 0;
}

static uint64_t exchange(uint64_t at)
{
	uint32_t value = 1;

	__asm__ volatile("xchg %0, (%1)" : "+r"(value) : "r"(at) : "memory");
	return value;
}

/* Every page's first four bytes: stdio's bell is rung, the next one is not there. */
static uint64_t ring_all(uint64_t at)
{
	for (unsigned i = 0; i <= CLASSES; i++, at += CENO_PAGE)
		ring(at);
	return at;
}

uint32_t guest_bell_unpledged(unsigned form)
{
	uint64_t gpa = CENO_GPA_DOORBELL + (form + 1) * CENO_PAGE;
	/* The vmm may have more to do than to look at one ring: none of these may be taken either. */
	unsigned times = form + 1 == CENO_PLEDGE_GPU ? 3 : 1;

	if (form == CLASSES) {
		ring((uint64_t)kit_at(NEXT) - 2);
	} else if (form == CLASSES + 1) {
		exchange((uint64_t)kit_at(NEXT));
	} else if (form == CLASSES + 2) {
		kit_ring3(ring_all, kit_user(CENO_GPA_DOORBELL));
	} else {
		for (unsigned i = 0; i < times; i++) {
			if (form % 2)
				kit_ring3(ring, kit_user(gpa));
			else
				ring((uint64_t)kit_at(gpa));
		}
	}
	return KIT_THROUGH;
}
