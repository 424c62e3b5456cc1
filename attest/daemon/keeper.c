/* The keeper of swtpm; keeper.h has the protocol. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attest/daemon/attestd.h"
#include "attest/tpm/swtpm.h"
#include "attest/tpm/tpm.h"

#define GRACE_MS 2000

union one_fd {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static int send_fd(int socket, int fd)
{
	char byte = fd >= 0;
	union one_fd control;
	memset(&control, 0, sizeof(control));
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (fd >= 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(socket, &m, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static int receive_fd(int socket)
{
	char byte = 0;
	int fd = -1;
	union one_fd control;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)
	};
	ssize_t n;
	do {
		n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	struct cmsghdr *c = n == 1 ? CMSG_FIRSTHDR(&m) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

/* The keeper's whole life. */
static void keeper_main(int socket, const char *state_dir)
{
	struct ceno_swtpm child = { .data = -1, .control = -1 };
	char byte;
	for (;;) {
		ssize_t n = read(socket, &byte, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != 1)
			break;
		ceno_swtpm_stop(&child, 100);
		int error = ceno_swtpm_start(&child, state_dir);
		int sent = send_fd(socket, error ? -1 : child.data);
		if (!error)
			close(child.data);
		child.data = -1;
		if (sent)
			break;
	}
	ceno_swtpm_stop(&child, GRACE_MS);
	_exit(0);
}

int ceno_keeper_start(struct ceno_keeper *keeper, const char *state_dir)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	pid_t parent = getpid(), pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "attest-keeper");
		if (getppid() != parent)
			_exit(1);
		/* Ctrl-C and SIGTERM to the group are for attest, which ends us in order. */
		setsid();
		int socket = dup2(pair[1], 3);
		close_range(4, ~0u, 0);
		fcntl(socket, F_SETFD, FD_CLOEXEC);
		if (ceno_attestd_drop_privileges())
			_exit(1);
		keeper_main(socket, state_dir);
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -1;
	}
	*keeper = (struct ceno_keeper){ .pid = pid, .socket = pair[0] };
	return 0;
}

int ceno_keeper_new_tpm(struct ceno_keeper *keeper)
{
	char byte = 1;
	if (send(keeper->socket, &byte, 1, MSG_NOSIGNAL) != 1)
		return -1;
	return receive_fd(keeper->socket);
}

void ceno_keeper_stop(struct ceno_keeper *keeper)
{
	if (keeper->pid <= 0)
		return;
	close(keeper->socket);
	while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
		;
	keeper->pid = 0;
}
