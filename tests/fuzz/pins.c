/*
 * The pin file. Property: what is accepted can be written, and reading and writing
 * that gives the same text.
 */
#include <stdlib.h>
#include <string.h>
#include "attest/verify/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ceno_verify_pins pins, again;
	static char text[1 << 18], second[1 << 18];
	uint32_t line;
	if (ceno_verify_pins_parse((const char *)data, size, &pins, &line) != 0)
		return 0;
	int n = ceno_verify_pins_format(&pins, text, sizeof(text));
	if (n <= 0 || ceno_verify_pins_parse(text, (size_t)n, &again, &line) != 0)
		abort();
	int m = ceno_verify_pins_format(&again, second, sizeof(second));
	if (m != n || memcmp(text, second, (size_t)n) != 0)
		abort();
	return 0;
}
