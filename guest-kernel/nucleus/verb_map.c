/*
 * MAP: puts a frame range, a region, a window or another space's table into a space, or
 * takes pages out of it.
 *
 * rdi space (fiber or process, right MAP)  rsi object slot or -1
 * rdx gva   r10 offset   r8 bytes   r9 rights | CENO_MAP_REPLACE
 */
#include "cap.h"
#include "frames.h"
#include "paging.h"

#define RIGHTS_MASK (CENO_RIGHT_READ | CENO_RIGHT_WRITE | CENO_RIGHT_EXECUTE)
#define ENTRIES_MAX 512u

/* All page-aligned, below 2^47, not in the entry page's 2 MiB. */
static int check_span(uint64_t gva, uint64_t offset, uint64_t bytes)
{
	if ((gva | offset | bytes) & (CENO_PAGE - 1) || bytes == 0 || gva >= USER_END || bytes > USER_END - gva)
		return CENO_E_BOUNDS;
	return gva < CENO_GVA_ENTRY_REGION + CENO_LARGE_PAGE && gva + bytes > CENO_GVA_ENTRY_REGION ? CENO_E_BOUNDS : 0;
}

static int check_rights(uint64_t rights)
{
	if (rights & ~(uint64_t)RIGHTS_MASK || !(rights & CENO_RIGHT_READ))
		return CENO_E_RIGHTS;
	return (rights & CENO_RIGHT_WRITE) && (rights & CENO_RIGHT_EXECUTE) ? CENO_E_WX : 0;
}

static int decode_frames(const struct ceno_cap *cap, const uint64_t a[6], struct ceno_map_request *r)
{
	uint64_t offset = a[3], bytes = a[4];
	int rc;

	if (offset > cap->length || bytes > cap->length - offset)
		return CENO_E_BOUNDS;
	r->gpa = ((const struct ceno_frames *)(const void *)cap->object)->gpa + cap->offset + offset;
	r->ram = (uint32_t)ceno_frames_are_ram(r->gpa);
	r->large = ((r->gva | r->gpa | bytes) & (CENO_LARGE_PAGE - 1)) == 0 &&
	    !(r->ram && (r->rights & CENO_RIGHT_EXECUTE)); /* code in RAM is counted by frames */
	r->count = bytes / (r->large ? CENO_LARGE_PAGE : CENO_PAGE);
	if (r->count > ENTRIES_MAX)
		return CENO_E_BOUNDS;
	rc = check_rights(a[5] & ~(uint64_t)CENO_MAP_REPLACE);
	r->replace = (a[5] & CENO_MAP_REPLACE) != 0;
	return rc ? rc : ceno_space_check(r);
}

/* Its class is pledged by the fiber into whose space it goes, too: nobody else can put
 * into a space what a pledge keeps out of it. */
static int decode_window(const struct ceno_cap *cap, const struct ceno_cap *target, uint64_t gva)
{
	if (target->type != CENO_OBJECT_FIBER ||
	    gva != CENO_GVA_WINDOW + ceno_region_of(cap->object)->number * CENO_LARGE_PAGE)
		return CENO_E_BOUNDS;
	return cap->pledge & ~ceno_fiber_of(target->object)->pledge ? CENO_E_PLEDGE : 0;
}

static int decode_region(const struct ceno_cap *cap, const struct ceno_cap *target, const uint64_t a[6],
                         struct ceno_map_request *r)
{
	struct ceno_region *region = ceno_region_of(cap->object);
	int rc;

	if (a[3] || a[4] != region->bytes || (r->gva & (CENO_LARGE_PAGE - 1)))
		return CENO_E_BOUNDS;
	rc = cap->type == CENO_OBJECT_WINDOW ? decode_window(cap, target, r->gva) : 0;
	if (!rc)
		rc = check_rights(a[5]);
	if (!rc && region->gone)
		rc = CENO_E_STATE;
	if (rc)
		return rc;
	r->region = region;
	r->large = 1;
	r->count = region->tables;
	return ceno_space_check(r);
}

static int decode_move(const struct ceno_cap *cap, const struct ceno_cap *target, const uint64_t a[6],
                       struct ceno_map_request *r)
{
	if (target->type != CENO_OBJECT_PROCESS || ((a[2] | a[3]) & (CENO_LARGE_PAGE - 1)) || a[4] != CENO_LARGE_PAGE ||
	    check_span(a[3], 0, CENO_LARGE_PAGE))
		return CENO_E_BOUNDS;
	if (a[5])
		return CENO_E_RIGHTS;
	r->from = ceno_space_of(cap);
	r->offset = a[3];
	return ceno_space_check_move(r);
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

static int decode_map(const struct ceno_fiber *f, const uint64_t a[6], struct ceno_map_request *r)
{
	struct ceno_cap *target, *cap = NULL;
	int rc = ceno_cap_find(f, a[0], CENO_TYPE(FIBER) | CENO_TYPE(PROCESS), CENO_RIGHT_MAP, &target);

	if (!rc && a[1] != (uint64_t)-1)
		rc = ceno_cap_find(f, a[1],
		                   CENO_TYPE(FRAMES) | CENO_TYPE(REGION) | CENO_TYPE(WINDOW) | CENO_TYPE(PROCESS),
		                   a[5] & RIGHTS_MASK, &cap);
	if (!rc && cap && cap->type == CENO_OBJECT_PROCESS)
		rc = ceno_cap_check(f, cap, CENO_RIGHT_MAP);
	if (!rc)
		rc = check_span(a[2], a[1] == (uint64_t)-1 ? 0 : a[3], a[4]);
	if (rc)
		return rc;
	r->space = ceno_space_of(target);
	r->gva = a[2];
	r->rights = (uint32_t)a[5] & RIGHTS_MASK;
	if (a[1] == (uint64_t)-1) {
		if (a[4] > CENO_LARGE_PAGE)
			return CENO_E_BOUNDS;
		decode_unmap(a[4], r);
		return ceno_space_check(r);
	}
	if (cap->type == CENO_OBJECT_FRAMES)
		return decode_frames(cap, a, r);
	return cap->type == CENO_OBJECT_PROCESS ? decode_move(cap, target, a, r) : decode_region(cap, target, a, r);
}

int64_t ceno_verb_map(struct ceno_fiber *f, const uint64_t a[6])
{
	struct ceno_map_request r;
	int rc;

	r.ram = r.large = r.replace = r.unmap = 0;
	r.region = NULL;
	r.from = NULL;
	rc = decode_map(f, a, &r);
	if (rc)
		return rc;
	if (r.from)
		ceno_space_move(&r);
	else
		ceno_space_map(&r);
	return 0;
}
