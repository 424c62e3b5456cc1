/*
 * Directories: listing, making, removing, renaming and linking names, and the
 * working directory. Checks come in the order in which Linux makes them.
 */
#include "calls.h"
#include "fd.h"
#include "image.h"
#include "promise.h"
#include "task.h"
#include "vm.h"

#define CHANGE (CENO_WALK_NOFOLLOW | CENO_WALK_CHANGE | CENO_NEED_CREATE)

/* What a path ends in: a name, or what cannot be made or removed. */
enum last { NAME, ROOT, DOT, DOTDOT };

static enum last last_of(const struct ceno_walk *walk)
{
	if (walk->last_length == 0)
		return ROOT;
	if (walk->last[0] != '.' || walk->last_length > 2)
		return NAME;
	return walk->last_length == 1 ? DOT : walk->last[1] == '.' ? DOTDOT : NAME;
}

static int is_dir(const struct ceno_inode *inode)
{
	return (inode->mode & LX_S_IFMT) == LX_S_IFDIR;
}

/* Whether a name may be made in dir. */
static int may_add(const struct ceno_inode *dir)
{
	if (!ceno_inode_may(dir, 3) || dir->kind != CENO_INODE_DIR)
		return -LX_EACCES;
	return ceno_dir_removed(dir) ? -LX_ENOENT : 0;
}

/* Whether the name may be taken out of dir, where only a directory is wanted or none. */
static int may_remove(const struct ceno_inode *dir, const struct ceno_inode *inode, int want_dir)
{
	if (!ceno_inode_may(dir, 3) || dir->kind != CENO_INODE_DIR)
		return -LX_EACCES;
	if ((dir->mode & 01000) && !dir->owned && !inode->owned)
		return -LX_EPERM;
	if (want_dir != is_dir(inode))
		return want_dir ? -LX_ENOTDIR : -LX_EISDIR;
	return inode->owned ? 0 : -LX_EBUSY; /* as if something were mounted there */
}

/* ---- making -------------------------------------------------------------------- */

static int check_new(const struct ceno_walk *walk, int dir)
{
	if (last_of(walk) != NAME || walk->inode)
		return -LX_EEXIST;
	return walk->must_be_dir && !dir ? -LX_ENOENT : may_add(walk->parent);
}

/* Resolves the path of something new. */
static int for_new(uint64_t dirfd, uint64_t path, int dir, struct ceno_walk *walk)
{
	int error = ceno_path_user(dirfd, path, CHANGE, walk);

	return error ? error : check_new(walk, dir);
}

int ceno_dir_bind(const char *path, struct ceno_inode *inode)
{
	struct ceno_walk walk;
	int error = ceno_path_text(path, CHANGE, &walk);

	if (!error)
		error = check_new(&walk, 0);
	return error ? error : ceno_dir_add(walk.parent, walk.last, walk.last_length, inode);
}

int64_t ceno_dir_new(struct ceno_walk *walk, struct ceno_inode *inode)
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
	int error = for_new(a[0], a[1], 1, &walk);

	if (error)
		return error;
	return ceno_dir_new(&walk, ceno_inode_new(CENO_INODE_DIR, (uint32_t)a[2] & 01777 & ~ceno_self()->umask));
}

int64_t ceno_sys_mknodat(const uint64_t a[6])
{
	uint32_t type = (uint32_t)a[2] & LX_S_IFMT;
	struct ceno_walk walk;
	int error = for_new(a[0], a[1], 0, &walk);

	if (error)
		return error;
	if (type && type != LX_S_IFREG && type != LX_S_IFIFO)
		return type == LX_S_IFDIR || type == LX_S_IFCHR || type == LX_S_IFBLK ? -LX_EPERM : -LX_EINVAL;
	return ceno_dir_new(&walk,
	                    ceno_inode_new(type == LX_S_IFIFO ? CENO_INODE_PIPE : CENO_INODE_FILE,
	                                   (uint32_t)a[2] & 07777 & ~ceno_self()->umask));
}

int64_t ceno_sys_mknod(const uint64_t a[6])
{
	const uint64_t b[6] = { (uint64_t)LX_AT_FDCWD, a[0], a[1], a[2] };

	return ceno_sys_mknodat(b);
}

int64_t ceno_sys_mkdir(const uint64_t a[6])
{
	const uint64_t b[6] = { (uint64_t)LX_AT_FDCWD, a[0], a[1] };

	return ceno_sys_mkdirat(b);
}

int64_t ceno_sys_symlinkat(const uint64_t a[6])
{
	char *target = ceno_path_scratch();
	int64_t length = ceno_user_string(target, a[0], CENO_PATH_MAX);
	struct ceno_inode *inode;
	struct ceno_walk walk;
	int error;

	if (length <= 0)
		return length < 0 ? length : -LX_ENOENT;
	error = for_new(a[1], a[2], 0, &walk);
	if (error)
		return error;
	inode = ceno_inode_new(CENO_INODE_FILE, 0777);
	target = inode ? ceno_pool_take((uint32_t)length + 1) : NULL;
	if (!target) {
		if (inode)
			ceno_inode_settle(inode);
		return -LX_ENOSPC;
	}
	inode->kind = CENO_INODE_LINK;
	inode->mode = LX_S_IFLNK | 0777;
	inode->target = memcpy(target, ceno_path_scratch(), (uint64_t)length + 1);
	inode->size = (uint64_t)length;
	return ceno_dir_new(&walk, inode);
}

int64_t ceno_sys_symlink(const uint64_t a[6])
{
	const uint64_t b[6] = { a[0], (uint64_t)LX_AT_FDCWD, a[1] };

	return ceno_sys_symlinkat(b);
}

int64_t ceno_sys_linkat(const uint64_t a[6])
{
	int flags =
	    (a[4] & LX_AT_SYMLINK_FOLLOW ? 0 : CENO_WALK_NOFOLLOW) | (a[4] & LX_AT_EMPTY_PATH ? CENO_WALK_EMPTY : 0);
	struct ceno_walk from, to;
	int error;

	if (a[4] & ~(uint64_t)(LX_AT_SYMLINK_FOLLOW | LX_AT_EMPTY_PATH))
		return -LX_EINVAL;
	error = ceno_path_user(a[0], a[1], flags | CENO_NEED_READ | CENO_NEED_WRITE, &from);
	if (!error && !from.inode)
		error = -LX_ENOENT;
	if (!error)
		error = for_new(a[2], a[3], 0, &to);
	if (error)
		return error;
	if (is_dir(from.inode) || !from.inode->owned)
		return -LX_EPERM;
	if ((from.file && !(a[4] & LX_AT_SYMLINK_FOLLOW)) ||
	    (from.inode->kind != CENO_INODE_FILE && from.inode->kind != CENO_INODE_LINK &&
	     from.inode->kind != CENO_INODE_PIPE))
		return -LX_EXDEV;
	if (!from.inode->nlink && !(from.inode->traits & CENO_INODE_LINKABLE))
		return -LX_ENOENT;
	error = ceno_dir_add(to.parent, to.last, to.last_length, from.inode);
	if (!error)
		from.inode->traits &= ~(uint32_t)CENO_INODE_LINKABLE;
	return error;
}

int64_t ceno_sys_link(const uint64_t a[6])
{
	const uint64_t b[6] = { (uint64_t)LX_AT_FDCWD, a[0], (uint64_t)LX_AT_FDCWD, a[1] };

	return ceno_sys_linkat(b);
}

/* ---- removing -------------------------------------------------------------------- */

static int64_t remove_dir(struct ceno_walk *walk)
{
	static const uint8_t errors[] = { [ROOT] = LX_EBUSY, [DOT] = LX_EINVAL, [DOTDOT] = LX_ENOTEMPTY };
	int error;

	if (last_of(walk) != NAME)
		return -(int64_t)errors[last_of(walk)];
	if (!walk->inode)
		return -LX_ENOENT;
	error = may_remove(walk->parent, walk->inode, 1);
	if (!error && walk->inode->dir.first)
		error = -LX_ENOTEMPTY;
	if (!error)
		ceno_dir_remove(walk->name);
	return error;
}

static int64_t remove_file(struct ceno_walk *walk)
{
	int error;

	if (last_of(walk) != NAME)
		return -LX_EISDIR;
	if (!walk->inode)
		return -LX_ENOENT;
	if (walk->must_be_dir)
		return is_dir(walk->inode) ? -LX_EISDIR : -LX_ENOTDIR;
	error = may_remove(walk->parent, walk->inode, 0);
	if (!error)
		ceno_dir_remove(walk->name);
	return error == -LX_EBUSY ? -LX_EACCES : error;
}

int64_t ceno_sys_unlinkat(const uint64_t a[6])
{
	struct ceno_walk walk;
	int error;

	if (a[2] & ~(uint64_t)LX_AT_REMOVEDIR)
		return -LX_EINVAL;
	error = ceno_path_user(a[0], a[1], CHANGE, &walk);
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

enum { RENAME_NOREPLACE = 1, RENAME_EXCHANGE = 2 };

/* Whether dir is `of` or lies below it. */
static int inside(const struct ceno_inode *dir, const struct ceno_inode *of)
{
	for (; dir != of; dir = dir->dir.parent)
		if (dir == ceno_inode_root() || !dir->dir.parent)
			return 0;
	return 1;
}

/* The two names and their places, before anybody's rights. */
static int check_places(const struct ceno_walk *from, const struct ceno_walk *to, uint64_t flags)
{
	if (last_of(from) != NAME)
		return -LX_EBUSY;
	if (last_of(to) != NAME)
		return flags & RENAME_NOREPLACE ? -LX_EEXIST : -LX_EBUSY;
	if (!from->inode || ((flags & RENAME_EXCHANGE) && !to->inode))
		return -LX_ENOENT;
	if ((flags & RENAME_NOREPLACE) && to->inode)
		return -LX_EEXIST;
	if ((flags & RENAME_EXCHANGE) && !is_dir(to->inode) && to->must_be_dir)
		return -LX_ENOTDIR;
	if (!is_dir(from->inode) && (from->must_be_dir || (to->must_be_dir && !(flags & RENAME_EXCHANGE))))
		return -LX_ENOTDIR;
	if (inside(to->parent, from->inode))
		return -LX_EINVAL;
	if (to->inode && inside(from->parent, to->inode))
		return flags & RENAME_EXCHANGE ? -LX_EINVAL : -LX_ENOTEMPTY;
	return 0;
}

static int check_rename(const struct ceno_walk *from, const struct ceno_walk *to, uint64_t flags)
{
	int dir = is_dir(from->inode), exchange = (flags & RENAME_EXCHANGE) != 0;
	int error = may_remove(from->parent, from->inode, dir);

	if (!error)
		error = to->inode ? may_remove(to->parent, to->inode, exchange ? is_dir(to->inode) : dir)
				  : may_add(to->parent);
	if (error)
		return error;
	if (from->parent != to->parent &&
	    ((dir && !ceno_inode_may(from->inode, 2)) ||
	     (exchange && is_dir(to->inode) && !ceno_inode_may(to->inode, 2))))
		return -LX_EACCES;
	return to->inode && !exchange && dir && to->inode->dir.first ? -LX_ENOTEMPTY : 0;
}

int64_t ceno_sys_renameat2(const uint64_t a[6])
{
	struct ceno_walk from, to;
	uint32_t flags = (uint32_t)a[4];
	int error;

	if (flags > RENAME_EXCHANGE)
		return -LX_EINVAL;
	error = ceno_path_user(a[0], a[1], CHANGE | CENO_NEED_READ | CENO_NEED_WRITE, &from);
	if (!error)
		error = ceno_path_user(a[2], a[3], CHANGE | CENO_NEED_WRITE, &to);
	if (!error)
		error = check_places(&from, &to, flags);
	if (error)
		return error;
	if (from.inode == to.inode)
		return 0;
	error = check_rename(&from, &to, flags);
	if (error)
		return error == -LX_EBUSY && !is_dir(from.inode) ? -LX_EACCES : error;
	if (flags & RENAME_EXCHANGE) {
		ceno_dir_exchange(from.name, to.name);
		return 0;
	}
	error = ceno_dir_move(from.name, to.parent, to.last, to.last_length);
	if (!error && to.inode)
		ceno_dir_remove(to.name);
	return error;
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

/* DT_* are the types of a mode. */
static uint8_t type_of(const struct ceno_inode *inode)
{
	return (uint8_t)((inode->mode & LX_S_IFMT) >> 12);
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
	const struct ceno_inode *parent = dir->dir.parent;
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

static int list_number(struct listing *out, struct ceno_file *file, int32_t number, uint8_t type, uint64_t next)
{
	char text[12] = { 0 };
	uint64_t length = ceno_number_put(text, (uint64_t)number);
	int error = list(out, (uint64_t)number + 100000, next, type, text, length);

	if (!error)
		file->position = next;
	return error;
}

static int list_fds(struct listing *out, struct ceno_file *file)
{
	const struct ceno_files *files = ceno_procfs_files(file->pid);
	int error = 0;

	for (int32_t fd = (int32_t)file->position - 2; files && !error && fd < CENO_FDS; fd++)
		if (ceno_files_at(files, fd))
			error = list_number(out, file, fd, LX_DT_LNK, (uint64_t)fd + 3);
	return error;
}

/* Processes or threads, after all names: their positions are above every cookie. */
static int list_tasks(struct listing *out, struct ceno_file *file)
{
	const uint64_t base = 1u << 30;
	int32_t number = (int32_t)(file->position > base ? file->position - base : 0);
	int error = 0;

	while (!error && (number = ceno_procfs_next(file->inode, file->pid, number)) >= 0) {
		error = list_number(out, file, number, LX_DT_DIR, base + (uint64_t)number + 1);
		number++;
	}
	return error;
}

static int list_names(struct listing *out, struct ceno_file *file)
{
	int error = 0;

	if (file->position > 1u << 30)
		return 0;
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
	if (file->inode->kind == CENO_INODE_DIR && ceno_dir_removed(file->inode))
		return -LX_ENOENT;
	if (file->position > INT32_MAX)
		return 0;
	error = list_dots(&out, file);
	if (!error && file->inode->kind == CENO_INODE_DIR)
		error = list_names(&out, file);
	if (!error && file->inode->kind == CENO_INODE_DIR && file->inode->device)
		error = list_tasks(&out, file);
	else if (!error && file->inode->kind == CENO_INODE_FD_DIR)
		error = list_fds(&out, file);
	return out.used || error == 0 ? (int64_t)out.used : error;
}

/* ---- working directory ---------------------------------------------------------------- */

static int64_t change_dir(struct ceno_inode *dir)
{
	if (!is_dir(dir))
		return -LX_ENOTDIR;
	if (!ceno_inode_may(dir, 1))
		return -LX_EACCES;
	ceno_path_cwd_set(dir);
	return 0;
}

int64_t ceno_sys_chdir(const uint64_t a[6])
{
	struct ceno_walk walk;
	int error = ceno_path_user((uint64_t)LX_AT_FDCWD, a[0], CENO_NEED_READ, &walk);

	if (error)
		return error;
	return walk.inode ? change_dir(walk.inode) : -LX_ENOENT;
}

int64_t ceno_sys_fchdir(const uint64_t a[6])
{
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);

	return file ? change_dir(file->inode) : -LX_EBADF;
}

int64_t ceno_sys_getcwd(const uint64_t a[6])
{
	char *path = ceno_path_scratch();
	const struct ceno_inode *dir = ceno_path_cwd();
	int removed;
	int64_t length = ceno_name_path(dir->dir.name, path, CENO_PATH_MAX, &removed);

	if (removed || (!dir->dir.name && dir != ceno_inode_root()))
		return -LX_ENOENT;
	if (length < 0)
		return length;
	if ((uint64_t)length > a[1])
		return -LX_ERANGE;
	return ceno_user_write(a[0], path, (uint64_t)length) ? -LX_EFAULT : length;
}
