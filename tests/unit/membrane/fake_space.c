/* Spaces of the fake nucleus. See fake_space.h. */
#include "fake_space.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "guest-kernel/services/membrane/membrane.h"

#define LARGE_PAGES 512u
#define REGIONS     512u
#define RAM_PAGES   (FAKE_RAM_BYTES / CENO_PAGE)
#define COUNT_MAX   126

#define MUST(x) \
	do { \
		if (!(x)) { \
			fprintf(stderr, "fake_space.c:%d: " #x "\n", __LINE__); \
			abort(); \
		} \
	} while (0)

/* 2 MiB of a space: one large mapping, or a table of small ones. */
struct region {
	uint64_t number; /* gva / 2 MiB */
	struct fake_mapping large;
	int has_table;
	struct fake_mapping small[LARGE_PAGES];
};

struct space {
	int exists;
	uint32_t quota, used;
	size_t pages, count;
	struct region *region[REGIONS];
};

uint32_t fake_pool_pages;
uint64_t fake_maps;

static struct space spaces[CENO_CSPACE_SLOTS];
static uint32_t pool_used;
static uint16_t writable[RAM_PAGES], executable[RAM_PAGES], writable_large[RAM_PAGES / LARGE_PAGES];

static struct region *region_of(const struct space *s, uint64_t gva)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->region[i]->number == gva / CENO_LARGE_PAGE)
			return s->region[i];
	return NULL;
}

/* Counts a mapping of RAM in or out. */
static void count(const struct fake_mapping *m, int by)
{
	uint64_t page = m->offset / CENO_PAGE;

	if (m->object != CENO_SLOT_RAM || !m->rights)
		return;
	if (m->large && (m->rights & CENO_RIGHT_WRITE))
		writable_large[page / LARGE_PAGES] = (uint16_t)(writable_large[page / LARGE_PAGES] + by);
	if (!m->large && (m->rights & CENO_RIGHT_WRITE))
		writable[page] = (uint16_t)(writable[page] + by);
	if (m->rights & CENO_RIGHT_EXECUTE)
		executable[page] = (uint16_t)(executable[page] + by);
}

static int wx(const struct fake_mapping *m)
{
	uint64_t page = m->offset / CENO_PAGE, first = page & ~(uint64_t)(LARGE_PAGES - 1);

	if (m->object != CENO_SLOT_RAM)
		return 0;
	if ((m->rights & CENO_RIGHT_EXECUTE) &&
	    (m->large || writable[page] || executable[page] == COUNT_MAX || writable_large[page / LARGE_PAGES]))
		return 1;
	if (!(m->rights & CENO_RIGHT_WRITE))
		return 0;
	if (!m->large)
		return executable[page] || writable[page] == COUNT_MAX;
	for (uint64_t i = first; i < first + LARGE_PAGES; i++)
		if (executable[i])
			return 1;
	return 0;
}

void fake_space_end(uint32_t slot)
{
	struct space *s = &spaces[slot];

	for (size_t i = 0; i < s->count; i++) {
		count(&s->region[i]->large, -1);
		for (unsigned k = 0; k < LARGE_PAGES; k++)
			count(&s->region[i]->small[k], -1);
		free(s->region[i]);
	}
	pool_used -= s->quota;
	memset(s, 0, sizeof(*s));
}

void fake_spaces_reset(void)
{
	for (uint32_t slot = 0; slot < CENO_CSPACE_SLOTS; slot++)
		fake_space_end(slot);
	memset(writable, 0, sizeof(writable));
	memset(executable, 0, sizeof(executable));
	memset(writable_large, 0, sizeof(writable_large));
	pool_used = 0;
	fake_pool_pages = 4096;
	fake_maps = 0;
	spaces[0].exists = 1; /* membrane's own window */
	spaces[0].quota = 0;
}

int64_t fake_space_spawn(uint32_t slot, uint32_t pool_pages)
{
	if (spaces[slot].exists)
		return CENO_E_SLOT;
	if (pool_pages < 6 || pool_pages > fake_pool_pages - pool_used)
		return CENO_E_POOL;
	pool_used += pool_pages;
	spaces[slot].exists = 1;
	spaces[slot].quota = pool_pages;
	spaces[slot].used = 6;
	return 0;
}

int fake_space_exists(uint32_t slot)
{
	return slot < CENO_CSPACE_SLOTS && spaces[slot].exists;
}

size_t fake_spaces_count(void)
{
	size_t n = 0;

	for (uint32_t slot = 1; slot < CENO_CSPACE_SLOTS; slot++)
		n += (size_t)spaces[slot].exists;
	return n;
}

size_t fake_space_pages(uint32_t slot)
{
	return spaces[slot].pages;
}

const struct fake_mapping *fake_space_find(uint32_t slot, uint64_t gva)
{
	static struct fake_mapping found;
	const struct region *r = region_of(&spaces[slot], gva);

	if (!r)
		return NULL;
	if (r->large.rights) {
		found = r->large;
		found.offset += gva % CENO_LARGE_PAGE / CENO_PAGE * CENO_PAGE;
		return &found;
	}
	return r->small[gva / CENO_PAGE % LARGE_PAGES].rights ? &r->small[gva / CENO_PAGE % LARGE_PAGES] : NULL;
}

static void drop(struct space *s, struct fake_mapping *m)
{
	if (!m->rights)
		return;
	s->pages -= m->large ? LARGE_PAGES : 1;
	count(m, -1);
	m->rights = 0;
}

static int64_t unmap(struct space *s, uint64_t gva, uint64_t bytes)
{
	if (bytes > CENO_LARGE_PAGE)
		return CENO_E_BOUNDS;
	for (uint64_t at = gva; at < gva + bytes; at += CENO_PAGE) {
		struct region *r = region_of(s, at);
		uint64_t start = at & ~(CENO_LARGE_PAGE - 1);

		if (r && r->large.rights && (start < gva || start + CENO_LARGE_PAGE > gva + bytes))
			return CENO_E_BOUNDS;
	}
	for (uint64_t at = gva; at < gva + bytes; at += CENO_PAGE) {
		struct region *r = region_of(s, at);

		if (r) {
			drop(s, &r->large);
			drop(s, &r->small[at / CENO_PAGE % LARGE_PAGES]);
		}
	}
	return 0;
}

/* Where a mapping of this size goes. NULL: *error says why not. */
static struct fake_mapping *place(struct space *s, uint64_t gva, int large, int replace, int64_t *error)
{
	struct region *r = region_of(s, gva);
	struct fake_mapping *m;

	if (!r) {
		MUST(s->count < REGIONS && (r = calloc(1, sizeof(*r))));
		r->number = gva / CENO_LARGE_PAGE;
		s->region[s->count++] = r;
	}
	m = large ? &r->large : &r->small[gva / CENO_PAGE % LARGE_PAGES];
	*error = CENO_E_EXISTS;
	if ((large && r->has_table) || (!large && r->large.rights) || (m->rights && !replace))
		return NULL;
	*error = CENO_E_POOL;
	if (!large && !r->has_table && s->quota) {
		if (s->used == s->quota)
			return NULL;
		s->used++;
	}
	r->has_table |= !large;
	return m;
}

/* A table from one space to another, or both each to the other. */
int64_t fake_space_move(uint32_t slot, uint32_t source, uint64_t gva, uint64_t offset)
{
	struct space *to = &spaces[slot], *from = &spaces[source];
	struct region *moved = region_of(from, offset), *there = region_of(to, gva);

	MUST(to->exists && from->exists && !((gva | offset) & (CENO_LARGE_PAGE - 1)));
	fake_maps++;
	if (!moved || !moved->has_table)
		return CENO_E_STATE;
	if (there && there->large.rights)
		return CENO_E_EXISTS;
	if ((!there || !there->has_table) && to->quota && to->used == to->quota)
		return CENO_E_POOL;
	if (!there) {
		MUST(to->count < REGIONS && (there = calloc(1, sizeof(*there))));
		there->number = gva / CENO_LARGE_PAGE;
		to->region[to->count++] = there;
	}
	if (!there->has_table) {
		to->used++;
		from->used--;
	}
	for (unsigned i = 0; i < LARGE_PAGES; i++) {
		struct fake_mapping m = moved->small[i];

		to->pages += (size_t)(m.rights != 0) - (size_t)(there->small[i].rights != 0);
		from->pages += (size_t)(there->small[i].rights != 0) - (size_t)(m.rights != 0);
		moved->small[i] = there->small[i];
		there->small[i] = m;
	}
	moved->has_table = there->has_table;
	there->has_table = 1;
	return 0;
}

int64_t fake_space_map(uint32_t slot, int64_t object, uint64_t gva, uint64_t offset, uint64_t bytes, uint32_t rights)
{
	int large = ((gva | offset | bytes) & (CENO_LARGE_PAGE - 1)) == 0, replace = (rights & CENO_MAP_REPLACE) != 0;
	uint64_t step = large ? CENO_LARGE_PAGE : CENO_PAGE;
	struct space *s = &spaces[slot];
	int64_t error;

	MUST(s->exists);
	fake_maps++;
	if (object == -1)
		return unmap(s, gva, bytes);
	if (object != CENO_SLOT_RAM && (rights & CENO_RIGHT_WRITE))
		return CENO_E_RIGHTS;
	if (bytes / step > 512)
		return CENO_E_BOUNDS;
	for (int commit = 0; commit < 2; commit++) { /* all checks, then all changes */
		for (uint64_t at = 0; at < bytes; at += step) {
			struct fake_mapping *m = place(s, gva + at, large, replace, &error);
			struct fake_mapping new = { offset + at, (uint8_t)object, (uint8_t)(rights & 7),
				                    (uint8_t)large };

			if (!m)
				return error;
			if (!commit && wx(&new))
				return CENO_E_WX; /* what is being replaced included */
			if (!commit)
				continue;
			drop(s, m);
			*m = new;
			count(&new, 1);
			s->pages += step / CENO_PAGE;
		}
	}
	return 0;
}
