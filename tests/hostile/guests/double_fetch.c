/*
 * Claim: an index is read once: one that changes between a check and its use cannot be
 * checked as one value and used as another.
 *
 * Ring 3, at the CPU's full speed, turns the output index between a value that is right
 * (nothing new) and one that claims four times the ring, and rings the bell between.
 * Each look of the vmm sees one or the other. The first that sees the lie ends the
 * session, and not one byte is ever taken: a vmm that read twice would hand on the
 * ring's old bytes. Form 1 does the same to the index of errors.
 */
#include "kit.h"
#include "guests.h"

#define RACES 50u /* with the bell rung while the index is right */

struct race {
	volatile uint32_t *index, *bell;
	uint32_t good, bad;
};

static uint64_t turn(uint64_t at)
{
	const struct race *race = (const struct race *)at;
	volatile uint32_t *index = race->index, *bell = race->bell;
	uint32_t good = race->good, bad = race->bad;

	for (unsigned round = 0;; round++) {
		for (unsigned i = 0; i < 1000; i++) {
			*index = bad;
			*index = good;
			*index = bad;
			*index = good;
		}
		if (round > RACES) /* one CPU for both: whoever looks does so at the bell */
			*index = bad;
		*bell = round;
	}
	return 0;
}

uint32_t guest_double_fetch(unsigned form)
{
	volatile struct race *race = kit_at(kit.user_data);
	uint64_t page = kit_user(CENO_GPA_WINDOW) + CENO_STDIO_GUEST_OFFSET;
	unsigned stream = form ? CENO_STREAM_ERR : CENO_STREAM_OUT;
	uint32_t now = kit_guest_page()->index[stream];

	race->index = &((volatile struct ceno_stdio_guest *)page)->index[stream];
	race->bell = (volatile uint32_t *)kit_user(CENO_GPA_DOORBELL);
	race->good = now;
	race->bad = now + 4 * CENO_STDOUT_BYTES;
	kit_ring3(turn, kit_user(kit.user_data));
	return KIT_THROUGH;
}
