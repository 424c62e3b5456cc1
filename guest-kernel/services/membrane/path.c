/*
 * Path resolution. See vfs.h. The text comes from the program: bounded, walked
 * component by component, symbolic links at most 40 deep.
 */
#include "vfs.h"

#include "fd.h"
#include "frames.h"
#include "promise.h"
#include "task.h"
#include "vm.h"

#define LINKS_MAX 40
#define WORK_MAX  (2 * CENO_PATH_MAX) /* what is left of a path, with link targets in front */

static char *user_path, *scratch, *work, *spare;

void ceno_paths_init(void)
{
	user_path = ceno_frames_table(CENO_PATH_MAX);
	scratch = ceno_frames_table(CENO_PATH_MAX);
	work = ceno_frames_table(WORK_MAX);
	spare = ceno_frames_table(WORK_MAX);
}

char *ceno_path_scratch(void)
{
	return scratch;
}

struct ceno_inode *ceno_path_cwd(void)
{
	return ceno_self()->cwd;
}

void ceno_path_cwd_set(struct ceno_inode *dir)
{
	struct ceno_inode *old = ceno_self()->cwd;

	dir->uses++;
	ceno_self()->cwd = dir;
	ceno_inode_drop(old);
}

int32_t ceno_number_parse(const char *text, uint64_t length)
{
	int32_t value = 0;

	if (length == 0 || length > 9 || (length > 1 && text[0] == '0'))
		return -1;
	for (uint64_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

static int is_dir(const struct ceno_inode *inode)
{
	return (inode->mode & LX_S_IFMT) == LX_S_IFDIR;
}

/* Puts a link's target in front of what is left of the path. */
static int expand(const struct ceno_walk *walk, const char *rest)
{
	const struct ceno_inode *link = walk->inode;
	uint64_t length, tail = strlen(rest);

	if (link->kind == CENO_INODE_MAGIC)
		length = (uint64_t)ceno_procfs_target(link->device, walk->pid, spare);
	else
		length = strlen(memcpy(spare, link->target, link->size + 1));
	if (length + tail + 2 > WORK_MAX)
		return -LX_ENAMETOOLONG;
	memcpy(spare + length, rest, tail + 1);
	memcpy(work, spare, length + tail + 1);
	return 0;
}

/* Looks one component up in walk->parent. */
static int look_up(struct ceno_walk *walk, const char *text, uint64_t length)
{
	struct ceno_inode *dir = walk->parent;

	walk->name = NULL;
	walk->file = NULL;
	if (!is_dir(dir))
		return -LX_ENOTDIR;
	if (!ceno_inode_may(dir, 1))
		return -LX_EACCES;
	if (length == 1 && text[0] == '.') {
		walk->inode = dir;
		return 0;
	}
	if (length == 2 && text[0] == '.' && text[1] == '.') {
		walk->inode = dir->dir.parent;
		return 0;
	}
	if (length > CENO_NAME_MAX)
		return -LX_ENAMETOOLONG;
	if (dir->kind == CENO_INODE_FD_DIR) {
		struct ceno_files *files = ceno_procfs_files(walk->pid);
		int32_t fd = ceno_number_parse(text, length);

		walk->file = files && fd >= 0 ? ceno_files_at(files, fd) : NULL;
		walk->inode = walk->file ? walk->file->inode : NULL;
		walk->name = walk->file ? walk->file->name : NULL;
		return walk->file ? 0 : -LX_ENOENT;
	}
	walk->name = ceno_dir_find(dir, text, length);
	walk->inode = walk->name ? walk->name->inode : NULL;
	if (!walk->inode && dir->device)
		walk->inode = ceno_procfs_find(dir, text, length, &walk->pid);
	return 0;
}

static int is_link(const struct ceno_walk *walk)
{
	return walk->inode && (walk->inode->mode & LX_S_IFMT) == LX_S_IFLNK && !walk->file;
}

static int step(struct ceno_walk *walk, const char **path, int flags, int *links)
{
	const char *text = *path, *end = text, *rest;
	uint64_t length;
	int error;

	while (*end && *end != '/')
		end++;
	length = (uint64_t)(end - text);
	error = look_up(walk, text, length);
	if (error)
		return error;
	walk->must_be_dir = *end == '/';
	for (rest = end; *rest == '/'; rest++)
		;
	if ((flags & CENO_WALK_CREATE) && *end && !*rest)
		return -LX_EISDIR;
	if (is_link(walk) && (*rest || !(flags & CENO_WALK_CHANGE)) && (*end || !(flags & CENO_WALK_NOFOLLOW))) {
		if (++*links > LINKS_MAX)
			return -LX_ELOOP;
		error = expand(walk, end);
		*path = work;
		if (work[0] == '/')
			walk->parent = ceno_inode_root();
		return error ? error : 1;
	}
	memcpy(walk->last, text, length);
	walk->last[length] = 0;
	walk->last_length = (uint32_t)length;
	*path = rest;
	return 0;
}

static int walk_from(struct ceno_walk *walk, const char *path, int flags)
{
	int links = 0, result;

	if (!path[0])
		return flags & CENO_WALK_EMPTY ? 0 : -LX_ENOENT;
	if (path[0] == '/')
		walk->parent = ceno_inode_root();
	walk->inode = walk->parent;
	for (;;) {
		while (*path == '/')
			path++;
		if (!*path)
			break;
		result = step(walk, &path, flags, &links);
		if (result < 0)
			return result;
		if (result == 1) {
			walk->inode = walk->parent;
			walk->last_length = 0;
			continue;
		}
		if (!*path)
			break;
		if (!walk->inode)
			return -LX_ENOENT;
		if (!is_dir(walk->inode))
			return -LX_ENOTDIR;
		walk->parent = walk->inode;
	}
	if (walk->inode && walk->must_be_dir && !is_dir(walk->inode) && !(flags & CENO_WALK_CHANGE))
		return -LX_ENOTDIR;
	return 0;
}

int ceno_path_walk(struct ceno_inode *from, const char *path, int flags, struct ceno_walk *walk)
{
	*walk = (struct ceno_walk){ .parent = from, .inode = from };
	return walk_from(walk, path, flags);
}

int ceno_path_user(uint64_t dirfd, uint64_t path_gva, int flags, struct ceno_walk *walk)
{
	int64_t length = ceno_user_string(user_path, path_gva, CENO_PATH_MAX);
	int error;

	*walk = (struct ceno_walk){ .parent = ceno_path_cwd() };
	if (length < 0)
		return (int)length;
	if (user_path[0] != '/' && (int32_t)dirfd != LX_AT_FDCWD) {
		struct ceno_file *file = ceno_fd_file((int32_t)dirfd);

		if (length == 0 && !(flags & CENO_WALK_EMPTY))
			return -LX_ENOENT;
		if (!file)
			return -LX_EBADF;
		if (length > 0 && !is_dir(file->inode))
			return -LX_ENOTDIR;
		walk->parent = file->inode;
		walk->pid = file->pid;
	}
	walk->inode = walk->parent;
	error = walk_from(walk, user_path, flags);
	return error || !(flags & CENO_NEED_ANY) ? error : ceno_promise_path(walk, flags);
}

int ceno_path_text(const char *path, int flags, struct ceno_walk *walk)
{
	int error = ceno_path_walk(ceno_path_cwd(), path, flags, walk);

	return error || !(flags & CENO_NEED_ANY) ? error : ceno_promise_path(walk, flags);
}

struct ceno_inode *ceno_path_make(const char *path, int owned)
{
	struct ceno_inode *dir = ceno_inode_root();
	struct ceno_walk walk;

	if (!ceno_path_walk(dir, path, 0, &walk) && walk.inode && walk.inode->kind == CENO_INODE_DIR)
		return walk.inode; /* maybe through links of the image */
	while (dir && *path) {
		const char *end = path;
		struct ceno_name *name;
		struct ceno_inode *next;

		while (*end && *end != '/')
			end++;
		if (end == path) {
			path++;
			continue;
		}
		if (dir->kind != CENO_INODE_DIR || end - path > CENO_NAME_MAX)
			return NULL;
		name = ceno_dir_find(dir, path, (uint64_t)(end - path));
		next = name ? name->inode : ceno_inode_new(CENO_INODE_DIR, 0755);
		if (next && !name) {
			next->owned = (uint8_t)owned;
			if (ceno_dir_add(dir, path, (uint64_t)(end - path), next))
				return NULL;
		}
		dir = next;
		path = end;
	}
	return dir && dir->kind == CENO_INODE_DIR ? dir : NULL;
}
