/*
 * Husks: what ended vms leave mapped, for the next ones. See vm.h.
 *
 * Where ring 0 is emulated, taking mappings out and putting them in again is nearly all that
 * a fork or an execve costs. Programs of a session mostly run again (a shell's children, its
 * tools), at the same addresses, since a session's layout is drawn once. So a vm that ends
 * keeps its space and its frames; and when a new one first touches 2 MiB of its own where the
 * hardware has nothing of it yet, a husk's table for these 2 MiB is moved to it whole, if
 * most of what is mapped there is what the new one would map:
 *
 *   a page of the pack    the same page, as executable as before
 *   a frame of RAM        of the husk alone, not more writable than may be: it stays where it
 *                         is mapped, and gets the bytes that the page has in the new vm, zeros
 *                         if it was not touched yet. Nothing of the old ones stays.
 *
 * Everything else is taken out first: what the new vm has not is never within its reach.
 * What fork makes has all its areas at once, and takes over a whole space.
 *
 *   ended ---> husk ---tables taken, one by one---> nothing mapped ---> spare space
 *                `---oldest of too many, or RAM or pool needed: emptied---^
 */
#include "pack.h"
#include "pages.h"

#define HUSKS      8u
#define HUSK_PAGES 1024u             /* a larger one is not kept */
#define PIECES_MAX (4ull << 20)      /* bytes of an area that are brought before they are touched */
#define STRIP_MAX  (4u * HUSK_PAGES) /* nor looked at */

static struct ceno_vm *husks; /* the latest first */
static uint32_t kept;
static const struct ceno_vm *pinned; /* is being taken from: not to be released */

void ceno_husks_init(void)
{
	husks = NULL;
	pinned = NULL;
	kept = 0;
}

struct ceno_vm *ceno_husks_first(void)
{
	return husks;
}

static void unlink(struct ceno_vm *husk)
{
	struct ceno_vm **at = &husks;

	while (*at != husk)
		at = &(*at)->next;
	*at = husk->next;
	kept--;
}

int ceno_husk_release(void)
{
	struct ceno_vm *oldest = NULL;

	for (struct ceno_vm *at = husks; at; at = at->next)
		if (at != pinned)
			oldest = at;
	if (!oldest)
		return 0;
	unlink(oldest);
	ceno_vm_finish(oldest);
	return 1;
}

uint64_t ceno_husks_pages(void)
{
	uint64_t pages = 0, *dir;

	for (struct ceno_vm *husk = husks; husk; husk = husk->next)
		for (uint64_t gva = 0; (dir = ceno_pages_next(husk, &gva, CENO_USER_END));
		     gva = CENO_LARGE_DOWN(gva) + CENO_LARGE_PAGE) {
			const uint64_t *entry = ceno_ram(ceno_pte_frame(*dir)); /* no large page is kept */

			for (unsigned i = 0; i < CENO_LEAF_PAGES; i++)
				pages += (entry[i] & CENO_PTE_RAM) && !ceno_frames_shared(ceno_pte_frame(entry[i]), 0);
		}
	return pages;
}

/* ---- keeping --------------------------------------------------------------------- */

static int is_pack(const struct ceno_area *area)
{
	return area->file && area->file->kind == CENO_INODE_PACK;
}

/* Of the 2 MiB at gva nothing stays that is not mapped by a table of the hardware's, and no code in RAM. */
static int strip_table(struct ceno_vm *vm, uint64_t gva, uint64_t dir)
{
	uint64_t *entry = ceno_ram(ceno_pte_frame(dir)), mapped = 0;

	if (!(dir & CENO_PTE_LEAF))
		return ceno_pages_discard(vm, gva, gva + CENO_LARGE_PAGE);
	for (uint64_t i = 0; i < CENO_LEAF_PAGES; i++) {
		if (entry[i] & CENO_PTE_TEXT) {
			(void)ceno_pages_discard(vm, gva + i * CENO_PAGE, gva + (i + 1) * CENO_PAGE);
		} else if ((entry[i] & (CENO_PTE_RAM | CENO_PTE_HW)) == CENO_PTE_RAM) {
			ceno_pages_free(vm, entry[i]);
			entry[i] = 0;
		}
		mapped |= entry[i];
	}
	return mapped ? 0 : ceno_pages_discard(vm, gva, gva + CENO_LARGE_PAGE);
}

/* What is a file's in RAM goes, since that may change, or end. */
static int strip(struct ceno_vm *vm)
{
	uint64_t gva = 0, *dir;
	int error = 0;

	for (uint32_t i = vm->count; !error && i-- > 0;) {
		uint64_t start = vm->areas[i].start, end = vm->areas[i].end;

		if (!vm->areas[i].file || is_pack(&vm->areas[i]))
			continue;
		error = ceno_pages_discard(vm, start, end);
		if (!error)
			ceno_areas_remove(vm, start, end);
	}
	for (; !error && (dir = ceno_pages_next(vm, &gva, CENO_USER_END)); gva += CENO_LARGE_PAGE) {
		gva = CENO_LARGE_DOWN(gva);
		error = strip_table(vm, gva, *dir);
	}
	return error;
}

static int is_empty(struct ceno_vm *vm)
{
	uint64_t gva = 0;

	return !ceno_pages_next(vm, &gva, CENO_USER_END);
}

int ceno_husk_keep(struct ceno_vm *vm)
{
	if (!vm->slot || vm->pages > STRIP_MAX || strip(vm) || vm->pages > HUSK_PAGES || is_empty(vm))
		return 0;
	if (kept == HUSKS)
		(void)ceno_husk_release();
	vm->next = husks;
	husks = vm;
	kept++;
	return 1;
}

/* ---- what fits ------------------------------------------------------------------- */

/* The same 2 MiB of the vm that wants them and of a husk. */
struct pair {
	struct ceno_vm *vm, *husk;
	uint64_t gva;
	uint64_t *to, *from;                /* their leaf tables; to may be NULL: nothing there yet */
	const struct ceno_area *area, *old; /* that were looked at last, or NULL */
	uint64_t fits[CENO_LEAF_PAGES / 64];
	uint32_t good, bad; /* entries that fit, and that do not */
};

static uint64_t offset_in(const struct ceno_area *area, uint64_t gva)
{
	return area->offset + (gva - area->start);
}

static int fits_pack(const struct ceno_area *area, const struct ceno_area *old, uint64_t own, uint64_t gva)
{
	return !own && is_pack(area) && area->file == old->file && offset_in(area, gva) == offset_in(old, gva) &&
	    !((area->prot ^ old->prot) & LX_PROT_EXEC);
}

static int fits_ram(const struct ceno_area *area, const struct ceno_area *old, uint64_t own, uint64_t entry)
{
	if (((entry | own) & CENO_PTE_TEXT) || (area->prot & LX_PROT_EXEC) || (area->flags & CENO_AREA_SHARED) ||
	    (area->file && !is_pack(area)))
		return 0;
	if ((old->prot & LX_PROT_WRITE) && !(entry & CENO_PTE_RO) && !(area->prot & LX_PROT_WRITE))
		return 0;
	return ((own & CENO_PTE_RAM) && ceno_pte_frame(own) == ceno_pte_frame(entry)) ||
	    !ceno_frames_shared(ceno_pte_frame(entry), 0);
}

/* What a page of the pack holds; NULL: it cannot be reached. */
static const void *packed(const struct ceno_area *area, uint64_t gva)
{
	return ceno_packs_data(area->file->stored.offset + offset_in(area, gva), CENO_PAGE);
}

/* Pages are looked at upwards: mostly it is the area of the one before. */
static const struct ceno_area *area_at(struct ceno_vm *vm, uint64_t gva, const struct ceno_area *last)
{
	return last && gva >= last->start && gva < last->end ? last : ceno_areas_find(vm, gva);
}

/* Whether the husk's mapping of this page may stay. */
static int fits(struct pair *p, unsigned i)
{
	uint64_t gva = p->gva + i * CENO_PAGE, own = p->to ? p->to[i] : 0;
	const struct ceno_area *area = p->area = area_at(p->vm, gva, p->area);
	const struct ceno_area *old = p->old = area_at(p->husk, gva, p->old);

	if (!area || !old || !area->prot || (area->file && !ceno_area_within(area, gva)))
		return 0;
	if (!(p->from[i] & CENO_PTE_RAM))
		return fits_pack(area, old, own, gva);
	return fits_ram(area, old, own, p->from[i]) && (!is_pack(area) || packed(area, gva));
}

static void look(struct pair *p)
{
	memset(p->fits, 0, sizeof(p->fits));
	p->good = p->bad = 0;
	p->area = p->old = NULL;
	for (unsigned i = 0; i < CENO_LEAF_PAGES; i++) {
		if (!(p->from[i] & CENO_PTE_HW))
			continue;
		if (fits(p, i)) {
			p->fits[i / 64] |= 1ull << i % 64;
			p->good++;
		} else {
			p->bad++;
		}
	}
}

static int is_fit(const struct pair *p, unsigned i)
{
	return (int)(p->fits[i / 64] >> i % 64 & 1);
}

/* ---- taking ---------------------------------------------------------------------- */

/* Takes out what does not fit; what lies between two such, and is nothing, with them. */
static void take_out(struct pair *p, struct ceno_vm *owner)
{
	unsigned low = 0, high = 0;

	for (unsigned i = 0; i < CENO_LEAF_PAGES && p->bad; i++) {
		if (!(p->from[i] & CENO_PTE_HW))
			continue;
		if (!is_fit(p, i)) {
			low = high ? low : i;
			high = i + 1;
		} else if (high) {
			ceno_pages_unmap(owner, p->gva + low * CENO_PAGE, (high - low) * CENO_PAGE);
			high = 0;
		}
	}
	if (high)
		ceno_pages_unmap(owner, p->gva + low * CENO_PAGE, (high - low) * CENO_PAGE);
}

/* The bytes that the page has in the new vm, into the frame that stays. */
static void fill(const struct pair *p, unsigned i)
{
	uint64_t gva = p->gva + i * CENO_PAGE, own = p->to[i];
	const struct ceno_area *area = ceno_areas_find(p->vm, gva);
	void *to = ceno_ram(ceno_pte_frame(p->from[i]));
	const void *from = own & CENO_PTE_RAM ? ceno_ram(ceno_pte_frame(own)) : area->file ? packed(area, gva) : NULL;

	if (!from)
		memset(to, 0, CENO_PAGE);
	else if (from != to)
		memcpy(to, from, CENO_PAGE);
}

static int is_writable(struct ceno_vm *vm, uint64_t gva)
{
	return (ceno_areas_find(vm, gva)->prot & LX_PROT_WRITE) != 0;
}

static void settle_page(struct pair *p, unsigned i)
{
	uint64_t gva = p->gva + i * CENO_PAGE, bits = CENO_PTE_RAM | CENO_PTE_HW;

	if (!(p->from[i] & CENO_PTE_RAM)) {
		p->to[i] = CENO_PTE_HW;
		return;
	}
	fill(p, i);
	if (p->to[i] & CENO_PTE_RAM)
		ceno_pages_free(p->vm, p->to[i]);
	if (is_writable(p->vm, gva) && (!is_writable(p->husk, gva) || (p->from[i] & CENO_PTE_RO)))
		bits |= CENO_PTE_RO; /* it may be written, but is not mapped so */
	p->to[i] = ceno_pte_frame(p->from[i]) | bits;
	p->vm->pages++;
	p->husk->pages--;
}

/* The table is the vm's now; the husk has nothing there any more. */
static void settle(struct pair *p)
{
	uint64_t *dir = ceno_pages_directory(p->husk, p->gva, 0);

	for (unsigned i = 0; i < CENO_LEAF_PAGES; i++) {
		if (is_fit(p, i))
			settle_page(p, i);
		else if (p->from[i] & CENO_PTE_RAM)
			ceno_pages_free(p->husk, p->from[i]);
	}
	ceno_frames_free(ceno_pte_frame(*dir), 0);
	*dir = 0;
	*ceno_pages_directory(p->vm, p->gva, 0) |= CENO_PTE_HW;
}

/* The husk's space has nothing left if its table has nothing. */
static void let_go(struct ceno_vm *husk)
{
	if (!is_empty(husk))
		return;
	unlink(husk);
	ceno_vm_finish(husk);
}

/* Whether a husk has a table for these 2 MiB; then from is set. */
static int has_table(struct pair *p)
{
	const uint64_t *dir = ceno_pages_directory(p->husk, p->gva, 0);

	if (!dir || !(*dir & CENO_PTE_LEAF))
		return 0;
	p->from = ceno_ram(ceno_pte_frame(*dir));
	return 1;
}

/* Looks for the husk, of those that began as vm did or not so, whose table fits for gva, and best.
 * A program that was executed may have a table of a fork's, but not the other way round: each
 * of a shell's children would take what its own program, and then the next child, wants. */
static int find(struct pair *p, uint64_t gva, uint32_t forked)
{
	struct pair best = { .good = 0 };

	for (p->husk = husks; p->husk; p->husk = p->husk->next) {
		if (p->husk->forked != forked || !has_table(p))
			continue;
		look(p);
		if (is_fit(p, (unsigned)(gva / CENO_PAGE % CENO_LEAF_PAGES)) &&
		    p->good + best.bad > best.good + p->bad) /* the first: more good than bad */
			best = *p;
	}
	if (best.good)
		*p = best;
	return best.good != 0;
}

/* A data segment's pages that the husk could not write any more (RELRO): the dynamic linker is
 * about to write them again. */
static void make_writable(struct pair *p)
{
	p->area = NULL;
	for (unsigned i = 0; i < CENO_LEAF_PAGES; i++) {
		uint64_t gva = p->gva + i * CENO_PAGE;

		if (!is_fit(p, i) || !(p->to[i] & CENO_PTE_RO))
			continue;
		p->area = area_at(p->vm, gva, p->area);
		if (is_pack(p->area))
			(void)ceno_pages_fault(p->vm, gva, LX_PROT_WRITE);
	}
}

int ceno_husk_adopt(struct ceno_vm *vm, uint64_t gva)
{
	struct pair p = { .vm = vm, .gva = CENO_LARGE_DOWN(gva) };
	const uint64_t *dir;
	int error;

	if (!husks || gva >= CENO_USER_END)
		return 0;
	dir = ceno_pages_directory(vm, gva, 0);
	if (dir && (*dir & (CENO_PTE_RAM | CENO_PTE_HW)))
		return 0;
	p.to = dir && *dir ? ceno_ram(ceno_pte_frame(*dir)) : NULL;
	if (!find(&p, gva, vm->forked) && (vm->forked || !find(&p, gva, 1)))
		return 0;
	pinned = p.husk;
	p.to = ceno_pages_leaf(vm, p.gva);
	pinned = NULL;
	if (!p.to)
		return 0;
	take_out(&p, p.husk);
	error = ceno_space_move(vm, p.husk, p.gva);
	if (error) /* no pool page: it goes the way of all others */
		(void)ceno_pages_discard(p.husk, p.gva, p.gva + CENO_LARGE_PAGE);
	else
		settle(&p);
	let_go(p.husk);
	if (!error)
		make_writable(&p);
	return !error;
}

int ceno_vm_bring(struct ceno_vm *vm, uint64_t gva, int access)
{
	return ceno_husk_adopt(vm, gva) ? 0 : ceno_pages_fault(vm, gva, access);
}

int ceno_vm_bring_pieces(struct ceno_vm *vm, const struct ceno_area *area, uint64_t gva, int access)
{
	uint64_t end = area->end < gva + PIECES_MAX ? area->end : gva + PIECES_MAX;
	int error = 0;

	for (; gva < end && error != -LX_ENOMEM; gva = CENO_LARGE_DOWN(gva) + CENO_LARGE_PAGE)
		error = ceno_vm_bring(vm, gva, access);
	return error;
}

/* ---- whole spaces ---------------------------------------------------------------- */

static void take_over_table(struct pair *p)
{
	const uint64_t *dir = ceno_pages_directory(p->vm, p->gva, 0);
	int large = dir && (*dir & CENO_PTE_RAM);

	p->to = dir && *dir && !large ? ceno_ram(ceno_pte_frame(*dir)) : NULL;
	look(p);
	p->to = large || !p->good ? NULL : ceno_pages_leaf(p->vm, p->gva);
	if (!p->to) { /* a large page, or nothing fits, or no RAM: all of it goes, but for the hardware's table */
		ceno_pages_unmap(p->vm, p->gva, CENO_LARGE_PAGE);
		(void)ceno_pages_discard(p->husk, p->gva, p->gva + CENO_LARGE_PAGE);
		return;
	}
	take_out(p, p->vm);
	settle(p);
}

int ceno_husk_take_over(struct ceno_vm *vm)
{
	struct pair p = { .vm = vm };

	for (p.husk = husks; p.husk && (!p.husk->forked || p.husk->pool_pages < vm->pool_pages); p.husk = p.husk->next)
		;
	if (!p.husk)
		return 0;
	vm->slot = p.husk->slot;
	vm->pool_pages = p.husk->pool_pages;
	p.husk->slot = 0;
	unlink(p.husk);
	for (p.gva = 0; ceno_pages_next(p.husk, &p.gva, CENO_USER_END); p.gva += CENO_LARGE_PAGE) {
		p.gva = CENO_LARGE_DOWN(p.gva);
		if (has_table(&p))
			take_over_table(&p);
	}
	ceno_vm_finish(p.husk);
	return 1;
}
