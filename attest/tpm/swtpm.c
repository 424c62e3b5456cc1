/*
 * Starting and ending the embedded swtpm. Between fork and exec only
 * async-signal-safe calls: everything that allocates happens before.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attest/tpm/swtpm.h"
#include "attest/tpm/tpm.h"

#define CHILD_DATA    3
#define CHILD_CONTROL 4

/* Runs in the child: never returns. */
static void child_exec(int data, int control, pid_t parent, char *const argv[])
{
	/* Above the numbers that dup2 is about to fill. */
	int high_data = fcntl(data, F_DUPFD, 10), high_control = fcntl(control, F_DUPFD, 10);
	int null = open("/dev/null", O_RDWR);
	if (high_data < 0 || high_control < 0 || null < 0)
		_exit(127);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	dup2(high_data, CHILD_DATA);
	dup2(high_control, CHILD_CONTROL);
	close_range(CHILD_CONTROL + 1, ~0u, 0);
	/* A terminal's Ctrl-C is for the daemon, which then shuts the TPM down in order. */
	setsid();
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	execv("/usr/bin/swtpm", argv);
	execvp("swtpm", argv);
	_exit(127);
}

int ceno_swtpm_start(struct ceno_swtpm *out, const char *state_dir)
{
	int data[2], control[2];
	char state[4096 + 8];
	*out = (struct ceno_swtpm){ .data = -1, .control = -1 };
	int n = snprintf(state, sizeof(state), "dir=%s", state_dir);
	if (n < 0 || (size_t)n >= sizeof(state) || strchr(state_dir, ','))
		return CENO_TPM_SPAWN;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, data))
		return CENO_TPM_SPAWN;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control)) {
		close(data[0]);
		close(data[1]);
		return CENO_TPM_SPAWN;
	}
	char *const argv[] = { "swtpm",
		               "socket",
		               "--tpm2",
		               "--tpmstate",
		               state,
		               "--fd",
		               "3",
		               "--ctrl",
		               "type=unixio,clientfd=4",
		               "--flags",
		               "not-need-init,startup-clear",
		               "--seccomp",
		               "action=kill",
		               "--terminate",
		               NULL };
	pid_t parent = getpid(), pid = fork();
	if (pid == 0)
		child_exec(data[1], control[1], parent, argv);
	close(data[1]);
	close(control[1]);
	if (pid < 0) {
		close(data[0]);
		close(control[0]);
		return CENO_TPM_SPAWN;
	}
	*out = (struct ceno_swtpm){ .pid = pid, .data = data[0], .control = control[0] };
	return CENO_TPM_OK;
}

static void close_once(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void ceno_swtpm_stop(struct ceno_swtpm *child, unsigned grace_ms)
{
	close_once(&child->data);
	close_once(&child->control);
	if (child->pid <= 0)
		return;
	for (unsigned waited = 0; waited < grace_ms; waited += 5) {
		pid_t got = waitpid(child->pid, NULL, WNOHANG);
		if (got == child->pid || (got < 0 && errno == ECHILD)) {
			child->pid = 0;
			return;
		}
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	kill(child->pid, SIGKILL);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
	child->pid = 0;
}
