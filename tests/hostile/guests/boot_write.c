/*
 * Claim: the boot page cannot be made to lie, neither its measured half nor the half
 * that the request commitment covers.
 *
 * Init, membrane and prov believe this page: how much RAM there is, what the session
 * pledged, who it is, what its random seed is. Four lies, one a form: more RAM, every
 * pledge, another session's name, a seed of zeros (which would make the next guest's
 * random numbers known). The page is one read-only slot; the warden keeps the only
 * writable descriptor.
 */
#include "kit.h"
#include "guests.h"

#define MORE_RAM (1ull << 40)

uint32_t guest_boot_write(unsigned form)
{
	volatile struct ceno_boot *boot = kit_at(CENO_GPA_BOOT);

	switch (form) {
	case 0:
		boot->ram_bytes = MORE_RAM;
		break;
	case 1:
		boot->pledge_mask = 0xff;
		break;
	case 2:
		*(volatile uint64_t *)boot->session_id = 0;
		break;
	default: {
		uint64_t at = (uint64_t)boot->seed, bytes = sizeof boot->seed;

		__asm__ volatile("rep stosb" : "+D"(at), "+c"(bytes) : "a"(0) : "memory");
		break;
	}
	}
	return KIT_THROUGH;
}
