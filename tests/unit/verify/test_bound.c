/*
 * What a check may allocate has a bound that no file moves: with a MiB of address space beyond what a first check
 * left, every file gets its reason, and none "out of memory".
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "attest/verify/ladder.h"
#include "tests/lib/proof_fixture.h"

#define ROOM (1ull << 20)

static struct fixture f;
static struct ceno_verify_policy policy;
static struct ceno_verify_result result;
static char hostile[CENO_CDP_FILE_MAX + 2];

static int setup(void **state)
{
	(void)state;
	mallopt(M_MMAP_THRESHOLD, 64 << 10); /* what was freed is not there for the next */
	fixture_init(&f);
	fixture_redo(&f);
	ceno_verify_policy_init(&policy);
	policy.pins = &f.pins;
	policy.explain = 1;
	return ceno_verify(f.file, f.file_bytes, &policy, &result) == 0 && result.exit_status == 0 ? 0 : -1;
}

/* Bytes of address space this process has. */
static uint64_t address_space(void)
{
	unsigned long pages = 0;
	FILE *in = fopen("/proc/self/statm", "re");
	assert_non_null(in);
	assert_int_equal(fscanf(in, "%lu", &pages), 1);
	fclose(in);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void expect_reason(size_t bytes)
{
	assert_int_equal(ceno_verify(hostile, bytes, &policy, &result), 0);
	assert_int_not_equal(result.exit_status, 0);
	assert_int_not_equal(result.verdict, CENO_VERIFY_CODE_COUNT);
}

static void repeated(const char *unit, size_t bytes)
{
	for (size_t i = 0, n = strlen(unit); i < bytes; i++)
		hostile[i] = unit[i % n];
	expect_reason(bytes);
}

static void no_file_needs_more_than_the_bound(void **state)
{
	static const char *const units[] = { "[",  "{\"a\":",         "[1,", "\"\\u0000", "9",
		                             "\"", "{\"a\":[{\"b\":", " ",   "\xff" };
	static const size_t sizes[] = { 1, 4096, CENO_CDP_FILE_MAX - 1, CENO_CDP_FILE_MAX, CENO_CDP_FILE_MAX + 1 };
	(void)state;
	struct rlimit before, limit;
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	limit = before;
	limit.rlim_cur = address_space() + ROOM;
	assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++)
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
			repeated(units[u], sizes[s]);
	/* A proof cut at each length, and with 96 KiB behind it: as deep into the ladder as it goes. */
	memcpy(hostile, f.file, f.file_bytes);
	for (size_t bytes = 0; bytes < f.file_bytes; bytes += 7)
		expect_reason(bytes);
	expect_reason(CENO_CDP_FILE_MAX);
	int rc = ceno_verify(f.file, f.file_bytes, &policy, &result);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	assert_int_equal(rc, 0);
	assert_int_equal(result.exit_status, 0);
}

/* The limit holds: half of what a check takes is "out of memory", and is said as that. */
static void less_is_out_of_memory(void **state)
{
	(void)state;
	struct rlimit before, limit;
	assert_in_range(sizeof(struct ceno_ladder), 1, ROOM / 2);
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	limit = before;
	limit.rlim_cur = address_space() + sizeof(struct ceno_ladder) / 2;
	assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
	int rc = ceno_verify(f.file, f.file_bytes, &policy, &result);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	assert_int_equal(rc, -1);
	assert_int_equal(result.exit_status, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_file_needs_more_than_the_bound),
		cmocka_unit_test(less_is_out_of_memory),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
