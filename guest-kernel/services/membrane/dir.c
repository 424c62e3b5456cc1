/*
 * Directories: listing, making, removing, renaming and linking names, and the
 * working directory. Only writable directories change (vfs.h).
 */
#include "calls.h"
#include "fd.h"
#include "frames.h"
#include "image.h"
#include "process.h"
#include "vm.h"

/* Resolves a path whose last component is to be made or removed. */
static int for_change(uint64_t dirfd, uint64_t path, struct ceno_walk *walk)
{
	int error = ceno_path_user(dirfd, path, CENO_WALK_NOFOLLOW, walk);

	if (error)
		return error;
	if (walk->parent->kind != CENO_INODE_DIR)
		return -LX_EROFS;
	return 0;
}

static int is_dots(const struct ceno_walk *walk)
{
	return walk->last_length == 0 || (walk->last_length == 1 && walk->last[0] == '.') ||
	    (walk->last_length == 2 && walk->last[0] == '.' && walk->last[1] == '.');
}

/* ---- making -------------------------------------------------------------------- */

static int64_t add_new(struct ceno_walk *walk, struct ceno_inode *inode)
{
	if (!inode)
		return -LX_ENOSPC;
	if (ceno_dir_add(walk->parent, walk->last, walk->last_length, inode)) {
		ceno_inode_settle(inode);
		return -LX_ENOSPC;
	}
	return 0;
}

int64_t ceno_sys_mkdirat(const uint64_t a[6])
{
	struct ceno_walk walk;
	int error = for_change(a[0], a[1], &walk);

	if (error)
		return error;
	if (walk.inode)
		return -LX_EEXIST;
	if (walk.parent->read_only)
		return -LX_EROFS;
	return add_new(&walk, ceno_inode_new(CENO_INODE_DIR, (uint32_t)a[2] & ~ceno_self()->umask));
}

int64_t ceno_sys_mkdir(const uint64_t a[6])
{
	const uint64_t b[6] = { (uint64_t)LX_AT_FDCWD, a[0], a[1] };

	return ceno_sys_mkdirat(b);
}

int64_t ceno_sys_symlinkat(const uint64_t a[6])
{
	uint64_t frame = ceno_frames_alloc(0);
	struct ceno_inode *inode;
	struct ceno_walk walk;
	int64_t result;

	if (frame == CENO_NO_FRAME)
		return -LX_ENOSPC;
	result = ceno_user_string(ceno_ram(frame), a[0], CENO_PATH_MAX);
	if (result == 0)
		result = -LX_ENOENT;
	if (result > 0)
		result = for_change(a[1], a[2], &walk);
	if (result == 0 && walk.inode)
		result = -LX_EEXIST;
	if (result == 0 && walk.must_be_dir)
		result = -LX_ENOENT;
	if (result == 0 && walk.parent->read_only)
		result = -LX_EROFS;
	inode = result == 0 ? ceno_inode_new(CENO_INODE_LINK, 0777) : NULL;
	if (!inode) {
		ceno_frames_free(frame, 0);
		return result ? result : -LX_ENOSPC;
	}
	inode->target = frame;
	inode->size = strlen(ceno_ram(frame));
	return add_new(&walk, inode);
}

int64_t ceno_sys_symlink(const uint64_t a[6])
{
	const uint64_t b[6] = { a[0], (uint64_t)LX_AT_FDCWD, a[1] };

	return ceno_sys_symlinkat(b);
}

int64_t ceno_sys_linkat(const uint64_t a[6])
{
	struct ceno_walk from, to;
	int error;

	if (a[4] & ~(uint64_t)LX_AT_SYMLINK_FOLLOW)
		return -LX_EINVAL;
	error = ceno_path_user(a[0], a[1], (a[4] & LX_AT_SYMLINK_FOLLOW) ? 0 : CENO_WALK_NOFOLLOW, &from);
	if (!error)
		error = for_change(a[2], a[3], &to);
	if (error)
		return error;
	if (!from.inode)
		return -LX_ENOENT;
	if (to.inode)
		return -LX_EEXIST;
	if (to.must_be_dir)
		return -LX_ENOENT;
	if (from.inode->kind == CENO_INODE_DIR || from.inode->kind == CENO_INODE_FD_DIR)
		return -LX_EPERM;
	if (from.inode->kind != CENO_INODE_FILE && from.inode->kind != CENO_INODE_LINK)
		return -LX_EXDEV;
	return to.parent->read_only ? -LX_EROFS : ceno_dir_add(to.parent, to.last, to.last_length, from.inode);
}

int64_t ceno_sys_link(const uint64_t a[6])
{
	const uint64_t b[6] = { (uint64_t)LX_AT_FDCWD, a[0], (uint64_t)LX_AT_FDCWD, a[1] };

	return ceno_sys_linkat(b);
}

/* ---- removing -------------------------------------------------------------------- */

static int64_t remove_dir(struct ceno_walk *walk)
{
	if (is_dots(walk))
		return walk->last_length == 0 ? -LX_EBUSY : walk->last_length == 1 ? -LX_EINVAL : -LX_ENOTEMPTY;
	if (!walk->inode)
		return -LX_ENOENT;
	if (walk->inode->kind != CENO_INODE_DIR)
		return -LX_ENOTDIR;
	if (walk->parent->read_only || walk->inode->read_only)
		return -LX_EROFS;
	if (walk->inode->dir.first)
		return -LX_ENOTEMPTY;
	ceno_dir_remove(walk->parent, walk->name);
	return 0;
}

static int64_t remove_file(struct ceno_walk *walk)
{
	if (!walk->inode)
		return -LX_ENOENT;
	if (walk->inode->kind == CENO_INODE_DIR || walk->inode->kind == CENO_INODE_FD_DIR)
		return -LX_EISDIR;
	if (walk->parent->read_only || (walk->inode->kind != CENO_INODE_FILE && walk->inode->kind != CENO_INODE_LINK))
		return -LX_EROFS;
	ceno_dir_remove(walk->parent, walk->name);
	return 0;
}

int64_t ceno_sys_unlinkat(const uint64_t a[6])
{
	struct ceno_walk walk;
	int error;

	if (a[2] & ~(uint64_t)LX_AT_REMOVEDIR)
		return -LX_EINVAL;
	error = for_change(a[0], a[1], &walk);
	if (error)
		return error;
	return a[2] ? remove_dir(&walk) : remove_file(&walk);
}

int64_t ceno_sys_unlink(const uint64_t a[6])
{
	const uint64_t b[6] = { (uint64_t)LX_AT_FDCWD, a[0] };

	return ceno_sys_unlinkat(b);
}

int64_t ceno_sys_rmdir(const uint64_t a[6])
{
	const uint64_t b[6] = { (uint64_t)LX_AT_FDCWD, a[0], LX_AT_REMOVEDIR };

	return ceno_sys_unlinkat(b);
}

/* ---- renaming --------------------------------------------------------------------- */

static int inside(const struct ceno_inode *dir, const struct ceno_inode *of)
{
	for (; dir; dir = dir->dir.parent == dir ? NULL : dir->dir.parent)
		if (dir == of)
			return 1;
	return 0;
}

static int check_rename(const struct ceno_walk *from, const struct ceno_walk *to, uint64_t flags)
{
	int moves_dir = from->inode && from->inode->kind == CENO_INODE_DIR;

	if (is_dots(from) || is_dots(to))
		return -LX_EBUSY;
	if (!from->inode)
		return -LX_ENOENT;
	if (to->must_be_dir && !moves_dir)
		return -LX_ENOTDIR;
	if (from->parent->read_only || to->parent->read_only || (moves_dir && from->inode->read_only) ||
	    (!moves_dir && from->inode->kind != CENO_INODE_FILE && from->inode->kind != CENO_INODE_LINK))
		return -LX_EROFS;
	if (moves_dir && inside(to->parent, from->inode))
		return -LX_EINVAL;
	if (!to->inode)
		return 0;
	if (flags & 1)
		return -LX_EEXIST;
	if (to->inode->kind == CENO_INODE_DIR) {
		if (!moves_dir)
			return -LX_EISDIR;
		if (to->inode->read_only)
			return -LX_EROFS;
		return to->inode->dir.first ? -LX_ENOTEMPTY : 0;
	}
	if (moves_dir)
		return -LX_ENOTDIR;
	return to->inode->kind == CENO_INODE_FILE || to->inode->kind == CENO_INODE_LINK ? 0 : -LX_EROFS;
}

int64_t ceno_sys_renameat2(const uint64_t a[6])
{
	struct ceno_walk from, to;
	struct ceno_inode *inode;
	int error;

	if (a[4] & ~1ull)
		return -LX_EINVAL;
	error = for_change(a[0], a[1], &from);
	if (!error)
		error = for_change(a[2], a[3], &to);
	if (!error)
		error = check_rename(&from, &to, a[4]);
	if (error)
		return error;
	inode = from.inode;
	if (to.inode == inode)
		return 0;
	error = ceno_dir_add(to.parent, to.last, to.last_length, inode);
	if (error)
		return error;
	if (to.inode)
		ceno_dir_remove(to.parent, to.name);
	ceno_dir_remove(from.parent, from.name);
	if (inode->kind == CENO_INODE_DIR)
		inode->dir.parent = to.parent;
	return 0;
}

int64_t ceno_sys_renameat(const uint64_t a[6])
{
	const uint64_t b[6] = { a[0], a[1], a[2], a[3] };

	return ceno_sys_renameat2(b);
}

int64_t ceno_sys_rename(const uint64_t a[6])
{
	const uint64_t b[6] = { (uint64_t)LX_AT_FDCWD, a[0], (uint64_t)LX_AT_FDCWD, a[1] };

	return ceno_sys_renameat2(b);
}

/* ---- listing ------------------------------------------------------------------------ */

struct listing {
	uint64_t gva, room, used;
};

static uint8_t type_of(const struct ceno_inode *inode)
{
	switch (inode->mode & LX_S_IFMT) {
	case LX_S_IFDIR:
		return LX_DT_DIR;
	case LX_S_IFLNK:
		return LX_DT_LNK;
	case LX_S_IFCHR:
		return LX_DT_CHR;
	case LX_S_IFIFO:
		return LX_DT_FIFO;
	default:
		return LX_DT_REG;
	}
}

/* One struct linux_dirent64. next: the position after it. Returns 0, -LX_EFAULT, or
 * -LX_EINVAL if it does not fit. */
static int list(struct listing *out, uint64_t number, uint64_t next, uint8_t type, const char *name, uint64_t length)
{
	uint8_t record[280] = { 0 };
	uint64_t bytes = (19 + length + 1 + 7) & ~7ull;
	uint16_t reclen = (uint16_t)bytes;

	if (bytes > out->room - out->used)
		return -LX_EINVAL;
	memcpy(record, &number, 8);
	memcpy(record + 8, &next, 8);
	memcpy(record + 16, &reclen, 2);
	record[18] = type;
	memcpy(record + 19, name, length);
	if (ceno_user_write(out->gva + out->used, record, bytes))
		return -LX_EFAULT;
	out->used += bytes;
	return 0;
}

static int list_dots(struct listing *out, struct ceno_file *file)
{
	const struct ceno_inode *dir = file->inode;
	const struct ceno_inode *parent = dir->kind == CENO_INODE_DIR && dir->dir.parent ? dir->dir.parent : dir;
	int error = 0;

	if (file->position == 0) {
		error = list(out, dir->number, 1, LX_DT_DIR, ".", 1);
		file->position += error ? 0 : 1;
	}
	if (!error && file->position == 1) {
		error = list(out, parent->number, 2, LX_DT_DIR, "..", 2);
		file->position += error ? 0 : 1;
	}
	return error;
}

static int list_fds(struct listing *out, struct ceno_file *file)
{
	int error = 0;

	for (int32_t fd = (int32_t)file->position - 2; !error && fd < CENO_FDS; fd++) {
		char text[8];
		uint64_t length = 0, unit = 1000;

		if (!ceno_fd_file(fd))
			continue;
		while (unit > 1 && (uint64_t)fd < unit)
			unit /= 10;
		for (; unit; unit /= 10)
			text[length++] = (char)('0' + (uint64_t)fd / unit % 10);
		error = list(out, (uint64_t)fd + 100000, (uint64_t)fd + 3, LX_DT_LNK, text, length);
		if (!error)
			file->position = (uint64_t)fd + 3;
	}
	return error;
}

static int list_names(struct listing *out, struct ceno_file *file)
{
	int error = 0;

	if (file->inode->dir.image)
		ceno_image_fill(file->inode);
	for (const struct ceno_name *at = file->inode->dir.first; at && !error; at = at->next) {
		if (at->cookie < file->position)
			continue;
		error = list(out, at->inode->number, at->cookie + 1, type_of(at->inode), at->text, at->length);
		if (!error)
			file->position = at->cookie + 1;
	}
	return error;
}

int64_t ceno_sys_getdents64(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);
	struct listing out = { .gva = a[1], .room = (uint32_t)a[2] };
	int error;

	if (!file || (file->flags & LX_O_PATH))
		return -LX_EBADF;
	if (file->inode->kind != CENO_INODE_DIR && file->inode->kind != CENO_INODE_FD_DIR)
		return -LX_ENOTDIR;
	if (file->position > INT64_MAX - 8)
		return 0;
	error = list_dots(&out, file);
	if (!error && file->inode->kind == CENO_INODE_DIR)
		error = list_names(&out, file);
	else if (!error)
		error = list_fds(&out, file);
	return out.used || error == 0 ? (int64_t)out.used : error;
}

/* ---- working directory ---------------------------------------------------------------- */

int64_t ceno_sys_chdir(const uint64_t a[6])
{
	struct ceno_walk walk;
	int error = ceno_path_user((uint64_t)LX_AT_FDCWD, a[0], 0, &walk);

	if (error)
		return error;
	if (!walk.inode)
		return -LX_ENOENT;
	if (walk.inode->kind != CENO_INODE_DIR)
		return -LX_ENOTDIR;
	ceno_path_cwd_set(walk.inode);
	return 0;
}

int64_t ceno_sys_fchdir(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);

	if (!file)
		return -LX_EBADF;
	if (file->inode->kind != CENO_INODE_DIR)
		return -LX_ENOTDIR;
	ceno_path_cwd_set(file->inode);
	return 0;
}

int64_t ceno_sys_getcwd(const uint64_t a[6])
{
	static char path[CENO_PATH_MAX];
	int64_t length = ceno_dir_path(ceno_path_cwd(), NULL, path, sizeof(path));

	if (length < 0)
		return length;
	if ((uint64_t)length > a[1])
		return -LX_ERANGE;
	return ceno_user_write(a[0], path, (uint64_t)length) ? -LX_EFAULT : length;
}
