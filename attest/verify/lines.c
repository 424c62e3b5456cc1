/* Lines and fields of the strict texts: see lines.h. */
#include "lines.h"

#include <sodium.h>
#include <string.h>

#define ORIGIN_SET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./_-"

bool ceno_line_cut(const char *text, size_t length, struct ceno_line *line)
{
	line->fields = 0;
	if (length == 0 || length >= sizeof(line->text) || memchr(text, '\0', length) != NULL)
		return false;
	memcpy(line->text, text, length);
	line->text[length] = '\0';
	for (char *p = line->text, *next; p != NULL; p = next) {
		if (line->fields == CENO_LINE_FIELDS)
			return false;
		next = strchr(p, ' ');
		if (next != NULL)
			*next++ = '\0';
		if (*p == '\0')
			return false;
		line->field[line->fields++] = p;
	}
	return true;
}

bool ceno_line_next(const char *text, size_t bytes, size_t *at, const char **start, size_t *length)
{
	const char *end = *at < bytes ? memchr(text + *at, '\n', bytes - *at) : NULL;
	if (end == NULL)
		return false;
	*start = text + *at;
	*length = (size_t)(end - *start);
	*at += *length + 1;
	return true;
}

bool ceno_line_digest(const char *text, uint8_t out[32])
{
	size_t n = 0;
	return strncmp(text, "sha256:", 7) == 0 && strspn(text + 7, "0123456789abcdef") == 64 && text[71] == '\0' &&
	    sodium_hex2bin(out, 32, text + 7, 64, NULL, &n, NULL) == 0 && n == 32;
}

bool ceno_line_number(const char *text, uint64_t *out)
{
	*out = 0;
	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text != '\0'; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(*out, 10u, out) ||
		    __builtin_add_overflow(*out, (uint64_t)(*text - '0'), out))
			return false;
	return true;
}

bool ceno_line_base64(const char *text, uint8_t *out, size_t bytes)
{
	size_t n = 0;
	return sodium_base642bin(out, bytes, text, strlen(text), NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
	    n == bytes;
}

bool ceno_line_origin(const char *text, char out[65])
{
	size_t n = strlen(text);
	if (n == 0 || n > 64 || strspn(text, ORIGIN_SET) != n)
		return false;
	memcpy(out, text, n + 1);
	return true;
}

bool ceno_line_word(const char *text, const char *const *words, uint32_t count, uint32_t *out)
{
	for (uint32_t i = 0; i < count; i++) {
		if (words[i] != NULL && strcmp(words[i], text) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}
