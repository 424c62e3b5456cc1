/*
 * What fork makes of a vm's pages. See vm.h.
 *
 * A page that only its parent can write now would have to lose its mapping there and
 * cost both a fault at the next write. Measured with ring 0 emulated, a child that exits
 * at once and a parent that writes on: 32 MiB copied 13.5 ms, shared 31 ms; with a child
 * that writes every 16th page, too, 19 ms and 439 ms; copying won at every size from 1 MiB
 * on. So such pages are copied at once, up to COPY_MAX and while RAM is plentiful; all
 * others are shared until somebody writes.
 */
#include "pages.h"

#define COPY_MAX 16384u /* pages: 64 MiB */

struct copy {
	struct ceno_vm *to, *from;
	uint64_t left; /* pages that may still be copied */
};

static int plentiful(const struct copy *copy, uint64_t pages)
{
	return copy->left >= pages && ceno_frames_used() + 2 * pages < ceno_frames_total() - ceno_frames_total() / 4;
}

/* How many bytes of the heap's last large page can have been written honestly. */
static uint64_t used_bytes(const struct copy *copy, const struct ceno_area *area, uint64_t start)
{
	uint64_t end = CENO_PAGE_UP(copy->from->brk_end);

	if (!(area->flags & CENO_AREA_BRK) || end >= start + CENO_LARGE_PAGE)
		return CENO_LARGE_PAGE;
	return end > start ? end - start : 0;
}

/* The area's part [at, end) of a large page, which other areas may have parts of, too.
 * -LX_EEXIST: it has to be split first. */
static int copy_large(struct copy *copy, const struct ceno_area *area, uint64_t *dir, uint64_t at, uint64_t end)
{
	uint64_t gva = CENO_LARGE_DOWN(at), *to = ceno_pages_directory(copy->to, gva, 1), frame = CENO_NO_FRAME;
	uint64_t bytes = used_bytes(copy, area, gva);

	if (!to)
		return -LX_ENOMEM;
	if (end - at < CENO_LARGE_PAGE)
		bytes = end - at;
	if (*to)
		frame = ceno_pte_frame(*to);
	else if ((area->prot & LX_PROT_WRITE) && !ceno_frames_shared(ceno_pte_frame(*dir), CENO_ORDER_LARGE) &&
	         plentiful(copy, CENO_LEAF_PAGES))
		frame = bytes == CENO_LARGE_PAGE ? ceno_frames_alloc_raw(CENO_ORDER_LARGE)
						 : ceno_frames_alloc(CENO_ORDER_LARGE);
	if (frame == CENO_NO_FRAME && end - at < CENO_LARGE_PAGE)
		return -LX_EEXIST; /* what is not the area's is not to be shared */
	if (!*to)
		copy->to->pages += CENO_LEAF_PAGES;
	if (frame != CENO_NO_FRAME) {
		memcpy((uint8_t *)ceno_ram(frame) + (at - gva), (uint8_t *)ceno_ram(ceno_pte_frame(*dir)) + (at - gva),
		       bytes);
		copy->left -= *to ? 0 : CENO_LEAF_PAGES;
		*to = frame | CENO_PTE_RAM;
		return 0;
	}
	ceno_frames_share(ceno_pte_frame(*dir), CENO_ORDER_LARGE);
	*to = ceno_pte_frame(*dir) | CENO_PTE_RAM;
	return ceno_pages_hide(copy->from, gva, gva + CENO_LARGE_PAGE);
}

/* ---- small pages ------------------------------------------------------------------ */

static int only_parents(const struct ceno_area *area, uint64_t entry)
{
	return (entry & CENO_PTE_RAM) && !(entry & CENO_PTE_TEXT) && (area->prot & LX_PROT_WRITE) &&
	    !ceno_frames_shared(ceno_pte_frame(entry), 0);
}

/* Copies a run of `pages` entries; returns how many: a power of two, 0 if RAM is short. */
static uint64_t copy_run(struct copy *copy, const uint64_t *from, uint64_t *to, uint64_t pages)
{
	unsigned order = 0;
	uint64_t frame;

	while (2u << order <= pages)
		order++;
	frame = plentiful(copy, 1u << order) ? ceno_frames_alloc_raw(order) : CENO_NO_FRAME;
	if (frame == CENO_NO_FRAME)
		return 0;
	pages = 1u << order;
	for (uint64_t i = 0; i < pages; i++) {
		memcpy(ceno_ram(frame + i * CENO_PAGE), ceno_ram(ceno_pte_frame(from[i])), CENO_PAGE);
		to[i] = (frame + i * CENO_PAGE) | CENO_PTE_RAM;
	}
	copy->left -= pages;
	copy->to->pages += pages;
	return pages;
}

static void share(struct copy *copy, uint64_t from, uint64_t *to)
{
	ceno_frames_share(ceno_pte_frame(from), 0);
	*to = from & ~(CENO_PTE_HW | CENO_PTE_RO);
	copy->to->pages++;
}

/* The pages of [start, end), within one area and one leaf table. */
static int copy_leaf(struct copy *copy, const struct ceno_area *area, uint64_t start, uint64_t end)
{
	const uint64_t *from = ceno_pages_look(copy->from, start);
	uint64_t *to = ceno_pages_leaf(copy->to, start), pages = (end - start) / CENO_PAGE, low = 0, high = 0;

	if (!to)
		return -LX_ENOMEM;
	for (uint64_t i = 0; i < pages;) {
		uint64_t run = i, done;

		while (run < pages && only_parents(area, from[run]))
			run++;
		done = run > i ? copy_run(copy, from + i, to + i, run - i) : 0;
		if (!done && run > i && (from[i] & CENO_PTE_HW)) { /* the parent may not write it any more */
			low = high ? low : i;
			high = i + 1;
		}
		if (!done && (from[i] & CENO_PTE_RAM))
			share(copy, from[i], &to[i]);
		i += done ? done : 1;
	}
	return high ? ceno_pages_hide(copy->from, start + low * CENO_PAGE, start + high * CENO_PAGE) : 0;
}

static int copy_area(struct copy *copy, const struct ceno_area *area)
{
	int error = 0;

	/* what a SHARED area has is found again in its file */
	if (area->flags & (CENO_AREA_SHARED | CENO_AREA_WIPEONFORK | CENO_AREA_DONTFORK))
		return 0;
	for (uint64_t at = area->start, end; !error && at < area->end; at = end) {
		uint64_t *dir = ceno_pages_next(copy->from, &at, area->end);

		if (!dir)
			break;
		end = CENO_LARGE_DOWN(at) + CENO_LARGE_PAGE;
		end = end < area->end ? end : area->end;
		if (*dir & CENO_PTE_RAM)
			error = copy_large(copy, area, dir, at, end);
		if (error == -LX_EEXIST)
			error = ceno_pages_split(copy->from, dir, at);
		if (!error && (*dir & CENO_PTE_LEAF))
			error = copy_leaf(copy, area, at, end);
	}
	return error;
}

int ceno_pages_copy(struct ceno_vm *to, struct ceno_vm *from)
{
	struct copy copy = { to, from, COPY_MAX };
	int error = 0;

	for (uint32_t i = 0; !error && i < from->count; i++)
		error = copy_area(&copy, &from->areas[i]);
	return error;
}
