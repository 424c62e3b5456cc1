/*
 * First touch, and first write: what puts pages into a vm's table. See vm.h, pages.h.
 *
 * A fault brings in what lies around it too, as far as one MAP can: entries next to
 * one another in one leaf table, all of the same kind, in frames next to one another.
 */
#include "pack.h"
#include "pages.h"
#include "text.h"

/* Pages that come together, each number a power of two. A fault costs as much as 80 entries more, and
 * what a program is made of is mostly touched; a page of RAM costs its copy, too. */
#define AROUND_RAM  32u
#define AROUND_HEAP 64u
#define AROUND_PACK 128u /* also for data segments, and for mapping what is there */
#define AROUND_DATA 256u /* of a program; fewer than a leaf table has, which MAP would take for one large page */
#define AROUND_CODE CENO_LEAF_PAGES

#define OVERHANG_MIN (32u * CENO_PAGE) /* of an area, for a large page that hangs over it */
#define AROUND_FEW   16u            /* both, in what fork made: it mostly ends soon, and each entry costs then, too */
#define DATA_MAX     (4ull << 20)   /* bytes of a segment of data */
#define DATA_MUCH    (512ull << 10) /* of a program's data: it will have a large heap, too */

/* Pages [low, high) around gva, all in one area and one leaf table. */
struct run {
	const struct ceno_area *area;
	uint64_t gva, low, high;
	uint64_t *first; /* entry of low */
};

static uint64_t run_pages(const struct run *run)
{
	return (run->high - run->low) / CENO_PAGE;
}

static uint64_t file_offset(const struct ceno_area *area, uint64_t gva)
{
	return area->offset + (CENO_PAGE_DOWN(gva) - area->start);
}

static int is_pack(const struct ceno_area *area)
{
	return area->file && area->file->kind == CENO_INODE_PACK;
}

static int is_shared(const struct ceno_area *area)
{
	return (area->flags & CENO_AREA_SHARED) != 0;
}

/* Whether a page of RAM may be written where it is. */
static int is_own(const struct ceno_area *area, uint64_t entry)
{
	return !(entry & CENO_PTE_TEXT) && (is_shared(area) || !ceno_frames_shared(ceno_pte_frame(entry), 0));
}

static uint32_t rights_of(const struct ceno_area *area, int writable, int executable)
{
	uint32_t rights = CENO_RIGHT_READ;

	if ((area->prot & LX_PROT_WRITE) && writable)
		rights |= CENO_RIGHT_WRITE;
	if ((area->prot & LX_PROT_EXEC) && executable)
		rights |= CENO_RIGHT_EXECUTE;
	return rights;
}

/* ---- runs ----------------------------------------------------------------------- */

/* Whether the entry `ahead` pages after an entry `own` is of its kind. */
static int alike(const struct ceno_area *area, uint64_t own, uint64_t entry, uint64_t ahead)
{
	if (!(own & CENO_PTE_RAM))
		return entry == own;
	return entry == own + ahead * CENO_PAGE && is_own(area, entry) == is_own(area, own);
}

/* The run of entries like gva's, within `around` pages of it. What is not larger than that is one piece. */
static struct run run_around(const struct ceno_area *area, uint64_t gva, uint64_t *entry, uint64_t around)
{
	uint64_t pages = area->end - area->start <= around * CENO_PAGE ? CENO_LEAF_PAGES : around;
	uint64_t bottom = gva & ~(pages * CENO_PAGE - 1), top = bottom + pages * CENO_PAGE;
	struct run run = { area, gva, CENO_PAGE_DOWN(gva), CENO_PAGE_DOWN(gva) + CENO_PAGE, entry };

	bottom = bottom < area->start ? area->start : bottom;
	top = top > area->end ? area->end : top;
	if (area->file && !(*entry & CENO_PTE_RAM))
		while (top > run.high && !ceno_area_within(area, top - CENO_PAGE))
			top -= CENO_PAGE;
	while (run.low > bottom &&
	       alike(area, *(run.first - 1), *entry, (CENO_PAGE_DOWN(gva) - run.low) / CENO_PAGE + 1)) {
		run.low -= CENO_PAGE;
		run.first--;
	}
	while (run.high < top &&
	       alike(area, *entry, run.first[run_pages(&run)], run.high / CENO_PAGE - gva / CENO_PAGE))
		run.high += CENO_PAGE;
	return run;
}

static void only_one(struct run *run)
{
	run->first += (CENO_PAGE_DOWN(run->gva) - run->low) / CENO_PAGE;
	run->low = CENO_PAGE_DOWN(run->gva);
	run->high = run->low + CENO_PAGE;
}

/* Frames for the run, one after another: raw or zero. Fewer if RAM is short (then only
 * gva's). Returns the first, or CENO_NO_FRAME. */
static uint64_t frames_for(struct run *run, int raw)
{
	unsigned order = 0;
	uint64_t block = CENO_NO_FRAME, pages = run_pages(run);

	while (1u << order < pages)
		order++;
	if (order)
		block = raw ? ceno_frames_alloc_raw(order) : ceno_frames_alloc(order);
	if (block == CENO_NO_FRAME) {
		only_one(run);
		return raw ? ceno_frames_alloc_raw(0) : ceno_frames_alloc(0);
	}
	for (uint64_t i = pages; i < 1u << order; i++)
		ceno_frames_free(block + i * CENO_PAGE, 0);
	return block;
}

/* Entries for frames that follow one another. */
static void enter(struct ceno_vm *vm, const struct run *run, uint64_t frame, uint64_t bits)
{
	for (uint64_t i = 0; i < run_pages(run); i++, frame += CENO_PAGE) {
		if (run->first[i] & CENO_PTE_RAM)
			ceno_pages_free(vm, run->first[i]);
		run->first[i] = frame | CENO_PTE_RAM | bits;
		vm->pages++;
	}
}

/* ---- contents --------------------------------------------------------------------- */

/* The bytes of a page as it is now, private or the file's. NULL: zeros. */
static const void *bytes_of(const struct ceno_area *area, uint64_t gva, uint64_t entry, int *error)
{
	const void *bytes;

	if (entry & CENO_PTE_RAM)
		return ceno_ram(ceno_pte_frame(entry));
	if (!area->file)
		return NULL;
	if (!is_pack(area))
		return ceno_inode_page(area->file, file_offset(area, gva) / CENO_PAGE, 0);
	bytes = ceno_packs_data(area->file->stored.offset + file_offset(area, gva), CENO_PAGE);
	if (!bytes)
		*error = -LX_ENOMEM;
	return bytes;
}

static int copy_bytes(const struct run *run, void *to)
{
	uint8_t *out = to;
	int error = 0;

	for (uint64_t i = 0; i < run_pages(run); i++, out += CENO_PAGE) {
		const void *from = bytes_of(run->area, run->low + i * CENO_PAGE, run->first[i], &error);

		if (from)
			memcpy(out, from, CENO_PAGE);
		else
			memset(out, 0, CENO_PAGE);
	}
	return error;
}

/* Gives the run frames of its own with the bytes it has now. Of a file in RAM one page: until
 * a page of it is written, what the file gets is seen there. */
static int copy_run(struct ceno_vm *vm, struct run *run)
{
	uint64_t frame;
	int error;

	if (run->area->file && !is_pack(run->area))
		only_one(run);
	frame = frames_for(run, 1);
	if (frame == CENO_NO_FRAME)
		return -LX_ENOMEM;
	error = copy_bytes(run, ceno_ram(frame));
	if (error) {
		for (uint64_t i = 0; i < run_pages(run); i++)
			ceno_frames_free(frame + i * CENO_PAGE, 0);
		return error;
	}
	enter(vm, run, frame, 0);
	return 0;
}

static int zero_run(struct ceno_vm *vm, struct run *run)
{
	uint64_t frame = frames_for(run, 0);

	if (frame == CENO_NO_FRAME)
		return -LX_ENOMEM;
	enter(vm, run, frame, 0);
	return 0;
}

/* Code: the same bytes in frames for text. None of it is mapped: an area becomes
 * executable by mprotect, which hides it. */
static int text_run(struct ceno_vm *vm, struct run *run)
{
	uint64_t frame;
	void *at;
	int error;

	if (run_pages(run) > CENO_TEXT_PAGES)
		only_one(run);
	frame = ceno_text_open((uint32_t)run_pages(run), &at);
	if (frame == CENO_NO_FRAME && run_pages(run) > 1) {
		only_one(run);
		frame = ceno_text_open(1, &at);
	}
	if (frame == CENO_NO_FRAME)
		return -LX_ENOMEM;
	error = copy_bytes(run, at);
	ceno_text_close();
	if (error) {
		for (uint64_t i = 0; i < run_pages(run); i++)
			ceno_text_free(frame + i * CENO_PAGE);
		return error;
	}
	enter(vm, run, frame, CENO_PTE_TEXT);
	return 0;
}

/* Pages of a file in RAM, shared with it: those around gva that follow one another. */
static int share_run(struct ceno_vm *vm, struct run *run)
{
	const struct ceno_area *area = run->area;
	uint64_t own = CENO_NO_FRAME, frame;

	for (uint64_t i = 0; i < run_pages(run); i++) {
		uint64_t gva = run->low + i * CENO_PAGE;
		const void *page =
		    ceno_inode_page(area->file, file_offset(area, gva) / CENO_PAGE, gva == CENO_PAGE_DOWN(run->gva));

		if (!page)
			continue;
		frame = (uint64_t)(uintptr_t)page - CENO_RAM_GVA;
		ceno_frames_share(frame, 0);
		run->first[i] = frame | CENO_PTE_RAM;
		vm->pages++;
		if (gva == CENO_PAGE_DOWN(run->gva))
			own = frame;
	}
	return own == CENO_NO_FRAME ? -LX_EIO : 0; /* a full file system, as Linux's tmpfs says it */
}

/* ---- small pages -------------------------------------------------------------------- */

static int is_code_of(const struct ceno_vm *vm, const struct ceno_area *area, const struct ceno_inode *file)
{
	return area >= vm->areas && area < vm->areas + vm->count && area->file == file && (area->prot & LX_PROT_EXEC);
}

/* Code, or what lies before or behind it in the same file: its symbols, its constants. */
static int is_code(const struct ceno_vm *vm, const struct ceno_area *area)
{
	return is_code_of(vm, area, area->file) || is_code_of(vm, area - 1, area->file) ||
	    is_code_of(vm, area + 1, area->file);
}

/* Data of the program itself, which is loaded before there is a heap: what a start does not write of it, it reads. */
static int is_programs(const struct ceno_vm *vm, const struct ceno_area *area)
{
	return vm->data_bytes && (area->end <= vm->brk_start || !vm->brk_start);
}

/* How many pages come with the first touch of one. */
static uint64_t around(const struct ceno_vm *vm, const struct ceno_area *area)
{
	if (vm->forked)
		return AROUND_FEW;
	if (is_pack(area) && (area->prot & LX_PROT_WRITE))
		return is_programs(vm, area) ? AROUND_DATA : AROUND_PACK;
	if (is_pack(area))
		return is_code(vm, area) ? AROUND_CODE : AROUND_PACK;
	return area->flags & CENO_AREA_BRK ? AROUND_HEAP : AROUND_RAM;
}

/* What an untouched page of the area becomes, for this access. */
static int touch(struct ceno_vm *vm, struct run *run, int access)
{
	const struct ceno_area *area = run->area;

	if (!area->file)
		return area->prot & LX_PROT_EXEC ? text_run(vm, run) : zero_run(vm, run);
	if (is_shared(area))
		return share_run(vm, run);
	if (area->prot & LX_PROT_EXEC)
		return text_run(vm, run);
	return access == LX_PROT_WRITE ? copy_run(vm, run) : share_run(vm, run);
}

/* Something of these 2 MiB is in the hardware's tables from now on. */
static void note_mapped(struct ceno_vm *vm, uint64_t gva)
{
	*ceno_pages_directory(vm, gva, 0) |= CENO_PTE_HW;
}

/* Maps the run around gva as its entries say. replace: something of it may be mapped. */
static int map_ram(struct ceno_vm *vm, const struct ceno_area *area, uint64_t gva, uint64_t *entry, uint32_t replace)
{
	uint64_t pages = vm->forked ? AROUND_FEW : around(vm, area) >= AROUND_DATA ? AROUND_DATA : AROUND_PACK;
	struct run run = run_around(area, gva, entry, pages);
	int own = is_own(area, *entry), error;
	uint64_t bits = CENO_PTE_HW | ((area->prot & LX_PROT_WRITE) && !own ? CENO_PTE_RO : 0);

	if (!vm->slot)
		return 0;
	error = ceno_space_map(vm, CENO_SLOT_RAM, run.low, ceno_pte_frame(run.first[0]), run.high - run.low,
	                       rights_of(area, own, (*entry & CENO_PTE_TEXT) != 0) | replace);
	for (uint64_t i = 0; !error && i < run_pages(&run); i++)
		run.first[i] = (run.first[i] & ~CENO_PTE_RO) | bits;
	if (!error)
		note_mapped(vm, gva);
	return error == -LX_EAGAIN ? 0 : error;
}

static int map_pack(struct ceno_vm *vm, struct run *run)
{
	uint64_t offset = run->area->file->stored.offset + file_offset(run->area, run->low);
	uint32_t slot = ceno_packs_slot(&offset);
	int error;

	if (!vm->slot)
		return 0;
	error = ceno_space_map(vm, slot, run->low, offset, run->high - run->low, rights_of(run->area, 0, 1));
	for (uint64_t i = 0; !error && i < run_pages(run); i++)
		run->first[i] = CENO_PTE_HW;
	if (!error)
		note_mapped(vm, run->gva);
	return error == -LX_EAGAIN ? 0 : error;
}

/* A page of RAM that is there: made writable or executable if that is what is wanted. */
static int fault_ram(struct ceno_vm *vm, const struct ceno_area *area, uint64_t gva, uint64_t *entry, int access)
{
	int write = access == LX_PROT_WRITE, text = (*entry & CENO_PTE_TEXT) != 0;
	int code = (area->prot & LX_PROT_EXEC) && !text, copy = write && !is_own(area, *entry), error = 0;
	uint32_t replace = *entry & CENO_PTE_HW ? CENO_MAP_REPLACE : 0;
	struct run run;

	if (!code && !copy && replace && !(write && (*entry & CENO_PTE_RO)))
		return 1;
	if (code || copy) {
		run = run_around(area, gva, entry, vm->forked ? AROUND_FEW : AROUND_RAM);
		error = code ? text_run(vm, &run) : copy_run(vm, &run);
	}
	return error ? error : map_ram(vm, area, gva, entry, replace);
}

/* Data of a program: what is read of it is mostly written soon after, and replacing a
 * mapping costs as much as three new ones. */
static int soon_written(const struct ceno_area *area)
{
	return (area->prot & LX_PROT_WRITE) && area->end - area->start <= DATA_MAX;
}

static int fault_small(struct ceno_vm *vm, const struct ceno_area *area, uint64_t gva, int access)
{
	uint64_t *entry = ceno_pages_leaf(vm, gva);
	uint32_t replace = 0;
	struct run run;
	int error;

	if (!entry)
		return -LX_ENOMEM;
	if (*entry & CENO_PTE_RAM)
		return fault_ram(vm, area, gva, entry, access);
	if (is_pack(area) && access != LX_PROT_WRITE && !soon_written(area)) {
		if (*entry & CENO_PTE_HW)
			return 1;
		run = run_around(area, gva, entry, around(vm, area));
		return map_pack(vm, &run);
	}
	run = run_around(area, gva, entry, around(vm, area));
	if (*entry & CENO_PTE_HW)
		replace = CENO_MAP_REPLACE; /* of the pack, about to be written */
	error = is_pack(area) ? copy_run(vm, &run) : touch(vm, &run, access);
	return error ? error : map_ram(vm, area, gva, entry, replace);
}

/* ---- large pages ---------------------------------------------------------------------- */

static int holds_large(const struct ceno_area *area, uint64_t start)
{
	return start >= area->start && start + CENO_LARGE_PAGE <= area->end;
}

/* Whether a large page may hang over the area: nothing else is there, or memory of the same
 * kind. Not in the first and the last 2 MiB, which have pages that are never there. */
static int may_overhang(const struct ceno_vm *vm, const struct ceno_area *area, uint64_t start)
{
	uint64_t end = start + CENO_LARGE_PAGE, low = start > area->start ? start : area->start,
		 high = end < area->end ? end : area->end;

	if (start == 0 || end > CENO_USER_END || high - low < OVERHANG_MIN)
		return 0;
	while (area > vm->areas && area[-1].end > start)
		area--;
	for (; area < vm->areas + vm->count && area->start < end; area++)
		if (!ceno_area_is_plain(area))
			return 0;
	return 1;
}

/* kept: the part of RAM that large pages leave to small ones, as 1 to this. */
static int is_plentiful(uint32_t kept)
{
	return ceno_frames_used() + 4 * CENO_LEAF_PAGES <= ceno_frames_total() - ceno_frames_total() / kept;
}

/* One large frame for an untouched 2 MiB of zeros, while RAM is plentiful. A heap, or what is
 * smaller, is mostly used for a few pages: it gets one only if it need not be zeroed, since
 * that would touch all of it; a heap not at its beginning, which is all that a shell uses: each
 * fork would copy it, and no other program could have it after (husk.c); but an interpreter with
 * much data of its own needs more of it at once. Nor does a stack. */
static int touch_large(struct ceno_vm *vm, const struct ceno_area *area, uint64_t *dir, uint64_t gva)
{
	int whole = holds_large(area, CENO_LARGE_DOWN(gva));
	uint64_t frame;

	if ((area->flags & CENO_AREA_BRK) && gva < CENO_LARGE_DOWN(vm->brk_start) + CENO_LARGE_PAGE &&
	    vm->data_bytes < DATA_MUCH)
		return 0;
	if (area->file || (area->prot & LX_PROT_EXEC) || (area->flags & CENO_AREA_STACK) ||
	    !(whole || may_overhang(vm, area, CENO_LARGE_DOWN(gva))))
		return 0;
	if (!is_plentiful(whole ? 4 : 2))
		return 0;
	frame = area->flags || !whole ? ceno_frames_alloc_fresh() : ceno_frames_alloc(CENO_ORDER_LARGE);
	if (frame == CENO_NO_FRAME)
		return 0;
	*dir = frame | CENO_PTE_RAM;
	vm->pages += CENO_LEAF_PAGES;
	return 1;
}

static int map_large_pack(struct ceno_vm *vm, const struct ceno_area *area, uint64_t *dir, uint64_t gva)
{
	uint64_t start = CENO_LARGE_DOWN(gva), offset;
	uint32_t slot;

	if (!is_pack(area) || !vm->slot || !holds_large(area, start))
		return 0;
	offset = area->file->stored.offset + area->offset + (start - area->start);
	if (offset % CENO_LARGE_PAGE || !ceno_area_within(area, start + CENO_LARGE_PAGE - CENO_PAGE))
		return 0;
	slot = ceno_packs_slot(&offset);
	if (ceno_space_map(vm, slot, start, offset, CENO_LARGE_PAGE, rights_of(area, 0, 1)))
		return 0;
	*dir = CENO_PTE_HW;
	return 1;
}

/* A large frame of its own for a shared one, as long as RAM is plentiful: 1 if it got it. What the
 * hardware has is replaced by the MAP that follows. */
static int copy_large(uint64_t *dir)
{
	uint64_t old = ceno_pte_frame(*dir),
		 frame = is_plentiful(4) ? ceno_frames_alloc_raw(CENO_ORDER_LARGE) : CENO_NO_FRAME;

	if (frame == CENO_NO_FRAME)
		return 0;
	memcpy(ceno_ram(frame), ceno_ram(old), CENO_LARGE_PAGE);
	ceno_frames_free(old, CENO_ORDER_LARGE);
	*dir = frame | (*dir & (CENO_PAGE - 1));
	return 1;
}

/* A large page of RAM as a whole. Returns as ceno_pages_fault does; -LX_EEXIST: it has to
 * be split first. */
static int fault_large(struct ceno_vm *vm, const struct ceno_area *area, uint64_t *dir, uint64_t gva, int access)
{
	int own = !ceno_frames_shared(ceno_pte_frame(*dir), CENO_ORDER_LARGE), error;

	if (area->prot & LX_PROT_EXEC)
		return -LX_EEXIST;
	if (access == LX_PROT_WRITE && !own) {
		own = copy_large(dir);
		if (!own)
			return -LX_EEXIST;
	}
	if ((*dir & CENO_PTE_HW) && !(access == LX_PROT_WRITE && (*dir & CENO_PTE_RO)))
		return 1;
	if (!vm->slot)
		return 0;
	error = ceno_space_map(vm, CENO_SLOT_RAM, CENO_LARGE_DOWN(gva), ceno_pte_frame(*dir), CENO_LARGE_PAGE,
	                       rights_of(area, own, 0) | (*dir & CENO_PTE_HW ? CENO_MAP_REPLACE : 0));
	if (!error)
		*dir = (*dir & ~CENO_PTE_RO) | CENO_PTE_HW | ((area->prot & LX_PROT_WRITE) && !own ? CENO_PTE_RO : 0);
	return error == -LX_EAGAIN ? 0 : error;
}

/* ---- from outside ------------------------------------------------------------------------ */

/* The area of gva if it allows the access, else NULL and *error. */
static struct ceno_area *allowed(struct ceno_vm *vm, uint64_t gva, int access, int *error)
{
	struct ceno_area *area = gva < CENO_USER_END ? ceno_areas_find(vm, gva) : NULL;

	*error = area ? -LX_EACCES : -LX_EFAULT;
	if (!area || !area->prot || (access != LX_PROT_READ && !(area->prot & access)))
		return NULL;
	*error = area->file && !ceno_area_within(area, gva) ? -LX_EIO : 0;
	return *error ? NULL : area;
}

int ceno_pages_fault(struct ceno_vm *vm, uint64_t gva, int access)
{
	int error;
	struct ceno_area *area = allowed(vm, gva, access, &error);
	uint64_t *dir = area ? ceno_pages_directory(vm, gva, 1) : NULL;

	if (!dir)
		return error ? error : -LX_ENOMEM;
	if (!*dir)
		touch_large(vm, area, dir, gva);
	if (*dir & CENO_PTE_RAM) {
		error = fault_large(vm, area, dir, gva, access);
		if (error != -LX_EEXIST)
			return error;
	}
	if (access != LX_PROT_WRITE && *dir == CENO_PTE_HW)
		return 1;
	if (access != LX_PROT_WRITE && !*dir && map_large_pack(vm, area, dir, gva))
		return 0;
	return fault_small(vm, area, gva, access);
}

/* Where the bytes are if they need no fault for this access, else NULL. */
static void *present(struct ceno_vm *vm, const struct ceno_area *area, uint64_t gva, int access, uint64_t *bytes)
{
	uint64_t *dir = ceno_pages_directory(vm, gva, 0), *entry;
	int write = access == LX_PROT_WRITE;

	*bytes = CENO_PAGE - gva % CENO_PAGE;
	if (dir && (*dir & CENO_PTE_RAM)) {
		if (write && ceno_frames_shared(ceno_pte_frame(*dir), CENO_ORDER_LARGE))
			return NULL;
		*bytes = CENO_LARGE_PAGE - gva % CENO_LARGE_PAGE;
		*bytes = *bytes < area->end - gva ? *bytes : area->end - gva; /* it may hang over */
		return (uint8_t *)ceno_ram(ceno_pte_frame(*dir)) + gva % CENO_LARGE_PAGE;
	}
	entry = ceno_pages_look(vm, gva);
	if (entry && (*entry & CENO_PTE_RAM))
		return write && !is_own(area, *entry) ? NULL
						      : (uint8_t *)ceno_ram(ceno_pte_frame(*entry)) + gva % CENO_PAGE;
	if (write || !is_pack(area))
		return NULL;
	return (void *)(uintptr_t)ceno_packs_data(area->file->stored.offset + area->offset + (gva - area->start),
	                                          *bytes);
}

void *ceno_pages_reach(struct ceno_vm *vm, uint64_t gva, int access, uint64_t *bytes, int *error)
{
	struct ceno_area *area = allowed(vm, gva, access, error);
	void *at = area ? present(vm, area, gva, access, bytes) : NULL;

	if (at || !area)
		return at;
	*error = ceno_pages_fault(vm, gva, access);
	if (*error < 0)
		return NULL;
	*error = 0;
	at = present(vm, area, gva, access, bytes);
	if (!at)
		*error = -LX_ENOMEM;
	return at;
}
