/* Pledge words: one table, read in both directions. */
#include "pledge.h"

#include <string.h>

static const char *const words[CENO_PLEDGE_COUNT] = {
	[CENO_PLEDGE_STDIO] = "stdio",     [CENO_PLEDGE_RW] = "rw",       [CENO_PLEDGE_NET] = "net",
	[CENO_PLEDGE_STORAGE] = "storage", [CENO_PLEDGE_SPAWN] = "spawn", [CENO_PLEDGE_AUDIO] = "audio",
	[CENO_PLEDGE_VIDEO] = "video",     [CENO_PLEDGE_GPU] = "gpu",
};

const char *ceno_pledge_word(uint32_t class)
{
	return class < CENO_PLEDGE_COUNT ? words[class] : NULL;
}

/* Its class; CENO_PLEDGE_COUNT: the word "error"; -1 unknown. */
static int class_of(const char *word, size_t length)
{
	for (int i = 0; i < CENO_PLEDGE_COUNT; i++)
		if (strlen(words[i]) == length && !memcmp(words[i], word, length))
			return i;
	return length == strlen(CENO_PLEDGE_WORD_ERROR) && !memcmp(CENO_PLEDGE_WORD_ERROR, word, length)
	    ? CENO_PLEDGE_COUNT
	    : -1;
}

int ceno_pledge_parse(const char *text, uint32_t *mask, bool *errors)
{
	const uint32_t error_bit = 1u << CENO_PLEDGE_COUNT;
	uint32_t found = 0;

	for (;;) {
		size_t length = strcspn(text, ", ");
		int class = class_of(text, length);

		if (!length)
			return CENO_PLEDGE_EMPTY;
		if (class < 0)
			return CENO_PLEDGE_UNKNOWN;
		if (found & (1u << class))
			return CENO_PLEDGE_REPEATED;
		found |= 1u << class;
		if (!text[length])
			break;
		text += length + 1;
	}
	*mask = found & ~error_bit;
	*errors = (found & error_bit) != 0;
	return CENO_PLEDGE_OK;
}

void ceno_pledge_format(uint32_t mask, char out[CENO_PLEDGE_TEXT_MAX])
{
	size_t used = 0;

	for (uint32_t i = 0; i < CENO_PLEDGE_COUNT; i++) {
		size_t length = strlen(words[i]);

		if (!(mask & (1u << i)))
			continue;
		if (used)
			out[used++] = ',';
		memcpy(out + used, words[i], length);
		used += length;
	}
	out[used] = '\0';
}

int ceno_pledge_unoffered(uint32_t mask)
{
	uint32_t extra = mask & ~CENO_PLEDGE_OFFERED;

	if (!extra)
		return -1;
	for (int i = 0; i < CENO_PLEDGE_COUNT; i++)
		if (extra & (1u << i))
			return i;
	return CENO_PLEDGE_COUNT;
}
