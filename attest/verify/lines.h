/*
 * Lines of the strict texts that a verifier keeps (pins, policy, reference values,
 * comparison): LF ends each, single spaces separate fields, nothing else. Input
 * hostile or mistaken; nothing is skipped. Internal to attest/verify.
 */
#ifndef CENO_VERIFY_LINES_H
#define CENO_VERIFY_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CENO_LINE_FIELDS 8

struct ceno_line {
	char text[384];
	char *field[CENO_LINE_FIELDS]; /* into text */
	int fields;
};

/* Copy one line (without its LF) and cut it. Returns false if it is empty, too long, holds a
 * NUL, an empty field or more fields than a line has. */
bool ceno_line_cut(const char *text, size_t length, struct ceno_line *line);

/* The next line of a text from *at, which moves behind its LF; its bytes in *start, *length.
 * Returns false at the end of the text or if the last line has no LF (then *at < bytes). */
bool ceno_line_next(const char *text, size_t bytes, size_t *at, const char **start, size_t *length);

/* One field. Each returns false, its output not to be used, if the field is not exactly of the form:
 * "sha256:" and 64 lowercase hex digits; a decimal number of 64 bits without leading zero; base64 of
 * exactly `bytes` bytes; an origin; one of `count` words (NULL entries are none). */
bool ceno_line_digest(const char *text, uint8_t out[32]);
bool ceno_line_number(const char *text, uint64_t *out);
bool ceno_line_base64(const char *text, uint8_t *out, size_t bytes);
bool ceno_line_origin(const char *text, char out[65]);
bool ceno_line_word(const char *text, const char *const *words, uint32_t count, uint32_t *out);

#endif
