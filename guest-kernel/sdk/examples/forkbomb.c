/*
 * What a fork bomb meets. A fiber with 2000 J a refill does nothing but SPAWN, at 500 J
 * each; this program hears of each one from the nucleus, counts, and prints.
 *
 *     ceno run --native --pledge stdio,spawn -- forkbomb          watch one
 *     ceno run --native --pledge stdio,spawn -- forkbomb itself   be one
 *
 * It overloads nobody: it freezes until its next refill, eight freezes in a row are a
 * strike, the second strike makes it slower (GRAVITY: a refill in 100 ms), the third
 * kills it.
 */
#include "sdk/native.h"

#define SLOT_EVENTS (SLOT_NATIVE_FREE + 0)
#define SLOT_BOMB   (SLOT_NATIVE_FREE + 1)
#define SPAWN_PRICE 500u
#define CHILD_POOL  8u /* pages; it never runs */

CENO_NATIVE(0, 2 * CENO_JOULES_DEFAULT, CENO_SPECTRUM_MATTER, 0); /* half of it is for the bomb */

static void fail(const char *what, int64_t error)
{
	ceno_print("forkbomb: %s: error %ld\n", what, (long)error);
	ceno_exit(1);
}

/* Every verb is paid whatever comes of it: when slots or fibers run out, it costs the same. */
static void bomb(uint64_t unused)
{
	uint32_t slot = SLOT_NATIVE_FREE;

	(void)unused;
	for (;;) {
		ceno_spawn_fiber(&(struct ceno_fiber_spawn){
		    .slot = slot, .spectrum = CENO_SPECTRUM_VOID, .pool_pages = CHILD_POOL, .rip = CENO_GVA_SERVICE });
		slot = slot < CENO_CSPACE_SLOTS - 1 ? slot + 1 : SLOT_NATIVE_FREE;
	}
}

static void make_bomb(void)
{
	int64_t rc = ceno_spawn_channel(SLOT_EVENTS);

	if (rc >= 0)
		rc = ceno_fiber_make(&(struct ceno_native_fiber){ .slot = SLOT_BOMB,
		                                                  .pledge = 1u << CENO_PLEDGE_SPAWN,
		                                                  .spectrum = CENO_SPECTRUM_MATTER,
		                                                  .events_slot = SLOT_EVENTS,
		                                                  .budget = CENO_JOULES_DEFAULT,
		                                                  .pool_pages = 300,
		                                                  .self_rights = CENO_RIGHT_SPAWN,
		                                                  .run = bomb });
	if (rc >= 0)
		rc = ceno_fiber_go(SLOT_BOMB);
	if (rc < 0)
		fail("cannot make the bomb (is --pledge stdio,spawn given?)", rc);
}

struct count {
	uint64_t spawns;   /* SPAWNs that made a fiber */
	uint64_t times[8]; /* TSC of the last eight */
	uint64_t start;    /* of the first */
	uint64_t least;    /* cycles between one and the eighth after it, the least seen */
};

static uint64_t ms_of(uint64_t cycles)
{
	return cycles / ceno_ns_to_tsc(1000000);
}

/* Four are of one refill, so of one and the eighth after it one whole period lies between. */
static void spawned(struct count *c, const struct ceno_fiber_event *e)
{
	uint64_t *before = &c->times[c->spawns % 8];

	if (c->spawns == 0)
		c->start = e->tsc;
	if (c->spawns >= 8 && e->tsc - *before < c->least)
		c->least = e->tsc - *before;
	*before = e->tsc;
	c->spawns++;
	if (c->spawns % 4 == 0)
		ceno_print("%lu J: %lu fibers, after %lu ms\n", e->spent, c->spawns, ms_of(e->tsc - c->start));
}

static void struck(const struct ceno_fiber_event *e)
{
	uint64_t strikes = e->strikes & 255;

	ceno_print("strike %lu after %lu J in %lu refills: %lu SPAWNs paid; %s\n", strikes, e->spent,
	           e->spent / CENO_JOULES_DEFAULT, e->spent / SPAWN_PRICE,
	           e->what & CENO_FIBER_EVENT_KILLED ? "killed"
	               : strikes == 2                ? "slowed to a refill in 100 ms"
	                                             : "warned");
}

int main(int argc, char **argv)
{
	struct count count = { .least = UINT64_MAX };
	union {
		struct ceno_message message;
		struct ceno_fiber_event event;
	} got;
	int64_t rc;

	(void)argv;
	if (argc > 1)
		bomb(0);
	make_bomb();
	do {
		rc = ceno_recv(SLOT_EVENTS, -1, &got.message, NULL);
		if (rc != 1)
			fail("RECV", rc);
		if (got.event.what & CENO_FIBER_EVENT_FAULT)
			fail("the bomb faulted, vector", (int64_t)got.event.a);
		if (got.event.what & CENO_FIBER_EVENT_SPAWN)
			spawned(&count, &got.event);
		if (got.event.what & CENO_FIBER_EVENT_STRIKE)
			struck(&got.event);
	} while (!(got.event.what & CENO_FIBER_EVENT_KILLED));
	ceno_print("%lu fibers were made: 4 a refill, of which eight in a row took at least %lu ms\n", count.spawns,
	           ms_of(count.least));
	return count.least < ceno_ns_to_tsc(16000000);
}
