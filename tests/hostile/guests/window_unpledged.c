/*
 * Claim: a class that the session did not pledge has no window: not an empty one,
 * none.
 *
 * The session pledges stdio alone. Form n tries class n + 1: by reading the first and
 * by writing the last word of its window, from ring 0 and from ring 3 in turn. Files
 * and programs (rw, spawn) are membrane's and have no window in any session; of the
 * others the guest learns nothing but that nothing is there, and the session ends at
 * the first touch.
 */
#include "kit.h"
#include "guests.h"

static uint64_t load(uint64_t at)
{
	return *(volatile uint64_t *)at;
}

static uint64_t store(uint64_t at)
{
	*(volatile uint64_t *)at = 1;
	return 0;
}

uint32_t guest_window_unpledged(unsigned form)
{
	unsigned class = form + 1;
	uint64_t gpa = CENO_GPA_WINDOW + class * CENO_WINDOW_STRIDE;
	uint64_t last = gpa + CENO_WINDOW_BYTES(class) - sizeof(uint64_t);

	switch (form % 4) {
	case 0:
		load((uint64_t)kit_at(gpa));
		break;
	case 1:
		store((uint64_t)kit_at(last));
		break;
	case 2:
		kit_ring3(load, kit_user(last));
		break;
	default:
		kit_ring3(store, kit_user(gpa));
		break;
	}
	return KIT_THROUGH;
}
