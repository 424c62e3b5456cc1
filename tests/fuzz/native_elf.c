/*
 * ceno-native's ELF reader. Property: it returns for any bytes without reading past
 * them, with a sentence, or with a file that the check of init accepts.
 */
#include <stdlib.h>

#include "images/native.h"
#include "lib/native.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *file;
	size_t bytes;

	if (!ceno_native_make(data, size, &file, &bytes)) {
		if (ceno_native_check(file, bytes) != CENO_NATIVE_OK)
			abort();
		free(file);
	}
	return 0;
}
