/*
 * Claim: the gaps between slots are empty to the byte: a slot ends where its measured
 * bytes end.
 *
 * A slot that is rounded up would give the guest host memory behind a blob, or a place
 * to keep things that no destruction step lists. Each form touches the first byte
 * behind one slot, or the last before one: writes where the slot before is read-only,
 * so that the answer cannot be "read-only".
 */
#include "kit.h"
#include "guests.h"

static uint64_t place(unsigned form)
{
	const volatile struct ceno_firmware_header *firmware = kit_at(CENO_GPA_FIRMWARE);

	switch (form) {
	case 0:
		return CENO_GPA_FIRMWARE + firmware->total_bytes;
	case 1:
		return CENO_GPA_TRUST + CENO_PAGE;
	case 2:
		return CENO_GPA_BUNDLE + kit.handoff->bundle_bytes;
	case 3:
		return CENO_GPA_BOOT + CENO_PAGE;
	case 4:
		return CENO_GPA_WINDOW + CENO_STDIO_BYTES;
	case 5:
		return CENO_GPA_TRAIL + CENO_TRAIL_BYTES;
	case 6:
		return CENO_GPA_RAM - 1;
	default:
		return CENO_GPA_PACK + kit.handoff->pack_bytes;
	}
}

uint32_t guest_gaps(unsigned form)
{
	*(volatile uint8_t *)kit_at(place(form)) = 1;
	return KIT_THROUGH;
}
