/*
 * The session's image (abi/image.h) below everything else: its root is the root, and what
 * the pack or the session puts somewhere lies above it. A directory of the image is read
 * when it is first looked into, so a large image costs a session what it uses of it.
 */
#ifndef CENO_MEMBRANE_IMAGE_H
#define CENO_MEMBRANE_IMAGE_H

#include "vfs.h"

/* Opens the image: bytes of its slot, 0 if the session has none. The tree is still empty.
 * Returns 0, or -LX_EINVAL: it is none. */
int ceno_image_mount(uint64_t bytes);

/* Puts what the image has in a directory with dir.image into it, under what is there. What
 * RAM is short for is missing. */
void ceno_image_fill(struct ceno_inode *dir);

#endif
