/*
 * What the nucleus does not give back, and how much of it there can be: objects that hold
 * the last capabilities to each other are never found (end.c). Their pages, and budgets,
 * are the maker's own for good, so nobody else loses more than he once gave to the maker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine.h"

#define SELF         CENO_SLOT_SELF
#define SLOT_MAKER   40u
#define SLOT_OTHER   41u
#define SLOT_A       42u
#define SLOT_B       43u
#define SLOT_COPY_A  44u
#define SLOT_COPY_B  45u
#define NONE         UINT64_MAX
#define ALL          CENO_RIGHTS_ALL
#define GIVEN_PAGES  60u
#define GIVEN_JOULES 1000000u
#define MAKER        1u

static int64_t verb(uint32_t fiber, uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	const uint64_t args[11] = { number, a, b, c, d, CENO_GVA_SERVICE, CENO_GVA_SERVICE_STACK };

	assert_true(ceno_machine_switch(fiber));
	ceno_machine_verb(args);
	return (int64_t)ceno_machine.event[0].after.rax;
}

static void must(int64_t rc)
{
	assert_true(rc >= 0);
}

/* A call that may have to go on. */
static void finish(uint32_t fiber, uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
	int64_t rc;

	do
		rc = verb(fiber, number, a, b, c, 0);
	while (rc == CENO_E_AGAIN);
	assert_int_equal(rc, 0);
}

static int64_t spawn_fiber(uint32_t by, uint64_t slot, uint64_t budget, uint64_t pages)
{
	return verb(by, CENO_VERB_SPAWN, SELF,
	            CENO_SPAWN_FIBER | 1u << CENO_PLEDGE_SPAWN << 8 | CENO_SPECTRUM_VOID << 16 | budget << 32, slot,
	            pages);
}

static void start_maker(void)
{
	must(verb(0, CENO_VERB_GRANT, SLOT_MAKER, SLOT_MAKER, SELF, ALL));
	must(verb(0, CENO_VERB_SEND, SLOT_MAKER, NONE, 0, 0));
}

static void begin(void)
{
	struct ceno_machine_config config = ceno_machine_default;

	config.pool_pages = 256;
	config.trap_pages = 16;
	config.pledge_mask |= 1u << CENO_PLEDGE_SPAWN;
	assert_int_equal(ceno_machine_reset(&config), 0);
	must(spawn_fiber(0, SLOT_MAKER, GIVEN_JOULES, GIVEN_PAGES));
	start_maker();
}

/* Two channels, each with the last capability of the other in its ring. 0: no page is left. */
static uint64_t lose_two_channels(void)
{
	if (verb(MAKER, CENO_VERB_SPAWN, SELF, CENO_SPAWN_CHANNEL, SLOT_A, 0))
		return 0;
	if (verb(MAKER, CENO_VERB_SPAWN, SELF, CENO_SPAWN_CHANNEL, SLOT_B, 0)) {
		finish(MAKER, CENO_VERB_MASK, SLOT_A, 0, 0);
		return 0;
	}
	must(verb(MAKER, CENO_VERB_GRANT, SELF, SLOT_A, SLOT_COPY_A, ALL));
	must(verb(MAKER, CENO_VERB_GRANT, SELF, SLOT_B, SLOT_COPY_B, ALL));
	must(verb(MAKER, CENO_VERB_SEND, SLOT_COPY_A, SLOT_B, 0, 0));
	must(verb(MAKER, CENO_VERB_SEND, SLOT_COPY_B, SLOT_A, 0, 0));
	finish(MAKER, CENO_VERB_MASK, SLOT_COPY_A, 0, 0);
	finish(MAKER, CENO_VERB_MASK, SLOT_COPY_B, 0, 0);
	return 2;
}

static uint64_t lose_all(void)
{
	uint64_t lost = 0, n;

	while ((n = lose_two_channels()))
		lost += n;
	return lost;
}

/* However often it is started again, all that the maker can lose is what it was given; the
 * rest comes back, and whoever gave it can go on with what is his. */
static void test_channels_in_a_circle(void **state)
{
	uint64_t before, lost = 0;

	(void)state;
	begin();
	before = ceno_cpu.fiber[0]->space.quota + GIVEN_PAGES;
	for (int life = 0; life < 5; life++) {
		lost += lose_all();
		finish(0, CENO_VERB_MASK, SLOT_MAKER, ALL | CENO_MASK_REVOKE, 0);
		finish(0, CENO_VERB_SPAWN, SELF, CENO_SPAWN_RESTART, SLOT_MAKER);
		start_maker();
	}
	assert_true(lost > GIVEN_PAGES / 2);
	assert_true(lost <= GIVEN_PAGES);
	finish(0, CENO_VERB_MASK, SLOT_MAKER, 0, 0);
	assert_int_equal(ceno_cpu.fiber[0]->space.quota, before - lost);
	must(spawn_fiber(0, SLOT_OTHER, 0, before - GIVEN_PAGES));
}

/* The same of a fiber whose last capability waits in a ring that only that fiber knows: its
 * index and budget are gone with it, out of its maker's. */
static void test_fiber_in_its_own_ring(void **state)
{
	uint64_t before;

	(void)state;
	begin();
	before = ceno_cpu.fiber[0]->space.quota + GIVEN_PAGES;
	must(verb(MAKER, CENO_VERB_SPAWN, SELF, CENO_SPAWN_CHANNEL, SLOT_A, 0));
	must(spawn_fiber(MAKER, SLOT_B, 1000, 7));
	must(verb(MAKER, CENO_VERB_GRANT, SLOT_B, SLOT_A, SLOT_A, ALL));
	must(verb(MAKER, CENO_VERB_SEND, SLOT_A, SLOT_B, 0, 0));
	finish(MAKER, CENO_VERB_MASK, SLOT_A, 0, 0);
	finish(0, CENO_VERB_MASK, SLOT_MAKER, 0, 0);
	assert_int_equal(ceno_cpu.fiber[0]->space.quota, before - 8);
	assert_int_equal(ceno_cpu.fiber[0]->budget, UINT32_MAX - 1000);
	assert_non_null(ceno_cpu.fiber[2]);
	must(spawn_fiber(0, SLOT_OTHER, UINT32_MAX - 1000, before - GIVEN_PAGES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_channels_in_a_circle),
		cmocka_unit_test(test_fiber_in_its_own_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
