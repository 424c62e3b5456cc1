/*
 * Claim: page tables in memory that the vmm has mapped too give the guest nothing new.
 *
 * A window is the guest's memory and the host's at the same time. The guest walks a
 * page table that it placed in the stdio window's input ring, where the vmm itself
 * writes; what the walk reaches is still what the slots have: RAM by the entry it
 * wrote, and a fault by an entry that is zero.
 */
#include "kit.h"
#include "guests.h"

#define TABLE (CENO_GPA_WINDOW + CENO_STDERR_OFFSET)
#define GVA   (KIT_FREE + (1ull << 30))
#define MARK  0x7ab1e1e5ull

static uint64_t load(uint64_t at)
{
	return *(volatile uint64_t *)at;
}

uint32_t guest_table_in_window(unsigned form)
{
	uint64_t page = kit_page();

	(void)form;
	kit_put(page, MARK);
	kit_map(GVA, page, KIT_P | KIT_W);
	/* That made a table: move it into the window, where its entry for the 2 MiB now points. */
	uint64_t table = kit_page() - CENO_PAGE, directory = kit_page() - 3 * CENO_PAGE;
	for (unsigned i = 0; i < 512; i++)
		if (kit_get(table + i * 8))
			kit_put(TABLE + i * 8, kit_get(table + i * 8));
	for (unsigned i = 0; i < 512; i++)
		if ((kit_get(directory + i * 8) & ~0xfffull) == table)
			kit_put(directory + i * 8, TABLE | KIT_P | KIT_W);
	kit_flush();
	if (kit_try(load, GVA) != KIT_NO_TRAP || kit_trap.rax != MARK)
		return KIT_THROUGH;
	return kit_try(load, GVA + 8 * CENO_PAGE) == KIT_PF ? KIT_HELD : 2;
}
