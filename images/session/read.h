/*
 * Checking a whole image file: format, content id, signature, and the data of every file.
 * Everything about it may be hostile. Used by the command line and by the node's checker
 * before any session may have it.
 */
#ifndef CENO_IMAGES_SESSION_READ_H
#define CENO_IMAGES_SESSION_READ_H

#include "guest-kernel/lib/image.h"

struct ceno_image_file {
	struct ceno_image image; /* its head is owned */
	struct ceno_content_id id;
	uint32_t culprit; /* entry at fault; == image.count: none in particular */
};

/*
 * Reads and checks the head of the image in fd (borrowed, its offset is not used): all but the
 * data. Returns CENO_IMAGE_OK, an enum ceno_image_error, or -errno (-EINVAL: no regular file
 * or memfd). In every case ceno_image_file_fini is due.
 */
int ceno_image_file_open(struct ceno_image_file *file, int fd);

/* Reads all data once: hashes it, checks it and that all between is zero. copy: -1, or a file into
 * which the whole image is written (holes where there is nothing), before it is known to be
 * good. Returns as ceno_image_file_open; DATA and PADDING set culprit. */
int ceno_image_file_data(struct ceno_image_file *file, int fd, int copy);

void ceno_image_file_fini(struct ceno_image_file *file);

/* SHA-256 of the content id: what a proof has of an image. */
void ceno_image_file_proof(const struct ceno_content_id *id, uint8_t sha256[32]);

#endif
