/*
 * The table of modules. Properties: it returns for any bytes without reading past
 * them; a refusal names a line of the text, and what is accepted fits its fields.
 */
#include <stdlib.h>
#include <string.h>

#include "images/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ceno_manifest table[CENO_TABLE_MODULES];
	char *text = malloc(size ? size : 1); /* exactly as long as said */
	unsigned line, lines = 1;

	if (!text)
		abort();
	memcpy(text, data, size);
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	if (ceno_table_read(table, text, size, &line)) {
		if (line < 1 || line > lines)
			abort();
	} else {
		for (unsigned i = 0; i < CENO_TABLE_MODULES; i++)
			if (table[i].listed > 1 || table[i].pledge_mask > 0xff || table[i].spectrum > 3 ||
			    table[i].flags > 3 || table[i].grants >> CENO_SLOT_TRAIL_END)
				abort();
	}
	free(text);
	return 0;
}
