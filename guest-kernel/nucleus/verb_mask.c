/*
 * MASK: capabilities narrow, objects are revoked, pledges drop, slots are closed.
 *
 * rdi slot  rsi rights | CENO_MASK_*  rdx offset  r10 length  r8 expiry  r9 pledge or stop code
 */
#include "cap.h"

#define FLAGS (CENO_MASK_REVOKE | CENO_MASK_PLEDGE)

/* A fiber's own capability to itself: exit. The last one of an object: its end, in
 * steps; the slot is kept, stale, until they are done. */
static int64_t close_slot(struct ceno_fiber *f, struct ceno_cap *cap, uint32_t stop)
{
	if (cap->object == &f->object) {
		if (f->index == 0 && stop)
			ceno_cpu_stop((enum ceno_stop)stop);
		ceno_fiber_end(f, CENO_FIBER_EVENT_EXIT);
		return CENO_VERB_BLOCKED;
	}
	if (ceno_end_follows(cap))
		ceno_end_begin(cap->object, f);
	if (cap->object->end != CENO_END_NOT && !ceno_end_step(f))
		return CENO_E_AGAIN;
	ceno_cap_drop(cap, f);
	return 0;
}

static int decode_bounds(const struct ceno_cap *cap, uint64_t offset, uint64_t length)
{
	if (cap->type != CENO_OBJECT_FRAMES)
		return offset | length ? CENO_E_BOUNDS : 0;
	if (!length)
		length = cap->length;
	return (offset | length) & (CENO_PAGE - 1) || offset > cap->length || length > cap->length - offset
	    ? CENO_E_BOUNDS
	    : 0;
}

static int decode_mask(struct ceno_fiber *f, const uint64_t a[6], struct ceno_cap **out)
{
	uint32_t types = a[1] & CENO_MASK_PLEDGE ? CENO_TYPE(FIBER) : CENO_TYPES_ANY, rights = 0;
	struct ceno_cap *cap = ceno_cap_at(f, a[0]);
	int rc;

	if (a[1] & CENO_MASK_REVOKE || (a[1] & CENO_MASK_PLEDGE && cap->object != &f->object))
		rights = CENO_RIGHT_REVOKE;
	rc = ceno_cap_find(f, a[0], types, rights, out);
	if (rc)
		return rc;
	if (a[1] & ~(uint64_t)(CENO_RIGHTS_ALL | FLAGS))
		return CENO_E_RIGHTS;
	rc = decode_bounds(cap, a[2], a[3]);
	if (rc)
		return rc;
	if (!(a[1] & CENO_MASK_PLEDGE) || a[5] == ceno_fiber_of(cap->object)->pledge)
		return 0;
	return a[5] & ~(uint64_t)ceno_fiber_of(cap->object)->pledge ? CENO_E_PLEDGE : ceno_event_check(f);
}

static void narrow(struct ceno_cap *cap, const uint64_t a[6])
{
	cap->rights &= (uint8_t)a[1];
	cap->offset += a[2];
	if (a[3])
		cap->length = a[3];
	if (a[4] && a[4] < cap->until)
		cap->until = a[4];
}

static void drop_pledge(struct ceno_fiber *f, struct ceno_fiber *t, uint32_t pledge)
{
	uint32_t old = t->pledge, dropped = old & ~pledge;

	if (!dropped)
		return;
	t->pledge = pledge;
	for (uint32_t class = 0; class < CENO_PLEDGE_COUNT; class ++)
		if (dropped >> class & 1)
			ceno_space_unmap_window(&t->space, class);
	ceno_event_post(f, CENO_FIBER_EVENT_PLEDGE, t->index, old, pledge);
}

/* Every other capability is stale from here, this one follows. */
static int64_t revoke(struct ceno_fiber *f, struct ceno_cap *cap)
{
	struct ceno_object *object = cap->object;

	object->epoch = cap->epoch = ceno_epoch_new();
	object->live = 1;
	switch (object->type) {
	case CENO_OBJECT_REGION:
	case CENO_OBJECT_WINDOW:
		return ceno_region_clear(ceno_region_of(object)) ? 0 : CENO_E_AGAIN;
	case CENO_OBJECT_PROCESS:
		ceno_end_process(ceno_process_of(object));
		return 0;
	case CENO_OBJECT_CHANNEL:
		ceno_end_ring((struct ceno_channel *)(void *)object, f);
		return ceno_end_step(f) ? 0 : CENO_E_AGAIN;
	default:
		ceno_fiber_end(ceno_fiber_of(object), object == &f->object ? 0 : CENO_FIBER_EVENT_EXIT);
		return object == &f->object ? CENO_VERB_BLOCKED : 0;
	}
}

int64_t ceno_verb_mask(struct ceno_fiber *f)
{
	const struct ceno_frame *r = &f->frame;
	const uint64_t a[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };
	struct ceno_cap *cap = ceno_cap_at(f, a[0]);
	int64_t rc = ceno_energy_pay(f, CENO_PRICE_MASK);

	if (rc)
		return rc;
	if (a[1] == 0)
		return cap->type == CENO_OBJECT_NULL ? CENO_E_SLOT : close_slot(f, cap, (uint32_t)a[5]);
	rc = decode_mask(f, a, &cap);
	if (rc)
		return rc;
	if (a[1] & CENO_MASK_PLEDGE)
		drop_pledge(f, ceno_fiber_of(cap->object), (uint32_t)a[5]);
	if (a[1] & CENO_MASK_REVOKE)
		rc = revoke(f, cap);
	if (rc != CENO_E_AGAIN) /* called again, it must still be good */
		narrow(cap, a);
	return rc;
}
