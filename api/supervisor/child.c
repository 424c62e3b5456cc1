/* Children: see child.h. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_FD  3
#define PARKED_FD 256 /* descriptors are moved above this before the table is laid out */

/* The state directory may lie where only root can go (a checkout below /root). */
static void bind_home(const struct ceno_child_spec *spec)
{
	if (!spec->home)
		return;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(spec->home, spec->home_at, NULL, MS_BIND, NULL))
		_exit(127);
}

static void become(uid_t uid)
{
	if (!uid)
		return;
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		_exit(127);
}

/* Lays out descriptors 3.. as the table says and closes the rest; returns the executable's place. */
static int lay_out(const struct ceno_child_spec *spec)
{
	int parked[CENO_CHILD_FDS_MAX], executable, null;
	int last = FIRST_FD + (int)spec->fd_count;

	for (unsigned i = 0; i < spec->fd_count; i++) {
		parked[i] = -1;
		if (spec->fds[i] >= 0 && (parked[i] = fcntl(spec->fds[i], F_DUPFD_CLOEXEC, PARKED_FD)) < 0)
			_exit(127);
	}
	executable = fcntl(spec->executable, F_DUPFD_CLOEXEC, PARKED_FD);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (executable < 0 || null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0)
		_exit(127);
	for (unsigned i = 0; i < spec->fd_count; i++) {
		if (parked[i] < 0)
			close(FIRST_FD + (int)i);
		else if (dup2(parked[i], FIRST_FD + (int)i) < 0)
			_exit(127);
	}
	if (dup3(executable, last, O_CLOEXEC) < 0 || close_range((unsigned)last + 1, ~0u, 0))
		_exit(127);
	return last;
}

static _Noreturn void run_child(const struct ceno_child_spec *spec)
{
	char *environment[] = { NULL };
	sigset_t none;
	int executable;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int s = 1; s < 32; s++)
		signal(s, SIG_DFL);
	setsid();
	bind_home(spec);
	executable = lay_out(spec);
	become(spec->uid);
	syscall(SYS_execveat, executable, "", (char *const *)(uintptr_t)spec->argv, environment, AT_EMPTY_PATH);
	_exit(127);
}

static void on_closed(uv_handle_t *handle)
{
	struct ceno_child *child = handle->data;

	close(child->pidfd);
	child->pidfd = -1;
	child->pid = 0;
	child->on_exit(child);
}

static void on_pidfd(uv_poll_t *poll, int status, int events)
{
	struct ceno_child *child = poll->data;

	(void)status;
	(void)events;
	if (waitpid(child->pid, &child->wait_status, WNOHANG) != child->pid)
		return;
	uv_close((uv_handle_t *)poll, on_closed);
}

int ceno_child_start(uv_loop_t *loop, struct ceno_child *child, const struct ceno_child_spec *spec,
                     void (*on_exit)(struct ceno_child *child), void *owner)
{
	pid_t pid;
	int rc;

	if (spec->fd_count > CENO_CHILD_FDS_MAX)
		return -E2BIG;
	memset(child, 0, sizeof *child);
	child->pidfd = -1;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_child(spec);
	child->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	rc = child->pidfd < 0 ? -errno : uv_poll_init(loop, &child->poll, child->pidfd);
	if (rc) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (child->pidfd >= 0)
			close(child->pidfd);
		return rc;
	}
	child->pid = pid;
	child->on_exit = on_exit;
	child->owner = owner;
	child->poll.data = child;
	uv_poll_start(&child->poll, UV_READABLE, on_pidfd);
	return 0;
}

void ceno_child_signal(struct ceno_child *child, int signal_number)
{
	if (child->pid && child->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, child->pidfd, signal_number, NULL, 0);
}
