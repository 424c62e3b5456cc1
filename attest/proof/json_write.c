/*
 * Writer of the proof's JSON (json.h). Errors are sticky: the first one is kept
 * and nothing more is written, so callers check once at the end. Invariant: what
 * lies in out[0..length) is a prefix of a canonical document.
 */
#include "proof.h"
#include "json.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

void ceno_json_writer_init(struct ceno_json_writer *w, void *out, size_t capacity)
{
	memset(w, 0, sizeof(*w));
	w->out = out;
	w->capacity = capacity;
}

static void fail(struct ceno_json_writer *w, int error)
{
	if (w->error == 0)
		w->error = error;
}

static void put(struct ceno_json_writer *w, const void *bytes, size_t length)
{
	if (w->error != 0)
		return;
	if (w->capacity - w->length < length) {
		fail(w, CENO_PROOF_E_SPACE);
		return;
	}
	memcpy(w->out + w->length, bytes, length);
	w->length += length;
}

/* The comma before an array's further values; objects' commas come with the key. */
static void before_value(struct ceno_json_writer *w)
{
	if (w->depth == 0 || w->level[w->depth - 1].is_object)
		return;
	if (w->level[w->depth - 1].members++ > 0)
		put(w, ",", 1);
}

static void open_container(struct ceno_json_writer *w, uint32_t is_object)
{
	before_value(w);
	if (w->depth == CENO_JSON_DEPTH_MAX) {
		fail(w, CENO_PROOF_E_SPACE);
		return;
	}
	memset(&w->level[w->depth], 0, sizeof(w->level[0]));
	w->level[w->depth++].is_object = is_object;
	put(w, is_object ? "{" : "[", 1);
}

void ceno_json_open_object(struct ceno_json_writer *w)
{
	open_container(w, 1);
}

void ceno_json_open_array(struct ceno_json_writer *w)
{
	open_container(w, 0);
}

void ceno_json_close(struct ceno_json_writer *w)
{
	if (w->depth == 0) {
		fail(w, CENO_PROOF_E_ORDER);
		return;
	}
	put(w, w->level[--w->depth].is_object ? "}" : "]", 1);
}

static bool key_rises(const struct ceno_json_writer *w, uint32_t level, const char *key, size_t length)
{
	size_t last = w->level[level].key_length, n = last < length ? last : length;
	int d = memcmp(w->out + w->level[level].key_start, key, n);
	return d < 0 || (d == 0 && last < length);
}

void ceno_json_key(struct ceno_json_writer *w, const char *key)
{
	size_t n = strlen(key);
	if (w->error != 0)
		return;
	if (n == 0 || n > CENO_JSON_KEY_MAX ||
	    strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != n) {
		fail(w, CENO_PROOF_E_FIELD);
		return;
	}
	if (w->depth == 0 || !w->level[w->depth - 1].is_object ||
	    (w->level[w->depth - 1].members > 0 && !key_rises(w, w->depth - 1, key, n))) {
		fail(w, CENO_PROOF_E_ORDER);
		return;
	}
	if (w->level[w->depth - 1].members++ > 0)
		put(w, ",", 1);
	put(w, "\"", 1);
	w->level[w->depth - 1].key_start = (uint32_t)w->length;
	w->level[w->depth - 1].key_length = (uint32_t)n;
	put(w, key, n);
	put(w, "\":", 2);
}

void ceno_json_string(struct ceno_json_writer *w, const char *string, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (string[i] < 0x20 || string[i] > 0x7e || string[i] == '"' || string[i] == '\\') {
			fail(w, CENO_PROOF_E_FIELD);
			return;
		}
	before_value(w);
	put(w, "\"", 1);
	put(w, string, length);
	put(w, "\"", 1);
}

void ceno_json_number(struct ceno_json_writer *w, uint64_t number)
{
	char digits[24];
	if (number > CENO_JSON_NUMBER_MAX) {
		fail(w, CENO_PROOF_E_FIELD);
		return;
	}
	int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
	before_value(w);
	put(w, digits, (size_t)n);
}

void ceno_json_bool(struct ceno_json_writer *w, bool value)
{
	before_value(w);
	put(w, value ? "true" : "false", value ? 4 : 5);
}

void ceno_json_base64(struct ceno_json_writer *w, const uint8_t *bytes, size_t length)
{
	size_t need = sodium_base64_ENCODED_LEN(length, sodium_base64_VARIANT_ORIGINAL); /* with a NUL */
	before_value(w);
	put(w, "\"", 1);
	if (w->error != 0)
		return;
	if (w->capacity - w->length < need) {
		fail(w, CENO_PROOF_E_SPACE);
		return;
	}
	sodium_bin2base64(w->out + w->length, need, bytes, length, sodium_base64_VARIANT_ORIGINAL);
	w->length += need - 1;
	put(w, "\"", 1);
}

void ceno_json_hex(struct ceno_json_writer *w, const char *prefix, const uint8_t *bytes, size_t length)
{
	static const char digit[] = "0123456789abcdef";
	before_value(w);
	put(w, "\"", 1);
	put(w, prefix, strlen(prefix));
	for (size_t i = 0; i < length; i++) {
		char pair[2] = { digit[bytes[i] >> 4], digit[bytes[i] & 15] };
		put(w, pair, 2);
	}
	put(w, "\"", 1);
}
