/*
 * Text put together in a buffer of the caller's: what the renderers share. For .c files alone, hence the short
 * names. A text that does not fit goes on being measured, so that one call without a buffer tells its size.
 */
#ifndef CENO_PROOF_OUT_H
#define CENO_PROOF_OUT_H

#include <sodium.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct out {
	char *text;              /* NULL if capacity is 0 */
	size_t length, capacity; /* bytes; length as if all had fitted, without the NUL */
};

__attribute__((format(printf, 2, 3))) static inline void put(struct out *o, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *at = o->length < o->capacity ? o->text + o->length : NULL;
	int n = vsnprintf(at, at != NULL ? o->capacity - o->length : 0, format, args);
	va_end(args);
	o->length += n > 0 ? (size_t)n : 0;
}

/* Is all that was put in the buffer, and its NUL? */
static inline bool is_whole(const struct out *o)
{
	return o->length < o->capacity;
}

/* n bytes as lowercase hexadecimal in text, which has room for 2 n + 1 and is returned. */
static inline const char *hex(const uint8_t *bytes, size_t n, char *text)
{
	return sodium_bin2hex(text, 2 * n + 1, bytes, n);
}

#endif
