/*
 * The kernel pool: page tables, objects, CSpaces, and nothing else. Whoever
 * takes a page has charged a quota first, and the quotas together never exceed
 * the pool, so taking cannot fail.
 *
 * Pages never used are zero; a page given back is cleared when it is taken
 * again, by one string instruction (0.6 ms where ring 0 is emulated, so the
 * fresh ones go first).
 */
#include "nucleus.h"
#include "cpu.h"

void *ceno_pool_take_again(void)
{
	uint64_t *page = (uint64_t *)ceno_cpu.pool_free;

	if (!page)
		ceno_cpu_stop(CENO_STOP_NUCLEUS_FAULT); /* the quotas were wrong: our own invariant */
	ceno_cpu.pool_free = page[0];
	ceno_cpu_clear_page(page);
	return page;
}

void ceno_pool_give(void *page)
{
	*(uint64_t *)page = ceno_cpu.pool_free;
	ceno_cpu.pool_free = (uint64_t)page;
}
