/*
 * Whole files for the ceno-bundle tool.
 */
#ifndef CENO_IMAGES_FILE_H
#define CENO_IMAGES_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads a file of at most `max` bytes. Returns allocated bytes (aligned to 4096,
 * at least one byte long; the caller frees them) and their number, or NULL with errno set
 * (EFBIG: larger than max). */
uint8_t *ceno_file_read(const char *path, size_t max, size_t *bytes);

/* Whether a new file may take the place of what is at path: nothing, or a regular file. Else false,
 * with errno set: a device, a FIFO or a link would be gone. */
bool ceno_file_may_replace(const char *path);

/* Writes a file so that it is there whole or not at all: a new file beside it,
 * then rename. mode: permission bits. Returns 0, or -1 with errno set (EISDIR, EINVAL: something
 * that is no regular file is there). */
int ceno_file_write(const char *path, const void *data, size_t bytes, mode_t mode);

#endif
