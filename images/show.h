/*
 * Readable listings of the measured blobs, and their size as mapped.
 */
#ifndef CENO_IMAGES_SHOW_H
#define CENO_IMAGES_SHOW_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What a blob's first bytes say it is: "firmware", "trust page", "bundle", or
 * NULL. blob: borrowed, 8-byte aligned, any content. */
const char *ceno_show_kind(const uint8_t *blob, size_t bytes);

/* Checks the blob's shape (not its signature) and prints it to `out`. Returns NULL or a
 * static sentence saying what is wrong; then nothing was printed. */
const char *ceno_show_blob(FILE *out, const uint8_t *blob, size_t bytes);

/* Prints one "BYTES<tab>NAME" line for each part of the blob as it is mapped,
 * padding and bss included, and adds them to *total. out: NULL to print nothing. Return
 * as ceno_show_blob. */
const char *ceno_show_sizes(FILE *out, const uint8_t *blob, size_t bytes, uint64_t *total);

#endif
