/*
 * SPAWN and GRANT: objects and capabilities come and spread. MASK (verb_mask.c) lets
 * them narrow and go.
 */
#include "cap.h"
#include "paging.h"

/* ---- SPAWN: rdi own fiber  rsi kind, packed  rdx slot  r10 pool pages, packed  r8  r9 ---- */

struct spawn {
	uint32_t kind, pledge, rights;
	uint32_t spectrum, budget, fpu;
	uint32_t prepared;           /* the number of a new fiber's prepared space, plus 1; 0: it has none */
	struct ceno_channel *events; /* of a new fiber, or NULL */
	int index;                   /* of a new fiber, or number of a new region */
	uint64_t quota;              /* pool pages taken from the caller's */
	uint64_t gpa, bytes, rip, rsp;
	struct ceno_cap *slot; /* for the new object; RESTART: names the fiber */
};

static int decode_pages(const struct ceno_fiber *f, struct spawn *s, uint64_t least)
{
	return s->quota < least || s->quota > f->space.quota ? CENO_E_POOL : 0;
}

/* Nobody but init has by its boot manifest all that such a space maps, whose trap page is
 * its fiber's. */
static int decode_prepared(const struct ceno_fiber *f, struct spawn *s)
{
	uint32_t number = (uint32_t)s->index - 1;

	if (f->index != 0 || number >= CENO_PREPARED_MAX || !ceno_cpu.prepared_cr3[number])
		return CENO_E_STATE;
	if (ceno_cpu.handoff->prepared[number].windows & ~(uint64_t)s->pledge)
		return CENO_E_PLEDGE;
	s->prepared = number + 1;
	return 0;
}

static int decode_fiber(struct ceno_fiber *f, const uint64_t a[6], struct spawn *s)
{
	uint64_t events = a[3] >> 32 & (CENO_CSPACE_SLOTS - 1);
	struct ceno_cap *cap;
	int rc = events ? ceno_cap_find(f, events, CENO_TYPE(CHANNEL), CENO_RIGHT_READ, &cap) : 0;

	if (rc)
		return rc;
	s->events = events ? (struct ceno_channel *)(void *)cap->object : NULL;
	s->pledge = (uint8_t)(a[1] >> 8);
	s->spectrum = a[1] >> 16 & (CENO_SPECTRUM_COUNT - 1);
	s->budget = (uint32_t)(a[1] >> 32);
	s->fpu = f->fpu || (a[1] & CENO_SPAWN_FPU); /* who could look at others' makes none that can */
	if (!(f->pledge >> CENO_PLEDGE_SPAWN & 1) || (s->pledge & ~f->pledge))
		return CENO_E_PLEDGE;
	rc = ceno_energy_check_carve(f, s->spectrum, s->budget);
	if (rc)
		return rc;
	s->index = ceno_fiber_free_index();
	if (s->index < 0 || decode_pages(f, s, CENO_SPACE_PAGES_MIN + 2 + s->fpu)) /* its object, CSpace, space, area */
		return CENO_E_POOL;
	if (a[1] & CENO_SPAWN_PREPARED) {
		rc = decode_prepared(f, s);
		if (rc)
			return rc;
	}
	return s->rip < USER_END ? ceno_event_check(f) : CENO_E_BOUNDS;
}

static int decode_region(const struct ceno_fiber *f, const uint64_t a[6], struct spawn *s)
{
	uint64_t offset = a[5];
	struct ceno_cap *cap;
	int rc;

	s->rights = a[4] >> 8 & (CENO_RIGHT_READ | CENO_RIGHT_WRITE | CENO_RIGHT_EXECUTE);
	s->bytes = a[3];
	rc = ceno_cap_find(f, a[4], CENO_TYPE(FRAMES), s->rights, &cap);
	if (rc)
		return rc;
	if (!(s->rights & CENO_RIGHT_READ))
		return CENO_E_RIGHTS;
	if ((s->rights & CENO_RIGHT_WRITE) && (s->rights & CENO_RIGHT_EXECUTE))
		return CENO_E_WX;
	if ((offset | s->bytes) & (CENO_PAGE - 1) || s->bytes - 1 >= CENO_REGION_BYTES_MAX || offset > cap->length ||
	    s->bytes > cap->length - offset)
		return CENO_E_BOUNDS;
	s->gpa = ((const struct ceno_frames *)(const void *)cap->object)->gpa + cap->offset + offset;
	s->index = ceno_region_free_number();
	s->quota = 1 + CENO_REGION_TABLES_OF(s->bytes);
	if (s->index < 0 || decode_pages(f, s, 0))
		return CENO_E_POOL;
	return ceno_region_check_frames(s->gpa, s->bytes, s->rights);
}

static int decode_restart(const struct ceno_fiber *f, const uint64_t a[6], struct spawn *s)
{
	int rc = ceno_cap_find(f, a[2], CENO_TYPE(FIBER), CENO_RIGHT_REVOKE, &s->slot);
	const struct ceno_fiber *t;

	if (rc)
		return rc;
	t = ceno_fiber_of(s->slot->object);
	if ((t->state != CENO_FIBER_DEAD && t->state != CENO_FIBER_PARKED) || t->index == 0)
		return CENO_E_STATE; /* init: the warden laid out its space, nobody could do so again */
	return s->rip < USER_END ? 0 : CENO_E_BOUNDS;
}

static int decode_spawn(struct ceno_fiber *f, const uint64_t a[6], struct spawn *s)
{
	struct ceno_cap *self;
	int rc = ceno_cap_find(f, a[0], CENO_TYPE(FIBER), CENO_RIGHT_SPAWN, &self);

	if (!rc && self->object != &f->object)
		rc = CENO_E_TYPE;
	if (rc)
		return rc;
	s->kind = (uint8_t)a[1];
	s->quota = (uint32_t)a[3];
	s->rip = a[4];
	s->rsp = a[5];
	if (s->kind == CENO_SPAWN_RESTART)
		return decode_restart(f, a, s);
	rc = ceno_cap_check_empty(f, a[2], &s->slot);
	if (rc)
		return rc;
	switch (s->kind) {
	case CENO_SPAWN_FIBER:
		return decode_fiber(f, a, s);
	case CENO_SPAWN_PROCESS:
		return decode_pages(f, s, CENO_SPACE_PAGES_MIN + 1); /* its object, its space */
	case CENO_SPAWN_CHANNEL:
		s->quota = 1;
		return decode_pages(f, s, 1);
	case CENO_SPAWN_REGION:
		return decode_region(f, a, s);
	default:
		return CENO_E_BOUNDS;
	}
}

/* named: by its maker, or NULL; line: where its maker reports to, or NULL. */
static void set_events(struct ceno_fiber *child, struct ceno_channel *named, struct ceno_channel *line)
{
	child->events = named ? named : line;
	child->witness = named && named != line ? line : NULL;
	child->supervised = child->events != NULL;
}

static int64_t invoke_fiber(struct ceno_fiber *f, const struct spawn *s)
{
	struct ceno_fiber *child = ceno_fiber_new(0, s->rip, s->rsp, (uint32_t)s->index);

	child->pledge = s->pledge;
	if (s->prepared)
		ceno_space_take_prepared(&child->space, s->quota - 2 - s->fpu, s->prepared - 1);
	else
		ceno_space_init(&child->space, s->quota - 2 - s->fpu);
	if (s->fpu)
		ceno_fpu_give(child);
	ceno_cap_set(s->slot, &child->object, CENO_RIGHTS_ALL, 0);
	ceno_energy_carve(f, child, s->spectrum, s->budget);
	set_events(child, s->events, f->witness ? f->witness : f->events);
	ceno_event_post(f, CENO_FIBER_EVENT_SPAWN, child->index, child->pledge, s->budget);
	return s->index;
}

static void invoke_process(struct ceno_fiber *f, const struct spawn *s)
{
	struct ceno_process *p = ceno_pool_take();

	p->object = (struct ceno_object){ .type = CENO_OBJECT_PROCESS, .epoch = ceno_epoch_new() };
	p->handler = f;
	p->handler_epoch = f->object.epoch;
	ceno_space_init(&p->space, s->quota - 1);
	ceno_cap_set(s->slot, &p->object, CENO_RIGHTS_ALL, 0);
}

static void invoke_channel(const struct spawn *s)
{
	struct ceno_channel *c = ceno_pool_take();

	c->object = (struct ceno_object){ .type = CENO_OBJECT_CHANNEL, .epoch = ceno_epoch_new() };
	ceno_cap_set(s->slot, &c->object, CENO_RIGHTS_ALL, 0);
}

static void invoke_region(const struct spawn *s)
{
	struct ceno_region *r = ceno_region_new((uint32_t)s->index, s->gpa, s->bytes, s->rights);

	ceno_cap_set(s->slot, &r->object, s->rights | CENO_RIGHT_GRANT | CENO_RIGHT_REVOKE, s->bytes);
}

/* Until it is as new it is dead, and every call does the same again: nothing that came
 * in between (a MAP, a GRANT) is left. */
static int64_t invoke_restart(const struct spawn *s)
{
	struct ceno_fiber *t = ceno_fiber_of(s->slot->object);

	ceno_fiber_end(t, 0); /* it may be parked */
	t->object.epoch = s->slot->epoch = ceno_epoch_new();
	t->object.live = 1;
	ceno_end_slots(t->cspace, t);
	if (!ceno_end_step(t) || !ceno_space_teardown(&t->space))
		return CENO_E_AGAIN;
	ceno_space_open(&t->space);
	ceno_fiber_reset(t, s->rip, s->rsp);
	return 0;
}

int64_t ceno_verb_spawn(uint64_t self, uint64_t kind, uint64_t slot, uint64_t pages, uint64_t rip, uint64_t rsp)
{
	const uint64_t a[6] = { self, kind, slot, pages, rip, rsp };
	struct ceno_fiber *f = ceno_cpu.current;
	struct spawn s = { 0 };
	int rc = ceno_energy_pay(f, CENO_PRICE_SPAWN);

	if (!rc)
		rc = decode_spawn(f, a, &s);
	if (rc)
		return rc;
	if (s.kind == CENO_SPAWN_RESTART)
		return invoke_restart(&s);
	f->space.quota -= s.quota;
	if (s.kind == CENO_SPAWN_FIBER)
		return invoke_fiber(f, &s);
	if (s.kind == CENO_SPAWN_PROCESS)
		invoke_process(f, &s);
	else if (s.kind == CENO_SPAWN_CHANNEL)
		invoke_channel(&s);
	else
		invoke_region(&s);
	return 0;
}

/* ---- GRANT: rdi fiber  rsi source slot  rdx destination slot  r10 rights ---- */

struct grant {
	struct ceno_fiber *receiver;
	const struct ceno_cap *from;
	struct ceno_cap *to;
	struct ceno_cap_step step;
};

static inline __attribute__((always_inline)) int decode_grant(struct ceno_fiber *f, uint64_t to, uint64_t what,
                                                              uint64_t slot, uint64_t rights, struct grant *g)
{
	struct ceno_cap *target, *from;
	uint64_t now = ceno_cpu_tsc();
	int rc = ceno_cap_find(f, to, CENO_TYPE(FIBER), CENO_RIGHT_GRANT, &target);

	if (!rc)
		rc = ceno_cap_find_to_pass(f, what, now, &from);
	if (rc)
		return rc;
	g->from = from;
	g->receiver = ceno_fiber_of(target->object);
	rc = ceno_cap_check_empty(g->receiver, slot, &g->to);
	if (rc)
		return rc;
	if (rights & ~(uint64_t)CENO_RIGHTS_ALL)
		return CENO_E_RIGHTS;
	if (from->pledge & ~g->receiver->pledge)
		return CENO_E_PLEDGE;
	rc = ceno_cap_step(from, now, &g->step);
	return rc ? rc : ceno_event_check(f);
}

int64_t ceno_verb_grant(uint64_t to, uint64_t what, uint64_t slot, uint64_t rights)
{
	struct ceno_fiber *f = ceno_cpu.current;
	struct grant g;
	int rc = ceno_energy_pay(f, CENO_PRICE_GRANT);

	if (!rc)
		rc = decode_grant(f, to, what, slot, rights, &g);
	if (rc)
		return rc;
	ceno_cap_copy(g.to, g.from, rights, &g.step);
	ceno_cap_hold(g.to);
	ceno_event_post(f, CENO_FIBER_EVENT_GRANT, g.receiver->index, g.to->type,
	                g.to->rights | (uint64_t)g.to->depth << 8);
	return 0;
}
