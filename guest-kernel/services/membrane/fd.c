/*
 * Tables of descriptors, and the system calls that only change them. See fd.h.
 *
 * Invariant: refs of a file is the number of descriptors of all tables that name it,
 * and of messages it is in; a file with none is gone.
 */
#include "fd.h"

#include "calls.h"
#include "frames.h"
#include "poll.h"
#include "task.h"
#include "stdio.h"
#include "tty.h"
#include "vm.h"

/* ---- tables ------------------------------------------------------------------------ */

/* A slot: the file's place in RAM in units of 32 bytes, times two, plus close-on-exec. */
static struct ceno_file *file_of(uint32_t slot)
{
	return slot ? ceno_ram((uint64_t)(slot >> 1) << 5) : NULL;
}

static uint32_t slot_of(const struct ceno_file *file, int cloexec)
{
	return (uint32_t)(((uint64_t)(uintptr_t)file - CENO_RAM_GVA) >> 5 << 1) | (cloexec != 0);
}

struct ceno_file *ceno_files_at(const struct ceno_files *files, int32_t fd)
{
	return fd >= 0 && fd < CENO_FDS ? file_of(files->slot[fd]) : NULL;
}

struct ceno_files *ceno_files_new(void)
{
	struct ceno_files *files = ceno_pool_take(sizeof(*files));
	uint64_t frame = files ? ceno_pool_frame() : CENO_NO_FRAME;

	if (frame == CENO_NO_FRAME) {
		if (files)
			ceno_pool_give(files, sizeof(*files));
		return NULL;
	}
	*files = (struct ceno_files){ .uses = 1, .slot = ceno_ram(frame) };
	return files;
}

struct ceno_files *ceno_files_copy(const struct ceno_files *from)
{
	struct ceno_files *files = ceno_files_new();

	for (int32_t fd = 0; files && fd < CENO_FDS; fd++) {
		files->slot[fd] = from->slot[fd];
		if (files->slot[fd])
			file_of(files->slot[fd])->refs++;
	}
	return files;
}

void ceno_file_put(struct ceno_file *file)
{
	struct ceno_inode *inode = file->inode;

	if (--file->refs)
		return;
	ceno_lock_released(file);
	if (inode->kind >= CENO_INODE_PIPE)
		ceno_epoll_forget(file);
	if (inode->kind == CENO_INODE_PIPE)
		ceno_pipe_close(inode, file->flags);
	if (inode->kind == CENO_INODE_SOCKET && !(file->flags & LX_O_PATH))
		ceno_socket_close(inode);
	ceno_name_drop(file->name);
	ceno_inode_drop(inode);
	ceno_pool_give(file, sizeof(*file));
}

static int64_t close_in(struct ceno_files *files, int32_t fd)
{
	struct ceno_file *file = ceno_files_at(files, fd);

	if (!file)
		return -LX_EBADF;
	files->slot[fd] = 0;
	ceno_lock_closed(file->inode, files);
	ceno_file_put(file);
	return 0;
}

static void close_all(struct ceno_files *files, uint32_t which)
{
	for (int32_t fd = 0; fd < CENO_FDS; fd++)
		if (files->slot[fd] & which)
			close_in(files, fd);
}

void ceno_files_put(struct ceno_files *files)
{
	if (--files->uses)
		return;
	close_all(files, UINT32_MAX);
	ceno_frames_free((uint64_t)(uintptr_t)files->slot - CENO_RAM_GVA, 0);
	ceno_pool_give(files, sizeof(*files));
}

void ceno_files_exec(struct ceno_files *files)
{
	close_all(files, 1);
}

/* A new open file, not yet in any table. NULL: no RAM. */
static struct ceno_file *new_file(struct ceno_inode *inode, struct ceno_name *name, uint32_t flags)
{
	const uint32_t once = LX_O_CLOEXEC | LX_O_CREAT | LX_O_EXCL | LX_O_TRUNC | LX_O_NOCTTY;
	struct ceno_file *file = ceno_pool_take(sizeof(*file));

	if (!file) {
		ceno_inode_settle(inode);
		return NULL;
	}
	*file = (struct ceno_file){ .inode = inode, .name = name, .flags = flags & ~once };
	inode->uses++;
	ceno_name_hold(name);
	if (inode->kind == CENO_INODE_PIPE)
		ceno_pipe_open(inode->pipe, flags);
	return file;
}

/* One open file, thrice. */
static int open_terminal(struct ceno_files *files, struct ceno_name *name)
{
	struct ceno_file *file = new_file(name->inode, name, LX_O_RDWR);

	if (!file)
		return -LX_ENOMEM;
	file->refs = CENO_STREAMS;
	for (int stream = 0; stream < CENO_STREAMS; stream++)
		files->slot[stream] = slot_of(file, 0);
	return 0;
}

static int open_streams(struct ceno_files *files)
{
	struct ceno_name *name = ceno_tty_start();

	if (name)
		return open_terminal(files, name);
	for (int stream = 0; stream < CENO_STREAMS; stream++) {
		struct ceno_inode *inode = ceno_inode_new(CENO_INODE_STREAM, 0600);
		struct ceno_file *file =
		    inode ? new_file(inode, NULL, stream == CENO_STREAM_IN ? LX_O_RDONLY : LX_O_WRONLY) : NULL;

		if (!file)
			return -LX_ENOMEM;
		inode->device = (uint8_t)stream;
		inode->nlink = 1;
		file->refs = 1;
		files->slot[stream] = slot_of(file, 0);
	}
	return 0;
}

int ceno_files_start(struct ceno_process *process)
{
	process->files = ceno_files_new();
	if (!process->files)
		return -LX_ENOMEM;
	process->cwd = ceno_inode_root();
	process->cwd->uses++;
	return open_streams(process->files);
}

/* ---- descriptors of the current process ---------------------------------------------- */

static struct ceno_files *own(void)
{
	return ceno_self()->files;
}

struct ceno_file *ceno_fd_file(int32_t fd)
{
	return ceno_files_at(own(), fd);
}

static int32_t limit(void)
{
	uint64_t most = ceno_self()->limit[7].cur;

	return (int32_t)(most < CENO_FDS ? most : CENO_FDS);
}

int ceno_fd_room(void)
{
	for (int32_t fd = 0; fd < limit(); fd++)
		if (!own()->slot[fd])
			return 1;
	return 0;
}

int64_t ceno_fd_add(struct ceno_file *file, int cloexec, int32_t from)
{
	for (int32_t fd = from; fd < limit(); fd++) {
		if (own()->slot[fd])
			continue;
		own()->slot[fd] = slot_of(file, cloexec);
		file->refs++;
		return fd;
	}
	return -LX_EMFILE;
}

int64_t ceno_fd_open(struct ceno_inode *inode, struct ceno_name *name, uint32_t flags, int32_t from)
{
	struct ceno_file *file = new_file(inode, name, flags);
	int64_t fd;

	if (!file)
		return -LX_ENFILE;
	file->refs = 1;
	fd = ceno_fd_add(file, (flags & LX_O_CLOEXEC) != 0, from);
	ceno_file_put(file);
	return fd;
}

int64_t ceno_fd_close(int32_t fd)
{
	return close_in(own(), fd);
}

/* Makes `to` name what `from` names. */
static int64_t duplicate(int32_t from, int32_t to, int cloexec)
{
	struct ceno_file *file = ceno_fd_file(from);

	if (!file || to < 0 || to >= limit())
		return -LX_EBADF;
	file->refs++;
	ceno_fd_close(to);
	own()->slot[to] = slot_of(file, cloexec);
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
		if (own()->slot[fd] && (a[2] & 4))
			own()->slot[fd] |= 1;
		else
			ceno_fd_close((int32_t)fd);
	}
	return 0;
}

int64_t ceno_sys_dup(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);

	return file ? ceno_fd_add(file, 0, 0) : -LX_EBADF;
}

int64_t ceno_sys_dup2(const uint64_t a[6])
{
	int32_t from = (int32_t)a[0], to = (int32_t)a[1];

	return from == to && ceno_fd_file(from) ? to : duplicate(from, to, 0);
}

int64_t ceno_sys_dup3(const uint64_t a[6])
{
	if ((int32_t)a[0] == (int32_t)a[1] || (a[2] & ~(uint64_t)LX_O_CLOEXEC))
		return -LX_EINVAL;
	return duplicate((int32_t)a[0], (int32_t)a[1], (a[2] & LX_O_CLOEXEC) != 0);
}

/* ---- seals and owners ---------------------------------------------------------------------- */

static int64_t add_seals(const struct ceno_file *file, uint64_t seals)
{
	struct ceno_inode *inode = file->inode;

	if (inode->kind != CENO_INODE_FILE || (seals & ~(uint64_t)LX_F_SEAL_ALL))
		return -LX_EINVAL;
	if (!ceno_file_writable(file) || (ceno_seals(inode->traits) & LX_F_SEAL_SEAL))
		return -LX_EPERM;
	if ((seals & LX_F_SEAL_WRITE) && !(ceno_seals(inode->traits) & LX_F_SEAL_WRITE) && ceno_vms_may_write(inode))
		return -LX_EBUSY;
	inode->traits |= (uint32_t)seals << 8;
	return 0;
}

/* A process, or a group as a negative number; 0: nobody. */
static int64_t set_owner(struct ceno_file *file, int32_t who)
{
	if (who == INT32_MIN)
		return -LX_EINVAL;
	if (who > 0 ? !ceno_task_find(who) : who < 0 && !ceno_process_find(-who))
		return -LX_ESRCH;
	file->owner = who;
	return 0;
}

static int64_t tell_owner(const struct ceno_file *file, uint64_t gva)
{
	const int32_t owner[2] = { file->owner < 0 ? 2 : 1, file->owner < 0 ? -file->owner : file->owner };

	return ceno_user_write(gva, owner, sizeof(owner));
}

/* ---- fcntl ----------------------------------------------------------------------------- */

static int64_t set_flags(struct ceno_file *file, uint32_t flags)
{
	const uint32_t changeable = LX_O_APPEND | LX_O_NONBLOCK | LX_O_DIRECT | LX_O_NOATIME;

	file->flags = (file->flags & ~changeable) | (flags & changeable);
	return 0;
}

int64_t ceno_sys_fcntl(const uint64_t a[6])
{
	int32_t fd = (int32_t)a[0];
	uint32_t command = (uint32_t)a[1];
	struct ceno_file *file = ceno_fd_file(fd);

	if (!file)
		return -LX_EBADF;
	if ((file->flags & LX_O_PATH) && command > LX_F_GETFL && command != LX_F_DUPFD_CLOEXEC)
		return -LX_EBADF;
	switch (command) {
	case LX_F_DUPFD:
	case LX_F_DUPFD_CLOEXEC:
		if (a[2] >= (uint64_t)limit())
			return -LX_EINVAL;
		return ceno_fd_add(file, command == LX_F_DUPFD_CLOEXEC, (int32_t)a[2]);
	case LX_F_GETFD:
		return own()->slot[fd] & 1;
	case LX_F_SETFD:
		own()->slot[fd] = (own()->slot[fd] & ~1u) | (a[2] & LX_FD_CLOEXEC);
		return 0;
	case LX_F_GETFL:
		return file->flags;
	case LX_F_SETFL:
		return set_flags(file, (uint32_t)a[2]);
	case LX_F_GETLK:
	case LX_F_SETLK:
	case LX_F_SETLKW:
	case LX_F_OFD_GETLK:
	case LX_F_OFD_SETLK:
	case LX_F_OFD_SETLKW:
		return ceno_lock_fcntl(file, command, a[2]);
	case LX_F_GETPIPE_SZ:
		if (file->inode->kind == CENO_INODE_PIPE)
			return (int64_t)CENO_PAGE << file->inode->pipe->ring.order;
		return file->inode->kind == CENO_INODE_STREAM ? 65536 : -LX_EBADF;
	case LX_F_SETPIPE_SZ:
		return file->inode->kind == CENO_INODE_PIPE ? ceno_pipe_resize(file->inode, (uint32_t)a[2]) : -LX_EBADF;
	case LX_F_ADD_SEALS:
		return add_seals(file, a[2]);
	case LX_F_GET_SEALS:
		return file->inode->kind == CENO_INODE_FILE ? (int64_t)ceno_seals(file->inode->traits) : -LX_EINVAL;
	case LX_F_SETOWN:
		return set_owner(file, (int32_t)a[2]);
	case LX_F_GETOWN:
		return file->owner;
	case LX_F_GETOWN_EX:
		return tell_owner(file, a[2]);
	default:
		return -LX_EINVAL;
	}
}

/* ---- ioctl ----------------------------------------------------------------------------- */

int ceno_file_readable(const struct ceno_file *file)
{
	return !(file->flags & (LX_O_PATH | 1)); /* access mode 3 is neither */
}

int ceno_file_writable(const struct ceno_file *file)
{
	return !(file->flags & LX_O_PATH) && ((file->flags ^ file->flags >> 1) & 1);
}

int ceno_file_seekable(const struct ceno_file *file)
{
	return file->inode->kind < CENO_INODE_PIPE;
}

/* No descriptor here is a terminal; FIONREAD, FIONBIO, FIOCLEX and FIONCLEX are for all. */
int64_t ceno_sys_ioctl(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);
	int32_t value = 0;

	if (!file || (file->flags & LX_O_PATH))
		return -LX_EBADF;
	if (file->inode->kind == CENO_INODE_STREAM && file->inode->device == CENO_STREAM_TTY) {
		int64_t result = ceno_tty_ioctl((uint32_t)a[1], a[2]);

		if (result != -LX_ENOTTY)
			return result;
	}
	switch ((uint32_t)a[1]) {
	case 0x541b:
		if (file->inode->kind == CENO_INODE_STREAM && file->inode->device == CENO_STREAM_IN)
			value = (int32_t)ceno_stdio_pending();
		else if (file->inode->kind == CENO_INODE_PIPE)
			value = (int32_t)ceno_ring_bytes(&file->inode->pipe->ring);
		else if (file->inode->kind == CENO_INODE_SOCKET)
			value = (int32_t)ceno_ring_bytes(&file->inode->socket->in);
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
		own()->slot[(int32_t)a[0]] = (own()->slot[(int32_t)a[0]] & ~1u) | ((uint32_t)a[1] == 0x5451);
		return 0;
	default:
		return -LX_ENOTTY;
	}
}
