/* Content ids as text (content_id.h); for the host. */
#include "lib/content_id.h"
#include "lib/mem.h"

#define PREFIX_LENGTH (sizeof CENO_CONTENT_ID_PREFIX - 1)
#define GROUPS        (sizeof(struct ceno_content_id) / 5) /* of 5 bytes, which are 8 digits */

_Static_assert(sizeof(struct ceno_content_id) == 5 * GROUPS, "no padding");
_Static_assert(CENO_CONTENT_ID_TEXT_LENGTH == PREFIX_LENGTH + 8 * GROUPS, "text");

void ceno_content_id_format(const struct ceno_content_id *id, char text[CENO_CONTENT_ID_TEXT_LENGTH + 1])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	const uint8_t *from = (const uint8_t *)id;
	char *to = text + PREFIX_LENGTH;

	memcpy(text, CENO_CONTENT_ID_PREFIX, PREFIX_LENGTH);
	for (size_t i = 0; i < GROUPS; i++, from += 5) {
		uint64_t group = (uint64_t)from[0] << 32 | (uint64_t)from[1] << 24 | (uint64_t)from[2] << 16 |
		    (uint64_t)from[3] << 8 | from[4];

		for (int shift = 35; shift >= 0; shift -= 5)
			*to++ = digits[group >> shift & 31];
	}
	*to = 0;
}

/* The digit's value, or 32. */
static unsigned digit_value(char c)
{
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a');
	return c >= '2' && c <= '7' ? (unsigned)(c - '2') + 26 : 32;
}

int ceno_content_id_parse(struct ceno_content_id *id, const char *text, size_t length)
{
	struct ceno_content_id parsed;
	uint8_t *to = (uint8_t *)&parsed;
	int error;

	if (length != CENO_CONTENT_ID_TEXT_LENGTH)
		return CENO_CONTENT_ID_E_LENGTH;
	if (memcmp(text, CENO_CONTENT_ID_PREFIX, PREFIX_LENGTH) != 0)
		return CENO_CONTENT_ID_E_PREFIX;
	text += PREFIX_LENGTH;
	for (size_t i = 0; i < GROUPS; i++) {
		uint64_t group = 0;

		for (unsigned k = 0; k < 8; k++) {
			unsigned value = digit_value(*text++);

			if (value == 32)
				return CENO_CONTENT_ID_E_DIGIT;
			group = group << 5 | value;
		}
		for (int shift = 32; shift >= 0; shift -= 8)
			*to++ = (uint8_t)(group >> shift);
	}
	error = ceno_content_id_check(&parsed);
	if (!error)
		*id = parsed;
	return error;
}

const char *ceno_content_id_error_text(int error)
{
	switch (error) {
#define X(name, number, text) \
	case CENO_CONTENT_ID_E_##name: \
		return text;
		CENO_CONTENT_ID_ERRORS(X)
#undef X
	default:
		return "unknown";
	}
}

const char *ceno_content_kind_name(uint8_t kind)
{
	switch (kind) {
#define X(name, number, text) \
	case CENO_CONTENT_##name: \
		return text;
		CENO_CONTENT_KINDS(X)
#undef X
	default:
		return "unknown";
	}
}
