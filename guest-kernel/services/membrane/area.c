/*
 * The table of areas. See vm.h. Sorted by address; a program has tens of them,
 * so moving the tail of the table is cheaper than any tree.
 */
#include "frames.h"
#include "vm.h"

static struct ceno_area *areas; /* CENO_AREAS of them */
static uint32_t count;

void ceno_areas_init(void)
{
	areas = ceno_frames_table(CENO_AREAS * sizeof(*areas));
	count = 0;
}

void ceno_areas_reset(void)
{
	count = 0;
}
uint32_t ceno_areas_count(void)
{
	return count;
}
struct ceno_area *ceno_areas_at(uint32_t i)
{
	return &areas[i];
}

/* First area that ends above gva. */
static uint32_t first_above(uint64_t gva)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (areas[mid].end <= gva)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct ceno_area *ceno_areas_find(uint64_t gva)
{
	uint32_t i = first_above(gva);

	return i < count && areas[i].start <= gva ? &areas[i] : NULL;
}

int ceno_areas_free(uint64_t start, uint64_t end)
{
	uint32_t i = first_above(start);

	return i == count || areas[i].start >= end;
}

int ceno_areas_cover(uint64_t start, uint64_t end)
{
	for (uint32_t i = first_above(start); start < end; i++) {
		if (i == count || areas[i].start > start)
			return 0;
		start = areas[i].end;
	}
	return 1;
}

int ceno_areas_add(const struct ceno_area *area)
{
	uint32_t i = first_above(area->start);

	if (count == CENO_AREAS)
		return -LX_ENOMEM;
	memmove(&areas[i + 1], &areas[i], (count - i) * sizeof(areas[0]));
	areas[i] = *area;
	count++;
	return 0;
}

static int split_at(uint64_t gva)
{
	struct ceno_area *area = ceno_areas_find(gva), upper;

	if (!area || area->start == gva)
		return 0;
	if (count == CENO_AREAS)
		return -LX_ENOMEM;
	upper = *area;
	upper.start = gva;
	upper.offset += gva - area->start;
	area->end = gva;
	return ceno_areas_add(&upper);
}

int ceno_areas_split(uint64_t start, uint64_t end)
{
	int error = split_at(start);

	return error ? error : split_at(end);
}

void ceno_areas_remove(uint64_t start, uint64_t end)
{
	uint32_t first = first_above(start), last = first;

	while (last < count && areas[last].end <= end)
		last++;
	memmove(&areas[first], &areas[last], (count - last) * sizeof(areas[0]));
	count -= last - first;
}

static int continues(const struct ceno_area *a, const struct ceno_area *b)
{
	if (a->end != b->start || a->prot != b->prot || a->kind != b->kind || a->flags != b->flags)
		return 0;
	return a->kind == CENO_AREA_ANON || (a->offset + (a->end - a->start) == b->offset && a->limit == b->limit);
}

void ceno_areas_merge(uint64_t start, uint64_t end)
{
	uint32_t i = first_above(start);

	if (i > 0)
		i--;
	while (i + 1 < count && areas[i].start <= end) {
		if (!continues(&areas[i], &areas[i + 1])) {
			i++;
			continue;
		}
		areas[i].end = areas[i + 1].end;
		memmove(&areas[i + 1], &areas[i + 2], (count - i - 2) * sizeof(areas[0]));
		count--;
	}
}

uint64_t ceno_areas_gap(uint64_t bytes, uint64_t bottom, uint64_t top)
{
	uint32_t i = first_above(top - 1);

	if (i < count && areas[i].start < top)
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
