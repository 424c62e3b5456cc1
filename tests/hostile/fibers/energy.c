/*
 * Claim 6: more energy than a budget a period. Through a server that asks nothing for its
 * answers, by children that come and go, by restarts, by waiting, by a faster spectrum.
 *
 * A refused SPAWN costs its 500 J all the same: that is how joules are burnt quickly.
 */
#include "world.h"

enum { ASK = FREE, ANSWER, CHILD };

#define SPAWN_BIT (1u << CENO_PLEDGE_SPAWN)
#define PERIOD_MS 100u /* GRAVITY */
#define RUN_MS    1000u
#define PERIODS   (RUN_MS / PERIOD_MS)
#define BURN      500u

static void burn(volatile uint64_t *count)
{
	ceno_spawn_channel(SELF); /* SLOT */
	++*count;
}

/* ---- a passive server ---- */

static _Noreturn void server(void)
{
	struct ceno_message m;

	for (;;)
		if (ceno_recv(ASK, -1, &m, NULL) == 0)
			ceno_send(ANSWER, -1, &m);
}

static _Noreturn void client(void)
{
	struct ceno_message m = { { 0 } };

	for (;;) {
		ceno_send(ASK, -1, &m);
		ceno_recv(ANSWER, -1, &m, NULL);
		world()->word[0]++;
	}
}

static void sleep_ms(uint64_t ms)
{
	MUST(ceno_tick(ceno_rdtsc() + milliseconds(ms), 0, NULL) == 0);
}

static void end(uint32_t number)
{
	close_slot(FIBER + number);
}

static void by_server(void)
{
	const uint32_t budget = 14, price = 5 + 2;

	MUST(ceno_spawn_channel(ASK) == 0 && ceno_spawn_channel(ANSWER) == 0);
	make(&(struct way){ .run = server, .own = ALL });
	make(&(struct way){
	    .run = client, .number = 1, .own = ALL, .budget = budget, .spectrum = CENO_SPECTRUM_GRAVITY });
	for (uint32_t i = 0; i < 2; i++)
		MUST(ceno_grant(FIBER + i, ASK, ASK, R | W) == 0 && ceno_grant(FIBER + i, ANSWER, ANSWER, R | W) == 0);
	start(0);
	start(1);
	sleep_ms(RUN_MS / 2);
	tried_true("answers of a server with plenty: some", world()->word[0] >= budget / price);
	tried_true("no more than the client's own budget pays for",
	           world()->word[0] <= (PERIODS / 2 + 2) * (uint64_t)(budget / price));
	end(1);
	end(0);
	close_slot(ASK);
	close_slot(ANSWER);
}

/* ---- children that come and go ---- */

#define BREEDER_BUDGET 5000u
#define CHILD_BUDGET   3500u
#define VOID_MS        1000u /* taking a child apart may take a tenth of it */
#define CHILD_BURNS    (CHILD_BUDGET / BURN)

/* Burns what it was given, then what it is refilled with, and says when that began. */
static _Noreturn void child(void)
{
	for (;;) {
		burn(&world()->word[2]);
		if (world()->word[2] == CHILD_BURNS + 1)
			world()->word[5] = ceno_rdtsc();
	}
}

static void furnish_child(void)
{
	const uint64_t *text = (const uint64_t *)&world()->word[8]; /* offset, bytes: init has looked */

	MUST(ceno_map(CHILD, BUNDLE, CENO_GVA_SERVICE, text[0], text[1], R | X) == 0);
	MUST(ceno_map(CHILD, RAM, STACK_GVA + 3 * STACK_BYTES, RAM_STACKS + STACK_BYTES, STACK_BYTES, R | W) == 0);
	MUST(ceno_map(CHILD, RAM, SHARED_GVA, RAM_SHARED, SHARED_BYTES, R | W) == 0);
	MUST(ceno_grant(CHILD, CHILD, SELF, ALL) == 0);
}

/* Gives a child most of its budget, has it spend that twice, and takes the budget back
 * when its own refill is due: those joules would be refilled twice in one period. */
static _Noreturn void breeder(void)
{
	const struct ceno_fiber_spawn s = { .slot = CHILD,
		                            .spectrum = CENO_SPECTRUM_VOID,
		                            .budget = CHILD_BUDGET,
		                            .pool_pages = 24,
		                            .rip = (uint64_t)child,
		                            .rsp = STACK_GVA + 4 * STACK_BYTES - 8 };

	MUST(ceno_spawn_fiber(&s) > 0);
	furnish_child();
	MUST(ceno_send(CHILD, -1, &(struct ceno_message){ { 0 } }) == 0);
	while (world()->word[2] < 2 * CHILD_BURNS)
		ceno_tick(ceno_rdtsc() + milliseconds(20), 0, NULL);
	while (ceno_mask(CHILD, 0, 0, 0, 0) == CENO_E_AGAIN)
		;
	for (uint32_t joules = 0; joules <= BREEDER_BUDGET - CHILD_BUDGET; joules += BURN)
		burn(&world()->word[3]);
	world()->word[6] = ceno_rdtsc();
	leave();
}

static void by_children(void)
{
	const struct ceno_bundle_header *h = (const struct ceno_bundle_header *)CENO_GVA_BUNDLE;

	for (uint32_t i = 0; i < h->segment_count; i++)
		if (h->segments[i].module == CENO_MODULE_INIT && h->segments[i].kind == CENO_SEGMENT_TEXT) {
			world()->word[8] = h->segments[i].offset;
			world()->word[9] = h->segments[i].bytes;
		}
	make(&(struct way){ .run = breeder,
	                    .own = ALL,
	                    .pledge = SPAWN_BIT,
	                    .pages = 96,
	                    .budget = BREEDER_BUDGET,
	                    .spectrum = CENO_SPECTRUM_VOID });
	MUST(ceno_grant(FIBER, BUNDLE, BUNDLE, R | X) == 0 && ceno_grant(FIBER, RAM, RAM, R | W) == 0);
	MUST(ceno_grant(FIBER, CLOCK, CLOCK, R) == 0);
	tried("its end", (int64_t)run(0, NULL), CENO_FIBER_EVENT_EXIT);
	counted("ms between a child's refill and one with its budget",
	        (world()->word[6] - world()->word[5]) / milliseconds(1));
	tried_true("nearly a period", world()->word[6] - world()->word[5] >= milliseconds(VOID_MS * 3 / 4));
	end(0);
}

/* ---- restarts ---- */

#define LIFE_BUDGET 600u

static _Noreturn void burn_once(void)
{
	burn(&world()->word[4]);
	leave();
}

static void by_restart(void)
{
	const struct way w = { .run = burn_once, .own = ALL, .budget = LIFE_BUDGET, .spectrum = CENO_SPECTRUM_VOID };
	uint64_t begin = ceno_rdtsc(), took;

	make(&w);
	for (int life = 0; life < 3; life++) {
		if (life)
			restart(&w);
		MUST(run(0, NULL) & CENO_FIBER_EVENT_EXIT);
	}
	took = (ceno_rdtsc() - begin) / milliseconds(1);
	tried_true("three lives of 500 J each, of 600 J a period, took two periods", took >= 2 * VOID_MS);
	end(0);
}

/* ---- waiting, and what is refused ---- */

static _Noreturn void waiter(void)
{
	struct ceno_message m;

	for (int i = 0; i < 20; i++)
		ceno_recv(ASK, -1, &m, NULL); /* waits, is given its price back, pays */
	leave();
}

static void by_waiting(void)
{
	struct ceno_fiber_event e;

	MUST(ceno_spawn_channel(ASK) == 0);
	make(&(struct way){ .run = waiter, .own = ALL, .budget = 1000, .spectrum = CENO_SPECTRUM_VOID });
	MUST(ceno_grant(FIBER, ASK, ASK, R) == 0);
	start(0);
	for (int i = 0; i < 20; i++) {
		MUST(ceno_tick(1, 0, NULL) == 0);
		MUST(ceno_send(ASK, -1, &(struct ceno_message){ { 0 } }) == 0);
	}
	next_event(&e);
	tried("spent by twenty messages that were waited for, and the exit", (int64_t)(e.spent >= 20 * 2 + 3), 1);
	end(0);
	close_slot(ASK);
}

static _Noreturn void greedy(void)
{
	struct ceno_fiber_spawn s = { .slot = CHILD, .spectrum = CENO_SPECTRUM_MATTER, .pool_pages = 7 };

	tried("a child of a faster spectrum", ceno_spawn_fiber(&s), CENO_E_ENERGY);
	s.spectrum = CENO_SPECTRUM_PHOTON;
	tried("a child of the fastest", ceno_spawn_fiber(&s), CENO_E_ENERGY);
	s.spectrum = CENO_SPECTRUM_GRAVITY;
	s.budget = 9001;
	tried("a child with more than its budget", ceno_spawn_fiber(&s), CENO_E_ENERGY);
	s.budget = UINT32_MAX;
	tried("a child with a budget that wraps", ceno_spawn_fiber(&s), CENO_E_ENERGY);
	s.budget = 8600;
	MUST(ceno_spawn_fiber(&s) > 0);
	tried("a verb dearer than what is left of the budget", ceno_spawn_channel(CHILD + 1), CENO_E_ENERGY);
	s.slot = CHILD + 1;
	leave();
}

void attack(void)
{
	say("energy: more than a budget a period\n");
	by_server();
	by_children();
	by_restart();
	by_waiting();
	make(&(struct way){
	    .run = greedy, .own = ALL, .budget = 9000, .pledge = SPAWN_BIT, .spectrum = CENO_SPECTRUM_GRAVITY });
	tried("its end", (int64_t)run(0, NULL), CENO_FIBER_EVENT_EXIT);
}
