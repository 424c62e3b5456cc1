/*
 * Claim: what the guest makes of its own boot records misleads nobody: the warden
 * wrote them and never reads them.
 *
 * The handoff record says where RAM, pool and services are and how large; the event
 * page what the firmware measured and the seed of the guest's key. Both lie in RAM.
 * The guest overwrites them with sizes of zero, sizes that are huge and places that
 * overlap. The proof of this session has the right sizes all the same, which the
 * driver compares.
 */
#include "kit.h"
#include "guests.h"

static void overwrite(uint64_t gpa, uint64_t words, uint64_t value)
{
	uint64_t at = (uint64_t)kit_at(gpa);

	__asm__ volatile("rep stosq" : "+D"(at), "+c"(words) : "a"(value) : "memory");
}

uint32_t guest_handoff_lie(unsigned form)
{
	struct ceno_handoff copy = *kit.handoff; /* the kit goes on by this */
	volatile struct ceno_handoff *real = kit_at(copy.pool_gpa);

	if (form == 0) {
		real->ram_bytes = UINT64_MAX;
		real->user_gpa = 0;
		real->user_bytes = 1ull << 62;
		real->service_gpa = copy.user_gpa;
		real->service_bytes = copy.user_bytes;
		real->pack_bytes = 0;
		real->image_bytes = UINT64_MAX;
		real->pledge_mask = UINT64_MAX;
		return KIT_HELD;
	}
	overwrite(copy.events_gpa, CENO_PAGE / 8, UINT64_MAX);
	return KIT_HELD;
}
