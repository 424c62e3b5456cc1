/*
 * Claim: control registers take no state that the architecture calls invalid: each try
 * is a general protection fault in the guest, and nothing was changed.
 *
 * An entry with invalid state is what hardware refuses and what emulators get wrong.
 * Paging without protection, not-write-through without cache-disable, 64-bit mode
 * without PAE, reserved bits of CR4 and CR0 (which a KVM may also leave as they are),
 * and an address with reserved bits in CR3 (SDM vol. 3, 2.5).
 * Where CR3 is the CPU's own, KVM may end the session at the walk instead.
 */
#include "kit.h"
#include "guests.h"

static uint64_t set_cr0(uint64_t flip)
{
	uint64_t v;

	__asm__ volatile("mov %%cr0, %0\n\txor %1, %0\n\tmov %0, %%cr0" : "=&r"(v) : "r"(flip) : "memory");
	return v;
}

static uint64_t set_cr4(uint64_t flip)
{
	uint64_t v;

	__asm__ volatile("mov %%cr4, %0\n\txor %1, %0\n\tmov %0, %%cr4" : "=&r"(v) : "r"(flip) : "memory");
	return v;
}

static uint64_t set_cr3(uint64_t bits)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(kit_cr3() | bits) : "memory");
	return 0;
}

static uint64_t cr0(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr0, %0" : "=r"(v));
	return v;
}

static uint64_t cr4(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr4, %0" : "=r"(v));
	return v;
}

uint32_t guest_bad_control(unsigned form)
{
	uint64_t vector, cr0_before = cr0(), cr4_before = cr4();

	switch (form) {
	case 0:
		vector = kit_try(set_cr0, 1); /* PE off, PG on */
		break;
	case 1:
		vector = kit_try(set_cr0, 1ull << 29); /* NW on, CD off */
		break;
	case 2:
		vector = kit_try(set_cr0, 1ull << 32);
		break;
	case 3:
		vector = kit_try(set_cr4, 1ull << 5); /* PAE off */
		break;
	case 4:
		vector = kit_try(set_cr4, 1ull << 40);
		break;
	default:
		vector = kit_try(set_cr3, 1ull << 61);
		break;
	}
	if (cr0() != cr0_before || cr4() != cr4_before)
		return 2;
	return vector == KIT_GP || form == 2 || form == 4 ? KIT_HELD : KIT_SAW(vector);
}
