/* SPAWN, GRANT and MASK: objects and capabilities come, spread, narrow, go. */
#include "nucleus.h"
#include "cpu.h"

/* ---- SPAWN: rdi own fiber  rsi kind, packed  rdx slot  r10 pool pages, packed  r8 rip  r9 rsp ---- */

struct spawn {
	uint32_t kind, spectrum, budget;
	struct ceno_channel *events; /* of a new fiber, or NULL */
	int index;                   /* of a new fiber */
	uint64_t quota, rip, rsp;
	struct ceno_cap *slot;
};

static int decode_events(struct ceno_fiber *f, uint64_t slot, struct spawn *s)
{
	struct ceno_cap *cap;
	int rc = slot ? ceno_cap_check(f, slot, CENO_OBJECT_CHANNEL, CENO_RIGHT_READ, &cap) : 0;

	if (!rc)
		s->events = slot ? (struct ceno_channel *)(void *)cap->object : NULL;
	return rc;
}

static int decode_spawn(struct ceno_fiber *f, const uint64_t a[6], struct spawn *s)
{
	struct ceno_cap *self;
	int rc = ceno_cap_check(f, a[0], CENO_OBJECT_FIBER, CENO_RIGHT_SPAWN, &self);

	if (!rc && self->object != &f->object)
		rc = CENO_E_TYPE;
	if (!rc)
		rc = ceno_cap_check_empty(f, a[2], &s->slot);
	if (rc)
		return rc;
	s->kind = (uint8_t)a[1];
	s->spectrum = a[1] >> 16 & (CENO_SPECTRUM_COUNT - 1);
	s->budget = (uint32_t)(a[1] >> 32);
	s->quota = (uint32_t)a[3];
	s->rip = a[4];
	s->rsp = a[5];
	s->index = -1;
	if (s->kind == CENO_SPAWN_FIBER) {
		rc = decode_events(f, a[3] >> 32 & (CENO_CSPACE_SLOTS - 1), s);
		if (!rc)
			rc = ceno_energy_check_carve(f, s->spectrum, s->budget);
		if (rc)
			return rc;
	}
	if (s->kind == CENO_SPAWN_CHANNEL) {
		s->quota = 1;
	} else if (s->kind == CENO_SPAWN_FIBER || s->kind == CENO_SPAWN_PROCESS) {
		/* its object, its CSpace if it is a fiber, then its space */
		if (s->quota < CENO_SPACE_PAGES_MIN + 2)
			return CENO_E_POOL;
	} else {
		return CENO_E_BOUNDS;
	}
	if (s->quota > f->space.quota)
		return CENO_E_POOL;
	if (s->kind == CENO_SPAWN_FIBER) {
		s->index = ceno_fiber_free_index();
		if (s->index < 0 || s->rip >= 1ull << 47)
			return s->index < 0 ? CENO_E_POOL : CENO_E_BOUNDS;
		return ceno_event_check(f);
	}
	return 0;
}

static int64_t invoke_spawn(struct ceno_fiber *f, const struct spawn *s)
{
	f->space.quota -= s->quota;
	if (s->kind == CENO_SPAWN_CHANNEL) {
		struct ceno_channel *c = ceno_pool_take();

		c->object = (struct ceno_object){ .type = CENO_OBJECT_CHANNEL, .epoch = 1 };
		ceno_cap_set(s->slot, &c->object, CENO_RIGHTS_ALL, 0);
	} else if (s->kind == CENO_SPAWN_PROCESS) {
		struct ceno_process *p = ceno_pool_take();

		p->object = (struct ceno_object){ .type = CENO_OBJECT_PROCESS, .epoch = 1 };
		p->handler = f;
		ceno_space_init(&p->space, s->quota - 1);
		ceno_cap_set(s->slot, &p->object, CENO_RIGHTS_ALL, 0);
	} else {
		struct ceno_fiber *child = ceno_fiber_new(0, s->rip, s->rsp, (uint32_t)s->index);

		ceno_space_init(&child->space, s->quota - 2);
		ceno_cap_set(s->slot, &child->object, CENO_RIGHTS_ALL, 0);
		ceno_energy_carve(f, child, s->spectrum, s->budget);
		child->events = s->events;
		child->supervised = s->events != NULL;
		ceno_event_post(f, CENO_FIBER_EVENT_SPAWN, child->index, child->pledge, s->budget);
		return s->index;
	}
	return 0;
}

int64_t ceno_verb_spawn(struct ceno_fiber *f, const uint64_t a[6])
{
	struct spawn s;
	int rc = decode_spawn(f, a, &s);

	return rc ? rc : invoke_spawn(f, &s);
}

/* ---- GRANT: rdi fiber  rsi source slot  rdx destination slot  r10 rights ---- */

int64_t ceno_verb_grant(struct ceno_fiber *f, const uint64_t a[6])
{
	struct ceno_cap *target, *from = &f->cspace[a[1] & (CENO_CSPACE_SLOTS - 1)], *to;
	struct ceno_fiber *receiver;
	int rc = ceno_cap_check(f, a[0], CENO_OBJECT_FIBER, CENO_RIGHT_GRANT, &target);

	if (!rc)
		rc = ceno_cap_check(f, a[1], from->type, CENO_RIGHT_GRANT, &from);
	if (rc)
		return rc;
	if (from->type == CENO_OBJECT_NULL)
		return CENO_E_SLOT;
	if (from->depth == UINT8_MAX || (a[3] & ~(uint64_t)CENO_RIGHTS_ALL))
		return CENO_E_RIGHTS;
	receiver = (struct ceno_fiber *)(void *)((char *)target->object - offsetof(struct ceno_fiber, object));
	rc = ceno_cap_check_empty(receiver, a[2], &to);
	if (!rc)
		rc = ceno_event_check(f);
	if (rc)
		return rc;
	ceno_cap_copy(to, from, (uint32_t)a[3]);
	ceno_event_post(f, CENO_FIBER_EVENT_GRANT, receiver->index, to->type, to->rights | (uint64_t)to->depth << 8);
	return 0;
}

/* ---- MASK: rdi slot  rsi rights  rdx offset  r10 length  r8 expiry ---- */

/* The last capability of a process goes: first its space, one bounded step a call. */
static int64_t end_process(struct ceno_fiber *f, struct ceno_cap *cap)
{
	struct ceno_process *p =
	    (struct ceno_process *)(void *)((char *)cap->object - offsetof(struct ceno_process, object));

	p->object.epoch++; /* no RECV can select it again */
	cap->epoch = p->object.epoch;
	for (uint64_t i = 0; i < ceno_cpu.fiber_end; i++)
		if (ceno_cpu.fiber[i] && ceno_cpu.fiber[i]->process == p)
			ceno_cpu.fiber[i]->process = NULL;
	ceno_cpu.process_cr3 = f->process ? f->process->space.cr3 : f->space.cr3;
	if (!ceno_space_teardown(&p->space))
		return CENO_E_AGAIN;
	/* what it did not use, its PML4 and its object go back to whoever closed it */
	f->space.quota += p->space.quota + 2;
	ceno_cap_clear(cap);
	ceno_pool_give(p->space.pml4);
	ceno_pool_give(p);
	return 0;
}

/* The last capability of a channel goes, and with it those that wait in its ring.
 * Where one of them is the last of a process, that ends first; where it is the last
 * of a channel, that one's ring comes next (`dying`: no recursion). A step a call. */
static __attribute__((noinline)) int64_t end_channel(struct ceno_fiber *f, struct ceno_cap *cap)
{
	struct ceno_channel *first = (struct ceno_channel *)(void *)cap->object;
	struct ceno_channel *c = first->dying ? first->dying : first;

	for (; c->head != c->tail; c->head++) {
		struct ceno_cap *waiting = &c->message[c->head % CENO_CHANNEL_MESSAGES].cap;
		struct ceno_object *object = waiting->object;

		if (waiting->type == CENO_OBJECT_NULL)
			continue;
		if (object->holders == 1 && object->type == CENO_OBJECT_PROCESS) {
			(void)end_process(f, waiting); /* once more, or on with the next */
			return CENO_E_AGAIN;
		}
		if (object->holders == 1 && object->type == CENO_OBJECT_CHANNEL) {
			struct ceno_channel *inner = (struct ceno_channel *)(void *)object, *next = inner->dying;

			if (next) /* its own closing was begun once: what that left goes first */
				inner->dying = next->dying;
			else
				ceno_cap_clear(waiting);
			next = next ? next : inner;
			next->dying = first->dying;
			first->dying = next;
			return CENO_E_AGAIN;
		}
		ceno_cap_clear(waiting);
	}
	ceno_event_forget(c);
	f->space.quota++;
	if (c == first)
		ceno_cap_clear(cap);
	else
		first->dying = c->dying;
	ceno_pool_give(c);
	return c == first ? 0 : CENO_E_AGAIN;
}

static int64_t close_slot(struct ceno_fiber *f, struct ceno_cap *cap, uint64_t stop)
{
	struct ceno_object *object = cap->object;

	if (object->holders == 1 && object->type == CENO_OBJECT_PROCESS)
		return end_process(f, cap);
	if (object->holders == 1 && object->type == CENO_OBJECT_CHANNEL)
		return end_channel(f, cap);
	if (object == &f->object) {
		if (f->index == 0 && stop)
			ceno_cpu_stop((enum ceno_stop)(uint32_t)stop);
		ceno_fiber_end(f, CENO_FIBER_EVENT_EXIT);
		return CENO_VERB_BLOCKED;
	}
	ceno_cap_clear(cap);
	return 0;
}

int64_t ceno_verb_mask(struct ceno_fiber *f, const uint64_t a[6])
{
	struct ceno_cap *cap = &f->cspace[a[0] & (CENO_CSPACE_SLOTS - 1)];
	uint64_t offset = a[2], length = a[3];

	if (cap->type == CENO_OBJECT_NULL)
		return CENO_E_SLOT;
	if (a[1] == 0)
		return close_slot(f, cap, a[5]);
	if (length && (offset > cap->length || length > cap->length - offset || (offset | length) & (CENO_PAGE - 1)))
		return CENO_E_BOUNDS;
	if (cap->epoch != cap->object->epoch)
		return CENO_E_STALE;
	cap->rights &= (uint8_t)a[1];
	if (length) {
		cap->offset += offset;
		cap->length = length;
	}
	if (a[4] && (!cap->expiry || a[4] < cap->expiry))
		cap->expiry = a[4];
	return 0;
}
