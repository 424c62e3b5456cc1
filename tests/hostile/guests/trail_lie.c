/*
 * Claim: a trail of zero, huge, overlapping or changing length is copied within its
 * window, and the proof says how much that was.
 *
 * The trail's header has one word that the warden goes by: how many bytes of records
 * there are. The guest says none, one, as many as there are numbers, as many as make
 * an addition wrap, one more than fits, exactly what fits, and a number whose low half
 * is small; the last form changes it without end until the vCPU is stopped. Its
 * records are noise with heads that point over each other. Never more than the window
 * is copied, and the proof verifies.
 */
#include "kit.h"
#include "abi/trail.h"
#include "guests.h"

#define FITS (CENO_TRAIL_BYTES - CENO_TRAIL_OFFSET)

static const uint64_t lengths[] = {
	0, 1, UINT64_MAX, UINT64_MAX - CENO_TRAIL_OFFSET + 1, FITS + 1, FITS, 1ull << 32 | 64,
};

static uint64_t change(uint64_t at)
{
	volatile struct ceno_trail_header *header = (volatile struct ceno_trail_header *)at;

	for (unsigned i = 0;; i = (i + 1) % 7)
		header->bytes = i & 1 ? UINT64_MAX - i : i * 64;
	return 0;
}

static void overlap(volatile struct ceno_trail_header *header)
{
	volatile struct ceno_trail_head *head = (volatile struct ceno_trail_head *)(header + 1);

	for (unsigned i = 0; i < 8; i++) {
		head[i].bytes = i & 1 ? 0 : UINT32_MAX - i;
		head[i].type = (uint16_t)(i + 1);
		head[i].version = CENO_TRAIL_VERSION;
	}
}

uint32_t guest_trail_lie(unsigned form)
{
	volatile struct ceno_trail_header *header = kit_at(CENO_GPA_TRAIL);

	header->magic = CENO_TRAIL_MAGIC;
	header->version = CENO_TRAIL_VERSION;
	overlap(header);
	if (form < sizeof lengths / sizeof lengths[0]) {
		header->bytes = lengths[form];
		return KIT_HELD;
	}
	/* This one ends while it lies: its program has ended before. */
	kit_guest_page()->seq = 1;
	__atomic_store_n(&kit_guest_page()->state, CENO_PROGRAM_DONE, __ATOMIC_RELEASE);
	kit_bell();
	kit_ring3(change, kit_user(CENO_GPA_TRAIL));
	return KIT_THROUGH;
}
