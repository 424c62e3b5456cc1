/*
 * Page tables of ring-3 spaces (SDM vol. 3, 4.5). The tables lie in the pool;
 * no memory of ring 3 is ever touched here.
 *
 * A request covers at most 512 entries, hence at most two last-level tables;
 * check finds everything that could fail, map only writes. Loops are unrolled
 * by hand: the count of ring-0 instructions is what a fault costs.
 */
#include "nucleus.h"
#include "frames.h"
#include "cpu.h"
#include "paging.h"

static unsigned index_of(uint64_t gva, int level)
{
	return (unsigned)(gva >> (12 + 9 * level)) & (ENTRIES - 1);
}

static uint64_t *next_table(const uint64_t *table, unsigned i)
{
	return table[i] & PTE_P ? ceno_pool_page(table[i] & PTE_ADDRESS) : NULL;
}

/* The table of `level` (0: PTs, 1: PDs) for gva, or NULL; *missing counts the
 * tables that would have to be made. A 2 MiB entry or a region in the way gives *large. */
static uint64_t *find_table(const struct ceno_space *s, uint64_t gva, int level, uint64_t *missing, int *large)
{
	uint64_t *t = s->pml4, *next;

	if (level == 0 && s->last_table && gva >> 21 == s->last_region)
		return s->last_table;
	for (int l = 3; l > level; l--, t = next) {
		unsigned i = index_of(gva, l);

		if (l == 1 && (t[i] & (PTE_PS | PTE_SHARED))) {
			*large = 1;
			return NULL;
		}
		next = next_table(t, i);
		if (!next) {
			*missing += (uint64_t)(l - level);
			return NULL;
		}
	}
	return t;
}

static uint64_t *make_table(struct ceno_space *s, uint64_t gva, int level)
{
	uint64_t *t = s->pml4;

	if (level == 0 && s->last_table && gva >> 21 == s->last_region)
		return s->last_table;
	for (int l = 3; l > level; l--) {
		unsigned i = index_of(gva, l);
		uint64_t *next = next_table(t, i);

		if (!next) {
			next = ceno_pool_take();
			s->quota--;
			s->pages++;
			t[i] = ceno_pool_gpa(next) | PTE_P | PTE_W | PTE_U;
		}
		t = next;
	}
	if (level == 0) {
		s->last_table = t;
		s->last_region = gva >> 21;
	}
	return t;
}

/* Entries of the request that lie in one table, starting at gva. */
static uint64_t run_length(const struct ceno_map_request *r, uint64_t gva, uint64_t left)
{
	uint64_t room = ENTRIES - index_of(gva, r->large ? 1 : 0);

	return room < left ? room : left;
}

static int check_frames(const struct ceno_map_request *r)
{
	if (!r->ram || r->unmap)
		return 0;
	if (r->rights & CENO_RIGHT_EXECUTE)
		return ceno_frames_check_execute(r->gpa, r->count);
	if (!(r->rights & CENO_RIGHT_WRITE))
		return 0;
	if (!r->large)
		return ceno_frames_check_write(r->gpa, r->count);
	return ceno_frames_check_write_large(r->gpa, r->count);
}

int ceno_space_check(struct ceno_map_request *r)
{
	int level = r->large ? 1 : 0;
	uint64_t gva = r->gva, left = r->count, page = r->large ? CENO_LARGE_PAGE : CENO_PAGE, last_missing_at = ~0ull;
	uint64_t removable = r->unmap || r->replace ? PTE_PS : 0;

	if (r->unmap)
		removable |= PTE_SHARED;
	r->tables = 0;
	while (left) {
		uint64_t missing = 0, n = run_length(r, gva, left), above = gva >> (21 + 9 * level + 9);
		int large = 0;
		uint64_t *t = find_table(r->space, gva, level, &missing, &large);

		if (large)
			return r->unmap ? CENO_E_BOUNDS : CENO_E_EXISTS; /* part of a 2 MiB entry */
		if (t && r->large) {
			const uint64_t *e = t + index_of(gva, 1);

			for (uint64_t i = 0; i < n; i++) /* a table of 4 KiB entries is never replaced whole */
				if ((e[i] & PTE_P) && !(e[i] & removable))
					return r->unmap ? CENO_E_BOUNDS : CENO_E_EXISTS;
		} else if (t && !r->replace && !r->unmap && ceno_entries_any(t + index_of(gva, 0), n)) {
			return CENO_E_EXISTS;
		}
		/* two runs side by side share the tables above theirs */
		if (missing > 1 && last_missing_at == above)
			missing = 1;
		if (missing)
			last_missing_at = above;
		r->tables += missing;
		gva += n * page;
		left -= n;
	}
	if (!r->unmap && r->tables > r->space->quota)
		return CENO_E_POOL;
	return check_frames(r);
}

static void drop_entry(struct ceno_space *s, uint64_t *e, int large)
{
	uint64_t entry = *e;

	*e = 0;
	if (entry & PTE_SHARED)
		ceno_region_unpoint(entry, &s->quota);
	else if (entry & PTE_P)
		ceno_frames_drop(entry, large);
}

static void drop_entries(struct ceno_space *s, uint64_t *e, uint64_t n, int large)
{
	for (uint64_t *end = e + n; e != end; e++) {
		if (end - e > 8 && !ceno_entries_any(e, 8)) /* most of most tables is empty */
			e += 7;
		else
			drop_entry(s, e, large);
	}
}

static void count_frames(const struct ceno_map_request *r)
{
	if (!r->ram)
		return;
	if (r->rights & CENO_RIGHT_EXECUTE) {
		ceno_frames_add_execute(r->gpa, r->count);
	} else if (r->rights & CENO_RIGHT_WRITE) {
		if (r->large)
			ceno_frames_add_write_large(r->gpa, r->count);
		else
			ceno_frames_add_write(r->gpa, r->count);
	}
}

static void flush(const struct ceno_space *s)
{
	if (ceno_cpu_cr3() == s->cr3)
		ceno_cpu_set_cr3(s->cr3);
}

static void fill_entries(const struct ceno_map_request *r, uint64_t *e, uint64_t n, uint64_t first)
{
	uint64_t page = r->large ? CENO_LARGE_PAGE : CENO_PAGE;

	if (!r->region) {
		ceno_entries_fill(e, n, (r->gpa + first * page) | ceno_entry_flags(r->rights) | (r->large ? PTE_PS : 0),
		                  page);
		return;
	}
	for (uint64_t i = 0; i < n; i++)
		e[i] = ceno_region_point(r->region, first + i, r->rights);
}

void ceno_space_map(const struct ceno_map_request *r)
{
	int level = r->large ? 1 : 0;
	uint64_t page = r->large ? CENO_LARGE_PAGE : CENO_PAGE, gva = r->gva, left = r->count;

	while (left) {
		uint64_t n = run_length(r, gva, left), unused = 0;
		int large;
		uint64_t *t =
		    r->unmap ? find_table(r->space, gva, level, &unused, &large) : make_table(r->space, gva, level);

		if (t) {
			uint64_t *e = t + index_of(gva, level);

			if (r->unmap || r->replace)
				drop_entries(r->space, e, n, (int)r->large);
			if (!r->unmap)
				fill_entries(r, e, n, r->count - left);
		}
		gva += n * page;
		left -= n;
	}
	if (!r->unmap)
		count_frames(r);
	if (r->unmap || r->replace) /* fresh entries need no flush; another space's are flushed by its next CR3 load */
		flush(r->space);
}

/* ---- moving a table ---- */

/* Where a table for 2 MiB at gva hangs, or NULL. */
static uint64_t *hook_of(const struct ceno_space *s, uint64_t gva, uint64_t *missing)
{
	int large;
	uint64_t *t = find_table(s, gva, 1, missing, &large);

	return t ? t + index_of(gva, 1) : NULL;
}

int ceno_space_check_move(struct ceno_map_request *r)
{
	uint64_t missing = 0;
	const uint64_t *e = hook_of(r->from, r->offset, &missing);

	if (!e || !(*e & PTE_P) || (*e & (PTE_PS | PTE_SHARED)))
		return CENO_E_STATE;
	r->tables = 1;
	e = hook_of(r->space, r->gva, &r->tables);
	if (e && (*e & PTE_P)) {
		r->tables = 0;
		return *e & (PTE_PS | PTE_SHARED) ? CENO_E_EXISTS : 0;
	}
	return r->tables > r->space->quota ? CENO_E_POOL : 0;
}

void ceno_space_move(const struct ceno_map_request *r)
{
	uint64_t unused = 0;

	ceno_space_exchange(r->space, r->from, make_table(r->space, r->gva, 1) + index_of(r->gva, 1),
	                    hook_of(r->from, r->offset, &unused));
}

uint64_t *ceno_space_table(struct ceno_space *s, uint64_t gva)
{
	return make_table(s, gva, 0);
}

static uint64_t *new_table(uint64_t *entry)
{
	uint64_t *table = ceno_pool_take();

	*entry = ceno_pool_gpa(table) | PTE_P | PTE_W | PTE_U;
	return table;
}

void ceno_space_open(struct ceno_space *s)
{
	uint64_t *low = new_table(&s->pml4[0]), *directory = new_table(&low[index_of(CENO_GVA_ENTRY, 2)]);

	directory[index_of(CENO_GVA_ENTRY, 1)] = ceno_cpu.handoff->entry_table_gpa | PTE_P | PTE_W | PTE_U;
	s->quota -= 2;
	s->pages += 2;
}

void ceno_space_init(struct ceno_space *s, uint64_t quota)
{
	s->pml4 = ceno_pool_take();
	s->cr3 = ceno_pool_gpa(s->pml4);
	s->quota = quota - 1;
	s->pages = 1;
	s->pml4[ENTRIES - 1] = ceno_cpu.handoff->nucleus_pdpt_gpa | PTE_P | PTE_W;
	ceno_space_open(s);
}

void ceno_space_take_prepared(struct ceno_space *s, uint64_t quota, uint32_t number)
{
	s->cr3 = ceno_cpu.prepared_cr3[number];
	s->pml4 = ceno_pool_page(s->cr3);
	s->quota = quota;
	s->pages = ceno_cpu.handoff->prepared[number].pages;
	ceno_cpu.prepared_cr3[number] = 0;
}

void ceno_space_unmap_window(struct ceno_space *s, uint32_t class)
{
	uint64_t gva = CENO_GVA_WINDOW + class * CENO_LARGE_PAGE, missing = 0;
	int large;
	uint64_t *e = find_table(s, gva, 1, &missing, &large);

	if (!e)
		return;
	e += index_of(gva, 1);
	if (!(*e & PTE_SHARED) || (*e >> PTE_NUMBER_SHIFT & (CENO_REGIONS_MAX - 1)) != class)
		return; /* something else lies there */
	drop_entries(s, e, 1, 1);
	flush(s);
}

/* ---- taking a space apart ---- */

/* What one step may do: so many leaf entries, of which a table counts for some. */
#define STEP_CREDIT  512
#define TABLE_CREDIT 64

#define BLOCK 32u /* entries looked at together: most of most tables is empty */

static uint64_t any_of_block(const uint64_t *e)
{
	uint64_t all = e[0];

#pragma GCC unroll 32
	for (unsigned i = 1; i < BLOCK; i++)
		all |= e[i];
	return all;
}

/* The next entry in use, from i on; ENTRIES: none. */
static unsigned next_used(const uint64_t *t, unsigned i)
{
	while (i < ENTRIES && !t[i])
		i += i % BLOCK || any_of_block(t + i) ? 1 : BLOCK;
	return i;
}

/* It is empty: whoever takes it next need not clear it. */
static void free_table(struct ceno_space *s, uint64_t *entry)
{
	uint64_t *table = ceno_pool_page(*entry & PTE_ADDRESS);

	*entry = 0;
	ceno_pool_give_clean(table);
	s->pages--;
	s->quota++;
}

/* The entry page's table is no space's own. */
static int is_own_table(uint64_t entry)
{
	return !(entry & (PTE_PS | PTE_SHARED)) && (entry & PTE_ADDRESS) != ceno_cpu.handoff->entry_table_gpa;
}

static void take_leaves(struct ceno_space *s, uint64_t *t, int *credit)
{
	for (uint64_t *block = t; block != t + ENTRIES; block += BLOCK) {
		if (!any_of_block(block))
			continue;
		for (uint64_t *e = block; e != block + BLOCK; e++) {
			if (*e) {
				drop_entry(s, e, 0);
				--*credit;
			}
		}
	}
}

/* 1: it is empty. 0: the credit is used up. */
static int take_directory(struct ceno_space *s, uint64_t *t, int *credit)
{
	for (unsigned i = next_used(t, 0); i < ENTRIES; i = next_used(t, i + 1)) {
		if (*credit <= 0)
			return 0;
		if (is_own_table(t[i])) {
			take_leaves(s, ceno_pool_page(t[i] & PTE_ADDRESS), credit);
			free_table(s, &t[i]);
			*credit -= TABLE_CREDIT;
		} else {
			drop_entry(s, &t[i], 1);
			--*credit;
		}
	}
	return 1;
}

/* The table below a PML4 entry. The space holds `pages`, of which two are on the way
 * here: when no other is left there is nothing to look for. */
static int take_directories(struct ceno_space *s, uint64_t *t, int *credit)
{
	for (unsigned i = 0; s->pages > 2 && (i = next_used(t, i)) < ENTRIES;) {
		if (!take_directory(s, ceno_pool_page(t[i] & PTE_ADDRESS), credit))
			return 0;
		free_table(s, &t[i]);
		*credit -= TABLE_CREDIT;
	}
	return 1;
}

int ceno_space_teardown(struct ceno_space *s)
{
	int credit = STEP_CREDIT;

	s->last_table = NULL;
	for (unsigned i = 0; s->pages > 1;) {
		i = next_used(s->pml4, i);
		if (credit <= 0 || !take_directories(s, ceno_pool_page(s->pml4[i] & PTE_ADDRESS), &credit))
			return 0;
		free_table(s, &s->pml4[i]);
		credit -= TABLE_CREDIT;
	}
	return 1;
}
