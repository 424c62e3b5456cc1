/*
 * Regions and windows: frames with page tables of their own.
 *
 *   a space's page directory --.
 *   another space's ------------+--> page table of the region --> frames
 *   the same space elsewhere --'     (leaf entries, filled when it is made)
 *
 * So taking it out of every space is clearing its own leaf entries: the work is
 * bounded by its size, not by who maps it, and is done a table at a time. The directory entries stay until their
 * space drops them, pointing at empty tables; `maps` counts them, and the tables are
 * used for nothing else while there is one. A directory entry carries PTE_SHARED, so
 * that no walk descends into it as into a table of the space's own, and the region's
 * number. It narrows: W and NX of the directory entry hold for all below (SDM vol. 3,
 * 4.6.1).
 */
#include "cpu.h"
#include "frames.h"
#include "nucleus.h"
#include "paging.h"

_Static_assert(CENO_PREPARED_WINDOW(1) == (PTE_SHARED | 1ull << PTE_NUMBER_SHIFT), "the warden makes one too");

int ceno_region_free_number(void)
{
	for (int i = CENO_PLEDGE_COUNT; i < CENO_REGIONS_MAX; i++)
		if (!ceno_cpu.region[i])
			return i;
	return -1;
}

int ceno_region_check_frames(uint64_t gpa, uint64_t bytes, uint32_t rights)
{
	if (!ceno_frames_are_ram(gpa))
		return 0;
	if (rights & CENO_RIGHT_EXECUTE)
		return ceno_frames_check_execute(gpa, bytes / CENO_PAGE);
	return rights & CENO_RIGHT_WRITE ? ceno_frames_check_write(gpa, bytes / CENO_PAGE) : 0;
}

/* It is one mapping of each of its frames while it lives. */
static void count_frames(const struct ceno_region *r)
{
	if (!ceno_frames_are_ram(r->gpa))
		return;
	if (r->rights & CENO_RIGHT_EXECUTE)
		ceno_frames_add_execute(r->gpa, r->bytes / CENO_PAGE);
	else if (r->rights & CENO_RIGHT_WRITE)
		ceno_frames_add_write(r->gpa, r->bytes / CENO_PAGE);
}

static void uncount_frames(const struct ceno_region *r, uint64_t gpa, uint64_t pages)
{
	if (!ceno_frames_are_ram(gpa))
		return;
	if (r->rights & CENO_RIGHT_EXECUTE)
		ceno_frames_sub_execute(gpa, pages);
	else if (r->rights & CENO_RIGHT_WRITE)
		ceno_frames_sub_write(gpa, pages);
}

/* Pages of the region that table i maps. */
static uint64_t pages_in(const struct ceno_region *r, uint64_t i)
{
	uint64_t left = (r->bytes - i * CENO_LARGE_PAGE) / CENO_PAGE;

	return left < ENTRIES ? left : ENTRIES;
}

struct ceno_region *ceno_region_open(uint32_t type, uint32_t number, uint64_t gpa, uint64_t bytes, uint32_t rights)
{
	struct ceno_region *r = ceno_pool_take();

	r->object = (struct ceno_object){ .type = (uint16_t)type, .epoch = ceno_epoch_new() };
	r->gpa = gpa;
	r->bytes = bytes;
	r->rights = rights;
	r->number = number;
	r->tables = (uint32_t)CENO_REGION_TABLES_OF(bytes);
	ceno_cpu.region[number] = r;
	return r;
}

struct ceno_region *ceno_region_new(uint32_t number, uint64_t gpa, uint64_t bytes, uint32_t rights)
{
	struct ceno_region *r = ceno_region_open(CENO_OBJECT_REGION, number, gpa, bytes, rights);

	for (uint64_t i = 0; i < r->tables; i++) {
		r->table[i] = ceno_pool_take();
		ceno_entries_fill(r->table[i], pages_in(r, i), (gpa + i * CENO_LARGE_PAGE) | ceno_entry_flags(rights),
		                  CENO_PAGE);
	}
	count_frames(r);
	return r;
}

int ceno_region_clear(struct ceno_region *r)
{
	uint64_t i = r->cleared;

	r->gone = 1;
	if (i == r->tables)
		return 1;
	ceno_entries_fill(r->table[i], pages_in(r, i), 0, 0);
	if (r->object.type == CENO_OBJECT_WINDOW)
		r->table[0][ENTRIES - 1] = 0; /* its doorbell */
	uncount_frames(r, r->gpa + i * CENO_LARGE_PAGE, pages_in(r, i));
	ceno_cpu_set_cr3(ceno_cpu_cr3()); /* any other space is flushed when its CR3 is loaded */
	return ++r->cleared == r->tables;
}

uint64_t ceno_region_point(struct ceno_region *r, uint64_t i, uint32_t rights)
{
	r->maps++;
	return ceno_pool_gpa(r->table[i]) | ceno_entry_flags(rights) | PTE_SHARED |
	    (uint64_t)r->number << PTE_NUMBER_SHIFT;
}

void ceno_region_unpoint(uint64_t entry, uint64_t *quota)
{
	struct ceno_region *r = ceno_cpu.region[entry >> PTE_NUMBER_SHIFT & (CENO_REGIONS_MAX - 1)];

	r->maps--;
	ceno_end_settle(&r->object, quota);
}
