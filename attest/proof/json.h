/*
 * JSON as the proof allows it: the canonical form of RFC 8785 (JCS) narrowed to
 * ASCII. One spelling per document, or refused.
 *
 *   value    object | array | string | number | true | false      (no null)
 *   key      [A-Za-z0-9_]{1,64}, in rising byte order, none twice
 *   string   printable ASCII (0x20 to 0x7e) without quote and backslash: no escapes exist
 *   number   0 | [1-9][0-9]*, at most 2^53-1
 *   depth    at most 16 open objects and arrays; no white space; nothing after the value
 *
 * For these texts JCS sorting (UTF-16 code units) equals byte order and JCS
 * number formatting equals plain decimal. Reader: text is borrowed and hostile,
 * tokens lie in a caller's array, no allocation, no recursion. Writer: refuses
 * whatever the reader would.
 */
#ifndef CENO_ATTEST_JSON_H
#define CENO_ATTEST_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CENO_JSON_DEPTH_MAX  16u
#define CENO_JSON_KEY_MAX    64u
#define CENO_JSON_NUMBER_MAX 9007199254740991ull /* 2^53-1, RFC 8785 section 3.2.2.3 */

#define CENO_JSON_ERRORS(X) \
	X(SYNTAX, -1, "not JSON") \
	X(ASCII, -2, "a character that proofs do not contain") \
	X(DEPTH, -3, "nested too deep") \
	X(DUPLICATE, -4, "a key occurs twice in one object") \
	X(ORDER, -5, "keys are not in canonical order") \
	X(CANONICAL, -6, "not the canonical spelling (white space or zeros)") \
	X(NUMBER, -7, "a number that is not an integer from 0 to 2^53-1") \
	X(NULL, -8, "null does not occur in proofs") \
	X(KEY, -9, "a key outside [A-Za-z0-9_]{1,64}") \
	X(TRAILING, -10, "bytes after the document's end") \
	X(SPACE, -11, "more values than any proof has")

enum ceno_json_error {
#define CENO_JSON_ERROR_ENUM(name, number, text) CENO_JSON_E_##name = number,
	CENO_JSON_ERRORS(CENO_JSON_ERROR_ENUM)
#undef CENO_JSON_ERROR_ENUM
};

/* Text of a reader error; never NULL. */
const char *ceno_json_error_text(int error);

enum ceno_json_type { CENO_JSON_OBJECT, CENO_JSON_ARRAY, CENO_JSON_STRING, CENO_JSON_NUMBER, CENO_JSON_BOOL };

struct ceno_json_token {
	uint32_t type;                  /* enum ceno_json_type */
	uint32_t start, length;         /* STRING: the bytes between the quotes */
	uint32_t key_start, key_length; /* members of an object; else 0 */
	uint32_t count;                 /* OBJECT, ARRAY: members */
	uint32_t next;                  /* index of the token after this value and all inside it */
	uint32_t reserved;
	uint64_t number; /* NUMBER, BOOL */
};

struct ceno_json {
	const char *text;                     /* borrowed */
	const struct ceno_json_token *tokens; /* borrowed; [0] is the document's value */
	uint32_t token_count;
	uint32_t error_offset; /* after a failure: byte at which it was found */
};

/* Read a whole document.
 * json: out. text, bytes: hostile, kept by reference. tokens: array of `capacity`, kept by
 * reference, filled in document order (a container before its members).
 * Returns 0 or a ceno_json_error; json->error_offset says where. */
int ceno_json_read(struct ceno_json *json, const void *text, size_t bytes, struct ceno_json_token *tokens,
                   uint32_t capacity);

/* ---- writer ---------------------------------------------------------------- */

struct ceno_json_writer {
	char *out; /* borrowed */
	size_t capacity, length;
	int error; /* first ceno_proof_error, sticky; later calls do nothing */
	uint32_t depth;
	struct {
		uint32_t members;
		uint32_t is_object;
		uint32_t key_start, key_length; /* last key, in out */
	} level[CENO_JSON_DEPTH_MAX];
};

void ceno_json_writer_init(struct ceno_json_writer *writer, void *out, size_t capacity);
void ceno_json_open_object(struct ceno_json_writer *writer);
void ceno_json_open_array(struct ceno_json_writer *writer);
/* Close the innermost container. */
void ceno_json_close(struct ceno_json_writer *writer);
/* Key of the next member; error ORDER if it does not rise, FIELD if it is no key. */
void ceno_json_key(struct ceno_json_writer *writer, const char *key);
/* string: exactly `length` bytes, each allowed by the grammar, else FIELD. */
void ceno_json_string(struct ceno_json_writer *writer, const char *string, size_t length);
void ceno_json_number(struct ceno_json_writer *writer, uint64_t number);
void ceno_json_bool(struct ceno_json_writer *writer, bool value);
void ceno_json_base64(struct ceno_json_writer *writer, const uint8_t *bytes, size_t length);
/* prefix (may be "") then lowercase hex, as one string. */
void ceno_json_hex(struct ceno_json_writer *writer, const char *prefix, const uint8_t *bytes, size_t length);

#endif
