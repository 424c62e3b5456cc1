/*
 * Starting, killing and reaping ceno-vmm; see spawn.h.
 */
#include "spawn.h"
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMESPACES \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP)

#define CHILD_FD_BASE 64 /* above every number of both tables */

static int write_proc(pid_t pid, const char *name, const char *text)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, text, strlen(text));
	int error = n == (ssize_t)strlen(text) ? 0 : -errno;
	close(fd);
	return error;
}

static int write_maps(pid_t pid, uid_t uid)
{
	char map[64];
	snprintf(map, sizeof map, "0 %u 1\n", (unsigned)uid);
	int rc = write_proc(pid, "setgroups", "deny");
	if (rc == 0)
		rc = write_proc(pid, "gid_map", map);
	if (rc == 0)
		rc = write_proc(pid, "uid_map", map);
	return rc;
}

static int join(const struct ceno_spawn *spawn, const char *pid, size_t length)
{
	if (write(spawn->cgroup, pid, length) != (ssize_t)length)
		return errno;
	for (int i = 0; i < CENO_SPAWN_MORE_GROUPS; i++)
		if (spawn->more_groups[i] >= 0 && write(spawn->more_groups[i], pid, length) != (ssize_t)length)
			return errno;
	return 0;
}

/* v1: the groups' files were opened by the supervisor, whose rights count. Returns the pidfd of the
 * process that joins, or -errno; its exit status is the errno of the join. */
static int start_joiner(const struct ceno_spawn *spawn, pid_t pid)
{
	char text[16];
	int pidfd = -1, n = snprintf(text, sizeof text, "%d", (int)pid);
	struct clone_args args = { .flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD };
	pid_t joiner = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	if (joiner == 0)
		_exit(join(spawn, text, (size_t)n));
	return joiner < 0 ? -errno : pidfd;
}

/* ---- child: async-signal-safe calls only, errors go to the report pipe ------ */

static void child_fail(int report)
{
	int error = errno;
	if (write(report, &error, sizeof error) < 0)
		_exit(126);
	_exit(127);
}

static int lift(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, CHILD_FD_BASE);
}

/* Two passes, since sources and targets overlap. */
static int lay_out_table(const int *table)
{
	int high[CENO_VMM_FD_END];
	for (int i = 0; i < CENO_VMM_FD_END; i++) {
		high[i] = lift(table[i]);
		if (high[i] < 0 && table[i] >= 0)
			return -1;
	}
	for (int i = 0; i < CENO_VMM_FD_END; i++) {
		close(i);
		if (high[i] >= 0 && dup2(high[i], i) < 0)
			return -1;
	}
	return 0;
}

static int become_namespace_root(void)
{
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

static int reset_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	for (int number = 1; number < NSIG; number++)
		if (number != SIGKILL && number != SIGSTOP)
			signal(number, SIG_DFL);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void child_main(const struct ceno_spawn *spawn, int go, int report)
{
	char byte;
	static char name[] = "ceno-vmm";
	char *const argv[] = { name, NULL };
	char *const envp[] = { NULL };
	int executable = lift(spawn->executable);
	int high_report = lift(report), high_go = lift(go);
	if (high_report < 0 || high_go < 0 || executable < 0)
		child_fail(report);
	if (read(high_go, &byte, 1) != 1)
		_exit(127); /* the warden gave up or died */
	if (lay_out_table(spawn->table) < 0 || become_namespace_root() < 0 || reset_signals() < 0)
		child_fail(high_report);
	/* All above is close-on-exec; what the table left closed stays closed. */
	if (close_range(CENO_VMM_FD_END, CHILD_FD_BASE - 1, 0) < 0)
		child_fail(high_report);
	syscall(SYS_execveat, executable, "", argv, envp, AT_EMPTY_PATH);
	child_fail(high_report);
	abort();
}

/* ---- warden ------------------------------------------------------------------ */

static pid_t clone_child(const struct ceno_spawn *spawn, int *pidfd)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD | NAMESPACES,
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};
	if (spawn->cgroup_version == 2 && spawn->cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned)spawn->cgroup;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

static int admit(const struct ceno_spawn *spawn, struct ceno_child *child, int go)
{
	int rc = 0;
	if (spawn->cgroup_version == 1 && spawn->cgroup >= 0)
		rc = child->joiner = start_joiner(spawn, child->pid);
	if (rc >= 0)
		rc = write_maps(child->pid, spawn->uid);
	if (rc == 0 && write(go, "g", 1) != 1)
		rc = -errno;
	return rc;
}

int ceno_spawn_vmm(const struct ceno_spawn *spawn, struct ceno_child *child)
{
	int go[2], report[2];
	*child = (struct ceno_child){ .pidfd = -1, .report = -1, .joiner = -1 };
	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(report, O_CLOEXEC) < 0) {
		int error = errno;
		close(go[0]);
		close(go[1]);
		return -error;
	}
	int pidfd = -1;
	pid_t pid = clone_child(spawn, &pidfd);
	int error = pid < 0 ? -errno : 0;
	if (pid == 0) {
		close(go[1]); /* else the child would keep its own pipe open */
		child_main(spawn, go[0], report[1]);
	}
	close(go[0]);
	close(report[1]);
	if (error == 0) {
		*child = (struct ceno_child){ pid, pidfd, report[0], -1, 0 };
		error = admit(spawn, child, go[1]);
	} else {
		close(report[0]);
	}
	close(go[1]);
	if (error && child->pid) {
		uint32_t status;
		ceno_child_kill(child);
		ceno_child_reap(child, 1000, &status);
	}
	return error;
}

int ceno_spawn_wait(struct ceno_child *child, int ms)
{
	int error = 0;
	if (!ceno_record_wait(child->report, ms))
		return -ETIMEDOUT;
	ssize_t n = read(child->report, &error, sizeof error);
	ceno_fd_close(&child->report);
	if (n == 0)
		return 0;
	return n == (ssize_t)sizeof error ? -error : -EIO;
}

int ceno_spawn_launch(int control, const struct ceno_vmm_launch *launch, const int table[CENO_VMM_FD_END])
{
	int fds[CENO_VMM_STREAMS + CENO_VMM_SLOTS_MAX];
	unsigned count = 0;
	for (int stream = 0; stream < CENO_VMM_STREAMS; stream++)
		fds[count++] = table[stream];
	for (uint32_t i = 0; i < launch->slot_count; i++)
		if (!ceno_vmm_fd_is_node(launch->slots[i].fd))
			fds[count++] = table[launch->slots[i].fd];
	return ceno_record_send(control, launch, sizeof *launch, NULL, 0, fds, count);
}

static int wait_pidfd(int *pidfd, int ms, siginfo_t *info)
{
	int rc;
	memset(info, 0, sizeof *info);
	if (!ceno_record_wait(*pidfd, ms))
		return -ETIMEDOUT;
	do
		rc = waitid(P_PIDFD, (id_t)*pidfd, info, WEXITED);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return -errno;
	ceno_fd_close(pidfd);
	return 0;
}

int ceno_spawn_joined(struct ceno_child *child, int ms)
{
	siginfo_t info;
	if (child->joiner < 0)
		return child->joined;
	int rc = wait_pidfd(&child->joiner, ms, &info);
	if (rc == 0)
		child->joined = info.si_code == CLD_EXITED ? -info.si_status : -EINTR;
	return rc == 0 ? child->joined : rc;
}

static int send_signal(const struct ceno_child *child, int number)
{
	if (child->pidfd < 0)
		return 0;
	if (syscall(SYS_pidfd_send_signal, child->pidfd, number, NULL, 0) == 0 || errno == ESRCH)
		return 0;
	return -errno;
}

int ceno_child_kill(const struct ceno_child *child)
{
	return send_signal(child, SIGKILL);
}

/* A process is stopped when each of its threads has left the kernel for it, KVM_RUN included. */
int ceno_child_stop(const struct ceno_child *child, int ms)
{
	int rc = send_signal(child, SIGSTOP);
	for (; rc == 0; ms--) {
		siginfo_t info = { 0 };
		if (waitid(P_PIDFD, (id_t)child->pidfd, &info, WSTOPPED | WEXITED | WNOHANG | WNOWAIT) < 0 &&
		    errno != EINTR)
			return -errno;
		if (info.si_pid)
			return info.si_code == CLD_STOPPED ? 0 : -ESRCH;
		if (ms <= 0)
			return -ETIMEDOUT;
		poll(NULL, 0, 1);
	}
	return rc;
}

int ceno_child_continue(const struct ceno_child *child)
{
	return send_signal(child, SIGCONT);
}

int ceno_child_reap(struct ceno_child *child, int ms, uint32_t *status)
{
	siginfo_t info;
	*status = 0;
	if (child->pidfd < 0)
		return -ECHILD;
	/* The joiner ends by itself, at the latest when its grace period is over. */
	if (ceno_spawn_joined(child, ms) == -ETIMEDOUT)
		return -ETIMEDOUT;
	int rc = wait_pidfd(&child->pidfd, ms, &info);
	if (rc < 0)
		return rc;
	*status = ((uint32_t)info.si_status & 0xff) | (uint32_t)info.si_code << 8;
	ceno_fd_close(&child->report);
	child->pid = 0;
	return 0;
}
