/*
 * Claim: there is no memory below the firmware and none below 4 GiB that machines have
 * by custom: no interrupt table at 0, no video memory, no BIOS, no reset vector.
 *
 * KVM itself keeps pages of its own (a TSS and an identity map for real mode on some
 * processors) in guest-physical memory if a vmm asks for them; ours does not. First
 * reads, because ones or zeros in answer would be a device too; then stores, which a
 * ROM or a shadow of one might swallow without a word; then both from ring 3, where
 * the CPU and not KVM's emulator makes the access.
 */
#include "kit.h"
#include "guests.h"

static const uint64_t places[] = {
	0,          /* interrupt vectors of real mode */
	0xa0000,    /* video */
	0xf0000,    /* BIOS */
	0xfeffd000, /* where other vmms keep KVM's TSS */
	0xfffffff0, /* the first instruction of a PC */
};
#define PLACES (sizeof places / sizeof places[0])

static uint64_t load(uint64_t at)
{
	return *(volatile uint64_t *)at;
}

static uint64_t store(uint64_t at)
{
	*(volatile uint64_t *)at =
	    0x00cf9a000000ffffull; /* a vector, a pixel, a descriptor: of use wherever it lands */
	return load(at);
}

uint32_t guest_low_memory(unsigned form)
{
	uint64_t gpa = places[form % PLACES], value;

	if (form < 2 * PLACES)
		value = (form < PLACES ? load : store)((uint64_t)kit_at(gpa));
	else
		value = kit_ring3(form < 3 * PLACES ? load : store, kit_user(gpa));
	/* Nobody comes here; if so, its answer is worth seeing. */
	kit_say((const char *)&value, sizeof value);
	return KIT_THROUGH;
}
