/*
 * Receiving a session. See receive.h.
 */
#include "vmm/core/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/sandbox/jail.h"

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int) * CENO_VMM_SENT_MAX)];
};

static void take(struct ceno_received *received, const struct cmsghdr *c)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < n; i++) {
		int fd;
		memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
		if (received->count < CENO_VMM_SENT_MAX)
			received->fd[received->count++] = fd;
		else
			close(fd);
	}
}

int ceno_receive(int socket, void *buffer, size_t size, struct ceno_received *received)
{
	union control control;
	struct iovec part = { buffer, size };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	ssize_t n;
	*received = (struct ceno_received){ 0 };
	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take(received, c);
	received->bytes = (size_t)n;
	return n > 0;
}

static enum ceno_jail_type type_of(int fd)
{
	if (fd <= CENO_VMM_FD_STDERR)
		return CENO_JAIL_FD_STREAM;
	return fd <= CENO_VMM_FD_IMAGE ? CENO_JAIL_FD_MEMORY_RO : CENO_JAIL_FD_MEMORY_RW;
}

/* Who asks for descriptors, in the order in which they are sent. */
static unsigned places(const struct ceno_vmm_launch *launch, int place[CENO_VMM_STREAMS + CENO_VMM_SLOTS_MAX])
{
	unsigned count = 0;
	for (int stream = 0; stream < CENO_VMM_STREAMS; stream++)
		place[count++] = stream;
	for (uint32_t i = 0; i < launch->slot_count; i++)
		if (!ceno_vmm_fd_is_node(launch->slots[i].fd))
			place[count++] = (int)launch->slots[i].fd;
	return count;
}

static int check(const int *place, unsigned count, const struct ceno_received *received)
{
	if (received->count != count)
		return -EBADF;
	for (unsigned i = 0; i < count; i++) {
		const struct ceno_jail_fd want = { .fd = received->fd[i], .type = type_of(place[i]), .required = 1 };
		if (ceno_jail_check_fd(&want) < 0)
			return -errno;
	}
	return 0;
}

int ceno_receive_place(const struct ceno_vmm_launch *launch, struct ceno_received *received)
{
	int place[CENO_VMM_STREAMS + CENO_VMM_SLOTS_MAX];
	unsigned count = places(launch, place);
	int result = check(place, count, received);
	for (unsigned i = 0; i < count && !result; i++)
		if (dup3(received->fd[i], place[i], O_CLOEXEC) < 0)
			result = -errno;
	for (unsigned i = 0; i < received->count; i++)
		close(received->fd[i]);
	received->count = 0;
	return result;
}
