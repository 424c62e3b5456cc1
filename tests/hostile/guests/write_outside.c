/*
 * Claim: not one byte behind the end of RAM can be written.
 *
 * As read_outside, with stores: the byte behind the end, a word over it, a string over
 * it, and a vector store from ring 3. A store that straddles must not be taken as far
 * as it is allowed either and then go on: the session ends with the address that has
 * no slot.
 */
#include "kit.h"
#include "guests.h"

static uint64_t store_vector(uint64_t at)
{
	__asm__ volatile("movups %%xmm0, (%0)" : : "r"(at) : "memory");
	return 0;
}

static void write_string(uint64_t to)
{
	uint64_t words = 4;

	__asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(0x4141414141414141ull) : "memory");
}

uint32_t guest_write_outside(unsigned form)
{
	uint64_t end = CENO_GPA_RAM + kit.handoff->ram_bytes;

	kit_at(end);
	kit_at(end - CENO_PAGE);
	switch (form) {
	case 0:
		*(volatile uint8_t *)(KIT_VIEW + end) = 1;
		break;
	case 1:
		*(volatile uint64_t *)(KIT_VIEW + end - 4) = 1;
		break;
	case 2:
		write_string(KIT_VIEW + end - 8);
		break;
	default:
		kit_user(end - CENO_PAGE);
		kit_ring3(store_vector, kit_user(end) - 8);
		break;
	}
	return KIT_THROUGH;
}
