/*
 * How long it takes to jail a process, and the machine's own floor beside it.
 *
 * Usage: bench_jail RUNS. Prints one line a run: jail_us N, floor_us N.
 *   jail   from the warden's clone3 (seven namespaces, maps, exec) to the end of the last step of
 *          ceno_jail_enter and the filter, as the process itself says over its control socket
 *   floor  from fork to the same word of the same executable, executed without any of it
 * 200 ms of rest before each. The child is this program again, under the name that the
 * warden gives its vmm (jail) or "floor".
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vmm/sandbox/filter.h"
#include "vmm/sandbox/jail.h"
#include "vmm/warden/spawn.h"

#define BENCH_UID 64998 /* outer; nobody else's */
#define REST_NS   200000000

static int say(void)
{
	return write(CENO_VMM_FD_CONTROL, "j", 1) == 1 ? 0 : 1;
}

static int be_jailed(void)
{
	static const struct ceno_jail_fd keep[] = {
		{ CENO_VMM_FD_CONTROL, CENO_JAIL_FD_SOCKET, 1 },
		{ CENO_VMM_FD_KVM, CENO_JAIL_FD_KVM, 0 },
		{ CENO_VMM_FD_FIRMWARE, CENO_JAIL_FD_MEMORY_RO, 1 },
	};
	const struct ceno_jail_options options = { keep, sizeof keep / sizeof keep[0], CENO_VMM_FD_CONTROL, 64 };
	struct ceno_jail_result result;
	if (ceno_jail_enter(&options, &result) < 0 || ceno_filter_install() < 0)
		_exit(1);
	_exit(say());
}

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void rest(void)
{
	const struct timespec pause = { .tv_nsec = REST_NS };
	nanosleep(&pause, NULL);
}

static _Noreturn void give_up(const char *what)
{
	perror(what);
	exit(1);
}

/* Until the child spoke. */
static double waited_us(int socket, double since)
{
	char byte;
	if (read(socket, &byte, 1) != 1) {
		fputs("bench_jail: the child ended without a word\n", stderr);
		exit(1);
	}
	return now_us() - since;
}

static double jail_us(int executable, int memory)
{
	struct ceno_spawn spawn = {
		.executable = executable, .cgroup = -1, .more_groups = { -1, -1 }, .uid = BENCH_UID
	};
	struct ceno_child child;
	uint32_t status;
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		give_up("socketpair");
	for (int i = 0; i < CENO_VMM_FD_END; i++)
		spawn.table[i] = -1;
	spawn.table[CENO_VMM_FD_CONTROL] = pair[1];
	spawn.table[CENO_VMM_FD_FIRMWARE] = memory;
	double begin = now_us();
	if (ceno_spawn_vmm(&spawn, &child) < 0)
		give_up("clone3");
	close(pair[1]);
	double took = waited_us(pair[0], begin);
	ceno_child_reap(&child, 5000, &status);
	close(pair[0]);
	return took;
}

static double floor_us(int executable)
{
	char name[] = "floor";
	char *const argv[] = { name, NULL }, *const none[] = { NULL };
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		give_up("socketpair");
	double begin = now_us();
	pid_t pid = fork();
	if (pid == 0) {
		dup2(pair[1], CENO_VMM_FD_CONTROL);
		syscall(SYS_execveat, executable, "", argv, none, AT_EMPTY_PATH);
		_exit(127);
	}
	close(pair[1]);
	double took = waited_us(pair[0], begin);
	waitpid(pid, NULL, 0);
	close(pair[0]);
	return took;
}

int main(int argc, char **argv)
{
	if (strcmp(argv[0], "ceno-vmm") == 0)
		return be_jailed();
	if (strcmp(argv[0], "floor") == 0)
		return say();
	/* Out of the way of the child's control socket. */
	int executable = fcntl(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), F_DUPFD_CLOEXEC, 32);
	int memory = memfd_create("bench", MFD_CLOEXEC);
	char path[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
	memory = open(path, O_RDONLY | O_CLOEXEC);
	if (executable < 0 || memory < 0)
		give_up("bench_jail");
	for (long i = argc > 1 ? strtol(argv[1], NULL, 10) : 5; i > 0; i--) {
		rest();
		double jail = jail_us(executable, memory);
		rest();
		printf("jail_us %.0f floor_us %.0f\n", jail, floor_us(executable));
	}
	return fflush(stdout) ? 1 : 0;
}
