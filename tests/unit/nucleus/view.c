/* Reads the machine's state. What cannot be read is a broken invariant too. */
#include "check.h"

#include <stdio.h>
#include <string.h>

const char *broken(const char *format, ...)
{
	static char text[256];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return text;
}

static uint64_t pool_page(const void *p)
{
	return ((uint64_t)p - ceno_cpu.handoff->pool_gva) / CENO_PAGE;
}

int view_object(const struct view *v, const struct ceno_object *o)
{
	uint64_t page = pool_page(o);

	if (page < ceno_machine.config.pool_pages) {
		if (v->serial[page] && (uint64_t)o % CENO_PAGE == 0)
			return (int)page;
		for (unsigned i = 0; i < CENO_FIBERS_MAX; i++)
			if (v->fiber[i] && o == &v->fiber[i]->object)
				return (int)page;
		for (unsigned i = 0; i < CENO_REGIONS_MAX; i++)
			if (v->region[i] && o == &v->region[i]->object)
				return (int)page;
		return v->gone[page] && o == &v->gone[page]->object ? (int)page : -1;
	}
	for (int i = 0; i < CENO_SLOT_FIRST_FREE; i++)
		if (o == &ceno_cpu.range[i].object)
			return CENO_MACHINE_POOL_MAX + i;
	return o == &ceno_cpu.clock ? CENO_MACHINE_POOL_MAX + CENO_SLOT_FIRST_FREE : -1;
}

static const char *own_page(struct view *v, const void *p)
{
	uint64_t page = pool_page(p);

	if (page < ceno_cpu.handoff->pool_used || page >= ceno_cpu.pool_next || (uint64_t)p % CENO_PAGE)
		return broken("an object lies at pool page %llu, outside what was taken", (unsigned long long)page);
	v->owners[page]++;
	return NULL;
}

/* A fiber whose index is free again; a capability still points to its page. */
static const char *read_gone(struct view *v, const struct ceno_object *o)
{
	const struct ceno_fiber *f = ceno_fiber_of(o);
	uint64_t page = pool_page(o);

	if (page >= ceno_machine.config.pool_pages || (uint64_t)f % CENO_PAGE || v->owners[page] ||
	    o->type != CENO_OBJECT_FIBER || o->end != CENO_END_DONE)
		return NULL;
	v->gone[page] = f;
	return own_page(v, f);
}

static const char *read_space(struct view *v, const struct ceno_space *s, int ending, const struct ceno_fiber *f)
{
	struct view_space *to = &v->space[v->spaces];
	uint8_t seen[CENO_MACHINE_POOL_MAX] = { 0 };

	if (v->spaces == VIEW_SPACES)
		return broken("more spaces than the test can hold");
	v->spaces++;
	*to = (struct view_space){ .space = s, .cr3 = s->cr3, .quota = s->quota, .pages = s->pages, .first = v->runs };
	to->ending = (uint32_t)ending;
	to->fiber = f;
	if ((void *)s->pml4 != ceno_machine_page(s->cr3))
		return broken("a space's pml4 is not what its cr3 says");
	to->runs = ceno_machine_walk(s->cr3, v->run + v->runs, VIEW_RUNS - v->runs, seen);
	if (to->runs < 0)
		return broken("the page tables of space %d cannot be walked (%d)", v->spaces - 1, to->runs);
	v->runs += to->runs;
	for (uint64_t i = 0; i < ceno_machine.config.pool_pages; i++) {
		v->owners[i] = (uint8_t)(v->owners[i] + seen[i]);
		if (seen[i] && i >= ceno_cpu.handoff->pool_used)
			to->tables++;
	}
	return NULL;
}

/* One capability, wherever it lies: counted for its object. */
static const char *read_cap(struct view *v, const struct ceno_cap *cap, struct view_cap where)
{
	int object;

	if (cap->type == CENO_OBJECT_NULL)
		return cap->object ? broken("an empty slot still names an object") : NULL;
	object = view_object(v, cap->object);
	if (object < 0 && !read_gone(v, cap->object))
		object = view_object(v, cap->object);
	if (object < 0)
		return broken("fiber %d slot %u names an object that is gone", (int)where.fiber, where.slot);
	if (v->caps == VIEW_CAPS)
		return broken("more capabilities than the test can hold");
	v->holders[object]++;
	v->live[object] += cap->epoch == cap->object->epoch;
	where.cap = *cap;
	v->cap[v->caps++] = where;
	return NULL;
}

static const char *read_fiber(struct view *v, const struct ceno_fiber *f)
{
	const char *bad = own_page(v, f);

	if (f->object.end == CENO_END_DONE) /* it stays for what is not told yet */
		return bad || ceno_event_is_untold(f) ? bad : broken("fiber %u is over and told", f->index);
	if (!bad && f->cspace)
		bad = own_page(v, f->cspace);
	if (!bad && f->fpu)
		bad = own_page(v, f->fpu);
	if (!bad)
		bad = read_space(v, &f->space, f->object.end != CENO_END_NOT || f->state == CENO_FIBER_DEAD, f);
	for (const struct ceno_object *o = f->ending; !bad && o; o = o->next) {
		if (o->end != CENO_END_BEGUN || v->listed[pool_page(o)]++)
			return broken("fiber %u takes apart what is not its to take", f->index);
	}
	if (!f->cspace)
		return bad ? bad : f->object.end == CENO_END_BEGUN ? NULL : broken("fiber %u has no slots", f->index);
	if (!bad && f->cspace[0].type != CENO_OBJECT_NULL)
		return broken("slot 0 of fiber %u is not null", f->index);
	for (uint32_t i = 0; !bad && i < CENO_CSPACE_SLOTS; i++)
		bad = read_cap(v, &f->cspace[i], (struct view_cap){ .fiber = f->index, .slot = i });
	return bad;
}

static const char *read_channel(struct view *v, const struct ceno_channel *c, uint64_t serial)
{
	const char *bad = NULL;

	if (c->waiting > CENO_CHANNEL_MESSAGES || c->head >= CENO_CHANNEL_MESSAGES)
		return broken("channel %llu holds %u messages from place %u", (unsigned long long)serial, c->waiting,
		              c->head);
	for (uint32_t i = 0; !bad && i < CENO_CHANNEL_MESSAGES; i++) {
		uint32_t back = (i + CENO_CHANNEL_MESSAGES - c->head) % CENO_CHANNEL_MESSAGES;

		if (back < c->waiting)
			bad = read_cap(v, &c->message[i].cap,
			               (struct view_cap){ .fiber = UINT32_MAX, .slot = i, .holder = serial });
	}
	return bad;
}

static const char *read_object(struct view *v, uint64_t page)
{
	void *at = ceno_machine_page(CENO_GPA_RAM + page * CENO_PAGE);
	const struct ceno_object *o = at;
	const struct ceno_process *p = at;
	const char *bad;

	if (o->type == CENO_OBJECT_REGION)
		return NULL; /* read by its number */
	bad = own_page(v, at);
	if (bad)
		return bad;
	if (o->type == CENO_OBJECT_CHANNEL)
		return read_channel(v, at, v->serial[page]);
	if (o->type == CENO_OBJECT_PROCESS)
		return o->end == CENO_END_DONE ? NULL : read_space(v, &p->space, o->end, NULL);
	return broken("object %llu has type %u", (unsigned long long)v->serial[page], o->type);
}

static const char *read_region(struct view *v, const struct ceno_region *r, uint32_t number)
{
	const char *bad = own_page(v, r);

	if (r->number != number || (r->object.type == CENO_OBJECT_WINDOW) != (number < CENO_PLEDGE_COUNT))
		return broken("region %u says it is number %u, type %u", number, r->number, r->object.type);
	for (uint32_t i = 0; !bad && i < r->tables; i++)
		bad = own_page(v, r->table[i]);
	return bad;
}

/* The switcher's space: the entry page, and areas of fibers, each at its place. */
static const char *read_switcher(struct view *v)
{
	static struct ceno_machine_mapping run[CENO_FIBERS_MAX + 1];
	uint8_t seen[CENO_MACHINE_POOL_MAX] = { 0 };
	int runs = ceno_machine_walk(ceno_cpu.fpu_switcher.space.cr3, run, CENO_FIBERS_MAX + 1, seen);

	if (runs < 0)
		return broken("the switcher's page tables cannot be walked (%d)", runs);
	for (uint64_t i = 0; i < ceno_machine.config.pool_pages; i++)
		v->owners[i] = (uint8_t)(v->owners[i] + seen[i]);
	for (int i = 0; i < runs; i++)
		for (uint64_t at = 0; at < run[i].bytes; at += CENO_PAGE) {
			uint64_t n = (run[i].gva + at - CENO_GVA_FPU) / CENO_PAGE;
			const struct ceno_fiber *f = n < CENO_FIBERS_MAX ? v->fiber[n] : NULL;

			if (run[i].gva == CENO_GVA_ENTRY)
				continue;
			if (!f || !f->fpu || ceno_pool_gpa(f->fpu) != run[i].gpa + at || run[i].rights != 3)
				return broken("the switcher reaches %#llx, no area of fiber %llu",
				              (unsigned long long)run[i].gpa + at, (unsigned long long)n);
		}
	return NULL;
}

const char *view_read(struct view *v)
{
	const char *bad = NULL;

	v->runs = v->caps = v->spaces = 0;
	memset(v->fiber, 0, sizeof *v - offsetof(struct view, fiber));
	v->free_pages = ceno_machine_free_pages(v->owners);
	if (v->free_pages < 0)
		return broken("the list of free pages is not one");
	memcpy(v->serial, ceno_machine.serial, sizeof v->serial);
	memcpy(v->fiber, ceno_cpu.fiber, sizeof v->fiber);
	memcpy(v->region, ceno_cpu.region, sizeof v->region);
	memset(ceno_machine_points, 0, sizeof ceno_machine_points);
	for (uint32_t i = 0; !bad && i < CENO_REGIONS_MAX; i++)
		if (v->region[i])
			bad = read_region(v, v->region[i], i);
	for (unsigned i = 0; !bad && i < CENO_FIBERS_MAX; i++)
		if (v->fiber[i])
			bad = read_fiber(v, v->fiber[i]);
	if (!bad && ceno_cpu.fpu_areas)
		bad = read_switcher(v);
	for (uint64_t page = 0; !bad && page < ceno_machine.config.pool_pages; page++)
		if (v->serial[page])
			bad = read_object(v, page);
	return bad;
}
