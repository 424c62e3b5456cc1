/*
 * Pack layout: order, alignment, refusals, golden header bytes, argument block.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/warden/pack.h"

static struct ceno_pack_entry make(const char *path, uint64_t length)
{
	struct ceno_pack_entry entry = { .mode = 0444, .length = length };

	memset(entry.path, 0x55, sizeof(entry.path));
	strcpy(entry.path, path);
	return entry;
}

static void test_paths(void **state)
{
	static const char *const good[] = {
		"/a", "/in/patients.csv", "/a/..b", "/.x", ".args", "/a b", "/a/", "/in/a/"
	};
	static const char *const bad[] = { "",      "/",   "a",     "//a",   "//",    "/a//b", "/a//",  "/./a",
		                           "/a/..", "/..", ".argz", "/a\nb", "/\x7f", "/./",   ".args/" };
	char longest[CENO_PACK_PATH_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(ceno_pack_path_ok(good[i]), 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ceno_pack_path_ok(bad[i]), 0);
	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	longest[CENO_PACK_PATH_MAX] = 0;
	assert_int_equal(ceno_pack_path_ok(longest), 0);
	longest[CENO_PACK_PATH_MAX - 1] = 0;
	assert_int_equal(ceno_pack_path_ok(longest), 1);
}

static void test_plan(void **state)
{
	struct ceno_pack_entry e[4] = { make("/z", 1), make("/in/big", 1 << 20), make(".args", 10),
		                        make("/in/a", 4097) };
	uint32_t source[4];
	uint64_t total;

	(void)state;
	assert_int_equal(ceno_pack_plan(e, 4, source, &total, NULL), 0);
	assert_string_equal(e[0].path, ".args");
	assert_string_equal(e[1].path, "/in/a");
	assert_string_equal(e[2].path, "/in/big");
	assert_string_equal(e[3].path, "/z");
	assert_int_equal(source[0], 2);
	assert_int_equal(source[1], 3);
	assert_int_equal(source[2], 1);
	assert_int_equal(source[3], 0);
	assert_int_equal(e[0].offset, 4096);
	assert_int_equal(e[1].offset, 8192);
	assert_int_equal(e[2].offset, 2 << 20);
	assert_int_equal(e[3].offset, 3 << 20);
	assert_int_equal(total, (3 << 20) + 4096);
	for (size_t i = strlen(e[3].path); i < sizeof(e[3].path); i++)
		assert_int_equal(e[3].path[i], 0);
}

static void test_refusals(void **state)
{
	struct ceno_pack_entry twice[3] = { make("/a", 1), make("/b", 1), make("/a", 1) };
	struct ceno_pack_entry nested[3] = { make("/a/b/c", 1), make("/a-b", 1), make("/a", 1) };
	struct ceno_pack_entry huge[2] = { make("/a", CENO_PACK_MAX), make("/b", 1) };
	struct ceno_pack_entry wrap[1] = { make("/a", UINT64_MAX) };
	struct ceno_pack_entry mode[1] = { make("/a", 1) };
	struct ceno_pack_entry long_args[1] = { make(".args", CENO_ARGS_MAX + 1) };
	struct ceno_pack_entry directory[2] = { make("/a", 0), make("/a/", 0) };
	uint64_t total = 77;
	uint32_t culprit;

	(void)state;
	assert_int_equal(ceno_pack_plan(twice, 3, NULL, &total, &culprit), CENO_PACK_ERROR_DUPLICATE);
	assert_string_equal(twice[culprit].path, "/a");
	assert_int_equal(ceno_pack_plan(nested, 3, NULL, &total, &culprit), CENO_PACK_ERROR_DUPLICATE);
	assert_string_equal(nested[culprit].path, "/a/b/c");
	assert_int_equal(ceno_pack_plan(huge, 2, NULL, &total, NULL), CENO_PACK_ERROR_SIZE);
	assert_int_equal(ceno_pack_plan(wrap, 1, NULL, &total, NULL), CENO_PACK_ERROR_SIZE);
	assert_int_equal(ceno_pack_plan(long_args, 1, NULL, &total, NULL), CENO_PACK_ERROR_ARGS);
	mode[0].mode = 1u << 20;
	assert_int_equal(ceno_pack_plan(mode, 1, NULL, &total, NULL), CENO_PACK_ERROR_MODE);
	assert_int_equal(ceno_pack_plan(mode, CENO_PACK_ENTRIES_MAX + 1, NULL, &total, NULL), CENO_PACK_ERROR_COUNT);
	assert_int_equal(ceno_pack_plan(directory, 2, NULL, &total, NULL), CENO_PACK_ERROR_DUPLICATE);
	directory[0] = make("/a/", 1);
	assert_int_equal(ceno_pack_plan(directory, 1, NULL, &total, NULL), CENO_PACK_ERROR_PATH);
	directory[0] = make("/a/", 0);
	directory[0].mode |= CENO_PACK_PROGRAM;
	assert_int_equal(ceno_pack_plan(directory, 1, NULL, &total, NULL), CENO_PACK_ERROR_MODE);
	assert_int_equal(total, 77);
	directory[0] = make("/a/", 0);
	directory[1] = make("/a/b", 1);
	assert_int_equal(ceno_pack_plan(directory, 2, NULL, &total, NULL), 0);
}

static void test_header(void **state)
{
	static const uint8_t golden[64] = { 'N', 'O', 'T', 'P', 'A', 'C', 'K',  '1',  CENO_ABI_VERSION, 0, 0,
		                            0,   3,   0,   0,   0,   0,   0x10, 0x20, [24] = 1 };
	struct ceno_pack_header header;

	(void)state;
	ceno_pack_header_format(&header, 3, 0x201000, CENO_PACK_NATIVE);
	assert_memory_equal(&header, golden, sizeof(golden));
}

static void test_args(void **state)
{
	static const char golden[] = "\x02\0\0\0\x01\0\0\0/bin/busybox\0busybox\0awk\0A=b\0/";
	const char *argv[] = { "busybox", "awk", NULL }, *envp[] = { "A=b", NULL }, *none[] = { NULL };
	uint8_t out[64];

	(void)state;
	assert_int_equal(ceno_pack_args_format(out, sizeof(out), "/bin/busybox", argv, envp, "/"), sizeof(golden));
	assert_memory_equal(out, golden, sizeof(golden));
	assert_int_equal(ceno_pack_args_format(out, sizeof(golden) - 1, "/bin/busybox", argv, envp, "/"),
	                 CENO_PACK_ERROR_ARGS);
	assert_int_equal(ceno_pack_args_format(out, sizeof(out), "/bin/busybox", none, envp, "/"),
	                 CENO_PACK_ERROR_ARGS);
	assert_int_equal(ceno_pack_args_format(out, sizeof(out), "bin/busybox", argv, envp, "/"), CENO_PACK_ERROR_ARGS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),  cmocka_unit_test(test_plan), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_header), cmocka_unit_test(test_args),
	};

	return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
