/*
 * A directory of the maker's machine as the entries of an image: what is in it, in the
 * order of abi/image.h. Symbolic links are taken as links, never followed, not even to
 * the directory's own inside.
 *
 * Kept: files, directories, links, permission bits, hard links (as shared data, together
 * with all other files of equal bytes). Dropped, and counted: set-user-id, set-group-id and
 * sticky bits, extended attributes (capabilities among them), owners, times. Refused: devices,
 * FIFOs, sockets, names and targets that an image cannot hold.
 */
#ifndef CENO_IMAGES_SESSION_TREE_H
#define CENO_IMAGES_SESSION_TREE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include "guest-kernel/abi/image.h"

#define CENO_IMAGE_MESSAGE_MAX 512

struct ceno_tree_node {
	char *path;      /* owned; relative to the directory, "" for itself */
	char *target;    /* owned; of a link, else NULL */
	uint32_t parent; /* index */
	uint32_t name;   /* where in path its name begins */
	uint32_t first, children;
	struct stat st; /* as it was found */
	uint32_t same;  /* as in the entry */
	uint8_t sha256[32];
};

struct ceno_tree {
	int root; /* owned: the directory */
	struct ceno_tree_node *nodes;
	uint32_t count, capacity;
	uint32_t dropped_bits, dropped_attributes; /* files that lost some */
	char first_dropped[PATH_MAX];              /* one of them; "" none */
	char message[CENO_IMAGE_MESSAGE_MAX];      /* why the last call failed, one line */
};

/*
 * Reads the directory at path and hashes every file of it. tree: set whole; in every case
 * ceno_tree_fini is due. Returns 0, or -1 with tree->message naming what and why.
 */
int ceno_tree_read(struct ceno_tree *tree, const char *path);
void ceno_tree_fini(struct ceno_tree *tree);

/* Says why, for whoever works on the tree: message; -1. */
__attribute__((format(printf, 2, 3))) int ceno_tree_fail(struct ceno_tree *tree, const char *format, ...);

/* A file of the tree, opened for reading below the directory, through no link; -1 with message,
 * also if it is not the file any more that was found. */
int ceno_tree_open(struct ceno_tree *tree, uint32_t i);

#endif
