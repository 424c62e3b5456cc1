/* The keeper of swtpm; keeper.h has the protocol. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attest/daemon/attestd.h"
#include "attest/tpm/swtpm.h"
#include "attest/tpm/tpm.h"

#define GRACE_MS  2000
#define SOCKET_FD 3 /* in the keeper */

/* ---- the keeper's side --------------------------------------------------------- */

int ceno_keeper_reply(int socket, const struct ceno_keeper_reply *reply, int fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	memset(&control, 0, sizeof(control));
	struct iovec iov = { .iov_base = (void *)(uintptr_t)reply, .iov_len = sizeof(*reply) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (!reply->error) {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(socket, &m, MSG_NOSIGNAL) == sizeof(*reply) ? 0 : -1;
}

static int keeper_main(int socket, const char *state_dir)
{
	struct ceno_swtpm child = { .data = -1, .control = -1 };
	struct ceno_keeper_request request;
	bool reset = true;
	for (;;) {
		ssize_t n = recv(socket, &request, sizeof(request), 0);
		if (n < 0 && (errno == EINTR || errno == ECONNRESET))
			continue;
		if (n != sizeof(request) || (request.verb != CENO_KEEPER_KEPT && request.verb != CENO_KEEPER_NEW))
			break;
		int error = CENO_TPM_OK;
		if (request.verb == CENO_KEEPER_NEW || ceno_swtpm_ended(&child)) {
			ceno_swtpm_stop(&child, reset ? 100 : 0);
			error = ceno_swtpm_start(&child, state_dir, reset);
			reset = reset && error;
		}
		const struct ceno_keeper_reply reply = { .number = request.number, .error = (uint32_t)-error };
		if (ceno_keeper_reply(socket, &reply, child.data))
			break;
	}
	ceno_swtpm_stop(&child, GRACE_MS);
	return 0;
}

/* Everything but the socket closed, nothing inherited but standard error. */
static int keeper_confine(int socket)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "attest-keeper");
	/* Ctrl-C and SIGTERM to the group are for attest, which ends us in order. */
	setsid();
	if (socket != SOCKET_FD && dup2(socket, SOCKET_FD) < 0)
		return -1;
	close_range(SOCKET_FD + 1, ~0u, 0);
	return fcntl(SOCKET_FD, F_SETFD, FD_CLOEXEC) || ceno_attestd_drop_privileges();
}

int ceno_keeper_serve(const char *folder)
{
	char state_dir[4096];
	int n = snprintf(state_dir, sizeof(state_dir), "%s/tpm", folder);
	signal(SIGPIPE, SIG_IGN);
	if (n < 0 || (size_t)n >= sizeof(state_dir) || (mkdir(folder, 0700) && errno != EEXIST) ||
	    (mkdir(state_dir, 0700) && errno != EEXIST)) {
		ceno_attestd_say("%s: %s", folder, strerror(errno));
		return 1;
	}
	return keeper_confine(SOCKET_FD) ? 1 : keeper_main(SOCKET_FD, state_dir);
}

/* ---- attest's side --------------------------------------------------------------- */

bool ceno_keeper_inherited(struct ceno_keeper *keeper)
{
	int type = 0;
	socklen_t n = sizeof(type);
	if (getsockopt(CENO_KEEPER_FD, SOL_SOCKET, SO_TYPE, &type, &n) || type != SOCK_SEQPACKET)
		return false;
	fcntl(CENO_KEEPER_FD, F_SETFD, FD_CLOEXEC);
	*keeper = (struct ceno_keeper){ .socket = CENO_KEEPER_FD, .number = (uint32_t)getpid() << 8 };
	return true;
}

int ceno_keeper_start(struct ceno_keeper *keeper, const char *state_dir)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	pid_t parent = getpid(), pid = fork();
	if (pid == 0) {
		if (keeper_confine(pair[1]) || getppid() != parent)
			_exit(1);
		_exit(keeper_main(SOCKET_FD, state_dir));
	}
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -1;
	}
	*keeper = (struct ceno_keeper){ .pid = pid, .socket = pair[0] };
	return 0;
}

/* One reply. Returns its descriptor, -1: it carries an error; -2: the keeper is gone. */
static int receive_reply(int socket, struct ceno_keeper_reply *reply)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = reply, .iov_len = sizeof(*reply) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)
	};
	int fd = -1;
	ssize_t n;
	do {
		n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(*reply))
		return -2;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

int ceno_keeper_tpm(struct ceno_keeper *keeper, bool restart)
{
	const struct ceno_keeper_request request = { .verb = restart ? CENO_KEEPER_NEW : CENO_KEEPER_KEPT,
		                                     .number = ++keeper->number };
	struct ceno_keeper_reply reply;
	if (send(keeper->socket, &request, sizeof(request), MSG_NOSIGNAL) != sizeof(request))
		return -2;
	for (;;) {
		int fd = receive_reply(keeper->socket, &reply);
		if (fd == -2 || reply.number == request.number)
			return fd;
		if (fd >= 0)
			close(fd); /* asked for by an attest that died before the answer */
	}
}

void ceno_keeper_stop(struct ceno_keeper *keeper)
{
	if (keeper->socket > 0)
		close(keeper->socket);
	keeper->socket = 0;
	while (keeper->pid > 0 && waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
		;
	keeper->pid = 0;
}
