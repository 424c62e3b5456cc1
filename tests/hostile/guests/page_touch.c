/*
 * Claim: one byte in every granule of RAM costs the guest little and hides nothing:
 * every granule that it touched is overwritten, read back and proven.
 *
 * A fragmenter: memory that is as scattered as it can be, which a warden that wipes
 * what it takes for large pieces, or skips what looks empty, would leave in part. The
 * byte is at another place of each granule, the first and the last of it among them.
 * The proof's bitmap must have every bit of user RAM.
 */
#include "kit.h"
#include "guests.h"

#define GRANULE 65536u /* of the proof, at this size of RAM */
#define STEP    4099u  /* a prime: where in the granule */

static uint64_t touch(uint64_t at)
{
	volatile uint8_t *ram = (volatile uint8_t *)(at & ~(CENO_LARGE_PAGE - 1));
	uint64_t bytes = at & (CENO_LARGE_PAGE - 1), n = 0;

	for (uint64_t granule = 0; granule < bytes * GRANULE; granule += GRANULE, n++)
		ram[granule + (n == 0 ? 0 : n == 1 ? GRANULE - 1 : n * STEP % GRANULE)] = 0x5a;
	return n;
}

uint32_t guest_page_touch(unsigned form)
{
	const struct ceno_handoff *h = kit.handoff;
	uint64_t granules = h->user_bytes / GRANULE;

	for (uint64_t at = 0; at < h->user_bytes; at += CENO_LARGE_PAGE)
		kit_user(h->user_gpa + at);
	/* Start and count in one word: RAM begins at a large page. */
	if (kit_ring3(touch, (KIT_USER + h->user_gpa) | granules) != KIT_BP || kit_trap.rax != granules)
		return KIT_THROUGH;
	return form == 0 ? KIT_HELD : KIT_THROUGH;
}
