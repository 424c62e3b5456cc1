/*
 * The content id of a module (Variant-CID): 35 bytes that say what the bytes are
 * and which bytes they are. Two modules are the same if their ids are.
 *
 *   byte 0     version, 1
 *   byte 1     hash function, 1 = BLAKE3, 32 bytes of output, no key
 *   byte 2     kind of content
 *   byte 3-34  the hash of the content and of nothing else
 *
 * As text: "vcid-" and 56 digits of base32 (RFC 4648, section 6, in lowercase).
 * 35 bytes are 56 digits exactly, without padding or spare bits, so an id has one
 * text and a text one id; the kind is readable in the first digits. A text has no
 * check digits: a mistyped id is the id of nothing.
 *
 * Version: any change of the layout or of what is hashed is a new version, whose
 * texts begin differently. Hash functions and kinds are added, never reused.
 * docs/content-id.md says which bytes are the content of each kind.
 *
 * Freestanding. content_id.c is for guest and host, content_id_text.c for the host.
 */
#ifndef CENO_LIB_CONTENT_ID_H
#define CENO_LIB_CONTENT_ID_H

#include <stdbool.h>
#include "lib/blake3.h"

#define CENO_CONTENT_ID_VERSION     1
#define CENO_CONTENT_ID_BLAKE3      1
#define CENO_CONTENT_ID_PREFIX      "vcid-"
#define CENO_CONTENT_ID_TEXT_LENGTH 61 /* without a NUL */

/* name, number, text */
#define CENO_CONTENT_KINDS(X) \
	X(NATIVE, 1, "native module") \
	X(SERVICE, 2, "service") \
	X(IMAGE, 3, "session image")

enum ceno_content_kind {
#define X(name, number, text) CENO_CONTENT_##name = number,
	CENO_CONTENT_KINDS(X)
#undef X
};

/* Why bytes or a text are no content id. */
#define CENO_CONTENT_ID_ERRORS(X) \
	X(LENGTH, -1, "a content id has 61 characters") \
	X(PREFIX, -2, "a content id begins with vcid-") \
	X(DIGIT, -3, "a content id has a character other than a-z and 2-7") \
	X(VERSION, -4, "a content id of an unknown version") \
	X(HASH, -5, "a content id with an unknown hash function") \
	X(KIND, -6, "a content id of an unknown kind")

enum ceno_content_id_error {
#define X(name, number, text) CENO_CONTENT_ID_E_##name = number,
	CENO_CONTENT_ID_ERRORS(X)
#undef X
};

/* As in memory, so on the wire. */
struct ceno_content_id {
	uint8_t version;
	uint8_t hash;
	uint8_t kind; /* enum ceno_content_kind */
	uint8_t digest[CENO_BLAKE3_BYTES];
};
_Static_assert(sizeof(struct ceno_content_id) == 35, "content id");

/* Makes the id of `bytes` bytes of content (borrowed, may be client-controlled;
 * NULL if bytes is 0). About 2.5 KiB of stack. */
void ceno_content_id_make(struct ceno_content_id *id, enum ceno_content_kind kind, const void *content, size_t bytes);

/* The same for content that comes in pieces: hash was started by ceno_blake3_init
 * and took all of it. */
void ceno_content_id_finish(struct ceno_content_id *id, enum ceno_content_kind kind, struct ceno_blake3 *hash);

/* 0, or VERSION, HASH or KIND in that order: for an id that came as bytes
 * from elsewhere. Any digest may be one. */
int ceno_content_id_check(const struct ceno_content_id *id);

/* True if both name the same content: all 35 bytes are equal. */
bool ceno_content_id_equal(const struct ceno_content_id *a, const struct ceno_content_id *b);

/* Host only. Writes the id's text with a NUL. id: must have passed check, or parse
 * refuses the text. */
void ceno_content_id_format(const struct ceno_content_id *id, char text[CENO_CONTENT_ID_TEXT_LENGTH + 1]);

/*
 * Host only. Reads `length` characters (borrowed, client-controlled, no NUL needed
 * or allowed; NULL if length is 0) as one id and nothing else. 0, or in this order LENGTH,
 * PREFIX, DIGIT (an uppercase digit too), VERSION, HASH, KIND; *id is then unchanged.
 */
int ceno_content_id_parse(struct ceno_content_id *id, const char *text, size_t length);

/* Host only. The error's text, the kind's name; "unknown" for other numbers. */
const char *ceno_content_id_error_text(int error);
const char *ceno_content_kind_name(uint8_t kind);

#endif
