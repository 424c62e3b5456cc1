/*
 * What backs each page of the program, and what of it the hardware maps. See vm.h.
 *
 * Four levels of 512 entries in frames of RAM, shaped like the hardware's. The
 * upper two hold the offset of the next table. A directory entry (2 MiB) is
 * nothing, a leaf table, one large frame of RAM, or a large piece of the pack;
 * a leaf entry (4 KiB) is nothing, a frame of RAM, or a page of the pack.
 *
 *   directory  LEAF | table      BIG_RAM [HW] | frame      BIG_PACK
 *   leaf       RAM [HW] | frame  HW (a page of the pack, where the area says)
 *
 * HW: mapped by MAP, with the area's rights, a page of the pack never writable.
 * A first touch brings in up to 16 pages of RAM or 64 of the pack at once.
 */
#include "vm.h"

#include "frames.h"
#include "pack.h"

#define LEAF          1ull
#define BIG_RAM       2ull
#define BIG_PACK      4ull
#define BIG_HW        8ull
#define RAM           1ull
#define HW            2ull
#define AROUND_ORDER  4u
#define AROUND        (CENO_PAGE << AROUND_ORDER)
#define AROUND_PACK   (64 * CENO_PAGE) /* needs no frames, and little of the nucleus */
#define LARGE_DOWN(x) ((x) & ~(CENO_LARGE_PAGE - 1))

#define NO_ROOT 0ull /* frame 0 is never handed out */

static uint64_t root;

static uint64_t frame_of(uint64_t entry)
{
	return CENO_PAGE_DOWN(entry);
}

/* Entry of the table at `table` for this level (1: leaf ... 4: root). */
static uint64_t *entry_at(uint64_t table, uint64_t gva, unsigned level)
{
	return (uint64_t *)ceno_ram(table) + (gva >> (12 + 9 * (level - 1)) & 511);
}

/* The directory entry of gva's 2 MiB; NULL if there is none and create is 0, or no RAM. */
static uint64_t *directory(uint64_t gva, int create)
{
	uint64_t table = root;

	for (unsigned level = 4; level > 2; level--) {
		uint64_t *entry = entry_at(table, gva, level);

		if (!*entry) {
			uint64_t frame = create ? ceno_frames_alloc(0) : CENO_NO_FRAME;

			if (frame == CENO_NO_FRAME)
				return NULL;
			*entry = frame;
		}
		table = *entry;
	}
	return entry_at(table, gva, 2);
}

/* The first directory entry in use at or above *gva, below end; moves *gva to it. */
static uint64_t *next_directory(uint64_t *gva, uint64_t end)
{
	while (*gva < end) {
		uint64_t *entry = entry_at(root, *gva, 4);
		unsigned level = 4;

		if (*entry) {
			entry = entry_at(*entry, *gva, 3);
			level = 3;
		}
		if (level == 3 && *entry) {
			entry = entry_at(*entry, *gva, 2);
			level = 2;
		}
		if (*entry)
			return entry;
		*gva = ((*gva >> (12 + 9 * (level - 1))) + 1) << (12 + 9 * (level - 1));
	}
	return NULL;
}

static void unmap(uint64_t gva, uint64_t bytes)
{
	int64_t result;

	do
		result = ceno_map(CENO_SLOT_PROCESS, -1, gva, 0, bytes, 0);
	while (result == CENO_E_AGAIN);
	if (result < 0)
		ceno_membrane_abort();
}

/* -LX_EEXIST: the hardware still has a (now empty) table of small entries where one
 * large entry should go. */
static int map(int64_t object, uint64_t gva, uint64_t offset, uint64_t bytes, uint32_t rights)
{
	int64_t result;

	do
		result = ceno_map(CENO_SLOT_PROCESS, object, gva, offset, bytes, rights);
	while (result == CENO_E_AGAIN);
	if (result == CENO_E_POOL)
		return -LX_ENOMEM;
	if (result == CENO_E_EXISTS && bytes == CENO_LARGE_PAGE)
		return -LX_EEXIST;
	if (result < 0)
		ceno_membrane_abort();
	return 0;
}

static uint32_t rights_of(const struct ceno_area *area, int from_pack)
{
	uint32_t rights = CENO_RIGHT_READ;

	if ((area->prot & LX_PROT_WRITE) && !from_pack)
		rights |= CENO_RIGHT_WRITE;
	if ((area->prot & LX_PROT_EXEC) && from_pack)
		rights |= CENO_RIGHT_EXECUTE;
	return rights;
}

/* Turns a large entry into 512 small ones (RAM) or nothing (pack). */
static int split(uint64_t *dir, uint64_t gva)
{
	uint64_t leaf, *table;

	if (*dir & BIG_PACK) {
		unmap(LARGE_DOWN(gva), CENO_LARGE_PAGE);
		*dir = 0;
	}
	if (!(*dir & BIG_RAM))
		return 0;
	leaf = ceno_frames_alloc(0);
	if (leaf == CENO_NO_FRAME)
		return -LX_ENOMEM;
	if (*dir & BIG_HW)
		unmap(LARGE_DOWN(gva), CENO_LARGE_PAGE);
	table = ceno_ram(leaf);
	for (uint64_t i = 0; i < 512; i++)
		table[i] = (frame_of(*dir) + i * CENO_PAGE) | RAM;
	*dir = leaf | LEAF;
	return 0;
}

/* The leaf entry of gva, made if it does not exist; NULL: no RAM. */
static uint64_t *leaf_entry(uint64_t gva)
{
	uint64_t *dir = directory(gva, 1);

	if (!dir || split(dir, gva))
		return NULL;
	if (!*dir) {
		uint64_t leaf = ceno_frames_alloc(0);

		if (leaf == CENO_NO_FRAME)
			return NULL;
		*dir = leaf | LEAF;
	}
	return entry_at(frame_of(*dir), gva, 1);
}

static void discard_leaf(uint64_t *dir, uint64_t start, uint64_t end)
{
	uint64_t *first = entry_at(frame_of(*dir), start, 1), low = 0, high = 0, bytes = end - start;

	for (uint64_t at = 0, i = 0; at < bytes; at += CENO_PAGE, i++) {
		if (first[i] & HW) {
			low = high ? low : at;
			high = at + CENO_PAGE;
		}
	}
	if (high)
		unmap(start + low, high - low);
	for (uint64_t i = 0; i < bytes / CENO_PAGE; i++) {
		if (first[i] & RAM)
			ceno_frames_free(frame_of(first[i]), 0);
		first[i] = 0;
	}
	if (bytes == CENO_LARGE_PAGE) {
		ceno_frames_free(frame_of(*dir), 0);
		*dir = 0;
	}
}

int ceno_pages_discard(uint64_t start, uint64_t end)
{
	uint64_t *dir;

	while ((dir = next_directory(&start, end))) {
		uint64_t stop = LARGE_DOWN(start) + CENO_LARGE_PAGE;
		int whole = start % CENO_LARGE_PAGE == 0 && stop <= end;

		stop = stop < end ? stop : end;
		if (whole && (*dir & BIG_RAM)) {
			if (*dir & BIG_HW)
				unmap(start, CENO_LARGE_PAGE);
			ceno_frames_free(frame_of(*dir), CENO_ORDER_LARGE);
			*dir = 0;
		} else if (split(dir, start)) {
			return -LX_ENOMEM;
		}
		if (*dir & LEAF)
			discard_leaf(dir, start, stop);
		start = stop;
	}
	return 0;
}

int ceno_pages_hide(uint64_t start, uint64_t end)
{
	uint64_t *dir;

	while ((dir = next_directory(&start, end))) {
		uint64_t stop = LARGE_DOWN(start) + CENO_LARGE_PAGE, low = 0, high = 0;
		int whole = start % CENO_LARGE_PAGE == 0 && stop <= end;

		stop = stop < end ? stop : end;
		if (whole && (*dir & BIG_HW)) {
			unmap(start, CENO_LARGE_PAGE);
			*dir &= ~BIG_HW;
		} else if (!whole && split(dir, start)) {
			return -LX_ENOMEM;
		} else if (*dir & BIG_PACK) {
			split(dir, start);
		}
		for (uint64_t at = start; (*dir & LEAF) && at < stop; at += CENO_PAGE) {
			uint64_t *entry = entry_at(frame_of(*dir), at, 1);

			if (!(*entry & HW))
				continue;
			low = low ? low : at;
			high = at + CENO_PAGE;
			*entry = *entry & RAM ? *entry & ~HW : 0;
		}
		if (high)
			unmap(low, high - low);
		start = stop;
	}
	return 0;
}

int ceno_pages_private(uint64_t start, uint64_t end)
{
	uint64_t *dir;

	while ((dir = next_directory(&start, end))) {
		uint64_t stop = LARGE_DOWN(start) + CENO_LARGE_PAGE;

		if (*dir & BIG_RAM)
			return 1;
		for (; (*dir & LEAF) && start < stop && start < end; start += CENO_PAGE)
			if (*entry_at(frame_of(*dir), start, 1) & RAM)
				return 1;
		start = stop;
	}
	return 0;
}

int ceno_pages_move(uint64_t from, uint64_t to, uint64_t bytes)
{
	int error = ceno_pages_hide(from, from + bytes);

	for (uint64_t at = 0; !error && at < bytes; at += CENO_PAGE) {
		uint64_t *dir = directory(from + at, 0), *old, *new;

		if (!dir || !*dir) {
			at = LARGE_DOWN(from + at) + CENO_LARGE_PAGE - from - CENO_PAGE;
			continue;
		}
		old = leaf_entry(from + at);
		if (!old || !(*old & RAM)) {
			error = old ? 0 : -LX_ENOMEM;
			continue;
		}
		new = leaf_entry(to + at);
		if (!new)
			return -LX_ENOMEM;
		*new = *old;
		*old = 0;
	}
	return error;
}

/* ---- first touch ---------------------------------------------------------- */

/* One large frame for an untouched 2 MiB within one area of zeros, while RAM is plentiful.
 * Heap and stack are mostly used for a few pages: they get one only if it need not be
 * zeroed, since that would touch all of it. */
static int touch_large(const struct ceno_area *area, uint64_t *dir, uint64_t gva)
{
	uint64_t start = LARGE_DOWN(gva), frame;

	if (area->kind != CENO_AREA_ANON || start < area->start || start + CENO_LARGE_PAGE > area->end)
		return 0;
	if (ceno_frames_used() + 4 * 512 > ceno_frames_total() - ceno_frames_total() / 4)
		return 0;
	frame = area->flags ? ceno_frames_alloc_fresh() : ceno_frames_alloc(CENO_ORDER_LARGE);
	if (frame == CENO_NO_FRAME)
		return 0;
	*dir = frame | BIG_RAM;
	return 1;
}

static int map_large_pack(const struct ceno_area *area, uint64_t *dir, uint64_t gva)
{
	uint64_t start = LARGE_DOWN(gva), offset = area->offset + (start - area->start);

	if (area->kind != CENO_AREA_PACK || start < area->start || start + CENO_LARGE_PAGE > area->end)
		return 0;
	if (offset % CENO_LARGE_PAGE || offset + CENO_LARGE_PAGE > area->limit)
		return 0;
	if (map(CENO_SLOT_PACK, start, offset, CENO_LARGE_PAGE, rights_of(area, 1)))
		return 0;
	*dir = BIG_PACK;
	return 1;
}

/* Widens [*low, *high) around gva within its window and its area while the entries
 * are as untouched as gva's, or name the frames of RAM next to gva's. */
static void widen(const struct ceno_area *area, uint64_t gva, int access, uint64_t table, uint64_t *low, uint64_t *high)
{
	uint64_t own = *entry_at(table, gva, 1);
	uint64_t around = area->kind == CENO_AREA_PACK && !own && access != LX_PROT_WRITE ? AROUND_PACK : AROUND;
	uint64_t bottom = gva & ~(around - 1), top = bottom + around;

	bottom = bottom < area->start ? area->start : bottom;
	top = top > area->end ? area->end : top;
	if (area->kind == CENO_AREA_PACK && !own && top > area->start + (area->limit - area->offset))
		top = CENO_PAGE_UP(area->start + (area->limit - area->offset));
	*low = CENO_PAGE_DOWN(gva);
	*high = *low + CENO_PAGE;
	while (*low > bottom &&
	       *entry_at(table, *low - CENO_PAGE, 1) == (own ? own - (CENO_PAGE_DOWN(gva) - *low + CENO_PAGE) : 0))
		*low -= CENO_PAGE;
	while (*high < top && *entry_at(table, *high, 1) == (own ? own + (*high - CENO_PAGE_DOWN(gva)) : 0))
		*high += CENO_PAGE;
}

/* Gives [low, high), at most 16 untouched pages, frames of RAM; fewer if RAM is short
 * (then only gva's). Returns 0 or -LX_ENOMEM. */
static int touch_ram(uint64_t gva, uint64_t table, uint64_t *low, uint64_t *high)
{
	uint64_t pages = (*high - *low) / CENO_PAGE, block = CENO_NO_FRAME;

	if (pages > 1)
		block = ceno_frames_alloc(AROUND_ORDER);
	if (block == CENO_NO_FRAME) {
		*low = CENO_PAGE_DOWN(gva);
		*high = *low + CENO_PAGE;
		pages = 1;
		block = ceno_frames_alloc(0);
		if (block == CENO_NO_FRAME)
			return -LX_ENOMEM;
	} else {
		for (uint64_t i = pages; i < (1u << AROUND_ORDER); i++)
			ceno_frames_free(block + i * CENO_PAGE, 0);
	}
	for (uint64_t i = 0; i < pages; i++)
		*entry_at(table, *low + i * CENO_PAGE, 1) = (block + i * CENO_PAGE) | RAM;
	return 0;
}

/* A private copy of pages of the pack that are about to be written. */
static int copy_pack(const struct ceno_area *area, uint64_t gva, uint64_t table, uint64_t *low, uint64_t *high)
{
	uint64_t offset;
	const void *from;
	int error;

	if (*entry_at(table, gva, 1) & HW) {
		unmap(*low, *high - *low);
		for (uint64_t at = *low; at < *high; at += CENO_PAGE)
			*entry_at(table, at, 1) = 0;
	}
	error = touch_ram(gva, table, low, high);
	if (error)
		return error;
	offset = area->offset + (*low - area->start);
	from = ceno_packs_data(offset, *high - *low);
	if (!from)
		return -LX_EIO;
	memcpy(ceno_ram(frame_of(*entry_at(table, *low, 1))), from, *high - *low);
	return 0;
}

/* Pages of the pack all have the entry HW: widen by equality, not by frames. */
static void widen_pack(const struct ceno_area *area, uint64_t gva, uint64_t table, uint64_t *low, uint64_t *high)
{
	uint64_t bottom = gva & ~(AROUND - 1), top = bottom + AROUND, own = *entry_at(table, gva, 1);

	bottom = bottom < area->start ? area->start : bottom;
	top = top > area->end ? area->end : top;
	*low = CENO_PAGE_DOWN(gva);
	*high = *low + CENO_PAGE;
	while (*low > bottom && *entry_at(table, *low - CENO_PAGE, 1) == own)
		*low -= CENO_PAGE;
	while (*high < top && *entry_at(table, *high, 1) == own)
		*high += CENO_PAGE;
}

static int fault_small(const struct ceno_area *area, uint64_t gva, int access)
{
	uint64_t *entry = leaf_entry(gva), table, low, high,
		 offset = area->offset + (CENO_PAGE_DOWN(gva) - area->start);
	int error = 0;

	if (!entry)
		return -LX_ENOMEM;
	table = frame_of(*directory(gva, 0));
	if (!(*entry & RAM) && area->kind == CENO_AREA_PACK && offset >= area->limit)
		return -LX_EIO;
	if (*entry == HW)
		widen_pack(area, gva, table, &low, &high);
	else
		widen(area, gva, access, table, &low, &high);
	if (!(*entry & RAM)) {
		if (area->kind == CENO_AREA_ANON)
			error = touch_ram(gva, table, &low, &high);
		else if (access == LX_PROT_WRITE)
			error = copy_pack(area, gva, table, &low, &high);
		else if (*entry & HW)
			return 1;
	}
	if (error || (*entry & HW))
		return error ? error : 1;
	if (*entry & RAM)
		error = map(CENO_SLOT_RAM, low, frame_of(*entry_at(table, low, 1)), high - low, rights_of(area, 0));
	else
		error = map(CENO_SLOT_PACK, low, area->offset + (low - area->start), high - low, rights_of(area, 1));
	for (uint64_t at = low; !error && at < high; at += CENO_PAGE)
		*entry_at(table, at, 1) |= HW;
	return error;
}

int ceno_pages_fault(uint64_t gva, int access)
{
	struct ceno_area *area = gva < CENO_USER_END ? ceno_areas_find(gva) : NULL;
	uint64_t *dir;

	if (!area || !area->prot || (access != LX_PROT_READ && !(area->prot & access)))
		return -LX_EFAULT;
	dir = directory(gva, 1);
	if (!dir)
		return -LX_ENOMEM;
	if (!*dir)
		touch_large(area, dir, gva);
	if (*dir & BIG_HW)
		return 1;
	if (*dir & BIG_RAM) {
		int error = map(CENO_SLOT_RAM, LARGE_DOWN(gva), frame_of(*dir), CENO_LARGE_PAGE, rights_of(area, 0));

		if (error != -LX_EEXIST) {
			*dir |= error ? 0 : BIG_HW;
			return error;
		}
	}
	if (access == LX_PROT_EXEC && ceno_pages_private(CENO_PAGE_DOWN(gva), CENO_PAGE_DOWN(gva) + CENO_PAGE))
		return -LX_EFAULT;
	if (access != LX_PROT_WRITE && (*dir & BIG_PACK))
		return 1;
	if (access != LX_PROT_WRITE && !*dir && map_large_pack(area, dir, gva))
		return 0;
	return fault_small(area, gva, access);
}

void *ceno_pages_reach(uint64_t gva, int access, uint64_t *bytes, int *error)
{
	struct ceno_area *area = gva < CENO_USER_END ? ceno_areas_find(gva) : NULL;
	uint64_t *dir = area ? directory(gva, 0) : NULL, *entry, offset;

	*bytes = CENO_PAGE - gva % CENO_PAGE;
	*error = -LX_EFAULT;
	if (!area || !area->prot || (access != LX_PROT_READ && !(area->prot & access)))
		return NULL;
	if (!dir || !*dir || !(*dir & BIG_RAM)) {
		entry = dir && (*dir & LEAF) ? entry_at(frame_of(*dir), gva, 1) : NULL;
		if (entry && (*entry & RAM)) {
			*error = 0;
			return (uint8_t *)ceno_ram(frame_of(*entry)) + gva % CENO_PAGE;
		}
		if (area->kind == CENO_AREA_PACK && access != LX_PROT_WRITE) {
			offset = area->offset + (gva - area->start);
			*error = CENO_PAGE_DOWN(offset) < area->limit ? 0 : -LX_EIO;
			return *error ? NULL : (void *)(uintptr_t)ceno_packs_data(offset, *bytes);
		}
		*error = ceno_pages_fault(gva, access);
		dir = *error < 0 ? NULL : directory(gva, 0);
		if (!dir)
			return NULL;
	}
	*error = 0;
	if (*dir & BIG_RAM) {
		*bytes = CENO_LARGE_PAGE - gva % CENO_LARGE_PAGE;
		return (uint8_t *)ceno_ram(frame_of(*dir)) + gva % CENO_LARGE_PAGE;
	}
	return (uint8_t *)ceno_ram(frame_of(*entry_at(frame_of(*dir), gva, 1))) + gva % CENO_PAGE;
}

/* ---- the whole space ------------------------------------------------------- */

void ceno_pages_init(void)
{
	root = NO_ROOT;
}

int ceno_pages_start(void)
{
	uint32_t pool = (uint32_t)(ceno_boot()->ram_bytes / CENO_LARGE_PAGE) * 2 + 64;

	ceno_pages_end();
	root = ceno_frames_alloc(0);
	if (root == CENO_NO_FRAME) {
		root = NO_ROOT;
		return -LX_ENOMEM;
	}
	if (ceno_spawn_process(CENO_SLOT_PROCESS, pool) < 0 || ceno_recv_signal(CENO_SLOT_PROCESS, 1) < 0) {
		ceno_frames_free(root, 0);
		root = NO_ROOT;
		return -LX_ENOMEM;
	}
	return 0;
}

/* Frees a table and everything below it; the space itself is gone already. */
static void free_table(uint64_t table, unsigned level)
{
	uint64_t *entries = ceno_ram(table);

	for (unsigned i = 0; i < 512; i++) {
		if (level > 2 && entries[i])
			free_table(entries[i], level - 1);
		else if (level == 2 && (entries[i] & LEAF))
			free_table(frame_of(entries[i]), 1);
		else if (level == 2 && (entries[i] & BIG_RAM))
			ceno_frames_free(frame_of(entries[i]), CENO_ORDER_LARGE);
		else if (level == 1 && (entries[i] & RAM))
			ceno_frames_free(frame_of(entries[i]), 0);
	}
	ceno_frames_free(table, 0);
}

void ceno_pages_end(void)
{
	int64_t result;

	if (root == NO_ROOT)
		return;
	do
		result = ceno_mask(CENO_SLOT_PROCESS, 0, 0, 0, 0);
	while (result == CENO_E_AGAIN);
	if (result < 0)
		ceno_membrane_abort();
	free_table(root, 4);
	root = NO_ROOT;
}
