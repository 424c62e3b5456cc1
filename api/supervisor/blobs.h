/*
 * The measured read-only blobs of a node: read once, sealed into memfds and
 * hashed, so that what was measured can never change under a session.
 */
#ifndef CENO_API_SUPERVISOR_BLOBS_H
#define CENO_API_SUPERVISOR_BLOBS_H

#include <stddef.h>
#include <stdint.h>

struct ceno_blob {
	int fd; /* memfd sealed WRITE, SHRINK, GROW, SEAL; owned */
	uint64_t bytes;
	uint8_t sha256[32];
};

/* Loads directory/name, at most `max` bytes, never empty. 0; -EFBIG too large;
 * -ENODATA empty; -errno. On failure blob->fd is -1. */
int ceno_blob_load(const char *directory, const char *name, uint64_t max, struct ceno_blob *blob);

/* SHA-256 of everything in `fd` from its start (its offset is not moved). 0 or -errno. */
int ceno_blob_hash(int fd, uint8_t sha256[32]);

#endif
