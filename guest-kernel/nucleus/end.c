/*
 * The end of objects: what nobody names any more is taken apart and its pages go back.
 *
 *   NOT --- last live capability dropped ---> BEGUN --- steps ---> DONE ---> page free
 *                                             on the list of       when no capability
 *                                             the fiber that       and no directory
 *                                             dropped it           entry points to it
 *
 * Taking one apart drops the capabilities in it, which may begin the end of others:
 * they go on the same list, so there is no recursion, and each step is bounded. The
 * fiber whose verb dropped the last capability pays for the steps (AGAIN) and gets
 * the pages, and a fiber's budget.
 *
 * Objects that hold the last capabilities to each other in a ring of rings are never
 * found; their pages stay charged to whoever made them, whose maker gets so many less
 * back (tests/unit/nucleus/bounds.c).
 */
#include "cap.h"

#define OBJECTS_A_STEP 8
#define MOVED_A_STEP   64

static int can_end(const struct ceno_object *object)
{
	switch (object->type) {
	case CENO_OBJECT_PROCESS:
	case CENO_OBJECT_CHANNEL:
	case CENO_OBJECT_REGION:
	case CENO_OBJECT_WINDOW:
		return 1;
	case CENO_OBJECT_FIBER: /* init stays, and whoever is just running: it can but exit */
		return object != &ceno_cpu.fiber[0]->object && object != &ceno_cpu.current->object;
	default:
		return 0;
	}
}

/* Live capabilities that a fiber holds to itself; they keep nothing alive. */
static uint32_t own_count(struct ceno_object *object)
{
	const struct ceno_fiber *f = ceno_fiber_of(object);
	uint32_t n = 0;

	if (object->type != CENO_OBJECT_FIBER)
		return 0;
	for (uint64_t i = 0; i < CENO_CSPACE_SLOTS; i++)
		n += f->cspace[i].type == CENO_OBJECT_FIBER && f->cspace[i].object == object &&
		    f->cspace[i].epoch == object->epoch;
	return n;
}

int ceno_end_follows(const struct ceno_cap *cap)
{
	struct ceno_object *object = cap->object;

	return cap->epoch == object->epoch && can_end(object) && object->live == 1 + own_count(object);
}

void ceno_end_process(struct ceno_process *p)
{
	struct ceno_fiber *f = ceno_cpu.current;

	for (uint64_t i = 0; i < ceno_cpu.fiber_end; i++)
		if (ceno_cpu.fiber[i] && ceno_cpu.fiber[i]->process == p)
			ceno_cpu.fiber[i]->process = NULL;
	p->handler = NULL;
	ceno_cpu.process_cr3 = f->process ? f->process->space.cr3 : f->space.cr3;
}

void ceno_end_begin(struct ceno_object *object, struct ceno_fiber *f)
{
	object->end = CENO_END_BEGUN;
	object->epoch = ceno_epoch_new();
	object->live = 0;
	object->next = f->ending;
	f->ending = object;
	if (object->type == CENO_OBJECT_FIBER) {
		ceno_event_leave(ceno_fiber_of(object), f);
		ceno_fiber_end(ceno_fiber_of(object), 0);
		ceno_fiber_of(object)->process = NULL;
	} else if (object->type == CENO_OBJECT_PROCESS) {
		ceno_end_process(ceno_process_of(object));
	}
}

static void give_pages(struct ceno_object *object, uint64_t *quota)
{
	struct ceno_region *r;

	switch (object->type) {
	case CENO_OBJECT_FIBER:
		ceno_pool_give(ceno_fiber_of(object));
		break;
	case CENO_OBJECT_PROCESS:
		ceno_pool_give(ceno_process_of(object));
		break;
	case CENO_OBJECT_CHANNEL:
		ceno_pool_give(object);
		break;
	default:
		r = ceno_region_of(object);
		ceno_cpu.region[r->number] = NULL;
		for (uint64_t i = 0; i < r->tables; i++)
			ceno_pool_give(r->table[i]);
		*quota += r->tables;
		ceno_pool_give(r);
	}
	++*quota;
}

void ceno_end_settle(struct ceno_object *object, uint64_t *quota)
{
	int kept = object->type == CENO_OBJECT_FIBER
	    ? ceno_event_is_untold(ceno_fiber_of(object))
	    : (object->type == CENO_OBJECT_REGION || object->type == CENO_OBJECT_WINDOW) &&
		ceno_region_of(object)->maps;

	if (object->end == CENO_END_DONE && object->holders == 0 && !kept)
		give_pages(object, quota);
}

void ceno_cap_drop(struct ceno_cap *cap, struct ceno_fiber *f)
{
	struct ceno_object *object = cap->object;
	int ends = ceno_end_follows(cap);

	if (cap->epoch == object->epoch)
		object->live--;
	object->holders--;
	*cap = (struct ceno_cap){ 0 };
	if (ends)
		ceno_end_begin(object, f);
	else
		ceno_end_settle(object, &f->space.quota);
}

void ceno_end_ring(struct ceno_channel *c, struct ceno_fiber *f)
{
	for (; c->waiting; c->waiting--) {
		struct ceno_cap *cap = &c->message[c->head].cap;

		if (cap->type != CENO_OBJECT_NULL)
			ceno_cap_drop(cap, f);
		c->head = ceno_channel_place(c, 1);
	}
	c->from_nucleus = 0;
	ceno_event_forget(c, &f->space.quota);
}

void ceno_end_slots(struct ceno_cap *cspace, struct ceno_fiber *f)
{
	for (uint64_t i = 0; i < CENO_CSPACE_SLOTS; i++)
		if (cspace[i].type != CENO_OBJECT_NULL)
			ceno_cap_drop(&cspace[i], f);
}

/* The space's root and what the space did not use. */
static void give_space(struct ceno_space *s, struct ceno_fiber *f)
{
	f->space.quota += s->quota + 1;
	ceno_pool_give(s->pml4);
	s->quota = s->pages = 0;
}

static int take_fiber_apart(struct ceno_fiber *gone, struct ceno_fiber *f)
{
	if (gone->ending) { /* what it was taking apart is f's now */
		for (int n = 0; gone->ending && n < MOVED_A_STEP; n++) {
			struct ceno_object *object = gone->ending;

			gone->ending = object->next;
			object->next = f->ending;
			f->ending = object;
		}
		return 0;
	}
	if (gone->cspace) {
		ceno_end_slots(gone->cspace, f);
		ceno_pool_give(gone->cspace);
		gone->cspace = NULL;
		f->space.quota += 1 + ceno_fpu_end(gone);
		return 0;
	}
	if (!ceno_space_teardown(&gone->space))
		return 0;
	give_space(&gone->space, f);
	ceno_energy_return(f, gone);
	if (!ceno_event_is_untold(gone))
		ceno_cpu.fiber[gone->index] = NULL;
	return 1;
}

/* One bounded step; 1: nothing is left of it but its page. */
static int take_apart(struct ceno_object *object, struct ceno_fiber *f)
{
	struct ceno_process *p;

	switch (object->type) {
	case CENO_OBJECT_FIBER:
		return take_fiber_apart(ceno_fiber_of(object), f);
	case CENO_OBJECT_PROCESS:
		p = ceno_process_of(object);
		if (!ceno_space_teardown(&p->space))
			return 0;
		give_space(&p->space, f);
		return 1;
	case CENO_OBJECT_CHANNEL:
		ceno_end_ring((struct ceno_channel *)(void *)object, f);
		return f->ending == object;
	default:
		return ceno_region_clear(ceno_region_of(object));
	}
}

int ceno_end_step(struct ceno_fiber *f)
{
	struct ceno_object *object;

	for (int n = 0; n < OBJECTS_A_STEP && (object = f->ending); n++) {
		if (!take_apart(object, f))
			return 0;
		f->ending = object->next;
		object->end = CENO_END_DONE;
		ceno_end_settle(object, &f->space.quota);
	}
	return !f->ending;
}
