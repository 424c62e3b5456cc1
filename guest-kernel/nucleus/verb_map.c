/*
 * MAP: puts a frame range or a window into a space, or takes pages out of it.
 *
 * rdi space (own fiber or process, right MAP)  rsi object slot or -1
 * rdx gva   r10 offset   r8 bytes   r9 rights | CENO_MAP_REPLACE
 */
#include "nucleus.h"
#include "frames.h"
#include "paging.h"

#define USER_END    (1ull << 47)
#define RIGHTS_MASK (CENO_RIGHT_READ | CENO_RIGHT_WRITE | CENO_RIGHT_EXECUTE)
#define ENTRIES_MAX 512u

enum {
#define CENO_VERB_PRICE(name, number, joules) name##_JOULES = joules,
	CENO_VERBS(CENO_VERB_PRICE)
#undef CENO_VERB_PRICE
};

static struct ceno_space *space_of(const struct ceno_cap *cap)
{
	if (cap->type == CENO_OBJECT_PROCESS)
		return &((struct ceno_process *)(void *)((char *)cap->object - offsetof(struct ceno_process, object)))
			    ->space;
	if (cap->type == CENO_OBJECT_FIBER)
		return &((struct ceno_fiber *)(void *)((char *)cap->object - offsetof(struct ceno_fiber, object)))
			    ->space;
	return NULL;
}

static int decode_space(struct ceno_fiber *f, uint64_t slot, struct ceno_map_request *r)
{
	struct ceno_cap *cap;
	int rc = ceno_cap_check(f, slot, CENO_OBJECT_PROCESS, CENO_RIGHT_MAP, &cap);

	if (rc == CENO_E_TYPE)
		rc = ceno_cap_check(f, slot, CENO_OBJECT_FIBER, CENO_RIGHT_MAP, &cap);
	if (rc == 0)
		r->space = space_of(cap);
	return rc;
}

/* Page-aligned, below 2^47, not over the entry page. */
static int check_range(uint64_t gva, uint64_t bytes)
{
	if ((gva | bytes) & (CENO_PAGE - 1) || bytes == 0 || gva >= USER_END || bytes > USER_END - gva)
		return CENO_E_BOUNDS;
	if (gva <= CENO_GVA_ENTRY && gva + bytes > CENO_GVA_ENTRY)
		return CENO_E_BOUNDS;
	return 0;
}

static int decode_object(struct ceno_fiber *f, const uint64_t a[6], struct ceno_map_request *r)
{
	struct ceno_cap *cap;
	const struct ceno_frames *object;
	uint32_t rights = (uint32_t)a[5] & RIGHTS_MASK;
	uint64_t offset = a[3], bytes = a[4];
	int rc = ceno_cap_check(f, a[1], CENO_OBJECT_FRAMES, rights, &cap);

	if (rc == CENO_E_TYPE)
		rc = ceno_cap_check(f, a[1], CENO_OBJECT_WINDOW, rights, &cap);
	if (rc)
		return rc;
	if (a[5] & ~(uint64_t)(RIGHTS_MASK | CENO_MAP_REPLACE) || !(rights & CENO_RIGHT_READ))
		return CENO_E_RIGHTS;
	if ((rights & CENO_RIGHT_WRITE) && (rights & CENO_RIGHT_EXECUTE))
		return CENO_E_WX;
	object = (const struct ceno_frames *)(const void *)cap->object;
	r->rights = rights;
	if (cap->type == CENO_OBJECT_WINDOW && offset == CENO_WINDOW_STRIDE && bytes == CENO_PAGE) {
		r->gpa = object->doorbell_gpa;
		r->count = 1;
		return 0;
	}
	if (offset & (CENO_PAGE - 1) || offset > cap->length || bytes > cap->length - offset)
		return CENO_E_BOUNDS;
	r->gpa = object->gpa + cap->offset + offset;
	r->ram = (uint32_t)ceno_frames_are_ram(r->gpa);
	r->large = ((r->gva | r->gpa | bytes) & (CENO_LARGE_PAGE - 1)) == 0;
	r->count = bytes / (r->large ? CENO_LARGE_PAGE : CENO_PAGE);
	return r->count > ENTRIES_MAX ? CENO_E_BOUNDS : 0;
}

/* Unmapping takes a whole number of 2 MiB entries if one lies there. */
static void decode_unmap(uint64_t bytes, struct ceno_map_request *r)
{
	r->unmap = 1;
	r->large = 0;
	r->count = bytes / CENO_PAGE;
	if (((r->gva | bytes) & (CENO_LARGE_PAGE - 1)) == 0) {
		r->large = 1;
		r->count = bytes / CENO_LARGE_PAGE;
		if (ceno_space_check(r) == 0)
			return;
		r->large = 0;
		r->count = bytes / CENO_PAGE;
	}
}

static int decode_map(struct ceno_fiber *f, const uint64_t a[6], struct ceno_map_request *r)
{
	int rc = decode_space(f, a[0], r);

	if (!rc)
		rc = check_range(a[2], a[4]);
	if (rc)
		return rc;
	r->gva = a[2];
	if (a[1] == (uint64_t)-1) {
		if (a[4] > CENO_LARGE_PAGE)
			return CENO_E_BOUNDS;
		decode_unmap(a[4], r);
	} else {
		r->replace = (a[5] & CENO_MAP_REPLACE) != 0;
		rc = decode_object(f, a, r);
		if (rc)
			return rc;
	}
	return ceno_space_check(r);
}

static int is_good(const struct ceno_cap *cap, uint64_t rights)
{
	return cap->epoch == cap->object->epoch && !cap->expiry && (cap->rights & rights) == rights;
}

#define RIGHTS_PLAIN \
	(1u << CENO_RIGHT_READ | 1u << (CENO_RIGHT_READ | CENO_RIGHT_WRITE) | \
	 1u << (CENO_RIGHT_READ | CENO_RIGHT_EXECUTE))

/* Where the walk to a page table ended: at the table (missing 0), or at the entry
 * below which `missing` tables have to be made. */
struct walk {
	uint64_t *at;
	uint32_t missing;
};

static int walk_to_table(const struct ceno_space *space, uint64_t gva, struct walk *w)
{
	w->missing = 0;
	w->at = space->last_table;
	if (gva >> 21 == space->last_region && w->at)
		return 0;
	w->at = space->pml4;
	for (uint32_t level = 3; level; level--) {
		uint64_t *entry = &w->at[gva >> (12 + 9 * level) & (ENTRIES - 1)];

		if (!(*entry & PTE_P)) {
			w->at = entry;
			w->missing = level;
			return level > space->quota;
		}
		if (*entry & PTE_PS)
			return 1;
		w->at = ceno_pool_page(*entry & PTE_ADDRESS);
	}
	return 0;
}

static uint64_t *make_tables(struct ceno_space *space, uint64_t gva, struct walk *w)
{
	for (; w->missing; w->missing--) {
		uint64_t *page = ceno_pool_take();

		space->quota--;
		space->pages++;
		*w->at = ceno_pool_gpa(page) | PTE_P | PTE_W | PTE_U;
		w->at = w->missing == 1 ? page : &page[gva >> (12 + 9 * (w->missing - 1)) & (ENTRIES - 1)];
	}
	space->last_table = w->at;
	space->last_region = gva >> 21;
	return w->at;
}

int64_t ceno_verb_map_fast(uint64_t to, uint64_t what, uint64_t gva, uint64_t offset, uint64_t bytes, uint64_t rights)
{
	struct ceno_fiber *f = ceno_cpu.current;
	const struct ceno_cap *target = &f->cspace[to & (CENO_CSPACE_SLOTS - 1)];
	const struct ceno_cap *object = &f->cspace[what & (CENO_CSPACE_SLOTS - 1)];
	struct ceno_space *space = space_of(target);
	uint64_t in = gva & (CENO_LARGE_PAGE - 1), gpa, pages = bytes / CENO_PAGE, first = in / CENO_PAGE;
	struct walk w;

	if (f->energy < MAP_JOULES || !space ||
	    (object->type != CENO_OBJECT_FRAMES && object->type != CENO_OBJECT_WINDOW) || what == (uint64_t)-1 ||
	    rights > RIGHTS_MASK || !(RIGHTS_PLAIN >> rights & 1) || !is_good(target, CENO_RIGHT_MAP) ||
	    !is_good(object, rights))
		return 1;
	if (((gva | offset | bytes) & (CENO_PAGE - 1)) || gva >= USER_END || gva >> 21 == CENO_GVA_ENTRY >> 21 ||
	    bytes - 1 > CENO_LARGE_PAGE - 1 - in || bytes == CENO_LARGE_PAGE || offset > object->length ||
	    bytes > object->length - offset)
		return 1;
	if (walk_to_table(space, gva, &w) || (!w.missing && ceno_entries_any(w.at + first, pages)))
		return 1;
	gpa = ((const struct ceno_frames *)(const void *)object->object)->gpa + object->offset + offset;
	if (rights != CENO_RIGHT_READ && ceno_frames_are_ram(gpa)) {
		if ((rights & CENO_RIGHT_EXECUTE) || ceno_frames_check_write(gpa, pages))
			return 1;
		ceno_frames_add_write(gpa, pages);
	}
	ceno_entries_fill(make_tables(space, gva, &w) + first, pages, gpa | ceno_entry_flags(rights), CENO_PAGE);
	ceno_energy_take(f, MAP_JOULES);
	return 0;
}

int64_t ceno_verb_map(struct ceno_fiber *f, const uint64_t a[6])
{
	struct ceno_map_request r;
	int rc;

	r.ram = r.large = r.replace = r.unmap = 0;
	rc = decode_map(f, a, &r);
	if (rc)
		return rc;
	ceno_space_map(&r);
	return 0;
}
