/*
 * The table of areas. See vm.h. Sorted by address; a program has tens of them,
 * so moving the tail of the table is cheaper than any tree. The first few lie in the
 * vm's own page, more in a block of frames that doubles.
 */
#include "frames.h"
#include "vm.h"

/* First area that ends above gva. */
static uint32_t first_above(const struct ceno_vm *vm, uint64_t gva)
{
	uint32_t low = 0, high = vm->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (vm->areas[mid].end <= gva)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct ceno_area *ceno_areas_above(struct ceno_vm *vm, uint64_t gva)
{
	uint32_t i = first_above(vm, gva);

	return i < vm->count ? &vm->areas[i] : NULL;
}

struct ceno_area *ceno_areas_find(struct ceno_vm *vm, uint64_t gva)
{
	struct ceno_area *area = ceno_areas_above(vm, gva);

	return area && area->start <= gva ? area : NULL;
}

int ceno_areas_free(struct ceno_vm *vm, uint64_t start, uint64_t end)
{
	uint32_t i = first_above(vm, start);

	return i == vm->count || vm->areas[i].start >= end;
}

int ceno_areas_cover(struct ceno_vm *vm, uint64_t start, uint64_t end)
{
	for (uint32_t i = first_above(vm, start); start < end; i++) {
		if (i == vm->count || vm->areas[i].start > start)
			return 0;
		start = vm->areas[i].end;
	}
	return 1;
}

/* ---- room ------------------------------------------------------------------ */

static void give_block(struct ceno_vm *vm)
{
	if (vm->areas != vm->few)
		ceno_frames_free((uint64_t)(uintptr_t)vm->areas - CENO_RAM_GVA, vm->areas_order);
}

/* Room for `wanted` areas. */
static int reserve(struct ceno_vm *vm, uint32_t wanted)
{
	unsigned order = 1;
	uint64_t block;

	if (wanted <= vm->capacity)
		return 0;
	while ((CENO_PAGE << order) / sizeof(struct ceno_area) < wanted)
		order++;
	block = wanted <= CENO_AREAS_MAX ? ceno_frames_alloc_raw(order) : CENO_NO_FRAME;
	if (block == CENO_NO_FRAME)
		return -LX_ENOMEM;
	memcpy(ceno_ram(block), vm->areas, vm->count * sizeof(struct ceno_area));
	give_block(vm);
	vm->areas = ceno_ram(block);
	vm->areas_order = order;
	vm->capacity = (uint32_t)((CENO_PAGE << order) / sizeof(struct ceno_area));
	return 0;
}

static void hold_file(const struct ceno_area *area)
{
	if (area->file)
		area->file->uses++;
}

static void drop_file(const struct ceno_area *area)
{
	if (!area->file)
		return;
	area->file->uses--;
	ceno_inode_settle(area->file);
}

/* ---- change ----------------------------------------------------------------- */

int ceno_areas_add(struct ceno_vm *vm, const struct ceno_area *area)
{
	uint32_t i = first_above(vm, area->start);

	if (reserve(vm, vm->count + 1))
		return -LX_ENOMEM;
	memmove(&vm->areas[i + 1], &vm->areas[i], (vm->count - i) * sizeof(*area));
	vm->areas[i] = *area;
	vm->count++;
	hold_file(area);
	return 0;
}

static void split_at(struct ceno_vm *vm, uint64_t gva)
{
	struct ceno_area *area = ceno_areas_find(vm, gva), upper;

	if (!area || area->start == gva)
		return;
	upper = *area;
	upper.start = gva;
	upper.offset += upper.file ? gva - area->start : 0;
	area->end = gva;
	(void)ceno_areas_add(vm, &upper); /* there is room */
}

static uint32_t is_inside(struct ceno_vm *vm, uint64_t gva)
{
	const struct ceno_area *area = ceno_areas_find(vm, gva);

	return area && area->start != gva;
}

int ceno_areas_split(struct ceno_vm *vm, uint64_t start, uint64_t end)
{
	if (reserve(vm, vm->count + is_inside(vm, start) + is_inside(vm, end)))
		return -LX_ENOMEM;
	split_at(vm, start);
	split_at(vm, end);
	return 0;
}

void ceno_areas_remove(struct ceno_vm *vm, uint64_t start, uint64_t end)
{
	uint32_t first = first_above(vm, start), last = first;

	while (last < vm->count && vm->areas[last].end <= end)
		drop_file(&vm->areas[last++]);
	memmove(&vm->areas[first], &vm->areas[last], (vm->count - last) * sizeof(struct ceno_area));
	vm->count -= last - first;
}

static int continues(const struct ceno_area *a, const struct ceno_area *b)
{
	if (a->end != b->start || a->prot != b->prot || a->file != b->file || a->flags != b->flags)
		return 0;
	return !a->file || a->offset + (a->end - a->start) == b->offset;
}

void ceno_areas_merge(struct ceno_vm *vm, uint64_t start, uint64_t end)
{
	uint32_t i = first_above(vm, start);

	if (i > 0)
		i--;
	while (i + 1 < vm->count && vm->areas[i].start <= end) {
		if (!continues(&vm->areas[i], &vm->areas[i + 1])) {
			i++;
			continue;
		}
		vm->areas[i].end = vm->areas[i + 1].end;
		drop_file(&vm->areas[i + 1]);
		memmove(&vm->areas[i + 1], &vm->areas[i + 2], (vm->count - i - 2) * sizeof(struct ceno_area));
		vm->count--;
	}
}

uint64_t ceno_areas_gap(struct ceno_vm *vm, uint64_t bytes, uint64_t bottom, uint64_t top)
{
	const struct ceno_area *areas = vm->areas;
	uint32_t i = first_above(vm, top - 1);

	if (i < vm->count && areas[i].start < top)
		top = areas[i].start;
	for (;;) {
		uint64_t floor = i > 0 && areas[i - 1].end > bottom ? areas[i - 1].end : bottom;

		if (top > floor && top - floor >= bytes)
			return top - bytes;
		if (i == 0 || areas[i - 1].start <= bottom)
			return 0;
		top = areas[--i].start;
	}
}

/* ---- the whole ---------------------------------------------------------------- */

int ceno_areas_copy(struct ceno_vm *to, struct ceno_vm *from)
{
	if (reserve(to, from->count))
		return -LX_ENOMEM;
	for (uint32_t i = 0; i < from->count; i++) {
		if (from->areas[i].flags & CENO_AREA_DONTFORK)
			continue;
		to->areas[to->count++] = from->areas[i];
		hold_file(&from->areas[i]);
	}
	return 0;
}

void ceno_areas_end(struct ceno_vm *vm)
{
	for (uint32_t i = 0; i < vm->count; i++)
		drop_file(&vm->areas[i]);
	vm->count = 0;
	give_block(vm);
	vm->areas = vm->few;
	vm->capacity = sizeof(vm->few) / sizeof(vm->few[0]);
}

int ceno_area_within(const struct ceno_area *area, uint64_t gva)
{
	return area->offset + (CENO_PAGE_DOWN(gva) - area->start) < CENO_PAGE_UP(area->file->size);
}
