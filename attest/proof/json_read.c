/*
 * Strict reader of the proof's JSON (json.h). One pass, one explicit stack of
 * open containers, every byte looked at once. Invariant: `pos <= bytes`, and a
 * byte is read only after at() said it is there.
 */
#include "json.h"

#include <string.h>

struct reader {
	const char *text;
	uint32_t pos, bytes;
	struct ceno_json_token *tokens;
	uint32_t count, capacity;
	uint32_t open[CENO_JSON_DEPTH_MAX];     /* token of each open container */
	uint32_t last_key[CENO_JSON_DEPTH_MAX]; /* token of its last member, 0: none yet */
	uint32_t depth;
};

const char *ceno_json_error_text(int error)
{
	switch (error) {
#define TEXT(name, number, text) \
	case number: \
		return text;
		CENO_JSON_ERRORS(TEXT)
#undef TEXT
	default:
		return "no error";
	}
}

static int at(const struct reader *r)
{
	return r->pos < r->bytes ? (unsigned char)r->text[r->pos] : -1;
}

static bool is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_key_char(int c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* What to say of a byte that cannot stand here. */
static int unexpected(const struct reader *r)
{
	int c = at(r);
	if (is_space(c))
		return CENO_JSON_E_CANONICAL;
	return c > 0x7e || (c >= 0 && c < 0x20) ? CENO_JSON_E_ASCII : CENO_JSON_E_SYNTAX;
}

/* The string whose opening quote is at pos: its span without quotes. */
static int read_string(struct reader *r, uint32_t *start, uint32_t *length)
{
	if (at(r) != '"')
		return unexpected(r);
	*start = ++r->pos;
	for (;; r->pos++) {
		int c = at(r);
		if (c < 0)
			return CENO_JSON_E_SYNTAX;
		if (c == '"')
			break;
		if (c < 0x20 || c > 0x7e || c == '\\')
			return CENO_JSON_E_ASCII;
	}
	*length = r->pos++ - *start;
	return 0;
}

static int read_number(struct reader *r, struct ceno_json_token *t)
{
	uint32_t start = r->pos;
	uint64_t n = 0;
	if (at(r) == '-')
		return CENO_JSON_E_NUMBER;
	for (; is_digit(at(r)); r->pos++) {
		n = n * 10 + (uint64_t)(at(r) - '0');
		if (n > CENO_JSON_NUMBER_MAX)
			return CENO_JSON_E_NUMBER;
	}
	if (at(r) == '.' || at(r) == 'e' || at(r) == 'E')
		return CENO_JSON_E_NUMBER;
	if (r->text[start] == '0' && r->pos - start > 1)
		return CENO_JSON_E_CANONICAL;
	t->number = n;
	t->length = r->pos - start;
	return 0;
}

static bool take_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);
	if (r->bytes - r->pos < n || memcmp(r->text + r->pos, word, n) != 0)
		return false;
	r->pos += (uint32_t)n;
	return true;
}

static int compare_keys(const struct reader *r, const struct ceno_json_token *a, const struct ceno_json_token *b)
{
	uint32_t n = a->key_length < b->key_length ? a->key_length : b->key_length;
	int d = memcmp(r->text + a->key_start, r->text + b->key_start, n);
	if (d != 0)
		return d;
	return a->key_length < b->key_length ? -1 : a->key_length > b->key_length;
}

/* Out of order: is it there already? Only then is it a duplicate. */
static bool key_exists(const struct reader *r, uint32_t container, const struct ceno_json_token *t)
{
	uint32_t member = container + 1;
	for (uint32_t i = 0; i + 1 < r->tokens[container].count; i++) {
		if (compare_keys(r, &r->tokens[member], t) == 0)
			return true;
		member = r->tokens[member].next;
	}
	return false;
}

/* Key, colon, and the order rule, for the member whose token is t. */
static int read_key(struct reader *r, struct ceno_json_token *t)
{
	uint32_t container = r->open[r->depth - 1], last = r->last_key[r->depth - 1];
	int rc = read_string(r, &t->key_start, &t->key_length);
	if (rc != 0)
		return rc;
	if (t->key_length == 0 || t->key_length > CENO_JSON_KEY_MAX)
		return CENO_JSON_E_KEY;
	for (uint32_t i = 0; i < t->key_length; i++)
		if (!is_key_char((unsigned char)r->text[t->key_start + i]))
			return CENO_JSON_E_KEY;
	if (last != 0 && compare_keys(r, &r->tokens[last], t) >= 0)
		return key_exists(r, container, t) ? CENO_JSON_E_DUPLICATE : CENO_JSON_E_ORDER;
	r->last_key[r->depth - 1] = (uint32_t)(t - r->tokens);
	if (at(r) != ':')
		return unexpected(r);
	r->pos++;
	return 0;
}

static int open_container(struct reader *r, struct ceno_json_token *t)
{
	if (r->depth == CENO_JSON_DEPTH_MAX)
		return CENO_JSON_E_DEPTH;
	t->type = at(r) == '{' ? CENO_JSON_OBJECT : CENO_JSON_ARRAY;
	r->pos++;
	r->open[r->depth] = (uint32_t)(t - r->tokens);
	r->last_key[r->depth++] = 0;
	return 0;
}

/* One value into token t; containers are only opened. */
static int read_value(struct reader *r, struct ceno_json_token *t)
{
	int c = at(r);
	t->start = r->pos;
	if (c == '{' || c == '[')
		return open_container(r, t);
	if (c == '"') {
		t->type = CENO_JSON_STRING;
		return read_string(r, &t->start, &t->length);
	}
	if (is_digit(c) || c == '-') {
		t->type = CENO_JSON_NUMBER;
		return read_number(r, t);
	}
	if (take_word(r, "true") || take_word(r, "false")) {
		t->type = CENO_JSON_BOOL;
		t->number = r->text[t->start] == 't';
		t->length = r->pos - t->start;
		return 0;
	}
	return take_word(r, "null") ? CENO_JSON_E_NULL : unexpected(r);
}

static int new_token(struct reader *r, struct ceno_json_token **t)
{
	if (r->count == r->capacity)
		return CENO_JSON_E_SPACE;
	*t = &r->tokens[r->count++];
	memset(*t, 0, sizeof(**t));
	return 0;
}

/* Next member of the innermost container, or its end. */
static int step(struct reader *r)
{
	uint32_t index = r->open[r->depth - 1];
	struct ceno_json_token *container = &r->tokens[index], *t;
	if (at(r) == (container->type == CENO_JSON_OBJECT ? '}' : ']')) {
		r->pos++;
		container->length = r->pos - container->start;
		container->next = r->count;
		r->depth--;
		return 0;
	}
	if (container->count > 0) {
		if (at(r) != ',')
			return unexpected(r);
		r->pos++;
	}
	int rc = new_token(r, &t);
	if (rc != 0)
		return rc;
	container->count++;
	if (container->type == CENO_JSON_OBJECT && (rc = read_key(r, t)) != 0)
		return rc;
	rc = read_value(r, t);
	t->next = r->count;
	return rc;
}

int ceno_json_read(struct ceno_json *json, const void *text, size_t bytes, struct ceno_json_token *tokens,
                   uint32_t capacity)
{
	struct reader r = { .text = text, .tokens = tokens, .capacity = capacity };
	struct ceno_json_token *t;
	*json = (struct ceno_json){ .text = text, .tokens = tokens };
	if (bytes > UINT32_MAX / 2)
		return CENO_JSON_E_SPACE;
	r.bytes = (uint32_t)bytes;
	int rc = new_token(&r, &t);
	if (rc == 0) {
		rc = read_value(&r, t);
		t->next = r.count;
	}
	while (rc == 0 && r.depth > 0)
		rc = step(&r);
	if (rc == 0 && r.pos != r.bytes)
		rc = is_space(at(&r)) ? CENO_JSON_E_CANONICAL : CENO_JSON_E_TRAILING;
	json->token_count =
	    r.depth == 0 && r.pos > 0 && (rc == 0 || rc == CENO_JSON_E_CANONICAL || rc == CENO_JSON_E_TRAILING)
	    ? r.count
	    : 0;
	json->error_offset = r.pos;
	return rc;
}
