/*
 * The kernel pool: page tables, objects, CSpaces, and nothing else. Whoever
 * takes a page has charged a quota first, and the quotas together never exceed
 * the pool, so taking cannot fail.
 *
 * Pages never used are zero, and so are tables that a space gave back; any other page
 * that was given back is cleared when it is taken again, by one string instruction (0.6 ms
 * where ring 0 is emulated). So tables come first, which also keeps what the session
 * touches small, then fresh pages, then the others.
 */
#include "nucleus.h"
#include "cpu.h"

static uint64_t *pop(uint64_t *list)
{
	uint64_t *page = (uint64_t *)*list;

	if (!page)
		ceno_cpu_stop(CENO_STOP_NUCLEUS_FAULT); /* the quotas were wrong: our own invariant */
	*list = page[0];
	return page;
}

void *ceno_pool_take_again(void)
{
	uint64_t *page;

	if (!ceno_cpu.pool_clean) {
		page = pop(&ceno_cpu.pool_free);
		ceno_cpu_clear_page(page);
		return page;
	}
	page = pop(&ceno_cpu.pool_clean);
	page[0] = 0;
	if (!ceno_cpu.pool_clean)
		ceno_cpu.pool_fresh_end = ceno_cpu.handoff->pool_pages;
	return page;
}

void ceno_pool_give(void *page)
{
	*(uint64_t *)page = ceno_cpu.pool_free;
	ceno_cpu.pool_free = (uint64_t)page;
}

void ceno_pool_give_clean(void *page)
{
	*(uint64_t *)page = ceno_cpu.pool_clean;
	ceno_cpu.pool_clean = (uint64_t)page;
	ceno_cpu.pool_fresh_end = 0;
}
