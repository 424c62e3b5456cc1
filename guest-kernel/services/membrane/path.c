/*
 * Path resolution. See vfs.h. The text comes from the program: bounded, walked
 * component by component, symbolic links at most 40 deep.
 */
#include "vfs.h"

#include "fd.h"
#include "frames.h"
#include "vm.h"

#define LINKS_MAX 40

static struct ceno_inode *cwd;
static char *user_path, *work, *spare; /* CENO_PATH_MAX each */

void ceno_paths_init(void)
{
	cwd = NULL;
	user_path = ceno_frames_table(CENO_PATH_MAX);
	work = ceno_frames_table(CENO_PATH_MAX);
	spare = ceno_frames_table(CENO_PATH_MAX);
}

struct ceno_inode *ceno_path_cwd(void)
{
	return cwd ? cwd : ceno_inode_root();
}

void ceno_path_cwd_set(struct ceno_inode *dir)
{
	struct ceno_inode *old = cwd;

	dir->uses++;
	cwd = dir;
	if (old) {
		old->uses--;
		ceno_inode_settle(old);
	}
}

/* Puts a link's target in front of what is left of the path. */
static int expand(const struct ceno_inode *link, const char *rest)
{
	const char *target = ceno_ram(link->target);
	uint64_t length = strlen(target), tail = strlen(rest);

	if (length + tail + 2 > CENO_PATH_MAX)
		return -LX_ENAMETOOLONG;
	memcpy(spare, target, length);
	memcpy(spare + length, rest, tail + 1);
	memcpy(work, spare, length + tail + 1);
	return 0;
}

static int number_of(const char *text, uint64_t length)
{
	int value = 0;

	if (length == 0 || length > 4 || (length > 1 && text[0] == '0'))
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
	return inode->kind == CENO_INODE_DIR || inode->kind == CENO_INODE_FD_DIR;
}

/* Looks one component up in walk->parent. */
static int look_up(struct ceno_walk *walk, const char *text, uint64_t length)
{
	struct ceno_inode *dir = walk->parent;

	walk->name = NULL;
	walk->fd = -1;
	if (!is_dir(dir))
		return -LX_ENOTDIR;
	if (length == 1 && text[0] == '.') {
		walk->inode = dir;
		return 0;
	}
	if (length == 2 && text[0] == '.' && text[1] == '.') {
		walk->inode = dir->dir.parent ? dir->dir.parent : dir;
		return 0;
	}
	if (dir->kind == CENO_INODE_FD_DIR) {
		struct ceno_file *file;

		walk->fd = number_of(text, length);
		file = walk->fd >= 0 ? ceno_fd_file(walk->fd) : NULL;
		walk->inode = file ? file->inode : NULL;
		return file ? 0 : -LX_ENOENT;
	}
	walk->name = ceno_dir_find(dir, text, length);
	walk->inode = walk->name ? walk->name->inode : NULL;
	return 0;
}

static int step(struct ceno_walk *walk, const char **path, int flags, int *links)
{
	const char *text = *path, *end = text;
	uint64_t length;
	int error;

	while (*end && *end != '/')
		end++;
	length = (uint64_t)(end - text);
	if (length > CENO_NAME_MAX)
		return -LX_ENAMETOOLONG;
	error = look_up(walk, text, length);
	if (error)
		return error;
	walk->must_be_dir = *end == '/';
	if (walk->inode && walk->inode->kind == CENO_INODE_LINK && walk->fd < 0 &&
	    (*end || !(flags & CENO_WALK_NOFOLLOW))) {
		if (++*links > LINKS_MAX)
			return -LX_ELOOP;
		error = expand(walk->inode, end);
		*path = work;
		if (work[0] == '/')
			walk->parent = ceno_inode_root();
		return error ? error : 1;
	}
	memcpy(walk->last, text, length);
	walk->last[length] = 0;
	walk->last_length = (uint32_t)length;
	while (*end == '/')
		end++;
	*path = end;
	return 0;
}

int ceno_path_walk(struct ceno_inode *from, const char *path, int flags, struct ceno_walk *walk)
{
	int links = 0, result;

	*walk = (struct ceno_walk){ .parent = path[0] == '/' ? ceno_inode_root() : from, .fd = -1 };
	walk->inode = walk->parent;
	if (!path[0])
		return flags & CENO_WALK_EMPTY ? 0 : -LX_ENOENT;
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
	if (walk->inode && walk->must_be_dir && !is_dir(walk->inode))
		return -LX_ENOTDIR;
	return 0;
}

int ceno_path_user(uint64_t dirfd, uint64_t path_gva, int flags, struct ceno_walk *walk)
{
	int64_t length = ceno_user_string(user_path, path_gva, CENO_PATH_MAX);
	struct ceno_inode *from = ceno_path_cwd();

	if (length < 0)
		return (int)length;
	if (user_path[0] != '/' && (int32_t)dirfd != LX_AT_FDCWD) {
		struct ceno_file *file = ceno_fd_file((int32_t)dirfd);

		if (!file)
			return -LX_EBADF;
		from = file->inode;
		if (length > 0 && !is_dir(from))
			return -LX_ENOTDIR;
	}
	return ceno_path_walk(from, user_path, flags, walk);
}

struct ceno_inode *ceno_path_make(const char *path, int read_only)
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
		next = name ? name->inode : ceno_inode_new(CENO_INODE_DIR, read_only ? 0555 : 0755);
		if (next && !name) {
			next->read_only = (uint8_t)read_only;
			if (ceno_dir_add(dir, path, (uint64_t)(end - path), next))
				return NULL;
		}
		dir = next;
		path = end;
	}
	return dir && dir->kind == CENO_INODE_DIR ? dir : NULL;
}
