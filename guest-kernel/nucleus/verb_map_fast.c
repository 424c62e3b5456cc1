/*
 * MAP, the short way: what a fault, a start and a fork are made of.
 *
 * Called by entry.S before anything else is looked at; each kind of request is a function of its own,
 * so that none saves registers for another's sake. It takes entries of one size
 * in one table, where nothing is mapped; of a process, whose space is never loaded while a
 * verb runs, also what takes small entries out, or replaces them, and tables that move. All
 * of it from plain capabilities. Whatever is wrong or unusual is left to the long way
 * (verb_map.c), which finds the same again and says what it is. Checks first, then writes
 * that cannot fail, as everywhere.
 */
#include "cap.h"
#include "frames.h"
#include "paging.h"

#define BASE_FLAGS (PTE_P | PTE_U | PTE_AD)
#define READ_FLAGS (BASE_FLAGS | PTE_NX)

/* Flags of an entry by the rights that may be asked for here; 0: take the long way. */
static const uint64_t flags_of[] = {
	[CENO_RIGHT_READ] = READ_FLAGS,
	[CENO_RIGHT_READ | CENO_RIGHT_WRITE] = READ_FLAGS | PTE_W,
	[CENO_RIGHT_READ | CENO_RIGHT_EXECUTE] = BASE_FLAGS,
};
#define RIGHTS_END (sizeof flags_of / sizeof flags_of[0])

enum { DONE, LONG_WAY };

/* Whether it is good, of this type, with these rights, and of no pledge class. What ends within 2^32 ticks
 * of the TSC goes the long way: so half of the clock tells. */
static inline __attribute__((always_inline)) int is_plain(const struct ceno_cap *cap, uint32_t type, uint64_t rights)
{
	uint32_t asked = type | (uint32_t)rights << CAP_RIGHTS_SHIFT;

	return ((uint32_t)cap->head & (CAP_TYPE_AND_PLEDGE | asked)) == asked && cap->epoch == cap->object->epoch &&
	    ceno_cpu_tsc() >> 32 < cap->until >> 32;
}

/* Of a process, which its maker has; what ends goes the long way. */
static inline __attribute__((always_inline)) int is_own_process(const struct ceno_cap *cap)
{
	uint32_t asked = CENO_OBJECT_PROCESS | CENO_RIGHT_MAP << CAP_RIGHTS_SHIFT;

	return ((uint32_t)cap->head & (CAP_TYPE_AND_PLEDGE | asked)) == asked && cap->epoch == cap->object->epoch &&
	    cap->until == UINT64_MAX;
}

static inline struct ceno_space *space_of_process(const struct ceno_cap *cap)
{
	return &ceno_process_of(cap->object)->space;
}

/* Where the walk to a table ended: at the table (missing 0), or at the entry below
 * which `missing` tables have to be made. */
struct walk {
	uint64_t *at;
	uint64_t missing;
};

/* leaf: 0 for the table of 4 KiB entries, 1 for that of 2 MiB entries. */
static inline __attribute__((always_inline)) int walk_to_table(const struct ceno_space *space, uint64_t gva,
                                                               uint32_t leaf, struct walk *w)
{
	w->missing = 0;
	w->at = space->pml4;
#pragma GCC unroll 3
	for (uint32_t level = 3; level > leaf; level--) {
		uint64_t *entry = &w->at[gva >> (12 + 9 * level) & (ENTRIES - 1)];

		if (!(*entry & PTE_P)) {
			w->at = entry;
			w->missing = level - leaf;
			return w->missing > space->quota ? LONG_WAY : DONE;
		}
		if (level == 1 && (*entry & (PTE_PS | PTE_SHARED)))
			return LONG_WAY;
		w->at = ceno_pool_page(*entry & PTE_ADDRESS);
	}
	return DONE;
}

static __attribute__((noinline)) int walk_to_directory(const struct ceno_space *space, uint64_t gva, struct walk *w)
{
	return walk_to_table(space, gva, 1, w);
}

/* The table, made with those above it. */
static inline __attribute__((always_inline)) uint64_t *make_tables(struct ceno_space *space, uint64_t gva,
                                                                   uint32_t leaf, struct walk w)
{
	space->quota -= w.missing;
	space->pages += w.missing;
	for (;; w.missing--) {
		uint64_t *page = ceno_pool_take();

		*w.at = ceno_pool_gpa(page) | PTE_P | PTE_W | PTE_U;
		if (w.missing == 1)
			return page;
		w.at = &page[gva >> (12 + 9 * (leaf + w.missing - 1)) & (ENTRIES - 1)];
	}
}

/* Takes the price, which is there, and says so. */
static inline int done(void)
{
	ceno_energy_take(ceno_cpu.current, CENO_PRICE_MAP);
	return DONE;
}

/* W^X, and the count, for frames of RAM; code there takes the long way. */
static inline int count_small(uint64_t gpa, uint64_t n, uint64_t flags)
{
	if (flags == READ_FLAGS || !ceno_frames_are_ram(gpa))
		return DONE;
	if (!(flags & PTE_NX) || ceno_frames_check_write(gpa, n))
		return LONG_WAY;
	ceno_frames_add_write(gpa, n);
	return DONE;
}

static inline int count_large(uint64_t gpa, uint64_t n, uint64_t flags)
{
	if (flags == READ_FLAGS || !ceno_frames_are_ram(gpa))
		return DONE;
	if (!(flags & PTE_NX) || ceno_frames_check_write_large(gpa, n))
		return LONG_WAY;
	ceno_frames_add_write_large(gpa, n);
	return DONE;
}

static __attribute__((noinline)) int64_t map_large(struct ceno_space *space, uint64_t gva, uint64_t gpa, uint64_t bytes,
                                                   uint64_t flags)
{
	uint64_t n = bytes / CENO_LARGE_PAGE, first = gva / CENO_LARGE_PAGE & (ENTRIES - 1);
	struct walk w;

	/* the entry page's table is an entry like others: nothing maps over it */
	if (n > ENTRIES - first || walk_to_directory(space, gva, &w) ||
	    (!w.missing && ceno_entries_any(w.at + first, n)) || count_large(gpa, n, flags))
		return LONG_WAY;
	if (w.missing)
		w.at = make_tables(space, gva, 1, w);
	ceno_entries_fill(w.at + first, n, gpa | flags | PTE_PS, CENO_LARGE_PAGE);
	return done();
}

static __attribute__((noinline)) int count_elsewhere(uint64_t gpa, uint64_t n, uint64_t flags)
{
	return count_small(gpa, n, flags);
}

/* Into another table than last time, which then is the last. */
static __attribute__((noinline)) int64_t map_elsewhere(struct ceno_space *space, uint64_t gva, uint64_t gpa, uint64_t n,
                                                       uint64_t flags)
{
	uint64_t first = gva / CENO_PAGE & (ENTRIES - 1);
	struct walk w;

	if (gva / CENO_LARGE_PAGE == CENO_GVA_ENTRY / CENO_LARGE_PAGE || walk_to_table(space, gva, 0, &w) ||
	    (!w.missing && ceno_entries_any(w.at + first, n)) || count_elsewhere(gpa, n, flags))
		return LONG_WAY;
	if (w.missing)
		w.at = make_tables(space, gva, 0, w);
	space->last_table = w.at;
	space->last_region = gva / CENO_LARGE_PAGE;
	ceno_entries_fill(w.at + first, n, gpa | flags, CENO_PAGE);
	return done();
}

/* Into one table, that of the last time or another. */
static __attribute__((noinline)) int64_t map_small(struct ceno_space *space, uint64_t gva, uint64_t gpa, uint64_t n,
                                                   uint64_t flags)
{
	uint64_t first = gva / CENO_PAGE & (ENTRIES - 1), *entry;

	if (n > ENTRIES - first)
		return LONG_WAY;
	if (gva / CENO_LARGE_PAGE != space->last_region || !space->last_table)
		return map_elsewhere(space, gva, gpa, n, flags);
	entry = space->last_table + first;
	if (ceno_entries_any(entry, n) || count_small(gpa, n, flags))
		return LONG_WAY;
	ceno_entries_fill(entry, n, gpa | flags, CENO_PAGE);
	return done();
}

static int is_window_of(const struct ceno_cap *target, const struct ceno_region *r, uint64_t gva)
{
	return target->type == CENO_OBJECT_FIBER && gva == CENO_GVA_WINDOW + r->number * CENO_LARGE_PAGE;
}

/* A region or window of at most 2 MiB, where nothing is: one directory entry. gva < USER_END. */
static __attribute__((noinline)) int64_t map_shared(const struct ceno_cap *target, const struct ceno_cap *source,
                                                    uint64_t gva, uint64_t bytes, uint64_t rights)
{
	struct ceno_space *space = ceno_space_of(target);
	struct ceno_region *r = ceno_region_of(source->object);
	const struct ceno_fiber *f = ceno_cpu.current;
	struct walk w;

	if (source->type != CENO_OBJECT_WINDOW && source->type != CENO_OBJECT_REGION)
		return LONG_WAY;
	if (rights >= RIGHTS_END || !flags_of[rights] || ceno_cap_check(f, source, rights))
		return LONG_WAY;
	if (bytes != r->bytes || r->tables != 1 || r->gone || (gva & (CENO_LARGE_PAGE - 1)))
		return LONG_WAY;
	if (source->type == CENO_OBJECT_WINDOW &&
	    (!is_window_of(target, r, gva) || (source->pledge & ~ceno_fiber_of(target->object)->pledge)))
		return LONG_WAY;
	/* as above: not over the entry page's table */
	if (walk_to_directory(space, gva, &w) || (!w.missing && w.at[gva / CENO_LARGE_PAGE & (ENTRIES - 1)]))
		return LONG_WAY;
	if (w.missing)
		w.at = make_tables(space, gva, 1, w);
	w.at[gva / CENO_LARGE_PAGE & (ENTRIES - 1)] = ceno_region_point(r, 0, (uint32_t)rights);
	return done();
}

/* ---- taking out, replacing, moving: of processes ---- */

/* Small entries of one table that is there, but not all of them. The entry page's is no process's own. */
static inline uint64_t *find_small(const struct ceno_space *space, uint64_t gva, uint64_t pages)
{
	uint64_t first = gva / CENO_PAGE & (ENTRIES - 1);
	struct walk w = { space->last_table, 0 };

	if (pages > ENTRIES - first || pages == ENTRIES || !pages ||
	    gva / CENO_LARGE_PAGE == CENO_GVA_ENTRY / CENO_LARGE_PAGE)
		return NULL;
	if ((!w.at || gva / CENO_LARGE_PAGE != space->last_region) && (walk_to_table(space, gva, 0, &w) || w.missing))
		return NULL;
	return w.at + first;
}

/* Entries that are writable, of these frames of RAM and of none between, are so no more. */
static inline int narrow(uint64_t *entry, uint64_t gpa, uint64_t n)
{
	uint64_t *end = entry + n, *e = entry, value = gpa | READ_FLAGS | PTE_W;
	uint8_t *counted = ceno_frames_byte(gpa);

	if (!ceno_frames_are_ram(gpa))
		return LONG_WAY;
	for (; e != end; e++, value += CENO_PAGE)
		if (*e != value)
			return LONG_WAY;
	for (; entry != end; entry++) {
		*entry &= ~PTE_W;
		--*counted++;
	}
	return done();
}

/* Takes what is mapped writable at e, in frames side by side, out of their counts: how many. */
static inline uint64_t uncount_run(const uint64_t *e, const uint64_t *end)
{
	uint64_t n = 1, gpa = *e & PTE_ADDRESS;

	while (e + n != end && e[n] == *e + n * CENO_PAGE)
		n++;
	if (ceno_frames_are_ram(gpa))
		ceno_frames_sub_write(gpa, n);
	return n;
}

/* No entry of the n is counted any more. They stay as they are. */
static __attribute__((noinline)) void uncount(const uint64_t *e, uint64_t n)
{
	const uint64_t *end = e + n;

	while (e != end) {
		if (*e & PTE_W) {
			e += uncount_run(e, end);
		} else {
			if (*e && !(*e & PTE_NX)) /* read-only ones are not counted */
				ceno_frames_drop(*e, 0);
			e++;
		}
	}
}

/* gpa, flags: as for what maps where nothing is; both 0: nothing is there after. */
static __attribute__((noinline)) int64_t replace_small(const struct ceno_space *space, uint64_t gva, uint64_t gpa,
                                                       uint64_t n, uint64_t flags)
{
	uint64_t *entry = find_small(space, gva, n);

	if (!entry || count_elsewhere(gpa, n, flags))
		return LONG_WAY;
	uncount(entry, n);
	ceno_entries_fill(entry, n, gpa | flags, flags ? CENO_PAGE : 0);
	return done();
}

/* Where a table of small entries for 2 MiB hangs, or one large entry is; not the entry page's. NULL: the long way.
 * gva < USER_END. */
static inline __attribute__((always_inline)) uint64_t *find_hook(const struct ceno_space *space, uint64_t gva)
{
	struct walk w;

	if ((gva & (CENO_LARGE_PAGE - 1)) || gva / CENO_LARGE_PAGE == CENO_GVA_ENTRY / CENO_LARGE_PAGE ||
	    walk_to_table(space, gva, 1, &w) || w.missing)
		return NULL;
	return w.at + (gva / CENO_LARGE_PAGE & (ENTRIES - 1));
}

static __attribute__((noinline)) int64_t take_out_large(const struct ceno_space *space, uint64_t gva)
{
	uint64_t *entry = find_hook(space, gva);

	if (!entry || (*entry & (PTE_PS | PTE_SHARED)) != PTE_PS)
		return LONG_WAY;
	ceno_frames_drop(*entry, 1);
	*entry = 0;
	return done();
}

static __attribute__((noinline)) int64_t take_out(const struct ceno_space *space, uint64_t gva, uint64_t bytes)
{
	if ((gva | bytes) & (CENO_PAGE - 1))
		return LONG_WAY;
	if (bytes == CENO_LARGE_PAGE)
		return take_out_large(space, gva);
	return replace_small(space, gva, 0, bytes / CENO_PAGE, 0);
}

/* To where it is in the other space. */
static __attribute__((noinline)) int64_t move_table(struct ceno_space *to, const struct ceno_cap *source, uint64_t gva,
                                                    uint64_t bytes)
{
	struct ceno_space *from;
	uint64_t *here, *there;

	if (bytes != CENO_LARGE_PAGE || !is_own_process(source))
		return LONG_WAY;
	from = space_of_process(source);
	here = find_hook(from, gva);
	there = find_hook(to, gva);
	if (!here || !*here || !there || (!*there && !to->quota) || ((*here | *there) & (PTE_PS | PTE_SHARED)))
		return LONG_WAY;
	ceno_space_exchange(to, from, there, here);
	return done();
}

/* Most of what is replaced is protected: it was writable. */
static __attribute__((noinline)) int64_t replace(const struct ceno_space *space, uint64_t gva, uint64_t gpa, uint64_t n,
                                                 uint64_t flags)
{
	uint64_t *entry;

	if (flags != READ_FLAGS)
		return replace_small(space, gva, gpa, n, flags);
	entry = find_small(space, gva, n);
	return entry && narrow(entry, gpa, n) == DONE ? DONE : replace_small(space, gva, gpa, n, flags);
}

/* gva < USER_END. rights: REPLACE only for a process. */
static __attribute__((noinline)) int64_t map_frames(struct ceno_space *space, const struct ceno_cap *source,
                                                    uint64_t gva, uint64_t offset, uint64_t bytes, uint64_t rights)
{
	uint64_t gpa, flags, replaces = rights & CENO_MAP_REPLACE;

	rights ^= replaces;
	if (rights >= RIGHTS_END)
		return LONG_WAY;
	flags = flags_of[rights];
	if (!flags || !is_plain(source, CENO_OBJECT_FRAMES, rights))
		return LONG_WAY;
	if (((gva | offset | bytes) & (CENO_PAGE - 1)) || !bytes || offset > source->length ||
	    bytes > source->length - offset)
		return LONG_WAY;
	gpa = ((const struct ceno_frames *)(const void *)source->object)->gpa + source->offset + offset;
	if (replaces)
		return replace(space, gva, gpa, bytes / CENO_PAGE, flags);
	if (((gva | gpa | bytes) & (CENO_LARGE_PAGE - 1)) == 0)
		return map_large(space, gva, gpa, bytes, flags);
	return map_small(space, gva, gpa, bytes / CENO_PAGE, flags);
}

static __attribute__((noinline)) int64_t map_into_fiber(const struct ceno_cap *target, const struct ceno_cap *source,
                                                        uint64_t gva, uint64_t offset, uint64_t bytes, uint64_t rights)
{
	if (!is_plain(target, CENO_OBJECT_FIBER, CENO_RIGHT_MAP) || gva >= USER_END)
		return LONG_WAY;
	if (source->type != CENO_OBJECT_FRAMES)
		return offset ? LONG_WAY : map_shared(target, source, gva, bytes, rights);
	return rights & CENO_MAP_REPLACE ? LONG_WAY
					 : map_frames(ceno_space_of(target), source, gva, offset, bytes, rights);
}

/* Looks at no more than tells which way it is: what each way needs not, it need not save. */
int64_t ceno_verb_map_fast(uint64_t to, uint64_t what, uint64_t gva, uint64_t offset, uint64_t bytes, uint64_t rights)
{
	const struct ceno_fiber *f = ceno_cpu.current;
	const struct ceno_cap *target = ceno_cap_at(f, to), *source = ceno_cap_at(f, what);

	if (f->energy < CENO_PRICE_MAP)
		return LONG_WAY;
	if (!is_own_process(target) || gva >= USER_END)
		return what == (uint64_t)-1 ? LONG_WAY : map_into_fiber(target, source, gva, offset, bytes, rights);
	if (what == (uint64_t)-1)
		return take_out(space_of_process(target), gva, bytes);
	if (source->type == CENO_OBJECT_FRAMES)
		return map_frames(space_of_process(target), source, gva, offset, bytes, rights);
	if (offset == gva && !rights)
		return move_table(space_of_process(target), source, gva, bytes);
	return offset ? LONG_WAY : map_shared(target, source, gva, bytes, rights);
}
