/* What one operation may change: a failed verb nothing, a good one what it says. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "nucleus/paging.h"

static struct view views[2];
static struct view *was = &views[0], *is = &views[1];

/* ---- the whole memory before, for "failed verbs change nothing" ---- */

static _Alignas(16) uint8_t pool_was[CENO_MACHINE_POOL_MAX][CENO_PAGE];
static struct ceno_cpu cpu_was;
static struct ceno_fake_cpu fake_was;

static uint8_t *page_now(uint64_t i)
{
	return ceno_machine_page(CENO_GPA_RAM + i * CENO_PAGE);
}

static void snapshot(void)
{
	for (uint64_t i = 0; i < ceno_cpu.pool_next; i++)
		memcpy(pool_was[i], page_now(i), CENO_PAGE);
	cpu_was = ceno_cpu;
	fake_was = ceno_fake_cpu;
}

/* The registers that entry.S saved, and what it has paid. */
static void allow_fiber(const struct ceno_fiber *f)
{
	uint64_t page = ((uint64_t)f - ceno_cpu.handoff->pool_gva) / CENO_PAGE;
	const uint64_t from = offsetof(struct ceno_fiber, energy), to = offsetof(struct ceno_fiber, events);

	memcpy(pool_was[page], f, sizeof f->frame);
	memcpy(pool_was[page] + from, (const uint8_t *)f + from, to - from);
}

static const char *nothing_changed(uint32_t fiber)
{
	allow_fiber(ceno_cpu.fiber[fiber]);
	if (memcmp((const void *)&cpu_was, (const void *)&ceno_cpu, sizeof ceno_cpu) ||
	    memcmp(&fake_was, &ceno_fake_cpu, sizeof fake_was))
		return broken("a failed verb changed the CPU's state");
	for (uint64_t i = 0; i < ceno_cpu.pool_next; i++)
		if (memcmp(pool_was[i], page_now(i), CENO_PAGE))
			return broken("a failed verb changed pool page %llu", (unsigned long long)i);
	return NULL;
}

/* ---- I2, for every capability that is not where it was ---- */

static int same_cap(const struct ceno_cap *a, const struct ceno_cap *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static int same_place(const struct view_cap *a, const struct view_cap *b)
{
	return a->fiber == b->fiber && a->slot == b->slot && a->holder == b->holder;
}

static int no_more_than(const struct ceno_cap *c, const struct ceno_cap *of)
{
	return c->object == of->object && !(c->rights & ~of->rights) && c->strength <= of->strength &&
	    c->until <= of->until && c->depth >= of->depth && c->depth <= of->depth + 1 && c->offset >= of->offset &&
	    c->length <= of->length && c->offset - of->offset <= of->length - c->length;
}

static int existed(const struct ceno_cap *c)
{
	int now = view_object(is, c->object);

	if (now >= CENO_MACHINE_POOL_MAX || c->type == CENO_OBJECT_WINDOW || is->gone[now])
		return 1;
	if (is->serial[now])
		return was->serial[now] == is->serial[now];
	for (unsigned i = 0; i < CENO_FIBERS_MAX; i++)
		if (was->fiber[i] && &was->fiber[i]->object == c->object)
			return 1;
	return 0;
}

static const char *check_cap_origin(const struct view_cap *c)
{
	if (!existed(&c->cap))
		return c->cap.depth ? broken("a new object's capability has depth %u", c->cap.depth) : NULL;
	for (int i = 0; i < was->caps; i++)
		if (no_more_than(&c->cap, &was->cap[i].cap))
			return NULL;
	return broken("I2: fiber %d slot %u holds more than any capability before", (int)c->fiber, c->slot);
}

/* Capabilities lie in the views in order of their place, but for messages. Returns
 * the number of places that changed, or the first cap without an origin in *bad. */
static int compare_caps(const char **bad)
{
	int changed = 0, hint = 0;

	for (int i = 0; i < is->caps && !*bad; i++) {
		int k = hint, found = 0;

		for (int n = 0; n < was->caps && !found; n++, k = k + 1 < was->caps ? k + 1 : 0)
			if (same_place(&is->cap[i], &was->cap[k])) {
				found = same_cap(&is->cap[i].cap, &was->cap[k].cap) ? 1 : 2;
				hint = k + 1 < was->caps ? k + 1 : 0;
			}
		if (found == 1)
			continue;
		changed++;
		*bad = check_cap_origin(&is->cap[i]);
	}
	return changed;
}

/* ---- one verb ---- */

static const struct ceno_cap *cap_was(uint32_t fiber, uint64_t slot)
{
	static const struct ceno_cap none;

	for (int i = 0; i < was->caps; i++)
		if (was->cap[i].fiber == fiber && was->cap[i].slot == (slot & (CENO_CSPACE_SLOTS - 1)))
			return &was->cap[i].cap;
	return &none;
}

static const struct ceno_cap *cap_is(uint32_t fiber, uint64_t slot)
{
	return &ceno_cpu.fiber[fiber]->cspace[slot & (CENO_CSPACE_SLOTS - 1)];
}

static const struct ceno_fiber *fiber_of(const struct ceno_cap *c)
{
	return (const struct ceno_fiber *)(const void *)((const char *)c->object - offsetof(struct ceno_fiber, object));
}

static const struct ceno_fiber *fiber_was(uint32_t index)
{
	uint64_t page = ((uint64_t)was->fiber[index] - ceno_cpu.handoff->pool_gva) / CENO_PAGE;

	return (const void *)pool_was[page];
}

/* As new, and what it may do as it was. */
static const char *check_restart(const struct ceno_machine_event *e)
{
	static const struct ceno_cap empty[CENO_CSPACE_SLOTS];
	const struct ceno_cap *c = cap_is(e->fiber, e->before.rdx), *old = cap_was(e->fiber, e->before.rdx);
	const struct ceno_fiber *f = fiber_of(c);

	if (memcmp(f->cspace, empty, sizeof empty) || f->state != CENO_FIBER_PARKED || f->frame.rip != e->before.r8 ||
	    f->frame.rsp != e->before.r9 || f->process || f->frame.rbx || f->frame.rax)
		return broken("RESTART: the fiber is not as new");
	if (c->epoch != f->object.epoch || c->epoch <= old->epoch || f->object.live != 1)
		return broken("I3: RESTART left old capabilities good");
	if (f->pledge != fiber_was(f->index)->pledge)
		return broken("I8: RESTART changed a pledge");
	for (int i = 0; i < is->spaces; i++)
		if (is->space[i].space == &f->space && is->space[i].runs != 1)
			return broken("RESTART: the space maps %d runs", is->space[i].runs);
	return NULL;
}

/* I1, and a space with nothing but the entry page. */
static const char *check_spawn(const struct ceno_machine_event *e)
{
	static const struct ceno_cap empty[CENO_CSPACE_SLOTS];
	const struct ceno_cap *c = cap_is(e->fiber, e->before.rdx);
	uint32_t kind = (uint8_t)e->before.rsi,
		 region_rights = (uint32_t)(e->before.r8 >> 8 & 7) | CENO_RIGHT_GRANT | CENO_RIGHT_REVOKE;
	const struct ceno_fiber *child;

	if (kind == CENO_SPAWN_RESTART)
		return check_restart(e);
	if (!c->object || existed(c) || c->object->holders != 1 || c->until != UINT64_MAX ||
	    c->strength != CENO_STRENGTH_FULL ||
	    c->rights != (kind == CENO_SPAWN_REGION ? region_rights : CENO_RIGHTS_ALL))
		return broken("SPAWN: the capability is not a whole new object's");
	for (int i = 0; i < is->spaces; i++) {
		const struct view_space *s = &is->space[i];

		if ((uint64_t)s->space / CENO_PAGE == (uint64_t)c->object / CENO_PAGE && s->runs != 1)
			return broken("SPAWN: the new space maps %d runs", s->runs);
	}
	if (kind != CENO_SPAWN_FIBER)
		return NULL;
	child = fiber_of(c);
	if (memcmp(child->cspace, empty, sizeof empty))
		return broken("I1: a new fiber does not start with 64 null slots");
	if (child->pledge != (uint8_t)(e->before.rsi >> 8) || (child->pledge & ~ceno_cpu.fiber[e->fiber]->pledge))
		return broken("I8: a new fiber's pledge is %#x", child->pledge);
	if (child->state != CENO_FIBER_PARKED || child->frame.rip != e->before.r8 || child->frame.rsp != e->before.r9 ||
	    child->index != e->after.rax || child->process)
		return broken("SPAWN: the new fiber is not as asked for");
	return NULL;
}

/* The law of decay, step by step instead of by shifts. */
static uint32_t faded(uint32_t strength, uint64_t age, unsigned depth)
{
	for (; depth && strength && age >= 1ull << (CENO_FADE_SHIFT - depth); age -= 1ull << (CENO_FADE_SHIFT - depth))
		strength /= 2;
	return strength;
}

static uint16_t weaker(const struct ceno_cap *from)
{
	uint32_t s = faded(from->strength, ceno_fake_cpu.tsc - from->born, from->depth);

	return (uint16_t)(s - s / 8);
}

/* When a capability is over: its own strength below the minimum, or `until` that it had. */
static uint64_t ends_at(const struct ceno_cap *c)
{
	uint64_t at = c->born, step = 1ull << (CENO_FADE_SHIFT - c->depth);

	while (faded(c->strength, at - c->born, c->depth) >= CENO_STRENGTH_MIN && at <= UINT64_MAX - step)
		at += step;
	if (faded(c->strength, at - c->born, c->depth) >= CENO_STRENGTH_MIN)
		at = UINT64_MAX;
	return at < c->until ? at : c->until;
}

static const char *check_grant(const struct ceno_machine_event *e, int changed)
{
	struct ceno_cap want = *cap_was(e->fiber, e->before.rsi);
	const struct ceno_fiber *to = fiber_of(cap_was(e->fiber, e->before.rdi));

	want.rights &= (uint8_t)e->before.r10;
	want.depth++;
	want.strength = weaker(cap_was(e->fiber, e->before.rsi));
	want.born = ceno_fake_cpu.tsc;
	want.until = ends_at(&want);
	if (want.until <= ceno_fake_cpu.tsc)
		return broken("I2: GRANT made a capability that is over");
	if (changed != 1 || !same_cap(&want, cap_is(to->index, e->before.rdx)))
		return broken("I2: GRANT did not make exactly its one copy (%d places changed)", changed);
	return NULL;
}

static const char *check_mask(const struct ceno_machine_event *e, int changed)
{
	struct ceno_cap want = *cap_was(e->fiber, e->before.rdi);

	if (e->before.rsi == 0)
		return changed || cap_is(e->fiber, e->before.rdi)->type ? broken("MASK: the slot is not empty") : NULL;
	want.rights &= (uint8_t)e->before.rsi;
	want.offset += e->before.rdx;
	if (e->before.r10)
		want.length = e->before.r10;
	if (e->before.r8 && e->before.r8 < want.until)
		want.until = e->before.r8;
	if (e->before.rsi & CENO_MASK_PLEDGE &&
	    (fiber_of(&want)->pledge != e->before.r9 ||
	     (fiber_of(&want)->pledge & ~fiber_was(fiber_of(&want)->index)->pledge)))
		return broken("I8: a pledge is %#x after MASK", fiber_of(&want)->pledge);
	if (e->before.rsi & CENO_MASK_REVOKE) {
		if (want.object->epoch <= want.epoch || want.object->live != 1)
			return broken("I3: REVOKE left other capabilities good");
		want.epoch = want.object->epoch;
		if ((want.type == CENO_OBJECT_REGION || want.type == CENO_OBJECT_WINDOW) &&
		    !ceno_region_of(want.object)->gone)
			return broken("I3: what REVOKE took is there still");
	}
	if (changed > 1 || !same_cap(&want, cap_is(e->fiber, e->before.rdi)))
		return broken("I2: MASK changed more than it was asked for");
	return NULL;
}

/* ---- mappings: what MAP was asked for and nothing else ---- */

struct runs {
	struct ceno_machine_mapping run[VIEW_RUNS];
	int n;
};
static struct runs expected, actual;

static void add_run(struct runs *r, struct ceno_machine_mapping m)
{
	struct ceno_machine_mapping *last = r->n ? &r->run[r->n - 1] : NULL;

	m.large = 0;
	if (!m.bytes)
		return;
	if (last && last->gva + last->bytes == m.gva && last->gpa + last->bytes == m.gpa && last->rights == m.rights &&
	    last->region == m.region)
		last->bytes += m.bytes;
	else if (r->n < VIEW_RUNS)
		r->run[r->n++] = m;
}

static struct ceno_machine_mapping part(const struct ceno_machine_mapping *m, uint64_t from, uint64_t to)
{
	struct ceno_machine_mapping p = *m;

	from = from > m->gva ? from : m->gva;
	to = to < m->gva + m->bytes ? to : m->gva + m->bytes;
	p.gva = from;
	p.gpa = m->gpa + (from - m->gva);
	p.bytes = to > from ? to - from : 0;
	return p;
}

static const struct view_space *space_in(const struct view *v, const struct ceno_space *s)
{
	for (int i = 0; i < v->spaces; i++)
		if (v->space[i].space == s)
			return &v->space[i];
	return NULL;
}

/* What MAP was asked for; a window brings its doorbell, in the last page of its span. */
static void add_asked(const struct ceno_machine_mapping *m)
{
	struct ceno_machine_mapping doorbell = *m;

	if (!m->rights)
		return;
	add_run(&expected, *m);
	if (!m->region || m->region > CENO_PLEDGE_COUNT)
		return;
	doorbell.gva = m->gva + CENO_LARGE_PAGE - CENO_PAGE;
	doorbell.gpa = CENO_GPA_DOORBELL + (m->region - 1) * CENO_PAGE;
	doorbell.bytes = CENO_PAGE;
	add_run(&expected, doorbell);
}

/* The runs before, with the new one instead of what lay there. */
static void expect_map(const struct view_space *s, const struct ceno_machine_mapping *m)
{
	int put = 0;

	expected.n = 0;
	for (int i = 0; i < s->runs; i++) {
		const struct ceno_machine_mapping *old = &was->run[s->first + i];

		add_run(&expected, part(old, 0, m->gva));
		if (!put && old->gva + old->bytes > m->gva) {
			put = 1;
			add_asked(m);
		}
		add_run(&expected, part(old, m->gva + m->bytes, UINT64_MAX));
	}
	if (!put)
		add_asked(m);
}

static const char *same_runs(const struct view_space *s)
{
	actual.n = 0;
	for (int i = 0; i < s->runs; i++)
		add_run(&actual, is->run[s->first + i]);
	if (actual.n != expected.n || memcmp(actual.run, expected.run, (size_t)actual.n * sizeof *actual.run))
		return broken("a space does not map what it should");
	return NULL;
}

static struct ceno_machine_mapping asked_for(const struct ceno_machine_event *e)
{
	const struct ceno_frame *r = &e->before;
	const struct ceno_cap *c = cap_was(e->fiber, r->rsi);
	const struct ceno_frames *o = (const void *)c->object;
	struct ceno_machine_mapping m = { .gva = r->rdx, .bytes = r->r8 };

	if (r->rsi == UINT64_MAX)
		return m;
	m.rights = (uint32_t)r->r9 & (CENO_RIGHT_READ | CENO_RIGHT_WRITE | CENO_RIGHT_EXECUTE);
	if (c->type == CENO_OBJECT_FRAMES) {
		m.gpa = o->gpa + c->offset + r->r10;
	} else {
		m.gpa = ceno_region_of(c->object)->gpa;
		m.region = ceno_region_of(c->object)->number + 1;
	}
	return m;
}

/* The bounds once more, from the capability as it was: nothing outside, no right more. */
static const char *check_map_allowed(const struct ceno_machine_event *e)
{
	const struct ceno_frame *r = &e->before;
	const struct ceno_cap *to = cap_was(e->fiber, r->rdi), *c = cap_was(e->fiber, r->rsi);

	if ((to->type != CENO_OBJECT_FIBER && to->type != CENO_OBJECT_PROCESS) || !(to->rights & CENO_RIGHT_MAP))
		return broken("MAP: into what is no space, or without the right");
	if (r->rsi == UINT64_MAX)
		return NULL;
	if (c->type != CENO_OBJECT_FRAMES && c->type != CENO_OBJECT_WINDOW && c->type != CENO_OBJECT_REGION)
		return broken("MAP: of an object without memory");
	if (asked_for(e).rights & ~(uint32_t)c->rights)
		return broken("MAP: with a right that the capability lacks");
	if (r->r10 > c->length || r->r8 > c->length - r->r10)
		return broken("MAP: outside the capability's bounds");
	return NULL;
}

static const struct ceno_space *space_of(const struct ceno_cap *c)
{
	if (c->type == CENO_OBJECT_FIBER)
		return &fiber_of(c)->space;
	return &((const struct ceno_process *)(const void *)c->object)->space;
}

/* An entry taken out of the space that is loaded stays in the TLB until CR3 is. */
static const char *check_flush(const struct view_space *s, const struct ceno_machine_mapping *m)
{
	if (s->cr3 != ceno_fake_cpu.cr3 || fake_was.cr3_loads != ceno_fake_cpu.cr3_loads)
		return NULL;
	for (int i = 0; i < s->runs; i++)
		if (part(&was->run[s->first + i], m->gva, m->gva + m->bytes).bytes)
			return broken("MAP took a live translation and did not flush it");
	return NULL;
}

static const char *check_map(const struct ceno_machine_event *e)
{
	const char *bad = check_map_allowed(e);
	struct ceno_machine_mapping m;
	const struct ceno_space *space;

	if (bad)
		return bad;
	m = asked_for(e);
	space = space_of(cap_was(e->fiber, e->before.rdi));
	for (int i = 0; !bad && i < was->spaces; i++) {
		const struct view_space *s = &was->space[i];
		struct ceno_machine_mapping none = { .gva = UINT64_MAX };

		expect_map(s, s->space == space ? &m : &none);
		bad = same_runs(space_in(is, s->space));
		if (!bad && s->space == space)
			bad = check_flush(s, &m);
	}
	return bad;
}

/* Nothing is mapped that was not, and nothing with more rights. */
static const char *no_new_runs(const struct view_space *old, const struct view_space *now)
{
	for (int i = 0; i < now->runs; i++) {
		const struct ceno_machine_mapping *m = &is->run[now->first + i];
		int found = m->gva == CENO_GVA_ENTRY && m->gpa == ceno_cpu.handoff->entry_page_gpa; /* RESTART */

		for (int k = 0; k < old->runs && !found; k++) {
			const struct ceno_machine_mapping *o = &was->run[old->first + k];

			found = m->gva >= o->gva && m->gva + m->bytes <= o->gva + o->bytes &&
			    m->gpa == o->gpa + (m->gva - o->gva) && !(m->rights & ~o->rights) && m->region == o->region;
		}
		if (!found)
			return broken("a space maps what it did not and nobody asked for");
	}
	return NULL;
}

/* Every other verb leaves every space that is still there as it is, unless it takes
 * one apart; `fewer`: or takes a region or window out. */
static const char *check_no_map(int fewer)
{
	const struct ceno_machine_mapping none = { .gva = UINT64_MAX };
	const char *bad = NULL;

	for (int i = 0; !bad && i < was->spaces; i++) {
		const struct view_space *now = space_in(is, was->space[i].space);

		if (!now || now->ending)
			continue;
		if (fewer) {
			bad = no_new_runs(&was->space[i], now);
			continue;
		}
		expect_map(&was->space[i], &none);
		bad = same_runs(now);
	}
	return bad;
}

/* ---- registers ---- */

static const char *check_registers(const struct ceno_machine_event *e)
{
	struct ceno_frame want = e->before;

	want.rax = e->after.rax;
	want.vector = e->after.vector;
	want.error = e->after.error;
	if (e->after.rax == 0 && e->verb == CENO_VERB_TICK)
		want.rdx = ceno_fake_cpu.tsc;
	if (e->after.rax <= 1 && e->verb == CENO_VERB_RECV &&
	    cap_was(e->fiber, e->before.rdi)->type == CENO_OBJECT_CHANNEL) {
		want.rsi = e->after.rsi & 1;
		if (e->after.rax == 0 && ceno_cpu.fiber[e->after.rsi >> 8 & (CENO_FIBERS_MAX - 1)])
			want.rsi |= e->after.rsi & (CENO_FIBERS_MAX - 1) << 8; /* who sent it */
		want.rdx = e->after.rdx;
		want.r10 = e->after.r10;
		want.r8 = e->after.r8;
		want.r9 = e->after.r9;
		want.r12 = e->after.r12;
		want.r13 = e->after.r13;
		want.r14 = e->after.r14;
		want.r15 = e->after.r15;
	}
	if (memcmp(&want, &e->after, sizeof want))
		return broken("verb %llu changed a register that it may not", (unsigned long long)e->verb);
	return NULL;
}

/* RECV on a window, or one that returned 2, returns for a signal that was not seen, and has seen it then; so
 * does a TICK that asks. */
static const char *check_signals(const struct ceno_machine_event *e)
{
	const struct ceno_fiber *f = ceno_cpu.fiber[e->fiber];
	uint64_t page = ((uint64_t)f - ceno_cpu.handoff->pool_gva) / CENO_PAGE, seen;
	int window = e->verb == CENO_VERB_RECV &&
	    (e->after.rax == 2 || cap_was(e->fiber, e->before.rdi)->type == CENO_OBJECT_WINDOW);

	memcpy(&seen, pool_was[page] + offsetof(struct ceno_fiber, signal_seen), sizeof seen);
	if (window && seen == cpu_was.signal_count)
		return broken("RECV returned for no signal");
	if ((window || (e->verb == CENO_VERB_TICK && e->before.r10 == 1)) && f->signal_seen != ceno_cpu.signal_count)
		return broken("verb %llu did not take note of the signal", (unsigned long long)e->verb);
	return NULL;
}

static const char *check_verb(const struct ceno_machine_event *e, int changed)
{
	int64_t rax = (int64_t)e->after.rax;
	const char *bad = check_registers(e);

	if (bad)
		return bad;
	if (rax < 0 && !((e->verb == CENO_VERB_MASK || e->verb == CENO_VERB_SPAWN) && rax == CENO_E_AGAIN))
		return rax < -(VERB_ERRORS)
		    ? broken("verb %llu returned %lld", (unsigned long long)e->verb, (long long)rax)
		    : nothing_changed(e->fiber);
	if (rax < 0)
		return NULL;
	if (e->verb == CENO_VERB_SPAWN)
		return check_spawn(e);
	if (e->verb == CENO_VERB_GRANT)
		return check_grant(e, changed);
	if (e->verb == CENO_VERB_MASK)
		return check_mask(e, changed);
	return e->verb == CENO_VERB_MAP ? check_map(e) : check_signals(e);
}

/* A fiber that froze at a MAP does it whenever it runs again. */
static int something_mapped(void)
{
	for (unsigned i = 0; i < ceno_machine.events; i++)
		if (ceno_machine.event[i].verb == CENO_VERB_MAP && ceno_machine.event[i].after.rax == 0)
			return 1;
	return 0;
}

/* Verbs that may take regions and windows out of spaces. */
static int something_closed(void)
{
	for (unsigned i = 0; i < ceno_machine.events; i++)
		if (ceno_machine.event[i].verb == CENO_VERB_MASK || ceno_machine.event[i].verb == CENO_VERB_SPAWN)
			return 1;
	return 0;
}

static const char *check_step(const struct ceno_op *op)
{
	const struct ceno_machine_event *e = ceno_machine.event;
	const char *bad = NULL;
	int changed = compare_caps(&bad);

	if (!bad && op->kind == CENO_OP_VERB && ceno_machine.events == 1 && e->outcome == CENO_MACHINE_DONE)
		bad = check_verb(e, changed);
	if (!bad && !something_mapped())
		bad = check_no_map(something_closed());
	return bad;
}

/* ---- energy, whatever happened: I5, I6, I7, and the part of I8 that is the nucleus's ---- */

static int is_frozen(const struct ceno_fiber *f)
{
	return f->state == CENO_FIBER_BLOCKED && f->wait == CENO_WAIT_ENERGY;
}

static const char *compare_fiber(const struct ceno_fiber *old, const struct ceno_fiber *now)
{
	const uint64_t tsc = ceno_fake_cpu.tsc;

	/* a TSC within a period of its end (in some 200 years) makes a refill wrap */
	if (now->received > old->received && (tsc < old->refill_at || (now->refill_at <= tsc && !(tsc >> 63))))
		return broken("I7: fiber %u was given energy before its period was over", now->index);
	if (now->strikes < old->strikes || now->spectrum < old->spectrum || now->restarts < old->restarts)
		return broken("I8: fiber %u lost a strike, a restart or its spectrum", now->index);
	if (is_frozen(old) && tsc < old->refill_at &&
	    (now->state == CENO_FIBER_BLOCKED
	         ? now->spent != old->spent || !is_frozen(now) || memcmp(&now->frame, &old->frame, sizeof now->frame)
	         : now->state != CENO_FIBER_DEAD))
		return broken("I6: fiber %u did something while it was frozen", now->index);
	return NULL;
}

static const char *check_economy(void)
{
	const char *bad = NULL;

	for (unsigned i = 0; !bad && i < CENO_FIBERS_MAX; i++) {
		const struct ceno_fiber *now = ceno_cpu.fiber[i], *old;

		if (!now || was->fiber[i] != now)
			continue;
		old = (const void *)pool_was[((uint64_t)now - ceno_cpu.handoff->pool_gva) / CENO_PAGE];
		if (old->object.epoch == now->object.epoch)
			bad = compare_fiber(old, now);
	}
	return bad;
}

static const char *look(void)
{
	const char *bad = view_read(is);

	return bad ? bad : check_state(is);
}

static void turn(void)
{
	struct view *old = was;

	was = is;
	is = old;
	snapshot();
}

const char *check_begin(void)
{
	const char *bad = look();

	turn();
	return bad;
}

/* init says why it ends the session. */
static int is_stop_of_init(void)
{
	const struct ceno_machine_event *e = &ceno_machine.event[ceno_machine.events - 1];

	return ceno_machine.events && e->fiber == 0 && e->verb == CENO_VERB_MASK && e->before.rsi == 0 &&
	    ceno_machine.stop == (uint32_t)e->before.r9;
}

const char *check_after(const struct ceno_op *op)
{
	const char *bad;

	if (ceno_machine.state == CENO_MACHINE_STOPPED) /* the session is over; nothing runs on this state */
		return ceno_machine.stop == CENO_STOP_NO_FIBER || ceno_machine.stop == CENO_STOP_SERVICE_FAULT ||
			ceno_machine.stop == CENO_STOP_INIT_FAULT || is_stop_of_init()
		    ? NULL
		    : broken("the nucleus stopped with %#x", ceno_machine.stop);
	bad = look();
	if (!bad)
		bad = check_step(op);
	if (!bad && op->kind != CENO_OP_RESET)
		bad = check_economy();
	turn();
	return bad;
}
