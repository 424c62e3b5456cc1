/* Records in and out: one SOCK_SEQPACKET datagram each, never waiting. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attest/daemon/attestd.h"

#define FDS_MAX 8 /* as many as a peer might try to pass; more are dropped by the kernel */

/* Collect the descriptors of a message; their number. */
static size_t take_fds(struct msghdr *m, int fds[FDS_MAX])
{
	size_t n = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t bytes = c->cmsg_len - CMSG_LEN(0);
		for (size_t at = 0; at + sizeof(int) <= bytes && n < FDS_MAX; at += sizeof(int))
			memcpy(&fds[n++], CMSG_DATA(c) + at, sizeof(int));
	}
	return n;
}

ssize_t ceno_attestd_receive(int socket, void *buffer, size_t size, int *fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = buffer, .iov_len = size };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)
	};
	int fds[FDS_MAX];
	ssize_t n;
	*fd = -1;
	/* A peer that closed with a record of ours unread leaves ECONNRESET, once, in front of its last words. */
	do {
		n = recvmsg(socket, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return errno == EAGAIN ? -1 : -2;
	size_t count = take_fds(&m, fds);
	if (count > 1 || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		for (size_t i = 0; i < count; i++)
			close(fds[i]);
		return -2;
	}
	if (count)
		*fd = fds[0];
	return n;
}

int ceno_attestd_send(int socket, const void *head, size_t head_bytes, const void *tail, size_t tail_bytes)
{
	struct iovec iov[2] = {
		{ .iov_base = (void *)(uintptr_t)head, .iov_len = head_bytes },
		{ .iov_base = (void *)(uintptr_t)tail, .iov_len = tail_bytes },
	};
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = tail_bytes ? 2 : 1 };
	ssize_t n;
	do {
		n = sendmsg(socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)(head_bytes + tail_bytes))
		return 0;
	return n < 0 && (errno == EAGAIN || errno == ENOBUFS) ? -1 : -2;
}
