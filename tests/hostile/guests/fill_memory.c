/*
 * Claim: all of RAM is used to its last byte, full of the session's canary, and none
 * of it survives.
 *
 * Ring 3 fills user RAM with the canary at full speed, its own page and stack left
 * out. The driver finds it in the session's memory by the million before it lets the
 * guest end, and not once after; the proof says that as many bytes were overwritten
 * and compared as there is RAM in use.
 */
#include "kit.h"
#include "guests.h"

struct work {
	uint64_t from, bytes, canary[2];
};

static uint64_t fill(uint64_t at)
{
	const struct work *work = (const struct work *)at;
	volatile uint64_t *word = (volatile uint64_t *)work->from;
	uint64_t first = work->canary[0], second = work->canary[1], words = work->bytes / 8;

	for (uint64_t i = 0; i < words; i += 2) {
		word[i] = first;
		word[i + 1] = second;
	}
	return words;
}

uint32_t guest_fill_memory(unsigned form)
{
	const struct ceno_handoff *h = kit.handoff;
	volatile struct work *work = kit_at(kit.user_data);

	for (uint64_t at = 0; at < h->user_bytes; at += CENO_LARGE_PAGE)
		kit_user(h->user_gpa + at);
	work->from = KIT_USER + h->user_gpa + CENO_LARGE_PAGE; /* behind stack and this record */
	work->bytes = h->user_bytes - CENO_LARGE_PAGE;
	work->canary[0] = kit.canary[0];
	work->canary[1] = kit.canary[1];
	if (kit_ring3(fill, kit_user(kit.user_data)) != KIT_BP || kit_trap.rax != work->bytes / 8)
		return KIT_THROUGH;
	return form == 0 ? KIT_HELD : KIT_THROUGH;
}
