/*
 * A vm's page table as a whole: looking things up, taking them out, copying it for
 * fork. See vm.h and pages.h; fault.c puts things in.
 */
#include "pages.h"

#include "text.h"

uint64_t *ceno_pages_directory(struct ceno_vm *vm, uint64_t gva, int create)
{
	uint64_t table = vm->root;

	for (unsigned level = 4; level > 2; level--) {
		uint64_t *entry = ceno_pte_at(table, gva, level);

		if (!*entry) {
			uint64_t frame = create ? ceno_frames_alloc(0) : CENO_NO_FRAME;

			if (frame == CENO_NO_FRAME)
				return NULL;
			*entry = frame;
		}
		table = *entry;
	}
	return ceno_pte_at(table, gva, 2);
}

uint64_t *ceno_pages_next(struct ceno_vm *vm, uint64_t *gva, uint64_t end)
{
	while (*gva < end) {
		uint64_t *entry = ceno_pte_at(vm->root, *gva, 4);
		unsigned level = 4;

		if (*entry) {
			entry = ceno_pte_at(*entry, *gva, 3);
			level = 3;
		}
		if (level == 3 && *entry) {
			entry = ceno_pte_at(*entry, *gva, 2);
			level = 2;
		}
		if (*entry)
			return entry;
		*gva = ((*gva >> (12 + 9 * (level - 1))) + 1) << (12 + 9 * (level - 1));
	}
	return NULL;
}

void ceno_pages_unmap(struct ceno_vm *vm, uint64_t gva, uint64_t bytes)
{
	if (vm->slot)
		(void)ceno_space_map(vm, -1, gva, 0, bytes, 0);
}

void ceno_pages_free(struct ceno_vm *vm, uint64_t entry)
{
	vm->pages--;
	if (entry & CENO_PTE_TEXT)
		ceno_text_free(ceno_pte_frame(entry));
	else
		ceno_frames_free(ceno_pte_frame(entry), 0);
}

int ceno_pages_split(struct ceno_vm *vm, uint64_t *dir, uint64_t gva)
{
	uint64_t leaf, *table;

	if (*dir == CENO_PTE_HW) {
		ceno_pages_unmap(vm, CENO_LARGE_DOWN(gva), CENO_LARGE_PAGE);
		*dir = 0;
	}
	if (!(*dir & CENO_PTE_RAM))
		return 0;
	leaf = ceno_frames_alloc_raw(0);
	if (leaf == CENO_NO_FRAME)
		return -LX_ENOMEM;
	if (*dir & CENO_PTE_HW)
		ceno_pages_unmap(vm, CENO_LARGE_DOWN(gva), CENO_LARGE_PAGE);
	table = ceno_ram(leaf);
	for (uint64_t i = 0; i < CENO_LEAF_PAGES; i++)
		table[i] = (ceno_pte_frame(*dir) + i * CENO_PAGE) | CENO_PTE_RAM;
	*dir = leaf | CENO_PTE_LEAF;
	return 0;
}

uint64_t *ceno_pages_leaf(struct ceno_vm *vm, uint64_t gva)
{
	uint64_t *dir = ceno_pages_directory(vm, gva, 1);

	if (!dir || ceno_pages_split(vm, dir, gva))
		return NULL;
	if (!*dir) {
		uint64_t leaf = ceno_frames_alloc(0);

		if (leaf == CENO_NO_FRAME)
			return NULL;
		*dir = leaf | CENO_PTE_LEAF;
	}
	return ceno_pte_at(ceno_pte_frame(*dir), gva, 1);
}

uint64_t *ceno_pages_look(struct ceno_vm *vm, uint64_t gva)
{
	uint64_t *dir = ceno_pages_directory(vm, gva, 0);

	return dir && (*dir & CENO_PTE_LEAF) ? ceno_pte_at(ceno_pte_frame(*dir), gva, 1) : NULL;
}

/* ---- taking out ------------------------------------------------------------------ */

/* Takes [start, end), within one leaf table, out of the hardware tables. */
static void hide_leaf(struct ceno_vm *vm, uint64_t table, uint64_t start, uint64_t end)
{
	uint64_t *first = ceno_pte_at(table, start, 1), low = 0, high = 0;

	for (uint64_t at = start, *entry = first; at < end; at += CENO_PAGE, entry++) {
		if (!(*entry & CENO_PTE_HW))
			continue;
		low = high ? low : at;
		high = at + CENO_PAGE;
		*entry = *entry & CENO_PTE_RAM ? *entry & ~(CENO_PTE_HW | CENO_PTE_RO) : 0;
	}
	if (high)
		ceno_pages_unmap(vm, low, high - low);
}

static void discard_leaf(struct ceno_vm *vm, uint64_t *dir, uint64_t start, uint64_t end)
{
	uint64_t *entry = ceno_pte_at(ceno_pte_frame(*dir), start, 1);

	hide_leaf(vm, ceno_pte_frame(*dir), start, end);
	for (uint64_t at = start; at < end; at += CENO_PAGE, entry++) {
		if (*entry & CENO_PTE_RAM)
			ceno_pages_free(vm, *entry);
		*entry = 0;
	}
	if (end - start == CENO_LARGE_PAGE) {
		ceno_frames_free(ceno_pte_frame(*dir), 0);
		*dir = 0;
	}
}

static void discard_large(struct ceno_vm *vm, uint64_t *dir, uint64_t gva)
{
	if (*dir & CENO_PTE_HW)
		ceno_pages_unmap(vm, gva, CENO_LARGE_PAGE);
	vm->pages -= CENO_LEAF_PAGES;
	ceno_frames_free(ceno_pte_frame(*dir), CENO_ORDER_LARGE);
	*dir = 0;
}

int ceno_pages_discard(struct ceno_vm *vm, uint64_t start, uint64_t end)
{
	uint64_t *dir;

	while ((dir = ceno_pages_next(vm, &start, end))) {
		uint64_t stop = CENO_LARGE_DOWN(start) + CENO_LARGE_PAGE;
		int whole = start % CENO_LARGE_PAGE == 0 && stop <= end;

		stop = stop < end ? stop : end;
		if (whole && (*dir & CENO_PTE_RAM))
			discard_large(vm, dir, start);
		else if (ceno_pages_split(vm, dir, start))
			return -LX_ENOMEM;
		if (*dir & CENO_PTE_LEAF)
			discard_leaf(vm, dir, start, stop);
		start = stop;
	}
	return 0;
}

#define CLEAR_MAX 64u /* pages */

/* Whether all pages of RAM from *entry on are nobody else's, and few. */
static int can_clear(const uint64_t *entry, uint64_t pages)
{
	uint64_t present = 0;

	for (uint64_t i = 0; i < pages; i++) {
		if (!(entry[i] & CENO_PTE_RAM))
			continue;
		if ((entry[i] & CENO_PTE_TEXT) || ceno_frames_shared(ceno_pte_frame(entry[i]), 0) ||
		    ++present > CLEAR_MAX)
			return 0;
	}
	return 1;
}

int ceno_pages_clear(struct ceno_vm *vm, uint64_t start, uint64_t end)
{
	const uint64_t *entry = ceno_pages_look(vm, start);

	if (start < end && CENO_LARGE_DOWN(start) == CENO_LARGE_DOWN(end - 1) && ceno_pages_blank(vm, start, end))
		return 0;
	if (!entry || CENO_LARGE_DOWN(start) != CENO_LARGE_DOWN(end - 1) ||
	    !can_clear(entry, (end - start) / CENO_PAGE))
		return ceno_pages_discard(vm, start, end);
	for (; start < end; start += CENO_PAGE, entry++)
		if (*entry & CENO_PTE_RAM)
			memset(ceno_ram(ceno_pte_frame(*entry)), 0, CENO_PAGE);
	return 0;
}

int ceno_pages_blank(struct ceno_vm *vm, uint64_t start, uint64_t end)
{
	const uint64_t *dir = ceno_pages_directory(vm, start, 0);

	if (!dir || !(*dir & CENO_PTE_RAM) || ceno_frames_shared(ceno_pte_frame(*dir), CENO_ORDER_LARGE))
		return 0;
	memset((uint8_t *)ceno_ram(ceno_pte_frame(*dir)) + start % CENO_LARGE_PAGE, 0, end - start);
	return 1;
}

int ceno_pages_hide(struct ceno_vm *vm, uint64_t start, uint64_t end)
{
	uint64_t *dir;

	while ((dir = ceno_pages_next(vm, &start, end))) {
		uint64_t stop = CENO_LARGE_DOWN(start) + CENO_LARGE_PAGE;
		int whole = start % CENO_LARGE_PAGE == 0 && stop <= end;

		stop = stop < end ? stop : end;
		if (whole && (*dir & CENO_PTE_RAM)) {
			if (*dir & CENO_PTE_HW)
				ceno_pages_unmap(vm, start, CENO_LARGE_PAGE);
			*dir &= ~(CENO_PTE_HW | CENO_PTE_RO);
		} else if (ceno_pages_split(vm, dir, start)) {
			return -LX_ENOMEM;
		}
		if (*dir & CENO_PTE_LEAF)
			hide_leaf(vm, ceno_pte_frame(*dir), start, stop);
		start = stop;
	}
	return 0;
}

/* ---- other rights ------------------------------------------------------------------ */

static int is_writable(uint64_t entry)
{
	return (entry & (CENO_PTE_RAM | CENO_PTE_HW | CENO_PTE_RO | CENO_PTE_TEXT)) == (CENO_PTE_RAM | CENO_PTE_HW);
}

/* Pages of RAM from *entry on that are mapped writable, in frames next to one another. */
static uint64_t writable_run(const uint64_t *entry, uint64_t pages)
{
	uint64_t run = 0;

	while (run < pages && is_writable(entry[run]) &&
	       ceno_pte_frame(entry[run]) == ceno_pte_frame(entry[0]) + run * CENO_PAGE)
		run++;
	return run;
}

/* [start, end), within one leaf table, is mapped, but not writable any more. */
static void narrow_leaf(struct ceno_vm *vm, uint64_t table, uint64_t start, uint64_t end)
{
	uint64_t *entry = ceno_pte_at(table, start, 1);

	while (start < end) {
		uint64_t run = writable_run(entry, (end - start) / CENO_PAGE);

		if (run && vm->slot)
			(void)ceno_space_map(vm, CENO_SLOT_RAM, start, ceno_pte_frame(*entry), run * CENO_PAGE,
			                     CENO_RIGHT_READ | CENO_MAP_REPLACE);
		else
			*entry &= ~CENO_PTE_RO;
		run = run ? run : 1;
		entry += run;
		start += run * CENO_PAGE;
	}
}

/* What is mapped of it is not writable, though it may be: the next write will see to it. */
static void widen_leaf(uint64_t table, uint64_t start, uint64_t end)
{
	for (uint64_t *entry = ceno_pte_at(table, start, 1); start < end; start += CENO_PAGE, entry++)
		if ((*entry & CENO_PTE_RAM) && (*entry & CENO_PTE_HW))
			*entry |= CENO_PTE_RO;
}

int ceno_pages_protect(struct ceno_vm *vm, uint64_t start, uint64_t end, uint16_t from, uint16_t to)
{
	uint64_t *dir;

	if (!to || ((from ^ to) & LX_PROT_EXEC))
		return ceno_pages_hide(vm, start, end);
	for (; (dir = ceno_pages_next(vm, &start, end)); start = CENO_LARGE_DOWN(start) + CENO_LARGE_PAGE) {
		uint64_t stop = CENO_LARGE_DOWN(start) + CENO_LARGE_PAGE;

		stop = stop < end ? stop : end;
		if (!(*dir & CENO_PTE_LEAF)) {
			if (ceno_pages_hide(vm, start, stop))
				return -LX_ENOMEM;
		} else if (from & ~to & LX_PROT_WRITE) {
			narrow_leaf(vm, ceno_pte_frame(*dir), start, stop);
		} else if (to & ~from & LX_PROT_WRITE) {
			widen_leaf(ceno_pte_frame(*dir), start, stop);
		}
	}
	return 0;
}

static void unmapped_leaf(struct ceno_vm *vm, uint64_t *dir, uint64_t gva)
{
	hide_leaf(vm, ceno_pte_frame(*dir), gva, gva + CENO_LARGE_PAGE);
	*dir &= ~CENO_PTE_HW;
}

void ceno_pages_unmapped(struct ceno_vm *vm)
{
	uint64_t gva = 0, *dir;

	for (; (dir = ceno_pages_next(vm, &gva, CENO_USER_END)); gva = CENO_LARGE_DOWN(gva) + CENO_LARGE_PAGE) {
		if (*dir & CENO_PTE_LEAF)
			unmapped_leaf(vm, dir, CENO_LARGE_DOWN(gva));
		else
			*dir = *dir & CENO_PTE_RAM ? *dir & ~(CENO_PTE_HW | CENO_PTE_RO) : 0;
	}
}

int ceno_pages_present(struct ceno_vm *vm, uint64_t start, uint64_t end)
{
	uint64_t *dir;

	while ((dir = ceno_pages_next(vm, &start, end))) {
		uint64_t stop = CENO_LARGE_DOWN(start) + CENO_LARGE_PAGE;

		if (*dir & CENO_PTE_RAM)
			return 1;
		for (; (*dir & CENO_PTE_LEAF) && start < stop && start < end; start += CENO_PAGE)
			if (*ceno_pte_at(ceno_pte_frame(*dir), start, 1) & CENO_PTE_RAM)
				return 1;
		start = stop;
	}
	return 0;
}

/* ---- moving ------------------------------------------------------------------------ */

/* A whole large page to where nothing is: 1 if it was moved. */
static int move_large(struct ceno_vm *vm, uint64_t *from, uint64_t gva, uint64_t to, uint64_t bytes)
{
	uint64_t *dir;

	if (!(*from & CENO_PTE_RAM) || (gva | to) % CENO_LARGE_PAGE || bytes < CENO_LARGE_PAGE)
		return 0;
	dir = ceno_pages_directory(vm, to, 1);
	if (!dir || *dir)
		return 0;
	*dir = *from;
	*from = 0;
	return 1;
}

int ceno_pages_move(struct ceno_vm *vm, uint64_t from, uint64_t to, uint64_t bytes)
{
	int error = ceno_pages_hide(vm, from, from + bytes);

	for (uint64_t at = 0; !error && at < bytes; at += CENO_PAGE) {
		uint64_t *dir = ceno_pages_directory(vm, from + at, 0), *old, *new;

		if (!dir || !*dir || move_large(vm, dir, from + at, to + at, bytes - at)) {
			at = CENO_LARGE_DOWN(from + at) + CENO_LARGE_PAGE - from - CENO_PAGE;
			continue;
		}
		old = ceno_pages_leaf(vm, from + at);
		if (!old || !(*old & CENO_PTE_RAM)) {
			error = old ? 0 : -LX_ENOMEM;
			continue;
		}
		new = ceno_pages_leaf(vm, to + at);
		if (!new)
			return -LX_ENOMEM;
		*new = *old;
		*old = 0;
	}
	return error;
}

/* ---- the whole table ----------------------------------------------------------------- */

static void free_table(struct ceno_vm *vm, uint64_t table, unsigned level)
{
	uint64_t *entries = ceno_ram(table);

	for (unsigned i = 0; i < 512; i++) {
		if (level > 2 && entries[i])
			free_table(vm, entries[i], level - 1);
		else if (level == 2 && (entries[i] & CENO_PTE_LEAF))
			free_table(vm, ceno_pte_frame(entries[i]), 1);
		else if (level == 2 && (entries[i] & CENO_PTE_RAM))
			ceno_frames_free(ceno_pte_frame(entries[i]), CENO_ORDER_LARGE);
		else if (level == 1 && (entries[i] & CENO_PTE_RAM))
			ceno_pages_free(vm, entries[i]);
	}
	ceno_frames_free(table, 0);
}

void ceno_pages_end(struct ceno_vm *vm)
{
	free_table(vm, vm->root, 4);
	vm->pages = 0;
}
