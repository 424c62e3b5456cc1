/*
 * Stage 5: the events, one after the other, against what is known of each fiber.
 *
 *          MODULE, SPAWN            FAULT, EXIT
 *   FREE ----------------> RUNS ------------------> ENDED
 *                           ^  ^                    |   | MODULE, SPAWN: the index was free again
 *                    MODULE |  +--------------------|---+
 *                           |        RESTART        |
 *                         RESTARTED <---------------+   (made by SPAWN: RUNS again at once)
 *
 * A fiber that SPAWN introduced may be closed, restarted and made anew by its maker without
 * a record; so what depends on its being alive is asked only of modules' fibers, which
 * are init's.
 */
#include "ladder.h"

#include <string.h>
#include "guest-kernel/abi/native.h"

enum state { FREE, RUNS, ENDED, RESTARTED };

struct holding { /* of one type of object, all capabilities together: rights of any, depth of the best */
	bool some;
	uint32_t rights, depth;
};

struct fiber {
	enum state state;
	bool is_module;
	uint32_t module, pledge, strikes, spectrum, crashes, restarts;
	uint64_t checkpoint;
	uint8_t content_id[35];
	struct holding holds[CENO_OBJECT_REGION + 1];
};

struct replay {
	struct ceno_audit_ladder *l;
	struct fiber fiber[CENO_TRAIL_FIBERS];
	/* What any module but init ever held with the right to pass it on: it may have gone over a channel. */
	struct holding passed_on[CENO_OBJECT_REGION + 1];
	uint32_t init;   /* fiber of the module init; CENO_TRAIL_FIBERS: not told yet */
	uint64_t sealed; /* sequence number of the last SEAL */
	bool full;
};

static bool check(const struct replay *p, enum ceno_audit_code code, bool passed, uint64_t record)
{
	return ceno_audit_check(p->l, code, passed, (uint32_t)record);
}

static bool known(const struct replay *p, uint32_t fiber, uint64_t record)
{
	return check(p, CENO_AUDIT_FIBER_UNKNOWN, p->fiber[fiber].state != FREE, record);
}

/* The fiber is known, and if it is a module's it runs. */
static bool runs(const struct replay *p, uint32_t fiber, uint64_t record)
{
	const struct fiber *f = &p->fiber[fiber];

	return known(p, fiber, record) && check(p, CENO_AUDIT_FIBER_ENDED, !f->is_module || f->state == RUNS, record);
}

/* ---- capabilities ---- */

/* What lies in a slot of the boot manifest, and prov's. */
static uint32_t type_of_slot(uint32_t slot)
{
	switch (slot) {
	case CENO_SLOT_SELF:
		return CENO_OBJECT_FIBER;
	case CENO_SLOT_CLOCK:
		return CENO_OBJECT_CLOCK;
	case CENO_SLOT_SUPERVISOR:
	case CENO_SLOT_REPLY:
	case CENO_SLOT_TRAIL_MESSAGES:
		return CENO_OBJECT_CHANNEL;
	default:
		return slot >= CENO_SLOT_WINDOW && slot < CENO_SLOT_TRAP ? CENO_OBJECT_WINDOW : CENO_OBJECT_FRAMES;
	}
}

static void hold(struct replay *p, uint32_t fiber, uint32_t type, uint32_t rights, uint32_t depth)
{
	struct holding *at[2] = { &p->fiber[fiber].holds[type], &p->passed_on[type] };

	for (unsigned i = 0; i < 2; i++) {
		if (i == 1 && (fiber == p->init || !(rights & CENO_RIGHT_GRANT)))
			break;
		if (!at[i]->some || depth < at[i]->depth)
			at[i]->depth = depth;
		at[i]->some = true;
		at[i]->rights |= rights;
	}
}

/* What a native program has in a slot (abi/native.h), without GRANT. */
static uint32_t rights_of_native(uint32_t slot)
{
	switch (slot) {
	case CENO_SLOT_SELF:
		return CENO_RIGHT_MAP | CENO_RIGHT_SPAWN;
	case CENO_SLOT_PROGRAM:
		return CENO_RIGHT_READ | CENO_RIGHT_EXECUTE;
	case CENO_SLOT_CLOCK:
	case CENO_SLOT_PACK:
	case CENO_SLOT_BOOT:
	case CENO_SLOT_REPLY:
		return CENO_RIGHT_READ;
	default: /* RAM, windows, SUPERVISOR */
		return CENO_RIGHT_READ | CENO_RIGHT_WRITE;
	}
}

static void hold_slots(struct replay *p, const struct ceno_trail_module *m)
{
	uint32_t depth = m->fiber == p->init ? 0 : 1;

	for (uint32_t slot = 1; slot < CENO_SLOT_TRAIL_END; slot++) {
		bool native = m->module == CENO_TRAIL_NATIVE;
		uint32_t rights = native ? rights_of_native(slot) : CENO_RIGHTS_ALL ^ CENO_RIGHT_GRANT;

		if (m->slots >> slot & 1)
			hold(p, m->fiber, type_of_slot(slot),
			     m->onward >> slot & 1 ? rights | CENO_RIGHT_GRANT : rights,
			     native && slot == CENO_SLOT_PROGRAM ? depth + 1 : depth);
	}
}

static bool could_give(const struct holding *h, const struct ceno_trail_grant *g, uint32_t steps)
{
	uint32_t needed = g->rights | CENO_RIGHT_GRANT;

	return (h->rights & needed) == needed && h->depth + steps <= g->depth;
}

/* Objects that only the boot manifest has: whoever passes one on got it from somewhere. */
static bool is_grant_possible(const struct replay *p, const struct ceno_trail_grant *g)
{
	if (g->type != CENO_OBJECT_FRAMES && g->type != CENO_OBJECT_WINDOW && g->type != CENO_OBJECT_CLOCK)
		return true;
	return could_give(&p->fiber[g->from].holds[g->type], g, 1) || could_give(&p->passed_on[g->type], g, 2);
}

/* ---- one function a record type; each returns whether the ladder goes on ---- */

/* The pledge a module may start with: init's, who makes it. init's own is what it says. */
static bool is_module_pledge(const struct replay *p, const struct ceno_trail_module *m)
{
	return p->init == CENO_TRAIL_FIBERS || (m->pledge & ~p->fiber[p->init].pledge) == 0;
}

static bool replay_module(struct replay *p, const struct ceno_trail_record *r, uint64_t i)
{
	const struct ceno_trail_module *m = &r->module;
	struct fiber *f = &p->fiber[m->fiber];
	bool again = f->state == RESTARTED;

	if (!check(p, CENO_AUDIT_FIBER_TWICE, f->state != RUNS || !f->is_module, i) ||
	    !check(p, CENO_AUDIT_MODULE_PLEDGE, is_module_pledge(p, m), i) ||
	    !check(p, CENO_AUDIT_RESTART_MODULE,
	           !again ||
	               (memcmp(f->content_id, m->content_id, sizeof f->content_id) == 0 && f->module == m->module &&
	                f->pledge == m->pledge),
	           i))
		return false;
	if (!again)
		memset(f, 0, sizeof *f);
	f->state = RUNS;
	f->is_module = true;
	f->module = m->module;
	f->pledge = m->pledge;
	memcpy(f->content_id, m->content_id, sizeof f->content_id);
	if (m->module == CENO_MODULE_INIT)
		p->init = m->fiber;
	hold_slots(p, m);
	return true;
}

static bool replay_spawn(struct replay *p, const struct ceno_trail_record *r, uint64_t i)
{
	const struct ceno_trail_spawn *s = &r->spawn;
	struct fiber *child = &p->fiber[s->child];
	uint32_t own = p->fiber[s->fiber].pledge;

	if (!runs(p, s->fiber, i) ||
	    !check(p, CENO_AUDIT_FIBER_TWICE, !child->is_module || child->state == ENDED || child->state == FREE, i) ||
	    !check(p, CENO_AUDIT_SPAWN_PLEDGE, (s->pledge & ~own) == 0 && own >> CENO_PLEDGE_SPAWN & 1, i))
		return false;
	memset(child, 0, sizeof *child);
	child->state = RUNS;
	child->pledge = s->pledge;
	return true;
}

static bool replay_grant(struct replay *p, const struct ceno_trail_record *r, uint64_t i)
{
	const struct ceno_trail_grant *g = &r->grant;

	if (!runs(p, g->from, i) || !known(p, g->to, i) ||
	    !check(p, CENO_AUDIT_GRANT_HOLDER, is_grant_possible(p, g), i))
		return false;
	hold(p, g->to, g->type, g->rights, g->depth);
	return true;
}

static bool replay_pledge(struct replay *p, const struct ceno_trail_record *r, uint64_t i)
{
	const struct ceno_trail_pledge *c = &r->pledge;
	struct fiber *f = &p->fiber[c->fiber];

	if (!runs(p, c->by, i) || !known(p, c->fiber, i) || !check(p, CENO_AUDIT_PLEDGE_OLD, f->pledge == c->old, i) ||
	    !check(p, CENO_AUDIT_PLEDGE_WIDER, (c->now & ~c->old) == 0, i))
		return false;
	f->pledge = c->now;
	return true;
}

static bool replay_strike(struct replay *p, const struct ceno_trail_record *r, uint64_t i)
{
	struct fiber *f = &p->fiber[r->strike.fiber];

	if (!known(p, r->strike.fiber, i) ||
	    !check(p, CENO_AUDIT_STRIKE, r->strike.count > f->strikes && r->strike.spectrum >= f->spectrum, i))
		return false;
	f->strikes = r->strike.count;
	f->spectrum = r->strike.spectrum;
	return true;
}

static bool replay_end(struct replay *p, const struct ceno_trail_record *r, uint64_t i)
{
	uint32_t fiber = r->head.type == CENO_TRAIL_FAULT ? r->fault.fiber : r->exit.fiber;
	struct fiber *f = &p->fiber[fiber];

	if (!runs(p, fiber, i))
		return false;
	if (r->head.type == CENO_TRAIL_FAULT) {
		if (!check(p, CENO_AUDIT_CRASH_COUNT, r->fault.count == f->crashes + 1, i))
			return false;
		f->crashes = r->fault.count;
	}
	f->state = ENDED;
	return true;
}

static bool replay_restart(struct replay *p, const struct ceno_trail_record *r, uint64_t i)
{
	const struct ceno_trail_restart *s = &r->restart;
	struct fiber *f = &p->fiber[s->fiber];

	if (!known(p, s->fiber, i) || !check(p, CENO_AUDIT_RESTART_ALIVE, !f->is_module || f->state == ENDED, i) ||
	    !check(p, CENO_AUDIT_RESTART_COUNT, f->is_module ? s->count == f->restarts + 1 : s->count > f->restarts,
	           i) ||
	    !check(p, CENO_AUDIT_RESTART_CHECKPOINT, s->checkpoint == 0 || s->checkpoint == f->checkpoint, i))
		return false;
	f->restarts = s->count;
	f->state = f->is_module ? RESTARTED : RUNS;
	memset(f->holds, 0, sizeof f->holds);
	return true;
}

static bool replay_checkpoint(struct replay *p, const struct ceno_trail_record *r, uint64_t i)
{
	if (!runs(p, r->checkpoint.fiber, i))
		return false;
	p->fiber[r->checkpoint.fiber].checkpoint = r->head.sequence;
	return true;
}

static bool replay_loss(struct replay *p, const struct ceno_trail_record *r)
{
	struct ceno_audit *a = p->l->audit;

	if (r->loss.cause == CENO_TRAIL_REFUSED) {
		a->refused += r->loss.count;
		return true;
	}
	p->full = true;
	a->lost += r->loss.count;
	if (r->loss.cause == CENO_TRAIL_UNCOUNTED)
		a->lost_more = true;
	return true;
}

static bool replay_resume(struct replay *p, const struct ceno_trail_record *r, uint64_t i)
{
	return check(p, CENO_AUDIT_RESUME,
	             r->resume.bytes == p->l->audit->offset[i] - CENO_TRAIL_OFFSET && r->resume.sealed == p->sealed, i);
}

static bool replay_record(struct replay *p, const struct ceno_trail_record *r, uint64_t i)
{
	uint32_t type = r->head.type;

	if (!check(p, CENO_AUDIT_AFTER_LOSS, !p->full || type == CENO_TRAIL_LOSS || type == CENO_TRAIL_SEAL, i))
		return false;
	switch (type) {
	case CENO_TRAIL_MODULE:
		return replay_module(p, r, i);
	case CENO_TRAIL_GRANT:
		return replay_grant(p, r, i);
	case CENO_TRAIL_PLEDGE:
		return replay_pledge(p, r, i);
	case CENO_TRAIL_SPAWN:
		return replay_spawn(p, r, i);
	case CENO_TRAIL_STRIKE:
		return replay_strike(p, r, i);
	case CENO_TRAIL_FAULT:
	case CENO_TRAIL_EXIT:
		return replay_end(p, r, i);
	case CENO_TRAIL_RESTART:
		return replay_restart(p, r, i);
	case CENO_TRAIL_CHECKPOINT:
		return replay_checkpoint(p, r, i);
	case CENO_TRAIL_LOSS:
		return replay_loss(p, r);
	case CENO_TRAIL_RESUME:
		return replay_resume(p, r, i);
	case CENO_TRAIL_SEAL:
		p->sealed = r->head.sequence;
		return true;
	default:
		return true; /* BOOT */
	}
}

void ceno_audit_stage_replay(struct ceno_audit_ladder *l)
{
	struct replay p = { .l = l, .init = CENO_TRAIL_FIBERS };
	struct ceno_trail_record r;

	for (uint32_t i = 0; i < l->audit->records; i++) {
		ceno_audit_record(l->file, l->audit, i, &r);
		if (!replay_record(&p, &r, i))
			return;
	}
}
