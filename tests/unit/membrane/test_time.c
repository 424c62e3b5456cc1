/*
 * Clocks and random bytes: units, monotony, bounds, and ChaCha20 against the
 * vectors of RFC 8439 (2.3.2 and A.1).
 */
#include "test.h"

#include <sys/syscall.h>
#include <time.h>

#include "guest-kernel/services/membrane/random.h"
#include "guest-kernel/services/membrane/process.h"
#include "guest-kernel/services/membrane/time.h"

static uint64_t page;

static int boot(void **state)
{
	(void)state;
	fake_start();
	page = fake_page();
	return 0;
}

static uint64_t clock_of(int which)
{
	struct timespec t;

	assert_int_equal(sys(SYS_clock_gettime, which, page), 0);
	fake_peek(&t, page, sizeof(t));
	assert_in_range(t.tv_nsec, 0, 999999999);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sleep_for(int64_t sec, int64_t nsec, int64_t want)
{
	struct timespec t = { sec, nsec };

	fake_poke(page, &t, sizeof(t));
	assert_int_equal(sys(SYS_nanosleep, page, 0), want);
}

static void test_clocks(void **state)
{
	uint64_t before = clock_of(CLOCK_MONOTONIC), real = clock_of(CLOCK_REALTIME), cpu, last = 0;

	(void)state;
	fake_tsc += 2000000000ull * 3600; /* one hour at 2 GHz */
	assert_in_range(clock_of(CLOCK_MONOTONIC) - before, 3600000000000 - 100000, 3600000000000 + 100000);
	assert_in_range(clock_of(CLOCK_REALTIME) - real, 3600000000000 - 100000, 3600000000000 + 100000);
	assert_in_range(real, 1700000000000000000, 1700000001000000000);
	cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
	sleep_for(10, 0, 0);
	assert_in_range(clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu, 1, 1000000); /* sleep costs nothing */
	fake_tsc += 2000000000ull * 10;
	assert_in_range(clock_of(CLOCK_THREAD_CPUTIME_ID) - cpu, 10000000000, 10001000000);
	for (int i = 0; i < 1000; i++) {
		uint64_t now;

		if (i % 10 == 0)
			fake_tsc -= 500000; /* a TSC that steps back */
		now = clock_of(CLOCK_MONOTONIC);
		assert_true(now >= last);
		last = now;
	}
	assert_int_equal(sys(SYS_clock_gettime, 8, page), -EINVAL);
	assert_int_equal(sys(SYS_clock_gettime, -1, page), -EINVAL);
	assert_int_equal(sys(SYS_clock_gettime, 0, BAD), -EFAULT);
	assert_int_equal(sys(SYS_clock_getres, 1, 0), 0);
	assert_int_equal(sys(SYS_time, 0), (int64_t)(clock_of(CLOCK_REALTIME) / 1000000000u));
}

static void test_sleep(void **state)
{
	uint64_t before = fake_tsc, at;
	struct timespec t;

	(void)state;
	sleep_for(2, 500000000, 0);
	assert_in_range(fake_tsc - before, 5000000000, 5001000000);
	sleep_for(0, 1000000000, -EINVAL);
	sleep_for(-1, 0, -EINVAL);
	sleep_for(0, -1, -EINVAL);
	assert_int_equal(sys(SYS_nanosleep, BAD, 0), -EFAULT);
	at = clock_of(CLOCK_MONOTONIC) + 1000000000;
	t = (struct timespec){ (int64_t)(at / 1000000000u), (int64_t)(at % 1000000000u) };
	fake_poke(page, &t, sizeof(t));
	assert_int_equal(sys(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, page), 0);
	assert_true(clock_of(CLOCK_MONOTONIC) >= at);
	assert_int_equal(sys(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, page), 0);
	t.tv_sec = INT64_MAX; /* for good */
	fake_poke(page, &t, sizeof(t));
	assert_int_equal(fake_call(SYS_nanosleep, (const uint64_t[6]){ page }, NULL), FAKE_BLOCKED);
}

static void test_futex(void **state)
{
	struct timespec t = { 0, 1000000 };
	uint32_t value = 5;

	(void)state;
	fake_poke(page, &value, 4);
	fake_poke(page + 8, &t, sizeof(t));
	assert_int_equal(sys(SYS_futex, page, 0, 4, 0), -EAGAIN);
	assert_int_equal(sys(SYS_futex, page, 128, 5, page + 8), -ETIMEDOUT);
	assert_int_equal(sys(SYS_futex, page, 1, 1), 0);
	assert_int_equal(sys(SYS_futex, page + 1, 0, 5, page + 8), -EINVAL);
	assert_int_equal(sys(SYS_futex, BAD, 0, 5, page + 8), -EFAULT);
	assert_int_equal(sys(SYS_futex, page, 6, 5), -ENOSYS);
	assert_int_equal(fake_call(SYS_futex, (const uint64_t[6]){ page, 0, 5, 0 }, NULL), FAKE_BLOCKED);
}

static void test_chacha20(void **state)
{
	static const uint32_t key[8] = { 0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c,
		                         0x13121110, 0x17161514, 0x1b1a1918, 0x1f1e1d1c };
	static const uint32_t nonce[3] = { 0x09000000, 0x4a000000, 0 }, zero[8];
	static const uint32_t want[16] = { 0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3, 0xc7f4d1c7, 0x0368c033,
		                           0x9aaa2204, 0x4e6cd4c3, 0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
		                           0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2 };
	static const uint32_t a1[16] = { 0xade0b876, 0x903df1a0, 0xe56a5d40, 0x28bd8653, 0xb819d2bd, 0x1aed8da0,
		                         0xccef36a8, 0xc70d778b, 0x7c5941da, 0x8d485751, 0x3fe02477, 0x374ad8b8,
		                         0xf4b8436a, 0x1ca11815, 0x69b687c3, 0x8665eeb2 };
	uint32_t out[16];

	(void)state;
	ceno_chacha20_block(key, 1, nonce, out);
	assert_memory_equal(out, want, sizeof(want));
	ceno_chacha20_block(zero, 0, zero, out);
	assert_memory_equal(out, a1, sizeof(a1));
}

static void test_random(void **state)
{
	uint8_t first[PAGE], second[PAGE];
	uint32_t counts[256] = { 0 };

	(void)state;
	assert_int_equal(sys(SYS_getrandom, page, PAGE, 0), PAGE);
	fake_peek(first, page, PAGE);
	assert_int_equal(sys(SYS_getrandom, page, PAGE, 1), PAGE);
	fake_peek(second, page, PAGE);
	assert_memory_not_equal(first, second, 32);
	for (size_t i = 0; i < PAGE; i++)
		counts[first[i]]++, counts[second[i]]++;
	for (int i = 0; i < 256; i++)
		assert_in_range(counts[i], 5, 80);
	assert_int_equal(sys(SYS_getrandom, page, 10, 8), -EINVAL);
	assert_int_equal(sys(SYS_getrandom, page, 10, 6), -EINVAL);
	assert_int_equal(sys(SYS_getrandom, BAD, 10, 0), -EFAULT);
	assert_int_equal(sys(SYS_getrandom, page + 4090, 100, 0), 6);
	assert_int_equal(sys(SYS_getrandom, page, 0, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_clocks, boot), cmocka_unit_test_setup(test_sleep, boot),
		cmocka_unit_test_setup(test_futex, boot),  cmocka_unit_test_setup(test_chacha20, boot),
		cmocka_unit_test_setup(test_random, boot),
	};

	return cmocka_run_group_tests_name("membrane time", tests, NULL, NULL);
}
