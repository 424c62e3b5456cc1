/*
 * The pin file: which nodes a verifier knows (verify.h has the grammar). Strict:
 * a line that is not exactly of the form is an error, never skipped.
 */
#include "lines.h"
#include "verify.h"

#include <string.h>
#include "attest/proof/out.h"

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

static int add_pin(const struct ceno_line *line, struct ceno_verify_pins *pins)
{
	struct ceno_verify_pin pin = { 0 };
	if (line->fields != 4 || !ceno_line_origin(line->field[1], pin.origin) ||
	    !ceno_line_digest(line->field[2], pin.ak) || !ceno_line_base64(line->field[3], pin.log_pub, 32))
		return CENO_VERIFY_PIN_E_FORM;
	for (uint32_t i = 0; i < pins->pin_count; i++) {
		/* One node and TPM with two log keys: the key was changed, and this verifier knows both. */
		bool origin = strcmp(pins->pins[i].origin, pin.origin) == 0;
		bool ak = memcmp(pins->pins[i].ak, pin.ak, 32) == 0;
		if (origin != ak || memcmp(pins->pins[i].log_pub, pin.log_pub, 32) == 0)
			return CENO_VERIFY_PIN_E_TWICE;
		if (origin)
			memcpy(pin.identity, pins->pins[i].identity, 32);
	}
	if (pins->pin_count == CENO_VERIFY_PINS_MAX)
		return CENO_VERIFY_PIN_E_MANY;
	pins->pins[pins->pin_count++] = pin;
	return 0;
}

static int add_seen(const struct ceno_line *line, struct ceno_verify_pins *pins)
{
	struct ceno_verify_pin *pin = NULL, state = { 0 };
	uint64_t resets;
	if (line->fields != 7 || !ceno_line_number(line->field[2], &state.size) || state.size == 0 ||
	    !ceno_line_digest(line->field[3], state.root) || !ceno_line_number(line->field[4], &state.nv_value) ||
	    !ceno_line_number(line->field[5], &state.clock_ms) || !ceno_line_number(line->field[6], &resets) ||
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

/* Of a node pinned above; pins of later log keys of it have it from that one. */
static int add_identity(const struct ceno_line *line, struct ceno_verify_pins *pins)
{
	static const uint8_t none[32];
	struct ceno_verify_pin *pin = NULL;
	uint8_t key[32];
	if (line->fields != 3 || !ceno_line_base64(line->field[2], key, 32) || memcmp(key, none, 32) == 0)
		return CENO_VERIFY_PIN_E_FORM;
	for (uint32_t i = 0; i < pins->pin_count; i++) {
		if (strcmp(pins->pins[i].origin, line->field[1]) != 0)
			continue;
		pin = &pins->pins[i];
		if (memcmp(pin->identity, none, 32) != 0)
			return CENO_VERIFY_PIN_E_TWICE;
	}
	for (uint32_t i = 0; i < pins->pin_count; i++)
		if (strcmp(pins->pins[i].origin, line->field[1]) == 0)
			memcpy(pins->pins[i].identity, key, 32);
	return pin == NULL ? CENO_VERIFY_PIN_E_FORM : 0;
}

static int add_revoked(const struct ceno_line *line, struct ceno_verify_pins *pins)
{
	uint8_t ak[32];
	uint64_t since = 0;
	if (line->fields < 2 || line->fields > 3 || !ceno_line_digest(line->field[1], ak) ||
	    (line->fields == 3 && (!ceno_line_number(line->field[2], &since) || since == 0)))
		return CENO_VERIFY_PIN_E_FORM;
	for (uint32_t i = 0; i < pins->revoked_count; i++)
		if (memcmp(pins->revoked[i], ak, 32) == 0)
			return CENO_VERIFY_PIN_E_TWICE;
	if (pins->revoked_count == CENO_VERIFY_REVOKED_MAX)
		return CENO_VERIFY_PIN_E_MANY;
	pins->revoked_since[pins->revoked_count] = since;
	memcpy(pins->revoked[pins->revoked_count++], ak, 32);
	return 0;
}

static int add_line(const struct ceno_line *line, uint32_t number, struct ceno_verify_pins *pins)
{
	if (number == 1)
		return line->fields == 2 && strcmp(line->field[0], "ceno-pins") == 0 && strcmp(line->field[1], "1") == 0
		    ? 0
		    : CENO_VERIFY_PIN_E_FORM;
	if (strcmp(line->field[0], "pin") == 0)
		return add_pin(line, pins);
	if (strcmp(line->field[0], "seen") == 0)
		return add_seen(line, pins);
	if (strcmp(line->field[0], "identity") == 0)
		return add_identity(line, pins);
	return strcmp(line->field[0], "revoked") == 0 ? add_revoked(line, pins) : CENO_VERIFY_PIN_E_FORM;
}

int ceno_verify_pins_parse(const char *text, size_t bytes, struct ceno_verify_pins *pins, uint32_t *line_number)
{
	struct ceno_line line;
	memset(pins, 0, sizeof(*pins));
	*line_number = 1;
	for (size_t at = 0; at < bytes; (*line_number)++) {
		const char *start;
		size_t length;
		if (!ceno_line_next(text, bytes, &at, &start, &length) || !ceno_line_cut(start, length, &line))
			return CENO_VERIFY_PIN_E_FORM;
		int rc = add_line(&line, *line_number, pins);
		if (rc != 0)
			return rc;
	}
	return pins->pin_count + pins->revoked_count > 0 ? 0 : CENO_VERIFY_PIN_E_EMPTY;
}

static bool names_identity(const struct ceno_verify_pins *pins, uint32_t at)
{
	static const uint8_t none[32];
	bool first = true;
	for (uint32_t i = 0; i < at; i++)
		first = first && strcmp(pins->pins[i].origin, pins->pins[at].origin) != 0;
	return first && memcmp(pins->pins[at].identity, none, 32) != 0;
}

int ceno_verify_pins_format(const struct ceno_verify_pins *pins, char *text, size_t capacity)
{
	struct out o = { text, 0, capacity };
	char id[65], b64[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL)];
	put(&o, "ceno-pins 1\n");
	for (uint32_t i = 0; i < pins->pin_count; i++) {
		const struct ceno_verify_pin *p = &pins->pins[i];
		sodium_bin2base64(b64, sizeof(b64), p->log_pub, 32, sodium_base64_VARIANT_ORIGINAL);
		put(&o, "pin %s sha256:%s %s\n", p->origin, hex(p->ak, 32, id), b64);
		if (p->size != 0)
			put(&o, "seen %s %llu sha256:%s %llu %llu %u\n", p->origin, (unsigned long long)p->size,
			    hex(p->root, 32, id), (unsigned long long)p->nv_value, (unsigned long long)p->clock_ms,
			    p->reset_count);
		if (names_identity(pins, i)) {
			sodium_bin2base64(b64, sizeof(b64), p->identity, 32, sodium_base64_VARIANT_ORIGINAL);
			put(&o, "identity %s %s\n", p->origin, b64);
		}
	}
	for (uint32_t i = 0; i < pins->revoked_count; i++) {
		put(&o, "revoked sha256:%s", hex(pins->revoked[i], 32, id));
		if (pins->revoked_since[i] != 0)
			put(&o, " %llu", (unsigned long long)pins->revoked_since[i]);
		put(&o, "\n");
	}
	return is_whole(&o) ? (int)o.length : CENO_VERIFY_PIN_E_SPACE;
}
