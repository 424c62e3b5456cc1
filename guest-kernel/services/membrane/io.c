/*
 * Moving bytes through open files: read and write in all their forms, positions, sizes.
 * Program buffers are taken page by page (ceno_user_span); a bad page ends the transfer
 * there, with what was moved before it as the result. A write that has to wait goes on
 * where it was (call.progress) when it is made again.
 */
#include "ahead.h"
#include "calls.h"
#include "fd.h"
#include "io.h"
#include "pack.h"
#include "poll.h"
#include "promise.h"
#include "task.h"
#include "random.h"
#include "stdio.h"
#include "tty.h"
#include "vm.h"

#define IOV_MAX 1024

static int64_t read_pack(const struct ceno_inode *inode, void *to, uint64_t bytes, uint64_t offset)
{
	const void *from;

	if (offset >= inode->size)
		return 0;
	if (bytes > inode->size - offset)
		bytes = inode->size - offset;
	from = ceno_packs_data(inode->stored.offset + offset, bytes);
	if (!from)
		return -LX_EIO;
	memcpy(to, from, bytes);
	return (int64_t)bytes;
}

static int64_t read_text(const struct ceno_inode *inode, void *to, uint64_t bytes, uint64_t offset)
{
	uint64_t length = strlen(inode->text);

	if (offset >= length)
		return 0;
	if (bytes > length - offset)
		bytes = length - offset;
	memcpy(to, inode->text + offset, bytes);
	return (int64_t)bytes;
}

static int64_t read_device(const struct ceno_inode *inode, void *to, uint64_t bytes)
{
	switch (inode->device) {
	case CENO_DEVICE_ZERO:
	case CENO_DEVICE_FULL:
		memset(to, 0, bytes);
		return (int64_t)bytes;
	case CENO_DEVICE_RANDOM:
		ceno_random_fill(to, bytes);
		return (int64_t)bytes;
	default:
		return 0;
	}
}

int64_t ceno_file_read(struct ceno_file *file, void *to, uint64_t bytes, uint64_t *offset)
{
	uint64_t *at = offset ? offset : &file->position;
	int64_t got;

	switch (file->inode->kind) {
	case CENO_INODE_PACK:
		got = read_pack(file->inode, to, bytes, *at);
		break;
	case CENO_INODE_TEXT:
		got = read_text(file->inode, to, bytes, *at);
		break;
	case CENO_INODE_FILE:
		got = ceno_inode_read(file->inode, to, bytes, *at);
		break;
	case CENO_INODE_DEVICE:
		return read_device(file->inode, to, bytes);
	case CENO_INODE_PIPE:
		return ceno_pipe_read(file, to, bytes);
	case CENO_INODE_STREAM:
		return file->inode->device == CENO_STREAM_IN ? ceno_stdio_read(to, bytes)
		    : file->inode->device == CENO_STREAM_TTY ? ceno_tty_read(to, bytes)
							     : -LX_EBADF;
	case CENO_INODE_SOCKET:
		return ceno_socket_read(file, to, bytes);
	case CENO_INODE_EVENT:
		return ceno_event_read(file->inode, to, bytes);
	case CENO_INODE_TIMER:
		return ceno_timerfd_read(file->inode, to, bytes);
	case CENO_INODE_SIGNALS:
		return ceno_signalfd_read(file->inode, to, bytes);
	case CENO_INODE_EPOLL:
		return -LX_EINVAL;
	default:
		return -LX_EISDIR;
	}
	if (got > 0)
		*at += (uint64_t)got;
	return got;
}

int64_t ceno_file_write(struct ceno_file *file, const void *from, uint64_t bytes, uint64_t *offset)
{
	uint64_t *at = offset ? offset : &file->position, limit = ceno_self()->limit[1].cur;
	int64_t put;

	switch (file->inode->kind) {
	case CENO_INODE_FILE:
		if (file->flags & LX_O_APPEND)
			*at = file->inode->size;
		if (ceno_seals(file->inode->traits) &
		    (LX_F_SEAL_WRITE | LX_F_SEAL_FUTURE_WRITE |
		     (*at + bytes > file->inode->size ? LX_F_SEAL_GROW : 0u)))
			return -LX_EPERM;
		if (bytes && *at >= limit)
			return -LX_EFBIG;
		bytes = bytes < limit - *at ? bytes : limit - *at;
		put = ceno_inode_write(file->inode, from, bytes, *at);
		if (put > 0)
			*at += (uint64_t)put;
		return put;
	case CENO_INODE_DEVICE:
		return file->inode->device == CENO_DEVICE_FULL ? -LX_ENOSPC : (int64_t)bytes;
	case CENO_INODE_PIPE:
		return ceno_pipe_write(file, from, bytes);
	case CENO_INODE_STREAM:
		return file->inode->device == CENO_STREAM_IN ? -LX_EBADF
		    : file->inode->device == CENO_STREAM_TTY ? ceno_tty_write(from, bytes)
							     : ceno_stdio_write(file->inode->device, from, bytes);
	case CENO_INODE_SOCKET:
		return ceno_socket_write(file, from, bytes);
	case CENO_INODE_EVENT:
		return ceno_event_write(file->inode, from, bytes);
	case CENO_INODE_TIMER:
	case CENO_INODE_SIGNALS:
	case CENO_INODE_EPOLL:
		return -LX_EINVAL;
	default:
		return -LX_EBADF;
	}
}

const void *ceno_file_key(const struct ceno_file *file)
{
	if (file->inode->kind == CENO_INODE_STREAM)
		return &ceno_stdio_key;
	if (file->inode->kind == CENO_INODE_SOCKET && file->inode->socket->type == LX_SOCK_DGRAM)
		return &ceno_datagram_key;
	return file->inode;
}

int64_t ceno_file_wait(struct ceno_file *file, int64_t moved)
{
	int64_t result;

	if (file->flags & LX_O_NONBLOCK)
		return moved ? moved : -LX_EAGAIN;
	if (file->inode->kind == CENO_INODE_STREAM &&
	    (file->inode->device == CENO_STREAM_IN || file->inode->device == CENO_STREAM_TTY))
		ceno_stdio_want();
	result = ceno_block(ceno_file_key(file),
	                    file->inode->kind == CENO_INODE_TIMER && file->inode->timer.deadline
	                        ? file->inode->timer.deadline
	                        : CENO_NEVER);
	return result != CENO_BLOCKED && moved ? moved : result;
}

/* ---- read, write ---------------------------------------------------------------------- */

/* Where nothing is read the buffer is not looked at: 1 at the end of what there is, -LX_EAGAIN. */
static int64_t nothing(const struct ceno_move *m)
{
	const struct ceno_inode *inode = m->file->inode;

	if (m->writing)
		return 0;
	if (inode->kind == CENO_INODE_PIPE)
		return ceno_ring_bytes(&inode->pipe->ring) ? 0 : inode->pipe->writers ? -LX_EAGAIN : 1;
	return (inode->kind == CENO_INODE_FILE || inode->kind == CENO_INODE_PACK) &&
	    *(m->offset ? m->offset : &m->file->position) >= inode->size;
}

/* A device that neither takes nor gives a byte: nobody looks at the buffer. */
static int is_void(const struct ceno_move *m)
{
	const struct ceno_inode *inode = m->file->inode;

	return inode->kind == CENO_INODE_DEVICE &&
	    (m->writing ? inode->device != CENO_DEVICE_RANDOM : inode->device == CENO_DEVICE_NULL);
}

/* Moves through one buffer of the program, as much as goes without waiting. Returns 0, or why
 * it stopped: -errno, or 1 at the end of what there is. */
static int64_t move_part(struct ceno_move *m, uint64_t gva, uint64_t bytes)
{
	bytes = bytes < m->left ? bytes : m->left;
	while (bytes) {
		uint64_t got = bytes;
		void *at = NULL;
		int64_t result = nothing(m);

		if (result)
			return result;
		if (!is_void(m))
			at = ceno_user_span(gva, bytes, m->writing ? LX_PROT_READ : LX_PROT_WRITE, &got);
		result = !at && !is_void(m) ? -LX_EFAULT
		    : m->writing            ? ceno_file_write(m->file, at, got, m->offset)
					    : ceno_file_read(m->file, at, got, m->offset);

		if (result < 0)
			return result;
		m->total += result;
		m->left -= (uint64_t)result;
		if ((uint64_t)result < got) {
			uint32_t kind = m->file->inode->kind;

			return m->writing && kind >= CENO_INODE_PIPE && kind < CENO_INODE_EVENT ? -LX_EAGAIN : 1;
		}
		gva += got;
		bytes -= got;
	}
	return 0;
}

/* Pipes move pages of bytes, or all that is left: what else went before a bad address did not. */
static void take_back(struct ceno_move *m)
{
	struct ceno_ring *ring = &m->file->inode->pipe->ring;
	uint32_t moved = (uint32_t)((uint64_t)m->total - ceno_current->call.progress);
	uint32_t part = (uint32_t)m->total % CENO_PAGE;

	part = part < moved ? part : moved;
	*(m->writing ? &ring->head : &ring->tail) -= part;
	m->total -= part;
}

/* The result of a call whose transfer stopped for this reason. */
static int64_t finish(struct ceno_move *m, int64_t why)
{
	if (why == -LX_EFAULT && m->file->inode->kind == CENO_INODE_PIPE)
		take_back(m);
	if (why == -LX_EPIPE && !m->no_signal)
		ceno_signal_self(LX_SIGPIPE);
	if (why == -LX_EFBIG && !m->total && ceno_self()->limit[1].cur != UINT64_MAX)
		ceno_signal_self(LX_SIGXFSZ);
	if (m->file->inode->kind == CENO_INODE_SOCKET && m->file->inode->socket->type != LX_SOCK_STREAM &&
	    !m->writing && m->left < CENO_TRANSFER_MAX)
		ceno_socket_skip(m->file, m->left);
	if (why == -LX_EAGAIN && m->no_wait)
		return m->total ? m->total : why;
	if (why == -LX_EAGAIN && (m->writing || !m->total) && m->file->inode->kind >= CENO_INODE_PIPE) {
		ceno_current->call.progress = (uint64_t)m->total;
		return ceno_file_wait(m->file, m->total);
	}
	return m->total || why == 1 || why == -LX_EAGAIN ? m->total : why;
}

/* What keeps the call from beginning; whole: bytes it wants to move. */
static int64_t check(struct ceno_move *m, uint64_t whole)
{
	const struct ceno_inode *inode = m->file->inode;
	int64_t result;

	if (inode->kind == CENO_INODE_SOCKET) {
		m->no_signal |= inode->socket->type != LX_SOCK_STREAM;
		result = ceno_socket_begin(m->file, m->writing, whole);
		if (result < 0)
			return result;
		m->left = (uint64_t)result;
		return result || m->writing ? 0 : 1;
	}
	if (m->writing && inode->kind == CENO_INODE_PIPE && whole && !inode->pipe->readers)
		return -LX_EPIPE;
	if (m->writing && inode->kind == CENO_INODE_PIPE && !m->total && !ceno_pipe_room(inode->pipe, whole))
		return -LX_EAGAIN;
	return !m->writing && !whole && (inode->mode & LX_S_IFMT) == LX_S_IFDIR ? -LX_EISDIR : 0;
}

int64_t ceno_move_begin(struct ceno_move *m, uint64_t fd, uint64_t *offset, int writing)
{
	*m = (struct ceno_move){ .file = ceno_fd_file((int32_t)fd),
		                 .offset = offset,
		                 .total = (int64_t)ceno_current->call.progress,
		                 .writing = writing,
		                 .left = UINT64_MAX };
	if (offset && *offset > INT64_MAX)
		return -LX_EINVAL;
	if (!m->file || (m->file->flags & LX_O_PATH))
		return -LX_EBADF;
	if (offset && !ceno_file_seekable(m->file))
		return -LX_ESPIPE;
	return (writing ? ceno_file_writable(m->file) : ceno_file_readable(m->file)) ? 0 : -LX_EBADF;
}

int64_t ceno_move_bytes(struct ceno_move *m, uint64_t gva, uint64_t bytes)
{
	int64_t error;

	if (bytes > CENO_USER_END || gva > CENO_USER_END - bytes)
		return -LX_EFAULT;
	bytes = bytes < CENO_TRANSFER_MAX ? bytes : CENO_TRANSFER_MAX;
	error = check(m, bytes - (uint64_t)m->total);
	if (!error)
		error = move_part(m, gva + (uint64_t)m->total, bytes - (uint64_t)m->total);
	return finish(m, error);
}

static int64_t move(uint64_t fd, uint64_t gva, uint64_t bytes, uint64_t *offset, int writing)
{
	struct ceno_move m;
	int64_t error = ceno_move_begin(&m, fd, offset, writing);

	return error ? error : ceno_move_bytes(&m, gva, bytes);
}

int64_t ceno_sys_read(const uint64_t a[6])
{
	int64_t result = move(a[0], a[1], a[2], NULL, 0);

	if (result > 0 && (uint64_t)result == a[2])
		ceno_ahead_read((int32_t)a[0], (uint64_t)result);
	return result;
}
int64_t ceno_sys_write(const uint64_t a[6])
{
	return move(a[0], a[1], a[2], NULL, 1);
}

int64_t ceno_sys_pread64(const uint64_t a[6])
{
	uint64_t offset = a[3];

	return move(a[0], a[1], a[2], &offset, 0);
}

int64_t ceno_sys_pwrite64(const uint64_t a[6])
{
	uint64_t offset = a[3];

	return move(a[0], a[1], a[2], &offset, 1);
}

int64_t ceno_user_vector(uint64_t gva, uint64_t count, uint64_t *sum)
{
	struct lx_iovec part;

	*sum = 0;
	if (count > IOV_MAX)
		return -LX_EINVAL;
	for (uint64_t i = 0; i < count; i++) {
		if (ceno_user_read(&part, gva + i * sizeof(part), sizeof(part)))
			return -LX_EFAULT;
		if (part.len > INT64_MAX)
			return -LX_EINVAL;
		*sum += part.len < CENO_TRANSFER_MAX - *sum ? part.len : CENO_TRANSFER_MAX - *sum;
	}
	return 0;
}

int64_t ceno_move_vector(struct ceno_move *m, uint64_t gva, uint64_t count)
{
	uint64_t sum, skip = (uint64_t)m->total, left;
	struct lx_iovec part;
	int64_t error = ceno_user_vector(gva, count, &sum);

	if (error || (!sum && m->file->inode->kind != CENO_INODE_SOCKET))
		return error;
	left = sum;
	error = check(m, sum - skip);
	for (uint64_t i = 0; i < count && !error; i++) {
		uint64_t past;

		if (ceno_user_read(&part, gva + i * sizeof(part), sizeof(part)))
			error = -LX_EFAULT;
		part.len = part.len < left ? part.len : left;
		left -= part.len;
		past = skip < part.len ? skip : part.len;
		skip -= past;
		if (!error)
			error = move_part(m, part.base + past, part.len - past);
	}
	return finish(m, error);
}

static int64_t move_vector(const uint64_t a[6], uint64_t *offset, int writing)
{
	struct ceno_move m;
	int64_t error = ceno_move_begin(&m, a[0], offset, writing);

	return error ? error : ceno_move_vector(&m, a[1], a[2]);
}

/* ---- vectors ------------------------------------------------------------------------ */

int64_t ceno_sys_readv(const uint64_t a[6])
{
	return move_vector(a, NULL, 0);
}
int64_t ceno_sys_writev(const uint64_t a[6])
{
	return move_vector(a, NULL, 1);
}

int64_t ceno_sys_preadv(const uint64_t a[6])
{
	uint64_t offset = a[3];

	return move_vector(a, &offset, 0);
}

int64_t ceno_sys_pwritev(const uint64_t a[6])
{
	uint64_t offset = a[3];

	return move_vector(a, &offset, 1);
}

/* With flags of this call alone; an offset of -1 is the file's own position. */
static int64_t move_vector_with(const uint64_t a[6], int writing)
{
	enum { NOWAIT = 8, APPEND = 16, ALL = 31 };
	uint64_t offset = a[3];
	uint32_t kept;
	struct ceno_move m;
	int64_t result = ceno_move_begin(&m, a[0], offset == UINT64_MAX ? NULL : &offset, writing);

	if (!result && ((uint32_t)a[5] & ~(uint32_t)ALL))
		result = -LX_EOPNOTSUPP;
	if (result)
		return result;
	kept = m.file->flags;
	m.no_wait = (uint32_t)a[5] & NOWAIT;
	if ((uint32_t)a[5] & APPEND)
		m.file->flags |= LX_O_APPEND;
	result = ceno_move_vector(&m, a[1], a[2]);
	m.file->flags = kept;
	return result;
}

int64_t ceno_sys_preadv2(const uint64_t a[6])
{
	return move_vector_with(a, 0);
}

int64_t ceno_sys_pwritev2(const uint64_t a[6])
{
	return move_vector_with(a, 1);
}

/* ---- positions and sizes --------------------------------------------------------------- */

static int64_t seek_data(struct ceno_inode *inode, uint64_t offset, int hole)
{
	uint64_t at;

	if (offset >= inode->size)
		return -LX_ENXIO;
	if (inode->kind != CENO_INODE_FILE)
		return hole ? (int64_t)inode->size : (int64_t)offset;
	at = ceno_inode_seek(inode, offset, hole);
	return at == inode->size && !hole ? -LX_ENXIO : (int64_t)at;
}

int64_t ceno_sys_lseek(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);
	uint32_t whence = (uint32_t)a[2];
	int64_t at = (int64_t)a[1];

	if (!file || (file->flags & LX_O_PATH))
		return -LX_EBADF;
	if (whence > LX_SEEK_HOLE || (whence > LX_SEEK_CUR && (file->inode->mode & LX_S_IFMT) == LX_S_IFDIR))
		return -LX_EINVAL; /* a directory of a tmpfs has no end to seek from */
	if (!ceno_file_seekable(file))
		return -LX_ESPIPE;
	if (file->inode->kind == CENO_INODE_DEVICE)
		return 0;
	if (whence >= LX_SEEK_DATA)
		at = seek_data(file->inode, a[1], whence == LX_SEEK_HOLE);
	else if (__builtin_add_overflow(at,
	                                whence == LX_SEEK_SET       ? 0
	                                    : whence == LX_SEEK_CUR ? (int64_t)file->position
	                                                            : (int64_t)file->inode->size,
	                                &at) ||
	         at < 0)
		return -LX_EINVAL;
	if (at >= 0)
		file->position = (uint64_t)at;
	return at;
}

/* A file grows as far as RLIMIT_FSIZE allows. */
static int64_t resize(struct ceno_inode *inode, uint64_t size)
{
	if (size > inode->size && size > ceno_self()->limit[1].cur) {
		ceno_signal_self(LX_SIGXFSZ);
		return -LX_EFBIG;
	}
	return ceno_inode_truncate(inode, size);
}

int64_t ceno_sys_ftruncate(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);

	if ((int64_t)a[1] < 0)
		return -LX_EINVAL;
	if (!file || (file->flags & LX_O_PATH))
		return -LX_EBADF;
	if (!ceno_file_writable(file) || file->inode->kind != CENO_INODE_FILE)
		return -LX_EINVAL;
	return resize(file->inode, a[1]);
}

int64_t ceno_sys_truncate(const uint64_t a[6])
{
	struct ceno_walk walk;
	int error;

	if ((int64_t)a[1] < 0)
		return -LX_EINVAL;
	error = ceno_path_user((uint64_t)LX_AT_FDCWD, a[0], CENO_NEED_WRITE, &walk);
	if (error || !walk.inode)
		return error ? error : -LX_ENOENT;
	if ((walk.inode->mode & LX_S_IFMT) != LX_S_IFREG)
		return (walk.inode->mode & LX_S_IFMT) == LX_S_IFDIR ? -LX_EISDIR : -LX_EINVAL;
	if (!ceno_inode_may(walk.inode, 2) || walk.inode->kind != CENO_INODE_FILE)
		return -LX_EACCES;
	return resize(walk.inode, a[1]);
}

static int64_t allocate(struct ceno_inode *inode, uint64_t from, uint64_t to, int keep_size)
{
	for (uint64_t page = from / CENO_PAGE; page * CENO_PAGE < to; page++)
		if (!ceno_inode_page(inode, page, 1))
			return -LX_ENOSPC;
	if (!keep_size && to > inode->size)
		inode->size = to;
	inode->ctime = ceno_inode_now();
	return 0;
}

int64_t ceno_sys_fallocate(const uint64_t a[6])
{
	enum { KEEP_SIZE = 1, PUNCH_HOLE = 2 };
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);
	uint32_t mode = (uint32_t)a[1];

	if (!file || (file->flags & LX_O_PATH))
		return -LX_EBADF;
	if ((int64_t)a[2] < 0 || (int64_t)a[3] <= 0)
		return -LX_EINVAL;
	/* What Linux knows: allocate, punch a hole, collapse, zero, insert, unshare; some with KEEP_SIZE. */
	if (mode > 0x41 || !(1ull << (mode & 63) & 0x10003010bull))
		return -LX_EOPNOTSUPP;
	if (!ceno_file_writable(file))
		return -LX_EBADF;
	if (file->inode->kind != CENO_INODE_FILE)
		return ceno_file_seekable(file) ? -LX_ENODEV : -LX_ESPIPE;
	if (a[2] + a[3] > CENO_FILE_MAX)
		return -LX_EFBIG;
	if (mode > (KEEP_SIZE | PUNCH_HOLE))
		return -LX_EOPNOTSUPP;
	if (ceno_seals(file->inode->traits) &
	    (mode & PUNCH_HOLE                              ? LX_F_SEAL_WRITE | LX_F_SEAL_FUTURE_WRITE
	         : !mode && a[2] + a[3] > file->inode->size ? LX_F_SEAL_GROW
	                                                    : 0u))
		return -LX_EPERM;
	if (mode & PUNCH_HOLE) {
		ceno_inode_punch(file->inode, a[2], a[2] + a[3]);
		file->inode->mtime = file->inode->ctime = ceno_inode_now();
		return 0;
	}
	return allocate(file->inode, a[2], a[2] + a[3], (int)mode);
}

/* RAM is all the storage there is: what is written is as safe as it gets. */
int64_t ceno_sys_fsync(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);

	if (!file || (file->flags & LX_O_PATH))
		return -LX_EBADF;
	return ceno_file_seekable(file) && file->inode->kind != CENO_INODE_DEVICE ? 0 : -LX_EINVAL;
}

int64_t ceno_sys_fdatasync(const uint64_t a[6])
{
	return ceno_sys_fsync(a);
}

int64_t ceno_sys_syncfs(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);

	return file && !(file->flags & LX_O_PATH) ? 0 : -LX_EBADF;
}

int64_t ceno_sys_sync_file_range(const uint64_t a[6])
{
	return ceno_sys_fsync(a) == -LX_EINVAL ? -LX_ESPIPE : ceno_sys_fsync(a);
}

int64_t ceno_sys_fadvise64(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);

	if (!file || (file->flags & LX_O_PATH))
		return -LX_EBADF;
	if (!ceno_file_seekable(file))
		return -LX_ESPIPE;
	return a[3] <= 5 && (int64_t)a[2] >= 0 ? 0 : -LX_EINVAL;
}

int64_t ceno_sys_readahead(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);

	if (!file || !ceno_file_readable(file))
		return -LX_EBADF;
	return (file->inode->mode & LX_S_IFMT) == LX_S_IFREG ? 0 : -LX_EINVAL;
}

int64_t ceno_sys_sync(const uint64_t a[6])
{
	(void)a;
	return 0;
}
