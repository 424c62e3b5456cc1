/* The leaves on disk; the header has the format. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sodium.h>

#include "attest/daemon/store.h"

#define MAGIC       0x31464c43u /* "CLF1" */
#define RECORDS_MAX (CENO_STORE_GROUP_MAX * sizeof(struct ceno_store_leaf))

struct frame_head {
	uint32_t magic, leaves;
	uint64_t first;
	uint32_t bytes, reserved;
};
_Static_assert(sizeof(struct frame_head) == 24, "frame head");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "records are written as they lie in memory");

struct frame {
	struct frame_head head;
	uint8_t rest[RECORDS_MAX + 32];
};

const char *ceno_store_error_text(int error)
{
	switch (error) {
#define CENO_STORE_ERROR_TEXT(name, number, text) \
	case number: \
		return text;
		CENO_STORE_ERRORS(CENO_STORE_ERROR_TEXT)
#undef CENO_STORE_ERROR_TEXT
	default:
		return "unknown log error";
	}
}

/* Read up to bytes at offset; how many there were, or -1. */
static ssize_t read_at(int fd, void *out, size_t bytes, uint64_t offset)
{
	size_t have = 0;
	while (have < bytes) {
		ssize_t n = pread(fd, (uint8_t *)out + have, bytes - have, (off_t)(offset + have));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

static int write_at(int fd, const void *in, size_t bytes, uint64_t offset)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t n = pwrite(fd, (const uint8_t *)in + done, bytes - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

static bool head_ok(const struct frame_head *h)
{
	return h->magic == MAGIC && !h->reserved && h->leaves && h->leaves <= CENO_STORE_GROUP_MAX &&
	    h->bytes <= RECORDS_MAX && h->bytes >= h->leaves * sizeof(struct ceno_store_record);
}

static bool all_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i])
			return false;
	return true;
}

static bool hash_ok(const struct frame *f)
{
	uint8_t hash[32];
	crypto_hash_sha256(hash, (const uint8_t *)f, sizeof(f->head) + f->head.bytes);
	return !memcmp(hash, f->rest + f->head.bytes, 32);
}

/* Does a whole frame of ours lie anywhere in bytes [1, have)? Then what is before it was altered, not cut off. */
static bool has_frame(const struct frame *f, size_t have)
{
	struct frame *inner = malloc(sizeof(*inner));
	bool found = !inner;
	for (size_t at = 1; !found && at + sizeof(inner->head) <= have; at++) {
		memcpy(inner, (const uint8_t *)f + at, sizeof(inner->head));
		if (!head_ok(&inner->head) || have - at < sizeof(inner->head) + inner->head.bytes + 32)
			continue;
		memcpy(inner, (const uint8_t *)f + at, sizeof(inner->head) + inner->head.bytes + 32);
		found = hash_ok(inner);
	}
	free(inner);
	return found;
}

/* Is what lies at the end a frame whose write was cut off? have: bytes of f that the file holds. */
static bool is_torn(const struct frame *f, size_t have, uint64_t left)
{
	if (have < sizeof(f->head) || (left <= sizeof(*f) && all_zero((const uint8_t *)f, have)))
		return true;
	return head_ok(&f->head) && left <= sizeof(f->head) + f->head.bytes + 32 && !has_frame(f, have);
}

/* Hand the leaves of one frame to visit. */
static int frame_visit(const struct ceno_store *store, const struct frame *f, ceno_store_visit *visit, void *arg)
{
	size_t at = 0;
	if (f->head.first != store->leaves)
		return CENO_STORE_ORDER;
	for (uint32_t i = 0; i < f->head.leaves; i++) {
		struct ceno_store_leaf leaf = { 0 };
		if (f->head.bytes - at < sizeof(leaf.record))
			return CENO_STORE_CORRUPT;
		memcpy(&leaf.record, f->rest + at, sizeof(leaf.record));
		at += sizeof(leaf.record);
		if (leaf.record.body_bytes > sizeof(leaf.body) || f->head.bytes - at < leaf.record.body_bytes)
			return CENO_STORE_CORRUPT;
		memcpy(leaf.body, f->rest + at, leaf.record.body_bytes);
		at += leaf.record.body_bytes;
		if (visit(arg, store->leaves + i, &leaf))
			return CENO_STORE_VISIT;
	}
	return at == f->head.bytes ? CENO_STORE_OK : CENO_STORE_CORRUPT;
}

int ceno_store_cut_torn(struct ceno_store *store, int dir_fd)
{
	struct frame *f = store->torn_bytes ? malloc(sizeof(*f)) : NULL;
	if (!store->torn_bytes)
		return CENO_STORE_OK;
	ssize_t have = f ? read_at(store->fd, f, sizeof(*f), store->bytes) : -1;
	int fd = have < 0 ? -1 : openat(dir_fd, "torn", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool kept = fd >= 0 && !write_at(fd, f, (size_t)have, 0) && !fsync(fd);
	if (fd >= 0)
		close(fd);
	free(f);
	if (!kept || ftruncate(store->fd, (off_t)store->bytes) || fsync(store->fd))
		return CENO_STORE_IO;
	store->torn_bytes = 0;
	return CENO_STORE_OK;
}

static int store_load(struct ceno_store *store, struct frame *f, ceno_store_visit *visit, void *arg)
{
	struct stat st;
	if (fstat(store->fd, &st) || !S_ISREG(st.st_mode))
		return CENO_STORE_IO;
	for (uint64_t size = (uint64_t)st.st_size; store->bytes < size;) {
		ssize_t have = read_at(store->fd, f, sizeof(*f), store->bytes);
		if (have < 0)
			return CENO_STORE_IO;
		uint64_t left = size - store->bytes;
		size_t whole = sizeof(f->head) + f->head.bytes + 32;
		if ((size_t)have < sizeof(f->head) || !head_ok(&f->head) || whole > (size_t)have || !hash_ok(f)) {
			store->torn_bytes = left;
			return is_torn(f, (size_t)have, left) ? CENO_STORE_OK : CENO_STORE_CORRUPT;
		}
		int error = frame_visit(store, f, visit, arg);
		if (error)
			return error;
		store->leaves += f->head.leaves;
		store->bytes += whole;
	}
	return CENO_STORE_OK;
}

int ceno_store_open(struct ceno_store *store, int dir_fd, bool read_only, ceno_store_visit *visit, void *arg)
{
	*store = (struct ceno_store){ .fd = -1 };
	struct frame *f = calloc(1, sizeof(*f));
	int flags = read_only ? O_RDONLY : O_RDWR | O_CREAT;
	store->fd = openat(dir_fd, "leaves", flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	int error = !f || store->fd < 0 ? CENO_STORE_IO : store_load(store, f, visit, arg);
	if (!error && !read_only && fsync(dir_fd))
		error = CENO_STORE_IO;
	free(f);
	if (error)
		ceno_store_close(store);
	return error;
}

int ceno_store_append(struct ceno_store *store, const struct ceno_store_leaf *const *leaves, uint32_t count)
{
	struct frame *f = calloc(1, sizeof(*f));
	if (!f || store->fd < 0 || store->torn_bytes) {
		free(f);
		return CENO_STORE_IO;
	}
	f->head = (struct frame_head){ .magic = MAGIC, .leaves = count, .first = store->leaves };
	for (uint32_t i = 0; i < count; i++) {
		const struct ceno_store_record *r = &leaves[i]->record;
		memcpy(f->rest + f->head.bytes, r, sizeof(*r));
		memcpy(f->rest + f->head.bytes + sizeof(*r), leaves[i]->body, r->body_bytes);
		f->head.bytes += (uint32_t)sizeof(*r) + r->body_bytes;
	}
	size_t body = sizeof(f->head) + f->head.bytes;
	crypto_hash_sha256(f->rest + f->head.bytes, (const uint8_t *)f, body);
	int error = CENO_STORE_OK;
	if (write_at(store->fd, f, body + 32, store->bytes) || fdatasync(store->fd)) {
		error = CENO_STORE_IO;
		/* A frame that stayed behind would be taken for durable at the next start. */
		if (ftruncate(store->fd, (off_t)store->bytes) || fsync(store->fd))
			ceno_store_close(store);
	} else {
		store->bytes += body + 32;
		store->leaves += count;
	}
	free(f);
	return error;
}

void ceno_store_close(struct ceno_store *store)
{
	if (store->fd >= 0)
		close(store->fd);
	store->fd = -1;
}
