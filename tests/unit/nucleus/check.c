/* What must be true of the state, whatever happened. The numbers I1..I10 are those
 * of the design's list of invariants. */
#include "check.h"

#include <string.h>

#include "abi/window.h"
#include "nucleus/frames.h"

#define FRAMES_MAX (1u << 18)

/* ---- pages and quotas ---- */

static const char *check_pages(const struct view *v)
{
	uint64_t quota = 0, left = ceno_cpu.handoff->pool_pages - ceno_cpu.pool_next;

	for (uint64_t i = ceno_cpu.handoff->pool_used; i < ceno_machine.config.pool_pages; i++) {
		if (i >= ceno_cpu.pool_next && v->owners[i])
			return broken("pool page %llu is used and was never taken", (unsigned long long)i);
		if (i < ceno_cpu.pool_next && v->owners[i] != 1)
			return broken("pool page %llu is in %u places", (unsigned long long)i, v->owners[i]);
	}
	for (int i = 0; i < v->spaces; i++) {
		quota += v->space[i].quota;
		if (v->space[i].pages != v->space[i].tables)
			return broken("space %d says %llu pages and has %u tables", i,
			              (unsigned long long)v->space[i].pages, v->space[i].tables);
	}
	left += (uint64_t)v->free_pages;
	quota += ceno_cpu.fpu_areas ? 0 : CENO_FPU_PAGES; /* kept back for the switcher */
	if (quota != left)
		return broken("the quotas allow %llu pages, %llu are left", (unsigned long long)quota,
		              (unsigned long long)left);
	return NULL;
}

/* ---- capabilities ---- */

static const char *check_bounds(const struct ceno_cap *c)
{
	const struct ceno_frames *o = (const void *)c->object;

	if (c->type == CENO_OBJECT_REGION || c->type == CENO_OBJECT_WINDOW)
		return c->offset || c->length != ceno_region_of(c->object)->bytes
		    ? broken("bounds of a part of a region")
		    : NULL;
	if (c->type != CENO_OBJECT_FRAMES)
		return c->offset || c->length ? broken("bounds on an object that has none") : NULL;
	if (c->offset > o->bytes || c->length > o->bytes - c->offset || (c->offset | c->length) % CENO_PAGE)
		return broken("a capability's bounds leave its object");
	return NULL;
}

/* A region that is gone and that some space's directory still points to? */
static int is_mapped(const struct view *v, uint64_t page)
{
	for (uint32_t i = 0; i < CENO_REGIONS_MAX; i++)
		if (v->region[i] && view_object(v, &v->region[i]->object) == (int)page)
			return v->region[i]->gone && v->region[i]->maps;
	return 0;
}

static const char *check_caps(const struct view *v)
{
	const char *bad = NULL;

	for (int i = 0; !bad && i < v->caps; i++) {
		const struct ceno_cap *c = &v->cap[i].cap;
		uint32_t held = v->holders[view_object(v, c->object)];

		if (c->type != c->object->type)
			return broken("a capability of type %u names an object of type %u", c->type, c->object->type);
		if (c->object->holders != held)
			return broken("an object of type %u says %u holders, %u capabilities name it", c->type,
			              c->object->holders, held);
		if (c->object->live != v->live[view_object(v, c->object)])
			return broken("an object of type %u says %u live capabilities, %u are", c->type,
			              c->object->live, v->live[view_object(v, c->object)]);
		if (c->object->end != CENO_END_NOT && c->epoch == c->object->epoch)
			return broken("I3: a capability passes to an object of type %u that has ended", c->type);
		if (c->strength < CENO_STRENGTH_MIN || c->depth > CENO_DEPTH_MAX)
			return broken("I2: a capability of strength %u, depth %u", c->strength, c->depth);
		if (c->epoch > c->object->epoch || (c->rights & ~CENO_RIGHTS_ALL))
			return broken("a capability of an epoch to come, or with unknown rights");
		bad = check_bounds(c);
	}
	for (uint64_t page = 0; !bad && page < ceno_machine.config.pool_pages; page++)
		if (v->serial[page] && !v->listed[page] && !v->holders[page] && !is_mapped(v, page))
			return broken("object %llu is leaked: no capability names it, its pages were not given back",
			              (unsigned long long)v->serial[page]);
	return bad;
}

/* ---- mappings ---- */

static int within(const struct ceno_machine_mapping *m, uint64_t gpa, uint64_t bytes)
{
	return m->gpa >= gpa && m->bytes <= bytes && m->gpa - gpa <= bytes - m->bytes;
}

static int within_window(const struct ceno_machine_mapping *m)
{
	for (uint64_t c = 0; c < CENO_PLEDGE_COUNT; c++) {
		uint64_t bytes = c == CENO_PLEDGE_STDIO ? CENO_STDIO_BYTES : CENO_LARGE_PAGE - CENO_PAGE;

		if (!(ceno_machine.config.pledge_mask >> c & 1))
			continue;
		if (within(m, CENO_GPA_WINDOW + c * CENO_WINDOW_STRIDE, bytes) ||
		    within(m, CENO_GPA_DOORBELL + c * CENO_PAGE, CENO_PAGE))
			return 1;
	}
	return 0;
}

/* Most rights that any mapping of this guest-physical range may have; 0 none. */
static uint32_t rights_of(const struct ceno_machine_mapping *m, int of_init)
{
	const struct ceno_handoff *h = ceno_cpu.handoff;
	const uint32_t r = CENO_RIGHT_READ, w = CENO_RIGHT_WRITE, x = CENO_RIGHT_EXECUTE;

	if (within(m, h->user_gpa, h->user_bytes))
		return r | w | x;
	if (within(m, h->trap_gpa, h->trap_pages * CENO_PAGE) || within(m, CENO_GPA_TRAIL, CENO_TRAIL_BYTES) ||
	    within_window(m))
		return r | w;
	if (within(m, CENO_GPA_BUNDLE, h->bundle_bytes) || within(m, CENO_GPA_PACK, h->pack_bytes) ||
	    within(m, CENO_GPA_IMAGE, h->image_bytes))
		return r | x;
	if (within(m, CENO_GPA_BOOT, CENO_PAGE))
		return r;
	/* init's bss and stack: the boot granule behind the trap pages */
	if (of_init && within(m, h->trap_gpa + CENO_MACHINE_TRAP_MAX * CENO_PAGE, 8 * CENO_PAGE))
		return r | w;
	return 0;
}

static uint8_t writable[FRAMES_MAX], executable[FRAMES_MAX];
static uint16_t writable_large[FRAMES_MAX / 512], exec_frames[FRAMES_MAX / 512];

static const char *count_run(const struct ceno_machine_mapping *m)
{
	uint64_t at = (m->gpa - ceno_cpu.handoff->user_gpa) / CENO_PAGE, pages = m->bytes / CENO_PAGE;
	int w = (m->rights & CENO_RIGHT_WRITE) != 0, x = (m->rights & CENO_RIGHT_EXECUTE) != 0;

	if (m->large && x)
		return broken("a 2 MiB entry maps RAM executable");
	if (m->large)
		for (uint64_t g = at / 512; g < (at + pages) / 512; g++)
			writable_large[g] = (uint16_t)(writable_large[g] + w);
	else if (w || x)
		for (uint64_t i = at; i < at + pages; i++) {
			writable[i] = (uint8_t)(writable[i] + w);
			executable[i] = (uint8_t)(executable[i] + x);
		}
	return NULL;
}

/* I9, and that the nucleus's counters say what the page tables say. */
static const char *check_counters(void)
{
	const struct ceno_handoff *h = ceno_cpu.handoff;
	const uint8_t *byte = (const uint8_t *)h->frame_gva;
	const uint16_t(*granule)[2] = (const void *)h->granule_gva;
	uint64_t frames = h->user_bytes / CENO_PAGE;

	memset(exec_frames, 0, frames / 512 * sizeof *exec_frames);
	for (uint64_t i = 0; i < frames; i++) {
		uint32_t want = executable[i] ? CENO_FRAME_EXEC + executable[i] : writable[i];

		if (executable[i] && (writable[i] || writable_large[i / 512]))
			return broken("I9: frame %llu is writable and executable", (unsigned long long)i);
		if (byte[i] != want)
			return broken("frame %llu: counter %#x, mappings %#x", (unsigned long long)i, byte[i], want);
		exec_frames[i / 512] = (uint16_t)(exec_frames[i / 512] + (executable[i] != 0));
	}
	for (uint64_t g = 0; g < frames / 512; g++)
		if (granule[g][0] != writable_large[g] || granule[g][1] != exec_frames[g])
			return broken("granule %llu: counters %u, %u; mappings %u, %u", (unsigned long long)g,
			              granule[g][0], granule[g][1], writable_large[g], exec_frames[g]);
	return NULL;
}

/* I3: what is revoked is mapped nowhere. A window lies in the space of a fiber that has
 * pledged its class, and nowhere else. */
static const char *check_shared(const struct view_space *s, const struct ceno_machine_mapping *m,
                                const struct ceno_region *r)
{
	uint64_t at = CENO_GVA_WINDOW + r->number * CENO_LARGE_PAGE;

	if (r->gone && (r->cleared == r->tables || m->gpa - r->gpa < r->cleared * CENO_LARGE_PAGE))
		return broken("I3: region %u is gone and mapped", r->number);
	if (m->rights & ~r->rights)
		return broken("region %u is mapped with rights %u", r->number, m->rights);
	if (r->object.type == CENO_OBJECT_WINDOW &&
	    (!s->fiber || !(s->fiber->pledge >> r->number & 1) || m->gva < at ||
	     m->gva + m->bytes > at + CENO_LARGE_PAGE))
		return broken("I8: window %u lies in a space that has not pledged it", r->number);
	return NULL;
}

/* One mapping of each of its frames, while it lives; and `maps` is what points to it. */
static const char *check_region(const struct ceno_region *r)
{
	uint64_t cleared = r->cleared * CENO_LARGE_PAGE;
	struct ceno_machine_mapping m = { .gpa = r->gpa + cleared, .rights = r->rights };

	if (r->cleared > r->tables || (r->cleared && !r->gone))
		return broken("region %u: %u of %u tables are cleared", r->number, r->cleared, r->tables);
	if (r->maps != ceno_machine_points[r->number])
		return broken("region %u says %u maps, %u entries point to it", r->number, r->maps,
		              ceno_machine_points[r->number]);
	if (cleared >= r->bytes)
		return NULL;
	m.bytes = r->bytes - cleared;
	if (!within(&m, ceno_cpu.handoff->user_gpa, ceno_cpu.handoff->user_bytes))
		return NULL;
	return count_run(&m);
}

static const char *check_runs(const struct view *v, const struct view_space *s)
{
	int of_init = s->cr3 == ceno_cpu.handoff->init_cr3, entry = 0;
	const char *bad = NULL;

	for (int i = s->first; !bad && i < s->first + s->runs; i++) {
		const struct ceno_machine_mapping *m = &v->run[i];

		if (m->gva <= CENO_GVA_ENTRY && m->gva + m->bytes > CENO_GVA_ENTRY) {
			entry = m->rights == (CENO_RIGHT_READ | CENO_RIGHT_EXECUTE) &&
			    m->gpa + (CENO_GVA_ENTRY - m->gva) == ceno_cpu.handoff->entry_page_gpa;
		}
		if (m->rights & ~rights_of(m, of_init))
			return broken("ring 3 reaches gpa %#llx (%llu bytes) with rights %u",
			              (unsigned long long)m->gpa, (unsigned long long)m->bytes, m->rights);
		if (m->region)
			bad = check_shared(s, m, v->region[m->region - 1]);
		else if (within(m, ceno_cpu.handoff->user_gpa, ceno_cpu.handoff->user_bytes))
			bad = count_run(m);
	}
	return bad ? bad : entry || s->ending ? NULL : broken("a space lost its entry page");
}

static const char *check_mappings(const struct view *v)
{
	uint64_t frames = ceno_cpu.handoff->user_bytes / CENO_PAGE;
	const char *bad = NULL;

	memset(writable, 0, frames);
	memset(executable, 0, frames);
	memset(writable_large, 0, frames / 512 * sizeof *writable_large);
	for (int i = 0; !bad && i < v->spaces; i++)
		bad = check_runs(v, &v->space[i]);
	for (uint32_t i = 0; !bad && i < CENO_REGIONS_MAX; i++)
		if (v->region[i])
			bad = check_region(v->region[i]);
	return bad ? bad : check_counters();
}

/* ---- who runs ---- */

static int overdue(const struct ceno_fiber *f)
{
	int time = f->wait == CENO_WAIT_TIME || f->wait == CENO_WAIT_TIME_OR_SIGNAL || f->wait == CENO_WAIT_ENERGY;
	int signal = f->wait == CENO_WAIT_SIGNAL || f->wait == CENO_WAIT_TIME_OR_SIGNAL ||
	    f->wait == CENO_WAIT_CHANNEL_OR_SIGNAL;

	return (time && ceno_fake_cpu.tsc >= f->wake_tsc) || (signal && f->signal_seen != ceno_cpu.signal_count);
}

static const char *check_blocked(const struct view *v, const struct ceno_fiber *f)
{
	const struct ceno_channel *c = f->wait_on;
	const struct ceno_fiber *w;

	if (f->wait == CENO_WAIT_NONE)
		return broken("fiber %u is blocked on nothing", f->index);
	if (ceno_machine.state == CENO_MACHINE_IDLE && overdue(f))
		return broken("fiber %u overslept", f->index);
	if (f->wait != CENO_WAIT_CHANNEL && f->wait != CENO_WAIT_CHANNEL_OR_SIGNAL)
		return c ? broken("fiber %u is in the list of a channel that it does not wait for", f->index) : NULL;
	if (view_object(v, &c->object) < 0 || c->object.type != CENO_OBJECT_CHANNEL)
		return broken("fiber %u waits on a channel that is gone", f->index);
	for (w = c->waiters; w && w != f; w = w->next_waiter)
		;
	if (!w)
		return broken("fiber %u waits on a channel that does not know it", f->index);
	if (f->frame.rax == CENO_VERB_RECV ? c->waiting || c->noted
	                                   : f->events != c || c->waiting != CENO_CHANNEL_MESSAGES)
		return broken("fiber %u waits on a channel that has what it waits for", f->index);
	return NULL;
}

/* I5: every joule that came is left or was spent, and none is above the budget. */
static const char *check_energy(const struct ceno_fiber *f)
{
	if (f->received != f->spent + f->energy)
		return broken("I5: fiber %u received %llu J, spent %llu and has %u", f->index,
		              (unsigned long long)f->received, (unsigned long long)f->spent, f->energy);
	if (f->energy > f->budget)
		return broken("I5: fiber %u has %u J of a budget of %u", f->index, f->energy, f->budget);
	if (f->spent_at_tick > f->spent || f->spectrum >= CENO_SPECTRUM_COUNT || f->freezes >= CENO_STRIKE_FREEZES)
		return broken("fiber %u: spent %llu of %llu at its tick, spectrum %u, %u freezes", f->index,
		              (unsigned long long)f->spent_at_tick, (unsigned long long)f->spent, f->spectrum,
		              f->freezes);
	if (f->wait == CENO_WAIT_ENERGY && f->wake_tsc != f->refill_at)
		return broken("fiber %u is frozen to another time than its refill", f->index);
	return NULL;
}

/* What is in the registers is the owner's, who alone has an area and is not away; whoever
 * runs and has one is the owner. */
static const char *check_fpu(const struct ceno_fiber *f)
{
	if (f == &ceno_cpu.fpu_switcher || ceno_cpu.fpu_next)
		return broken("the switcher runs on");
	if (f->fpu ? f->fpu_away != (f != ceno_cpu.fpu_owner) : f->fpu_away || f == ceno_cpu.fpu_owner)
		return broken("fiber %u: FPU away %u, owner %u", f->index, f->fpu_away, f == ceno_cpu.fpu_owner);
	if (f->fpu && f == ceno_cpu.current && ceno_machine.state == CENO_MACHINE_RUNNING && f->fpu_away)
		return broken("fiber %u runs with another's FPU state", f->index);
	return NULL;
}

static const char *check_fiber(const struct view *v, const struct ceno_fiber *f)
{
	const struct ceno_frame *r = ceno_machine_frame(f);

	if (r->cs != CENO_SEL_USER_CS || r->ss != CENO_SEL_USER_SS ||
	    (r->rflags & ~CENO_RFLAGS_USER) != CENO_RFLAGS_SET)
		return broken("fiber %u would run with cs %#llx, ss %#llx, rflags %#llx", f->index,
		              (unsigned long long)r->cs, (unsigned long long)r->ss, (unsigned long long)r->rflags);
	if (check_energy(f))
		return check_energy(f);
	if (check_fpu(f))
		return check_fpu(f);
	if (f->process && view_object(v, &f->process->object) < 0)
		return broken("fiber %u runs a process that is gone", f->index);
	if (f->process && f->state != CENO_FIBER_DEAD && !ceno_process_is_run_by(f->process, f))
		return broken("fiber %u runs a process of another handler", f->index);
	if (f->state == CENO_FIBER_BLOCKED)
		return check_blocked(v, f);
	if (f->wait != CENO_WAIT_NONE)
		return broken("fiber %u waits and is not blocked", f->index);
	if (f->state == CENO_FIBER_READY && ceno_machine.state == CENO_MACHINE_IDLE)
		return broken("the machine sleeps and fiber %u is ready", f->index);
	return f->state == CENO_FIBER_FREE ? broken("fiber %u has no state", f->index) : NULL;
}

/* Budgets are carved and returned, never made. */
static const char *check_budgets(void)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < CENO_FIBERS_MAX; i++)
		all += ceno_cpu.fiber[i] ? ceno_cpu.fiber[i]->budget : 0;
	return all != UINT32_MAX ? broken("I5: the budgets are %llu joules together", (unsigned long long)all) : NULL;
}

static const char *check_cpu(void)
{
	const struct ceno_fiber *f = ceno_cpu.current;

	if (f->state != CENO_FIBER_READY)
		return broken("fiber %u runs in state %u", f->index, f->state);
	if (ceno_cpu.handler_cr3 != f->space.cr3 || ceno_cpu.trap != f->trap ||
	    ceno_cpu.process_cr3 != (f->process ? f->process->space.cr3 : f->space.cr3))
		return broken("the CPU's state is not of fiber %u", f->index);
	if (*ceno_cpu.tss_rsp0 != (uint64_t)(&f->frame + 1) || ceno_cpu.rsp0 != *ceno_cpu.tss_rsp0)
		return broken("rsp0 is not of fiber %u", f->index);
	if (ceno_fake_cpu.cr3 != ceno_cpu.handler_cr3 && ceno_fake_cpu.cr3 != ceno_cpu.process_cr3)
		return broken("cr3 is neither of fiber %u nor of its process", f->index);
	if (!ceno_fake_cpu.deadline)
		return broken("ring 3 runs and no tick will come");
	return NULL;
}

const char *check_state(const struct view *v)
{
	const char *bad = check_pages(v);

	if (!bad)
		bad = check_caps(v);
	if (!bad)
		bad = check_mappings(v);
	for (unsigned i = 0; !bad && i < CENO_FIBERS_MAX; i++)
		if (v->fiber[i])
			bad = check_fiber(v, v->fiber[i]);
	if (!bad)
		bad = check_budgets();
	if (!bad && ceno_machine.state == CENO_MACHINE_RUNNING)
		bad = check_cpu();
	return bad;
}
