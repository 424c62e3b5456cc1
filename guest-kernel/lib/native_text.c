/* Sentences for people: no guest code writes text. */
#include "lib/native.h"

const char *ceno_native_error_text(uint32_t error)
{
	switch (error) {
#define CENO_NATIVE_ERROR_TEXT(name, number, text) \
	case number: \
		return text;
		CENO_NATIVE_ERRORS(CENO_NATIVE_ERROR_TEXT)
#undef CENO_NATIVE_ERROR_TEXT
	default:
		return "unknown reason";
	}
}
