/*
 * Bad input: whatever a client passes instead of a plain, quiet file is refused
 * with its own code and the file's name, before anything runs.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/lib/rig.h"

static const struct ceno_rig_options plain = { .vmm = FAKE_VMM, .firmware = -1, .trust = -1, .bundle = -1 };
static const char *const argv[] = { "program", "exit", "00", "1", NULL };

static struct ceno_rig rig;
static char directory[] = "/tmp/ceno-input-XXXXXX";

static int teardown(void **state)
{
	(void)state;
	ceno_rig_close(&rig);
	memset(&rig, 0, sizeof rig);
	return 0;
}

static void open_session(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int streams[3] = { null, null, null };
	ceno_rig_open(&rig, &plain);
	ceno_rig_send_open(&rig, streams, 0);
	close(null);
}

static void finish(int fd)
{
	ceno_rig_send_args(&rig, "/bin/program", argv);
	ceno_rig_send(&rig, CENO_SESSION_START);
	close(fd);
}

static void path_in(char *path, const char *name)
{
	sprintf(path, "%s/%s", directory, name);
}

static int make_file(const char *name, size_t bytes)
{
	char path[128];
	path_in(path, name);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

static void refuse(int fd, uint64_t length, uint32_t code)
{
	open_session();
	ceno_rig_send_file(&rig, "/in/x", fd, length, 0444 | CENO_PACK_INPUT);
	finish(fd);
	ceno_rig_expect_failure(&rig, code);
	assert_string_equal(rig.failure.path, "/in/x");
}

static void a_fifo_is_refused(void **state)
{
	int pipe_fds[2];
	(void)state;
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	refuse(pipe_fds[0], 0, CENO_SESSION_ERROR_NOT_REGULAR);
	close(pipe_fds[1]);
}

static void a_device_is_refused(void **state)
{
	(void)state;
	refuse(open("/dev/zero", O_RDONLY | O_CLOEXEC), 0, CENO_SESSION_ERROR_NOT_REGULAR);
}

static void a_directory_is_refused(void **state)
{
	(void)state;
	refuse(open("/tmp", O_RDONLY | O_CLOEXEC), 4096, CENO_SESSION_ERROR_NOT_REGULAR);
}

static void a_socket_is_refused(void **state)
{
	(void)state;
	refuse(socket(AF_UNIX, SOCK_STREAM, 0), 0, CENO_SESSION_ERROR_NOT_REGULAR);
}

static void a_write_only_file_is_refused(void **state)
{
	char path[128];
	(void)state;
	path_in(path, "wo");
	close(make_file("wo", 10));
	refuse(open(path, O_WRONLY | O_CLOEXEC), 10, CENO_SESSION_ERROR_UNREADABLE);
}

static void a_path_descriptor_is_refused(void **state)
{
	char path[128];
	(void)state;
	path_in(path, "op");
	close(make_file("op", 10));
	refuse(open(path, O_PATH | O_CLOEXEC), 10, CENO_SESSION_ERROR_UNREADABLE);
}

static void a_file_of_another_length_is_refused(void **state)
{
	(void)state;
	refuse(make_file("short", 5000), 5001, CENO_SESSION_ERROR_CHANGED);
}

static void a_vanished_file_is_still_the_one_that_was_opened(void **state)
{
	char path[128];
	(void)state;
	int fd = make_file("gone", 5000);
	path_in(path, "gone");
	assert_int_equal(unlink(path), 0);
	open_session();
	ceno_rig_send_file(&rig, "/in/x", fd, 5000, 0444 | CENO_PACK_INPUT);
	finish(fd);
	ceno_rig_expect_proof(&rig, "exit");
}

static void two_files_of_one_name_are_refused(void **state)
{
	(void)state;
	int fd = make_file("twice", 100);
	open_session();
	ceno_rig_send_file(&rig, "/in/x", fd, 100, 0444 | CENO_PACK_INPUT);
	ceno_rig_send_file(&rig, "/in/x", fd, 100, 0444 | CENO_PACK_INPUT);
	finish(fd);
	ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_DUPLICATE);
	assert_string_equal(rig.failure.path, "/in/x");
}

static void unusable_paths_are_refused(void **state)
{
	static const char *const paths[] = { "in/x", "/in/../x", "/in//x", "", "/", ".args", "/in/x/" };
	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		int fd = make_file("path", 100);
		open_session();
		ceno_rig_send_file(&rig, paths[i], fd, 100, 0444);
		finish(fd);
		ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_PATH);
		teardown(NULL);
	}
	memset(&rig, 0, sizeof rig);
	open_session(); /* for the teardown */
}

static void a_session_without_arguments_is_refused(void **state)
{
	(void)state;
	open_session();
	ceno_rig_send(&rig, CENO_SESSION_START);
	ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_PROTOCOL);
}

static void records_out_of_order_are_refused(void **state)
{
	(void)state;
	ceno_rig_open(&rig, &plain);
	ceno_rig_send(&rig, CENO_SESSION_START);
	ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_PROTOCOL);
}

static void a_short_record_is_refused(void **state)
{
	(void)state;
	ceno_rig_open(&rig, &plain);
	assert_int_equal(send(rig.session, "half a record", 13, 0), 13);
	ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_PROTOCOL);
}

/* ---- a file that moves while it is read --------------------------------------------- */

static volatile int stop_writing;

static void *keep_appending(void *arg)
{
	int fd = *(int *)arg;
	while (!stop_writing) {
		if (write(fd, "x", 1) < 0)
			break;
		usleep(100);
	}
	return NULL;
}

static void *keep_rewriting(void *arg)
{
	int fd = *(int *)arg;
	while (!stop_writing)
		if (pwrite(fd, "y", 1, 4096) < 0)
			break;
	return NULL;
}

static void *cut_off(void *arg)
{
	usleep(20000);
	(void)!ftruncate(*(int *)arg, 100);
	return NULL;
}

/* Large enough that the change falls into the copy. */
static void changes_are_refused(const char *name, void *(*change)(void *), const uint64_t bytes)
{
	pthread_t thread;
	int fd = make_file(name, bytes), reader;
	char path[128];
	path_in(path, name);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(lseek(fd, 0, SEEK_END) == (off_t)bytes);
	stop_writing = 0;
	open_session();
	ceno_rig_send_file(&rig, "/in/x", reader, bytes, 0444 | CENO_PACK_INPUT);
	ceno_rig_for(&rig, 100); /* added at its stated length */
	assert_int_equal(pthread_create(&thread, NULL, change, &fd), 0);
	finish(reader);
	ceno_rig_expect_failure(&rig, CENO_SESSION_ERROR_CHANGED);
	assert_string_equal(rig.failure.path, "/in/x");
	stop_writing = 1;
	pthread_join(thread, NULL);
	close(fd);
}

static void a_growing_file_is_refused(void **state)
{
	(void)state;
	changes_are_refused("grows", keep_appending, 64u << 20);
}

static void a_rewritten_file_is_refused(void **state)
{
	(void)state;
	changes_are_refused("rewritten", keep_rewriting, 64u << 20);
}

static void a_file_cut_off_is_refused(void **state)
{
	(void)state;
	changes_are_refused("cut", cut_off, 256u << 20);
}

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	static const char *const names[] = { "wo", "op", "short", "twice", "path", "grows", "rewritten", "cut" };
	char path[128];
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		path_in(path, names[i]);
		unlink(path);
	}
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_fifo_is_refused, teardown),
		cmocka_unit_test_teardown(a_device_is_refused, teardown),
		cmocka_unit_test_teardown(a_directory_is_refused, teardown),
		cmocka_unit_test_teardown(a_socket_is_refused, teardown),
		cmocka_unit_test_teardown(a_write_only_file_is_refused, teardown),
		cmocka_unit_test_teardown(a_path_descriptor_is_refused, teardown),
		cmocka_unit_test_teardown(a_file_of_another_length_is_refused, teardown),
		cmocka_unit_test_teardown(a_vanished_file_is_still_the_one_that_was_opened, teardown),
		cmocka_unit_test_teardown(two_files_of_one_name_are_refused, teardown),
		cmocka_unit_test_teardown(unusable_paths_are_refused, teardown),
		cmocka_unit_test_teardown(a_session_without_arguments_is_refused, teardown),
		cmocka_unit_test_teardown(records_out_of_order_are_refused, teardown),
		cmocka_unit_test_teardown(a_short_record_is_refused, teardown),
		cmocka_unit_test_teardown(a_growing_file_is_refused, teardown),
		cmocka_unit_test_teardown(a_rewritten_file_is_refused, teardown),
		cmocka_unit_test_teardown(a_file_cut_off_is_refused, teardown),
	};
	if (geteuid() != 0) {
		printf("skipped: needs root to make namespaces for another uid\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
