/* Layout and writing of an image: see write.h. */
#include "images/session/write.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t names_bytes(const struct ceno_tree *tree)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < tree->count; i++) {
		const struct ceno_tree_node *node = &tree->nodes[i];

		bytes += strlen(node->path + node->name) + 1 + (node->target ? strlen(node->target) + 1 : 0);
	}
	return bytes;
}

static uint32_t put(char *names, uint32_t *at, const char *text)
{
	uint32_t start = *at, bytes = (uint32_t)strlen(text) + 1;

	memcpy(names + start, text, bytes);
	*at += bytes;
	return start;
}

static void lay_file(const struct ceno_tree_node *node, struct ceno_image_entry *entries, uint32_t i, uint64_t *data)
{
	struct ceno_image_entry *e = &entries[i];

	e->length = (uint64_t)node->st.st_size;
	memcpy(e->sha256, node->sha256, sizeof e->sha256);
	e->same = node->same;
	if (node->same) {
		e->offset = entries[node->same - 1].offset;
	} else if (e->length) {
		e->offset = ceno_image_place(*data, e->length);
		*data = (e->offset + e->length + CENO_PAGE - 1) & ~(CENO_PAGE - 1);
	}
}

/* Returns where the data ends. */
static uint64_t lay_entries(const struct ceno_tree *tree, struct ceno_image_header *h)
{
	struct ceno_image_entry *entries = (struct ceno_image_entry *)(h + 1);
	char *names = (char *)h + CENO_IMAGE_NAMES_OFFSET(tree->count);
	uint64_t data = CENO_IMAGE_HEAD_BYTES(h->entry_count, h->names_bytes);
	uint32_t at = 0, child = 1;

	for (uint32_t i = 0; i < tree->count; i++) {
		const struct ceno_tree_node *node = &tree->nodes[i];
		struct ceno_image_entry *e = &entries[i];

		e->name = put(names, &at, node->path + node->name);
		e->name_bytes = (uint16_t)strlen(node->path + node->name);
		e->mode = (uint16_t)(node->st.st_mode & (S_IFMT | 0777));
		e->parent = node->parent;
		if (S_ISDIR(node->st.st_mode)) {
			e->offset = child;
			e->length = node->children;
			child += node->children;
		} else if (node->target) {
			e->mode = CENO_IMAGE_LINK | 0777;
			e->length = strlen(node->target);
			e->offset = put(names, &at, node->target);
		} else {
			lay_file(node, entries, i, &data);
		}
	}
	return data;
}

struct ceno_image_header *ceno_image_lay(struct ceno_tree *tree, const struct ceno_image_maker *maker)
{
	uint64_t names = names_bytes(tree);
	struct ceno_image_header *h;
	struct ceno_image image;
	enum ceno_image_error error;
	uint32_t culprit = 0;
	size_t head;

	if (names > CENO_IMAGE_NAMES_MAX) {
		ceno_tree_fail(tree, "the names have more than %u bytes together", CENO_IMAGE_NAMES_MAX);
		return NULL;
	}
	head = CENO_IMAGE_HEAD_BYTES(tree->count, names);
	h = aligned_alloc(CENO_PAGE, head);
	if (!h) {
		ceno_tree_fail(tree, "out of memory");
		return NULL;
	}
	memset(h, 0, head);
	h->magic = CENO_IMAGE_MAGIC;
	h->version = CENO_IMAGE_VERSION;
	h->entry_count = tree->count;
	h->names_bytes = (uint32_t)names;
	h->time_s = maker->time_s;
	memcpy(h->name, maker->name, strnlen(maker->name, sizeof h->name));
	h->total_bytes = lay_entries(tree, h);
	error = ceno_image_open(&image, h, h->total_bytes);
	if (!error)
		error = ceno_image_check(&image, &culprit);
	if (!error) {
		ceno_image_sign(h, maker->seed, maker->public_key);
		return h;
	}
	if (culprit && culprit < tree->count)
		ceno_tree_fail(tree, "/%.300s: %s", tree->nodes[culprit].path, ceno_image_error_text(error));
	else
		ceno_tree_fail(tree, "%s", ceno_image_error_text(error));
	free(h);
	return NULL;
}

static int write_at(struct ceno_tree *tree, int fd, const void *from, size_t bytes, uint64_t at)
{
	const uint8_t *next = from;

	while (bytes) {
		ssize_t n = pwrite(fd, next, bytes, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ceno_tree_fail(tree, "writing the image: %s", strerror(errno));
		next += n;
		at += (uint64_t)n;
		bytes -= (size_t)n;
	}
	return 0;
}

static int copy_file(struct ceno_tree *tree, uint32_t i, const struct ceno_image_entry *e, int to, EVP_MD_CTX *hash)
{
	static uint8_t buffer[1 << 18];
	uint8_t sha256[32];
	uint64_t done = 0;
	int rc = 0, fd = ceno_tree_open(tree, i);

	if (fd < 0)
		return -1;
	EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
	while (!rc && done < e->length) {
		ssize_t n = read(fd, buffer, e->length - done < sizeof buffer ? e->length - done : sizeof buffer);

		if (n <= 0)
			break;
		EVP_DigestUpdate(hash, buffer, (size_t)n);
		rc = write_at(tree, to, buffer, (size_t)n, e->offset + done);
		done += (uint64_t)n;
	}
	close(fd);
	EVP_DigestFinal_ex(hash, sha256, NULL);
	if (!rc && memcmp(sha256, e->sha256, sizeof sha256))
		rc = ceno_tree_fail(tree, "/%s changed while it was read", tree->nodes[i].path);
	return rc;
}

static int fill(struct ceno_tree *tree, const struct ceno_image_header *h, int to)
{
	const struct ceno_image_entry *entries = (const struct ceno_image_entry *)(h + 1);
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	int rc = hash ? 0 : ceno_tree_fail(tree, "out of memory");

	if (!rc && ftruncate(to, (off_t)h->total_bytes))
		rc = ceno_tree_fail(tree, "writing the image: %s", strerror(errno));
	if (!rc)
		rc = write_at(tree, to, h, CENO_IMAGE_HEAD_BYTES(h->entry_count, h->names_bytes), 0);
	for (uint32_t i = 0; !rc && i < h->entry_count; i++)
		if ((entries[i].mode & CENO_IMAGE_TYPE) == CENO_IMAGE_FILE && !entries[i].same && entries[i].length)
			rc = copy_file(tree, i, &entries[i], to, hash);
	EVP_MD_CTX_free(hash);
	if (!rc && (fchmod(to, 0644) || fsync(to)))
		rc = ceno_tree_fail(tree, "writing the image: %s", strerror(errno));
	return rc;
}

int ceno_image_write(struct ceno_tree *tree, const struct ceno_image_maker *maker, const char *path,
                     struct ceno_image_header *header)
{
	struct ceno_image_header *h = ceno_image_lay(tree, maker);
	char *temporary = NULL;
	int rc = -1, fd = -1;
	struct stat st;

	if (!h)
		return -1;
	if (!lstat(path, &st) && !S_ISREG(st.st_mode)) { /* it would be gone: a device, a link */
		free(h);
		return ceno_tree_fail(tree, "%.300s is there, and is no regular file", path);
	}
	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		temporary = NULL;
	else
		fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		ceno_tree_fail(tree, "%.300s: %s", path, strerror(errno));
	else
		rc = fill(tree, h, fd);
	if (!rc && rename(temporary, path))
		rc = ceno_tree_fail(tree, "%.300s: %s", path, strerror(errno));
	if (rc && fd >= 0)
		unlink(temporary);
	if (fd >= 0)
		close(fd);
	if (!rc && header)
		*header = *h;
	free(temporary);
	free(h);
	return rc;
}
