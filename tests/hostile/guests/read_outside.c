/*
 * Claim: not one byte behind the end of RAM can be read.
 *
 * What lies behind the slot on the host is other memory of the vmm. A byte exactly
 * behind the end, a word that begins inside and ends outside, a string read that runs
 * over the end, and a vector load from ring 3. The second and third are what length
 * checks by the first byte miss.
 */
#include "kit.h"
#include "guests.h"

static uint64_t load_vector(uint64_t at)
{
	__asm__ volatile("movups (%0), %%xmm0" : : "r"(at) : "memory");
	return 0;
}

static void read_string(uint64_t from)
{
	uint64_t to = (uint64_t)kit_at(kit.user_data), words = 4;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

uint32_t guest_read_outside(unsigned form)
{
	uint64_t end = CENO_GPA_RAM + kit.handoff->ram_bytes;

	kit_at(end);
	kit_at(end - CENO_PAGE);
	switch (form) {
	case 0:
		(void)*(volatile uint8_t *)(KIT_VIEW + end);
		break;
	case 1:
		(void)*(volatile uint64_t *)(KIT_VIEW + end - 4);
		break;
	case 2:
		read_string(KIT_VIEW + end - 8);
		break;
	default:
		kit_user(end - CENO_PAGE);
		kit_ring3(load_vector, kit_user(end) - 8);
		break;
	}
	return KIT_THROUGH;
}
