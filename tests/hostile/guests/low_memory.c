/*
 * Claim: there is no memory below the firmware and none below 4 GiB that machines have
 * by custom: no interrupt table at 0, no video memory, no BIOS, no reset vector.
 *
 * KVM itself keeps pages of its own (a TSS and an identity map for real mode on some
 * processors) in guest-physical memory if a vmm asks for them; ours does not. Reads,
 * because ones or zeros in answer would be a device too.
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

uint32_t guest_low_memory(unsigned form)
{
	uint64_t gpa = places[form];
	uint64_t value = *(volatile uint64_t *)kit_at(gpa);

	/* Nobody comes here; if so, its answer is worth seeing. */
	kit_say((const char *)&value, sizeof value);
	return KIT_THROUGH;
}
