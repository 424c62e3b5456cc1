/*
 * Writing and reading objects by their tables (schema.h). The reader trusts
 * nothing of the document; the tables are ours. Depth is bounded by the tables
 * (and the JSON reader's limit), so recursion here is too.
 */
#include "schema.h"

#include <sodium.h>
#include <stdio.h>
#include <stdbool.h>
#include <string.h>

static const uint8_t none32[32];

static uint64_t load(const void *member, uint32_t size)
{
	uint32_t narrow;
	uint64_t wide;
	if (size == sizeof(narrow)) {
		memcpy(&narrow, member, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, member, sizeof(wide));
	return wide;
}

static void store(void *member, uint32_t size, uint64_t value)
{
	uint32_t narrow = (uint32_t)value;
	if (size == sizeof(narrow))
		memcpy(member, &narrow, sizeof(narrow));
	else
		memcpy(member, &value, sizeof(value));
}

/* ---- writing ------------------------------------------------------------------ */

static void write_field(const struct ceno_field *f, const char *base, struct ceno_json_writer *w);

static void refuse(struct ceno_json_writer *w)
{
	if (w->error == 0)
		w->error = CENO_PROOF_E_FIELD;
}

static bool text_allowed(const struct ceno_field *f, const char *text, size_t length)
{
	if (length < f->min || length > f->max)
		return false;
	for (size_t i = 0; i < length; i++)
		if (text[i] == '\0' || strchr(f->aux, text[i]) == NULL)
			return false;
	return true;
}

static void write_number(const struct ceno_field *f, const char *member, struct ceno_json_writer *w)
{
	uint64_t n = load(member, f->size);
	char digits[24];
	if (n < f->min || n > f->max) {
		refuse(w);
	} else if (f->type == CENO_FIELD_DECIMAL) {
		int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);
		ceno_json_string(w, digits, (size_t)length);
	} else if (f->type == CENO_FIELD_BOOL) {
		ceno_json_bool(w, n != 0);
	} else {
		ceno_json_number(w, n);
	}
}

static void write_word(const struct ceno_field *f, const char *member, struct ceno_json_writer *w)
{
	const char *const *words = f->aux;
	uint64_t n = load(member, f->size);
	if (n > f->max || words[n] == NULL)
		refuse(w);
	else
		ceno_json_string(w, words[n], strlen(words[n]));
}

static void write_text(const struct ceno_field *f, const char *member, struct ceno_json_writer *w)
{
	size_t n = strnlen(member, f->max + 1);
	if (!text_allowed(f, member, n))
		refuse(w);
	else
		ceno_json_string(w, member, n);
}

static void write_hash(const struct ceno_field *f, const char *member, struct ceno_json_writer *w)
{
	if (f->type == CENO_FIELD_HASH_OR_NONE && memcmp(member, none32, 32) == 0)
		ceno_json_string(w, "none", 4);
	else
		ceno_json_hex(w, f->type == CENO_FIELD_HEX ? "" : "sha256:", (const uint8_t *)member, f->size);
}

static void write_bytes(const struct ceno_field *f, const char *base, struct ceno_json_writer *w)
{
	uint64_t n = f->type == CENO_FIELD_BASE64 ? f->size : load(base + f->count_offset, 4);
	if (f->type == CENO_FIELD_BYTES && (n < f->min || n > f->max))
		refuse(w);
	else
		ceno_json_base64(w, (const uint8_t *)base + f->offset, n);
}

static void write_list(const struct ceno_field *f, const char *base, struct ceno_json_writer *w)
{
	uint64_t n = f->count_offset == CENO_FIELD_NO_COUNT ? f->max : load(base + f->count_offset, 4);
	if (n < f->min || n > f->max) {
		refuse(w);
		return;
	}
	ceno_json_open_array(w);
	for (uint64_t i = 0; i < n; i++)
		write_field(f->aux, base + f->offset + i * f->size, w);
	ceno_json_close(w);
}

static void write_tuple(const struct ceno_field *f, const char *base, struct ceno_json_writer *w)
{
	const struct ceno_schema *s = f->aux;
	ceno_json_open_array(w);
	for (uint32_t i = 0; i < s->count; i++)
		write_field(&s->fields[i], base + f->offset, w);
	ceno_json_close(w);
}

static void write_field(const struct ceno_field *f, const char *base, struct ceno_json_writer *w)
{
	const char *member = base + f->offset;
	switch (f->type) {
	case CENO_FIELD_NUMBER:
	case CENO_FIELD_DECIMAL:
	case CENO_FIELD_BOOL:
		write_number(f, member, w);
		break;
	case CENO_FIELD_WORD:
		write_word(f, member, w);
		break;
	case CENO_FIELD_TEXT:
		write_text(f, member, w);
		break;
	case CENO_FIELD_CONST:
	case CENO_FIELD_VERSION:
		ceno_json_string(w, f->aux, strlen(f->aux));
		break;
	case CENO_FIELD_FIXED:
		ceno_json_number(w, f->min);
		break;
	case CENO_FIELD_HASH:
	case CENO_FIELD_HASH_OR_NONE:
	case CENO_FIELD_HEX:
		write_hash(f, member, w);
		break;
	case CENO_FIELD_BASE64:
	case CENO_FIELD_BYTES:
		write_bytes(f, base, w);
		break;
	case CENO_FIELD_OBJECT:
		ceno_schema_write(f->aux, member, w);
		break;
	case CENO_FIELD_TUPLE:
		write_tuple(f, base, w);
		break;
	case CENO_FIELD_LIST:
		write_list(f, base, w);
		break;
	default:
		refuse(w);
	}
}

void ceno_schema_write(const struct ceno_schema *schema, const void *from, struct ceno_json_writer *w)
{
	ceno_json_open_object(w);
	for (uint32_t i = 0; i < schema->count; i++) {
		ceno_json_key(w, schema->fields[i].key);
		write_field(&schema->fields[i], from, w);
	}
	ceno_json_close(w);
}

/* ---- reading ------------------------------------------------------------------- */

/* The first error is kept; reading goes on with what is left, which is bounded by document and tables. */
struct source {
	const struct ceno_json *json;
	uint32_t bad;
	int error;
};

static void read_field(struct source *s, const struct ceno_field *f, uint32_t token, char *base);

static void note(struct source *s, uint32_t token, int error)
{
	if (s->error == 0 && error != 0) {
		s->error = error;
		s->bad = token;
	}
}

static int read_hex(const char *text, uint8_t *out, size_t bytes)
{
	for (size_t i = 0; i < 2 * bytes; i++) {
		char c = text[i];
		int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
		if (digit < 0)
			return CENO_SCHEMA_E_VALUE;
		out[i / 2] = (uint8_t)(i % 2 == 0 ? digit << 4 : out[i / 2] | digit);
	}
	return 0;
}

static int read_hash(const struct ceno_field *f, const char *text, uint32_t length, uint8_t *out)
{
	if (f->type == CENO_FIELD_HASH_OR_NONE && length == 4 && memcmp(text, "none", 4) == 0)
		return 0;
	if (f->type != CENO_FIELD_HEX) {
		if (length < 7 || memcmp(text, "sha256:", 7) != 0)
			return CENO_SCHEMA_E_VALUE;
		text += 7;
		length -= 7;
	}
	if (length != 2 * f->size || read_hex(text, out, f->size) != 0)
		return CENO_SCHEMA_E_VALUE;
	if (f->type == CENO_FIELD_HASH_OR_NONE && memcmp(out, none32, 32) == 0)
		return CENO_SCHEMA_E_VALUE; /* two spellings of nothing */
	return 0;
}

static int read_decimal(const struct ceno_field *f, const char *text, uint32_t length, char *member)
{
	uint64_t n = 0;
	if (length == 0 || length > 20 || (length > 1 && text[0] == '0'))
		return CENO_SCHEMA_E_VALUE;
	for (uint32_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(text[i] - '0'), &n))
			return CENO_SCHEMA_E_VALUE;
	}
	if (n < f->min || n > f->max)
		return CENO_SCHEMA_E_VALUE;
	store(member, f->size, n);
	return 0;
}

/* Strict base64: the reader accepts only what the writer makes (padding there, spare bits zero). */
static int read_bytes(const struct ceno_field *f, const char *text, uint32_t length, char *base)
{
	size_t n = 0, max = f->type == CENO_FIELD_BASE64 ? f->size : f->max;
	if (sodium_base642bin((unsigned char *)base + f->offset, max, text, length, NULL, &n, NULL,
	                      sodium_base64_VARIANT_ORIGINAL) != 0)
		return CENO_SCHEMA_E_VALUE;
	if (f->type == CENO_FIELD_BASE64)
		return n == f->size ? 0 : CENO_SCHEMA_E_VALUE;
	if (n < f->min)
		return CENO_SCHEMA_E_VALUE;
	store(base + f->count_offset, 4, n);
	return 0;
}

static int read_word(const struct ceno_field *f, const char *text, uint32_t length, char *member)
{
	const char *const *words = f->aux;
	for (uint64_t i = 0; i <= f->max; i++) {
		if (words[i] != NULL && strlen(words[i]) == length && memcmp(words[i], text, length) == 0) {
			store(member, f->size, i);
			return 0;
		}
	}
	return CENO_SCHEMA_E_VALUE;
}

static int read_string(const struct ceno_field *f, const struct ceno_json *json, const struct ceno_json_token *t,
                       char *base)
{
	const char *text = json->text + t->start;
	if (t->type != CENO_JSON_STRING)
		return CENO_SCHEMA_E_TYPE;
	switch (f->type) {
	case CENO_FIELD_DECIMAL:
		return read_decimal(f, text, t->length, base + f->offset);
	case CENO_FIELD_WORD:
		return read_word(f, text, t->length, base + f->offset);
	case CENO_FIELD_TEXT:
		if (!text_allowed(f, text, t->length))
			return CENO_SCHEMA_E_VALUE;
		memcpy(base + f->offset, text, t->length);
		return 0;
	case CENO_FIELD_CONST:
		return strlen(f->aux) == t->length && memcmp(f->aux, text, t->length) == 0 ? 0 : CENO_SCHEMA_E_VALUE;
	case CENO_FIELD_VERSION:
		return 0;
	case CENO_FIELD_BASE64:
	case CENO_FIELD_BYTES:
		return read_bytes(f, text, t->length, base);
	default:
		return read_hash(f, text, t->length, (uint8_t *)base + f->offset);
	}
}

static int read_number(const struct ceno_field *f, const struct ceno_json_token *t, char *member)
{
	if (t->type != (f->type == CENO_FIELD_BOOL ? CENO_JSON_BOOL : CENO_JSON_NUMBER))
		return CENO_SCHEMA_E_TYPE;
	if (t->number < f->min || t->number > f->max)
		return CENO_SCHEMA_E_VALUE;
	if (f->type != CENO_FIELD_FIXED)
		store(member, f->size, t->number);
	return 0;
}

static void read_array(struct source *s, const struct ceno_field *f, uint32_t token, char *base)
{
	const struct ceno_json_token *t = &s->json->tokens[token];
	bool is_tuple = f->type == CENO_FIELD_TUPLE;
	const struct ceno_schema *tuple = f->aux;
	uint64_t max = is_tuple ? tuple->count : f->max;
	uint64_t min = is_tuple || f->count_offset == CENO_FIELD_NO_COUNT ? max : f->min;
	if (t->type != CENO_JSON_ARRAY) {
		note(s, token, CENO_SCHEMA_E_TYPE);
		return;
	}
	uint32_t member = token + 1, count = t->count;
	if (count < min || count > max)
		note(s, token, CENO_SCHEMA_E_COUNT);
	if (count > max)
		count = (uint32_t)max;
	for (uint32_t i = 0; i < count; i++) {
		if (is_tuple)
			read_field(s, &tuple->fields[i], member, base + f->offset);
		else
			read_field(s, f->aux, member, base + f->offset + (size_t)i * f->size);
		member = s->json->tokens[member].next;
	}
	if (!is_tuple && f->count_offset != CENO_FIELD_NO_COUNT)
		store(base + f->count_offset, 4, count);
}

static int compare_key(const struct ceno_json *json, const struct ceno_json_token *t, const char *key)
{
	size_t length = strlen(key), n = t->key_length < length ? t->key_length : length;
	int d = memcmp(json->text + t->key_start, key, n);
	return d != 0 ? d : t->key_length < length ? -1 : t->key_length > length;
}

/* Both sides are sorted: one walk finds each key that is too many or missing. */
static void read_object(struct source *s, const struct ceno_schema *schema, uint32_t token, char *to)
{
	const struct ceno_json_token *t = &s->json->tokens[token];
	uint32_t member = token + 1, field = 0, read = 0;
	if (t->type != CENO_JSON_OBJECT) {
		note(s, token, CENO_SCHEMA_E_TYPE);
		return;
	}
	while (field < schema->count || read < t->count) {
		int d = field >= schema->count ? -1
		    : read >= t->count         ? 1
				       : compare_key(s->json, &s->json->tokens[member], schema->fields[field].key);
		if (d > 0) {
			note(s, read < t->count ? member : token, CENO_SCHEMA_E_MISSING);
			field++;
			continue;
		}
		if (d < 0)
			note(s, member, CENO_SCHEMA_E_UNKNOWN);
		else
			read_field(s, &schema->fields[field++], member, to);
		member = s->json->tokens[member].next;
		read++;
	}
}

static void read_field(struct source *s, const struct ceno_field *f, uint32_t token, char *base)
{
	const struct ceno_json_token *t = &s->json->tokens[token];
	switch (f->type) {
	case CENO_FIELD_NUMBER:
	case CENO_FIELD_FIXED:
	case CENO_FIELD_BOOL:
		note(s, token, read_number(f, t, base + f->offset));
		break;
	case CENO_FIELD_OBJECT:
		read_object(s, f->aux, token, base + f->offset);
		break;
	case CENO_FIELD_TUPLE:
	case CENO_FIELD_LIST:
		read_array(s, f, token, base);
		break;
	default:
		note(s, token, read_string(f, s->json, t, base));
	}
}

int ceno_schema_read(const struct ceno_schema *schema, const struct ceno_json *json, uint32_t token, void *to,
                     uint32_t *bad)
{
	struct source s = { json, token, 0 };
	read_object(&s, schema, token, to);
	*bad = s.bad;
	return s.error;
}

int ceno_schema_hash(const struct ceno_schema *schema, const void *from, uint8_t hash[32])
{
	char text[8192]; /* the longest hashed object (evidence of step 3 or 1) stays below 4 KiB */
	struct ceno_json_writer w;
	ceno_json_writer_init(&w, text, sizeof(text));
	ceno_schema_write(schema, from, &w);
	if (w.error == 0)
		crypto_hash_sha256(hash, (const unsigned char *)text, w.length);
	return w.error;
}
