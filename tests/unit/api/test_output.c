/*
 * What a session left in /out: good streams become files, and a guest that lies gets nothing
 * out of the directory, nothing replaced, and no more than the limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/cli/output.h"

static char base[] = "/tmp/ceno-output-XXXXXX";
static struct ceno_output output;
static uint8_t stream[8192];
static size_t used;
static char before[64];

static void add(const void *bytes, size_t length)
{
	memcpy(stream + used, bytes, length);
	used += length;
}

static void entry(uint32_t mode, const char *path, const char *data)
{
	const struct ceno_out_entry e = { .bytes = data ? strlen(data) : 0,
		                          .mode = mode,
		                          .path_bytes = (uint32_t)strlen(path) };

	add(&e, sizeof e);
	add(path, strlen(path));
	if (data)
		add(data, strlen(data));
}

static void end(void)
{
	static const struct ceno_out_entry none;

	add(&none, sizeof none);
}

static void note(void *owner, const void *bytes, size_t length)
{
	(void)owner;
	strncat(before, bytes, length);
}

static int setup(void **state)
{
	(void)state;
	memcpy(base + sizeof base - 7, "XXXXXX", 6);
	if (!mkdtemp(base))
		return -1;
	used = 0;
	before[0] = 0;
	ceno_output_init(&output, open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 1000);
	output.before = note;
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	close(output.directory);
	ceno_output_fini(&output);
	snprintf(command, sizeof command, "rm -rf %s", base);
	return system(command);
}

/* All at once, and then nothing more. */
static int feed(void)
{
	int rc = ceno_output_feed(&output, output.word, CENO_OUTPUT_WORD - 1);

	return rc ? rc : ceno_output_feed(&output, stream, used);
}

static void has(const char *path, const char *want)
{
	char whole[128], text[64] = "";
	FILE *f;

	snprintf(whole, sizeof whole, "%s/%s", base, path);
	f = fopen(whole, "r");
	if (!f)
		fail_msg("no %s", path);
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	fclose(f);
	assert_string_equal(text, want);
}

static void test_good(void **state)
{
	struct stat st;
	char path[64];

	(void)state;
	entry(S_IFDIR | 0755, "d", NULL);
	entry(S_IFREG | 06644, "d/f", "data");
	entry(S_IFREG | 0600, "empty", NULL);
	entry(S_IFLNK | 0777, "d/l", "../empty");
	entry(S_IFLNK | 0777, "out", "../../etc/passwd");
	entry(S_IFLNK | 0777, "root", "/etc/passwd");
	end();
	assert_int_equal(ceno_output_feed(&output, "text 1234", 9), 0);
	assert_int_equal(feed(), 1);
	assert_string_equal(before, "text 1234");
	has("d/f", "data");
	has("d/l", "");
	assert_int_equal(output.skipped, 2);
	snprintf(path, sizeof path, "%s/d/f", base);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777 & ~(mode_t)022, 0644 & ~022);
	snprintf(path, sizeof path, "%s/out", base);
	assert_int_not_equal(lstat(path, &st), 0);
}

/* A part of the word before the word is the program's. */
static void test_word(void **state)
{
	(void)state;
	end();
	assert_int_equal(ceno_output_feed(&output, output.word, 10), 0);
	assert_int_equal(ceno_output_feed(&output, "\n", 1), 0);
	assert_int_equal(feed(), 1);
	assert_int_equal(strlen(before), 11);
}

static void refused(const char *words)
{
	assert_int_equal(feed(), -1);
	if (!strstr(output.error, words))
		fail_msg("\"%s\" does not say \"%s\"", output.error, words);
}

static void test_paths(void **state)
{
	static const char *const bad[] = { "../x", "/x", "a//b", "a/", ".", "a/./b", "a/..", "a\nb", "\x7f" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(ceno_output_path_ok(bad[i]));
		if (i)
			setup(NULL);
		entry(S_IFREG | 0644, bad[i], "x");
		refused("not usable");
		if (i + 1 < sizeof bad / sizeof bad[0])
			teardown(NULL);
	}
	assert_true(ceno_output_path_ok("...") && ceno_output_path_ok("a/..b"));
	assert_true(ceno_output_link_ok("a/b/c", "../../x") && !ceno_output_link_ok("a/b/c", "../../../x"));
	assert_true(ceno_output_link_ok("a", "b/../c") && !ceno_output_link_ok("a", "b/../../c"));
	assert_false(ceno_output_link_ok("a", "") || ceno_output_link_ok("a", "/x") || ceno_output_link_ok("a", "x\n"));
}

/* A link that is there is not walked through, not by a later entry either. */
static void test_through_link(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof path, "%s/leads", base);
	assert_int_equal(symlink("/tmp", path), 0);
	entry(S_IFREG | 0644, "leads/x", "x");
	refused("leads/x");
}

static void test_own_link(void **state)
{
	(void)state;
	entry(S_IFDIR | 0755, "d", NULL);
	entry(S_IFLNK | 0777, "l", "d");
	entry(S_IFREG | 0644, "l/x", "x");
	refused("l/x");
}

static void test_replaces_nothing(void **state)
{
	char path[64];
	int fd;

	(void)state;
	snprintf(path, sizeof path, "%s/there", base);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "mine", 4), 4);
	close(fd);
	entry(S_IFREG | 0644, "there", "theirs");
	refused("there: File exists");
	has("there", "mine");
}

static void test_limits(void **state)
{
	struct ceno_out_entry e = { .bytes = 1001, .mode = S_IFREG | 0644, .path_bytes = 1 };

	(void)state;
	add(&e, sizeof e);
	refused("larger than the session's memory");
	teardown(NULL);
	setup(NULL);
	e = (struct ceno_out_entry){ .mode = S_IFBLK | 0644, .path_bytes = 1 };
	add(&e, sizeof e);
	refused("malformed");
	teardown(NULL);
	setup(NULL);
	e = (struct ceno_out_entry){ .mode = S_IFREG | 0644, .path_bytes = CENO_OUT_PATH_MAX + 1 };
	add(&e, sizeof e);
	refused("malformed");
	teardown(NULL);
	setup(NULL);
	output.entries = CENO_OUTPUT_ENTRIES_MAX;
	entry(S_IFREG | 0644, "x", "x");
	refused("more than 100000 files");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good, setup, teardown),
		cmocka_unit_test_setup_teardown(test_word, setup, teardown),
		cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_through_link, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_link, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replaces_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
