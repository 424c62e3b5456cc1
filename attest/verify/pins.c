/*
 * The pin file: which nodes a verifier knows (verify.h has the grammar). Strict:
 * a line that is not exactly of the form is an error, never skipped.
 */
#include "verify.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ORIGIN_SET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./_-"
#define FIELDS_MAX 7

const char *ceno_verify_pin_error_text(int error)
{
	switch (error) {
#define TEXT(name, number, text) \
	case number: \
		return text;
		CENO_VERIFY_PIN_ERRORS(TEXT)
#undef TEXT
	default:
		return "no error";
	}
}

struct line {
	char text[256];
	char *field[FIELDS_MAX];
	int fields;
};

/* Copy the line and cut it at single spaces. */
static int cut(const char *text, size_t length, struct line *line)
{
	line->fields = 0;
	if (length == 0 || length >= sizeof(line->text) || memchr(text, '\0', length) != NULL)
		return CENO_VERIFY_PIN_E_FORM;
	memcpy(line->text, text, length);
	line->text[length] = '\0';
	for (char *p = line->text, *next; p != NULL; p = next) {
		if (line->fields == FIELDS_MAX)
			return CENO_VERIFY_PIN_E_FORM;
		next = strchr(p, ' ');
		if (next != NULL)
			*next++ = '\0';
		if (*p == '\0')
			return CENO_VERIFY_PIN_E_FORM;
		line->field[line->fields++] = p;
	}
	return 0;
}

static bool read_digest(const char *text, uint8_t out[32])
{
	size_t n = 0;
	return strncmp(text, "sha256:", 7) == 0 && strspn(text + 7, "0123456789abcdef") == 64 && text[71] == '\0' &&
	    sodium_hex2bin(out, 32, text + 7, 64, NULL, &n, NULL) == 0 && n == 32;
}

static bool read_number(const char *text, uint64_t *out)
{
	*out = 0;
	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text != '\0'; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(*out, 10u, out) ||
		    __builtin_add_overflow(*out, (uint64_t)(*text - '0'), out))
			return false;
	return true;
}

static bool read_origin(const char *text, char out[65])
{
	size_t n = strlen(text);
	if (n == 0 || n > 64 || strspn(text, ORIGIN_SET) != n)
		return false;
	memcpy(out, text, n + 1);
	return true;
}

static int add_pin(const struct line *line, struct ceno_verify_pins *pins)
{
	struct ceno_verify_pin pin = { 0 };
	size_t n = 0;
	if (line->fields != 4 || !read_origin(line->field[1], pin.origin) || !read_digest(line->field[2], pin.ak) ||
	    sodium_base642bin(pin.log_pub, 32, line->field[3], strlen(line->field[3]), NULL, &n, NULL,
	                      sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    n != 32)
		return CENO_VERIFY_PIN_E_FORM;
	for (uint32_t i = 0; i < pins->pin_count; i++)
		if (strcmp(pins->pins[i].origin, pin.origin) == 0 || memcmp(pins->pins[i].ak, pin.ak, 32) == 0 ||
		    memcmp(pins->pins[i].log_pub, pin.log_pub, 32) == 0)
			return CENO_VERIFY_PIN_E_TWICE;
	if (pins->pin_count == CENO_VERIFY_PINS_MAX)
		return CENO_VERIFY_PIN_E_MANY;
	pins->pins[pins->pin_count++] = pin;
	return 0;
}

static int add_seen(const struct line *line, struct ceno_verify_pins *pins)
{
	struct ceno_verify_pin *pin = NULL, state = { 0 };
	uint64_t resets;
	if (line->fields != 7 || !read_number(line->field[2], &state.size) || state.size == 0 ||
	    !read_digest(line->field[3], state.root) || !read_number(line->field[4], &state.nv_value) ||
	    !read_number(line->field[5], &state.clock_ms) || !read_number(line->field[6], &resets) ||
	    resets > UINT32_MAX)
		return CENO_VERIFY_PIN_E_FORM;
	for (uint32_t i = 0; i < pins->pin_count; i++)
		if (strcmp(pins->pins[i].origin, line->field[1]) == 0)
			pin = &pins->pins[i];
	if (pin == NULL)
		return CENO_VERIFY_PIN_E_FORM;
	if (pin->size != 0)
		return CENO_VERIFY_PIN_E_TWICE;
	pin->size = state.size;
	memcpy(pin->root, state.root, 32);
	pin->nv_value = state.nv_value;
	pin->clock_ms = state.clock_ms;
	pin->reset_count = (uint32_t)resets;
	return 0;
}

static int add_revoked(const struct line *line, struct ceno_verify_pins *pins)
{
	uint8_t ak[32];
	if (line->fields != 2 || !read_digest(line->field[1], ak))
		return CENO_VERIFY_PIN_E_FORM;
	for (uint32_t i = 0; i < pins->revoked_count; i++)
		if (memcmp(pins->revoked[i], ak, 32) == 0)
			return CENO_VERIFY_PIN_E_TWICE;
	if (pins->revoked_count == CENO_VERIFY_REVOKED_MAX)
		return CENO_VERIFY_PIN_E_MANY;
	memcpy(pins->revoked[pins->revoked_count++], ak, 32);
	return 0;
}

static int add_line(const struct line *line, uint32_t number, struct ceno_verify_pins *pins)
{
	if (number == 1)
		return line->fields == 2 && strcmp(line->field[0], "ceno-pins") == 0 && strcmp(line->field[1], "1") == 0
		    ? 0
		    : CENO_VERIFY_PIN_E_FORM;
	if (strcmp(line->field[0], "pin") == 0)
		return add_pin(line, pins);
	if (strcmp(line->field[0], "seen") == 0)
		return add_seen(line, pins);
	return strcmp(line->field[0], "revoked") == 0 ? add_revoked(line, pins) : CENO_VERIFY_PIN_E_FORM;
}

int ceno_verify_pins_parse(const char *text, size_t bytes, struct ceno_verify_pins *pins, uint32_t *line_number)
{
	struct line line;
	memset(pins, 0, sizeof(*pins));
	*line_number = 1;
	for (size_t at = 0; at < bytes; (*line_number)++) {
		const char *end = memchr(text + at, '\n', bytes - at);
		if (end == NULL)
			return CENO_VERIFY_PIN_E_FORM;
		size_t length = (size_t)(end - (text + at));
		int rc = cut(text + at, length, &line);
		if (rc == 0)
			rc = add_line(&line, *line_number, pins);
		if (rc != 0)
			return rc;
		at += length + 1;
	}
	return pins->pin_count + pins->revoked_count > 0 ? 0 : CENO_VERIFY_PIN_E_EMPTY;
}

struct out {
	char *text;
	size_t length, capacity;
	bool full;
};

__attribute__((format(printf, 2, 3))) static void put(struct out *o, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(o->text + o->length, o->capacity - o->length, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= o->capacity - o->length)
		o->full = true;
	else
		o->length += (size_t)n;
}

int ceno_verify_pins_format(const struct ceno_verify_pins *pins, char *text, size_t capacity)
{
	struct out o = { text, 0, capacity, capacity == 0 };
	char hex[65], b64[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL)];
	if (!o.full)
		put(&o, "ceno-pins 1\n");
	for (uint32_t i = 0; i < pins->pin_count && !o.full; i++) {
		const struct ceno_verify_pin *p = &pins->pins[i];
		sodium_bin2base64(b64, sizeof(b64), p->log_pub, 32, sodium_base64_VARIANT_ORIGINAL);
		put(&o, "pin %s sha256:%s %s\n", p->origin, sodium_bin2hex(hex, sizeof(hex), p->ak, 32), b64);
		if (p->size != 0 && !o.full)
			put(&o, "seen %s %llu sha256:%s %llu %llu %u\n", p->origin, (unsigned long long)p->size,
			    sodium_bin2hex(hex, sizeof(hex), p->root, 32), (unsigned long long)p->nv_value,
			    (unsigned long long)p->clock_ms, p->reset_count);
	}
	for (uint32_t i = 0; i < pins->revoked_count && !o.full; i++)
		put(&o, "revoked sha256:%s\n", sodium_bin2hex(hex, sizeof(hex), pins->revoked[i], 32));
	return o.full ? CENO_VERIFY_PIN_E_SPACE : (int)o.length;
}
