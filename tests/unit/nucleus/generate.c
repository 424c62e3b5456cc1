#include "generate.h"

#include "machine.h"

#define OF(type) (1u << CENO_OBJECT_##type)

static uint64_t next_u64(struct source *s)
{
	uint64_t v = 0;

	if (s->state) {
		s->state ^= s->state << 13;
		s->state ^= s->state >> 7;
		s->state ^= s->state << 17;
		return s->state * 0x2545f4914f6cdd1dull;
	}
	for (unsigned i = 0; i < 8 && s->left; i++, s->left--)
		v |= (uint64_t)*s->data++ << 8 * i;
	return v;
}

uint64_t source_pick(struct source *s, uint64_t n)
{
	uint64_t v;

	if (s->state)
		return (next_u64(s) >> 11) % n;
	v = s->left ? *s->data++ : 0;
	s->left -= s->left != 0;
	if (n > 256 && s->left) {
		v |= (uint64_t)*s->data++ << 8;
		s->left--;
	}
	return v % n;
}

static int one_in(struct source *s, uint64_t n)
{
	return source_pick(s, n) == n - 1;
}

void generate_reset(struct source *s, struct ceno_op *op)
{
	static const uint64_t pools[] = { 96, 96, 48, 512 }, rams[] = { 8, 8, 6, 16 };

	*op = (struct ceno_op){ .kind = CENO_OP_RESET, .fiber = CENO_OP_CURRENT };
	s->times = 0;
	op->arg[0] = rams[source_pick(s, 4)] << 20;
	op->arg[1] = pools[source_pick(s, 4)];
	op->arg[2] = 1 + source_pick(s, 8);
	op->arg[3] = one_in(s, 4) ? source_pick(s, 256) : 5;
	op->arg[5] = one_in(s, 4) ? 0 : UINT64_MAX;
	op->arg[6] = one_in(s, 4) ? 0 : UINT64_MAX;
	op->arg[8] = 1 + source_pick(s, 2);
}

/* A number nobody should pass. */
static uint64_t garbage(struct source *s)
{
	static const uint64_t odd[] = { 0,
		                        1,
		                        2,
		                        63,
		                        64,
		                        127,
		                        4095,
		                        4096,
		                        4097,
		                        UINT64_MAX,
		                        UINT64_MAX - 1,
		                        UINT64_MAX - 4095,
		                        1ull << 63,
		                        (1ull << 63) - 1,
		                        1ull << 47,
		                        (1ull << 47) - 4096,
		                        1ull << 32,
		                        0xffffffff,
		                        0xffff800000000000ull,
		                        CENO_GPA_RAM,
		                        CENO_GVA_ENTRY,
		                        CENO_GVA_ENTRY - 4096,
		                        CENO_GVA_ENTRY_REGION - 4096,
		                        CENO_LARGE_PAGE,
		                        CENO_LARGE_PAGE - 4096,
		                        CENO_WINDOW_STRIDE,
		                        0x10000 };
	uint64_t n = source_pick(s, sizeof odd / sizeof *odd + 2);

	if (n < sizeof odd / sizeof *odd)
		return odd[n];
	return n & 1 ? next_u64(s) : source_pick(s, 64) << source_pick(s, 58);
}

static const struct ceno_cap *cap_at(uint64_t slot)
{
	return &ceno_cpu.current->cspace[slot & (CENO_CSPACE_SLOTS - 1)];
}

/* A slot of the running fiber that holds one of these types (bit set), if any does. */
static uint64_t full_slot(struct source *s, uint32_t types)
{
	uint64_t from = source_pick(s, CENO_CSPACE_SLOTS);

	for (uint64_t i = 0; i < CENO_CSPACE_SLOTS; i++)
		if (types >> cap_at(from + i)->type & 1)
			return (from + i) % CENO_CSPACE_SLOTS;
	return from;
}

static uint64_t empty_slot(struct source *s)
{
	uint64_t from = 16 + source_pick(s, CENO_CSPACE_SLOTS - 16);

	for (uint64_t i = 0; i < CENO_CSPACE_SLOTS; i++)
		if ((from + i) % CENO_CSPACE_SLOTS && cap_at(from + i)->type == CENO_OBJECT_NULL)
			return (from + i) % CENO_CSPACE_SLOTS;
	return from;
}

static uint64_t some_rights(struct source *s)
{
	return one_in(s, 4) ? source_pick(s, 128) : CENO_RIGHTS_ALL;
}

/* A slot of the fiber that `slot` names, empty if one is. */
static uint64_t empty_slot_of(struct source *s, uint64_t slot)
{
	const struct ceno_cap *c = cap_at(slot);
	uint64_t from = 1 + source_pick(s, CENO_CSPACE_SLOTS - 1);
	const struct ceno_fiber *f;

	if (c->type != CENO_OBJECT_FIBER || c->epoch != c->object->epoch)
		return from;
	f = (const void *)((const char *)c->object - offsetof(struct ceno_fiber, object));
	for (uint64_t i = 0; i < CENO_CSPACE_SLOTS; i++)
		if ((from + i) % CENO_CSPACE_SLOTS &&
		    f->cspace[(from + i) % CENO_CSPACE_SLOTS].type == CENO_OBJECT_NULL)
			return (from + i) % CENO_CSPACE_SLOTS;
	return from;
}

/* Mostly so small that it freezes. */
static uint64_t some_budget(struct source *s)
{
	static const uint64_t budgets[] = { 0, 40, 600, 2000 };

	return one_in(s, 4) ? source_pick(s, 1u << 30) : budgets[source_pick(s, 4)];
}

/* Frames as page tables of their own: a few pages, seldom a few MiB. */
static void make_region(struct source *s, uint64_t *a)
{
	static const uint64_t rights[] = { 1, 3, 3, 5, 5, 7, 2, 0 };
	uint64_t slot = one_in(s, 3) ? full_slot(s, OF(FRAMES)) : CENO_SLOT_RAM;

	a[2] = CENO_SPAWN_REGION;
	a[4] = one_in(s, 4) ? source_pick(s, 1025) * CENO_PAGE : (1 + source_pick(s, 4)) * CENO_PAGE;
	a[5] = slot | rights[source_pick(s, one_in(s, 4) ? 8 : 5)] << 8;
	a[6] = source_pick(s, 32) * CENO_PAGE;
}

static void make_spawn(struct source *s, uint64_t *a)
{
	uint64_t slot = full_slot(s, OF(FIBER)), at;

	for (at = 0; at < CENO_CSPACE_SLOTS; at++) /* its own, if it still has it */
		if (cap_at(at)->type && cap_at(at)->object == &ceno_cpu.current->object && !one_in(s, 16))
			slot = at;
	a[1] = slot;
	a[2] = 1 + source_pick(s, 5);
	a[3] = empty_slot(s);
	if (a[2] == CENO_SPAWN_REGION) {
		make_region(s, a);
		return;
	}
	if (a[2] == CENO_SPAWN_FIBER)
		a[2] |= (one_in(s, 50) ? CENO_SPAWN_PREPARED : 0) | (one_in(s, 2) ? CENO_SPAWN_FPU : 0) |
		    (1 + source_pick(s, 3)) << 16 | some_budget(s) << 32 |
		    (one_in(s, 4) ? source_pick(s, 256) : ceno_cpu.current->pledge) << 8;
	else if (a[2] == CENO_SPAWN_RESTART)
		a[3] = full_slot(s, OF(FIBER));
	a[4] = 7 + source_pick(s, one_in(s, 6) ? 200 : 14);
	if (one_in(s, 2))
		a[4] |= full_slot(s, OF(CHANNEL)) << 32;
	a[5] = one_in(s, 8) ? CENO_GATE_VERB : CENO_GVA_SERVICE;
	a[6] = CENO_GVA_SERVICE_STACK;
}

/* Few places, so that mappings meet: pages around the borders of every table level. */
static uint64_t some_gva(struct source *s)
{
	static const uint64_t borders[] = {
		0x400000,         0x600000,      0x40000000, 1ull << 39, 0x40000000 + 0x200000, (1ull << 47) - 0x400000,
		CENO_GVA_SERVICE, CENO_GVA_ENTRY
	};
	uint64_t at = borders[source_pick(s, 8)];

	return one_in(s, 3) ? at : at + source_pick(s, 40) * CENO_PAGE - 20 * CENO_PAGE;
}

static uint64_t some_bytes(struct source *s)
{
	uint64_t kind = source_pick(s, 8);

	if (kind == 7)
		return CENO_LARGE_PAGE * (1 + source_pick(s, 2));
	return (1 + source_pick(s, kind == 6 ? 512 : 24)) * CENO_PAGE;
}

static uint64_t some_offset(struct source *s, const struct ceno_cap *c)
{
	uint64_t pages = c->length / CENO_PAGE;

	if (one_in(s, 4))
		return c->length > CENO_LARGE_PAGE ? source_pick(s, c->length / CENO_LARGE_PAGE) * CENO_LARGE_PAGE : 0;
	pages = pages > 32 && !one_in(s, 3) ? 32 : pages; /* few frames, so that aliases are common */
	return pages ? source_pick(s, pages) * CENO_PAGE : 0;
}

static void make_map(struct source *s, uint64_t *a)
{
	static const uint64_t rights[] = { 1, 3, 3, 5, 5, 1, 7, 2 };
	const struct ceno_cap *c;
	int large = one_in(s, 6);

	a[1] = full_slot(s, OF(FIBER) | OF(PROCESS));
	a[3] = large ? (2 + source_pick(s, 3)) * CENO_LARGE_PAGE : some_gva(s);
	a[5] = large ? CENO_LARGE_PAGE : some_bytes(s);
	if (one_in(s, 4)) {
		a[2] = UINT64_MAX;
		return;
	}
	a[2] = one_in(s, 2) && cap_at(CENO_SLOT_RAM)->type ? CENO_SLOT_RAM
							   : full_slot(s, OF(FRAMES) | OF(WINDOW) | OF(REGION));
	c = cap_at(a[2]);
	if (c->type == CENO_OBJECT_WINDOW || c->type == CENO_OBJECT_REGION) {
		a[3] = (2 + source_pick(s, 6)) * CENO_LARGE_PAGE;
		if (c->type == CENO_OBJECT_WINDOW && !one_in(s, 8))
			a[3] = CENO_GVA_WINDOW + ceno_region_of(c->object)->number * CENO_LARGE_PAGE;
		a[5] = c->length;
		a[6] = rights[source_pick(s, 5)] & (one_in(s, 3) ? 7u : c->rights);
		return;
	}
	if (large)
		a[4] = c->length > CENO_LARGE_PAGE ? source_pick(s, c->length / CENO_LARGE_PAGE) * CENO_LARGE_PAGE : 0;
	else
		a[4] = some_offset(s, c);
	a[6] = rights[source_pick(s, one_in(s, 4) ? 8 : 5)] | (one_in(s, 4) ? CENO_MAP_REPLACE : 0);
	if (a[4] <= c->length && a[5] > c->length - a[4] && !one_in(s, 8))
		a[5] = c->length - a[4] ? c->length - a[4] : CENO_PAGE;
}

static void make_mask(struct source *s, uint64_t *a)
{
	uint64_t pages;

	static const uint64_t flags[] = { CENO_MASK_REVOKE, CENO_MASK_REVOKE, CENO_MASK_PLEDGE,
		                          CENO_MASK_REVOKE | CENO_MASK_PLEDGE };

	a[1] = full_slot(s,
	                 one_in(s, 2)       ? OF(PROCESS) | OF(CHANNEL)
	                     : one_in(s, 2) ? OF(REGION) | OF(FIBER)
	                                    : ~OF(NULL));
	if (one_in(s, 2)) { /* close; itself and the boot objects seldom, or nothing is left to do */
		const struct ceno_cap *c = cap_at(a[1]);

		if (c->type == CENO_OBJECT_CHANNEL || c->type == CENO_OBJECT_PROCESS || c->type == CENO_OBJECT_REGION ||
		    c->depth || (c->object != &ceno_cpu.current->object && one_in(s, 3)) || one_in(s, 40))
			return;
	}
	if (one_in(s, 4))
		a[2] = flags[source_pick(s, 4)];
	a[6] = ceno_cpu.current->pledge;
	if (one_in(s, 2))
		a[6] &= source_pick(s, 256);
	a[2] |= source_pick(s, 8) ? CENO_RIGHTS_ALL : source_pick(s, 128);
	pages = cap_at(a[1])->length / CENO_PAGE;
	if (pages && one_in(s, 3)) {
		a[3] = source_pick(s, pages < 8 ? pages : 8) * CENO_PAGE;
		a[4] = (pages - source_pick(s, pages < 8 ? pages : 8)) * CENO_PAGE;
	}
	if (one_in(s, 16))
		a[5] = ceno_fake_cpu.tsc + source_pick(s, 20000);
}

static void make_grant(struct source *s, uint64_t *a)
{
	uint64_t what = source_pick(s, 4);

	a[1] = full_slot(s, OF(FIBER));
	a[2] = full_slot(s, ~OF(NULL));
	if (what == 0)
		a[2] = a[1]; /* to know itself: without, a fiber can neither spawn nor map */
	else if (what == 1)
		a[2] = full_slot(s, OF(FRAMES) | OF(CLOCK));
	else if (what == 2)
		a[2] = full_slot(s, OF(CHANNEL));
	a[3] = one_in(s, 8) ? source_pick(s, CENO_CSPACE_SLOTS) : empty_slot_of(s, a[1]);
	a[4] = some_rights(s);
}

static void make_message(struct source *s, uint64_t *a, int send)
{
	a[1] = full_slot(s,
	                 send ? (one_in(s, 3) ? OF(FIBER) : OF(CHANNEL))
	                      : OF(CHANNEL) | (one_in(s, 2) ? OF(PROCESS) | OF(WINDOW) : OF(PROCESS)));
	if (send)
		a[2] = one_in(s, 2) ? UINT64_MAX : full_slot(s, one_in(s, 2) ? OF(PROCESS) | OF(CHANNEL) : ~OF(NULL));
	else
		a[2] = one_in(s, 4) ? UINT64_MAX : empty_slot(s);
	for (unsigned i = 3; i < CENO_OP_ARGS; i++)
		a[i] = source_pick(s, 256);
	if (!send) {
		const struct ceno_channel *c = (const void *)cap_at(a[1])->object;

		a[3] = one_in(s, 3) ? source_pick(s, 3) : 1;
		if (cap_at(a[1])->type == CENO_OBJECT_CHANNEL && !c->waiting && c->object.holders == 1 && !one_in(s, 4))
			a[1] = full_slot(s, OF(PROCESS) | OF(WINDOW));
	}
}

static void make_tick(struct source *s, uint64_t *a)
{
	a[1] = full_slot(s, OF(CLOCK));
	a[2] = source_pick(s, 3);
	if (a[2] == 2)
		a[2] = ceno_fake_cpu.tsc + source_pick(s, 4000);
	a[4] = source_pick(s, 3);
}

static void make_verb(struct source *s, struct ceno_op *op)
{
	static const uint8_t verbs[] = { CENO_VERB_SPAWN, CENO_VERB_SPAWN, CENO_VERB_SEND,  CENO_VERB_SEND,
		                         CENO_VERB_RECV,  CENO_VERB_MAP,   CENO_VERB_MAP,   CENO_VERB_MAP,
		                         CENO_VERB_MAP,   CENO_VERB_MAP,   CENO_VERB_MASK,  CENO_VERB_MASK,
		                         CENO_VERB_MASK,  CENO_VERB_TICK,  CENO_VERB_GRANT, CENO_VERB_GRANT };
	uint64_t *a = op->arg;

	a[0] = verbs[source_pick(s, sizeof verbs)];
	if (a[0] == CENO_VERB_SPAWN)
		make_spawn(s, a);
	else if (a[0] == CENO_VERB_MAP)
		make_map(s, a);
	else if (a[0] == CENO_VERB_MASK)
		make_mask(s, a);
	else if (a[0] == CENO_VERB_GRANT)
		make_grant(s, a);
	else if (a[0] == CENO_VERB_TICK)
		make_tick(s, a);
	else
		make_message(s, a, a[0] == CENO_VERB_SEND);
	if (source_pick(s, 5))
		return;
	do /* one argument in five verbs is garbage, sometimes several, seldom the number */
		a[one_in(s, 16) ? 0 : 1 + source_pick(s, 6)] = garbage(s);
	while (one_in(s, 3));
}

static void make_process_op(struct source *s, struct ceno_op *op)
{
	static const uint8_t vectors[] = { 14, 13, 6, 0, 3, 1 };
	uint64_t n = source_pick(s, 4);

	if (n == 0) {
		op->kind = CENO_OP_SYSCALL;
		op->arg[0] = some_gva(s);
	} else if (n == 1) {
		op->kind = CENO_OP_FAULT;
		op->arg[0] = vectors[source_pick(s, sizeof vectors)];
		op->arg[1] = source_pick(s, 32);
		op->arg[2] = garbage(s);
	} else if (n == 2) {
		make_verb(s, op); /* no verb for a process: a breakpoint */
	} else {
		op->kind = CENO_OP_TICK;
	}
}

/* Fills a ring, or takes something apart to its end. */
static void maybe_repeat(struct source *s, struct ceno_op *op)
{
	uint32_t type = cap_at(op->arg[1])->type;
	int fill = op->arg[0] == CENO_VERB_SEND && type == CENO_OBJECT_CHANNEL && one_in(s, 8);
	int ends =
	    (op->arg[0] == CENO_VERB_MASK && !op->arg[2] && (OF(PROCESS) | OF(FIBER) | OF(CHANNEL)) >> type & 1) ||
	    (op->arg[0] == CENO_VERB_SPAWN && op->arg[2] == CENO_SPAWN_RESTART);
	int close = ends && one_in(s, 2);

	if (!fill && !close)
		return;
	if (fill)
		op->arg[2] = UINT64_MAX;
	s->again = *op;
	s->times = fill ? 33 : 8;
}

/* Does the running fiber hold too little to try much? Init holds most. */
static int is_poor(void)
{
	unsigned caps = 0;

	for (uint64_t i = 0; i < CENO_CSPACE_SLOTS; i++)
		caps += cap_at(i)->type != CENO_OBJECT_NULL;
	return caps < 4 && ceno_cpu.current->index;
}

/* On to init, or to what may wake it; if it is dead, to a new machine. */
static void make_richer(struct source *s, struct ceno_op *op)
{
	uint32_t state = ceno_cpu.fiber[0]->state;

	if (state == CENO_FIBER_READY)
		op->kind = CENO_OP_SWITCH;
	else if (state == CENO_FIBER_DEAD)
		generate_reset(s, op);
	else if (one_in(s, 2))
		op->kind = CENO_OP_SIGNAL;
	else
		*op = (struct ceno_op){ .kind = CENO_OP_CLOCK,
			                .fiber = CENO_OP_CURRENT,
			                .arg = { ceno_fake_cpu.tsc + source_pick(s, 3000) } };
}

static void make_running_op(struct source *s, struct ceno_op *op)
{
	uint64_t n = source_pick(s, 40);

	op->kind = CENO_OP_VERB;
	if (is_poor() && !one_in(s, 3)) {
		make_richer(s, op);
		return;
	}
	if (ceno_machine_in_process() && n > 4) {
		make_process_op(s, op);
	} else if (n == 0) {
		op->kind = CENO_OP_TICK;
	} else if (n < 4) {
		op->kind = CENO_OP_SWITCH;
		op->arg[0] = source_pick(s, ceno_cpu.fiber_end);
	} else if (n == 4) {
		op->kind = one_in(s, 2) ? CENO_OP_SYSRET : CENO_OP_RESUME;
		op->arg[0] = one_in(s, 4) ? garbage(s) : some_gva(s);
		op->arg[1] = garbage(s);
	} else {
		make_verb(s, op);
		maybe_repeat(s, op);
	}
}

static void make_clock(struct source *s, struct ceno_op *op)
{
	uint64_t to = ceno_fake_cpu.tsc + source_pick(s, 3000);

	op->kind = CENO_OP_CLOCK;
	if (ceno_machine.state == CENO_MACHINE_IDLE && ceno_fake_cpu.deadline && !one_in(s, 8))
		to = ceno_fake_cpu.deadline;
	op->arg[0] = to;
}

void generate_op(struct source *s, struct ceno_op *op)
{
	uint64_t n = source_pick(s, 32);
	int idle = ceno_machine.state == CENO_MACHINE_IDLE;

	*op = (struct ceno_op){ .kind = CENO_OP_VERB, .fiber = CENO_OP_CURRENT };
	if (ceno_machine.state == CENO_MACHINE_RUNNING && s->times) {
		s->times--;
		*op = s->again;
	} else if (ceno_machine.state == CENO_MACHINE_STOPPED) {
		generate_reset(s, op);
	} else if (n == 0 || (idle && (n < 16 || !ceno_fake_cpu.deadline))) {
		op->kind = CENO_OP_SIGNAL;
	} else if (n == 1 || idle) {
		make_clock(s, op);
	} else {
		make_running_op(s, op);
	}
}
