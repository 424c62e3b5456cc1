/*
 * Messages: sendto, recvfrom, sendmsg, recvmsg, with addresses and with open files that come along
 * (SCM_RIGHTS). What a process sends of itself is checked; credentials are not passed on.
 */
#include "calls.h"
#include "io.h"
#include "socket.h"
#include "task.h"
#include "vm.h"

enum { PEEK = 2, CTRUNC = 8, TRUNC = 0x20, DONTWAIT = 0x40, NOSIGNAL = 0x4000, CMSG_CLOEXEC = 0x40000000 };
enum { SOL_SOCKET = 1, SCM_RIGHTS = 1, SCM_CREDENTIALS = 2, FILES_MAX = 253 };

struct message { /* struct msghdr */
	uint64_t name, name_bytes, vector, count, control, control_bytes;
	uint64_t flags;
};

struct control { /* struct cmsghdr */
	uint64_t bytes;
	int32_t level, type;
};

static int64_t begin(struct ceno_move *m, uint64_t fd, uint64_t flags, int writing)
{
	int64_t error = ceno_move_begin(m, fd, NULL, writing);

	if (m->file && m->file->inode->kind != CENO_INODE_SOCKET)
		return -LX_ENOTSOCK;
	if (error)
		return error;
	if ((uint32_t)flags & ~(uint32_t)(DONTWAIT | NOSIGNAL | CMSG_CLOEXEC | (writing ? 0 : PEEK)))
		return -LX_EOPNOTSUPP;
	m->no_wait = (uint32_t)flags & DONTWAIT;
	m->peek = (uint32_t)flags & PEEK;
	m->no_signal = (uint32_t)flags & NOSIGNAL;
	return 0;
}

/* ---- sending ------------------------------------------------------------------------------ */

/* Where the message goes: *to, or NULL for the socket's peer. */
static int64_t aim(const struct ceno_move *m, uint64_t gva, uint64_t bytes, struct ceno_inode **to)
{
	const struct ceno_socket *socket = m->file->inode->socket;
	int64_t error = 0;

	*to = NULL;
	if (!gva || !(uint32_t)bytes || socket->type == LX_SOCK_SEQPACKET)
		return 0;
	if (socket->type == LX_SOCK_STREAM)
		return socket->peer ? -LX_EISCONN : -LX_EOPNOTSUPP;
	*to = ceno_unix_target(gva, bytes, socket->type, &error);
	return error;
}

/* The files that a control message of `bytes` at gva names, one by one. */
static int64_t read_files(struct ceno_rights **rights, uint64_t gva, uint64_t bytes)
{
	uint64_t count = bytes / sizeof(int32_t);
	int32_t fd;

	if (*rights || count > FILES_MAX)
		return -LX_EINVAL;
	*rights = ceno_rights_new((uint32_t)count);
	if (!*rights)
		return -LX_ETOOMANYREFS;
	for (uint64_t i = 0; i < count; i++) {
		struct ceno_file *file;

		if (ceno_user_read(&fd, gva + i * sizeof(fd), sizeof(fd)))
			return -LX_EFAULT;
		file = ceno_fd_file(fd);
		if (!file)
			return -LX_EBADF;
		file->refs++;
		(*rights)->file[i] = file;
	}
	return 0;
}

static int64_t check_credentials(uint64_t gva, uint64_t bytes)
{
	uint32_t own[3];

	if (bytes != sizeof(own) || ceno_user_read(own, gva, sizeof(own)))
		return -LX_EINVAL;
	return own[0] == ceno_self()->pid && own[1] == CENO_UID && own[2] == CENO_UID ? 0 : -LX_EPERM;
}

static int64_t read_control(struct ceno_rights **rights, const struct message *message)
{
	uint64_t at = 0;
	struct control control;
	int64_t error = 0;

	if (message->control_bytes > CENO_PAGE * 4)
		return -LX_EINVAL;
	while (!error && at + sizeof(control) <= message->control_bytes) {
		uint64_t gva = message->control + at;

		if (ceno_user_read(&control, gva, sizeof(control)))
			return -LX_EFAULT;
		if (control.bytes < sizeof(control) || control.bytes > message->control_bytes - at)
			return -LX_EINVAL;
		if (control.level == SOL_SOCKET && control.type == SCM_RIGHTS)
			error = read_files(rights, gva + sizeof(control), control.bytes - sizeof(control));
		else if (control.level == SOL_SOCKET)
			error = control.type == SCM_CREDENTIALS
			    ? check_credentials(gva + sizeof(control), control.bytes - sizeof(control))
			    : -LX_EINVAL;
		at += (control.bytes + 7) & ~7ull;
	}
	return error;
}

/* Sends with files and the sender's name, if somebody may ask for it; they travel once, with the first
 * bytes. `to` takes the peer's place meanwhile. */
static int64_t send(struct ceno_move *m, struct ceno_inode *to, struct ceno_rights *rights, uint64_t gva,
                    uint64_t count, int vector)
{
	struct ceno_inode *inode = m->file->inode, *kept = inode->socket->peer, *peer;
	uint32_t head = 0;
	int64_t result;

	if (to)
		inode->socket->peer = to;
	peer = ceno_socket_peer(inode);
	if (peer)
		head = peer->socket->in.head;
	if (peer && !rights && inode->socket->type == LX_SOCK_DGRAM && inode->socket->name_bytes)
		rights = ceno_rights_new(0);
	result = vector ? ceno_move_vector(m, gva, count) : ceno_move_bytes(m, gva, count);
	if (rights && peer && peer->socket->in.head != head) {
		rights->at = head;
		rights->end = peer->socket->in.head;
		if (inode->socket->name_bytes) {
			rights->sender = inode;
			inode->uses++;
		}
		ceno_rights_add(peer->socket, rights);
		rights = NULL;
	}
	if (to)
		inode->socket->peer = kept;
	ceno_rights_drop(rights);
	return result;
}

int64_t ceno_sys_sendto(const uint64_t a[6])
{
	struct ceno_move m;
	struct ceno_inode *to = NULL;
	int64_t error = begin(&m, a[0], a[3], 1);

	if (!error)
		error = aim(&m, a[4], a[5], &to);
	return error ? error : send(&m, to, NULL, a[1], a[2], 0);
}

int64_t ceno_sys_sendmsg(const uint64_t a[6])
{
	struct ceno_rights *rights = NULL;
	struct ceno_inode *to = NULL;
	struct message message;
	struct ceno_move m;
	int64_t error = begin(&m, a[0], a[2], 1);

	if (!error && ceno_user_read(&message, a[1], sizeof(message)))
		error = -LX_EFAULT;
	if (!error)
		error = aim(&m, message.name, message.name_bytes, &to);
	if (!error && !m.total) /* else they are on their way already */
		error = read_control(&rights, &message);
	if (error) {
		ceno_rights_drop(rights);
		return error;
	}
	return send(&m, to, rights, message.vector, message.count, 1);
}

/* ---- receiving ---------------------------------------------------------------------------- */

/* The address of who sent what was read: of the message, or of a stream's other side. */
static int64_t tell_sender(const struct ceno_inode *inode, const struct ceno_rights *rights, uint64_t gva,
                           uint64_t length_gva)
{
	const struct ceno_inode *sender = rights ? rights->sender : NULL;
	const uint32_t none = 0;

	if (!sender && inode->socket->type == LX_SOCK_STREAM)
		sender = ceno_socket_peer(inode);
	if (sender && sender->socket && sender->socket->name_bytes)
		return ceno_unix_name(sender->socket, gva, length_gva);
	return ceno_user_write(length_gva, &none, sizeof(none)) ? -LX_EFAULT : 0;
}

int64_t ceno_sys_recvfrom(const uint64_t a[6])
{
	struct ceno_move m;
	int64_t error = begin(&m, a[0], a[3], 0), result;
	struct ceno_rights *rights;
	struct ceno_socket *socket;
	uint32_t tail;

	if (!error && a[4] && ceno_user_check_write(a[5], sizeof(tail)))
		error = -LX_EFAULT;
	if (error)
		return error;
	socket = m.file->inode->socket;
	tail = socket->in.tail;
	result = ceno_move_bytes(&m, a[1], a[2]);
	if (m.peek)
		socket->in.tail = tail;
	rights = ceno_rights_take(socket);
	if (result >= 0 && a[4])
		error = tell_sender(m.file->inode, rights, a[4], a[5]);
	ceno_rights_drop(rights);
	return error ? error : result;
}

/* Gives the process the files that it has room for, and says how many. */
static void give_files(const struct ceno_rights *rights, struct message *message, uint32_t flags)
{
	struct control control = { sizeof(control), SOL_SOCKET, SCM_RIGHTS };
	uint64_t room = message->control_bytes, count = 0, left;

	message->control_bytes = 0;
	if (!rights || !rights->count)
		return;
	while (count < rights->count && control.bytes + sizeof(int32_t) <= room) {
		int32_t fd = (int32_t)ceno_fd_add(rights->file[count], (flags & CMSG_CLOEXEC) != 0, 0);

		if (fd < 0)
			break;
		if (ceno_user_write(message->control + control.bytes, &fd, sizeof(fd))) {
			ceno_fd_close(fd);
			break;
		}
		control.bytes += sizeof(fd);
		count++;
	}
	if (count < rights->count)
		message->flags |= CTRUNC;
	if (!count || ceno_user_write(message->control, &control, sizeof(control)))
		return;
	left = (control.bytes + 7) & ~7ull;
	message->control_bytes = left < room ? left : room;
}

int64_t ceno_sys_recvmsg(const uint64_t a[6])
{
	const uint64_t length_gva = a[1] + offsetof(struct message, name_bytes);
	struct ceno_rights *rights;
	struct message message;
	struct ceno_move m;
	uint32_t tail;
	int64_t error = begin(&m, a[0], a[2], 0), result;

	if (!error && (ceno_user_check_write(a[1], sizeof(message)) || ceno_user_read(&message, a[1], sizeof(message))))
		error = -LX_EFAULT;
	if (error)
		return error;
	tail = m.file->inode->socket->in.tail;
	result = ceno_move_vector(&m, message.vector, message.count);
	if (result < 0)
		return result;
	message.flags = (uint32_t)a[2] & CMSG_CLOEXEC;
	if (m.file->inode->socket->type != LX_SOCK_STREAM && m.left && m.left < CENO_TRANSFER_MAX)
		message.flags |= TRUNC;
	if (m.peek)
		m.file->inode->socket->in.tail = tail;
	rights = ceno_rights_take(m.file->inode->socket);
	give_files(rights, &message, (uint32_t)a[2]);
	if (message.name)
		error = tell_sender(m.file->inode, rights, message.name, length_gva);
	ceno_rights_drop(rights);
	if (!error)
		error = ceno_user_write(a[1] + offsetof(struct message, control_bytes), &message.control_bytes, 16);
	return error ? error : result;
}
