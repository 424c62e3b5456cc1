/*
 * Claim: what the session was given (inputs, arguments, and the digests beside them)
 * cannot be changed by the guest.
 *
 * The pack is the one read-only slot whose memfd is not sealed against writing,
 * because the warden must overwrite it at the end: its protection is the vmm's read-
 * only descriptor and KVM's read-only slot. So it gets the most tries: the header's
 * count, an entry's length and digest (a lie about what was measured), and the data,
 * from ring 3.
 */
#include "kit.h"
#include "abi/pack.h"
#include "guests.h"

static uint64_t store(uint64_t at)
{
	*(volatile uint64_t *)at = 0;
	return 0;
}

uint32_t guest_pack_write(unsigned form)
{
	volatile struct ceno_pack_header *header = kit_at(CENO_GPA_PACK);
	volatile struct ceno_pack_entry *entry = (volatile struct ceno_pack_entry *)(header + 1);

	switch (form) {
	case 0:
		header->count = CENO_PACK_ENTRIES_MAX;
		break;
	case 1:
		entry->length = UINT64_MAX;
		break;
	case 2:
		*(volatile uint64_t *)entry->sha256 = 0;
		break;
	default:
		kit_ring3(store, kit_user(CENO_GPA_PACK + entry->offset));
		break;
	}
	return KIT_THROUGH;
}
