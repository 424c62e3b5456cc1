/*
 * Writing an image: the entries of a tree laid out as abi/image.h says, signed, and its
 * files copied behind them.
 */
#ifndef CENO_IMAGES_SESSION_WRITE_H
#define CENO_IMAGES_SESSION_WRITE_H

#include "guest-kernel/lib/image.h"
#include "images/session/tree.h"

struct ceno_image_maker {
	const char *name; /* as abi/image.h wants it; borrowed */
	int64_t time_s;   /* of every file */
	uint8_t seed[32]; /* of the key that signs; the caller wipes it */
	uint8_t public_key[32];
};

/*
 * Lays out header, entries and names, signed. Returns CENO_IMAGE_HEAD_BYTES of them
 * (allocated, page-aligned, freed by the caller), or NULL with tree->message: a name, link or
 * number of files that an image cannot hold, or no memory.
 */
struct ceno_image_header *ceno_image_lay(struct ceno_tree *tree, const struct ceno_image_maker *maker);

/*
 * Writes the image of the tree to a new file at path, which is there whole or not at all;
 * holes where nothing lies. A file that is not what was hashed any more fails. mode 0644.
 * header: NULL, or set to the image's first page. Returns 0, or -1 with tree->message.
 */
int ceno_image_write(struct ceno_tree *tree, const struct ceno_image_maker *maker, const char *path,
                     struct ceno_image_header *header);

#endif
