/*
 * Sockets: pairs of AF_UNIX within the session, and nothing that leads out of it. Each
 * side has a ring that the other writes into; DGRAM and SEQPACKET put a length before each
 * message. A message that does not fit waits; a stream is a pipe in both directions.
 */
#include "calls.h"
#include "poll.h"
#include "process.h"
#include "vm.h"

#define RING_BYTES (CENO_PAGE << CENO_PIPE_ORDER)

static struct ceno_inode *peer_of(const struct ceno_inode *inode)
{
	return inode->socket->peer;
}

static int is_message(const struct ceno_inode *inode)
{
	return inode->socket->type != LX_SOCK_STREAM;
}

void ceno_socket_close(struct ceno_inode *inode)
{
	struct ceno_socket *socket = inode->socket;

	if (socket->peer) {
		socket->peer->socket->peer = NULL;
		ceno_file_changed(socket->peer);
	}
	ceno_ring_free(&socket->in);
	ceno_pool_give(socket, sizeof(*socket));
}

/* Nothing will come any more. */
static int at_end(const struct ceno_socket *socket)
{
	return socket->no_more || !socket->peer;
}

int64_t ceno_socket_begin(struct ceno_file *file, int writing, uint64_t whole)
{
	struct ceno_socket *socket = file->inode->socket, *to = socket->peer ? socket->peer->socket : NULL;
	uint32_t length = (uint32_t)whole;

	if (socket->alone)
		return writing ? -LX_ENOTCONN : socket->type == LX_SOCK_STREAM ? -LX_EINVAL : -LX_ENOTCONN;
	if (writing) {
		if (!to || to->no_more || socket->shut)
			return -LX_EPIPE;
		if (!is_message(file->inode))
			return whole && !ceno_ring_room(&to->in) ? -LX_EAGAIN : (int64_t)whole;
		if (whole + sizeof(length) > RING_BYTES)
			return -LX_EMSGSIZE;
		if (ceno_ring_room(&to->in) < whole + sizeof(length))
			return -LX_EAGAIN;
		if (ceno_ring_put(&to->in, &length, sizeof(length)) < 0)
			return -LX_ENOMEM;
		ceno_file_changed(socket->peer);
		return (int64_t)whole;
	}
	if (!ceno_ring_bytes(&socket->in))
		return at_end(socket) ? 0 : -LX_EAGAIN;
	if (!is_message(file->inode))
		return INT64_MAX;
	ceno_ring_get(&socket->in, &length, sizeof(length));
	return length;
}

void ceno_socket_skip(struct ceno_file *file, uint64_t bytes)
{
	ceno_ring_skip(&file->inode->socket->in, (uint32_t)bytes);
}

int64_t ceno_socket_read(struct ceno_file *file, void *to, uint64_t bytes)
{
	struct ceno_socket *socket = file->inode->socket;
	int64_t got = ceno_ring_get(&socket->in, to, bytes);

	if (socket->peer)
		ceno_file_changed(socket->peer);
	return got || at_end(socket) ? got : -LX_EAGAIN;
}

int64_t ceno_socket_write(struct ceno_file *file, const void *from, uint64_t bytes)
{
	struct ceno_inode *peer = peer_of(file->inode);
	int64_t put = peer ? ceno_ring_put(&peer->socket->in, from, bytes) : -LX_EPIPE;

	if (put > 0)
		ceno_file_changed(peer);
	return put;
}

uint32_t ceno_socket_poll(const struct ceno_file *file)
{
	const struct ceno_socket *socket = file->inode->socket;
	uint32_t bits = ceno_ring_bytes(&socket->in) || at_end(socket) ? LX_POLLIN : 0u;

	if (at_end(socket))
		bits |= LX_POLLRDHUP;
	if (!socket->peer || (socket->no_more && socket->shut))
		bits |= LX_POLLHUP;
	if (!socket->peer || ceno_ring_room(&socket->peer->socket->in) >= CENO_PAGE)
		bits |= LX_POLLOUT;
	return bits;
}

static struct ceno_inode *new_socket(uint32_t type)
{
	struct ceno_socket *socket = ceno_pool_take(sizeof(*socket));
	struct ceno_inode *inode = socket ? ceno_inode_new(CENO_INODE_SOCKET, 0777) : NULL;

	if (!inode) {
		if (socket)
			ceno_pool_give(socket, sizeof(*socket));
		return NULL;
	}
	socket->type = type;
	socket->in.order = CENO_PIPE_ORDER;
	inode->socket = socket;
	return inode;
}

/* Of socket and socketpair: what they must not have. */
static int64_t check(const uint64_t a[6])
{
	uint32_t type = (uint32_t)a[1] & 15;

	if ((uint32_t)a[1] & ~(uint32_t)(15 | LX_O_CLOEXEC | LX_O_NONBLOCK))
		return -LX_EINVAL;
	if ((uint32_t)a[2] > 1)
		return -LX_EPROTONOSUPPORT;
	return type == LX_SOCK_STREAM || type == LX_SOCK_DGRAM || type == LX_SOCK_SEQPACKET ? 0 : -LX_ESOCKTNOSUPPORT;
}

/* Nothing outside can be reached without a window for it; within, only pairs exist. */
int64_t ceno_sys_socket(const uint64_t a[6])
{
	struct ceno_inode *inode;
	int64_t error;

	if ((uint32_t)a[0] == LX_AF_INET || (uint32_t)a[0] == LX_AF_INET6) {
		ceno_run.missing |= 1u << CENO_PLEDGE_NET;
		return -LX_EACCES;
	}
	if ((uint32_t)a[0] != LX_AF_UNIX)
		return -LX_EAFNOSUPPORT;
	error = check(a);
	if (error)
		return error;
	inode = new_socket((uint32_t)a[1] & 15);
	if (!inode)
		return -LX_ENOMEM;
	inode->socket->alone = 1;
	return ceno_fd_open(inode, NULL, LX_O_RDWR | ((uint32_t)a[1] & ~15u), 0);
}

int64_t ceno_sys_socketpair(const uint64_t a[6])
{
	uint32_t type = (uint32_t)a[1] & 15, flags = (uint32_t)a[1] & ~15u;
	struct ceno_inode *one, *two;
	int64_t ends[2];
	int32_t out[2];

	int64_t error = check(a);

	if (error)
		return error;
	if ((uint32_t)a[0] != LX_AF_UNIX)
		return (uint32_t)a[0] == LX_AF_INET ? -LX_EOPNOTSUPP : -LX_EAFNOSUPPORT;
	if (ceno_user_check_write(a[3], sizeof(out)))
		return -LX_EFAULT;
	one = new_socket(type);
	two = new_socket(type);
	if (one && two) {
		one->socket->peer = two;
		two->socket->peer = one;
	} else {
		if (one)
			ceno_inode_settle(one);
		if (two)
			ceno_inode_settle(two);
		return -LX_ENOMEM;
	}
	ends[0] = ceno_fd_open(one, NULL, LX_O_RDWR | flags, 0);
	ends[1] = ceno_fd_open(two, NULL, LX_O_RDWR | flags, 0);
	if (ends[0] < 0 || ends[1] < 0) {
		if (ends[0] >= 0)
			ceno_fd_close((int32_t)ends[0]);
		return ends[1];
	}
	out[0] = (int32_t)ends[0];
	out[1] = (int32_t)ends[1];
	return ceno_user_write(a[3], out, sizeof(out));
}

static struct ceno_socket *find(uint64_t fd, int64_t *error)
{
	struct ceno_file *file = ceno_fd_file((int32_t)fd);

	*error = !file ? -LX_EBADF : file->inode->kind == CENO_INODE_SOCKET ? 0 : -LX_ENOTSOCK;
	return *error ? NULL : file->inode->socket;
}

/* No socket has a name, so nobody listens at any. */
int64_t ceno_sys_connect(const uint64_t a[6])
{
	uint16_t family;
	struct ceno_walk walk;
	int64_t error;

	if (!find(a[0], &error))
		return error;
	if (ceno_user_read(&family, a[1], sizeof(family)))
		return -LX_EFAULT;
	if (family != LX_AF_UNIX || (uint32_t)a[2] <= sizeof(family))
		return -LX_EINVAL;
	error = ceno_path_user((uint64_t)LX_AT_FDCWD, a[1] + sizeof(family), 0, &walk);
	return error ? error : walk.inode ? -LX_ECONNREFUSED : -LX_ENOENT;
}

int64_t ceno_sys_shutdown(const uint64_t a[6])
{
	int64_t error;
	struct ceno_socket *socket = find(a[0], &error);

	if (!socket)
		return error;
	if ((uint32_t)a[1] > 2)
		return -LX_EINVAL;
	if ((uint32_t)a[1] != 1)
		socket->no_more = 1;
	if ((uint32_t)a[1] != 0) {
		socket->shut = 1;
		if (socket->peer)
			socket->peer->socket->no_more = 1;
	}
	if (socket->peer)
		ceno_file_changed(socket->peer);
	ceno_file_changed(ceno_fd_file((int32_t)a[0])->inode);
	return 0;
}

/* Both names of a pair are empty: the family and nothing more. */
int64_t ceno_sys_getsockname(const uint64_t a[6])
{
	const uint16_t family = LX_AF_UNIX;
	const uint32_t length = sizeof(family);
	uint32_t room;
	int64_t error;

	if (!find(a[0], &error))
		return error;
	if (ceno_user_read(&room, a[2], sizeof(room)))
		return -LX_EFAULT;
	if ((int32_t)room < 0)
		return -LX_EINVAL;
	return ceno_user_write(a[1], &family, room < length ? room : length) ||
		ceno_user_write(a[2], &length, sizeof(length))
	    ? -LX_EFAULT
	    : 0;
}

int64_t ceno_sys_getpeername(const uint64_t a[6])
{
	return ceno_sys_getsockname(a);
}

int64_t ceno_sys_getsockopt(const uint64_t a[6])
{
	enum { SOCKET = 1, TYPE = 3, ERROR = 4, SNDBUF = 7, RCVBUF = 8, PROTOCOL = 38, DOMAIN = 39 };
	int64_t error;
	const struct ceno_socket *socket = find(a[0], &error);
	uint32_t value = 0, room;

	if (!socket)
		return error;
	if (ceno_user_read(&room, a[4], sizeof(room)))
		return -LX_EFAULT;
	if ((uint32_t)a[1] != SOCKET)
		return -LX_EOPNOTSUPP;
	switch ((uint32_t)a[2]) {
	case TYPE:
		value = socket->type;
		break;
	case DOMAIN:
		value = LX_AF_UNIX;
		break;
	case SNDBUF:
	case RCVBUF:
		value = (uint32_t)RING_BYTES;
		break;
	case ERROR:
	case PROTOCOL:
		break;
	default:
		return -LX_ENOPROTOOPT;
	}
	room = room < sizeof(value) ? room : sizeof(value);
	return ceno_user_write(a[3], &value, room) || ceno_user_write(a[4], &room, sizeof(room)) ? -LX_EFAULT : 0;
}

/* Sizes of buffers and the like: accepted, without effect. */
int64_t ceno_sys_setsockopt(const uint64_t a[6])
{
	int64_t error;

	if (!find(a[0], &error))
		return error;
	return (uint32_t)a[1] == 1 ? 0 : -LX_EOPNOTSUPP;
}
