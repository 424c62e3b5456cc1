/*
 * Claim: EFER, which decides about 64-bit mode, no-execute and nested virtualisation,
 * takes no value that the session was not offered.
 *
 * EFER is one of the registers that the guest may write, so KVM's own check of the
 * value is the guard; what it refuses comes to the vmm and ends the session. A bit
 * that is reserved, 64-bit mode off while paging is on, and AMD's nested
 * virtualisation, which KVM offers to every guest unless CPUID says otherwise.
 */
#include "kit.h"
#include "guests.h"

#define EFER      0xc0000080u
#define EFER_LME  (1ull << 8)
#define EFER_SVME (1ull << 12)
#define RESERVED  (1ull << 40)

static uint64_t set(uint64_t value)
{
	kit_wrmsr(EFER, value);
	return 0;
}

uint32_t guest_bad_efer(unsigned form)
{
	uint64_t now = kit_rdmsr(EFER), wanted;

	if (form == 0)
		wanted = now | RESERVED;
	else if (form == 1)
		wanted = now & ~EFER_LME;
	else
		wanted = now | EFER_SVME;
	uint64_t vector = kit_try(set, wanted);

	/* Ignored is no answer either: the guest would believe what it wrote. */
	if (vector == KIT_NO_TRAP && kit_rdmsr(EFER) == now)
		return 3;
	return KIT_SAW(vector);
}
