/*
 * What a guest that owns ring 0 may try against Stage 2. Each build of this file
 * does one thing (CENO_ATTACK); if the attempt goes through, it stops with code
 * 0x102 as if it were the nucleus, and the test that expected a violation fails.
 */
#include <stdint.h>
#include "abi/boot.h"
#include "abi/bundle.h"

#define ATTACK_TEXT    1 /* write the running text, which lies in the bundle's read-only slot */
#define ATTACK_WINDOW  2 /* touch the window of a class nobody pledged */
#define ATTACK_RAM_END 3 /* run off the end of RAM */
#define ATTACK_BOOT    4 /* write the measured boot page */
#define ATTACK_TRAIL   5 /* lie about the trail's length, another way all the time */

#define PRESENT_WRITE 3ull
#define LARGE         0x80ull
#define PML4_FREE     2

void ceno_hostile_main(const struct ceno_handoff *h);

static uint64_t read_cr3(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr3, %0" : "=r"(v));
	return v;
}

/* The nucleus's own pool pages: still free, zero, and writable to ring 0. */
static uint64_t *pool_page(const struct ceno_handoff *h, uint64_t n, uint64_t *gpa)
{
	uint64_t offset = (h->pool_used + n) * CENO_PAGE;

	*gpa = h->pool_gpa + offset;
	return (uint64_t *)(h->pool_gva + offset);
}

/* Maps the 2 MiB around gpa writable in tables of its own making. */
static volatile uint64_t *map(const struct ceno_handoff *h, uint64_t gpa)
{
	uint64_t *pml4 = (uint64_t *)(h->pool_gva + (read_cr3() - h->pool_gpa));
	uint64_t pdpt_gpa, pd_gpa, *pdpt = pool_page(h, 0, &pdpt_gpa), *pd = pool_page(h, 1, &pd_gpa);

	pd[0] = (gpa & ~(CENO_LARGE_PAGE - 1)) | LARGE | PRESENT_WRITE;
	pdpt[0] = pd_gpa | PRESENT_WRITE;
	pml4[PML4_FREE] = pdpt_gpa | PRESENT_WRITE;
	__asm__ volatile("" ::: "memory"); /* the walk reads them, whatever the compiler sees */
	return (volatile uint64_t *)(((uint64_t)PML4_FREE << 39) + (gpa & (CENO_LARGE_PAGE - 1)));
}

/* No length that the window could hold; whoever follows one reads beyond it. */
static void lie_about_the_trail(volatile uint64_t *header)
{
	static const uint64_t lies[] = { UINT64_MAX, CENO_TRAIL_BYTES, 1ull << 63, CENO_TRAIL_BYTES - CENO_PAGE + 1,
		                         UINT64_MAX - CENO_PAGE + 1 };

	for (unsigned i = 0;; i = (i + 1) % (sizeof lies / sizeof lies[0]))
		header[2] = lies[i];
}

void ceno_hostile_main(const struct ceno_handoff *h)
{
	if (CENO_ATTACK == ATTACK_TRAIL)
		lie_about_the_trail(map(h, CENO_GPA_TRAIL));

	uint64_t target = CENO_ATTACK == ATTACK_TEXT ? CENO_GPA_BUNDLE + CENO_PAGE
	    : CENO_ATTACK == ATTACK_WINDOW           ? CENO_GPA_WINDOW + CENO_PLEDGE_NET * CENO_WINDOW_STRIDE
	    : CENO_ATTACK == ATTACK_RAM_END          ? CENO_GPA_RAM + h->ram_bytes
						     : CENO_GPA_BOOT;

	*map(h, target) = 0x9090909090909090ull;
}
