/*
 * Inputs into the pack; see input.h.
 */
#include "input.h"
#include "large.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ceno_inputs *ceno_inputs_new(void)
{
	struct ceno_inputs *in = calloc(1, sizeof *in);
	if (!in)
		return NULL;
	in->hash = EVP_MD_CTX_new();
	/* The first use makes what the library makes lazily, about a millisecond's worth. */
	if (in->hash && EVP_DigestInit_ex(in->hash, EVP_sha256(), NULL) == 1)
		return in;
	ceno_inputs_free(in);
	return NULL;
}

void ceno_inputs_free(struct ceno_inputs *in)
{
	if (!in)
		return;
	ceno_inputs_stop(in); /* before the hash that it may have */
	for (uint32_t i = 0; i < in->count; i++)
		if (in->file[i].fd >= 0)
			close(in->file[i].fd);
	EVP_MD_CTX_free(in->hash);
	/* Bytes, paths and digests of inputs are session content; entries beyond count were never used. */
	explicit_bzero(in->buffer, in->buffered);
	explicit_bzero(in->entry, in->count * sizeof in->entry[0]);
	free(in);
}

static int check_descriptor(int fd, uint64_t length, struct stat *st)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fstat(fd, st) < 0)
		return CENO_SESSION_ERROR_UNREADABLE;
	if (!S_ISREG(st->st_mode))
		return CENO_SESSION_ERROR_NOT_REGULAR;
	if ((flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY)
		return CENO_SESSION_ERROR_UNREADABLE;
	if (st->st_size < 0 || (uint64_t)st->st_size != length)
		return CENO_SESSION_ERROR_CHANGED;
	return 0;
}

int ceno_inputs_add(struct ceno_inputs *in, int fd, const char *path, uint32_t mode, uint64_t length, uint64_t limit)
{
	struct stat st = { 0 };
	int error = 0;
	if (in->count == CENO_PACK_ENTRIES_MAX || length > limit || in->bytes > limit - length)
		error = CENO_SESSION_ERROR_TOO_LARGE;
	else if (!memchr(path, 0, CENO_PACK_PATH_MAX) || !ceno_pack_path_ok(path))
		error = CENO_SESSION_ERROR_PATH;
	else
		error = check_descriptor(fd, length, &st);
	if (error) {
		close(fd);
		return error;
	}
	uint32_t i = in->count++;
	in->file[i] = (struct ceno_input_file){ fd, st };
	memset(&in->entry[i], 0, sizeof in->entry[i]);
	memcpy(in->entry[i].path, path, strlen(path));
	in->entry[i].mode = mode;
	in->entry[i].length = length;
	in->bytes += length;
	return 0;
}

static const struct ceno_pack_entry *find_args(const struct ceno_inputs *in)
{
	for (uint32_t i = 0; i < in->count; i++)
		if (strcmp(in->entry[i].path, CENO_PACK_ARGS) == 0)
			return &in->entry[i];
	return NULL;
}

int ceno_inputs_plan(struct ceno_inputs *in, char *culprit)
{
	uint32_t at = 0;
	memset(culprit, 0, CENO_PACK_PATH_MAX);
	const struct ceno_pack_entry *args = find_args(in);
	if (!args)
		return CENO_SESSION_ERROR_PROTOCOL;
	if (args->length > CENO_ARGS_MAX)
		return CENO_SESSION_ERROR_TOO_LARGE;
	int rc = ceno_pack_plan(in->entry, in->count, in->order, &in->total_bytes, &at);
	if (rc == 0)
		return 0;
	if (at < in->count)
		memcpy(culprit, in->entry[at].path, CENO_PACK_PATH_MAX);
	switch (rc) {
	case CENO_PACK_ERROR_DUPLICATE:
		return CENO_SESSION_ERROR_DUPLICATE;
	case CENO_PACK_ERROR_COUNT:
	case CENO_PACK_ERROR_SIZE:
		return CENO_SESSION_ERROR_TOO_LARGE;
	case CENO_PACK_ERROR_MODE:
		return CENO_SESSION_ERROR_PROTOCOL;
	default:
		return CENO_SESSION_ERROR_PATH;
	}
}

static int same_file_state(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Reads [offset, offset + bytes) completely. Returns 0 or a session error. */
static int read_fully(int fd, uint8_t *to, uint64_t bytes, uint64_t offset)
{
	while (bytes) {
		ssize_t n = pread(fd, to, bytes, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return CENO_SESSION_ERROR_UNREADABLE;
		if (n == 0)
			return CENO_SESSION_ERROR_CHANGED; /* shorter than it was */
		to += n;
		offset += (uint64_t)n;
		bytes -= (uint64_t)n;
	}
	return 0;
}

static int write_fully(int fd, const void *from, uint64_t bytes, uint64_t offset)
{
	const uint8_t *at = from;
	while (bytes) {
		ssize_t n = pwrite(fd, at, bytes, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return CENO_SESSION_ERROR_MEMORY;
		at += n;
		offset += (uint64_t)n;
		bytes -= (uint64_t)n;
	}
	return 0;
}

#define LARGE_MIN     (8ull << 20)  /* of a file: the request waits for every processor once */
#define LARGE_AT_ONCE (32ull << 20) /* 2 ms */

/* How much of the file comes next, at most LARGE_AT_ONCE; at the beginning of so much, large pages
 * are asked for it: the pack is laid out for them (CENO_PACK_LARGE). */
static uint64_t begin_part(struct ceno_inputs *in, const struct ceno_pack_entry *entry, int pack)
{
	uint64_t left = entry->length - in->copied, part = LARGE_AT_ONCE - in->copied % LARGE_AT_ONCE;
	part = part < left ? part : left;
	if (pack >= 0 && !in->large_is_slow && entry->length >= LARGE_MIN && in->copied % LARGE_AT_ONCE == 0)
		in->large_is_slow = ceno_large_back(pack, entry->offset + in->copied, part);
	return part;
}

/* The hash of the next file begins, here or beside. 0 or a session error. */
static int begin_file(struct ceno_inputs *in, const struct ceno_pack_entry *entry, int pack)
{
	if (in->copied != 0 || in->beside)
		return 0; /* it has begun */
	if (EVP_DigestInit_ex(in->hash, EVP_sha256(), NULL) != 1)
		return CENO_SESSION_ERROR_MEMORY;
	if (!in->hasher && pack >= 0 && entry->length >= CENO_HASHER_MIN)
		in->hasher = ceno_hasher_new();
	in->beside = ceno_hasher_begin(in->hasher, pack, entry->offset, entry->length, in->hash);
	return 0;
}

/* The next stretch of a file: read once, hashed and written while the caches hold it. Written, not
 * copied into a mapping: that would cost a fault and a page of zeros for each page, and where there are large pages is
 * no faster either. */
static int copy_stretch(struct ceno_inputs *in, int file, int pack, uint64_t bytes, uint64_t to)
{
	if (bytes > in->buffered)
		in->buffered = (uint32_t)bytes;
	int error = read_fully(file, in->buffer, bytes, in->copied);
	if (error)
		return error;
	if (!in->beside && EVP_DigestUpdate(in->hash, in->buffer, bytes) != 1)
		return CENO_SESSION_ERROR_MEMORY;
	error = pack < 0 ? 0 : write_fully(pack, in->buffer, bytes, to);
	if (error || !in->beside)
		return error;
	return ceno_hasher_copied(in->hasher, in->copied + bytes) < 0 ? CENO_SESSION_ERROR_MEMORY : 0;
}

/* All bytes are copied: is it still the file that was announced? */
static int finish_file(struct ceno_inputs *in, struct ceno_input_file *file, struct ceno_pack_entry *entry)
{
	uint8_t beyond;
	struct stat after;
	unsigned length = 0;
	ssize_t n;
	do
		n = pread(file->fd, &beyond, 1, (off_t)entry->length);
	while (n < 0 && errno == EINTR);
	if (n < 0 || fstat(file->fd, &after) < 0)
		return CENO_SESSION_ERROR_UNREADABLE;
	if (n != 0 || !same_file_state(&file->before, &after))
		return CENO_SESSION_ERROR_CHANGED;
	if ((in->beside && ceno_hasher_end(in->hasher) < 0) ||
	    EVP_DigestFinal_ex(in->hash, entry->sha256, &length) != 1)
		return CENO_SESSION_ERROR_MEMORY;
	in->beside = 0;
	close(file->fd);
	file->fd = -1;
	in->next++;
	in->copied = 0;
	return 0;
}

/* The header last: whoever sees it sees the rest. */
static int write_head(const struct ceno_inputs *in, int pack)
{
	struct ceno_pack_header header;
	ceno_pack_header_format(&header, in->count, in->total_bytes, in->flags);
	int error = write_fully(pack, in->entry, in->count * sizeof in->entry[0], sizeof header);
	return error ? error : write_fully(pack, &header, sizeof header, 0);
}

/* Up to *budget bytes of the next file, which is begun or ended if it is time. 1 if it is not yet at its end, 0, or minus a
 * session error. */
static int copy_file(struct ceno_inputs *in, int pack, uint64_t *budget)
{
	struct ceno_pack_entry *entry = &in->entry[in->next];
	struct ceno_input_file *file = &in->file[in->order[in->next]];
	int error = begin_file(in, entry, pack);
	while (!error && in->copied < entry->length) {
		if (*budget == 0)
			return 1;
		uint64_t now = begin_part(in, entry, pack);
		now = now < sizeof in->buffer ? now : sizeof in->buffer;
		now = now < *budget ? now : *budget;
		error = copy_stretch(in, file->fd, pack, now, entry->offset + in->copied);
		in->copied += now;
		*budget -= now;
	}
	return -(error ? error : finish_file(in, file, entry));
}

int ceno_inputs_step(struct ceno_inputs *in, int pack, uint64_t budget)
{
	int rc = 0;
	while (rc == 0 && in->next < in->count)
		rc = copy_file(in, pack, &budget);
	if (rc > 0)
		return rc;
	ceno_inputs_stop(in);
	return rc < 0 || pack < 0 ? rc : -write_head(in, pack);
}

void ceno_inputs_stop(struct ceno_inputs *in)
{
	ceno_hasher_stop(in->hasher);
	in->hasher = NULL;
	in->beside = 0;
}

int ceno_inputs_digest(struct ceno_inputs *in, uint8_t pack_sha256[32], uint8_t args_sha256[32])
{
	struct ceno_pack_header header;
	const struct ceno_pack_entry *args = find_args(in);
	ceno_pack_header_format(&header, in->count, in->total_bytes, in->flags);
	if (!args || EVP_DigestInit_ex(in->hash, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(in->hash, &header, sizeof header) != 1 ||
	    EVP_DigestUpdate(in->hash, in->entry, in->count * sizeof in->entry[0]) != 1 ||
	    EVP_DigestFinal_ex(in->hash, pack_sha256, NULL) != 1)
		return -EIO;
	memcpy(args_sha256, args->sha256, 32);
	return 0;
}
