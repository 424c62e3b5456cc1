/* Datagrams with descriptors: see packet.h. */
#include "packet.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * CENO_PACKET_FDS_MAX)];
};

int ceno_packet_pair(int out[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, out) ? -errno : 0;
}

void ceno_packet_fds_close(struct ceno_packet_fds *fds)
{
	for (unsigned i = 0; i < fds->count; i++)
		if (fds->fd[i] >= 0)
			close(fds->fd[i]);
	fds->count = 0;
}

int ceno_packet_fds_take(struct ceno_packet_fds *fds, unsigned index)
{
	int fd = -1;

	if (index < fds->count) {
		fd = fds->fd[index];
		fds->fd[index] = -1;
	}
	return fd;
}

static void collect(struct msghdr *message, struct ceno_packet_fds *fds)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count && fds->count < CENO_PACKET_FDS_MAX; i++)
			memcpy(&fds->fd[fds->count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
}

ssize_t ceno_packet_receive(int socket, void *bytes, size_t max, struct ceno_packet_fds *fds)
{
	union control control;
	struct iovec vector = { .iov_base = bytes, .iov_len = max };
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes,
	};
	ssize_t n;

	fds->count = 0;
	/* A peer that closed with a record of ours unread leaves ECONNRESET, once, in front of its last words. */
	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return -errno;
	collect(&message, fds);
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		ceno_packet_fds_close(fds);
		return -EMSGSIZE;
	}
	return n;
}

int ceno_packet_send(int socket, const void *bytes, size_t length, const int *fds, unsigned fd_count)
{
	union control control;
	struct iovec vector = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = length };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
	ssize_t n;

	if (fd_count > CENO_PACKET_FDS_MAX)
		return -E2BIG;
	if (fd_count) {
		struct cmsghdr *c = &control.align;

		memset(&control, 0, sizeof control);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
	}
	do
		n = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}
