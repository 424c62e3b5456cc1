/*
 * Reading a session image (abi/image.h). Pure functions over borrowed bytes, the same for
 * guest and host: the host checks an image whole before any guest sees it
 * (ceno_image_check), a guest looks at one entry at a time and believes none
 * (ceno_image_open, ceno_image_entry): a bad image can make it find wrong files, never
 * read outside the slot or go round in circles.
 *
 * Freestanding. image.c is for guest and host, image_check.c and image_text.c for the host.
 */
#ifndef CENO_LIB_IMAGE_H
#define CENO_LIB_IMAGE_H

#include <stddef.h>
#include "abi/image.h"
#include "lib/content_id.h"

struct ceno_image {
	const struct ceno_image_header *header; /* borrowed: the image's head, CENO_IMAGE_HEAD_BYTES of it */
	const struct ceno_image_entry *entries;
	const char *names;
	uint64_t total_bytes;
	uint32_t count, names_bytes;
};

/*
 * Reads the header alone. header: 8-byte aligned, a page of it readable, may be hostile.
 * file_bytes: length of the file or slot it came from.
 * Returns CENO_IMAGE_OK with *image filled (of which nothing behind the header was read), or
 * MAGIC, VERSION, SIZE, COUNT, HEADER in that order.
 */
enum ceno_image_error ceno_image_open(struct ceno_image *image, const void *header, uint64_t file_bytes);

/* Entry i, if what it says of itself lies within the image: name, target, data; and, of a
 * directory, children behind it. NULL if not, or if there is no such entry. image's head
 * is readable. */
const struct ceno_image_entry *ceno_image_entry(const struct ceno_image *image, uint64_t i);

/* The child of a directory (which ceno_image_entry gave) that has this name, or NULL.
 * name: `bytes` bytes, borrowed, no NUL needed. */
const struct ceno_image_entry *ceno_image_find(const struct ceno_image *image, const struct ceno_image_entry *directory,
                                               const char *name, size_t bytes);

/* Of unsigned bytes, a shorter name before what begins with it: negative, 0, positive. */
int ceno_image_compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes);

/* Where data of `length` bytes (not 0) is due if everything up to `at` is used. */
uint64_t ceno_image_place(uint64_t at, uint64_t length);

/*
 * Host only. Checks everything of a head that was opened but content id, signature and data:
 * what it accepts keeps every promise of abi/image.h. culprit: NULL, or set to the index of
 * the entry at fault (PADDING: the count).
 * Returns CENO_IMAGE_OK or MODE ... PADDING. Time and stack are linear and constant.
 */
enum ceno_image_error ceno_image_check(const struct ceno_image *image, uint32_t *culprit);

/* Host only. The content id of an image whose head was opened. */
void ceno_image_content_id(const struct ceno_image *image, struct ceno_content_id *id);

/* Host only. CENO_IMAGE_OK, CONTENT or SIGNATURE. */
enum ceno_image_error ceno_image_verify(const struct ceno_image *image);

/* Host only. Fills content_id, public_key and signature of a head that passes ceno_image_check.
 * seed, public_key: the signer's (RFC 8032), borrowed. */
void ceno_image_sign(struct ceno_image_header *header, const uint8_t seed[32], const uint8_t public_key[32]);

/* Host only. What stands for an image in a proof: SHA-256 of the 35 bytes of its content id.
 * (Made by the caller, who has a fast one: this is the message.) */
#define CENO_IMAGE_PROOF_BYTES sizeof(struct ceno_content_id)

/* Host only. The absolute path of entry i of an image that was checked, with a NUL, cut at
 * `size` bytes; control characters cannot be in it. Returns out. */
const char *ceno_image_path(const struct ceno_image *image, uint32_t i, char *out, size_t size);

/* Host only. "unknown" for other numbers. */
const char *ceno_image_error_text(uint32_t error);

#endif
