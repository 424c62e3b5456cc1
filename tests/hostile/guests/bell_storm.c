/*
 * Claim: a storm on the doorbell is taken as one ring: it costs the vmm a look, not a
 * look for each.
 *
 * Every ring adds one to an eventfd that the vmm's loop reads at once. Ring 3 rings for
 * half a second without a pause (two hundred thousand times where that costs nothing)
 * and then says one line. The line arrives, the session ends by itself, and while it
 * goes on the driver asks the node for its list of sessions, which must come within its
 * time.
 */
#include "kit.h"
#include "guests.h"

#define LEAST 1000u

struct storm {
	volatile uint32_t *bell;
	uint64_t until;
};

static uint64_t ring(uint64_t at)
{
	const struct storm *storm = (const struct storm *)at;
	volatile uint32_t *bell = storm->bell;
	uint64_t until = storm->until;
	uint32_t rings = 0;

	while (kit_tsc() < until || rings < LEAST)
		*bell = rings++;
	return rings;
}

uint32_t guest_bell_storm(unsigned form)
{
	const volatile struct ceno_boot *boot = kit_at(CENO_GPA_BOOT);
	volatile struct storm *storm = kit_at(kit.user_data);

	storm->bell = (volatile uint32_t *)kit_user(CENO_GPA_DOORBELL);
	storm->until = kit_tsc() + boot->tsc_hz / 2;
	if (kit_ring3(ring, kit_user(kit.user_data)) != KIT_BP)
		return KIT_THROUGH;
	kit_say("still here\n", 11);
	return form == 0 ? KIT_HELD : KIT_THROUGH;
}
