/*
 * Prepared spaces (boot.h): init's SPAWN takes each once, for its fiber; what they map is
 * counted from boot on, and what they are made of goes back to the pool like any tables.
 * tests/unit/layout looks at what is in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine.h"
#include "nucleus/frames.h"
#include "nucleus/paging.h"

#define SELF       CENO_SLOT_SELF
#define SLOT_FIRST 40u
#define PAGES      20u
#define PLAIN      (CENO_SPAWN_FIBER | (uint64_t)CENO_SPECTRUM_MATTER << 16)
#define STDIO      (1u << CENO_PLEDGE_STDIO)
#define PREPARED   (PLAIN | CENO_SPAWN_PREPARED | STDIO << 8)
#define WINDOW     (CENO_SLOT_WINDOW + CENO_PLEDGE_STDIO)
#define LARGE      2u

static struct ceno_machine_mapping mapping[8];

static int64_t verb(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	const uint64_t args[11] = { number, a, b, c, d, CENO_GVA_SERVICE, CENO_GVA_SERVICE_STACK };

	ceno_machine_verb(args);
	return (int64_t)ceno_machine.event[0].after.rax;
}

static int64_t spawn(uint64_t kind, uint64_t slot)
{
	return verb(CENO_VERB_SPAWN, SELF, kind, slot, PAGES);
}

static struct ceno_machine_config config_of(uint32_t prepared)
{
	struct ceno_machine_config config = ceno_machine_default;

	config.pledge_mask |= 1u << CENO_PLEDGE_SPAWN;
	config.prepared = prepared;
	if (prepared) {
		config.prepared_large = LARGE;
		config.prepared_windows = STDIO;
	}
	return config;
}

static void begin(uint32_t prepared)
{
	const struct ceno_machine_config config = config_of(prepared);

	assert_int_equal(ceno_machine_reset(&config), 0);
	assert_int_equal(ceno_machine.state, CENO_MACHINE_RUNNING);
}

static int64_t again(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	int64_t rc;

	do
		rc = verb(number, a, b, c, d);
	while (rc == CENO_E_AGAIN);
	return rc;
}

/* Writable 2 MiB entries that are counted for the first of RAM. */
static uint32_t counted(void)
{
	return ceno_frames_granule(ceno_cpu.handoff->user_gpa)->writable_large;
}

/* What a fiber's space maps besides the entry page. */
static int mappings(uint32_t fiber)
{
	static uint8_t seen[CENO_MACHINE_POOL_MAX];

	for (uint32_t i = 0; i < CENO_MACHINE_POOL_MAX; i++)
		seen[i] = 0;
	return ceno_machine_walk(ceno_cpu.fiber[fiber]->space.cr3, mapping, 8, seen) - 1;
}

static void test_none(void **state)
{
	(void)state;
	begin(0);
	assert_int_equal(spawn(PREPARED, SLOT_FIRST), CENO_E_STATE);
	assert_null(ceno_cpu.fiber[1]);
	assert_int_equal(spawn(PLAIN, SLOT_FIRST), 1);
	assert_int_equal(mappings(1), 0);
}

static void test_once(void **state)
{
	(void)state;
	begin(1);
	assert_int_equal(spawn(PREPARED, SLOT_FIRST), 1);
	assert_int_equal(ceno_cpu.fiber[1]->space.cr3, ceno_cpu.handoff->prepared[0].cr3);
	assert_int_equal(ceno_cpu.fiber[1]->space.quota, PAGES - 2);
	assert_int_equal(mappings(1), 4); /* window and doorbell, trap page, RAM */
	for (uint32_t i = 0; i < CENO_CSPACE_SLOTS; i++)
		assert_int_equal(ceno_cpu.fiber[1]->cspace[i].type, CENO_OBJECT_NULL);
	assert_int_equal(spawn(PREPARED, SLOT_FIRST + 1), CENO_E_STATE);
	assert_int_equal(spawn(PLAIN, SLOT_FIRST + 1), 2);
	assert_int_equal(mappings(2), 0);
}

/* The second is fiber 2's, whether the first is taken or not. */
static void test_second(void **state)
{
	(void)state;
	for (uint32_t first = 0; first < 2; first++) {
		begin(2);
		assert_int_equal(spawn((first ? PREPARED : PLAIN) | CENO_SPAWN_FPU, SLOT_FIRST), 1);
		assert_int_equal(spawn(PREPARED, SLOT_FIRST + 1), 2);
		assert_int_equal(ceno_cpu.fiber[2]->space.cr3, ceno_cpu.handoff->prepared[1].cr3);
		assert_int_equal(mappings(2), 1);
		assert_int_equal(spawn(PREPARED, SLOT_FIRST + 2), CENO_E_STATE);
		assert_int_equal(spawn(PLAIN, SLOT_FIRST + 2), 3);
	}
}

/* What is in the second is not for the first fiber, though it may make fibers. */
static void test_init_only(void **state)
{
	const uint64_t kind = PREPARED | 1u << CENO_PLEDGE_SPAWN << 8 | 1000ull << 32;

	(void)state;
	begin(2);
	assert_int_equal(verb(CENO_VERB_SPAWN, SELF, kind, SLOT_FIRST, 40), 1);
	assert_int_equal(verb(CENO_VERB_GRANT, SLOT_FIRST, SLOT_FIRST, SELF, CENO_RIGHT_MAP | CENO_RIGHT_SPAWN), 0);
	assert_int_equal(verb(CENO_VERB_SEND, SLOT_FIRST, ~0ull, 0, 0), 0);
	assert_int_equal(ceno_machine_switch(1), 1);
	assert_int_equal(spawn(PREPARED, SLOT_FIRST), CENO_E_STATE);
	assert_null(ceno_cpu.fiber[2]);
	assert_int_equal(spawn(PLAIN, SLOT_FIRST), 2);
}

/* A window is nowhere without its pledge. */
static void test_pledge(void **state)
{
	(void)state;
	begin(1);
	assert_int_equal(spawn(PREPARED & ~(uint64_t)(STDIO << 8), SLOT_FIRST), CENO_E_PLEDGE);
	assert_null(ceno_cpu.fiber[1]);
	assert_int_equal(spawn(PREPARED, SLOT_FIRST), 1);
}

static int64_t map_code(void)
{
	const uint64_t args[11] = {
		CENO_VERB_MAP, SELF, CENO_SLOT_RAM, 0x40000000, 0, CENO_PAGE, CENO_RIGHT_READ | CENO_RIGHT_EXECUTE
	};

	ceno_machine_verb(args);
	return (int64_t)ceno_machine.event[0].after.rax;
}

/* From boot to the fiber's end, taken or not, RAM that is mapped there is no code. */
static void test_counts(void **state)
{
	(void)state;
	begin(1);
	assert_int_equal(counted(), 1);
	assert_int_equal(map_code(), CENO_E_WX);
	assert_int_equal(ceno_cpu.region[CENO_PLEDGE_STDIO]->maps, 1);
	assert_int_equal(ceno_cpu.region[CENO_PLEDGE_NET]->maps, 0);
	assert_int_equal(spawn(PREPARED, SLOT_FIRST), 1);
	assert_int_equal(counted(), 1);
	assert_int_equal(map_code(), CENO_E_WX);
	assert_int_equal(again(CENO_VERB_MASK, SLOT_FIRST, 0, 0, 0), 0);
	assert_int_equal(counted(), 0);
	assert_int_equal(ceno_cpu.region[CENO_PLEDGE_STDIO]->maps, 0);
	assert_int_equal(map_code(), 0);
}

/* Revoked before the space is taken, the window is not in it. */
static void test_revoked(void **state)
{
	(void)state;
	begin(1);
	assert_int_equal(again(CENO_VERB_MASK, WINDOW, CENO_MASK_REVOKE, 0, 0), 0);
	assert_int_equal(again(CENO_VERB_MASK, WINDOW, 0, 0, 0), 0);
	assert_non_null(ceno_cpu.region[CENO_PLEDGE_STDIO]); /* the space points at its table */
	assert_int_equal(spawn(PREPARED, SLOT_FIRST), 1);
	assert_int_equal(mappings(1), 2);
	assert_int_equal(again(CENO_VERB_MASK, SLOT_FIRST, 0, 0, 0), 0);
	assert_null(ceno_cpu.region[CENO_PLEDGE_STDIO]);
}

/* Dropped with its pledge, it is taken out like any other. */
static void test_dropped(void **state)
{
	const uint64_t drop[11] = { CENO_VERB_MASK, SLOT_FIRST, CENO_RIGHTS_ALL | CENO_MASK_PLEDGE, 0, 0, 0, 0 };

	(void)state;
	begin(1);
	assert_int_equal(spawn(PREPARED, SLOT_FIRST), 1);
	ceno_machine_verb(drop);
	assert_int_equal(ceno_machine.event[0].after.rax, 0);
	assert_int_equal(ceno_cpu.region[CENO_PLEDGE_STDIO]->maps, 0);
	assert_int_equal(mappings(1), 2);
}

/* A handoff that says more than there is. */
static void test_lies(void **state)
{
	struct ceno_machine_config config = config_of(1);

	(void)state;
	config.prepared_large = LARGE + 1;
	assert_int_equal(ceno_machine_reset(&config), 0);
	assert_int_equal(ceno_machine.state, CENO_MACHINE_STOPPED);
	assert_int_equal(ceno_machine.stop, CENO_STOP_HANDOFF);
	config = config_of(1);
	config.prepared_windows |= 1u << CENO_PLEDGE_GPU;
	assert_int_equal(ceno_machine_reset(&config), 0);
	assert_int_equal(ceno_machine.state, CENO_MACHINE_STOPPED);
	assert_int_equal(ceno_machine.stop, CENO_STOP_HANDOFF);
}

/* Its trap page is fiber 1's. */
static void test_first_only(void **state)
{
	(void)state;
	begin(1);
	assert_int_equal(spawn(PLAIN, SLOT_FIRST), 1);
	assert_int_equal(spawn(PREPARED, SLOT_FIRST + 1), CENO_E_STATE);
	assert_null(ceno_cpu.fiber[2]);
}

static void test_end(void **state)
{
	const struct ceno_fiber *init;
	uint64_t quota;

	(void)state;
	begin(1);
	init = ceno_cpu.current;
	quota = init->space.quota;
	assert_int_equal(spawn(PREPARED, SLOT_FIRST), 1);
	assert_int_equal(again(CENO_VERB_SPAWN, SELF, CENO_SPAWN_RESTART, SLOT_FIRST, 0), 0);
	assert_int_equal(mappings(1), 0); /* restarted it is like any other */
	assert_int_equal(again(CENO_VERB_MASK, SLOT_FIRST, 0, 0, 0), 0);
	assert_int_equal(init->space.quota, quota + ceno_cpu.handoff->prepared[0].pages);
	assert_int_equal(spawn(PREPARED, SLOT_FIRST), CENO_E_STATE); /* the index is free again, the space is gone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),   cmocka_unit_test(test_once),      cmocka_unit_test(test_first_only),
		cmocka_unit_test(test_second), cmocka_unit_test(test_init_only), cmocka_unit_test(test_pledge),
		cmocka_unit_test(test_counts), cmocka_unit_test(test_revoked),   cmocka_unit_test(test_dropped),
		cmocka_unit_test(test_lies),   cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
