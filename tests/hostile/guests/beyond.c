/*
 * Claim: the far ends of the physical address space are empty, and addresses there do
 * not wrap round into memory.
 *
 * The highest address that the CPU has by its own word (CPUID 0x80000008), the first
 * behind the image's place, and an address that is RAM's but for its highest bit: a
 * table that cuts addresses short would serve the last.
 */
#include "kit.h"
#include "guests.h"

static unsigned address_bits(void)
{
	uint32_t out[4];

	kit_cpuid(0x80000008, 0, out);
	return out[0] & 0xff;
}

static uint64_t place(unsigned form)
{
	switch (form) {
	case 0:
		return (1ull << address_bits()) - CENO_LARGE_PAGE;
	case 1:
		return CENO_GPA_IMAGE + (1ull << 37);
	default:
		return 1ull << (address_bits() - 1) | CENO_GPA_RAM;
	}
}

uint32_t guest_beyond(unsigned form)
{
	kit_map(KIT_FREE, place(form), KIT_P | KIT_W | KIT_LARGE);
	*(volatile uint64_t *)(KIT_FREE + 8) = 1;
	return KIT_THROUGH;
}
