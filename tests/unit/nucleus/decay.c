/* The law of decay in exact numbers, where the clock stands still until it is set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine.h"

#define SLOT_A 40u
#define SLOT_B 41u

static int64_t verb(uint64_t rax, uint64_t rdi, uint64_t rsi, uint64_t rdx, uint64_t r10, uint64_t r8)
{
	const uint64_t a[11] = { rax, rdi, rsi, rdx, r10, r8 };

	ceno_machine_verb(a);
	return (int64_t)ceno_machine.event[0].after.rax;
}

static int64_t copy(uint32_t from, uint32_t to)
{
	return verb(CENO_VERB_GRANT, CENO_SLOT_SELF, from, to, CENO_RIGHTS_ALL, 0);
}

static const struct ceno_cap *cap(uint32_t slot)
{
	return &ceno_cpu.fiber[0]->cspace[slot];
}

/* Forty steps, each weaker by an eighth and ending no later; the forty-first is refused. */
static void test_chain(void **state)
{
	uint32_t from = CENO_SLOT_RAM, to = SLOT_A, strength = CENO_STRENGTH_FULL;
	uint64_t until = UINT64_MAX;

	(void)state;
	assert_int_equal(ceno_machine_reset(NULL), 0);
	ceno_machine_clock(1000);
	for (uint32_t depth = 1; depth <= CENO_DEPTH_MAX; depth++) {
		assert_int_equal(copy(from, to), 0);
		strength -= strength >> 3;
		assert_int_equal(cap(to)->depth, depth);
		assert_int_equal(cap(to)->strength, strength);
		assert_int_equal(cap(to)->born, 1000);
		assert_true(cap(to)->until < until && cap(to)->until > 1000);
		until = cap(to)->until;
		if (from != CENO_SLOT_RAM)
			assert_int_equal(verb(CENO_VERB_MASK, from, 0, 0, 0, 0), 0);
		from = to;
		to = to == SLOT_A ? SLOT_B : SLOT_A;
	}
	assert_true(strength - (strength >> 3) >= CENO_STRENGTH_MIN); /* so it is the depth that refuses */
	assert_int_equal(copy(from, to), CENO_E_DEPTH);
	assert_int_equal(cap(to)->type, CENO_OBJECT_NULL);
}

/* A first copy, of strength 57344, is below 256 after eight halvings of 2^51 cycles. */
static void test_fade(void **state)
{
	const uint64_t born = 5000, step = 1ull << (CENO_FADE_SHIFT - 1);

	(void)state;
	assert_int_equal(ceno_machine_reset(NULL), 0);
	ceno_machine_clock(born);
	assert_int_equal(copy(CENO_SLOT_RAM, SLOT_A), 0);
	assert_int_equal(cap(SLOT_A)->strength, 57344);
	assert_int_equal(cap(SLOT_A)->until, born + 8 * step);
	ceno_machine_clock(born + 8 * step - 1);
	assert_int_equal(copy(SLOT_A, SLOT_B), 0); /* 448 is left, and 392 of it */
	assert_int_equal(cap(SLOT_B)->strength, 392);
	assert_int_equal(verb(CENO_VERB_MASK, SLOT_B, 0, 0, 0, 0), 0);
	ceno_machine_clock(born + 8 * step);
	assert_int_equal(copy(SLOT_A, SLOT_B), CENO_E_EXPIRED);
}

/* Until it fades, a copy's copy is of what is left. */
static void test_copy_of_faded(void **state)
{
	const uint64_t step = 1ull << (CENO_FADE_SHIFT - 1);

	(void)state;
	assert_int_equal(ceno_machine_reset(NULL), 0);
	assert_int_equal(copy(CENO_SLOT_RAM, SLOT_A), 0);
	ceno_machine_clock(3 * step);
	assert_int_equal(copy(SLOT_A, SLOT_B), 0);
	assert_int_equal(cap(SLOT_B)->strength, (57344 >> 3) - (57344 >> 3 >> 3));
	assert_int_equal(cap(SLOT_B)->born, 3 * step);
	assert_int_equal(cap(SLOT_B)->until, 3 * step + 5 * (step / 2));
}

/* The expiry that a source had goes along; one it gets later does not. */
static void test_expiry(void **state)
{
	(void)state;
	assert_int_equal(ceno_machine_reset(NULL), 0);
	assert_int_equal(copy(CENO_SLOT_RAM, SLOT_A), 0);
	assert_int_equal(verb(CENO_VERB_MASK, SLOT_A, CENO_RIGHTS_ALL, 0, 0, 7000), 0);
	assert_int_equal(copy(SLOT_A, SLOT_B), 0);
	assert_int_equal(cap(SLOT_B)->until, 7000);
	assert_int_equal(verb(CENO_VERB_MASK, SLOT_A, CENO_RIGHTS_ALL, 0, 0, 6000), 0);
	assert_int_equal(verb(CENO_VERB_MASK, SLOT_A, CENO_RIGHTS_ALL, 0, 0, 9000), 0);
	assert_int_equal(cap(SLOT_A)->until, 6000);
	assert_int_equal(cap(SLOT_B)->until, 7000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_fade),
		cmocka_unit_test(test_copy_of_faded),
		cmocka_unit_test(test_expiry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
