/*
 * ceno-api's confinement, tried from inside: its state directory works, other
 * files do not, and calls outside its list end the process with SIGSYS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/rpc/confine.h"

static char directory[] = "/tmp/ceno-confine.XXXXXX";

/* Runs `attempt` in a confined child; its wait status. */
static int confined(int (*attempt)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		const char *step;

		_exit(ceno_api_confine(directory, &step) ? 99 : attempt());
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int use_state(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "%s/f", directory);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 || pwrite(fd, "x", 1, 0) != 1 || ftruncate(fd, 0) || unlink(path);
}

static int read_elsewhere(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? 0 : 1;
}

static int write_elsewhere(void)
{
	return open("/tmp/ceno-confine-escape", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES ? 0 : 1;
}

static int run_program(void)
{
	char *const argv[] = { "true", NULL };

	execve("/bin/true", argv, NULL);
	return 1;
}

static int make_socket(void)
{
	socket(AF_INET, SOCK_STREAM, 0);
	return 1;
}

static int make_process(void)
{
	syscall(SYS_fork);
	return 1;
}

static int trace(void)
{
	syscall(SYS_ptrace, 16, getppid(), 0, 0);
	return 1;
}

static void test_files(void **state)
{
	(void)state;
	assert_int_equal(confined(use_state), 0);
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1) {
		print_message("no Landlock on this kernel: files elsewhere are kept by the uid alone\n");
		return;
	}
	assert_int_equal(confined(read_elsewhere), 0);
	assert_int_equal(confined(write_elsewhere), 0);
}

static int map_executable(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? 1 : 2;
}

static int make_executable(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? 3 : mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0 ? 1 : 2;
}

static void test_calls(void **state)
{
	int (*const attempts[])(
	    void) = { run_program, make_socket, make_process, trace, map_executable, make_executable };

	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	print_message("built with a sanitizer: the call list is not installed\n");
	return;
#endif
	for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
		int status = confined(attempts[i]);

		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_files), cmocka_unit_test(test_calls) };
	int failed;

	if (!mkdtemp(directory))
		return 2;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
