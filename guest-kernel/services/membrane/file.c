/*
 * Opening files: what may be opened how, what is made, what special files do.
 */
#include "calls.h"
#include "fd.h"
#include "promise.h"
#include "task.h"
#include "stdio.h"
#include "tty.h"

#define OPEN_KNOWN \
	(LX_O_ACCMODE | LX_O_CREAT | LX_O_EXCL | LX_O_NOCTTY | LX_O_TRUNC | LX_O_APPEND | LX_O_NONBLOCK | LX_O_SYNC | \
	 LX_O_DIRECT | LX_O_LARGEFILE | LX_O_DIRECTORY | LX_O_NOFOLLOW | LX_O_NOATIME | LX_O_CLOEXEC | LX_O_PATH | \
	 LX_O_TMPFILE)

static int is_dir(const struct ceno_inode *inode)
{
	return (inode->mode & LX_S_IFMT) == LX_S_IFDIR;
}

static int create(struct ceno_walk *walk, uint32_t mode)
{
	int64_t error;

	if (walk->parent->kind != CENO_INODE_DIR || !ceno_inode_may(walk->parent, 3))
		return -LX_EACCES;
	if (ceno_dir_removed(walk->parent))
		return -LX_ENOENT;
	walk->inode = ceno_inode_new(CENO_INODE_FILE, mode & ~ceno_self()->umask);
	error = ceno_dir_new(walk, walk->inode);
	if (error)
		return (int)error;
	walk->name = ceno_dir_find(walk->parent, walk->last, walk->last_length);
	return 0;
}

/* What opening an existing inode with these flags would violate. */
static int check_open(const struct ceno_walk *walk, uint32_t flags)
{
	const struct ceno_inode *inode = walk->inode;
	uint32_t mode = flags & LX_O_ACCMODE, want = mode == LX_O_RDONLY ? 4 : mode == LX_O_WRONLY ? 2 : 6;
	int link = (inode->mode & LX_S_IFMT) == LX_S_IFLNK;

	if ((flags & (LX_O_CREAT | LX_O_EXCL)) == (LX_O_CREAT | LX_O_EXCL))
		return -LX_EEXIST;
	if ((flags & LX_O_CREAT) && is_dir(inode))
		return -LX_EISDIR;
	if ((flags & LX_O_DIRECTORY) && !is_dir(inode))
		return -LX_ENOTDIR;
	if (flags & LX_O_PATH)
		return 0;
	if (link || (walk->file && (flags & LX_O_NOFOLLOW)))
		return -LX_ELOOP;
	want |= flags & LX_O_TRUNC ? 2 : 0;
	if (is_dir(inode) && (want & 2))
		return -LX_EISDIR;
	if (!ceno_inode_may(inode, want))
		return -LX_EACCES;
	if ((flags & LX_O_NOATIME) && !inode->owned)
		return -LX_EPERM;
	return 0;
}

/* A FIFO is open when somebody has the other end; the first making of the call takes the
 * descriptor, which counts as an end, and remembers it. */
static int64_t open_fifo(struct ceno_walk *walk, uint32_t flags)
{
	const struct ceno_pipe *pipe = walk->inode->pipe;
	uint32_t mode = flags & LX_O_ACCMODE;
	uint64_t *kept = ceno_current->call.data;
	int64_t fd = (int64_t)kept[0] - 1, result;

	if (fd < 0) {
		if (mode == LX_O_WRONLY && (flags & LX_O_NONBLOCK) && !pipe->readers)
			return -LX_ENXIO;
		kept[1] = mode == LX_O_WRONLY ? pipe->opened_read : pipe->opened_write;
		fd = ceno_fd_open(walk->inode, walk->name, flags, 0);
		if (fd < 0)
			return fd;
		ceno_file_changed(walk->inode);
	}
	if (mode == LX_O_RDWR || (flags & LX_O_NONBLOCK) ||
	    (mode == LX_O_WRONLY ? pipe->readers || pipe->opened_read != kept[1]
	                         : pipe->writers || pipe->opened_write != kept[1]))
		return fd;
	kept[0] = (uint64_t)fd + 1;
	result = ceno_block(walk->inode, CENO_NEVER);
	if (result != CENO_BLOCKED)
		ceno_fd_close((int32_t)fd);
	return result;
}

static int64_t open_inode(struct ceno_walk *walk, uint32_t flags)
{
	struct ceno_inode *inode = walk->inode;
	struct ceno_name *name = inode->kind == CENO_INODE_DIR ? inode->dir.name : walk->name;
	int64_t fd;

	if (!(flags & LX_O_PATH)) {
		if (inode->kind == CENO_INODE_DEVICE && inode->device == CENO_DEVICE_TTY)
			return -LX_ENXIO;
		if (inode->kind == CENO_INODE_STREAM && inode->device != CENO_STREAM_TTY &&
		    ((flags & LX_O_ACCMODE) == LX_O_WRONLY) != (inode->device != CENO_STREAM_IN))
			return -LX_EACCES;
		if (inode->kind >= CENO_INODE_SOCKET)
			return -LX_ENXIO;
		if (inode->kind == CENO_INODE_PIPE && walk->name)
			return open_fifo(walk, flags);
		if (inode->kind == CENO_INODE_GENERATED) {
			inode = ceno_procfs_generate(inode->device, walk->pid);
			if (!inode)
				return -LX_ENOMEM;
		}
		if (inode->kind == CENO_INODE_FILE && (flags & LX_O_TRUNC) && ceno_inode_truncate(inode, 0))
			return -LX_EPERM;
	}
	fd = ceno_fd_open(inode, name, flags, 0);
	if (fd >= 0)
		ceno_fd_file((int32_t)fd)->pid = walk->pid;
	return fd;
}

static int64_t open_temporary(struct ceno_walk *walk, uint32_t flags, uint32_t mode)
{
	struct ceno_inode *inode;

	if (!walk->inode)
		return -LX_ENOENT;
	if (!is_dir(walk->inode))
		return -LX_ENOTDIR;
	if (!ceno_inode_may(walk->inode, 3))
		return -LX_EACCES;
	if (walk->inode->kind != CENO_INODE_DIR)
		return -LX_EOPNOTSUPP;
	inode = ceno_inode_new(CENO_INODE_FILE, mode & ~ceno_self()->umask);
	if (!inode)
		return -LX_ENOSPC;
	inode->traits = flags & LX_O_EXCL ? 0 : CENO_INODE_LINKABLE;
	return ceno_fd_open(inode, NULL, flags, 0);
}

/* What opening with these flags needs of pledge and unveil. */
static int needs_of(uint32_t flags)
{
	static const int of_mode[4] = { CENO_NEED_READ, CENO_NEED_WRITE, CENO_NEED_READ | CENO_NEED_WRITE,
		                        CENO_NEED_READ | CENO_NEED_WRITE };

	if ((flags & LX_O_TMPFILE) == LX_O_TMPFILE)
		return CENO_NEED_WRITE | CENO_NEED_CREATE;
	return of_mode[flags & LX_O_ACCMODE] | (flags & LX_O_CREAT ? CENO_NEED_CREATE : 0) |
	    (flags & LX_O_TRUNC ? CENO_NEED_WRITE : 0);
}

static int64_t open_at(uint64_t dirfd, uint64_t path, uint32_t flags, uint32_t mode)
{
	struct ceno_walk walk;
	int temporary, error, how;

	flags &= OPEN_KNOWN;
	if (flags & LX_O_PATH)
		flags &= LX_O_PATH | LX_O_DIRECTORY | LX_O_NOFOLLOW | LX_O_CLOEXEC;
	else
		flags |= LX_O_LARGEFILE;
	temporary = (flags & LX_O_TMPFILE) == LX_O_TMPFILE;
	if (temporary && ((flags & LX_O_ACCMODE) == LX_O_RDONLY || (flags & LX_O_CREAT)))
		return -LX_EINVAL;
	if ((flags & LX_O_CREAT) && (flags & LX_O_DIRECTORY))
		return -LX_EINVAL;
	how = needs_of(flags) |
	    ((flags & LX_O_NOFOLLOW) || ((flags & LX_O_CREAT) && (flags & LX_O_EXCL)) ? CENO_WALK_NOFOLLOW : 0);
	error = ceno_path_user(dirfd, path, how | (flags & LX_O_CREAT ? CENO_WALK_CREATE : 0), &walk);
	if (error)
		return error;
	if (temporary)
		return open_temporary(&walk, flags, mode);
	if (!walk.inode && !(flags & LX_O_CREAT))
		return -LX_ENOENT;
	error = walk.inode ? check_open(&walk, flags) : create(&walk, mode & 07777);
	return error ? error : open_inode(&walk, flags);
}

int64_t ceno_sys_open(const uint64_t a[6])
{
	return open_at((uint64_t)LX_AT_FDCWD, a[0], (uint32_t)a[1], (uint32_t)a[2]);
}

int64_t ceno_sys_openat(const uint64_t a[6])
{
	return open_at(a[0], a[1], (uint32_t)a[2], (uint32_t)a[3]);
}

int64_t ceno_sys_creat(const uint64_t a[6])
{
	return open_at((uint64_t)LX_AT_FDCWD, a[0], LX_O_CREAT | LX_O_WRONLY | LX_O_TRUNC, (uint32_t)a[1]);
}
