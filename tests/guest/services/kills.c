/*
 * init's own modules.c, supervise.c and checkpoint.c under another main: it revokes
 * the one service after random times, so at any of its instructions, and holds each
 * restart to what it promises: the state is that of the last checkpoint, strikes,
 * spectrum and pledge are what they were, restarts are one more.
 *
 * After as many restarts as the manifest allows, the times are in the stdio window and the program's status
 * is 0; a broken promise is its line.
 */
#include "../../../guest-kernel/services/init/init.h"
#include "lib/blake3.h"
#include "lib/mem.h"
#include "report.h"
#include "victim.h"

#define SLOT_EVENTS CENO_SLOT_SUPERVISOR

static struct init init;
static uint64_t crash_tsc, ratchets, random_state;

static struct victim_notes *notes(void)
{
	return (struct victim_notes *)REPORT_NOTES;
}

static uint64_t random_below(uint64_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % limit;
}

/* Of the event that says the victim is dead: its ratchets have not moved. */
static void check_event(const struct ceno_fiber_event *e, const struct service *s)
{
	uint64_t now = e->strikes & 0xffffffff;

	CHECK(e->fiber == s->fiber);
	if (s->restarts == 0)
		ratchets = now;
	CHECK(now == ratchets);
	CHECK(e->strikes >> 32 == s->restarts);
}

static void check_state(const struct service *s)
{
	struct ceno_blake3 hash;
	uint8_t root[32];

	ceno_blake3_init(&hash);
	ceno_blake3_update(&hash, service_state(s), s->module->state_bytes);
	ceno_blake3_final(&hash, root, sizeof root);
	if (s->checkpoints)
		CHECK(ceno_mem_equal(root, s->root, sizeof root));
	else
		CHECK(ceno_mem_is_zero(service_state(s), s->module->state_bytes));
}

static void note_time(void)
{
	uint64_t took = notes()->started - crash_tsc, i = notes()->count++;

	CHECK(took < 1ull << 40);
	for (; i && notes()->restart[i - 1] > took; i--)
		notes()->restart[i] = notes()->restart[i - 1];
	notes()->restart[i] = took;
}

static void restart(struct service *s, const struct ceno_fiber_event *e)
{
	check_event(e, s);
	crash_tsc = e->tsc;
	s->restarts++;
	service_remake(&init, s);
	check_state(s);
	service_run(s);
}

/* Everything that waits; true: the victim was restarted. */
static bool drain(struct service *s)
{
	struct ceno_fiber_event event;
	bool restarted = false;

	while (supervise_receive(&init, &event, false)) {
		if (!(event.what & (CENO_FIBER_EVENT_FAULT | CENO_FIBER_EVENT_EXIT)))
			continue;
		restart(s, &event);
		restarted = true;
	}
	return restarted;
}

static void kill(struct service *s)
{
	must(ceno_revoke(SLOT_FIBER + s->number, CENO_RIGHTS_ALL));
	notes()->kills++;
}

void ceno_service_main(void)
{
	struct service *s = &init.service[0];
	uint64_t lives = 0, now;

	must(report_open());
	init_find(&init);
	must(ceno_spawn_channel(SLOT_EVENTS));
	service_start(&init, s);
	must(ceno_tick(0, 0, &now));
	random_state = now | 1;
	while (s->restarts < s->module->restarts_max) {
		must(ceno_tick(0, 0, &now));
		must(ceno_tick(now + 1000 + random_below(boot_page()->tsc_hz / 2000), 0, NULL));
		if (drain(s))
			continue; /* it fell by itself */
		if (notes()->lives == lives)
			continue; /* it has not run yet */
		if (lives)
			note_time();
		lives = notes()->lives;
		kill(s);
		drain(s);
	}
	notes()->checkpoints = s->checkpoints;
	finish(notes()->lives > s->restarts / 2 ? 0 : 1);
}
