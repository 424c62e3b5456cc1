/*
 * guest-kernel/lib/mem.c against libc, over lengths, alignments and overlaps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "lib/mem.h"

#define SPAN 96

static void fill(uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)(i * 7 + 3);
}

static void test_copy(void **state)
{
	uint8_t from[SPAN], ours[SPAN], theirs[SPAN];

	(void)state;
	fill(from, SPAN);
	for (size_t at = 0; at < 9; at++) {
		for (size_t n = 0; n + at <= SPAN; n++) {
			memset(ours, 0xee, SPAN);
			memset(theirs, 0xee, SPAN);
			assert_ptr_equal(ceno_guest_memcpy(ours + at, from + (at * 5) % 9 % (SPAN - n + 1 - at), n),
			                 ours + at);
			memcpy(theirs + at, from + (at * 5) % 9 % (SPAN - n + 1 - at), n);
			assert_memory_equal(ours, theirs, SPAN);
		}
	}
}

static void test_move(void **state)
{
	uint8_t ours[SPAN], theirs[SPAN];

	(void)state;
	for (size_t from = 0; from < 24; from++) {
		for (size_t to = 0; to < 24; to++) {
			for (size_t n = 0; n <= SPAN - 24; n++) {
				fill(ours, SPAN);
				fill(theirs, SPAN);
				assert_ptr_equal(ceno_guest_memmove(ours + to, ours + from, n), ours + to);
				memmove(theirs + to, theirs + from, n);
				assert_memory_equal(ours, theirs, SPAN);
			}
		}
	}
}

static void test_set(void **state)
{
	uint8_t ours[SPAN], theirs[SPAN];

	(void)state;
	for (size_t at = 0; at < 9; at++) {
		for (size_t n = 0; n + at <= SPAN; n++) {
			fill(ours, SPAN);
			fill(theirs, SPAN);
			assert_ptr_equal(ceno_guest_memset(ours + at, 0x1a5, n), ours + at);
			memset(theirs + at, 0xa5, n);
			assert_memory_equal(ours, theirs, SPAN);
		}
	}
}

/* Every position and both signs, for the ordering and the two equality tests. */
static void test_compare(void **state)
{
	uint8_t a[SPAN], b[SPAN];

	(void)state;
	fill(a, SPAN);
	fill(b, SPAN);
	assert_int_equal(ceno_guest_memcmp(a, b, SPAN), 0);
	assert_true(ceno_mem_equal(a, b, SPAN));
	assert_true(ceno_mem_equal(a, b, 0));
	for (size_t i = 0; i < SPAN; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			b[i] = (uint8_t)(a[i] ^ 1u << bit);
			assert_true((ceno_guest_memcmp(a, b, SPAN) < 0) == (a[i] < b[i]));
			assert_int_equal(ceno_guest_memcmp(a, b, i), 0);
			assert_false(ceno_mem_equal(a, b, SPAN));
			assert_true(ceno_mem_equal(a, b, i));
		}
		b[i] = a[i];
	}
}

static void test_zero(void **state)
{
	uint8_t a[SPAN] = { 0 };

	(void)state;
	for (size_t at = 0; at < 9; at++) {
		for (size_t n = 0; n + at <= SPAN; n++) {
			assert_true(ceno_mem_is_zero(a + at, n));
			for (size_t i = 0; i < SPAN; i++) {
				a[i] = 0x80;
				assert_int_equal(ceno_mem_is_zero(a + at, n), i < at || i >= at + n);
				a[i] = 0;
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),    cmocka_unit_test(test_move), cmocka_unit_test(test_set),
		cmocka_unit_test(test_compare), cmocka_unit_test(test_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
