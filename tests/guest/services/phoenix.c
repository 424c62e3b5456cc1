/*
 * A service that crashes at marked points, each in its own way, and checks in its
 * next life that it has exactly the state of its last checkpoint, the capabilities of
 * its manifest, and nothing else of its life before.
 *
 * What it should find is noted in the stdio window, which outlives it.
 */
#include "abi/trail.h"
#include "lib/blake3.h"
#include "lib/mem.h"
#include "report.h"
#include "sdk/supervised.h"

#define STATE_BYTES 8192u
#define SLOT_EXTRA  (CENO_SLOT_FIRST_FREE + 3)
#define SCRATCH_GVA 0x30000000ull
#define ROUNDS      2u
#ifndef FORGES_FINISH
#define FORGES_FINISH 0 /* 1: it is not prov, and tells init that it had sealed the trail */
#endif

struct state {
	uint64_t step;
	uint8_t fill[STATE_BYTES - 8];
};

struct notes {
	uint64_t lives;
	uint64_t checkpoints;
	uint8_t root[32]; /* of the state at the last checkpoint; valid if there was one */
};

static uint8_t dirt[3 * CENO_PAGE];

static struct state *state(void)
{
	return (struct state *)CENO_GVA_STATE;
}

static struct notes *notes(void)
{
	return (struct notes *)REPORT_NOTES;
}

static void root_of(uint8_t root[32])
{
	struct ceno_blake3 hash;

	ceno_blake3_init(&hash);
	ceno_blake3_update(&hash, state(), STATE_BYTES);
	ceno_blake3_final(&hash, root, 32);
}

static void step(void)
{
	state()->step++;
	for (uint32_t i = 0; i < sizeof state()->fill; i++)
		state()->fill[i] = (uint8_t)(state()->step * 31 + i);
}

static void note_checkpoint(void)
{
	notes()->checkpoints++;
	root_of(notes()->root);
}

static void checkpoint(void)
{
	struct ceno_supervisor_answer answer;

	note_checkpoint();
	CHECK(ceno_checkpoint(&answer) == 0);
	CHECK(ceno_mem_equal(answer.root, notes()->root, 32));
	CHECK(answer.count == notes()->checkpoints);
	CHECK(answer.restarts == notes()->lives - 1);
}

static struct ceno_message request(uint64_t what, uint64_t odd)
{
	return (struct ceno_message){ { what, odd } };
}

static void send(const struct ceno_message *m, int64_t cap)
{
	int64_t rc;

	while ((rc = ceno_send(CENO_SLOT_SUPERVISOR, cap, m)) == CENO_E_FULL)
		ceno_tick(1, 0, NULL);
	CHECK(rc == 0);
}

/* What init gave it is not for passing on. */
static void check_rights(void)
{
	const struct ceno_message m = request(0, 0);

	CHECK(ceno_spawn_channel(SLOT_EXTRA) == 0);
	CHECK(ceno_send(SLOT_EXTRA, CENO_SLOT_CLOCK, &m) == CENO_E_RIGHTS);
	CHECK(ceno_send(SLOT_EXTRA, REPORT_STDIO, &m) == CENO_E_RIGHTS);
	CHECK(ceno_mask(SLOT_EXTRA, 0, 0, 0, 0) == 0);
}

/* Only what the manifest says: self, clock, window, supervisor, and the reply channel. */
static void check_slots(void)
{
	const uint64_t mine =
	    1ull << CENO_SLOT_SELF | 1ull << CENO_SLOT_CLOCK | 1ull << REPORT_STDIO | 1ull << CENO_SLOT_SUPERVISOR;

	for (uint32_t slot = 0; slot < CENO_CSPACE_SLOTS; slot++)
		if (slot != CENO_SLOT_REPLY) /* only for those that may be restarted */
			CHECK((ceno_mask(slot, CENO_RIGHTS_ALL, 0, 0, 0) == CENO_E_SLOT) == !(mine >> slot & 1));
}

static void check_new(void)
{
	uint8_t root[32];

	check_slots();
	check_rights();
	CHECK(ceno_mem_is_zero(dirt, sizeof dirt));
	root_of(root);
	if (notes()->checkpoints)
		CHECK(ceno_mem_equal(root, notes()->root, 32));
	else
		CHECK(ceno_mem_is_zero(state(), STATE_BYTES));
}

static _Noreturn void crash(void)
{
	__builtin_trap();
}

static _Noreturn void crash_by_store(void)
{
	*(volatile uint64_t *)SCRATCH_GVA = 1;
	finish(250);
}

static _Noreturn void crash_by_jump(void)
{
	((void (*)(void))CENO_GVA_STATE)(); /* not executable */
	finish(251);
}

/* Crashed in the middle of everything: nothing of it may be left. */
static void make_a_mess(void)
{
	for (uint32_t i = 0; i < sizeof dirt; i++)
		dirt[i] = 0xa5;
	CHECK(ceno_spawn_channel(SLOT_EXTRA) == 0);
	CHECK(ceno_grant(SLOT_EXTRA, CENO_SLOT_CLOCK, SLOT_EXTRA + 1, CENO_RIGHT_READ) == CENO_E_TYPE);
	CHECK(ceno_mask(CENO_SLOT_CLOCK, 0, 0, 0, 0) == 0);
	CHECK(ceno_mask(REPORT_STDIO, CENO_RIGHT_READ, 0, 0, 0) == 0);
}

static _Noreturn void crash_at(uint64_t point)
{
	struct ceno_message plain = request(CENO_SUPERVISOR_CHECKPOINT, 0);
	struct ceno_message odd = request(CENO_SUPERVISOR_CHECKPOINT, 1);
	struct ceno_message forged = request(CENO_PROV_FINISH, 0);

	step();
	if (FORGES_FINISH)
		send(&forged, -1);
	switch (point) {
	case 0: /* before its checkpoint */
		crash();
	case 1: /* after it */
		checkpoint();
		crash_by_store();
	case 2: /* after it, in another state */
		checkpoint();
		step();
		crash_by_jump();
	case 3:
		make_a_mess();
		crash();
	case 4: /* between the request and its answer */
		note_checkpoint();
		send(&plain, -1);
		crash();
	case 5: /* init takes no capability, and is not held up by one */
		CHECK(ceno_spawn_channel(SLOT_EXTRA) == 0);
		send(&odd, SLOT_EXTRA);
		checkpoint();
		crash();
	case 6: /* more answers than the reply channel holds, all for nobody */
		for (uint32_t i = 0; i < 80; i++, notes()->checkpoints++)
			send(&plain, -1);
		root_of(notes()->root);
		crash();
	default: /* requests that are none are not answered */
		for (uint64_t what = 0; what < 40; what++)
			send(&(struct ceno_message){ { what, what, what } }, -1);
		send(&odd, -1);
		checkpoint();
		crash();
	}
}

void ceno_service_main(void)
{
	CHECK(report_open() == 0);
	notes()->lives++;
	check_new();
	if (notes()->lives == 8 * ROUNDS + 1)
		finish(0);
	crash_at((notes()->lives - 1) % 8);
}
