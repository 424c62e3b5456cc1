/*
 * Asking about files: stat in all its forms, access, statfs, readlink, and
 * changing modes, owners and time stamps.
 */
#include "calls.h"
#include "fd.h"
#include "frames.h"
#include "promise.h"
#include "process.h"
#include "tty.h"
#include "vm.h"

/* ---- stat -------------------------------------------------------------------- */

static struct lx_timespec timespec_of(uint64_t ns)
{
	return (struct lx_timespec){ (int64_t)(ns / 1000000000u), (int64_t)(ns % 1000000000u) };
}

static uint64_t rdev_of(const struct ceno_inode *inode)
{
	static const uint8_t minors[] = { 3, 5, 9, 0, 7 };

	if (inode->kind == CENO_INODE_STREAM && inode->device == CENO_STREAM_TTY)
		return 5u << 8;
	if (inode->kind != CENO_INODE_DEVICE)
		return 0;
	return (inode->device == CENO_DEVICE_TTY ? 5u : 1u) << 8 | minors[inode->device];
}

/* Standard I/O reads and writes as much at once: a system call costs more here than the copying of
 * 64 KiB. Pipes and terminals as Linux has them, so that output comes in the same pieces. */
static int64_t block_bytes(const struct ceno_inode *inode)
{
	return inode->kind == CENO_INODE_PACK || inode->kind == CENO_INODE_FILE ? 65536 : 4096;
}

static void fill_stat(const struct ceno_inode *inode, struct lx_stat *st)
{
	memset(st, 0, sizeof(*st));
	st->dev = inode->kind == CENO_INODE_PACK ? 2 : 1;
	st->ino = inode->number;
	st->nlink = inode->nlink - (inode->kind >= CENO_INODE_PIPE && inode->nlink > 1); /* inode.c */
	st->mode = inode->mode;
	st->uid = st->gid = inode->owned ? CENO_UID : 0;
	st->rdev = rdev_of(inode);
	st->size = (inode->traits & CENO_INODE_OF_PROC) ? 0 : (int64_t)inode->size;
	st->blksize = block_bytes(inode);
	st->blocks = inode->kind == CENO_INODE_PACK ? (st->size + 511) / 512 : inode->pages * 8;
	st->atime = timespec_of(inode->atime);
	st->mtime = timespec_of(inode->mtime);
	st->ctime = timespec_of(inode->ctime);
}

/* The inode that (dirfd, path, flags) means; NULL with *error set. */
static struct ceno_inode *find(uint64_t dirfd, uint64_t path, uint64_t flags, int *error)
{
	/* What /proc/<pid>/fd/N is to those who do not follow it. */
	static struct ceno_inode fd_link;
	struct ceno_walk walk;
	int walk_flags = (int)(flags & CENO_NEED_ANY) | ((flags & LX_AT_SYMLINK_NOFOLLOW) ? CENO_WALK_NOFOLLOW : 0);

	if (flags & LX_AT_EMPTY_PATH) {
		uint8_t first = 0;

		if (path && ceno_user_read(&first, path, 1)) {
			*error = -LX_EFAULT;
			return NULL;
		}
		if (!first && (int32_t)dirfd != LX_AT_FDCWD) {
			struct ceno_file *file = ceno_fd_file((int32_t)dirfd);

			*error = file ? 0 : -LX_EBADF;
			if (file && flags & CENO_NEED_ATTRIBUTES)
				*error = ceno_promise_path(&(struct ceno_walk){ .inode = file->inode, .file = file },
				                           CENO_NEED_ATTRIBUTES);
			return *error ? NULL : file->inode;
		}
		walk_flags |= CENO_WALK_EMPTY;
	}
	*error = ceno_path_user(dirfd, path, walk_flags, &walk);
	if (!*error && !walk.inode)
		*error = -LX_ENOENT;
	if (*error)
		return NULL;
	if (!walk.file || !(flags & LX_AT_SYMLINK_NOFOLLOW))
		return walk.inode;
	fd_link = (struct ceno_inode){ .mode = LX_S_IFLNK | 0700, .size = 64, .owned = 1, .nlink = 1 };
	return &fd_link;
}

static int64_t stat_at(uint64_t dirfd, uint64_t path, uint64_t out, uint64_t flags)
{
	struct lx_stat st;
	int error;
	struct ceno_inode *inode = find(dirfd, path, flags | CENO_NEED_READ, &error);

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
	inode = find(a[0], a[1], a[2] | CENO_NEED_READ, &error);
	if (!inode)
		return error;
	fill_stat(inode, &st);
	out.mask = 0x7ff;
	out.blksize = (uint32_t)st.blksize;
	out.nlink = (uint32_t)st.nlink;
	out.uid = st.uid;
	out.gid = st.gid;
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
	inode = find(dirfd, path, flags | CENO_NEED_READ, &error);
	if (!inode)
		return error;
	return ceno_inode_may(inode, (uint32_t)mode) ? 0 : -LX_EACCES;
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

static int64_t statfs_out(const struct ceno_inode *inode, uint64_t out)
{
	int proc = inode->kind == CENO_INODE_GENERATED || inode->kind == CENO_INODE_FD_DIR ||
	    (inode->traits & CENO_INODE_OF_PROC);
	uint64_t total = ceno_frames_total(), unused = ceno_frames_unused();
	struct lx_statfs fs = { .type = proc ? 0x9fa0 : 0x01021994,
		                .bsize = 4096,
		                .blocks = total,
		                .bfree = unused,
		                .bavail = unused,
		                .files = total,
		                .ffree = unused,
		                .namelen = CENO_NAME_MAX,
		                .frsize = 4096 };

	return ceno_user_write(out, &fs, sizeof(fs));
}

int64_t ceno_sys_statfs(const uint64_t a[6])
{
	int error;
	struct ceno_inode *inode = find((uint64_t)LX_AT_FDCWD, a[0], CENO_NEED_READ, &error);

	return inode ? statfs_out(inode, a[1]) : error;
}

int64_t ceno_sys_fstatfs(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);

	return file ? statfs_out(file->inode, a[1]) : -LX_EBADF;
}

/* ---- links, modes, times ------------------------------------------------------ */

/* What an open file without a path is called. */
static int64_t describe(const struct ceno_file *file, char *out)
{
	static const char *const kinds[] = { [CENO_INODE_PIPE] = "pipe:[",
		                             [CENO_INODE_STREAM] = "pipe:[",
		                             [CENO_INODE_SOCKET] = "socket:[",
		                             [CENO_INODE_EVENT] = "anon_inode:[eventfd:",
		                             [CENO_INODE_SIGNALS] = "anon_inode:[signalfd:",
		                             [CENO_INODE_TIMER] = "anon_inode:[timerfd:",
		                             [CENO_INODE_EPOLL] = "anon_inode:[eventpoll:" };
	const char *kind = file->inode->kind < sizeof(kinds) / sizeof(kinds[0]) ? kinds[file->inode->kind] : NULL;
	uint64_t length = strlen(kind ? kind : "/:[");

	memcpy(out, kind ? kind : "/:[", length);
	length += ceno_number_put(out + length, file->inode->number);
	out[length++] = ']';
	return (int64_t)length;
}

/* The target of /proc/<pid>/fd/N. Returns its length. */
static int64_t fd_target(const struct ceno_file *file, char *out)
{
	static const char gone[] = " (deleted)";
	int removed;
	int64_t length;

	if (!file->name && file->inode != ceno_inode_root())
		return describe(file, out);
	length = ceno_name_path(file->name, out, CENO_PATH_MAX - sizeof(gone), &removed);
	if (length > 0 && removed)
		memcpy(out + length - 1, gone, sizeof(gone));
	return length < 0 ? length : length - 1 + (removed ? (int64_t)sizeof(gone) - 1 : 0);
}

static int64_t readlink_at(uint64_t dirfd, uint64_t path, uint64_t out, uint64_t capacity)
{
	struct ceno_walk walk;
	char *target = ceno_path_scratch();
	int64_t length;
	int error;

	if ((int32_t)capacity <= 0)
		return -LX_EINVAL;
	error = ceno_path_user(dirfd, path, CENO_WALK_NOFOLLOW | CENO_WALK_EMPTY | CENO_NEED_READ, &walk);
	if (error || !walk.inode)
		return error ? error : -LX_ENOENT;
	if (walk.file)
		length = fd_target(walk.file, target);
	else if (walk.inode->kind == CENO_INODE_MAGIC)
		length = ceno_procfs_target(walk.inode->device, walk.pid, target);
	else if (walk.inode->kind == CENO_INODE_LINK)
		length = (int64_t)strlen(target = walk.inode->target);
	else
		return walk.last_length || walk.inode == ceno_inode_root() ? -LX_EINVAL : -LX_ENOENT;
	if (length > (int64_t)(capacity & INT32_MAX))
		length = (int64_t)(capacity & INT32_MAX);
	return length > 0 && ceno_user_write(out, target, (uint64_t)length) ? -LX_EFAULT : length;
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
	if (!inode->owned)
		return -LX_EPERM;
	inode->mode = (inode->mode & LX_S_IFMT) | (mode & 07777);
	inode->ctime = ceno_inode_now();
	return 0;
}

int64_t ceno_sys_fchmodat(const uint64_t a[6])
{
	int error;
	struct ceno_inode *inode = find(a[0], a[1], CENO_NEED_ATTRIBUTES, &error);

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

	return file && !(file->flags & LX_O_PATH) ? change_mode(file->inode, a[1]) : -LX_EBADF;
}

/* There is one user: owning a file already is all that can be asked for. */
static int64_t change_owner(struct ceno_inode *inode, uint64_t uid, uint64_t gid)
{
	if (((uint32_t)uid != UINT32_MAX && (uint32_t)uid != CENO_UID) ||
	    ((uint32_t)gid != UINT32_MAX && (uint32_t)gid != CENO_UID) ||
	    (!inode->owned && ((uint32_t)uid & (uint32_t)gid) != UINT32_MAX))
		return -LX_EPERM;
	if (inode->kind == CENO_INODE_FILE)
		inode->mode &= ~(uint32_t)(04000 | ((inode->mode & 010) ? 02000 : 0));
	inode->ctime = ceno_inode_now();
	return 0;
}

int64_t ceno_sys_fchownat(const uint64_t a[6])
{
	int error;
	struct ceno_inode *inode;

	if (a[4] & ~(uint64_t)(LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH))
		return -LX_EINVAL;
	inode = find(a[0], a[1], a[4] | CENO_NEED_ATTRIBUTES, &error);
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

	return file && !(file->flags & LX_O_PATH) ? change_owner(file->inode, a[1], a[2]) : -LX_EBADF;
}

enum { TIME_NOW = 0x3fffffff, TIME_OMIT = 0x3ffffffe };

static int time_ok(const struct lx_timespec *time)
{
	return time->nsec == TIME_NOW || time->nsec == TIME_OMIT || (time->nsec >= 0 && time->nsec <= 999999999);
}

/* What lies before 1970 or after 2500 becomes that. */
static void set_time(uint64_t *stamp, const struct lx_timespec *time)
{
	int64_t last = 16725225600, sec = time->sec < 0 ? 0 : time->sec > last ? last : time->sec;

	if (time->nsec == TIME_NOW)
		*stamp = ceno_inode_now();
	else if (time->nsec != TIME_OMIT)
		*stamp = (uint64_t)sec * 1000000000u + (uint64_t)time->nsec;
}

static int64_t set_times(struct ceno_inode *inode, const struct lx_timespec times[2])
{
	if (!time_ok(&times[0]) || !time_ok(&times[1]))
		return -LX_EINVAL;
	if (!inode->owned && (times[0].nsec != TIME_NOW || times[1].nsec != TIME_NOW))
		return -LX_EPERM;
	if (!inode->owned && !ceno_inode_may(inode, 2))
		return -LX_EACCES;
	set_time(&inode->atime, &times[0]);
	set_time(&inode->mtime, &times[1]);
	inode->ctime = ceno_inode_now();
	return 0;
}

int64_t ceno_sys_utimensat(const uint64_t a[6])
{
	struct lx_timespec times[2] = { { 0, TIME_NOW }, { 0, TIME_NOW } };
	struct ceno_inode *inode;
	struct ceno_file *file;
	int error = -LX_EBADF;

	if (a[2] && ceno_user_read(times, a[2], sizeof(times)))
		return -LX_EFAULT;
	if (times[0].nsec == TIME_OMIT && times[1].nsec == TIME_OMIT)
		return 0;
	if ((a[3] & ~(uint64_t)(LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH)) ||
	    (!a[1] && a[3] && (int32_t)a[0] != LX_AT_FDCWD))
		return -LX_EINVAL;
	if (a[1] == 0 && (int32_t)a[0] != LX_AT_FDCWD) {
		file = ceno_fd_file((int32_t)a[0]);
		inode = file && !(file->flags & LX_O_PATH) ? file->inode : NULL;
	} else {
		inode = find(a[0], a[1], a[3] | CENO_NEED_ATTRIBUTES, &error);
	}
	return inode ? set_times(inode, times) : error;
}

/* ---- extended attributes: no file has any, none can ------------------------------ */

int64_t ceno_sys_getxattr(const uint64_t a[6])
{
	int error;

	return find((uint64_t)LX_AT_FDCWD, a[0], CENO_NEED_READ, &error) ? -LX_EOPNOTSUPP : error;
}

int64_t ceno_sys_lgetxattr(const uint64_t a[6])
{
	int error;

	return find((uint64_t)LX_AT_FDCWD, a[0], LX_AT_SYMLINK_NOFOLLOW | CENO_NEED_READ, &error) ? -LX_EOPNOTSUPP
												  : error;
}

int64_t ceno_sys_fgetxattr(const uint64_t a[6])
{
	return ceno_fd_file((int32_t)a[0]) ? -LX_EOPNOTSUPP : -LX_EBADF;
}

#define SAME_AS(name, other) int64_t ceno_sys_##name(const uint64_t a[6]) __attribute__((alias("ceno_sys_" #other)))
SAME_AS(setxattr, getxattr);
SAME_AS(listxattr, getxattr);
SAME_AS(removexattr, getxattr);
SAME_AS(lsetxattr, lgetxattr);
SAME_AS(llistxattr, lgetxattr);
SAME_AS(lremovexattr, lgetxattr);
SAME_AS(fsetxattr, fgetxattr);
SAME_AS(flistxattr, fgetxattr);
SAME_AS(fremovexattr, fgetxattr);
