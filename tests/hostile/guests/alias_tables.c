/*
 * Claim: page tables that map themselves and change while they are walked reach what
 * the slots have, and nothing else.
 *
 * The guest maps one of its tables as data through itself, and rewrites through that
 * view the entry that it comes by: to another page, to a writable alias of code that
 * runs, to read-only and back, thousands of times, with and without telling the CPU. A
 * host that trusts a shadow of them would in the end serve a stale one: each value
 * read must be that of the page that the entry names now.
 */
#include "kit.h"
#include "guests.h"

#define ROUNDS  300u
#define VIEW    (KIT_FREE + CENO_PAGE)
#define ITSELF  (KIT_FREE + 2 * CENO_PAGE)
#define PRESENT (KIT_P | KIT_W)

/* Runs in RAM, written by the guest, through another view than it was written by: mov $N, %eax; ret. */
static uint64_t run_at(uint64_t at)
{
	return ((kit_function *)at)(0);
}

static int code_follows(uint64_t gpa, uint32_t value)
{
	kit_put(gpa, 0xb8ull | (uint64_t)value << 8 | 0xc3ull << 40);
	return kit_try(run_at, VIEW) == KIT_NO_TRAP && (uint32_t)kit_trap.rax == value;
}

uint32_t guest_alias_tables(unsigned form)
{
	uint64_t page[2] = { kit_page(), kit_page() }, table;

	(void)form;
	kit_map(VIEW, page[0], PRESENT);
	table = kit_page() - CENO_PAGE; /* the last table that kit_map made */
	kit_map(ITSELF, table, PRESENT);
	volatile uint64_t *entry = (volatile uint64_t *)ITSELF + (VIEW >> 12 & 511);

	for (unsigned i = 0; i < 2; i++)
		kit_put(page[i], 0xaaaa0000 + i);
	for (unsigned i = 0; i < ROUNDS; i++) {
		*entry = page[i & 1] | PRESENT;
		kit_invlpg(VIEW);
		if (*(volatile uint64_t *)VIEW != 0xaaaa0000 + (i & 1))
			return KIT_THROUGH;
	}
	for (uint32_t i = 0; i < 16; i++) {
		*entry = page[i & 1] | PRESENT;
		kit_invlpg(VIEW);
		if (!code_follows(page[i & 1], 0x1000 + i))
			return 2;
	}
	*entry = page[0] | KIT_P; /* read-only now: a store must not go by the old entry */
	kit_invlpg(VIEW);
	return *entry & KIT_W ? 3 : KIT_HELD;
}
