/*
 * A test in init's place: what REVOKE costs, by holders, by size and by spaces, and what
 * the largest regions cost at all. It marks each revocation with a call that is no verb,
 * before and after, so that tests/guest/revoke-counts finds its ring-0 instructions.
 *
 * Holders wait in channels, 31 a channel, those in channels again: a tree in which each
 * level is filled from the one below. The machine's size says how many: 1,000 below
 * 128 MiB, 10,000 below 512 MiB, else 100,000.
 * It ends the session with STOP_GOOD, or with STOP_BAD + the line of a failed check.
 */
#include "stop.h"

#define LEVELS     4u
#define A_CHANNEL  31u
#define SPACES_MAX 8u
#define REGION_GVA 0x400000000ull
#define MIB        (1ull << 20)

enum {
	SLOT_REGION = CENO_SLOT_FIRST_FREE,
	SLOT_COPY,
	SLOT_LEVEL,
	SLOT_SPACE = SLOT_LEVEL + LEVELS,
};

static const uint32_t R = CENO_RIGHT_READ, W = CENO_RIGHT_WRITE, G = CENO_RIGHT_GRANT, ALL = CENO_RIGHTS_ALL,
		      SELF = CENO_SLOT_SELF, RAM = CENO_SLOT_RAM;

static uint32_t filled[LEVELS];

static void mark(void)
{
	CHECK(ceno_verb(99, 0, 0, 0, 0, 0, 0, NULL) == CENO_E_VERB);
}

static void move(uint32_t channel, uint32_t slot)
{
	CHECK(ceno_send(channel, slot, &(struct ceno_message){ { 0 } }) == 0);
}

/* Moves the capability in SLOT_COPY into the tree. */
static void keep(void)
{
	move(SLOT_LEVEL, SLOT_COPY);
	for (uint32_t level = 0; ++filled[level] == A_CHANNEL; level++) {
		CHECK(level + 1 < LEVELS);
		move(SLOT_LEVEL + level + 1, SLOT_LEVEL + level);
		CHECK(ceno_spawn_channel(SLOT_LEVEL + level) == 0);
		filled[level] = 0;
	}
}

static void copy(void)
{
	CHECK(ceno_grant(SELF, SLOT_REGION, SLOT_COPY, R | G) == 0);
}

static void check_stale(void)
{
	CHECK(ceno_map(SELF, SLOT_COPY, REGION_GVA, 0, CENO_PAGE, R) == CENO_E_STALE);
	CHECK(ceno_grant(SELF, SLOT_COPY, SLOT_SPACE, R) == CENO_E_STALE);
	close_slot(SLOT_COPY);
}

/* The region's maker, holders - 2 in channels, and one in a slot. */
static void count_holders(uint32_t holders)
{
	struct ceno_message m;
	int came = 0;

	CHECK(ceno_spawn_region(SLOT_REGION, RAM, R | W, 0, CENO_PAGE) == 0);
	for (uint32_t n = 2; n < holders; n++) {
		copy();
		keep();
	}
	if (holders > 1)
		copy();
	mark();
	CHECK(ceno_revoke(SLOT_REGION, ALL) == 0);
	mark();
	if (holders > 1)
		check_stale();
	if (holders > 2 && filled[0]) { /* nor is what waited in a ring good for anything */
		for (uint32_t n = 0; n < filled[0]; n++) {
			CHECK(ceno_recv(SLOT_LEVEL, SLOT_COPY, &m, &came) == 0);
			CHECK(came);
			check_stale();
		}
		filled[0] = 0;
	}
	close_slot(SLOT_REGION);
}

static void count_spaces(uint64_t pages, uint32_t spaces)
{
	CHECK(ceno_spawn_region(SLOT_REGION, RAM, R | W, 0, pages * CENO_PAGE) == 0);
	for (uint32_t i = 0; i < spaces; i++) {
		CHECK(ceno_spawn_process(SLOT_SPACE + i, 16) == 0);
		CHECK(ceno_map(SLOT_SPACE + i, SLOT_REGION, REGION_GVA, 0, pages * CENO_PAGE, R | W) == 0);
	}
	mark();
	CHECK(ceno_revoke(SLOT_REGION, ALL) == 0);
	mark();
	for (uint32_t i = 0; i < spaces; i++) {
		CHECK(ceno_map(SLOT_SPACE + i, SLOT_REGION, 2 * REGION_GVA, 0, pages * CENO_PAGE, R) == CENO_E_STATE);
		close_slot(SLOT_SPACE + i);
	}
	close_slot(SLOT_REGION);
}

/* The largest there is: made in one go, revoked 2 MiB a call. */
static void count_largest(uint32_t rights)
{
	mark();
	CHECK(ceno_spawn_region(SLOT_REGION, RAM, rights, 0, CENO_REGION_BYTES_MAX) == 0);
	mark();
	CHECK(ceno_grant(SELF, SLOT_REGION, SLOT_COPY, R | G) == 0);
	CHECK(ceno_map(SELF, SLOT_REGION, REGION_GVA, 0, CENO_REGION_BYTES_MAX, rights) == 0);
	for (uint64_t left = CENO_REGION_BYTES_MAX; left; left -= CENO_LARGE_PAGE) {
		mark();
		CHECK(ceno_revoke(SLOT_REGION, ALL) == (left > CENO_LARGE_PAGE ? CENO_E_AGAIN : 0));
		mark();
		CHECK(ceno_map(SELF, SLOT_COPY, 2 * REGION_GVA, 0, CENO_REGION_BYTES_MAX, R) == CENO_E_STALE);
		CHECK(ceno_map(SELF, SLOT_REGION, 2 * REGION_GVA, 0, CENO_REGION_BYTES_MAX, R) == CENO_E_STATE);
	}
	for (uint64_t at = 0; at < CENO_REGION_BYTES_MAX; at += CENO_LARGE_PAGE)
		CHECK(ceno_map(SELF, -1, REGION_GVA + at, 0, CENO_LARGE_PAGE, 0) == 0);
	close_slot(SLOT_COPY);
	close_slot(SLOT_REGION);
}

void ceno_service_main(void)
{
	static const uint64_t pages[] = { 1, 16, 512 };
	uint64_t ram = ((const struct ceno_boot *)CENO_GVA_BOOT_PAGE)->ram_bytes;
	uint32_t most = ram < 128 * MIB ? 1000 : ram < 512 * MIB ? 10000 : 100000;

	for (uint32_t i = 0; i < LEVELS; i++)
		CHECK(ceno_spawn_channel(SLOT_LEVEL + i) == 0);
	for (uint32_t holders = 1; holders <= most; holders *= 10)
		count_holders(holders);
	for (uint32_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		count_spaces(pages[i], 1);
		count_spaces(pages[i], SPACES_MAX);
	}
	count_largest(R | W);
	count_largest(R | CENO_RIGHT_EXECUTE);
	stop(STOP_GOOD);
}
