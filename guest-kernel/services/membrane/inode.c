/*
 * Inodes, directories, and the small records that both are made of. See vfs.h.
 *
 * Records come from frames of RAM cut into equal pieces; a freed piece is kept for
 * the next record of its size. Names are found through one table of buckets for all
 * directories, so a directory may be as large as RAM allows.
 *
 * Invariant: an inode exists while nlink or uses is not zero; a directory's names are
 * listed in the order of their cookies, which are never reused; what is removed while
 * in use keeps the directory it was in, so ".." and paths still have an answer.
 */
#include "vfs.h"

#include "fd.h"
#include "frames.h"
#include "image.h"
#include "poll.h"
#include "time.h"
#include "vm.h"

#define GRAIN     32u
#define BUCKETS   2048u
#define DIR_BYTES 20 /* what an entry adds to its directory's size, as in Linux's tmpfs */

struct piece {
	struct piece *next;
};

static struct piece *pool[CENO_POOL_MAX / GRAIN + 1];
static struct ceno_name **buckets;
static struct ceno_inode *root;
static uint64_t next_number;

void ceno_inodes_init(void)
{
	memset(pool, 0, sizeof(pool));
	buckets = ceno_frames_table(BUCKETS * sizeof(struct ceno_name *));
	root = NULL;
	next_number = 0;
	ceno_epolls_init();
	ceno_sockets_init();
	ceno_signalfds_init();
}

/* ---- small records --------------------------------------------------------------- */

uint64_t ceno_pool_frame(void)
{
	while (ceno_frames_used() + ceno_frames_total() / 32 >= ceno_frames_total())
		if (!ceno_husk_release())
			return CENO_NO_FRAME;
	return ceno_frames_alloc(0);
}

void *ceno_pool_take(uint32_t bytes)
{
	struct piece **head = &pool[(bytes + GRAIN - 1) / GRAIN], *piece;

	bytes = (bytes + GRAIN - 1) & ~(GRAIN - 1);
	if (!*head) {
		uint64_t frame = ceno_pool_frame();

		if (frame == CENO_NO_FRAME)
			return NULL;
		for (uint32_t at = 0; at + bytes <= CENO_PAGE; at += bytes)
			ceno_pool_give((uint8_t *)ceno_ram(frame) + at, bytes);
	}
	piece = *head;
	*head = piece->next;
	return memset(piece, 0, bytes);
}

void ceno_pool_give(void *at, uint32_t bytes)
{
	struct piece *piece = at, **head = &pool[(bytes + GRAIN - 1) / GRAIN];

	piece->next = *head;
	*head = piece;
}

/* ---- inodes ----------------------------------------------------------------------- */

uint64_t ceno_inode_now(void)
{
	return ceno_time_ns(LX_CLOCK_REALTIME);
}

static uint32_t type_of(enum ceno_inode_kind kind)
{
	static const uint8_t types[] = {
		[CENO_INODE_DIR] = LX_S_IFDIR >> 12,    [CENO_INODE_FD_DIR] = LX_S_IFDIR >> 12,
		[CENO_INODE_LINK] = LX_S_IFLNK >> 12,   [CENO_INODE_MAGIC] = LX_S_IFLNK >> 12,
		[CENO_INODE_DEVICE] = LX_S_IFCHR >> 12, [CENO_INODE_PIPE] = LX_S_IFIFO >> 12,
		[CENO_INODE_STREAM] = LX_S_IFIFO >> 12, [CENO_INODE_SOCKET] = LX_S_IFSOCK >> 12,
	};
	uint32_t type = kind < sizeof(types) ? types[kind] : 0;

	return type ? type << 12 : LX_S_IFREG;
}

struct ceno_inode *ceno_inode_new(enum ceno_inode_kind kind, uint32_t mode)
{
	struct ceno_inode *inode = ceno_pool_take(sizeof(*inode));

	if (!inode)
		return NULL;
	inode->number = ++next_number;
	inode->kind = (uint8_t)kind;
	inode->mode = type_of(kind) | (mode & 07777);
	inode->owned = 1;
	inode->mtime = inode->ctime = inode->atime = ceno_inode_now();
	inode->nlink = kind >= CENO_INODE_PIPE;
	if (kind == CENO_INODE_PIPE) {
		inode->pipe = ceno_pool_take(sizeof(*inode->pipe));
		if (!inode->pipe) {
			ceno_pool_give(inode, sizeof(*inode));
			return NULL;
		}
		inode->pipe->ring.order = CENO_PIPE_ORDER;
	}
	if (kind == CENO_INODE_DIR) {
		inode->nlink = 1; /* its "." */
		inode->size = 2 * DIR_BYTES;
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
	while (inode && !inode->uses &&
	       inode->nlink <= (inode->kind == CENO_INODE_DIR || inode->kind >= CENO_INODE_PIPE)) {
		struct ceno_inode *above = inode->kind == CENO_INODE_DIR ? inode->dir.parent : NULL;

		inode->traits = 0; /* no seal keeps it */
		if (inode->kind == CENO_INODE_FILE)
			ceno_inode_truncate(inode, 0);
		if (inode->kind == CENO_INODE_LINK)
			ceno_pool_give(inode->target, (uint32_t)inode->size + 1);
		if (inode->kind == CENO_INODE_SOCKET && inode->socket)
			ceno_socket_close(inode);
		if (inode->kind == CENO_INODE_EPOLL)
			ceno_epoll_end(inode);
		if (inode->kind == CENO_INODE_SIGNALS)
			ceno_signalfd_end(inode);
		if (inode->kind == CENO_INODE_PIPE)
			ceno_pool_give(inode->pipe, sizeof(*inode->pipe));
		ceno_pool_give(inode, sizeof(*inode));
		if (above)
			above->uses--;
		inode = above;
	}
}

void ceno_inode_drop(struct ceno_inode *inode)
{
	inode->uses--;
	ceno_inode_settle(inode);
}

int ceno_inode_may(const struct ceno_inode *inode, uint32_t want)
{
	uint32_t has = inode->owned ? inode->mode >> 6 : inode->mode;

	return (want & ~has) == 0;
}

/* ---- names ------------------------------------------------------------------------ */

static uint32_t hash_of(const struct ceno_inode *dir, const char *name, uint64_t length)
{
	uint32_t hash = (uint32_t)dir->number * 0x9e3779b1u;

	while (length--)
		hash = (hash ^ (uint8_t)*name++) * 0x01000193u;
	return hash ^ hash >> 15;
}

struct ceno_name *ceno_dir_find(struct ceno_inode *dir, const char *name, uint64_t length)
{
	uint32_t hash = hash_of(dir, name, length);

	if (dir->dir.image)
		ceno_image_fill(dir);
	for (struct ceno_name *at = buckets[hash % BUCKETS]; at; at = at->chain)
		if (at->hash == hash && at->dir == dir && at->length == length && !memcmp(at->text, name, length))
			return at;
	return NULL;
}

const struct ceno_name *ceno_inode_name(const struct ceno_inode *inode)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		for (const struct ceno_name *at = buckets[i]; at; at = at->chain)
			if (at->inode == inode)
				return at;
	return NULL;
}

/* Puts a name with its text at the end of a directory. */
static void link_name(struct ceno_name *name, struct ceno_inode *dir)
{
	struct ceno_inode *inode = name->inode;

	name->hash = hash_of(dir, name->text, name->length);
	name->chain = buckets[name->hash % BUCKETS];
	buckets[name->hash % BUCKETS] = name;
	name->dir = dir;
	name->cookie = dir->dir.next_cookie++;
	name->next = NULL;
	name->previous = dir->dir.last;
	*(dir->dir.last ? &dir->dir.last->next : &dir->dir.first) = name;
	dir->dir.last = name;
	dir->size += DIR_BYTES;
	dir->uses += name->uses != 0;
	if (inode->kind == CENO_INODE_DIR || inode->kind == CENO_INODE_FD_DIR) {
		inode->dir.parent = dir;
		inode->dir.name = name;
		dir->nlink++; /* its ".." */
	}
	dir->mtime = dir->ctime = inode->ctime = ceno_inode_now();
}

/* Takes it out; its dir stays noted. */
static void unlink_name(struct ceno_name *name)
{
	struct ceno_name **at = &buckets[name->hash % BUCKETS];
	struct ceno_inode *dir = name->dir, *inode = name->inode;

	while (*at != name)
		at = &(*at)->chain;
	*at = name->chain;
	*(name->previous ? &name->previous->next : &dir->dir.first) = name->next;
	*(name->next ? &name->next->previous : &dir->dir.last) = name->previous;
	dir->size -= DIR_BYTES;
	if (inode->kind == CENO_INODE_DIR || inode->kind == CENO_INODE_FD_DIR)
		dir->nlink--;
	dir->mtime = dir->ctime = inode->ctime = ceno_inode_now();
}

static char *new_text(const char *text, uint64_t length)
{
	char *copy = ceno_pool_take((uint32_t)length);

	return copy ? memcpy(copy, text, length) : NULL;
}

int ceno_dir_add(struct ceno_inode *dir, const char *name, uint64_t length, struct ceno_inode *inode)
{
	struct ceno_name *entry = ceno_pool_take(sizeof(*entry));
	char *text = entry ? new_text(name, length) : NULL;

	if (!text) {
		if (entry)
			ceno_pool_give(entry, sizeof(*entry));
		return -LX_ENOSPC;
	}
	entry->text = text;
	entry->length = (uint8_t)length;
	entry->inode = inode;
	inode->nlink++;
	link_name(entry, dir);
	return 0;
}

static void free_name(struct ceno_name *name)
{
	ceno_pool_give(name->text, name->length);
	ceno_pool_give(name, sizeof(*name));
}

void ceno_dir_remove(struct ceno_name *name)
{
	struct ceno_inode *inode = name->inode;

	unlink_name(name);
	inode->nlink--;
	if (inode->kind == CENO_INODE_DIR) {
		inode->dir.name = NULL;
		name->dir->uses++; /* as long as there is an inode whose ".." it is */
	}
	name->removed = 1;
	if (!name->uses)
		free_name(name);
	ceno_inode_settle(inode);
}

int ceno_dir_move(struct ceno_name *name, struct ceno_inode *dir, const char *text, uint64_t length)
{
	char *copy = new_text(text, length);
	struct ceno_inode *old = name->dir;

	if (!copy)
		return -LX_ENOSPC;
	unlink_name(name);
	ceno_pool_give(name->text, name->length);
	name->text = copy;
	name->length = (uint8_t)length;
	link_name(name, dir);
	old->uses -= name->uses != 0;
	return 0;
}

void ceno_dir_exchange(struct ceno_name *a, struct ceno_name *b)
{
	struct ceno_inode *dir_a = a->dir, *dir_b = b->dir;
	char *text = a->text;
	uint8_t length = a->length;

	unlink_name(a);
	unlink_name(b);
	a->text = b->text;
	a->length = b->length;
	b->text = text;
	b->length = length;
	link_name(a, dir_b);
	link_name(b, dir_a);
	dir_a->uses -= a->uses != 0;
	dir_b->uses -= b->uses != 0;
}

void ceno_name_hold(struct ceno_name *name)
{
	if (name && !name->uses++)
		name->dir->uses++;
}

void ceno_name_drop(struct ceno_name *name)
{
	if (!name || --name->uses)
		return;
	ceno_inode_drop(name->dir);
	if (name->removed)
		free_name(name);
}

int64_t ceno_name_path(const struct ceno_name *name, char *out, uint64_t capacity, int *removed)
{
	uint64_t at = capacity - 1;

	out[at] = 0;
	*removed = 0;
	while (name) {
		const struct ceno_inode *dir = name->dir;

		*removed |= name->removed;
		if (at < name->length + 1u)
			return -LX_ENAMETOOLONG;
		at -= name->length;
		memcpy(out + at, name->text, name->length);
		out[--at] = '/';
		*removed |= !dir->dir.name && dir != root;
		name = dir->dir.name;
	}
	if (at == capacity - 1)
		out[--at] = '/';
	memmove(out, out + at, capacity - at);
	return (int64_t)(capacity - at);
}
