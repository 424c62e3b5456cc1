/*
 * Opening files, and asking about them: open, stat in all its forms, access,
 * statfs, readlink, time stamps and modes.
 */
#include "calls.h"
#include "fd.h"
#include "frames.h"
#include "process.h"
#include "time.h"
#include "vm.h"

#define OPEN_KNOWN (LX_O_ACCMODE | LX_O_CREAT | LX_O_EXCL | LX_O_NOCTTY | LX_O_TRUNC | LX_O_APPEND | LX_O_NONBLOCK | \
                    LX_O_SYNC | LX_O_DIRECT | LX_O_LARGEFILE | LX_O_DIRECTORY | LX_O_NOFOLLOW | LX_O_NOATIME | \
                    LX_O_CLOEXEC | LX_O_PATH | LX_O_TMPFILE)

static void remember_path(int64_t fd, struct ceno_walk *walk)
{
	struct ceno_file *file = ceno_fd_file((int32_t)fd);
	uint64_t frame = ceno_frames_alloc(0);
	int64_t length;

	if (frame == CENO_NO_FRAME)
		return;
	file->path = ceno_ram(frame);
	if (walk->inode == walk->parent || !walk->name)
		length = ceno_dir_path(walk->inode->kind == CENO_INODE_DIR ? walk->inode : walk->parent, NULL, file->path, CENO_PATH_MAX);
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
	inode = ceno_inode_new(CENO_INODE_FILE, mode & ~ceno_program.umask);
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
	if (writing && (inode->kind == CENO_INODE_PACK || inode->kind == CENO_INODE_TEXT || inode->kind == CENO_INODE_GENERATED))
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
	inode = ceno_inode_new(CENO_INODE_FILE, mode & ~ceno_program.umask);
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

/* ---- stat -------------------------------------------------------------------- */

static struct lx_timespec timespec_of(uint64_t ns)
{
	return (struct lx_timespec){ (int64_t)(ns / 1000000000u), (int64_t)(ns % 1000000000u) };
}

static uint64_t rdev_of(const struct ceno_inode *inode)
{
	static const uint8_t minors[] = { 3, 5, 9, 0, 7 };

	if (inode->kind != CENO_INODE_DEVICE)
		return 0;
	return (inode->device == CENO_DEVICE_TTY ? 5u : 1u) << 8 | minors[inode->device];
}

static void fill_stat(const struct ceno_inode *inode, struct lx_stat *st)
{
	memset(st, 0, sizeof(*st));
	st->dev = inode->kind == CENO_INODE_PACK ? 2 : 1;
	st->ino = inode->number;
	st->nlink = inode->nlink;
	st->mode = inode->mode;
	st->rdev = rdev_of(inode);
	st->size = (int64_t)inode->size;
	if (inode->kind == CENO_INODE_TEXT)
		st->size = (int64_t)strlen(inode->text);
	st->blksize = 4096;
	st->blocks = (st->size + 511) / 512;
	st->atime = timespec_of(inode->atime);
	st->mtime = timespec_of(inode->mtime);
	st->ctime = timespec_of(inode->ctime);
}

/* The inode that (dirfd, path, flags) means; NULL with *error set. */
static struct ceno_inode *find(uint64_t dirfd, uint64_t path, uint64_t flags, int *error)
{
	struct ceno_walk walk;
	int walk_flags = (flags & LX_AT_SYMLINK_NOFOLLOW) ? CENO_WALK_NOFOLLOW : 0;

	if (flags & LX_AT_EMPTY_PATH) {
		uint8_t first = 0;

		if (path && ceno_user_read(&first, path, 1)) {
			*error = -LX_EFAULT;
			return NULL;
		}
		if (!first && (int32_t)dirfd != LX_AT_FDCWD) {
			struct ceno_file *file = ceno_fd_file((int32_t)dirfd);

			*error = file ? 0 : -LX_EBADF;
			return file ? file->inode : NULL;
		}
		walk_flags |= CENO_WALK_EMPTY;
	}
	*error = ceno_path_user(dirfd, path, walk_flags, &walk);
	if (!*error && !walk.inode)
		*error = -LX_ENOENT;
	return *error ? NULL : walk.inode;
}

static int64_t stat_at(uint64_t dirfd, uint64_t path, uint64_t out, uint64_t flags)
{
	struct lx_stat st;
	int error;
	struct ceno_inode *inode = find(dirfd, path, flags, &error);

	if (!inode)
		return error;
	fill_stat(inode, &st);
	return ceno_user_write(out, &st, sizeof(st));
}

int64_t ceno_sys_stat(const uint64_t a[6]) { return stat_at((uint64_t)LX_AT_FDCWD, a[0], a[1], 0); }
int64_t ceno_sys_lstat(const uint64_t a[6]) { return stat_at((uint64_t)LX_AT_FDCWD, a[0], a[1], LX_AT_SYMLINK_NOFOLLOW); }

int64_t ceno_sys_fstat(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);
	struct lx_stat st;

	if (!file)
		return -LX_EBADF;
	fill_stat(file->inode, &st);
	return ceno_user_write(a[1], &st, sizeof(st));
}

int64_t ceno_sys_newfstatat(const uint64_t a[6])
{
	if (a[3] & ~(uint64_t)(LX_AT_SYMLINK_NOFOLLOW | LX_AT_NO_AUTOMOUNT | LX_AT_EMPTY_PATH))
		return -LX_EINVAL;
	return stat_at(a[0], a[1], a[2], a[3]);
}

int64_t ceno_sys_statx(const uint64_t a[6])
{
	const uint64_t known = LX_AT_SYMLINK_NOFOLLOW | LX_AT_NO_AUTOMOUNT | LX_AT_EMPTY_PATH | LX_AT_STATX_SYNC_TYPE;
	struct lx_statx out = { 0 };
	struct lx_stat st;
	struct ceno_inode *inode;
	int error;

	if ((a[2] & ~known) || (a[3] & 0x80000000u))
		return -LX_EINVAL;
	inode = find(a[0], a[1], a[2], &error);
	if (!inode)
		return error;
	fill_stat(inode, &st);
	out.mask = 0x7ff;
	out.blksize = 4096;
	out.nlink = (uint32_t)st.nlink;
	out.mode = (uint16_t)st.mode;
	out.ino = st.ino;
	out.size = (uint64_t)st.size;
	out.blocks = (uint64_t)st.blocks;
	out.atime = (struct lx_statx_time){ st.atime.sec, (uint32_t)st.atime.nsec, 0 };
	out.mtime = (struct lx_statx_time){ st.mtime.sec, (uint32_t)st.mtime.nsec, 0 };
	out.ctime = (struct lx_statx_time){ st.ctime.sec, (uint32_t)st.ctime.nsec, 0 };
	out.rdev_major = (uint32_t)(st.rdev >> 8);
	out.rdev_minor = st.rdev & 255;
	out.dev_minor = (uint32_t)st.dev;
	return ceno_user_write(a[4], &out, sizeof(out));
}

static int64_t access_at(uint64_t dirfd, uint64_t path, uint64_t mode, uint64_t flags)
{
	int error;
	struct ceno_inode *inode;

	if (mode & ~7ull)
		return -LX_EINVAL;
	inode = find(dirfd, path, flags, &error);
	if (!inode)
		return error;
	if ((mode & 2) && (inode->read_only || inode->kind == CENO_INODE_PACK || inode->kind == CENO_INODE_TEXT ||
	                   inode->kind == CENO_INODE_GENERATED || inode->kind == CENO_INODE_FD_DIR))
		return -LX_EROFS;
	if ((mode & 1) && !(inode->mode & 0111))
		return -LX_EACCES;
	return 0;
}

int64_t ceno_sys_access(const uint64_t a[6]) { return access_at((uint64_t)LX_AT_FDCWD, a[0], a[1], 0); }
int64_t ceno_sys_faccessat(const uint64_t a[6]) { return access_at(a[0], a[1], a[2], 0); }

int64_t ceno_sys_faccessat2(const uint64_t a[6])
{
	if (a[3] & ~(uint64_t)(LX_AT_SYMLINK_NOFOLLOW | LX_AT_EACCESS | LX_AT_EMPTY_PATH))
		return -LX_EINVAL;
	return access_at(a[0], a[1], a[2], a[3]);
}

static int64_t statfs_out(uint64_t out)
{
	uint64_t total = ceno_frames_total(), used = ceno_frames_used();
	struct lx_statfs fs = { .type = 0x01021994, .bsize = 4096, .blocks = total, .bfree = total - used,
	                        .bavail = total - used, .files = total, .ffree = total - used, .namelen = CENO_NAME_MAX,
	                        .frsize = 4096 };

	return ceno_user_write(out, &fs, sizeof(fs));
}

int64_t ceno_sys_statfs(const uint64_t a[6])
{
	int error;

	return find((uint64_t)LX_AT_FDCWD, a[0], 0, &error) ? statfs_out(a[1]) : error;
}

int64_t ceno_sys_fstatfs(const uint64_t a[6])
{
	return ceno_fd_file((int32_t)a[0]) ? statfs_out(a[1]) : -LX_EBADF;
}

/* ---- links, modes, times ------------------------------------------------------ */

static const char *fd_target(int fd)
{
	static const char *const streams[] = { "pipe:[1]", "pipe:[2]", "pipe:[3]" };
	struct ceno_file *file = ceno_fd_file(fd);

	if (file->inode->kind == CENO_INODE_STREAM)
		return streams[file->inode->device];
	return file->path ? file->path : "anon_inode:[file]";
}

static int64_t readlink_at(uint64_t dirfd, uint64_t path, uint64_t out, uint64_t capacity)
{
	struct ceno_walk walk;
	const char *target;
	uint64_t length;
	int error = ceno_path_user(dirfd, path, CENO_WALK_NOFOLLOW, &walk);

	if (error)
		return error;
	if ((int32_t)capacity <= 0)
		return -LX_EINVAL;
	if (!walk.inode)
		return -LX_ENOENT;
	if (walk.fd < 0 && walk.inode->kind != CENO_INODE_LINK)
		return -LX_EINVAL;
	target = walk.fd >= 0 ? fd_target(walk.fd) : ceno_ram(walk.inode->target);
	length = strlen(target);
	length = length < capacity ? length : capacity;
	return ceno_user_write(out, target, length) ? -LX_EFAULT : (int64_t)length;
}

int64_t ceno_sys_readlink(const uint64_t a[6]) { return readlink_at((uint64_t)LX_AT_FDCWD, a[0], a[1], a[2]); }
int64_t ceno_sys_readlinkat(const uint64_t a[6]) { return readlink_at(a[0], a[1], a[2], a[3]); }

static int64_t change_mode(struct ceno_inode *inode, uint64_t mode)
{
	if (inode->kind == CENO_INODE_STREAM || inode->kind == CENO_INODE_PIPE)
		return 0;
	if (inode->kind != CENO_INODE_FILE && (inode->kind != CENO_INODE_DIR || inode->read_only))
		return -LX_EROFS;
	inode->mode = (inode->mode & LX_S_IFMT) | (mode & 07777);
	inode->ctime = ceno_inode_now();
	return 0;
}

int64_t ceno_sys_fchmodat(const uint64_t a[6])
{
	int error;
	struct ceno_inode *inode = find(a[0], a[1], 0, &error);

	return inode ? change_mode(inode, a[2]) : error;
}

int64_t ceno_sys_chmod(const uint64_t a[6])
{
	const uint64_t b[6] = { (uint64_t)LX_AT_FDCWD, a[0], a[1] };

	return ceno_sys_fchmodat(b);
}

int64_t ceno_sys_fchmod(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);

	return file ? change_mode(file->inode, a[1]) : -LX_EBADF;
}

/* There is one user, 0: owning a file already is all that can be asked for. */
static int64_t change_owner(const struct ceno_inode *inode, uint64_t uid, uint64_t gid)
{
	if (inode->kind == CENO_INODE_PACK || inode->kind == CENO_INODE_TEXT)
		return -LX_EROFS;
	return ((uint32_t)uid == 0 || (uint32_t)uid == UINT32_MAX) && ((uint32_t)gid == 0 || (uint32_t)gid == UINT32_MAX)
	           ? 0 : -LX_EPERM;
}

int64_t ceno_sys_fchownat(const uint64_t a[6])
{
	int error;
	struct ceno_inode *inode;

	if (a[4] & ~(uint64_t)(LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH))
		return -LX_EINVAL;
	inode = find(a[0], a[1], a[4], &error);
	return inode ? change_owner(inode, a[2], a[3]) : error;
}

int64_t ceno_sys_chown(const uint64_t a[6])
{
	const uint64_t b[6] = { (uint64_t)LX_AT_FDCWD, a[0], a[1], a[2] };

	return ceno_sys_fchownat(b);
}

int64_t ceno_sys_lchown(const uint64_t a[6])
{
	const uint64_t b[6] = { (uint64_t)LX_AT_FDCWD, a[0], a[1], a[2], LX_AT_SYMLINK_NOFOLLOW };

	return ceno_sys_fchownat(b);
}

int64_t ceno_sys_fchown(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);

	return file ? change_owner(file->inode, a[1], a[2]) : -LX_EBADF;
}

static int set_time(uint64_t *stamp, const struct lx_timespec *time)
{
	enum { NOW = 0x3fffffff, OMIT = 0x3ffffffe };

	if (time->nsec == OMIT)
		return 0;
	if (time->nsec == NOW) {
		*stamp = ceno_inode_now();
		return 0;
	}
	if (time->nsec < 0 || time->nsec > 999999999 || time->sec < 0 || time->sec > 1ll << 33)
		return -LX_EINVAL;
	*stamp = (uint64_t)time->sec * 1000000000u + (uint64_t)time->nsec;
	return 0;
}

int64_t ceno_sys_utimensat(const uint64_t a[6])
{
	struct lx_timespec times[2] = { { 0, 0x3fffffff }, { 0, 0x3fffffff } };
	struct ceno_inode *inode;
	struct ceno_file *file;
	int error = 0;

	if (a[3] & ~(uint64_t)(LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH))
		return -LX_EINVAL;
	if (a[2] && ceno_user_read(times, a[2], sizeof(times)))
		return -LX_EFAULT;
	if (a[1] == 0) {
		file = ceno_fd_file((int32_t)a[0]);
		inode = file ? file->inode : NULL;
		error = -LX_EBADF;
	} else {
		inode = find(a[0], a[1], a[3], &error);
	}
	if (!inode)
		return error;
	if (inode->kind == CENO_INODE_PACK || inode->kind == CENO_INODE_TEXT || inode->read_only)
		return -LX_EROFS;
	if (set_time(&inode->atime, &times[0]) || set_time(&inode->mtime, &times[1]))
		return -LX_EINVAL;
	inode->ctime = ceno_inode_now();
	return 0;
}
