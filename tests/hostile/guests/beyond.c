/*
 * Claim: the far ends of the physical address space are empty, and addresses there do
 * not wrap round into memory.
 *
 * The highest address that the CPU has by its own word (CPUID 0x80000008), the first
 * behind the image's place, and an address whose low 40 bits are those of RAM: a table
 * that cuts addresses short would serve the last.
 */
#include "kit.h"
#include "guests.h"

#define RAM_ALIAS (1ull << 40)

static uint64_t highest(void)
{
	uint32_t out[4];

	kit_cpuid(0x80000008, 0, out);
	return (1ull << (out[0] & 0xff)) - CENO_LARGE_PAGE;
}

uint32_t guest_beyond(unsigned form)
{
	uint64_t gpa = form == 0 ? highest() : form == 1 ? CENO_GPA_IMAGE + (1ull << 37) : highest() & ~(RAM_ALIAS - 1);

	if (form == 2)
		gpa |= CENO_GPA_RAM;
	kit_map(KIT_FREE, gpa, KIT_P | KIT_W | KIT_LARGE);
	*(volatile uint64_t *)(KIT_FREE + 8) = 1;
	return KIT_THROUGH;
}
