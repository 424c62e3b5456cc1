/* A whole image file, checked: see read.h. */
#include "images/session/read.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STRETCH (1u << 20)

static int read_at(int fd, void *to, size_t bytes, uint64_t at)
{
	uint8_t *next = to;

	while (bytes) {
		ssize_t n = pread(fd, next, bytes, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : CENO_IMAGE_E_SIZE; /* it shrank */
		next += n;
		at += (uint64_t)n;
		bytes -= (size_t)n;
	}
	return 0;
}

static int write_at(int fd, const void *from, size_t bytes, uint64_t at)
{
	const uint8_t *next = from;

	while (bytes) {
		ssize_t n = pwrite(fd, next, bytes, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		next += n;
		at += (uint64_t)n;
		bytes -= (size_t)n;
	}
	return 0;
}

/* The header was judged as a page of its own; what it says is read with it once more. */
static int read_head(struct ceno_image_file *file, int fd, uint64_t file_bytes)
{
	uint8_t *head = NULL;
	uint64_t bytes;
	int rc;

	if (posix_memalign((void **)&head, CENO_PAGE, CENO_PAGE))
		return -ENOMEM;
	rc = read_at(fd, head, CENO_PAGE, 0);
	if (!rc)
		rc = (int)ceno_image_open(&file->image, head, file_bytes);
	bytes = rc ? 0 : CENO_IMAGE_HEAD_BYTES(file->image.count, file->image.names_bytes);
	free(head);
	memset(&file->image, 0, sizeof file->image);
	if (rc)
		return rc;
	if (posix_memalign((void **)&head, CENO_PAGE, bytes))
		return -ENOMEM;
	rc = read_at(fd, head, bytes, 0);
	if (!rc)
		rc = (int)ceno_image_open(&file->image, head, file_bytes);
	if (!rc && CENO_IMAGE_HEAD_BYTES(file->image.count, file->image.names_bytes) != bytes)
		rc = CENO_IMAGE_E_SIZE; /* another header than the one before */
	if (!rc)
		return 0;
	free(head);
	memset(&file->image, 0, sizeof file->image);
	return rc;
}

int ceno_image_file_open(struct ceno_image_file *file, int fd)
{
	struct stat st;
	int rc;

	memset(file, 0, sizeof *file);
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size < CENO_PAGE)
		return CENO_IMAGE_E_MAGIC;
	rc = read_head(file, fd, (uint64_t)st.st_size);
	if (!rc)
		rc = (int)ceno_image_check(&file->image, &file->culprit);
	if (rc)
		return rc;
	ceno_image_content_id(&file->image, &file->id);
	return (int)ceno_image_verify(&file->image);
}

struct pass {
	int fd, copy;
	EVP_MD_CTX *hash;
	uint8_t *buffer;
};

static int is_zero(const uint8_t *at, size_t bytes)
{
	return bytes == 0 || (at[0] == 0 && memcmp(at, at + 1, bytes - 1) == 0);
}

static int copy_zeros_checked(const struct pass *p, uint64_t from, uint64_t to)
{
	while (from < to) {
		size_t now = to - from < STRETCH ? to - from : STRETCH;
		int rc = read_at(p->fd, p->buffer, now, from);

		if (rc)
			return rc;
		if (!is_zero(p->buffer, now))
			return CENO_IMAGE_E_PADDING;
		from += now;
	}
	return 0;
}

static int pass_data(const struct pass *p, const struct ceno_image_entry *e)
{
	uint8_t sha256[32];
	int rc = 0;

	if (!EVP_DigestInit_ex(p->hash, EVP_sha256(), NULL))
		return -ENOMEM;
	for (uint64_t done = 0; !rc && done < e->length;) {
		size_t now = e->length - done < STRETCH ? e->length - done : STRETCH;

		rc = read_at(p->fd, p->buffer, now, e->offset + done);
		if (!rc && !EVP_DigestUpdate(p->hash, p->buffer, now))
			rc = -ENOMEM;
		if (!rc && p->copy >= 0)
			rc = write_at(p->copy, p->buffer, now, e->offset + done);
		done += now;
	}
	if (!rc && !EVP_DigestFinal_ex(p->hash, sha256, NULL))
		rc = -ENOMEM;
	return rc ? rc : memcmp(sha256, e->sha256, sizeof sha256) ? CENO_IMAGE_E_DATA : 0;
}

static int pass_files(struct ceno_image_file *file, const struct pass *p)
{
	const struct ceno_image *image = &file->image;
	uint64_t at = CENO_IMAGE_HEAD_BYTES(image->count, image->names_bytes);
	int rc = p->copy >= 0 ? write_at(p->copy, image->header, at, 0) : 0;

	for (uint32_t i = 0; !rc && i < image->count; i++) {
		const struct ceno_image_entry *e = &image->entries[i];

		if ((e->mode & CENO_IMAGE_TYPE) != CENO_IMAGE_FILE || e->same || !e->length)
			continue;
		file->culprit = i;
		rc = copy_zeros_checked(p, at, e->offset);
		if (!rc)
			rc = pass_data(p, e);
		at = e->offset + e->length;
	}
	if (rc)
		return rc;
	file->culprit = image->count;
	return copy_zeros_checked(p, at, image->total_bytes);
}

int ceno_image_file_data(struct ceno_image_file *file, int fd, int copy)
{
	struct pass pass = { .fd = fd, .copy = copy, .hash = EVP_MD_CTX_new(), .buffer = malloc(STRETCH) };
	int rc = pass.hash && pass.buffer ? 0 : -ENOMEM;

	if (!rc && copy >= 0 && ftruncate(copy, (off_t)file->image.total_bytes))
		rc = -errno;
	if (!rc)
		rc = pass_files(file, &pass);
	EVP_MD_CTX_free(pass.hash);
	free(pass.buffer);
	return rc;
}

void ceno_image_file_fini(struct ceno_image_file *file)
{
	free((void *)(uintptr_t)file->image.header);
	memset(file, 0, sizeof *file);
}

void ceno_image_file_proof(const struct ceno_content_id *id, uint8_t sha256[32])
{
	if (!EVP_Digest(id, CENO_IMAGE_PROOF_BYTES, sha256, NULL, EVP_sha256(), NULL))
		abort(); /* no memory for one hash */
}
