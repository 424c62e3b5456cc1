/*
 * A file that is there whole or not at all: space is taken before the session
 * starts (a full disk is told then), the name appears by rename once everything
 * is on the disk.
 */
#ifndef CENO_API_CLI_PROOF_FILE_H
#define CENO_API_CLI_PROOF_FILE_H

#include <stddef.h>

#include "nameless.h"

struct ceno_proof_file {
	struct ceno_nameless file; /* in the directory of `path` */
	char path[4096];           /* its name once it is whole */
};

#define CENO_PROOF_FILE_ERROR_MAX 512

/* Prepares `path` and reserves `reserve` bytes. 0, or -1 with a line in `error`. */
int ceno_proof_file_open(struct ceno_proof_file *file, const char *path, size_t reserve, char *error);

/* Would a proof at `path` take the place of something that is no proof: is there a file, not empty, that does not
 * begin as a proof does? 0, or -1 with a line in `error`; what cannot be read is not taken for a proof. */
int ceno_proof_file_spare(const char *path, char *error);

/* Writes, syncs and renames into place. 0, or -1 with a line in `error` (nothing left behind). */
int ceno_proof_file_commit(struct ceno_proof_file *file, const void *bytes, size_t length, char *error);

/* Drops it; nothing is left. Does nothing after a commit. */
void ceno_proof_file_abort(struct ceno_proof_file *file);

/* Reads a whole file of at most `max` bytes. 0 and *out (owned by the caller) or -errno (-EFBIG: longer). */
int ceno_file_read(const char *path, size_t max, char **out, size_t *length);

/* The same of an open descriptor (borrowed), from where it is to its end: a pipe will do. */
int ceno_file_read_all(int fd, size_t max, char **out, size_t *length);

/* Likewise, but what is longer than `most` bytes is no error: its first `most` are given, and the rest never read. */
int ceno_file_read_first(int fd, size_t most, char **out, size_t *length);

#endif
