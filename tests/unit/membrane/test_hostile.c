/*
 * Every system call with arguments no honest program gives: addresses that are
 * unmapped, misaligned, wrapping, in the entry page, beyond user space; lengths at
 * every limit; descriptors out of range. Nothing may crash membrane, hang it, or
 * return anything but a result or an error number; the fake nucleus refuses every
 * MAP that the real one would, and W^X is checked in it.
 */
#include "test.h"

#include <sys/syscall.h>

#include "guest-kernel/services/membrane/calls.h"

static const uint16_t numbers[] = {
#define NUMBER(number, name) number,
	CENO_CALLS(NUMBER)
#undef NUMBER
};
#define COUNT (sizeof(numbers) / sizeof(numbers[0]))

static uint64_t page, string;

static uint64_t values[] = {
	0,
	1,
	2,
	3,
	8,
	10,
	255,
	1023,
	1024,
	4095,
	4096,
	4097,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x100000000,
	0x7ffff000,
	0x7fffffffefff,
	0x7fffffffffff,
	0x800000000000,
	0xffff800000000000,
	INT64_MAX,
	1ull << 63,
	UINT64_MAX - 4095,
	UINT64_MAX - 1,
	UINT64_MAX,
	0x401000,
	0x400000,
	0x10000000,
	0x1f001000,
	0x200000000000,
	0x300000000000,
	0 /* page */,
	0 /* page's end */,
	0 /* string */
};
#define VALUES (sizeof(values) / sizeof(values[0]))

static void restart(void)
{
	fake_start();
	page = fake_page();
	string = fake_string("/tmp/hostile");
	values[VALUES - 3] = page;
	values[VALUES - 2] = page + 4090;
	values[VALUES - 1] = string;
	fake_host()->closed = 1;
}

static void one(uint64_t number, const uint64_t a[6])
{
	int64_t result = 0;
	enum fake_outcome outcome = fake_call(number, a, &result);

	assert_true(outcome == FAKE_RETURNED || outcome == FAKE_BLOCKED || outcome == FAKE_ENTERED);
	if (outcome != FAKE_RETURNED) /* ended, or a child runs */
		restart();
	else
		assert_true(result >= -133 || number == SYS_mmap);
}

static void test_each_argument(void **state)
{
	(void)state;
	restart();
	for (size_t i = 0; i < COUNT; i++) {
		for (unsigned position = 0; position < 6; position++) {
			for (size_t v = 0; v < VALUES; v++) {
				uint64_t a[6] = { page, page, 16, 0, 0, 0 };

				a[position] = values[v];
				one(numbers[i], a);
			}
		}
		if (i % 16 == 0)
			restart();
	}
}

static void test_at_random(void **state)
{
	uint64_t seed = 88172645463325252ull;

	(void)state;
	for (int round = 0; round < 40; round++) {
		restart();
		for (int i = 0; i < 500; i++) {
			uint64_t a[6];
			uint16_t number;

			for (unsigned k = 0; k < 6; k++) {
				seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
				a[k] = values[seed % VALUES] + (seed >> 40 & 1 ? 0 : seed >> 50 & 31);
			}
			number = numbers[seed % COUNT];
			one(number, a);
		}
	}
}

static void test_no_write_past_a_bad_page(void **state)
{
	uint8_t before[96], after[96];

	(void)state;
	restart();
	memset(before, 0x33, sizeof(before));
	for (size_t i = 0; i < COUNT; i++) {
		for (unsigned position = 0; position < 6; position++) {
			uint64_t a[6] = { 1, page, 96, 0, 0, 0 };
			int64_t result;
			enum fake_outcome outcome;

			if (numbers[i] == SYS_brk || numbers[i] == SYS_munmap || numbers[i] == SYS_mremap ||
			    numbers[i] == SYS_madvise)
				continue;
			fake_poke(page + 4000, before, sizeof(before));
			a[position] = page + 4000;
			outcome = fake_call(numbers[i], a, &result);
			if (outcome == FAKE_BLOCKED) {
				restart();
			} else if (result == -EFAULT) {
				fake_peek(after, page + 4000, sizeof(after));
				assert_memory_equal(before, after, sizeof(before));
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_argument),
		cmocka_unit_test(test_at_random),
		cmocka_unit_test(test_no_write_past_a_bad_page),
	};

	return cmocka_run_group_tests_name("membrane hostile", tests, NULL, NULL);
}
