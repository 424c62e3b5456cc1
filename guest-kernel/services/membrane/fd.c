/*
 * The descriptor table and the system calls that only change it. See fd.h.
 *
 * Invariant: refs of a file is the number of descriptors that name it; a file
 * with refs 0 is free and holds nothing.
 */
#include "fd.h"

#include "calls.h"
#include "frames.h"
#include "process.h"
#include "stdio.h"
#include "vm.h"

static struct ceno_file *files;  /* CENO_FDS of them */
static uint16_t table[CENO_FDS]; /* file index + 1, 0: closed */
static uint8_t cloexec[CENO_FDS];

void ceno_fd_init(void)
{
	files = ceno_frames_table(CENO_FDS * sizeof(*files));
	memset(table, 0, sizeof(table));
}

struct ceno_file *ceno_fd_file(int32_t fd)
{
	return fd >= 0 && fd < CENO_FDS && table[fd] ? &files[table[fd] - 1] : NULL;
}

static int32_t lowest_free(int32_t from)
{
	int32_t end = (int32_t)(ceno_self()->limit[7].cur < CENO_FDS ? ceno_self()->limit[7].cur : CENO_FDS);

	for (int32_t fd = from < 0 ? 0 : from; fd < end; fd++)
		if (!table[fd])
			return fd;
	return -LX_EMFILE;
}

static struct ceno_file *free_file(void)
{
	for (uint32_t i = 0; i < CENO_FDS; i++)
		if (!files[i].refs)
			return &files[i];
	return NULL;
}

int64_t ceno_fd_open(struct ceno_inode *inode, uint32_t flags, int32_t from)
{
	int32_t fd = lowest_free(from);
	struct ceno_file *file = free_file();

	if (fd < 0 || !file) {
		ceno_inode_settle(inode);
		return fd < 0 ? fd : -LX_ENFILE;
	}
	*file = (struct ceno_file){ .inode = inode,
		                    .refs = 1,
		                    .flags = flags &
		                        ~(uint32_t)(LX_O_CLOEXEC | LX_O_CREAT | LX_O_EXCL | LX_O_TRUNC | LX_O_NOCTTY) };
	inode->uses++;
	if (inode->kind == CENO_INODE_PIPE)
		ceno_pipe_open(inode->pipe, flags);
	table[fd] = (uint16_t)(file - files + 1);
	cloexec[fd] = (flags & LX_O_CLOEXEC) != 0;
	return fd;
}

int64_t ceno_fd_close(int32_t fd)
{
	struct ceno_file *file = ceno_fd_file(fd);
	struct ceno_inode *inode;

	if (!file)
		return -LX_EBADF;
	table[fd] = 0;
	if (--file->refs)
		return 0;
	inode = file->inode;
	if (inode->kind == CENO_INODE_PIPE)
		ceno_pipe_close(inode, file->flags);
	if (file->path)
		ceno_frames_free((uint64_t)(uintptr_t)file->path - CENO_RAM_GVA, 0);
	memset(file, 0, sizeof(*file));
	inode->uses--;
	ceno_inode_settle(inode);
	return 0;
}

void ceno_fd_end(void)
{
	for (int32_t fd = 0; fd < CENO_FDS; fd++)
		if (table[fd])
			ceno_fd_close(fd);
}

int ceno_fd_start(void)
{
	ceno_fd_end();
	for (int stream = 0; stream < CENO_STREAMS; stream++) {
		struct ceno_inode *inode = ceno_inode_new(CENO_INODE_STREAM, 0600);

		if (!inode)
			return -LX_ENOMEM;
		inode->device = (uint8_t)stream;
		if (ceno_fd_open(inode, stream == CENO_STREAM_IN ? LX_O_RDONLY : LX_O_WRONLY, stream) < 0)
			return -LX_ENOMEM;
	}
	return 0;
}

/* Makes `to` name what `from` names. */
static int64_t duplicate(int32_t from, int32_t to, int close_on_exec)
{
	struct ceno_file *file = ceno_fd_file(from);

	if (table[to])
		ceno_fd_close(to);
	file->refs++;
	table[to] = (uint16_t)(file - files + 1);
	cloexec[to] = (uint8_t)close_on_exec;
	return to;
}

int64_t ceno_sys_close(const uint64_t a[6])
{
	return ceno_fd_close((int32_t)a[0]);
}

int64_t ceno_sys_close_range(const uint64_t a[6])
{
	uint32_t first = (uint32_t)a[0], last = (uint32_t)a[1];

	if (first > last || (a[2] & ~6ull))
		return -LX_EINVAL;
	for (uint32_t fd = first; fd <= last && fd < CENO_FDS; fd++) {
		if (table[fd] && (a[2] & 4))
			cloexec[fd] = 1;
		else if (table[fd])
			ceno_fd_close((int32_t)fd);
	}
	return 0;
}

int64_t ceno_sys_dup(const uint64_t a[6])
{
	int32_t to = lowest_free(0);

	if (!ceno_fd_file((int32_t)a[0]))
		return -LX_EBADF;
	return to < 0 ? to : duplicate((int32_t)a[0], to, 0);
}

int64_t ceno_sys_dup2(const uint64_t a[6])
{
	int32_t from = (int32_t)a[0], to = (int32_t)a[1];

	if (!ceno_fd_file(from) || to < 0 || to >= CENO_FDS)
		return -LX_EBADF;
	return from == to ? to : duplicate(from, to, 0);
}

int64_t ceno_sys_dup3(const uint64_t a[6])
{
	if ((int32_t)a[0] == (int32_t)a[1] || (a[2] & ~(uint64_t)LX_O_CLOEXEC))
		return -LX_EINVAL;
	if (!ceno_fd_file((int32_t)a[0]) || (int32_t)a[1] < 0 || (int32_t)a[1] >= CENO_FDS)
		return -LX_EBADF;
	return duplicate((int32_t)a[0], (int32_t)a[1], (a[2] & LX_O_CLOEXEC) != 0);
}

/* One process: no lock can be held by another. */
static int64_t get_lock(uint64_t gva)
{
	struct lx_flock lock;

	if (ceno_user_read(&lock, gva, sizeof(lock)))
		return -LX_EFAULT;
	if (lock.type < 0 || lock.type > 2)
		return -LX_EINVAL;
	lock.type = LX_F_UNLCK;
	return ceno_user_write(gva, &lock, sizeof(lock));
}

static int64_t set_lock(uint64_t gva)
{
	struct lx_flock lock;

	if (ceno_user_read(&lock, gva, sizeof(lock)))
		return -LX_EFAULT;
	return lock.type < 0 || lock.type > 2 ? -LX_EINVAL : 0;
}

int64_t ceno_sys_fcntl(const uint64_t a[6])
{
	const uint32_t changeable = LX_O_APPEND | LX_O_NONBLOCK | LX_O_DIRECT | LX_O_NOATIME;
	int32_t fd = (int32_t)a[0], to;
	struct ceno_file *file = ceno_fd_file(fd);

	if (!file)
		return -LX_EBADF;
	switch ((uint32_t)a[1]) {
	case LX_F_DUPFD:
	case LX_F_DUPFD_CLOEXEC:
		if (a[2] >= CENO_FDS)
			return -LX_EINVAL;
		to = lowest_free((int32_t)a[2]);
		return to < 0 ? to : duplicate(fd, to, (uint32_t)a[1] == LX_F_DUPFD_CLOEXEC);
	case LX_F_GETFD:
		return cloexec[fd];
	case LX_F_SETFD:
		cloexec[fd] = a[2] & LX_FD_CLOEXEC;
		return 0;
	case LX_F_GETFL:
		return file->flags | LX_O_LARGEFILE;
	case LX_F_SETFL:
		file->flags = (file->flags & ~changeable) | ((uint32_t)a[2] & changeable);
		return 0;
	case LX_F_GETLK:
		return get_lock(a[2]);
	case LX_F_SETLK:
	case LX_F_SETLKW:
		return set_lock(a[2]);
	case LX_F_GETPIPE_SZ:
		return file->inode->kind == CENO_INODE_PIPE || file->inode->kind == CENO_INODE_STREAM ? 65536
												      : -LX_EBADF;
	default:
		return -LX_EINVAL;
	}
}

int64_t ceno_sys_flock(const uint64_t a[6])
{
	uint64_t operation = a[1] & ~4ull;

	if (!ceno_fd_file((int32_t)a[0]))
		return -LX_EBADF;
	return operation == 1 || operation == 2 || operation == 8 ? 0 : -LX_EINVAL;
}

/* No descriptor here is a terminal; FIONREAD, FIONBIO, FIOCLEX and FIONCLEX are for all. */
int64_t ceno_sys_ioctl(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);
	int32_t value = 0;

	if (!file)
		return -LX_EBADF;
	switch ((uint32_t)a[1]) {
	case 0x541b:
		if (file->inode->kind == CENO_INODE_STREAM && file->inode->device == CENO_STREAM_IN)
			value = (int32_t)ceno_stdio_pending();
		else if (file->inode->kind == CENO_INODE_PIPE)
			value = (int32_t)(file->inode->pipe->head - file->inode->pipe->tail);
		else if (file->inode->size > file->position)
			value = (int32_t)(file->inode->size - file->position);
		return ceno_user_write(a[2], &value, sizeof(value));
	case 0x5421:
		if (ceno_user_read(&value, a[2], sizeof(value)))
			return -LX_EFAULT;
		file->flags = value ? file->flags | LX_O_NONBLOCK : file->flags & ~(uint32_t)LX_O_NONBLOCK;
		return 0;
	case 0x5451:
	case 0x5450:
		cloexec[(int32_t)a[0]] = (uint32_t)a[1] == 0x5451;
		return 0;
	default:
		return -LX_ENOTTY;
	}
}
