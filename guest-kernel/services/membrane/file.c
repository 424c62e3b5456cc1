/*
 * Opening files: what may be opened how, what is made, what special files do.
 */
#include "calls.h"
#include "fd.h"
#include "frames.h"
#include "process.h"

#define OPEN_KNOWN \
	(LX_O_ACCMODE | LX_O_CREAT | LX_O_EXCL | LX_O_NOCTTY | LX_O_TRUNC | LX_O_APPEND | LX_O_NONBLOCK | LX_O_SYNC | \
	 LX_O_DIRECT | LX_O_LARGEFILE | LX_O_DIRECTORY | LX_O_NOFOLLOW | LX_O_NOATIME | LX_O_CLOEXEC | LX_O_PATH | \
	 LX_O_TMPFILE)

static void remember_path(int64_t fd, struct ceno_walk *walk)
{
	struct ceno_file *file = ceno_fd_file((int32_t)fd);
	uint64_t frame = ceno_frames_alloc(0);
	int64_t length;

	if (frame == CENO_NO_FRAME)
		return;
	file->path = ceno_ram(frame);
	if (walk->inode == walk->parent || !walk->name)
		length = ceno_dir_path(walk->inode->kind == CENO_INODE_DIR ? walk->inode : walk->parent, NULL,
		                       file->path, CENO_PATH_MAX);
	else
		length = ceno_dir_path(walk->parent, walk->last, file->path, CENO_PATH_MAX);
	if (length < 0) {
		ceno_frames_free(frame, 0);
		file->path = NULL;
	}
}

static int create(struct ceno_walk *walk, uint32_t mode)
{
	struct ceno_inode *inode;

	if (walk->must_be_dir || walk->last_length == 0)
		return -LX_EISDIR;
	if (walk->parent->kind != CENO_INODE_DIR)
		return -LX_ENOENT;
	if (walk->parent->read_only)
		return -LX_EROFS;
	inode = ceno_inode_new(CENO_INODE_FILE, mode & ~ceno_self()->umask);
	if (!inode)
		return -LX_ENOSPC;
	if (ceno_dir_add(walk->parent, walk->last, walk->last_length, inode)) {
		ceno_inode_settle(inode);
		return -LX_ENOSPC;
	}
	walk->inode = inode;
	walk->name = ceno_dir_find(walk->parent, walk->last, walk->last_length);
	return 0;
}

static int64_t open_special(struct ceno_walk *walk, uint32_t flags)
{
	struct ceno_inode *inode = walk->inode;

	if (inode->kind == CENO_INODE_DEVICE && inode->device == CENO_DEVICE_TTY)
		return -LX_ENXIO;
	if (inode->kind == CENO_INODE_GENERATED) {
		inode = ceno_procfs_generate(inode->device);
		if (!inode)
			return -LX_ENOMEM;
	}
	return ceno_fd_open(inode, flags, 0);
}

/* What opening an existing inode with these flags would violate. */
static int check_open(const struct ceno_walk *walk, uint32_t flags)
{
	const struct ceno_inode *inode = walk->inode;
	int writing = (flags & LX_O_ACCMODE) != LX_O_RDONLY || (flags & LX_O_TRUNC);

	if (inode->kind == CENO_INODE_LINK && walk->fd < 0)
		return (flags & LX_O_PATH) ? 0 : -LX_ELOOP;
	if (inode->kind == CENO_INODE_DIR || inode->kind == CENO_INODE_FD_DIR)
		return writing || (flags & LX_O_CREAT) ? -LX_EISDIR : 0;
	if (flags & LX_O_DIRECTORY)
		return -LX_ENOTDIR;
	if (writing &&
	    (inode->kind == CENO_INODE_PACK || inode->kind == CENO_INODE_TEXT || inode->kind == CENO_INODE_GENERATED))
		return -LX_EROFS;
	return 0;
}

static int64_t open_temporary(struct ceno_walk *walk, uint32_t flags, uint32_t mode)
{
	struct ceno_inode *inode;

	if (!walk->inode || walk->inode->kind != CENO_INODE_DIR)
		return walk->inode ? -LX_ENOTDIR : -LX_ENOENT;
	if ((flags & LX_O_ACCMODE) == LX_O_RDONLY)
		return -LX_EINVAL;
	if (walk->inode->read_only)
		return -LX_EROFS;
	inode = ceno_inode_new(CENO_INODE_FILE, mode & ~ceno_self()->umask);
	return inode ? ceno_fd_open(inode, flags & ~(uint32_t)LX_O_DIRECTORY, 0) : -LX_ENOSPC;
}

static int64_t open_at(uint64_t dirfd, uint64_t path, uint32_t flags, uint32_t mode)
{
	int nofollow = (flags & LX_O_NOFOLLOW) || ((flags & LX_O_CREAT) && (flags & LX_O_EXCL));
	struct ceno_walk walk;
	int64_t fd;
	int error = ceno_path_user(dirfd, path, nofollow ? CENO_WALK_NOFOLLOW : 0, &walk);

	if (error)
		return error;
	flags &= OPEN_KNOWN;
	if (flags & LX_O_PATH)
		flags &= LX_O_PATH | LX_O_DIRECTORY | LX_O_NOFOLLOW | LX_O_CLOEXEC;
	if ((flags & LX_O_TMPFILE) == LX_O_TMPFILE)
		return open_temporary(&walk, flags, mode);
	if (walk.inode && (flags & LX_O_CREAT) && (flags & LX_O_EXCL))
		return -LX_EEXIST;
	if (!walk.inode && !(flags & LX_O_CREAT))
		return -LX_ENOENT;
	error = walk.inode ? check_open(&walk, flags) : create(&walk, mode);
	if (error)
		return error;
	if (walk.inode->kind == CENO_INODE_FILE && (flags & LX_O_TRUNC))
		ceno_inode_truncate(walk.inode, 0);
	if (walk.fd >= 0 && (walk.inode->kind == CENO_INODE_STREAM || walk.inode->kind == CENO_INODE_PIPE))
		return ceno_sys_dup((const uint64_t[6]){ (uint64_t)walk.fd });
	fd = open_special(&walk, flags);
	if (fd >= 0 && walk.fd < 0)
		remember_path(fd, &walk);
	return fd;
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
