/*
 * Advisory locks of files: fcntl's, owned by a table of descriptors (F_SETLK) or an open
 * file (F_OFD_SETLK), and flock's, owned by an open file. The first two see each other.
 *
 * Invariant: no two ranges of one owner and kind overlap, and none of two owners do if
 * either is exclusive.
 */
#include "calls.h"
#include "fd.h"
#include "task.h"
#include "vm.h"

enum kind { RANGE, WHOLE };

struct ceno_lock {
	struct ceno_lock *next;
	const void *owner;
	uint64_t start, last; /* bytes, both within */
	int32_t pid;
	uint8_t type, kind; /* LX_F_RDLCK or _WRLCK (carve: or _UNLCK); enum kind */
};

/* A lock that is in the way of `want`; of one with LX_F_UNLCK: a lock that it would remove. */
static const struct ceno_lock *conflict(const struct ceno_inode *inode, const struct ceno_lock *want)
{
	int own = want->type == LX_F_UNLCK;

	for (const struct ceno_lock *at = inode->locks; at; at = at->next)
		if (at->kind == want->kind && (at->owner == want->owner) == own && at->start <= want->last &&
		    want->start <= at->last && (own || at->type == LX_F_WRLCK || want->type == LX_F_WRLCK))
			return at;
	return NULL;
}

static void remove(struct ceno_lock **at)
{
	struct ceno_lock *lock = *at;

	*at = lock->next;
	ceno_pool_give(lock, sizeof(*lock));
}

static void insert(struct ceno_inode *inode, struct ceno_lock *lock, const struct ceno_lock *like)
{
	*lock = *like;
	lock->next = inode->locks;
	inode->locks = lock;
}

/* Cuts [from, to] out of what the owner has, taking in neighbours of its own type.
 * spare: for the second half of what is cut in the middle; NULL afterwards if it was used. */
static void carve(struct ceno_inode *inode, struct ceno_lock *want, struct ceno_lock **spare)
{
	uint64_t from = want->start, to = want->last;

	for (struct ceno_lock **at = &inode->locks, *old; (old = *at);) {
		uint64_t same = old->type == want->type;

		if (old->kind != want->kind || old->owner != want->owner || old->last + same < from ||
		    old->start > to + same) {
			at = &old->next;
		} else if (same) {
			want->start = old->start < want->start ? old->start : want->start;
			want->last = old->last > want->last ? old->last : want->last;
			remove(at);
		} else if (old->start >= from && old->last <= to) {
			remove(at);
		} else if (old->start >= from) {
			old->start = to + 1;
			at = &old->next;
		} else {
			if (old->last > to) {
				struct ceno_lock upper = *old;

				upper.start = to + 1;
				insert(inode, *spare, &upper);
				*spare = NULL;
			}
			old->last = from - 1;
			at = &old->next;
		}
	}
}

/* Sets what conflicts with nothing. Returns 0 or -LX_ENOLCK, then nothing changed. */
static int64_t set(struct ceno_inode *inode, struct ceno_lock want)
{
	struct ceno_lock *spare = ceno_pool_take(sizeof(*spare)), *lock = ceno_pool_take(sizeof(*lock));
	int64_t result = -LX_ENOLCK;

	if (spare && lock) {
		carve(inode, &want, &spare);
		if (want.type != LX_F_UNLCK) {
			insert(inode, lock, &want);
			lock = NULL;
		}
		ceno_wake(&inode->locks);
		result = 0;
	}
	if (spare)
		ceno_pool_give(spare, sizeof(*spare));
	if (lock)
		ceno_pool_give(lock, sizeof(*lock));
	return result;
}

static void drop(struct ceno_inode *inode, const void *owner)
{
	int found = 0;

	for (struct ceno_lock **at = &inode->locks; *at;) {
		if ((*at)->owner == owner) {
			remove(at);
			found = 1;
		} else {
			at = &(*at)->next;
		}
	}
	if (found)
		ceno_wake(&inode->locks);
}

void ceno_lock_closed(struct ceno_inode *inode, const struct ceno_files *files)
{
	drop(inode, files);
}

void ceno_lock_released(struct ceno_file *file)
{
	drop(file->inode, file);
}

/* ---- fcntl ---------------------------------------------------------------------------- */

/* The range that a program's struct flock means, in bytes. */
static int64_t range_of(const struct ceno_file *file, const struct lx_flock *in, struct ceno_lock *out)
{
	int64_t start = in->start, base, end;

	switch (in->whence) {
	case LX_SEEK_SET:
		base = 0;
		break;
	case LX_SEEK_CUR:
		base = (int64_t)file->position;
		break;
	case LX_SEEK_END:
		base = (int64_t)file->inode->size;
		break;
	default:
		return -LX_EINVAL;
	}
	if (__builtin_add_overflow(base, start, &start))
		return -LX_EOVERFLOW;
	if (start < 0)
		return -LX_EINVAL;
	end = INT64_MAX;
	if (in->len > 0 && __builtin_add_overflow(start, in->len - 1, &end))
		return -LX_EOVERFLOW;
	if (in->len < 0) {
		end = start - 1;
		if (__builtin_add_overflow(start, in->len, &start) || start < 0)
			return -LX_EINVAL;
	}
	out->start = (uint64_t)start;
	out->last = (uint64_t)end;
	return 0;
}

/* The table of descriptors that owns locks, unless it is gone meanwhile. */
static const struct ceno_files *alive(const void *owner)
{
	for (uint32_t i = 0; owner && i < CENO_TASKS; i++)
		if (ceno_process_at(i) && ceno_process_at(i)->files == owner)
			return owner;
	return NULL;
}

/* Whether waiting for `owner` would wait for ourselves. */
static int deadlocks(const void *owner, const struct ceno_files *self)
{
	const struct ceno_files *files = alive(owner);

	for (int depth = 0; depth < 10 && files && files != self; depth++)
		files = alive(files->waits);
	return files == self;
}

static int64_t get(struct ceno_inode *inode, const struct ceno_lock *want, struct lx_flock *io)
{
	const struct ceno_lock *other = conflict(inode, want);

	if (!other) {
		io->type = LX_F_UNLCK;
		return 0;
	}
	io->type = other->type;
	io->whence = LX_SEEK_SET;
	io->start = (int64_t)other->start;
	io->len = other->last == INT64_MAX ? 0 : (int64_t)(other->last - other->start + 1);
	io->pid = other->pid;
	return 0;
}

int64_t ceno_lock_fcntl(struct ceno_file *file, uint32_t command, uint64_t gva)
{
	int ofd = command >= LX_F_OFD_GETLK;
	struct ceno_files *self = ceno_self()->files;
	struct ceno_lock want = { .owner = self, .pid = (int32_t)ceno_self()->pid, .kind = RANGE };
	const struct ceno_lock *other;
	struct lx_flock io;
	int64_t error;

	if (ceno_user_read(&io, gva, sizeof(io)))
		return -LX_EFAULT;
	if (ofd) {
		if (io.pid)
			return -LX_EINVAL;
		want.owner = file;
		want.pid = -1;
	}
	error = range_of(file, &io, &want);
	if (error || (uint16_t)io.type > LX_F_UNLCK)
		return error ? error : -LX_EINVAL;
	want.type = (uint8_t)io.type;
	if (command == LX_F_GETLK || command == LX_F_OFD_GETLK) {
		error = want.type == LX_F_UNLCK && !ofd ? -LX_EINVAL : get(file->inode, &want, &io);
		return error ? error : ceno_user_write(gva, &io, sizeof(io));
	}
	if ((want.type == LX_F_RDLCK && !ceno_file_readable(file)) ||
	    (want.type == LX_F_WRLCK && !ceno_file_writable(file)))
		return -LX_EBADF;
	self->waits = NULL;
	other = want.type == LX_F_UNLCK ? NULL : conflict(file->inode, &want);
	if (!other)
		return set(file->inode, want);
	if (command == LX_F_SETLK || command == LX_F_OFD_SETLK)
		return -LX_EAGAIN;
	if (!ofd && other->pid != -1) {
		if (deadlocks(other->owner, self))
			return -LX_EDEADLK;
		self->waits = other->owner;
	}
	return ceno_block(&file->inode->locks, CENO_NEVER);
}

/* ---- flock ----------------------------------------------------------------------------- */

int64_t ceno_sys_flock(const uint64_t a[6])
{
	enum { SHARED = 1, EXCLUSIVE = 2, NONBLOCK = 4, UNLOCK = 8 };
	struct ceno_file *file = ceno_fd_file((int32_t)a[0]);
	struct ceno_lock want = { .owner = file, .last = INT64_MAX, .kind = WHOLE };

	switch ((uint32_t)a[1] & ~(uint32_t)NONBLOCK) {
	case SHARED:
		want.type = LX_F_RDLCK;
		break;
	case EXCLUSIVE:
		want.type = LX_F_WRLCK;
		break;
	case UNLOCK:
		want.type = LX_F_UNLCK;
		break;
	default:
		return -LX_EINVAL;
	}
	if (!file || (file->flags & LX_O_PATH))
		return -LX_EBADF;
	if (want.type != LX_F_UNLCK && !ceno_file_readable(file) && !ceno_file_writable(file))
		return -LX_EBADF;
	if (want.type == LX_F_UNLCK || !conflict(file->inode, &want))
		return set(file->inode, want);
	if (a[1] & NONBLOCK)
		return -LX_EAGAIN;
	/* Taking a lock of the other type gives the old one up first, as flock(2) says. */
	want.type = LX_F_UNLCK;
	(void)set(file->inode, want);
	return ceno_block(&file->inode->locks, CENO_NEVER);
}
