/*
 * Sockets of AF_UNIX, and nothing that leads out of the session. Each has a ring that others write
 * into; DGRAM and SEQPACKET put a length before each message. A message that does not fit waits; a
 * stream is a pipe in both directions. A socket is as old as its one open file: its inode may stay
 * for its name, and for those that have it as their peer, without a socket.
 *
 * Open files that are sent lie beside the ring (struct ceno_rights), with the position of the bytes
 * that they came with; reading stops at the end of those.
 */
#include "socket.h"

#include "calls.h"
#include "poll.h"
#include "process.h"
#include "vm.h"

#define RING_BYTES (CENO_PAGE << CENO_PIPE_ORDER)

/* ---- rights ------------------------------------------------------------------------- */

struct ceno_socket *ceno_sockets;

static uint32_t travelling;       /* files that are on their way */
static struct ceno_rights *ended; /* that nobody will take */
static int dropping;

void ceno_sockets_init(void)
{
	ceno_sockets = NULL;
	travelling = 0;
	ended = NULL;
	dropping = 0;
}

static uint32_t bytes_of(uint32_t count)
{
	return (uint32_t)(sizeof(struct ceno_rights) + count * sizeof(void *));
}

struct ceno_rights *ceno_rights_new(uint32_t count)
{
	struct ceno_rights *rights = NULL;

	if (travelling + count <= CENO_FDS)
		rights = ceno_pool_take(bytes_of(count));
	if (rights) {
		rights->count = count;
		travelling += count;
	}
	return rights;
}

/* Closing a file may end a socket, and that others: one after the other, not one within the other. */
void ceno_rights_drop(struct ceno_rights *rights)
{
	if (!rights)
		return;
	rights->next = ended;
	ended = rights;
	if (dropping)
		return;
	dropping = 1;
	while ((rights = ended)) {
		ended = rights->next;
		for (uint32_t i = 0; i < rights->count; i++)
			if (rights->file[i])
				ceno_file_put(rights->file[i]);
		if (rights->sender)
			ceno_inode_drop(rights->sender);
		travelling -= rights->count;
		ceno_pool_give(rights, bytes_of(rights->count));
	}
	dropping = 0;
}

void ceno_rights_add(struct ceno_socket *socket, struct ceno_rights *rights)
{
	struct ceno_rights **at = &socket->rights;

	while (*at)
		at = &(*at)->next;
	*at = rights;
}

struct ceno_rights *ceno_rights_take(struct ceno_socket *socket)
{
	struct ceno_rights *rights = socket->rights;

	if (!rights || (int32_t)(socket->in.tail - rights->at) <= 0)
		return NULL;
	socket->rights = rights->next;
	return rights;
}

/* A socket may be on its way to itself. */
void ceno_sockets_end(void)
{
	struct ceno_socket *socket = ceno_sockets;

	while (socket) {
		struct ceno_rights *rights = socket->rights;

		if (!rights) {
			socket = socket->another;
			continue;
		}
		socket->rights = rights->next;
		ceno_rights_drop(rights);
		socket = ceno_sockets;
	}
}

/* ---- the other side --------------------------------------------------------------------- */

struct ceno_inode *ceno_socket_peer(const struct ceno_inode *inode)
{
	struct ceno_inode *peer = inode->socket->peer;

	return peer && peer->socket ? peer : NULL;
}

void ceno_socket_connect(struct ceno_inode *inode, struct ceno_inode *peer)
{
	struct ceno_inode *old = inode->socket->peer;

	if (peer)
		peer->uses++;
	inode->socket->peer = peer;
	if (old)
		ceno_inode_drop(old);
}

static int is_message(const struct ceno_socket *socket)
{
	return socket->type != LX_SOCK_STREAM;
}

static int is_datagram(const struct ceno_socket *socket)
{
	return socket->type == LX_SOCK_DGRAM;
}

/* Datagrams come from and go to anybody: all who wait for one, or for room, wait for the same. */
const char ceno_datagram_key;

static void changed(struct ceno_inode *inode)
{
	ceno_file_changed(inode);
	if (!inode->socket || is_datagram(inode->socket))
		ceno_wake(&ceno_datagram_key);
}

void ceno_socket_close(struct ceno_inode *inode)
{
	struct ceno_socket *socket = inode->socket, **at = &ceno_sockets;
	struct ceno_inode *peer = ceno_socket_peer(inode), *waiting;
	struct ceno_rights *rights;

	inode->uses++; /* until all of it is done */
	inode->socket = NULL;
	while (*at != socket)
		at = &(*at)->another;
	*at = socket->another;
	if (peer)
		changed(peer);
	while ((waiting = socket->first)) {
		socket->first = waiting->socket->next;
		ceno_socket_close(waiting);
		ceno_inode_drop(waiting);
	}
	while ((rights = socket->rights)) {
		socket->rights = rights->next;
		ceno_rights_drop(rights);
	}
	ceno_ring_free(&socket->in);
	peer = socket->peer;
	ceno_pool_give(socket, sizeof(*socket));
	if (peer)
		ceno_inode_drop(peer);
	changed(inode); /* who waits to connect, or to send a message */
	inode->uses--;
}

/* Nothing will come any more. */
static int at_end(const struct ceno_inode *inode)
{
	return inode->socket->no_more || (!is_datagram(inode->socket) && !ceno_socket_peer(inode));
}

/* ---- bytes -------------------------------------------------------------------------------- */

static int64_t begin_writing(struct ceno_inode *inode, uint64_t whole)
{
	struct ceno_inode *peer = ceno_socket_peer(inode);
	struct ceno_socket *to = peer ? peer->socket : NULL;
	uint32_t length = (uint32_t)whole;

	if (!inode->socket->peer)
		return -LX_ENOTCONN;
	if (!to && is_datagram(inode->socket)) {
		ceno_socket_connect(inode, NULL);
		return -LX_ECONNREFUSED;
	}
	if (!to || to->no_more || inode->socket->shut)
		return -LX_EPIPE;
	if (!is_message(inode->socket))
		return whole && !ceno_ring_room(&to->in) ? -LX_EAGAIN : (int64_t)whole;
	if (to->peer && to->peer != inode)
		return -LX_EPERM; /* it hears its own peer alone */
	if (whole + sizeof(length) > RING_BYTES)
		return -LX_EMSGSIZE;
	if (ceno_ring_room(&to->in) < whole + sizeof(length))
		return -LX_EAGAIN;
	if (ceno_ring_put(&to->in, &length, sizeof(length)) < 0)
		return -LX_ENOMEM;
	changed(peer);
	return (int64_t)whole;
}

int64_t ceno_socket_begin(struct ceno_file *file, int writing, uint64_t whole)
{
	struct ceno_inode *inode = file->inode;
	struct ceno_socket *socket = inode->socket;
	uint32_t length;

	if (writing)
		return begin_writing(inode, whole);
	if (!is_datagram(socket) && !socket->peer)
		return is_message(socket) ? -LX_ENOTCONN : -LX_EINVAL;
	ceno_rights_drop(ceno_rights_take(socket)); /* of what was read without asking for them */
	if (!ceno_ring_bytes(&socket->in))
		return at_end(inode) ? 0 : -LX_EAGAIN;
	if (!is_message(socket))
		return socket->rights ? (int64_t)(socket->rights->end - socket->in.tail) : INT64_MAX;
	ceno_ring_get(&socket->in, &length, sizeof(length));
	return length;
}

void ceno_socket_skip(struct ceno_file *file, uint64_t bytes)
{
	ceno_ring_skip(&file->inode->socket->in, (uint32_t)bytes);
}

int64_t ceno_socket_read(struct ceno_file *file, void *to, uint64_t bytes)
{
	struct ceno_inode *inode = file->inode, *peer = ceno_socket_peer(inode);
	int64_t got = ceno_ring_get(&inode->socket->in, to, bytes);

	if (is_datagram(inode->socket)) { /* others may wait for room */
		ceno_wake(&ceno_datagram_key);
		ceno_wake_pollers();
	}
	if (peer)
		changed(peer);
	return got || at_end(inode) ? got : -LX_EAGAIN;
}

int64_t ceno_socket_write(struct ceno_file *file, const void *from, uint64_t bytes)
{
	struct ceno_inode *peer = ceno_socket_peer(file->inode);
	int64_t put = peer ? ceno_ring_put(&peer->socket->in, from, bytes) : -LX_EPIPE;

	if (put > 0)
		changed(peer);
	return put;
}

uint32_t ceno_socket_poll(const struct ceno_file *file)
{
	const struct ceno_socket *socket = file->inode->socket;
	const struct ceno_inode *peer = ceno_socket_peer(file->inode);
	uint32_t bits = ceno_ring_bytes(&socket->in) ? LX_POLLIN : 0u;

	if (socket->listening)
		return socket->first ? LX_POLLIN : 0;
	if (!is_datagram(socket) && !socket->peer)
		return LX_POLLOUT | LX_POLLHUP;
	if (at_end(file->inode))
		bits |= LX_POLLIN | LX_POLLRDHUP;
	if ((!is_datagram(socket) && !peer) || (socket->no_more && socket->shut))
		bits |= LX_POLLHUP;
	if (!peer || ceno_ring_room(&peer->socket->in) >= CENO_PAGE)
		bits |= LX_POLLOUT;
	return bits;
}

/* ---- making and ending ---------------------------------------------------------------------- */

struct ceno_inode *ceno_socket_new(uint32_t type)
{
	struct ceno_socket *socket = ceno_pool_take(sizeof(*socket));
	struct ceno_inode *inode = socket ? ceno_inode_new(CENO_INODE_SOCKET, 0777) : NULL;

	if (!inode) {
		if (socket)
			ceno_pool_give(socket, sizeof(*socket));
		return NULL;
	}
	socket->type = type;
	socket->pid = ceno_self()->pid;
	socket->in.order = CENO_PIPE_ORDER;
	socket->inode = inode;
	socket->another = ceno_sockets;
	ceno_sockets = socket;
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

/* Nothing outside can be reached without a window for it. */
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
	inode = ceno_socket_new((uint32_t)a[1] & 15);
	return inode ? ceno_fd_open(inode, NULL, LX_O_RDWR | ((uint32_t)a[1] & ~15u), 0) : -LX_ENOMEM;
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
	one = ceno_socket_new(type);
	two = ceno_socket_new(type);
	if (!one || !two) {
		ceno_inode_settle(one);
		ceno_inode_settle(two);
		return -LX_ENOMEM;
	}
	ceno_socket_connect(one, two);
	ceno_socket_connect(two, one);
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

struct ceno_inode *ceno_socket_find(uint64_t fd, int64_t *error)
{
	struct ceno_file *file = ceno_fd_file((int32_t)fd);

	*error = !file || (file->flags & LX_O_PATH)  ? -LX_EBADF
	    : file->inode->kind == CENO_INODE_SOCKET ? 0
						     : -LX_ENOTSOCK;
	return *error ? NULL : file->inode;
}

int64_t ceno_sys_shutdown(const uint64_t a[6])
{
	int64_t error;
	struct ceno_inode *inode = ceno_socket_find(a[0], &error), *peer;

	if (!inode)
		return error;
	if ((uint32_t)a[1] > 2)
		return -LX_EINVAL;
	peer = ceno_socket_peer(inode);
	if ((uint32_t)a[1] != 1)
		inode->socket->no_more = 1;
	if ((uint32_t)a[1] != 0) {
		inode->socket->shut = 1;
		if (peer && !is_datagram(inode->socket))
			peer->socket->no_more = 1;
	}
	if (peer)
		changed(peer);
	changed(inode);
	return 0;
}

int64_t ceno_sys_getsockopt(const uint64_t a[6])
{
	enum {
		SOCKET = 1,
		TYPE = 3,
		ERROR = 4,
		SNDBUF = 7,
		RCVBUF = 8,
		PEERCRED = 17,
		ACCEPTCONN = 30,
		PROTOCOL = 38,
		DOMAIN = 39
	};
	int64_t error;
	const struct ceno_inode *inode = ceno_socket_find(a[0], &error);
	uint32_t value[3] = { 0, CENO_UID, CENO_UID }, bytes = sizeof(value[0]), room;

	if (!inode)
		return error;
	if (ceno_user_read(&room, a[4], sizeof(room)))
		return -LX_EFAULT;
	if ((uint32_t)a[1] != SOCKET)
		return -LX_EOPNOTSUPP;
	switch ((uint32_t)a[2]) {
	case TYPE:
		value[0] = inode->socket->type;
		break;
	case DOMAIN:
		value[0] = LX_AF_UNIX;
		break;
	case SNDBUF:
	case RCVBUF:
		value[0] = (uint32_t)RING_BYTES;
		break;
	case ACCEPTCONN:
		value[0] = inode->socket->listening;
		break;
	case PEERCRED: /* nobody: pid 0, ids -1 */
		bytes = sizeof(value);
		if (inode->socket->peer)
			value[0] = inode->socket->pid;
		else
			value[1] = value[2] = UINT32_MAX;
		break;
	case ERROR:
	case PROTOCOL:
		break;
	default:
		return -LX_ENOPROTOOPT;
	}
	if ((int32_t)room < 0)
		return -LX_EINVAL;
	room = room < bytes ? room : bytes;
	return ceno_user_write(a[3], value, room) || ceno_user_write(a[4], &room, sizeof(room)) ? -LX_EFAULT : 0;
}

/* Sizes of buffers and the like: accepted, without effect. */
int64_t ceno_sys_setsockopt(const uint64_t a[6])
{
	int64_t error;

	if (!ceno_socket_find(a[0], &error))
		return error;
	return (uint32_t)a[1] == 1 ? 0 : -LX_EOPNOTSUPP;
}
