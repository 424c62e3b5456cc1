/*
 * Claim: a storm on the doorbell is taken as one ring: it costs the vmm a look, not a
 * look for each.
 *
 * Every ring adds one to an eventfd that the vmm's loop reads at once. Ring 3 rings
 * two hundred thousand times without a pause and says one line in between. The line
 * arrives, the session ends by itself, and while it goes on the driver asks the node
 * for its list of sessions, which must come within its time.
 */
#include "kit.h"
#include "guests.h"

#define RINGS 200000u

static uint64_t storm(uint64_t at)
{
	volatile uint32_t *bell = (volatile uint32_t *)at;

	for (uint32_t i = 0; i < RINGS; i++)
		*bell = i;
	return RINGS;
}

uint32_t guest_bell_storm(unsigned form)
{
	uint64_t vector = kit_ring3(storm, kit_user(CENO_GPA_DOORBELL));

	if (vector != KIT_BP || kit_trap.rax != RINGS)
		return KIT_THROUGH;
	kit_say("still here\n", 11);
	return form == 0 ? KIT_HELD : KIT_THROUGH;
}
