/*
 * Claim: a guest cannot start a guest of its own.
 *
 * Nested virtualisation is the part of KVM with the most state and the most bugs, and
 * KVM offers it by default. A session is never offered it: the one processor's switch
 * cannot be turned on (the other's is in EFER: bad_efer), and the first instruction of
 * each is invalid.
 */
#include "kit.h"
#include "guests.h"

#define CR4_VMXE (1ull << 13)

static uint64_t set_cr4(uint64_t bits)
{
	uint64_t v;

	__asm__ volatile("mov %%cr4, %0\n\tor %1, %0\n\tmov %0, %%cr4" : "=&r"(v) : "r"(bits) : "memory");
	return 0;
}

static uint64_t vmrun(uint64_t gpa)
{
	__asm__ volatile("vmrun %%rax" : : "a"(gpa) : "memory");
	return 0;
}

static uint64_t vmxon(uint64_t gpa)
{
	__asm__ volatile("vmxon %0" : : "m"(gpa) : "memory", "cc");
	return 0;
}

uint32_t guest_nested_guest(unsigned form)
{
	uint64_t page = kit_page();
	uint64_t vector = form == 0 ? kit_try(set_cr4, CR4_VMXE)
	    : form == 1             ? kit_try(vmrun, page)
				    : kit_try(vmxon, page);

	return vector == (form == 0 ? KIT_GP : KIT_UD) ? KIT_HELD : KIT_SAW(vector);
}
