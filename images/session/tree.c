/* A directory as the entries of an image: see tree.h. */
#include "images/session/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "guest-kernel/lib/image.h"

int ceno_tree_fail(struct ceno_tree *tree, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(tree->message, sizeof tree->message, format, arguments);
	va_end(arguments);
	return -1;
}

static int open_below(const struct ceno_tree *tree, const char *path, int flags)
{
	const struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK),
		                      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };

	return (int)syscall(SYS_openat2, tree->root, *path ? path : ".", &how, sizeof how);
}

static struct ceno_tree_node *add(struct ceno_tree *tree)
{
	if (tree->count == tree->capacity) {
		uint32_t capacity = tree->capacity ? 2 * tree->capacity : 256;
		struct ceno_tree_node *grown = realloc(tree->nodes, capacity * sizeof *grown);

		if (!grown)
			return NULL;
		tree->nodes = grown;
		tree->capacity = capacity;
	}
	memset(&tree->nodes[tree->count], 0, sizeof tree->nodes[0]);
	return &tree->nodes[tree->count++];
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return ceno_image_compare((*a)->d_name, strlen((*a)->d_name), (*b)->d_name, strlen((*b)->d_name));
}

static int not_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

static int plain_name(const char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name < 0x20 || *name == 0x7f)
			return 0;
	return 1;
}

static int add_child(struct ceno_tree *tree, uint32_t parent, const char *name)
{
	struct ceno_tree_node *node;
	const char *above = tree->nodes[parent].path;
	int length;

	if (tree->count == CENO_IMAGE_ENTRIES_MAX)
		return ceno_tree_fail(tree, "there are more than %u files and directories", CENO_IMAGE_ENTRIES_MAX);
	if (!plain_name(name))
		return ceno_tree_fail(tree, "a name in /%s has a control character", above);
	node = add(tree);
	if (!node)
		return ceno_tree_fail(tree, "out of memory");
	above = tree->nodes[parent].path; /* nodes may have moved, the text did not */
	length = asprintf(&node->path, "%s%s%s", above, *above ? "/" : "", name);
	if (length < 0) {
		node->path = NULL;
		return ceno_tree_fail(tree, "out of memory");
	}
	node->name = (uint32_t)((size_t)length - strlen(name));
	node->parent = parent;
	return 0;
}

/* Appends the children of a directory, sorted. */
static int list(struct ceno_tree *tree, uint32_t i)
{
	struct dirent **names = NULL;
	int rc = 0, count, fd = open_below(tree, tree->nodes[i].path, O_RDONLY | O_DIRECTORY);
	char self[32];

	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	count = fd < 0 ? -1 : scandir(self, &names, not_dots, by_name);
	if (count < 0)
		rc = ceno_tree_fail(tree, "/%s: %s", tree->nodes[i].path, strerror(errno));
	tree->nodes[i].first = tree->count;
	for (int k = 0; k < count; k++) {
		if (!rc)
			rc = add_child(tree, i, names[k]->d_name);
		free(names[k]);
	}
	free(names);
	if (fd >= 0)
		close(fd);
	tree->nodes[i].children = tree->count - tree->nodes[i].first;
	return rc;
}

static int read_target(struct ceno_tree *tree, struct ceno_tree_node *node)
{
	char target[CENO_IMAGE_LINK_MAX + 2];
	ssize_t n = readlinkat(tree->root, node->path, target, sizeof target);

	if (n < 0)
		return ceno_tree_fail(tree, "/%s: %s", node->path, strerror(errno));
	if (n > (ssize_t)CENO_IMAGE_LINK_MAX)
		return ceno_tree_fail(tree, "/%s: the link's target is longer than %u bytes", node->path,
		                      CENO_IMAGE_LINK_MAX);
	target[n] = 0;
	if (!n || !plain_name(target))
		return ceno_tree_fail(tree, "/%s: the link's target is empty or has a control character", node->path);
	node->target = strdup(target);
	return node->target ? 0 : ceno_tree_fail(tree, "out of memory");
}

static void note_dropped(struct ceno_tree *tree, const char *path, uint32_t *count)
{
	if (!tree->first_dropped[0])
		snprintf(tree->first_dropped, sizeof tree->first_dropped, "/%s", path);
	(*count)++;
}

static int hash_file(struct ceno_tree *tree, uint32_t i, EVP_MD_CTX *hash)
{
	static uint8_t buffer[1 << 18];
	struct ceno_tree_node *node = &tree->nodes[i];
	int fd = ceno_tree_open(tree, i);
	uint64_t bytes = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -1;
	if (flistxattr(fd, NULL, 0) > 0)
		note_dropped(tree, node->path, &tree->dropped_attributes);
	EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
	while ((n = read(fd, buffer, sizeof buffer)) > 0) {
		EVP_DigestUpdate(hash, buffer, (size_t)n);
		bytes += (uint64_t)n;
	}
	EVP_DigestFinal_ex(hash, node->sha256, NULL);
	close(fd);
	if (n < 0)
		return ceno_tree_fail(tree, "/%s: %s", node->path, strerror(errno));
	return bytes == (uint64_t)node->st.st_size ? 0
						   : ceno_tree_fail(tree, "/%s changed while it was read", node->path);
}

static int take(struct ceno_tree *tree, uint32_t i, EVP_MD_CTX *hash)
{
	struct ceno_tree_node *node = &tree->nodes[i];

	if (fstatat(tree->root, node->path, &node->st, AT_SYMLINK_NOFOLLOW | (i ? 0 : AT_EMPTY_PATH)))
		return ceno_tree_fail(tree, "/%s: %s", node->path, strerror(errno));
	if (node->st.st_mode & 07000 && !S_ISLNK(node->st.st_mode))
		note_dropped(tree, node->path, &tree->dropped_bits);
	switch (node->st.st_mode & S_IFMT) {
	case S_IFDIR:
		return list(tree, i);
	case S_IFLNK:
		return read_target(tree, node);
	case S_IFREG:
		return hash_file(tree, i, hash);
	default:
		return ceno_tree_fail(tree, "/%s is %s; an image has files, directories and links only", node->path,
		                      S_ISCHR(node->st.st_mode) || S_ISBLK(node->st.st_mode) ? "a device"
		                          : S_ISFIFO(node->st.st_mode)                       ? "a FIFO"
		                                                                             : "a socket");
	}
}

/* Equal files: the first of each in the order of the entries keeps its data. */
static struct ceno_tree_node *sorted_nodes;

static int by_content(const void *a, const void *b)
{
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct ceno_tree_node *x = &sorted_nodes[i], *y = &sorted_nodes[k];
	int order = memcmp(x->sha256, y->sha256, 32);

	return order ? order : i < k ? -1 : 1;
}

static int share(struct ceno_tree *tree)
{
	uint32_t *order = calloc((size_t)tree->count + 1, sizeof *order), used = 0, first = 0;

	if (!order)
		return ceno_tree_fail(tree, "out of memory");
	for (uint32_t i = 0; i < tree->count; i++)
		if (S_ISREG(tree->nodes[i].st.st_mode) && tree->nodes[i].st.st_size)
			order[used++] = i;
	sorted_nodes = tree->nodes;
	qsort(order, used, sizeof *order, by_content);
	for (uint32_t k = 1; k < used; k++) {
		const struct ceno_tree_node *kept = &tree->nodes[order[first]];
		struct ceno_tree_node *node = &tree->nodes[order[k]];

		if (!memcmp(kept->sha256, node->sha256, 32) && kept->st.st_size == node->st.st_size)
			node->same = order[first] + 1;
		else
			first = k;
	}
	free(order);
	return 0;
}

int ceno_tree_read(struct ceno_tree *tree, const char *path)
{
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	struct ceno_tree_node *root;
	int rc = 0;

	memset(tree, 0, sizeof *tree);
	tree->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	root = tree->root < 0 || !hash ? NULL : add(tree);
	if (tree->root < 0)
		rc = ceno_tree_fail(tree, "%.200s: %s", path, strerror(errno));
	else if (!root || !(root->path = strdup("")))
		rc = ceno_tree_fail(tree, "out of memory");
	for (uint32_t i = 0; !rc && i < tree->count; i++)
		rc = take(tree, i, hash);
	EVP_MD_CTX_free(hash);
	return rc ? rc : share(tree);
}

int ceno_tree_open(struct ceno_tree *tree, uint32_t i)
{
	const struct ceno_tree_node *node = &tree->nodes[i];
	int fd = open_below(tree, node->path, O_RDONLY | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		ceno_tree_fail(tree, "/%s: %s", node->path, strerror(errno));
	else if (st.st_dev == node->st.st_dev && st.st_ino == node->st.st_ino && st.st_size == node->st.st_size &&
	         S_ISREG(st.st_mode))
		return fd;
	else
		ceno_tree_fail(tree, "/%s changed while it was read", node->path);
	if (fd >= 0)
		close(fd);
	return -1;
}

void ceno_tree_fini(struct ceno_tree *tree)
{
	for (uint32_t i = 0; i < tree->count; i++) {
		free(tree->nodes[i].path);
		free(tree->nodes[i].target);
	}
	free(tree->nodes);
	if (tree->root >= 0)
		close(tree->root);
	memset(tree, 0, sizeof *tree);
	tree->root = -1;
}
