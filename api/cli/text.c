/* Text for people: see text.h. */
#include "text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* Bytes of the character at `at` of at most `left`, and the character; 0: no valid UTF-8. */
static size_t decode(const uint8_t *at, size_t left, uint32_t *character)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t bytes = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 : at[0] >> 4 == 14 ? 3 : at[0] >> 3 == 30 ? 4 : 0;

	if (!bytes || bytes > left)
		return 0;
	*character = bytes == 1 ? at[0] : at[0] & (0x7fu >> bytes);
	for (size_t i = 1; i < bytes; i++) {
		if (at[i] >> 6 != 2)
			return 0;
		*character = *character << 6 | (at[i] & 0x3f);
	}
	if (*character < least[bytes] || *character > 0x10ffff || (*character >= 0xd800 && *character < 0xe000))
		return 0;
	return bytes;
}

/* What a terminal or a reader would obey: controls, line separators, marks of direction, and nothing at all. */
static int commands(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	    (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

static size_t put(char *out, size_t size, size_t at, const char *piece, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (at + i + 1 < size)
			out[at + i] = piece[i];
	return at + length;
}

static size_t escape_byte(char *out, size_t size, size_t at, uint8_t byte)
{
	char piece[5];

	if (byte == '\n' || byte == '\t')
		return put(out, size, at, byte == '\n' ? "\\n" : "\\t", 2);
	snprintf(piece, sizeof piece, "\\x%02x", byte);
	return put(out, size, at, piece, 4);
}

size_t ceno_text_escape(const char *from, size_t length, char *out, size_t size)
{
	const uint8_t *in = (const uint8_t *)from;
	size_t at = 0;

	for (size_t i = 0; i < length;) {
		uint32_t character = 0;
		size_t bytes = decode(in + i, length - i, &character);

		if (bytes && !commands(character)) {
			at = put(out, size, at, from + i, bytes);
			i += bytes;
			continue;
		}
		for (size_t end = i + (bytes ? bytes : 1); i < end; i++)
			at = escape_byte(out, size, at, in[i]);
	}
	out[at < size ? at : size - 1] = '\0';
	return at;
}

bool ceno_text_is_utf8(const char *text)
{
	size_t left = strlen(text);

	while (left) {
		uint32_t character;
		size_t bytes = decode((const uint8_t *)text, left, &character);

		if (!bytes)
			return false;
		text += bytes;
		left -= bytes;
	}
	return true;
}

static void put_escaped(FILE *stream, const char *text, size_t length)
{
	char *safe = malloc(CENO_TEXT_ESCAPED(length));

	if (!safe) {
		fputs("(out of memory)", stream);
		return;
	}
	ceno_text_escape(text, length, safe, CENO_TEXT_ESCAPED(length));
	fputs(safe, stream);
	free(safe);
}

void ceno_text_line(FILE *stream, const char *format, ...)
{
	char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	put_escaped(stream, text ? text : "(out of memory)", text ? strlen(text) : 15);
	putc('\n', stream);
	free(text);
}

void ceno_text_lines(FILE *stream, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		put_escaped(stream, text, length);
		text += length;
		if (*text) {
			putc('\n', stream);
			text++;
		}
	}
}

bool ceno_text_print(char *text, bool json)
{
	bool made = text;

	if (!text)
		ceno_cli_error("out of memory");
	else if (json)
		fputs(text, stdout);
	else
		ceno_text_lines(stdout, text);
	free(text);
	return made;
}
