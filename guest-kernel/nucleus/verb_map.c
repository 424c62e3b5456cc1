/*
 * MAP: puts a frame range or a window into a space, or takes pages out of it.
 *
 * rdi space (own fiber or process, right MAP)  rsi object slot or -1
 * rdx gva   r10 offset   r8 bytes   r9 rights | CENO_MAP_REPLACE
 */
#include "nucleus.h"
#include "frames.h"
#include "paging.h"

#define RIGHTS_MASK (CENO_RIGHT_READ | CENO_RIGHT_WRITE | CENO_RIGHT_EXECUTE)
#define ENTRIES_MAX 512u

static int decode_space(struct ceno_fiber *f, uint64_t slot, struct ceno_map_request *r)
{
	struct ceno_cap *cap;
	int rc = ceno_cap_check(f, slot, CENO_OBJECT_PROCESS, CENO_RIGHT_MAP, &cap);

	if (rc == CENO_E_TYPE)
		rc = ceno_cap_check(f, slot, CENO_OBJECT_FIBER, CENO_RIGHT_MAP, &cap);
	if (rc == 0)
		r->space = ceno_space_of(cap);
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
