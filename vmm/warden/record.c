/*
 * Records over SOCK_SEQPACKET; see record.h.
 */
#include "record.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int) * CENO_RECORD_FDS_MAX)];
};

/* Moves every descriptor of the message into fds; one more than fits is closed. */
static unsigned take_descriptors(struct msghdr *message, int *fds, unsigned max)
{
	unsigned count = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (count < max)
				fds[count++] = fd;
			else
				close(fd);
		}
	}
	return count;
}

int ceno_record_recv(int fd, void *record, size_t size, int *fds, unsigned *count)
{
	union control control;
	struct iovec part = { record, size };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};
	if (fds)
		for (unsigned i = 0; i < CENO_RECORD_FDS_MAX; i++)
			fds[i] = -1;
	if (count)
		*count = 0;
	ssize_t n;
	/* A peer that closed with a record of ours unread leaves ECONNRESET, once, in front of its last words. */
	do
		n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	int none[1];
	unsigned received = take_descriptors(&message, fds ? fds : none, fds ? CENO_RECORD_FDS_MAX : 0);
	if (count)
		*count = received;
	if (n == 0)
		return 0;
	if ((size_t)n != size || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return -EPROTO;
	return 1;
}

int ceno_record_send(int fd, const void *record, size_t size, const void *body, size_t body_bytes, const int *fds,
                     unsigned count)
{
	union control control;
	struct iovec parts[2] = { { (void *)record, size }, { (void *)body, body_bytes } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = body_bytes ? 2 : 1 };
	if (count > CENO_RECORD_FDS_MAX)
		return -EINVAL;
	if (count) {
		memset(&control, 0, sizeof control);
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
	}
	ssize_t n;
	do
		n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return (size_t)n == size + body_bytes ? 0 : -EPROTO;
}

int ceno_record_wait(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;
	do
		n = poll(&p, 1, ms);
	while (n < 0 && errno == EINTR);
	return n > 0;
}
