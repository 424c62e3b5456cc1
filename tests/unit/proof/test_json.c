/*
 * The strict JSON reader and writer: what is accepted, what is refused and with
 * which error, and that writing what was read gives the same bytes. The official
 * JCS vectors are all outside our ASCII grammar, each for a stated reason: they
 * must be refused for that reason when the vectors are present.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attest/proof/json.h"
#include "attest/proof/proof.h"

#define TOKENS 256

static struct ceno_json_token tokens[TOKENS];

static int read_text(const char *text, size_t n, struct ceno_json *json)
{
	return ceno_json_read(json, text, n, tokens, TOKENS);
}

/* Write token i again. */
static uint32_t copy(const struct ceno_json *j, uint32_t i, struct ceno_json_writer *w)
{
	const struct ceno_json_token *t = &j->tokens[i];
	uint32_t member = i + 1;
	switch (t->type) {
	case CENO_JSON_OBJECT:
		ceno_json_open_object(w);
		break;
	case CENO_JSON_ARRAY:
		ceno_json_open_array(w);
		break;
	case CENO_JSON_STRING:
		ceno_json_string(w, j->text + t->start, t->length);
		return i + 1;
	case CENO_JSON_NUMBER:
		ceno_json_number(w, t->number);
		return i + 1;
	default:
		ceno_json_bool(w, t->number != 0);
		return i + 1;
	}
	for (uint32_t n = 0; n < t->count; n++) {
		const struct ceno_json_token *m = &j->tokens[member];
		char key[65] = { 0 };
		memcpy(key, j->text + m->key_start, m->key_length);
		if (t->type == CENO_JSON_OBJECT)
			ceno_json_key(w, key);
		member = copy(j, member, w);
	}
	ceno_json_close(w);
	assert_int_equal(member, t->next);
	return member;
}

static void accepted_and_written_again(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"0",
		"true",
		"false",
		"\"\"",
		"\"a b~ {}[]:,/'\"",
		"9007199254740991",
		"[0,10,200]",
		"{\"A\":1,\"B\":{},\"_\":[],\"a\":\"x\",\"a1\":true,\"b\":false}",
		"[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
		"{\"a\":{\"b\":[{\"c\":1},{\"d\":[1,2]}],\"bb\":0},\"aa\":[]}",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct ceno_json json;
		struct ceno_json_writer w;
		char out[512];
		assert_int_equal(read_text(texts[i], strlen(texts[i]), &json), 0);
		ceno_json_writer_init(&w, out, sizeof(out));
		copy(&json, 0, &w);
		assert_int_equal(w.error, 0);
		assert_int_equal(w.length, strlen(texts[i]));
		assert_memory_equal(out, texts[i], w.length);
	}
}

static void refused_with_its_reason(void **state)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{ "", CENO_JSON_E_SYNTAX },
		{ "{", CENO_JSON_E_SYNTAX },
		{ "}", CENO_JSON_E_SYNTAX },
		{ "[1", CENO_JSON_E_SYNTAX },
		{ "[1,]", CENO_JSON_E_SYNTAX },
		{ "[,1]", CENO_JSON_E_SYNTAX },
		{ "{\"a\"}", CENO_JSON_E_SYNTAX },
		{ "{\"a\":}", CENO_JSON_E_SYNTAX },
		{ "{\"a\":1,}", CENO_JSON_E_SYNTAX },
		{ "{a:1}", CENO_JSON_E_SYNTAX },
		{ "[1}", CENO_JSON_E_SYNTAX },
		{ "{\"a\":1]", CENO_JSON_E_SYNTAX },
		{ "\"abc", CENO_JSON_E_SYNTAX },
		{ "tru", CENO_JSON_E_SYNTAX },
		{ "truefalse", CENO_JSON_E_TRAILING },
		{ "+1", CENO_JSON_E_SYNTAX },
		{ "\"\xc3\xa9\"", CENO_JSON_E_ASCII },
		{ "\"a\\n\"", CENO_JSON_E_ASCII },
		{ "\"a\tb\"", CENO_JSON_E_ASCII },
		{ "\"\x7f\"", CENO_JSON_E_ASCII },
		{ "\xef\xbb\xbf{}", CENO_JSON_E_ASCII },
		{ "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", CENO_JSON_E_DEPTH },
		{ "{\"a\":1,\"a\":2}", CENO_JSON_E_DUPLICATE },
		{ "{\"a\":1,\"b\":{\"x\":[]},\"a\":2}", CENO_JSON_E_DUPLICATE },
		{ "{\"b\":1,\"a\":2}", CENO_JSON_E_ORDER },
		{ "{\"a\":1,\"B\":2}", CENO_JSON_E_ORDER },
		{ "{\"aa\":1,\"a\":2}", CENO_JSON_E_ORDER },
		{ " {}", CENO_JSON_E_CANONICAL },
		{ "{} ", CENO_JSON_E_CANONICAL },
		{ "{}\n", CENO_JSON_E_CANONICAL },
		{ "{\"a\": 1}", CENO_JSON_E_CANONICAL },
		{ "[1, 2]", CENO_JSON_E_CANONICAL },
		{ "[ ]", CENO_JSON_E_CANONICAL },
		{ "01", CENO_JSON_E_CANONICAL },
		{ "00", CENO_JSON_E_CANONICAL },
		{ "-1", CENO_JSON_E_NUMBER },
		{ "-0", CENO_JSON_E_NUMBER },
		{ "1.5", CENO_JSON_E_NUMBER },
		{ "1e3", CENO_JSON_E_NUMBER },
		{ "9007199254740992", CENO_JSON_E_NUMBER },
		{ "99999999999999999999999999", CENO_JSON_E_NUMBER },
		{ "null", CENO_JSON_E_NULL },
		{ "[null]", CENO_JSON_E_NULL },
		{ "{\"\":1}", CENO_JSON_E_KEY },
		{ "{\"a-b\":1}", CENO_JSON_E_KEY },
		{ "{\"a b\":1}", CENO_JSON_E_KEY },
		{ "{\"a012345678901234567890123456789012345678901234567890123456789012\":1}", 0 },
		{ "{\"a0123456789012345678901234567890123456789012345678901234567890123\":1}", CENO_JSON_E_KEY },
		{ "{}{}", CENO_JSON_E_TRAILING },
		{ "1 2", CENO_JSON_E_CANONICAL },
		{ "[]]", CENO_JSON_E_TRAILING },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ceno_json json;
		/* An exact copy on the heap, so that a read past the end is found by ASan. */
		size_t n = strlen(cases[i].text);
		char *text = malloc(n + 1);
		memcpy(text, cases[i].text, n);
		int rc = ceno_json_read(&json, n == 0 ? NULL : text, n, tokens, TOKENS);
		if (rc != cases[i].error)
			fail_msg("%s: %d (%s)", cases[i].text, rc, ceno_json_error_text(rc));
		free(text);
	}
}

static void tokens_run_out(void **state)
{
	struct ceno_json json;
	(void)state;
	assert_int_equal(ceno_json_read(&json, "[1,2,3]", 7, tokens, 3), CENO_JSON_E_SPACE);
	assert_int_equal(ceno_json_read(&json, "[1,2,3]", 7, tokens, 4), 0);
	assert_int_equal(ceno_json_read(&json, "1", 1, tokens, 0), CENO_JSON_E_SPACE);
}

static void writer_refuses(void **state)
{
	struct ceno_json_writer w;
	char out[64];
	(void)state;
	ceno_json_writer_init(&w, out, sizeof(out));
	ceno_json_open_object(&w);
	ceno_json_key(&w, "b");
	ceno_json_number(&w, 1);
	ceno_json_key(&w, "a");
	assert_int_equal(w.error, CENO_PROOF_E_ORDER);
	ceno_json_writer_init(&w, out, sizeof(out));
	ceno_json_open_object(&w);
	ceno_json_key(&w, "a-b");
	assert_int_equal(w.error, CENO_PROOF_E_FIELD);
	ceno_json_writer_init(&w, out, sizeof(out));
	ceno_json_string(&w, "a\"b", 3);
	assert_int_equal(w.error, CENO_PROOF_E_FIELD);
	ceno_json_writer_init(&w, out, sizeof(out));
	ceno_json_number(&w, CENO_JSON_NUMBER_MAX + 1);
	assert_int_equal(w.error, CENO_PROOF_E_FIELD);
	for (size_t capacity = 0; capacity < 14; capacity++) {
		char *small = malloc(capacity + 1);
		ceno_json_writer_init(&w, small, capacity);
		ceno_json_open_object(&w);
		ceno_json_key(&w, "k");
		ceno_json_base64(&w, (const uint8_t *)"abc", 3);
		ceno_json_close(&w);
		assert_int_equal(w.error, capacity >= 12 ? 0 : CENO_PROOF_E_SPACE);
		free(small);
	}
}

/* The official vectors, outputs in JCS form, all outside our grammar. */
static void official_jcs_vectors(void **state)
{
	static const struct {
		const char *name;
		int error;
		const char *why;
	} vectors[] = {
		{ "arrays", CENO_JSON_E_NULL, "null" },
		{ "french", CENO_JSON_E_ASCII, "a key that is not ASCII" },
		{ "structures", CENO_JSON_E_KEY, "an empty key" },
		{ "unicode", CENO_JSON_E_KEY, "a key with a space" },
		{ "values", CENO_JSON_E_NULL, "null and fractions" },
		{ "weird", CENO_JSON_E_ASCII, "an escaped key" },
	};
	const char *folder = getenv("CENO_VECTORS");
	size_t ran = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		static char text[4096];
		char path[512];
		struct ceno_json json;
		snprintf(path, sizeof(path), "%s/jcs/output/%s.json", folder != NULL ? folder : CENO_DEFAULT_VECTORS,
		         vectors[i].name);
		FILE *f = fopen(path, "rb");
		if (f == NULL)
			continue;
		size_t n = fread(text, 1, sizeof(text), f);
		fclose(f);
		assert_int_equal(read_text(text, n, &json), vectors[i].error);
		print_message("jcs/%s refused: %s\n", vectors[i].name, vectors[i].why);
		ran++;
	}
	print_message("%zu of 6 official JCS vectors present\n", ran);
	if (ran == 0)
		skip();
}

/* Parts of RFC 8785 that lie inside our grammar: sorting (3.2.3: by code unit, so upper before
 * lower case, digits before both), literals and integers (3.2.2.3, appendix B). */
static void rfc8785_subset(void **state)
{
	struct ceno_json_writer w;
	char out[128];
	static const char want[] = "{\"1\":{\"F\":5,\"f\":\"hi\"},\"10\":{},\"111\":[{\"E\":\"no\",\"e\":\"yes\"}],"
				   "\"A\":{},\"a\":9007199254740991}";
	struct ceno_json json;
	(void)state;
	assert_int_equal(read_text(want, strlen(want), &json), 0);
	ceno_json_writer_init(&w, out, sizeof(out));
	copy(&json, 0, &w);
	assert_int_equal(w.length, strlen(want));
	assert_memory_equal(out, want, w.length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted_and_written_again),
		cmocka_unit_test(refused_with_its_reason),
		cmocka_unit_test(tokens_run_out),
		cmocka_unit_test(writer_refuses),
		cmocka_unit_test(official_jcs_vectors),
		cmocka_unit_test(rfc8785_subset),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
