/* Parsing and printing of quantities: see units.h. */
#include "units.h"

#include <stdio.h>
#include <string.h>

#define QUANTITY_MAX ((1ull << 63) - 1)

struct suffix {
	const char *text;
	uint64_t scale;
};

/* Digits, then one of `suffixes` (ended by a NULL text). */
static int parse(const char *text, const struct suffix *suffixes, uint64_t *out)
{
	uint64_t value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (value > (QUANTITY_MAX - digit) / 10)
			return -1;
		value = value * 10 + digit;
	}
	if (p == text)
		return -1;
	for (; suffixes->text; suffixes++) {
		if (strcmp(p, suffixes->text))
			continue;
		if (value > QUANTITY_MAX / suffixes->scale)
			return -1;
		*out = value * suffixes->scale;
		return 0;
	}
	return -1;
}

int ceno_units_parse_bytes(const char *text, uint64_t *bytes)
{
	static const struct suffix suffixes[] = {
		{ "", 1 },
		{ "K", 1ull << 10 },
		{ "KiB", 1ull << 10 },
		{ "M", 1ull << 20 },
		{ "MiB", 1ull << 20 },
		{ "G", 1ull << 30 },
		{ "GiB", 1ull << 30 },
		{ NULL, 0 },
	};

	return parse(text, suffixes, bytes);
}

int ceno_units_parse_ms(const char *text, uint64_t *ms)
{
	static const struct suffix suffixes[] = {
		{ "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { NULL, 0 },
	};

	return parse(text, suffixes, ms);
}

void ceno_units_format_bytes(uint64_t bytes, char out[CENO_UNITS_TEXT_MAX])
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB" };
	unsigned unit = 0;
	uint64_t scale = 1;

	while (unit < 3 && bytes >= scale * 1024) {
		scale *= 1024;
		unit++;
	}
	if (bytes % scale == 0)
		snprintf(out, CENO_UNITS_TEXT_MAX, "%llu %s", (unsigned long long)(bytes / scale), names[unit]);
	else
		snprintf(out, CENO_UNITS_TEXT_MAX, "%.1f %s", (double)bytes / (double)scale, names[unit]);
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int ceno_units_parse_hex(const char *text, uint8_t *out, size_t bytes)
{
	if (strlen(text) != bytes * 2)
		return -1;
	for (size_t i = 0; i < bytes; i++) {
		int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

void ceno_units_format_hex(const uint8_t *in, size_t bytes, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	out[2 * bytes] = '\0';
}
