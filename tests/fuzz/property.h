/*
 * What fuzz targets of formats have in common: properties that abort, and inputs that are
 * either a whole file or changes to a good one, since random bytes get past no magic.
 */
#ifndef CENO_FUZZ_PROPERTY_H
#define CENO_FUZZ_PROPERTY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) \
	do { \
		if (!(condition)) \
			abort(); \
	} while (0)

/* Calls `judge` with the bytes where a sanitizer sees any overread: in a block exactly as
 * long, 16-byte aligned. */
static inline void fuzz_exactly(const uint8_t *data, size_t size, void (*judge)(const void *file, size_t size))
{
	uint8_t *copy = malloc(size ? size : 1);

	REQUIRE(copy);
	memcpy(copy, data, size);
	judge(copy, size);
	free(copy);
}

/* Byte 0 odd: the rest is a file. Even: the rest is for `patched`. */
static inline void fuzz_either(const uint8_t *data, size_t size, void (*whole)(const void *file, size_t size),
                               void (*patched)(const uint8_t *changes, size_t size))
{
	if (size == 0)
		return;
	if (data[0] & 1)
		fuzz_exactly(data + 1, size - 1, whole);
	else
		patched(data + 1, size - 1);
}

#endif
