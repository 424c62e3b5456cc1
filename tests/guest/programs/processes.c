/*
 * Processes on the host and in the guest: fork, exec, wait, pipes between them, what they
 * share and what not, groups, a fork bomb. Runs itself again with arguments. Prints what it
 * found, the same everywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/guest/programs/vectors.h"

static int failures;
static char *own_path;

#define CHECK(x) \
	do { \
		if (!(x)) { \
			printf("processes.c:%d: " #x " (errno %d)\n", __LINE__, errno); \
			failures++; \
		} \
	} while (0)

static int ended(pid_t pid)
{
	int status = -1;

	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void test_memory(void)
{
	static int value = 1;
	char *heap = malloc(300000),
	     *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	volatile int local = 1;
	pid_t child;

	memset(heap, 'p', 300000);
	shared[0] = 'p';
	child = fork();
	if (child == 0) {
		CHECK(heap[299999] == 'p' && getppid() != 1);
		value = local = 2;
		memset(heap, 'c', 300000);
		shared[0] = 'c';
		_exit(failures ? 1 : 17);
	}
	CHECK(ended(child) == 17);
	CHECK(value == 1 && local == 1 && heap[0] == 'p' && heap[299999] == 'p' && shared[0] == 'c');
	child = fork();
	if (child == 0) { /* a child of a child, whose parent writes after it */
		pid_t second = fork();

		if (second == 0) {
			usleep(20000);
			_exit(heap[5] == 'p' ? 3 : 4);
		}
		heap[5] = 'x';
		_exit(ended(second));
	}
	heap[5] = 'y';
	CHECK(ended(child) == 3);
	printf("memory: each its own, but what is shared\n");
}

/* ---- pipes ---------------------------------------------------------------------------- */

static void test_pipes(void)
{
	int to[2], from[2];
	long sum = 0, n = 0;
	char buffer[5000];
	ssize_t got;
	pid_t filter, source;

	CHECK(pipe(to) == 0 && pipe(from) == 0);
	source = fork();
	if (source == 0) {
		memset(buffer, 3, sizeof(buffer));
		close(to[0]), close(from[0]), close(from[1]);
		for (int i = 0; i < 100; i++)
			if (write(to[1], buffer, sizeof(buffer)) != sizeof(buffer))
				_exit(1);
		_exit(0);
	}
	filter = fork();
	if (filter == 0) {
		close(to[1]), close(from[0]);
		while ((got = read(to[0], buffer, 777)) > 0) {
			for (ssize_t i = 0; i < got; i++)
				buffer[i]++;
			if (write(from[1], buffer, (size_t)got) != got)
				_exit(1);
		}
		_exit(got == 0 ? 0 : 1);
	}
	close(to[0]), close(to[1]), close(from[1]);
	while ((got = read(from[0], buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < got; i++, n++)
			sum += buffer[i];
	close(from[0]);
	CHECK(ended(source) == 0 && ended(filter) == 0);
	printf("pipes: %ld bytes, sum %ld\n", n, sum);
	CHECK(pipe(to) == 0);
	filter = fork();
	if (filter == 0) {
		close(to[0]);
		for (;;)
			if (write(to[1], buffer, sizeof(buffer)) < 0)
				_exit(9);
	}
	close(to[1]);
	CHECK(read(to[0], buffer, 1) == 1);
	close(to[0]);
	printf("broken pipe: ended %d\n", ended(filter));
}

/* ---- exec --------------------------------------------------------------------------------- */

static int run(char *const argv[], char *const envp[])
{
	pid_t child = fork();

	if (child == 0) {
		execve(own_path, argv, envp);
		_exit(99);
	}
	return ended(child);
}

static void never(int signal)
{
	_exit(signal);
}

static void *volatile nowhere = (void *)1;

static void test_exec(void)
{
	char *args[] = { own_path, "args", "two words", "", NULL }, *env[] = { "A=1", "B=2", NULL };
	char *signals[] = { own_path, "signals", NULL }, *files[] = { own_path, "files", NULL };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, handle = { .sa_handler = never };
	posix_spawn_file_actions_t actions;
	char line[64] = { 0 };
	sigset_t block;
	int fd, ends[2];
	pid_t child;

	CHECK(run(args, env) == 0);
	sigaction(SIGUSR1, &ignore, NULL);
	sigaction(SIGUSR2, &handle, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGHUP);
	sigprocmask(SIG_BLOCK, &block, NULL);
	CHECK(run(signals, environ) == 0);
	sigprocmask(SIG_UNBLOCK, &block, NULL);
	fd = dup2(1, 50);
	CHECK(fd == 50 && fcntl(dup2(1, 51), F_SETFD, FD_CLOEXEC) == 0);
	CHECK(run(files, environ) == 0);
	close(50), close(51);
	CHECK(pipe(ends) == 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	args[1] = "say";
	CHECK(posix_spawn(&child, own_path, &actions, NULL, args, env) == 0);
	close(ends[1]);
	CHECK(read(ends[0], line, sizeof(line) - 1) > 0);
	close(ends[0]);
	CHECK(ended(child) == 5);
	printf("spawned: %s", line);
	CHECK(execve("/nowhere", args, env) == -1 && errno == ENOENT);
	CHECK(execve("/", args, env) == -1 && errno == EACCES);
	CHECK(execve(nowhere, args, env) == -1 && errno == EFAULT);
	CHECK(execve(own_path, nowhere, env) == -1 && errno == EFAULT);
	CHECK(posix_spawn(&child, "/nowhere", NULL, NULL, args, env) == ENOENT);
	printf("exec: arguments, signals and files as they should be\n");
}

static int executed(int argc, char **argv)
{
	struct sigaction now;
	sigset_t mask;

	if (strcmp(argv[1], "say") == 0) {
		printf("%d arguments, %s\n", argc, getenv("B"));
		return 5;
	}
	if (strcmp(argv[1], "args") == 0)
		return !(argc == 4 && strcmp(argv[2], "two words") == 0 && argv[3][0] == 0 &&
		         !strcmp(getenv("A"), "1") && !getenv("PATH"));
	if (strcmp(argv[1], "files") == 0)
		return !(fcntl(50, F_GETFD) == 0 && fcntl(51, F_GETFD) == -1 && errno == EBADF);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	sigaction(SIGUSR1, NULL, &now);
	if (now.sa_handler != SIG_IGN || !sigismember(&mask, SIGHUP))
		return 1;
	sigaction(SIGUSR2, NULL, &now);
	return now.sa_handler != SIG_DFL;
}

/* ---- what is one process's own ------------------------------------------------------------------ */

static void test_vectors(void)
{
	pid_t children[3];
	int good = 0;

	for (int i = 0; i < 3; i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(vectors_stay((uint8_t)(i * 50 + 1)) ? 0 : 1);
	}
	for (int i = 0; i < 3; i++)
		good += ended(children[i]) == 0;
	printf("vector registers: %d of 3 kept theirs\n", good);
}

static void test_preemption(void)
{
	pid_t child = fork();

	if (child == 0)
		for (;;)
			__asm__ volatile("");
	usleep(30000);
	CHECK(kill(child, SIGTERM) == 0);
	CHECK(ended(child) == 1000 + SIGTERM);
	printf("a spinning process was interrupted\n");
}

static void test_groups(void)
{
	pid_t children[3];
	int status;

	for (int i = 0; i < 3; i++) {
		children[i] = fork();
		if (children[i] == 0)
			for (;;)
				pause();
		CHECK(setpgid(children[i], children[0]) == 0);
	}
	CHECK(kill(children[1], SIGSTOP) == 0);
	CHECK(waitpid(-children[0], &status, WUNTRACED) == children[1] && WIFSTOPPED(status));
	CHECK(kill(children[1], SIGCONT) == 0);
	CHECK(waitpid(children[1], &status, WCONTINUED) == children[1] && WIFCONTINUED(status));
	CHECK(kill(-children[0], SIGKILL) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(waitpid(-children[0], &status, 0) > 0 && WTERMSIG(status) == SIGKILL);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	printf("groups: stopped, continued, killed\n");
}

static void test_bomb(void)
{
	pid_t bomber = fork();

	if (bomber == 0) {
		struct rlimit few = { 12, 12 };

		if (getuid() == 0)
			syscall(SYS_setresuid, 4242, 4242, 4242);
		setrlimit(RLIMIT_NPROC, &few);
		setpgid(0, 0);
		signal(SIGTERM, SIG_IGN);
		for (int i = 0; i < 1000; i++)
			if (fork() < 0 && errno != EAGAIN)
				_exit(1);
		signal(SIGTERM, SIG_DFL);
		usleep(1000);
		kill(0, SIGKILL);
	}
	CHECK(ended(bomber) == 1000 + SIGKILL);
	CHECK(waitpid(fork() ?: (_exit(0), 0), NULL, 0) > 0);
	printf("a fork bomb ended\n");
}

int main(int argc, char **argv)
{
	static char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	CHECK(length > 0);
	own_path = path;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1)
		return executed(argc, argv);
	test_memory();
	test_pipes();
	test_exec();
	test_vectors();
	test_preemption();
	test_groups();
	test_bomb();
	printf("%d failures\n", failures);
	return failures != 0;
}
