/*
 * What a session left in /out: good streams become files, and a guest that lies gets nothing
 * out of the directory, nothing replaced, and no more than the limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/cli/output.h"
#include "api/cli/text.h"

static char base[] = "/tmp/ceno-output-XXXXXX";
static struct ceno_output output;
static uint8_t stream[16384];
static size_t used;
static char before[64];
static char told[2048]; /* what was left out: "NAME: WHY\n", escaped */

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

static void missing(void *owner, const char *path, size_t length, const char *why)
{
	size_t n = strlen(told);

	(void)owner;
	n += ceno_text_escape(path, length, told + n, sizeof told - n);
	if (n < sizeof told)
		snprintf(told + n, sizeof told - n, ": %s\n", why);
}

static int setup(void **state)
{
	(void)state;
	memcpy(base + sizeof base - 7, "XXXXXX", 6);
	if (!mkdtemp(base))
		return -1;
	used = 0;
	before[0] = told[0] = 0;
	ceno_output_init(&output, open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 1000);
	output.before = note;
	output.missing = missing;
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
	assert_int_equal(output.left_out, 2);
	assert_string_equal(told, "out: a link that leads out\nroot: a link that leads out\n");
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

/* What cannot be is told by its name, and the rest comes. */
static void test_paths(void **state)
{
	static const char *const bad[][2] = { { "../x", "../x: not a usable path\n" },
		                              { "/x", "/x: not a usable path\n" },
		                              { "a//b", "a//b: not a usable path\n" },
		                              { "a/", "a/: not a usable path\n" },
		                              { ".", ".: not a usable path\n" },
		                              { "a/./b", "a/./b: not a usable path\n" },
		                              { "a/..", "a/..: not a usable path\n" },
		                              { "a\nb", "a\\nb: a control character in its name\n" },
		                              { "\x7f", "\\x7f: a control character in its name\n" },
		                              { "x\x1b[2Jy", "x\\x1b[2Jy: a control character in its name\n" } };
	char deep[512] = "d";

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		entry(S_IFREG | 0644, bad[i][0], "x");
		entry(S_IFLNK | 0777, bad[i][0], "y");
	}
	entry(S_IFREG | 0644, "caf\xc3\xa9", "utf-8");
	entry(S_IFREG | 0644, "caf\xe9", "latin-1"); /* a file name is bytes */
	for (int i = 0; i < 70; i++)
		strcat(deep, "/d");
	entry(S_IFREG | 0644, deep, "x");
	entry(S_IFREG | 0644, "good", "data");
	end();
	assert_int_equal(feed(), 1);
	has("good", "data");
	has("caf\xc3\xa9", "utf-8");
	has("caf\xe9", "latin-1");
	assert_int_equal(output.left_out, 2 * sizeof bad / sizeof bad[0] + 1);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0] - 1; i++)
		assert_non_null(strstr(told, bad[i][1]));
	assert_null(ceno_output_path_why("..."));
	assert_null(ceno_output_path_why("a/..b"));
	assert_null(ceno_output_link_why("a/b/c", "../../x"));
	assert_non_null(ceno_output_link_why("a/b/c", "../../../x"));
	assert_null(ceno_output_link_why("a", "b/../c"));
	assert_non_null(ceno_output_link_why("a", "b/../../c"));
	assert_non_null(ceno_output_link_why("a", ""));
	assert_non_null(ceno_output_link_why("a", "/x"));
	assert_non_null(ceno_output_link_why("a", "x\n"));
}

/* A NUL is in no path, but may be in what a guest says. */
static void test_nul(void **state)
{
	const struct ceno_out_entry e = { .mode = S_IFREG | 0644, .path_bytes = 3, .bytes = 1 };
	const struct ceno_out_entry l = { .mode = S_IFLNK | 0777, .path_bytes = 3, .bytes = 1 };

	(void)state;
	add(&e, sizeof e);
	add("a\0bx", 4);
	add(&l, sizeof l);
	add("a\0bx", 4);
	end();
	assert_int_equal(feed(), 1);
	assert_string_equal(told, "a\\x00b: a NUL in its name\na\\x00b: a NUL in its name\n");
}

static void test_kinds(void **state)
{
	struct ceno_out_entry e = { .mode = CENO_OUT_TOO_DEEP, .path_bytes = 1 };

	(void)state;
	entry(S_IFIFO | 0644, "f", NULL);
	entry(S_IFSOCK | 0644, "s", NULL);
	entry(S_IFCHR | 0644, "c", NULL);
	entry(S_IFBLK | 0644, "b", NULL);
	add(&e, sizeof e);
	add("x", 1);
	entry(S_IFREG | 0644, "good", "data");
	end();
	assert_int_equal(feed(), 1);
	has("good", "data");
	assert_string_equal(told,
	                    "f: a FIFO\ns: a socket\nc: a device\nb: a device\n"
	                    "x: a path of more than 4095 bytes\n");
}

/* A link that is there is not walked through, not by a later entry either. */
static void test_through_link(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof path, "%s/leads", base);
	assert_int_equal(symlink("/tmp", path), 0);
	entry(S_IFREG | 0644, "leads/ceno-x", "x");
	end();
	assert_int_equal(feed(), 1);
	assert_string_equal(told, "leads/ceno-x: Too many levels of symbolic links\n");
	assert_int_not_equal(access("/tmp/ceno-x", F_OK), 0);
}

static void test_own_link(void **state)
{
	(void)state;
	entry(S_IFDIR | 0755, "d", NULL);
	entry(S_IFLNK | 0777, "l", "d");
	entry(S_IFREG | 0644, "l/x", "x");
	end();
	assert_int_equal(feed(), 1);
	assert_string_equal(told, "l/x: Too many levels of symbolic links\n");
}

static void test_left_out_directory(void **state)
{
	(void)state;
	entry(S_IFREG | 0644, "d/x", "x");
	end();
	assert_int_equal(feed(), 1);
	assert_string_equal(told, "d/x: its directory was left out\n");
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
	entry(S_IFREG | 0644, "more", "of theirs");
	end();
	assert_int_equal(feed(), 1);
	assert_string_equal(told, "there: File exists\n");
	has("there", "mine");
	has("more", "of theirs");
}

static unsigned names(void)
{
	DIR *list = opendir(base);
	unsigned count = 0;

	assert_non_null(list);
	while (readdir(list))
		count++;
	closedir(list);
	return count - 2;
}

/* A file has its name when all of it is there: not in the middle, not when its stream breaks off, not without room. */
static void test_whole(void **state)
{
	const struct rlimit small = { 4, RLIM_INFINITY }, none = { RLIM_INFINITY, RLIM_INFINITY };
	size_t all;

	(void)state;
	entry(S_IFREG | 0644, "first", "one");
	entry(S_IFREG | 0644, "second", "two, and more");
	all = used;
	used -= 4;
	assert_int_equal(feed(), 0);
	assert_int_equal(names(), 1);
	ceno_output_fini(&output);
	assert_int_equal(names(), 1);
	has("first", "one");
	teardown(NULL);
	setup(NULL);
	used = all;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(feed(), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_string_equal(output.error, "output second: File too large");
	assert_int_equal(names(), 1);
	has("first", "one");
}

/* Where a filesystem has no nameless files: a name for now, and the same rules. */
static void test_named_for_now(void **state)
{
	struct ceno_nameless file = { .fd = -1 };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		file.directory = fcntl(output.directory, F_DUPFD_CLOEXEC, 0);
		strcpy(file.temporary, ".ceno-for-now");
		file.fd = openat(file.directory, file.temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		assert_true(file.fd >= 0);
		assert_int_equal(write(file.fd, &"0123"[i], 1), 1);
		if (i < 3)
			assert_int_equal(ceno_nameless_name(&file, "name", i == 2), i == 1 ? -EEXIST : 0);
		ceno_nameless_drop(&file);
		assert_int_equal(names(), 1);
		has("name", i < 2 ? "0" : "2");
	}
}

static void refused(const char *words)
{
	assert_int_equal(feed(), -1);
	if (!strstr(output.error, words))
		fail_msg("\"%s\" does not say \"%s\"", output.error, words);
}

static void test_limits(void **state)
{
	struct ceno_out_entry e = { .bytes = 1001, .mode = S_IFREG | 0644, .path_bytes = 1 };

	(void)state;
	add(&e, sizeof e);
	refused("larger than the session's memory");
	teardown(NULL);
	setup(NULL);
	e = (struct ceno_out_entry){ .mode = S_IFBLK | 0644, .path_bytes = 1, .bytes = 1 };
	add(&e, sizeof e);
	refused("malformed");
	teardown(NULL);
	setup(NULL);
	e = (struct ceno_out_entry){ .mode = 0644, .path_bytes = 1 };
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
		cmocka_unit_test_setup_teardown(test_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_named_for_now, setup, teardown),
		cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nul, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_out_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_through_link, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_link, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replaces_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
