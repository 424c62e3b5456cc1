/*
 * Claim: page tables that lie outside of memory end the guest, and lead the host's own
 * walk nowhere.
 *
 * KVM walks the guest's tables itself where it emulates. The root at an address
 * without a slot (form 0), and a table in the middle of the walk there (form 1): the
 * next fetch has no translation, and its fault has none either. KVM may call it a
 * shutdown, memory that has no slot, or an instruction that it cannot run.
 * With nested paging the CPU may walk and fault for ever, which the lifetime ends.
 */
#include "kit.h"
#include "guests.h"

#define NO_SLOT 0x30000000ull

static void load_root(uint64_t gpa)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(gpa) : "memory");
}

/* A copy of the root whose kernel entry points outside. */
static uint64_t broken_root(void)
{
	uint64_t root = kit_page(), old = kit_cr3() & ~(CENO_PAGE - 1);

	for (unsigned i = 0; i < 512; i++) {
		uint64_t entry = kit_get(old + i * 8);

		if (entry)
			kit_put(root + i * 8, i < 8 ? entry : NO_SLOT | KIT_P | KIT_W);
	}
	return root;
}

uint32_t guest_tables_gone(unsigned form)
{
	load_root(form ? broken_root() : NO_SLOT);
	return KIT_THROUGH;
}
