/*
 * Asking about files: stat in all its forms, access, statfs, readlink, and
 * changing modes, owners and time stamps.
 */
#include "calls.h"
#include "fd.h"
#include "frames.h"
#include "process.h"
#include "vm.h"

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

int64_t ceno_sys_stat(const uint64_t a[6])
{
	return stat_at((uint64_t)LX_AT_FDCWD, a[0], a[1], 0);
}
int64_t ceno_sys_lstat(const uint64_t a[6])
{
	return stat_at((uint64_t)LX_AT_FDCWD, a[0], a[1], LX_AT_SYMLINK_NOFOLLOW);
}

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
	if ((mode & 2) &&
	    (inode->read_only || inode->kind == CENO_INODE_PACK || inode->kind == CENO_INODE_TEXT ||
	     inode->kind == CENO_INODE_GENERATED || inode->kind == CENO_INODE_FD_DIR))
		return -LX_EROFS;
	if ((mode & 1) && !(inode->mode & 0111))
		return -LX_EACCES;
	return 0;
}

int64_t ceno_sys_access(const uint64_t a[6])
{
	return access_at((uint64_t)LX_AT_FDCWD, a[0], a[1], 0);
}
int64_t ceno_sys_faccessat(const uint64_t a[6])
{
	return access_at(a[0], a[1], a[2], 0);
}

int64_t ceno_sys_faccessat2(const uint64_t a[6])
{
	if (a[3] & ~(uint64_t)(LX_AT_SYMLINK_NOFOLLOW | LX_AT_EACCESS | LX_AT_EMPTY_PATH))
		return -LX_EINVAL;
	return access_at(a[0], a[1], a[2], a[3]);
}

static int64_t statfs_out(uint64_t out)
{
	uint64_t total = ceno_frames_total(), used = ceno_frames_used();
	struct lx_statfs fs = { .type = 0x01021994,
		                .bsize = 4096,
		                .blocks = total,
		                .bfree = total - used,
		                .bavail = total - used,
		                .files = total,
		                .ffree = total - used,
		                .namelen = CENO_NAME_MAX,
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

int64_t ceno_sys_readlink(const uint64_t a[6])
{
	return readlink_at((uint64_t)LX_AT_FDCWD, a[0], a[1], a[2]);
}
int64_t ceno_sys_readlinkat(const uint64_t a[6])
{
	return readlink_at(a[0], a[1], a[2], a[3]);
}

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
	return ((uint32_t)uid == 0 || (uint32_t)uid == UINT32_MAX) &&
		((uint32_t)gid == 0 || (uint32_t)gid == UINT32_MAX)
	    ? 0
	    : -LX_EPERM;
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
