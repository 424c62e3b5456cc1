/*
 * The prepared space (boot.h): SPAWN takes it once, for fiber 1, and what it is made of
 * goes back to the pool like any tables. tests/unit/layout looks at what is in it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine.h"
#include "nucleus/paging.h"

#define SELF       CENO_SLOT_SELF
#define SLOT_FIRST 40u
#define PAGES      20u
#define PLAIN      (CENO_SPAWN_FIBER | (uint64_t)CENO_SPECTRUM_MATTER << 16)
#define PREPARED   (PLAIN | CENO_SPAWN_PREPARED)

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

static void begin(uint32_t prepared)
{
	struct ceno_machine_config config = ceno_machine_default;

	config.pledge_mask |= 1u << CENO_PLEDGE_SPAWN;
	config.prepared = prepared;
	assert_int_equal(ceno_machine_reset(&config), 0);
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
	assert_int_equal(ceno_cpu.fiber[1]->space.cr3, ceno_cpu.handoff->prepared_cr3);
	assert_int_equal(ceno_cpu.fiber[1]->space.quota, PAGES - 2);
	assert_int_equal(mappings(1), 1);
	for (uint32_t i = 0; i < CENO_CSPACE_SLOTS; i++)
		assert_int_equal(ceno_cpu.fiber[1]->cspace[i].type, CENO_OBJECT_NULL);
	assert_int_equal(spawn(PREPARED, SLOT_FIRST + 1), CENO_E_STATE);
	assert_int_equal(spawn(PLAIN, SLOT_FIRST + 1), 2);
	assert_int_equal(mappings(2), 0);
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
	int64_t rc;

	(void)state;
	begin(1);
	init = ceno_cpu.current;
	quota = init->space.quota;
	assert_int_equal(spawn(PREPARED, SLOT_FIRST), 1);
	do
		rc = verb(CENO_VERB_SPAWN, SELF, CENO_SPAWN_RESTART, SLOT_FIRST, 0);
	while (rc == CENO_E_AGAIN);
	assert_int_equal(rc, 0);
	assert_int_equal(mappings(1), 0); /* restarted it is like any other */
	do
		rc = verb(CENO_VERB_MASK, SLOT_FIRST, 0, 0, 0);
	while (rc == CENO_E_AGAIN);
	assert_int_equal(rc, 0);
	assert_int_equal(init->space.quota, quota + ceno_cpu.handoff->prepared_pages);
	assert_int_equal(spawn(PREPARED, SLOT_FIRST), CENO_E_STATE); /* the index is free again, the space is gone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_first_only),
		cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
