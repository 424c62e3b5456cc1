/*
 * Claim: the firmware cannot be written: not its header, not its first instruction,
 * not its last byte, not from ring 3.
 *
 * The firmware has run by the time that a guest owns ring 0. A guest that could change
 * it would not win this session, but the memfd is the node's: the next session starts
 * from the same pages. So beside the end of this session the driver compares the
 * node's copy with the file.
 */
#include "kit.h"
#include "guests.h"

#define NEW 0xdeadbeefu

static uint64_t store(uint64_t at)
{
	*(volatile uint32_t *)at = NEW;
	return 0;
}

static uint64_t place(unsigned form)
{
	const volatile struct ceno_firmware_header *header = kit_at(CENO_GPA_FIRMWARE);

	switch (form) {
	case 0:
		return 0;
	case 1:
		return header->entry_offset;
	default:
		return header->total_bytes - sizeof(uint32_t);
	}
}

uint32_t guest_rom_write(unsigned form)
{
	uint64_t gpa = CENO_GPA_FIRMWARE + place(form);

	if (form == 3)
		kit_ring3(store, kit_user(gpa));
	else
		store((uint64_t)kit_at(gpa));
	return KIT_THROUGH;
}
