/*
 * Energy, strikes and events in exact numbers, on the hosted nucleus: the clock
 * stands still but where a test moves it. tests/guest/services/economy.c shows the
 * same in a running guest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "machine.h"

#define SLOT_CHILD   40u
#define SLOT_EVENTS  41u
#define SLOT_CHANNEL 42u
#define SLOT_MADE    43u
#define SELF         CENO_SLOT_SELF
#define NONE         UINT64_MAX

static const struct ceno_fiber *child; /* the fiber under test, index 1 */

static uint64_t period(uint32_t spectrum)
{
	static const uint64_t ms[] = { 8, 16, 100, 1000 };

	return ceno_machine.config.tick_tsc / CENO_TICK_MS * ms[spectrum];
}

static int64_t verb(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	const uint64_t args[11] = { number, a, b, c, d, CENO_GVA_SERVICE, CENO_GVA_SERVICE_STACK };

	ceno_machine_verb(args);
	return (int64_t)ceno_machine.event[0].after.rax;
}

static uint64_t kind_of(uint32_t spectrum, uint64_t budget)
{
	return CENO_SPAWN_FIBER | 1u << CENO_PLEDGE_SPAWN << 8 | (uint64_t)spectrum << 16 | budget << 32;
}

/* A child that runs, with itself, a channel and an events channel; init sleeps so
 * long that it never gets in the way. */
static void begin(uint32_t spectrum, uint32_t budget)
{
	struct ceno_machine_config config = ceno_machine_default;

	config.tick_tsc = 8000;
	config.pool_pages = 256;
	config.trap_pages = 32;
	config.pledge_mask |= 1u << CENO_PLEDGE_SPAWN;
	assert_int_equal(ceno_machine_reset(&config), 0);
	assert_int_equal(verb(CENO_VERB_SPAWN, SELF, CENO_SPAWN_CHANNEL, SLOT_EVENTS, 0), 0);
	assert_int_equal(verb(CENO_VERB_SPAWN, SELF, CENO_SPAWN_CHANNEL, SLOT_CHANNEL, 0), 0);
	assert_int_equal(verb(CENO_VERB_SPAWN, SELF, kind_of(spectrum, budget), SLOT_CHILD,
	                      150 | (uint64_t)SLOT_EVENTS << 32),
	                 1);
	assert_int_equal(verb(CENO_VERB_GRANT, SLOT_CHILD, SLOT_CHILD, SELF, CENO_RIGHTS_ALL), 0);
	assert_int_equal(verb(CENO_VERB_GRANT, SLOT_CHILD, SLOT_CHANNEL, SLOT_CHANNEL, CENO_RIGHTS_ALL), 0);
	assert_int_equal(verb(CENO_VERB_SEND, SLOT_CHILD, NONE, 0, 0), 0);
	(void)verb(CENO_VERB_TICK, CENO_SLOT_CLOCK, 1ull << 60, 0, 0);
	child = ceno_cpu.fiber[1];
	assert_ptr_equal(ceno_cpu.current, child);
}

/* A tick that would make a period of no cycles, or none that ends, is no tick. */
static void test_no_tick(void **state)
{
	static const struct {
		uint64_t tick_tsc;
		uint32_t stop;
	} cases[] = {
		{ 1, CENO_STOP_HANDOFF }, { CENO_TICK_MS - 1, CENO_STOP_HANDOFF }, { CENO_TICK_MS, 0 },
		{ (1ull << 40) - 1, 0 },  { 1ull << 40, CENO_STOP_HANDOFF },       { UINT64_MAX, CENO_STOP_HANDOFF }
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ceno_machine_config config = ceno_machine_default;

		config.tick_tsc = cases[i].tick_tsc;
		assert_int_equal(ceno_machine_reset(&config), 0);
		assert_int_equal(ceno_machine.stop, cases[i].stop);
		assert_int_equal(ceno_machine.state == CENO_MACHINE_STOPPED, cases[i].stop != 0);
	}
}

static int is_frozen(void)
{
	return child->state == CENO_FIBER_BLOCKED && child->wait == CENO_WAIT_ENERGY;
}

static void thaw(void)
{
	assert_true(is_frozen());
	assert_int_equal(ceno_machine.state, CENO_MACHINE_IDLE);
	ceno_machine_clock(child->refill_at - 1);
	assert_true(is_frozen());
	ceno_machine_clock(child->refill_at);
}

static void check_sum(uint64_t refills)
{
	assert_int_equal(child->received, child->budget * (1 + refills));
	assert_int_equal(child->received, child->spent + child->energy);
}

/* 2,000 J: four SPAWNs a period, the fifth waits for the next. */
static void test_fork_bomb(void **state)
{
	(void)state;
	begin(CENO_SPECTRUM_GRAVITY, CENO_JOULES_DEFAULT);
	for (uint64_t i = 0; i < 12; i++) {
		if (i)
			assert_int_equal(is_frozen(), 0);
		assert_int_equal(ceno_machine.state, CENO_MACHINE_RUNNING);
		if (i % 4 == 0 && i) /* the verb that froze ran when it thawed */
			continue;
		(void)verb(CENO_VERB_SPAWN, SELF, kind_of(CENO_SPECTRUM_VOID, 0), SLOT_MADE + i, 7);
		assert_int_equal(child->spent, (i + 1) * 500);
		if (i % 4 == 3) {
			(void)verb(CENO_VERB_SPAWN, SELF, kind_of(CENO_SPECTRUM_VOID, 0), SLOT_MADE + i + 1, 7);
			assert_int_equal(child->spent, (i + 1) * 500);
			thaw();
			assert_int_equal(child->spent, (i + 2) * 500);
			check_sum(i / 4 + 1);
		}
	}
}

/* 400 SENDs in a Void period, the refused ones (FULL) paid like the others. */
static void test_flood(void **state)
{
	uint64_t sends = 0;

	(void)state;
	begin(CENO_SPECTRUM_VOID, CENO_JOULES_DEFAULT);
	while (!is_frozen()) {
		(void)verb(CENO_VERB_SEND, SLOT_CHANNEL, NONE, 0, 0);
		sends += !is_frozen();
	}
	assert_int_equal(sends, 400);
	assert_int_equal(child->wake_tsc, child->refill_at);
	assert_int_equal(child->refill_at - ceno_fake_cpu.tsc, period(CENO_SPECTRUM_VOID));
	thaw();
	assert_int_equal(child->spent, 401 * 5);
	check_sum(1);
}

/* Freezes at its verbs until it has frozen `n` times in all. */
static void freeze_times(uint64_t n, uint64_t *done)
{
	while (*done < n && child->state != CENO_FIBER_DEAD) {
		(void)verb(99, 0, 0, 0, 0);
		if (child->state == CENO_FIBER_DEAD)
			++*done;
		else if (is_frozen()) {
			++*done;
			if (*done < n)
				thaw();
		}
	}
}

/* Strikes exactly at the 8th, 16th and 24th freeze in a row. */
static void test_strikes(void **state)
{
	const uint32_t strikes[] = { 0, 1, 1, 2, 2, 3 }, at[] = { 7, 8, 15, 16, 23, 24 };
	uint64_t done = 0;

	(void)state;
	begin(CENO_SPECTRUM_MATTER, 3);
	for (unsigned i = 0; i < 6; i++) {
		freeze_times(at[i], &done);
		assert_int_equal(done, at[i]);
		assert_int_equal(child->strikes, strikes[i]);
		assert_int_equal(child->spectrum, strikes[i] < 2 ? CENO_SPECTRUM_MATTER : CENO_SPECTRUM_GRAVITY);
		assert_int_equal(child->state, i < 5 ? CENO_FIBER_BLOCKED : CENO_FIBER_DEAD);
		assert_int_equal(child->spent, 3 * done);
		assert_int_equal(child->event_bits,
		                 i == 0 ? 0 : CENO_FIBER_EVENT_STRIKE | (i == 5 ? CENO_FIBER_EVENT_KILLED : 0));
		if (i < 5)
			thaw();
	}
}

/* A refill that it did not wait for ends the row: the 8th freeze is the first again. */
static void test_row_ends(void **state)
{
	uint64_t done = 0;

	(void)state;
	begin(CENO_SPECTRUM_MATTER, 3);
	freeze_times(7, &done);
	thaw();
	assert_int_equal(child->freezes, 7);
	for (int i = 0; i < 2; i++)
		(void)verb(99, 0, 0, 0, 0);
	assert_int_equal(child->energy, 0);
	ceno_fake_cpu.tsc = child->refill_at;
	(void)verb(99, 0, 0, 0, 0);
	assert_int_equal(child->energy, 2);
	assert_int_equal(child->freezes, 0);
	assert_int_equal(child->strikes, 0);
}

/* A tick costs 16 J less what verbs paid since the last one, or what is there. */
static void test_ticks(void **state)
{
	(void)state;
	begin(CENO_SPECTRUM_VOID, 30);
	for (int i = 0; i < 5; i++)
		(void)verb(99, 0, 0, 0, 0);
	ceno_machine_tick();
	assert_int_equal(child->spent, CENO_TICK_JOULES);
	for (int i = 0; i < 2; i++)
		(void)verb(CENO_VERB_SEND, SLOT_CHANNEL, NONE, 0, 0);
	assert_int_equal(child->spent, CENO_TICK_JOULES + 10);
	ceno_machine_tick(); /* 6 J are due, 4 J are there */
	assert_int_equal(child->spent, 30);
	assert_true(is_frozen());
	thaw();
	assert_int_equal(child->energy, 30);
	assert_int_equal(child->state, CENO_FIBER_READY);
	check_sum(1);
}

/* Its verbs cover the time they take: more of them, no tick to pay. */
static void test_tick_covered(void **state)
{
	(void)state;
	begin(CENO_SPECTRUM_VOID, 100);
	for (int i = 0; i < 4; i++)
		(void)verb(CENO_VERB_SEND, SLOT_CHANNEL, NONE, 0, 0);
	ceno_machine_tick();
	assert_int_equal(child->spent, 20);
	ceno_machine_tick();
	assert_int_equal(child->spent, 36);
}

/* RECV waits for nothing, is woken for nothing, and pays when it has something. */
static void test_blocked_pays_once(void **state)
{
	struct ceno_channel *c;

	(void)state;
	begin(CENO_SPECTRUM_VOID, 100);
	(void)verb(CENO_VERB_RECV, SLOT_CHANNEL, NONE, 0, 0);
	assert_int_equal(child->state, CENO_FIBER_BLOCKED);
	assert_int_equal(child->spent, 0);
	c = (struct ceno_channel *)(void *)child->cspace[SLOT_CHANNEL].object;
	ceno_fiber_wake(c);
	ceno_machine_signal();
	assert_int_equal(child->state, CENO_FIBER_BLOCKED);
	assert_int_equal(child->spent, 0);
	assert_int_equal(child->energy, 100);
	c->waiting++; /* a message of zeros */
	ceno_fiber_wake(c);
	ceno_machine_signal();
	assert_int_equal(child->state, CENO_FIBER_READY);
	assert_int_equal(child->spent, 2);
	check_sum(0);
}

/* RECV of a message or a signal: returns 2 once a signal; who a signal woke is in no channel's list. */
static void test_message_or_signal(void **state)
{
	struct ceno_channel *c;

	(void)state;
	begin(CENO_SPECTRUM_VOID, 100);
	c = (struct ceno_channel *)(void *)child->cspace[SLOT_CHANNEL].object;
	(void)verb(CENO_VERB_RECV, SLOT_CHANNEL, NONE, 2, 0);
	assert_int_equal(child->state, CENO_FIBER_BLOCKED);
	assert_ptr_equal(c->waiters, child);
	ceno_machine_signal();
	assert_int_equal(child->state, CENO_FIBER_READY);
	assert_int_equal(child->frame.rax, 2);
	assert_null(c->waiters);
	(void)verb(CENO_VERB_RECV, SLOT_CHANNEL, NONE, 2, 0);
	assert_int_equal(child->state, CENO_FIBER_BLOCKED);
	c->waiting++; /* a message of zeros */
	ceno_fiber_wake(c);
	ceno_machine_signal(); /* waits its turn: messages come first */
	assert_int_equal(child->frame.rax, 0);
	assert_int_equal(verb(CENO_VERB_RECV, SLOT_CHANNEL, NONE, 2, 0), 2);
	assert_int_equal(verb(CENO_VERB_RECV, SLOT_CHANNEL, NONE, 1, 0), CENO_E_AGAIN);
}

static void test_energy_error(void **state)
{
	(void)state;
	begin(CENO_SPECTRUM_MATTER, 499);
	assert_int_equal(verb(CENO_VERB_SPAWN, SELF, CENO_SPAWN_CHANNEL, SLOT_MADE, 0), CENO_E_ENERGY);
	assert_int_equal(child->spent, 0);
	begin(CENO_SPECTRUM_MATTER, 5000);
	assert_int_equal(verb(CENO_VERB_SPAWN, SELF, kind_of(CENO_SPECTRUM_PHOTON, 0), SLOT_MADE, 7), CENO_E_ENERGY);
	assert_int_equal(verb(CENO_VERB_SPAWN, SELF, kind_of(CENO_SPECTRUM_VOID, 5001), SLOT_MADE, 7), CENO_E_ENERGY);
	assert_int_equal(child->spent, 1000);
	assert_int_equal(verb(CENO_VERB_SPAWN, SELF, kind_of(CENO_SPECTRUM_VOID, 4000), SLOT_MADE, 7), 2);
	assert_int_equal(child->budget, 1000);
	assert_int_equal(child->energy, 0); /* 3,500 were left, all of them its child's */
	assert_int_equal(ceno_cpu.fiber[2]->energy, 3500);
	assert_int_equal(ceno_cpu.fiber[2]->budget, 4000);
	assert_int_equal(child->received, child->spent);
}

/* Closes a child with this spectrum and budget that was refilled just now, 10 after the
 * closer's own period was over. */
static void close_refilled(uint32_t spectrum, uint32_t budget, uint64_t *child_refill_at)
{
	struct ceno_fiber *made;
	int64_t rc;

	begin(CENO_SPECTRUM_MATTER, 5000);
	assert_int_equal(verb(CENO_VERB_SPAWN, SELF, kind_of(spectrum, budget), SLOT_MADE, 7), 2);
	made = ceno_cpu.fiber[2];
	ceno_fake_cpu.tsc = child->refill_at + 10;
	ceno_energy_refill(made, ceno_fake_cpu.tsc);
	*child_refill_at = made->refill_at;
	do
		rc = verb(CENO_VERB_MASK, SLOT_MADE, 0, 0, 0);
	while (rc == CENO_E_AGAIN);
	assert_int_equal(rc, 0);
	assert_int_equal(child->budget, 5000);
}

/* A budget that comes back is not refilled again before its period is over. */
static void test_budget_back(void **state)
{
	uint64_t due, before;

	(void)state;
	close_refilled(CENO_SPECTRUM_MATTER, 3500, &due);
	assert_int_equal(child->refill_at, due);
	while (!is_frozen())
		(void)verb(CENO_VERB_SPAWN, SELF, CENO_SPAWN_CHANNEL, SELF, 0);
	assert_true(child->spent <= 1500); /* what it was left with, and not 5,000 more */
	assert_int_equal(child->wake_tsc, due);
	thaw();
	assert_int_equal(child->energy, 5000 - 500);
	/* a slower child's longer period is not waited for */
	close_refilled(CENO_SPECTRUM_VOID, 3500, &due);
	assert_int_equal(child->refill_at, ceno_fake_cpu.tsc + period(CENO_SPECTRUM_MATTER));
	assert_true(child->refill_at < due);
	/* nor anything for one without a budget */
	begin(CENO_SPECTRUM_MATTER, 5000);
	before = child->refill_at;
	close_refilled(CENO_SPECTRUM_MATTER, 0, &due);
	assert_true(child->refill_at < ceno_fake_cpu.tsc && child->refill_at <= before);
}

/* The ring of its events channel is full: GRANT waits and is lost to nobody. */
static void test_full_events(void **state)
{
	struct ceno_channel *c;

	(void)state;
	begin(CENO_SPECTRUM_VOID, 10000);
	c = child->events;
	for (uint64_t i = 0; i < CENO_CHANNEL_MESSAGES; i++)
		assert_int_equal(verb(CENO_VERB_GRANT, SELF, SELF, 2 + i + (i > 36 ? 3 : 0), CENO_RIGHT_READ), 0);
	assert_int_equal(c->waiting, CENO_CHANNEL_MESSAGES);
	(void)verb(CENO_VERB_GRANT, SELF, SELF, 50, CENO_RIGHT_READ);
	assert_int_equal(child->state, CENO_FIBER_BLOCKED);
	assert_int_equal(child->cspace[50].type, CENO_OBJECT_NULL);
	assert_int_equal(child->spent, 20 * CENO_CHANNEL_MESSAGES);
	c->head++; /* as RECV does */
	c->waiting--;
	ceno_fiber_wake(c);
	ceno_machine_signal();
	assert_int_equal(child->state, CENO_FIBER_READY);
	assert_int_equal(child->cspace[50].type, CENO_OBJECT_FIBER);
	assert_int_equal(child->spent, 20 * (CENO_CHANNEL_MESSAGES + 1));
}

/* A fault is an event with its details; the session goes on. */
/* An instruction ended at 2^47 and a tick came before the next fetch could fault. */
static void test_tick_beyond_end(void **state)
{
	uint64_t word[8], quota = 0;

	(void)state;
	begin(CENO_SPECTRUM_VOID, 1000);
	ceno_machine.regs.rip = (1ull << 47) - 1;
	ceno_machine_tick();
	assert_int_equal(child->state, CENO_FIBER_READY);
	ceno_machine.regs.rip = 1ull << 47; /* iretq to it would fault in ring 0 */
	ceno_machine_tick();
	assert_int_equal(child->state, CENO_FIBER_DEAD);
	assert_int_not_equal(ceno_machine.state, CENO_MACHINE_STOPPED);
	ceno_event_take(child->events, word, &quota);
	assert_int_equal(word[1], CENO_FIBER_EVENT_FAULT);
	assert_int_equal(word[2], 13);
	assert_int_equal(word[4], 1ull << 47);
}

static void test_fault(void **state)
{
	uint64_t word[8], quota = 0;

	(void)state;
	begin(CENO_SPECTRUM_VOID, 100);
	ceno_machine_fault(14, 6, 0x1234);
	assert_int_equal(child->state, CENO_FIBER_DEAD);
	assert_int_not_equal(ceno_machine.state, CENO_MACHINE_STOPPED);
	assert_int_equal(child->events->noted, 1);
	ceno_event_take(child->events, word, &quota);
	assert_int_equal(word[0], 1);
	assert_int_equal(word[1], CENO_FIBER_EVENT_FAULT);
	assert_int_equal(word[2], 14);
	assert_int_equal(word[3], 6);
	assert_int_equal(word[4], CENO_GVA_SERVICE);
	assert_int_equal(child->events->noted, 0);
}

/* What waits in the fiber comes together: a strike that nobody took, then a fault. */
static void test_bits_together(void **state)
{
	uint64_t word[8], done = 0, quota = 0;

	(void)state;
	begin(CENO_SPECTRUM_MATTER, 3);
	freeze_times(8, &done);
	thaw();
	ceno_machine_fault(6, 0, 0);
	assert_int_equal(child->events->noted, 1);
	ceno_event_take(child->events, word, &quota);
	assert_int_equal(word[1], CENO_FIBER_EVENT_STRIKE | CENO_FIBER_EVENT_FAULT);
	assert_int_equal(word[2], 6);
	assert_int_equal(word[5] & 0xffff, 1 | CENO_SPECTRUM_MATTER << 8);
	assert_int_equal(word[6], 3 * 8 + 1);
}

/* MAP's short way costs what the long one does, and freezes like it. */
static void test_map_pays(void **state)
{
	const uint64_t rw = CENO_RIGHT_READ | CENO_RIGHT_WRITE;
	uint64_t args[11] = { CENO_VERB_MAP, SELF, CENO_SLOT_RAM, 0x400000, 0, CENO_PAGE, rw };

	(void)state;
	begin(CENO_SPECTRUM_VOID, 25);
	assert_ptr_equal(child, ceno_cpu.current);
	((struct ceno_fiber *)(uintptr_t)child)->cspace[CENO_SLOT_RAM] = ceno_cpu.fiber[0]->cspace[CENO_SLOT_RAM];
	for (uint64_t i = 1; i <= 2; i++, args[3] += CENO_PAGE, args[4] += CENO_PAGE) {
		ceno_machine_verb(args);
		assert_int_equal(ceno_machine.event[0].after.rax, 0);
		assert_int_equal(child->spent, 10 * i);
	}
	ceno_machine_verb(args);
	assert_true(is_frozen());
	assert_int_equal(child->spent, 20);
	thaw();
	assert_int_equal(child->spent, 30);
	assert_int_equal(child->received, 25 + 20); /* 5 J were left */
}

/* A process's ticks are its handler's; the last joule stops both. */
static void test_process_pays(void **state)
{
	(void)state;
	begin(CENO_SPECTRUM_VOID, 500 + 2 + 2 * CENO_TICK_JOULES);
	assert_int_equal(verb(CENO_VERB_SPAWN, SELF, CENO_SPAWN_PROCESS, SLOT_MADE, 10), 0);
	assert_int_equal(verb(CENO_VERB_RECV, SLOT_MADE, NONE, 0, 0), 0);
	for (uint64_t i = 0; i < 2; i++) { /* its verbs covered the first tick */
		ceno_machine_sysret(0x400000, CENO_RFLAGS_SET);
		assert_true(ceno_machine_in_process());
		ceno_machine_tick();
		assert_int_equal(ceno_machine.regs.rip, CENO_GVA_HANDLER_FAULT);
		assert_int_equal(child->spent, 502 + i * CENO_TICK_JOULES);
	}
	ceno_machine_sysret(0x400abc, CENO_RFLAGS_SET);
	ceno_machine_tick();
	assert_true(is_frozen());
	assert_int_equal(child->energy, 0);
	assert_int_equal(child->trap->rip, 0x400abc);
	assert_int_equal(child->trap->vector, CENO_VECTOR_TICK);
	thaw();
	assert_int_equal(ceno_machine_in_process(), 0);
	assert_int_equal(ceno_machine.regs.rip, CENO_GVA_HANDLER_FAULT);
	check_sum(1);
}

/* A process that computes for ever: at a tick it is the turn of whoever else may run,
 * then of its handler. */
static void test_process_shares(void **state)
{
	(void)state;
	begin(CENO_SPECTRUM_VOID, 5000);
	assert_int_equal(verb(CENO_VERB_SPAWN, SELF, CENO_SPAWN_PROCESS, SLOT_MADE, 10), 0);
	assert_int_equal(verb(CENO_VERB_RECV, SLOT_MADE, NONE, 0, 0), 0);
	assert_int_equal(verb(CENO_VERB_SPAWN, SELF, kind_of(CENO_SPECTRUM_VOID, 1000), SLOT_MADE + 1, 7), 2);
	ceno_machine_sysret(0x400000, CENO_RFLAGS_SET);
	ceno_machine_tick();
	assert_ptr_equal(ceno_cpu.current, child); /* the other is parked */
	assert_int_equal(verb(CENO_VERB_SEND, SLOT_MADE + 1, NONE, 0, 0), 0);
	ceno_machine_sysret(0x400abc, CENO_RFLAGS_SET);
	assert_true(ceno_machine_in_process());
	ceno_machine_tick();
	assert_ptr_equal(ceno_cpu.current, ceno_cpu.fiber[2]);
	assert_int_equal(child->state, CENO_FIBER_READY);
	ceno_machine_tick();
	assert_ptr_equal(ceno_cpu.current, child);
	assert_int_equal(ceno_machine.regs.rip, CENO_GVA_HANDLER_FAULT);
	assert_int_equal(child->trap->vector, CENO_VECTOR_TICK);
	assert_int_equal(child->trap->rip, 0x400abc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fork_bomb),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_strikes),
		cmocka_unit_test(test_row_ends),
		cmocka_unit_test(test_ticks),
		cmocka_unit_test(test_tick_covered),
		cmocka_unit_test(test_energy_error),
		cmocka_unit_test(test_blocked_pays_once),
		cmocka_unit_test(test_message_or_signal),
		cmocka_unit_test(test_full_events),
		cmocka_unit_test(test_fault),
		cmocka_unit_test(test_bits_together),
		cmocka_unit_test(test_map_pays),
		cmocka_unit_test(test_process_pays),
		cmocka_unit_test(test_no_tick),
		cmocka_unit_test(test_process_shares),
		cmocka_unit_test(test_budget_back),
		cmocka_unit_test(test_tick_beyond_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
