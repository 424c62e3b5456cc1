/*
 * Revocation among everything else, in random order, on the hosted nucleus.
 *
 *   unit_nucleus_interleave [INTERLEAVINGS [SEED]]
 *
 * Each interleaving is a machine of its own: init and two fibers hold copies of one object
 * (a region, a window, a channel, a process or a fiber), in their slots, in rings, and
 * mapped in their spaces, a process's and a third fiber's. Then they act in random order:
 * SEND, RECV, GRANT, MAP, RESTART, closing, narrowing, and REVOKE of that object, whose
 * calls (AGAIN) others come between. What must never be seen:
 *
 *   - a verb done through a capability that is stale;
 *   - a capability, in a slot or a ring, that is still good beside the revoker's own;
 *   - between the calls of one REVOKE, a region or window mapped anew;
 *   - after REVOKE returned 0: a page of a region or window in any space, or a translation
 *     that was not flushed; a message that was in the ring; a process that somebody runs; a
 *     fiber that acts; after RESTART anything in its slots.
 *
 * Every state that a REVOKE leaves, and every last one, is also held against all of
 * check.c. On a failure: the trace, in the language of tests/model, and exit 1. Exit 2: a
 * thing that should come up never did.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define INTERLEAVINGS 20000u
#define STEPS         24u
#define TRACE_MAX     256u
#define BUDGET        1000000ull
#define NONE          UINT64_MAX
#define ALL           CENO_RIGHTS_ALL
#define SELF          CENO_SLOT_SELF
#define MAP_GVA       0x400000000ull

enum { INIT, ANN, BOB, CYD, FIBERS }; /* Cyd is parked, or dead: mapped into and restarted */

/* The same slots in init, Ann and Bob, as far as they have them. */
enum { SLOT_X = 41, SLOT_Y, SLOT_PROCESS, SLOT_ANN, SLOT_BOB, SLOT_CYD, SLOT_TARGET, SLOT_FREE };

enum count {
	REVOKED_REGION,
	REVOKED_WINDOW,
	REVOKED_CHANNEL,
	REVOKED_PROCESS,
	REVOKED_FIBER,
	REVOKED_MAPPED,  /* with pages in some space */
	REVOKED_IN_RING, /* with a copy in a ring */
	REVOKED_FULL,    /* a channel with messages in it */
	REVOKED_WAITED,  /* a channel with somebody waiting */
	BETWEEN,         /* something done between two calls of one REVOKE */
	STALE_REFUSED,
	RESTARTED,
	MAPPED,
	MOVED,
	CAME,
	COUNTS
};
static const char *const count_name[COUNTS] = {
	"regions revoked",
	"windows",
	"channels",
	"processes",
	"fibers",
	"mapped at the time",
	"in a ring at the time",
	"with messages",
	"with a waiter",
	"acts amid a REVOKE",
	"stale refused",
	"restarts",
	"maps",
	"capabilities sent",
	"received",
};
static unsigned long count[COUNTS];

static uint64_t random_state;
static struct ceno_op trace[TRACE_MAX];
static unsigned traced;
static struct ceno_object *target;
static int revoking; /* fiber whose REVOKE said AGAIN, or -1 */
static const char *bad;

static uint64_t pick(uint64_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 11) % n;
}

static struct ceno_cap *slot_of(uint32_t fiber, uint64_t slot)
{
	return &ceno_cpu.fiber[fiber]->cspace[slot & (CENO_CSPACE_SLOTS - 1)];
}

static int is_stale(const struct ceno_cap *c)
{
	return c->type != CENO_OBJECT_NULL && c->epoch != c->object->epoch;
}

/* ---- what is seen ---- */

/* Does the verb name a capability that was stale? Closing a slot names nothing. */
static int names_stale(uint32_t fiber, const uint64_t a[7])
{
	switch (a[0]) {
	case CENO_VERB_SPAWN:
		return a[2] == CENO_SPAWN_RESTART && is_stale(slot_of(fiber, a[3]));
	case CENO_VERB_RECV:
		return is_stale(slot_of(fiber, a[1]));
	case CENO_VERB_MASK:
		return a[2] && is_stale(slot_of(fiber, a[1]));
	default:
		return is_stale(slot_of(fiber, a[1])) || (a[2] != NONE && is_stale(slot_of(fiber, a[2])));
	}
}

static void count_good(const struct ceno_cap *c, unsigned *good)
{
	*good += c->type != CENO_OBJECT_NULL && c->object == target && c->epoch == target->epoch;
}

static const struct ceno_channel *channel_at(uint64_t page)
{
	const struct ceno_channel *c = ceno_machine_page(CENO_GPA_RAM + page * CENO_PAGE);

	return ceno_machine.serial[page] && c->object.type == CENO_OBJECT_CHANNEL ? c : NULL;
}

/* Capabilities to the target that are good: in slots, and in rings. */
static void count_everywhere(unsigned *slots, unsigned *rings)
{
	*slots = *rings = 0;
	for (uint32_t f = 0; f < FIBERS; f++)
		for (uint64_t i = 0; ceno_cpu.fiber[f] && ceno_cpu.fiber[f]->cspace && i < CENO_CSPACE_SLOTS; i++)
			count_good(slot_of(f, i), slots);
	for (uint64_t page = 0; page < ceno_machine.config.pool_pages; page++) {
		const struct ceno_channel *c = channel_at(page);

		for (uint32_t n = 0; c && n < c->waiting; n++)
			count_good(&c->message[ceno_channel_place(c, n)].cap, rings);
	}
}

static int is_region(void)
{
	return target->type == CENO_OBJECT_REGION || target->type == CENO_OBJECT_WINDOW;
}

static const struct ceno_region *region(void)
{
	return ceno_region_of(target);
}

/* Nobody names it any more: it is on its way to the pool, or there. */
static int is_over(void)
{
	uint64_t page = (uint64_t)target & ~(CENO_PAGE - 1);

	for (uint64_t at = ceno_cpu.pool_free; at; at = *(const uint64_t *)at)
		if (at == page)
			return 1;
	return target->end != CENO_END_NOT;
}

static const char *check_all(void)
{
	static struct view v;
	const char *wrong = view_read(&v);

	if (!wrong)
		wrong = check_state(&v);
	for (int i = 0; !wrong && !is_over() && is_region() && region()->cleared == region()->tables && i < v.runs; i++)
		if (v.run[i].region == region()->number + 1)
			wrong = broken("a revoked page is mapped at %#llx", (unsigned long long)v.run[i].gva);
	return wrong;
}

/* REVOKE returned rc. */
static const char *check_revoked(int64_t rc, uint32_t cleared, uint64_t loads)
{
	const struct ceno_process *p = ceno_process_of(target);
	unsigned slots, rings;

	count_everywhere(&slots, &rings);
	if (slots != 1 || rings)
		return broken("after REVOKE %u slots and %u messages hold a good capability", slots, rings);
	if (is_region() && cleared != region()->cleared && loads == ceno_fake_cpu.cr3_loads)
		return broken("REVOKE of mapped memory without a flush");
	if (target->type == CENO_OBJECT_FIBER && ceno_fiber_of(target)->state != CENO_FIBER_DEAD)
		return broken("a revoked fiber is alive");
	for (uint32_t f = 0; target->type == CENO_OBJECT_PROCESS && f < FIBERS; f++)
		if (ceno_cpu.fiber[f] &&
		    (ceno_cpu.fiber[f]->process == p || ceno_process_is_run_by(p, ceno_cpu.fiber[f])))
			return broken("fiber %u runs a revoked process", f);
	if (target->type == CENO_OBJECT_PROCESS && ceno_cpu.process_cr3 == p->space.cr3)
		return broken("a revoked process is what RESUME would run");
	if (rc)
		return NULL;
	if (target->type == CENO_OBJECT_CHANNEL && ((const struct ceno_channel *)(const void *)target)->waiting)
		return broken("a revoked channel is not empty");
	return is_region() && (!region()->gone || region()->cleared != region()->tables)
	    ? broken("REVOKE returned before all was out")
	    : check_all();
}

/* What a verb that was done did with what it named; also one that waited, and ran again. */
static const char *check_event(const struct ceno_machine_event *e, int stale)
{
	const struct ceno_cap *c = slot_of(e->fiber, e->before.rdi);

	if (e->outcome != CENO_MACHINE_DONE || (int64_t)e->after.rax < 0)
		return NULL;
	if (stale)
		return broken("verb %llu of fiber %u was done through a stale capability", (unsigned long long)e->verb,
		              e->fiber);
	if (e->verb != CENO_VERB_RECV || c->type != CENO_OBJECT_CHANNEL || e->after.rax != 0)
		return NULL;
	count[CAME] += e->after.rsi & 1;
	return e->after.r12 != c->object->epoch
	    ? broken("a message of epoch %llu came out of a channel of epoch %llu", (unsigned long long)e->after.r12,
	             (unsigned long long)c->object->epoch)
	    : NULL;
}

/* ---- acting ---- */

static int64_t act(uint32_t fiber, const uint64_t a[7])
{
	struct ceno_op *op = &trace[traced++];
	const struct ceno_cap *named = slot_of(fiber, a[1]);
	uint64_t loads;
	uint32_t cleared = target && is_region() ? region()->cleared : 0;
	int stale = names_stale(fiber, a), revokes, anew;

	*op = (struct ceno_op){ .kind = CENO_OP_VERB, .fiber = fiber };
	memcpy(op->arg, a, 7 * sizeof *a);
	if (named->type != CENO_OBJECT_NULL)
		op->arg[7] = named->object->epoch; /* r12: which life of a channel a message is from */
	if (traced == TRACE_MAX || !ceno_machine_switch(fiber))
		return 1;
	anew = a[0] == CENO_VERB_MAP && revoking >= 0 && a[2] != NONE && slot_of(fiber, a[2])->object == target;
	revokes = a[0] == CENO_VERB_MASK && (a[2] & CENO_MASK_REVOKE) && named->object == target;
	loads = ceno_fake_cpu.cr3_loads;
	ceno_machine_verb(op->arg);
	for (uint32_t i = 0; !bad && i < ceno_machine.events; i++) {
		const struct ceno_machine_event *e = &ceno_machine.event[i];
		int late = e->verb == CENO_VERB_RECV && is_stale(slot_of(e->fiber, e->before.rdi));

		bad = check_event(e, i ? late : stale);
	}
	if (!bad && anew && ceno_machine.event[0].after.rax == 0)
		bad = broken("what is being revoked was mapped anew");
	count[STALE_REFUSED] += stale && (int64_t)ceno_machine.event[0].after.rax == CENO_E_STALE;
	if (!bad && revokes && ceno_machine.event[0].outcome == CENO_MACHINE_DONE) {
		int64_t rc = (int64_t)ceno_machine.event[0].after.rax;

		if (rc == 0 || rc == CENO_E_AGAIN)
			bad = check_revoked(rc, cleared, loads);
		revoking = rc == CENO_E_AGAIN ? (int)fiber : -1;
	}
	return (int64_t)ceno_machine.event[0].after.rax;
}

#define ACT(fiber, ...) act(fiber, (const uint64_t[7]){ __VA_ARGS__ })

static void must(int64_t rc)
{
	if (rc < 0 && !bad)
		bad = broken("the beginning failed: %lld", (long long)rc);
}

static void spawn_fiber(uint64_t slot)
{
	uint64_t pledge = 1u << CENO_PLEDGE_SPAWN | 1u << CENO_PLEDGE_STDIO;

	must(ACT(INIT, CENO_VERB_SPAWN, SELF, CENO_SPAWN_FIBER | pledge << 8 | CENO_SPECTRUM_VOID << 16 | BUDGET << 32,
	         slot, 24, CENO_GVA_SERVICE, CENO_GVA_SERVICE_STACK));
}

static void give(uint64_t to, uint64_t what, uint64_t slot)
{
	must(ACT(INIT, CENO_VERB_GRANT, to, what, slot, ALL));
}

/* Ann makes a process, and it comes to init through X. */
static void make_process(void)
{
	must(ACT(ANN, CENO_VERB_SPAWN, SELF, CENO_SPAWN_PROCESS, SLOT_PROCESS, 12));
	must(ACT(ANN, CENO_VERB_GRANT, SELF, SLOT_PROCESS, SLOT_FREE, ALL));
	must(ACT(ANN, CENO_VERB_SEND, SLOT_X, SLOT_FREE));
	must(ACT(INIT, CENO_VERB_RECV, SLOT_X, SLOT_PROCESS));
}

/* Which slot of init names the target. */
static uint64_t make_target(void)
{
	uint64_t pages = pick(3) ? 1 + pick(4) : 513 + pick(512);

	switch (pick(6)) {
	case 0:
	case 1:
		must(ACT(INIT, CENO_VERB_SPAWN, SELF, CENO_SPAWN_REGION, SLOT_TARGET, pages * CENO_PAGE,
		         CENO_SLOT_RAM | (CENO_RIGHT_READ | CENO_RIGHT_WRITE) << 8));
		return SLOT_TARGET;
	case 2:
		return CENO_SLOT_WINDOW + CENO_PLEDGE_STDIO;
	case 3:
		must(ACT(INIT, CENO_VERB_SPAWN, SELF, CENO_SPAWN_CHANNEL, SLOT_TARGET));
		return SLOT_TARGET;
	case 4:
		return SLOT_PROCESS;
	default:
		return SLOT_CYD;
	}
}

static void begin(void)
{
	struct ceno_machine_config config = ceno_machine_default;
	uint64_t slot;

	config.pool_pages = 160;
	config.trap_pages = FIBERS;
	config.pledge_mask |= 1u << CENO_PLEDGE_SPAWN;
	traced = 0;
	target = NULL;
	revoking = -1;
	bad = ceno_machine_reset(&config) ? "a reset was refused" : NULL;
	must(ACT(INIT, CENO_VERB_SPAWN, SELF, CENO_SPAWN_CHANNEL, SLOT_X));
	must(ACT(INIT, CENO_VERB_SPAWN, SELF, CENO_SPAWN_CHANNEL, SLOT_Y));
	for (uint64_t i = SLOT_ANN; i <= SLOT_CYD; i++)
		spawn_fiber(i);
	for (uint64_t to = SLOT_ANN; to <= SLOT_BOB; to++) {
		give(to, to, SELF);
		give(to, SLOT_X, SLOT_X);
		give(to, SLOT_Y, SLOT_Y);
		give(to, SLOT_CYD, SLOT_CYD);
		must(ACT(INIT, CENO_VERB_SEND, to, NONE));
	}
	make_process();
	slot = make_target();
	target = slot_of(INIT, slot)->object;
	give(SLOT_ANN, slot, SLOT_TARGET);
	give(SLOT_BOB, slot, SLOT_TARGET);
}

/* ---- what they do ---- */

/* A slot of the fiber that names the target, mostly; or any that is not null. */
static uint64_t some_slot(uint32_t fiber, uint32_t types)
{
	uint64_t from = pick(CENO_CSPACE_SLOTS), any = SELF;
	int want_target = pick(4) != 0;

	for (uint64_t i = 0; i < CENO_CSPACE_SLOTS; i++) {
		uint64_t slot = (from + i) % CENO_CSPACE_SLOTS;
		const struct ceno_cap *c = slot_of(fiber, slot);

		if (c->type == CENO_OBJECT_NULL || !(types >> c->type & 1))
			continue;
		any = slot;
		if (!want_target || c->object == target)
			return slot;
	}
	return any;
}

static uint64_t free_slot(uint32_t fiber)
{
	uint64_t from = SLOT_FREE + pick(8);

	while (slot_of(fiber, from)->type != CENO_OBJECT_NULL && from < CENO_CSPACE_SLOTS - 1)
		from++;
	return from;
}

#define OF(name) (1u << CENO_OBJECT_##name)
#define ANY      0xfeu

static void map(uint32_t fiber)
{
	uint64_t what = some_slot(fiber, OF(REGION) | OF(WINDOW)), where = some_slot(fiber, OF(FIBER) | OF(PROCESS));
	const struct ceno_cap *c = slot_of(fiber, what);
	uint64_t gva = MAP_GVA + pick(3) * 4 * CENO_LARGE_PAGE;

	if (c->type == CENO_OBJECT_WINDOW)
		gva = CENO_GVA_WINDOW + CENO_PLEDGE_STDIO * CENO_LARGE_PAGE;
	if (pick(5) == 0)
		(void)ACT(fiber, CENO_VERB_MAP, where, NONE, gva, 0, CENO_LARGE_PAGE);
	else if (ACT(fiber, CENO_VERB_MAP, where, what, gva, 0, c->length, 1 + 2 * pick(2)) == 0)
		count[MAPPED]++;
}

static void grant(uint32_t fiber)
{
	uint64_t to = some_slot(fiber, OF(FIBER));
	const struct ceno_cap *c = slot_of(fiber, to);
	uint32_t receiver = c->type == CENO_OBJECT_FIBER && !is_stale(c) ? ceno_fiber_of(c->object)->index : fiber;

	(void)ACT(fiber, CENO_VERB_GRANT, to, some_slot(fiber, ANY), free_slot(receiver), pick(8) ? ALL : pick(128));
}

static void revoke(uint32_t fiber)
{
	uint64_t slot = some_slot(fiber, OF(REGION) | OF(WINDOW) | OF(CHANNEL) | OF(PROCESS) | OF(FIBER));
	const struct ceno_cap *c = slot_of(fiber, slot);
	const struct ceno_channel *ring = (const void *)target;
	unsigned slots, rings;

	if (c->object != target || is_stale(c) || !(c->rights & CENO_RIGHT_REVOKE))
		return;
	if (revoking < 0) {
		static const enum count by_type[] = { [CENO_OBJECT_REGION] = REVOKED_REGION,
			                              [CENO_OBJECT_WINDOW] = REVOKED_WINDOW,
			                              [CENO_OBJECT_CHANNEL] = REVOKED_CHANNEL,
			                              [CENO_OBJECT_PROCESS] = REVOKED_PROCESS,
			                              [CENO_OBJECT_FIBER] = REVOKED_FIBER };

		count_everywhere(&slots, &rings);
		count[by_type[target->type]]++;
		count[REVOKED_MAPPED] += is_region() && region()->maps && !region()->gone;
		count[REVOKED_IN_RING] += rings != 0;
		count[REVOKED_FULL] += target->type == CENO_OBJECT_CHANNEL && ring->waiting;
		count[REVOKED_WAITED] += target->type == CENO_OBJECT_CHANNEL && ring->waiters;
	}
	(void)ACT(fiber, CENO_VERB_MASK, slot, ALL | CENO_MASK_REVOKE);
}

static void restart(uint32_t fiber)
{
	uint64_t slot = pick(2) ? SLOT_CYD : some_slot(fiber, OF(FIBER));
	const struct ceno_cap *c = slot_of(fiber, slot);
	const struct ceno_fiber *f = ceno_fiber_of(c->object);

	if (c->type != CENO_OBJECT_FIBER || c->object != &ceno_cpu.fiber[CYD]->object) /* Ann and Bob have work to do */
		return;
	if (ACT(fiber, CENO_VERB_SPAWN, SELF, CENO_SPAWN_RESTART, slot, 0, CENO_GVA_SERVICE, CENO_GVA_SERVICE_STACK) !=
	        0 ||
	    bad)
		return;
	count[RESTARTED]++;
	for (uint64_t i = 0; i < CENO_CSPACE_SLOTS; i++)
		if (f->cspace[i].type != CENO_OBJECT_NULL)
			bad = broken("slot %llu of a restarted fiber is not null", (unsigned long long)i);
}

static void send(uint32_t fiber)
{
	uint64_t to = pick(3) ? SLOT_X + pick(2) : some_slot(fiber, OF(CHANNEL)),
		 what = pick(3) ? some_slot(fiber, ANY) : NONE;

	if (what == SELF || what == to || (fiber == INIT && what < CENO_SLOT_FIRST_FREE && what != NONE))
		what = NONE;
	if (ACT(fiber, CENO_VERB_SEND, to, what) == 0)
		count[MOVED] += what != NONE;
}

static void recv(uint32_t fiber)
{
	uint64_t from = pick(3) ? SLOT_X + pick(2) : some_slot(fiber, OF(CHANNEL) | OF(PROCESS) | OF(WINDOW));

	(void)ACT(fiber, CENO_VERB_RECV, from, free_slot(fiber), fiber == INIT || pick(3));
}

static void step(uint32_t fiber)
{
	uint64_t what = pick(21);

	if (what < 4)
		map(fiber);
	else if (what < 7)
		grant(fiber);
	else if (what < 10)
		send(fiber);
	else if (what < 13)
		recv(fiber);
	else if (what < 16)
		revoke(fiber);
	else if (what < 18)
		restart(fiber);
	else if (what < 19)
		(void)ACT(fiber, CENO_VERB_MASK, some_slot(fiber, ANY), pick(2) ? ALL & ~(1ull << pick(7)) : ALL);
	else if (fiber != INIT || what < 20)
		(void)ACT(fiber, CENO_VERB_MASK, free_slot(fiber) - 1, 0); /* closes what came last, or nothing */
	else
		(void)ACT(fiber, CENO_VERB_SEND, SLOT_CYD, NONE);
}

static void interleave(void)
{
	begin();
	for (unsigned n = 0; !bad && n < STEPS && ceno_machine.state == CENO_MACHINE_RUNNING && !is_over(); n++) {
		uint32_t fiber = (uint32_t)pick(CYD);

		if (!ceno_cpu.fiber[fiber] || ceno_cpu.fiber[fiber]->state != CENO_FIBER_READY)
			continue;
		count[BETWEEN] += revoking >= 0 && (uint32_t)revoking != fiber;
		step(fiber);
	}
	if (!bad)
		bad = check_all();
}

static int report(unsigned long number)
{
	printf("BROKEN in interleaving %lu: %s\nreset 0 160 %d %llu 0 -1 -1 0 0\n", number, bad, FIBERS,
	       (unsigned long long)ceno_machine.config.pledge_mask);
	for (unsigned i = 0; i < traced; i++)
		ceno_op_print(stdout, &trace[i]);
	return 1;
}

int main(int argc, char **argv)
{
	unsigned long interleavings = argc > 1 ? strtoul(argv[1], NULL, 0) : INTERLEAVINGS;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	int hollow = 0;

	for (unsigned long n = 0; n < interleavings; n++) {
		random_state = (seed + n + 1) * 0x9e3779b97f4a7c15ull;
		interleave();
		if (bad)
			return report(n);
	}
	printf("%lu interleavings, no stale use:", interleavings);
	for (int i = 0; i < COUNTS; i++) {
		printf(" %lu %s%s", count[i], count_name[i], i + 1 < COUNTS ? "," : "\n");
		hollow |= !count[i];
	}
	return hollow ? 2 : 0;
}
