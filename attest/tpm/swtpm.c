/*
 * Starting and ending the embedded swtpm. Between fork and exec only
 * async-signal-safe calls: everything that allocates happens before.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

#define VOLATILE_STATE "tpm2-00.volatilestate" /* in swtpm's directory, as swtpm names it */
#define START_MS       5000

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

/*
 * The control channel's CMD_STORE_VOLATILE (swtpm_ioctls(3)): a big-endian code, answered by one.
 * Returns whether it was answered: on a full disk it cannot save, and then its death is a reset.
 */
static bool save_volatile(const struct ceno_swtpm *child)
{
	static const uint8_t request[4] = { 0, 0, 0, 10 };
	struct pollfd p = { .fd = child->control, .events = POLLIN };
	uint8_t answer[4];
	return send(child->control, request, sizeof(request), MSG_NOSIGNAL) == sizeof(request) &&
	    poll(&p, 1, START_MS) == 1 && recv(child->control, answer, sizeof(answer), 0) == sizeof(answer);
}

static bool forget_volatile(const char *state_dir)
{
	char path[4096 + sizeof(VOLATILE_STATE)];
	snprintf(path, sizeof(path), "%s/" VOLATILE_STATE, state_dir);
	return !unlink(path) || errno == ENOENT;
}

int ceno_swtpm_start(struct ceno_swtpm *out, const char *state_dir, bool reset)
{
	int data[2], control[2];
	char state[4096 + 8];
	*out = (struct ceno_swtpm){ .data = -1, .control = -1 };
	int n = snprintf(state, sizeof(state), "dir=%s", state_dir);
	if (n < 0 || (size_t)n >= sizeof(state) || strchr(state_dir, ',') || (reset && !forget_volatile(state_dir)))
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
	if (save_volatile(out))
		return CENO_TPM_OK;
	ceno_swtpm_stop(out, 0);
	return CENO_TPM_SPAWN;
}

bool ceno_swtpm_ended(struct ceno_swtpm *child)
{
	if (child->pid > 0 && !waitpid(child->pid, NULL, WNOHANG))
		return false;
	child->pid = 0;
	return true;
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
		if (ceno_swtpm_ended(child))
			return;
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	kill(child->pid, SIGKILL);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
	child->pid = 0;
}
