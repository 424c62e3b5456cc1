/*
 * Inodes and directories. See vfs.h. Both kinds of record come from frames of
 * RAM cut into equal pieces; a freed piece is kept for the next of its kind.
 *
 * Invariant: an inode exists while nlink or uses is not zero; a directory's
 * names are listed in the order of their cookies, which are never reused.
 */
#include "vfs.h"

#include "frames.h"
#include "image.h"
#include "time.h"

struct piece {
	struct piece *next;
};
struct pool {
	struct piece *free;
	uint32_t bytes;
};

static struct pool inodes, names;
static struct ceno_inode *root;
static uint64_t next_number;

void ceno_inodes_init(void)
{
	inodes.free = names.free = NULL;
	root = NULL;
	next_number = 0;
}

static void *pool_take(struct pool *pool, uint32_t bytes)
{
	struct piece *piece;

	pool->bytes = (bytes + 15) & ~15u;
	if (!pool->free) {
		uint64_t frame = ceno_frames_alloc(0);

		if (frame == CENO_NO_FRAME)
			return NULL;
		for (uint32_t at = 0; at + pool->bytes <= CENO_PAGE; at += pool->bytes) {
			piece = (struct piece *)(void *)((uint8_t *)ceno_ram(frame) + at);
			piece->next = pool->free;
			pool->free = piece;
		}
	}
	piece = pool->free;
	pool->free = piece->next;
	memset(piece, 0, pool->bytes);
	return piece;
}

static void pool_give(struct pool *pool, void *at)
{
	struct piece *piece = at;

	piece->next = pool->free;
	pool->free = piece;
}

uint64_t ceno_inode_now(void)
{
	return ceno_time_ns(LX_CLOCK_REALTIME);
}

static uint32_t type_of(enum ceno_inode_kind kind)
{
	switch (kind) {
	case CENO_INODE_DIR:
	case CENO_INODE_FD_DIR:
		return LX_S_IFDIR;
	case CENO_INODE_LINK:
		return LX_S_IFLNK;
	case CENO_INODE_DEVICE:
		return LX_S_IFCHR;
	case CENO_INODE_PIPE:
	case CENO_INODE_STREAM:
		return LX_S_IFIFO;
	default:
		return LX_S_IFREG;
	}
}

struct ceno_inode *ceno_inode_new(enum ceno_inode_kind kind, uint32_t mode)
{
	struct ceno_inode *inode = pool_take(&inodes, sizeof(*inode));

	if (!inode)
		return NULL;
	inode->number = ++next_number;
	inode->kind = (uint8_t)kind;
	inode->mode = type_of(kind) | (mode & 07777);
	inode->mtime = inode->ctime = inode->atime = ceno_inode_now();
	if (kind == CENO_INODE_DIR) {
		inode->nlink = 1; /* its "." */
		inode->dir.next_cookie = 3;
	}
	return inode;
}

struct ceno_inode *ceno_inode_root(void)
{
	if (!root) {
		root = ceno_inode_new(CENO_INODE_DIR, 0755);
		if (root) {
			root->nlink++;
			root->dir.parent = root;
		}
	}
	return root;
}

void ceno_inode_settle(struct ceno_inode *inode)
{
	if (inode->uses || inode->nlink > (inode->kind == CENO_INODE_DIR ? 1u : 0u))
		return;
	if (inode->kind == CENO_INODE_FILE)
		ceno_inode_truncate(inode, 0);
	if (inode->kind == CENO_INODE_LINK)
		ceno_frames_free(inode->target, 0);
	pool_give(&inodes, inode);
}

struct ceno_name *ceno_dir_find(struct ceno_inode *dir, const char *name, uint64_t length)
{
	if (dir->dir.image)
		ceno_image_fill(dir);
	for (struct ceno_name *at = dir->dir.first; at; at = at->next)
		if (at->length == length && memcmp(at->text, name, length) == 0)
			return at;
	return NULL;
}

int ceno_dir_add(struct ceno_inode *dir, const char *name, uint64_t length, struct ceno_inode *inode)
{
	struct ceno_name *entry = pool_take(&names, sizeof(*entry));

	if (!entry)
		return -LX_ENOSPC;
	memcpy(entry->text, name, length);
	entry->length = (uint8_t)length;
	entry->inode = inode;
	entry->cookie = dir->dir.next_cookie++;
	entry->previous = dir->dir.last;
	if (dir->dir.last)
		dir->dir.last->next = entry;
	else
		dir->dir.first = entry;
	dir->dir.last = entry;
	inode->nlink++;
	if (inode->kind == CENO_INODE_DIR || inode->kind == CENO_INODE_FD_DIR)
		inode->dir.parent = dir;
	if (inode->kind == CENO_INODE_DIR)
		dir->nlink++; /* its ".." */
	dir->mtime = dir->ctime = ceno_inode_now();
	return 0;
}

void ceno_dir_remove(struct ceno_inode *dir, struct ceno_name *name)
{
	struct ceno_inode *inode = name->inode;

	if (name->previous)
		name->previous->next = name->next;
	else
		dir->dir.first = name->next;
	if (name->next)
		name->next->previous = name->previous;
	else
		dir->dir.last = name->previous;
	pool_give(&names, name);
	inode->nlink--;
	if (inode->kind == CENO_INODE_DIR) {
		dir->nlink--;
		if (inode->dir.parent == dir)
			inode->dir.parent = NULL;
	}
	dir->mtime = dir->ctime = inode->ctime = ceno_inode_now();
	ceno_inode_settle(inode);
}

static const struct ceno_name *name_in_parent(const struct ceno_inode *dir)
{
	for (struct ceno_name *at = dir->dir.parent->dir.first; at; at = at->next)
		if (at->inode == dir)
			return at;
	return NULL;
}

int64_t ceno_dir_path(struct ceno_inode *dir, const char *leaf, char *out, uint64_t capacity)
{
	uint64_t at = capacity, length = leaf ? strlen(leaf) : 0;

	if (capacity < length + 2)
		return -LX_ERANGE;
	out[--at] = 0;
	if (leaf) {
		at -= length;
		memcpy(out + at, leaf, length);
		out[--at] = '/';
	}
	for (; dir != root; dir = dir->dir.parent) {
		const struct ceno_name *name = dir->dir.parent ? name_in_parent(dir) : NULL;

		if (!name)
			return -LX_ENOENT;
		if (at < name->length + 1u)
			return -LX_ERANGE;
		at -= name->length;
		memcpy(out + at, name->text, name->length);
		out[--at] = '/';
	}
	if (at == capacity - 1)
		out[--at] = '/';
	memmove(out, out + at, capacity - at);
	return (int64_t)(capacity - at);
}
