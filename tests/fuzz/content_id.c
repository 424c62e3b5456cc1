/*
 * Content ids as text. Properties: parse returns for any bytes without reading
 * past them; what it refuses changes nothing; what it accepts passes check and
 * formats to the same text, so no id has two texts.
 *
 * Byte 0 odd: the rest is the text; even: the rest is a list of {place, value}
 * applied to a good one.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/content_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(const char *text, size_t length)
{
	struct ceno_content_id id, before;
	char again[CENO_CONTENT_ID_TEXT_LENGTH + 1];

	memset(&id, 0xa5, sizeof id);
	before = id;
	if (ceno_content_id_parse(&id, text, length)) {
		if (memcmp(&id, &before, sizeof id) != 0)
			abort();
		return;
	}
	ceno_content_id_format(&id, again);
	if (ceno_content_id_check(&id) || length != CENO_CONTENT_ID_TEXT_LENGTH || memcmp(again, text, length) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char good[] = "vcid-aeaqdlytjg47l6nbu2qeatpkg3omssm3zms4tlobck34zgutzlsb6mtc";
	char *text;

	if (size == 0)
		return 0;
	if (data[0] & 1) {
		run((const char *)data + 1, size - 1);
		return 0;
	}
	text = malloc(sizeof good - 1); /* exactly the text, so that an overread shows */
	if (!text)
		abort();
	memcpy(text, good, sizeof good - 1);
	for (size_t i = 1; i + 1 < size; i += 2)
		text[data[i] % (sizeof good - 1)] = (char)data[i + 1];
	run(text, sizeof good - 1);
	free(text);
	return 0;
}
