/*
 * Names of sockets and connections between them: bind, listen, accept, connect. A name is a file of
 * the tree, whose inode is the socket's, or abstract, for sockets alone. A connection is made when
 * connect returns; the side that accept will give out waits in the listening socket's list until
 * then, with what was sent to it.
 */
#include "socket.h"

#include "calls.h"
#include "poll.h"
#include "promise.h"
#include "task.h"
#include "vm.h"

struct address {
	uint16_t family;
	char name[CENO_SOCKET_NAME];
};
#define ADDRESS_MAX 110u /* struct sockaddr_un */

/* Reads an address; *bytes: of its name then, the NUL of a path included. */
static int64_t read_address(struct address *address, uint64_t gva, uint64_t *bytes)
{
	uint32_t length = (uint32_t)*bytes;

	*address = (struct address){ 0 };
	if (length > 128)
		return -LX_EINVAL;
	if (ceno_user_read(address, gva, length < ADDRESS_MAX ? length : ADDRESS_MAX))
		return -LX_EFAULT;
	if (length < sizeof(address->family) || length > ADDRESS_MAX || address->family != LX_AF_UNIX)
		return -LX_EINVAL;
	*bytes = length - sizeof(address->family);
	if (address->name[0])
		*bytes = strlen(address->name) + 1;
	return 0;
}

static struct ceno_socket *find_abstract(const char *name, uint64_t bytes, uint32_t type)
{
	struct ceno_socket *socket = ceno_sockets;

	while (socket &&
	       (!socket->bound || socket->type != type || socket->name_bytes != bytes ||
	        memcmp(socket->name, name, bytes) != 0))
		socket = socket->another;
	return socket;
}

struct ceno_inode *ceno_unix_target(uint64_t gva, uint64_t bytes, uint32_t type, int64_t *error)
{
	struct address address;
	struct ceno_walk walk = { 0 };

	*error = read_address(&address, gva, &bytes);
	if (!*error && !bytes)
		*error = -LX_EINVAL;
	if (*error)
		return NULL;
	if (!address.name[0]) {
		const struct ceno_socket *socket = find_abstract(address.name, bytes, type);

		*error = socket ? 0 : -LX_ECONNREFUSED;
		return socket ? socket->inode : NULL;
	}
	*error = ceno_path_text(address.name, CENO_NEED_WRITE, &walk);
	if (*error)
		return NULL;
	*error = !walk.inode                                               ? -LX_ENOENT
	    : !ceno_inode_may(walk.inode, 2)                               ? -LX_EACCES
	    : walk.inode->kind != CENO_INODE_SOCKET || !walk.inode->socket ? -LX_ECONNREFUSED
	    : walk.inode->socket->type != type                             ? -LX_EPROTOTYPE
									   : 0;
	return *error ? NULL : walk.inode;
}

/* A name that nobody has, as Linux makes them: a NUL and five digits. */
static uint64_t make_name(char *name, uint32_t type)
{
	static uint32_t last;

	do {
		last++;
		for (unsigned i = 0; i < 5; i++)
			name[5 - i] = "0123456789abcdef"[last >> (4 * i) & 15];
	} while (find_abstract(name, 6, type));
	return 6;
}

int64_t ceno_sys_bind(const uint64_t a[6])
{
	struct address address;
	uint64_t bytes = a[2];
	int64_t error;
	struct ceno_inode *inode = ceno_socket_find(a[0], &error);

	if (!error)
		error = read_address(&address, a[1], &bytes);
	if (!error && inode->socket->name_bytes)
		error = -LX_EINVAL;
	if (error)
		return error;
	if (address.name[0]) {
		error = ceno_dir_bind(address.name, inode);
		if (error)
			return error == -LX_EEXIST ? -LX_EADDRINUSE : error;
		inode->mode = LX_S_IFSOCK | (0777 & ~ceno_self()->umask);
	} else {
		if (!bytes)
			bytes = make_name(address.name, inode->socket->type);
		else if (find_abstract(address.name, bytes, inode->socket->type))
			return -LX_EADDRINUSE;
	}
	inode->socket->bound = 1;
	memcpy(inode->socket->name, address.name, bytes);
	inode->socket->name_bytes = (uint8_t)bytes;
	return 0;
}

int64_t ceno_sys_listen(const uint64_t a[6])
{
	int64_t error;
	struct ceno_inode *inode = ceno_socket_find(a[0], &error);

	if (!inode)
		return error;
	if (inode->socket->type == LX_SOCK_DGRAM)
		return -LX_EOPNOTSUPP;
	if (!inode->socket->name_bytes || inode->socket->peer)
		return -LX_EINVAL;
	inode->socket->listening = 1;
	inode->socket->backlog = (uint32_t)a[1] < 4096 ? (uint32_t)a[1] : 4096;
	inode->socket->pid = ceno_self()->pid;
	ceno_wake(inode);
	return 0;
}

/* Puts a new socket for the other side of `inode` at the end of a listening socket's list. */
static int64_t enqueue(struct ceno_inode *inode, struct ceno_inode *listener)
{
	struct ceno_inode *other = ceno_socket_new(listener->socket->type), **at = &listener->socket->first;

	if (!other)
		return -LX_ENOMEM;
	memcpy(other->socket->name, listener->socket->name, listener->socket->name_bytes);
	other->socket->name_bytes = listener->socket->name_bytes;
	inode->socket->pid = listener->socket->pid;
	ceno_socket_connect(inode, other);
	ceno_socket_connect(other, inode);
	while (*at)
		at = &(*at)->socket->next;
	*at = other;
	other->uses++;
	listener->socket->waiting++;
	ceno_file_changed(listener);
	ceno_file_changed(inode);
	return 0;
}

int64_t ceno_sys_connect(const uint64_t a[6])
{
	int64_t error;
	struct ceno_inode *inode = ceno_socket_find(a[0], &error), *target = NULL;
	const struct ceno_socket *socket;

	if (!inode)
		return error;
	socket = inode->socket;
	target = ceno_unix_target(a[1], a[2], socket->type, &error);
	if (!target)
		return error;
	if (socket->type == LX_SOCK_DGRAM) {
		if (target->socket->peer && target->socket->peer != inode)
			return -LX_EPERM;
		ceno_socket_connect(inode, target);
		return 0;
	}
	if (!target->socket->listening)
		return -LX_ECONNREFUSED;
	if (target->socket->waiting > target->socket->backlog)
		return ceno_fd_file((int32_t)a[0])->flags & LX_O_NONBLOCK ? -LX_EAGAIN : ceno_block(target, CENO_NEVER);
	if (socket->listening || socket->peer)
		return socket->peer ? -LX_EISCONN : -LX_EINVAL;
	return enqueue(inode, target);
}

int64_t ceno_sys_accept4(const uint64_t a[6])
{
	int64_t error, fd;
	struct ceno_inode *inode = ceno_socket_find(a[0], &error), *other;

	if ((uint32_t)a[3] & ~(uint32_t)(LX_O_CLOEXEC | LX_O_NONBLOCK))
		return -LX_EINVAL;
	if (!inode)
		return error;
	if (inode->socket->type == LX_SOCK_DGRAM)
		return -LX_EOPNOTSUPP;
	if (!inode->socket->listening)
		return -LX_EINVAL;
	if (!ceno_fd_room())
		return -LX_EMFILE;
	other = inode->socket->first;
	if (!other)
		return ceno_file_wait(ceno_fd_file((int32_t)a[0]), 0);
	if (a[1]) {
		const struct ceno_inode *peer = ceno_socket_peer(other);

		error = ceno_unix_name(peer ? peer->socket : NULL, a[1], a[2]);
		if (error)
			return error;
	}
	fd = ceno_fd_open(other, NULL, LX_O_RDWR | (uint32_t)a[3], 0);
	if (fd < 0)
		return fd;
	inode->socket->first = other->socket->next;
	inode->socket->waiting--;
	other->uses--;
	ceno_wake(inode); /* who waits to connect */
	return fd;
}

int64_t ceno_sys_accept(const uint64_t a[6])
{
	const uint64_t b[6] = { a[0], a[1], a[2] };

	return ceno_sys_accept4(b);
}

int64_t ceno_unix_name(const struct ceno_socket *socket, uint64_t gva, uint64_t length_gva)
{
	struct address address = { .family = LX_AF_UNIX };
	uint32_t bytes = socket ? socket->name_bytes : 0, room;

	if (ceno_user_read(&room, length_gva, sizeof(room)))
		return -LX_EFAULT;
	if ((int32_t)room < 0)
		return -LX_EINVAL;
	if (bytes)
		memcpy(address.name, socket->name, bytes);
	bytes += sizeof(address.family);
	return ceno_user_write(gva, &address, room < bytes ? room : bytes) ||
		ceno_user_write(length_gva, &bytes, sizeof(bytes))
	    ? -LX_EFAULT
	    : 0;
}

int64_t ceno_sys_getsockname(const uint64_t a[6])
{
	int64_t error;
	const struct ceno_inode *inode = ceno_socket_find(a[0], &error);

	return inode ? ceno_unix_name(inode->socket, a[1], a[2]) : error;
}

int64_t ceno_sys_getpeername(const uint64_t a[6])
{
	int64_t error;
	const struct ceno_inode *inode = ceno_socket_find(a[0], &error), *peer;

	if (!inode)
		return error;
	peer = inode->socket->peer;
	return peer ? ceno_unix_name(peer->socket, a[1], a[2]) : -LX_ENOTCONN;
}
