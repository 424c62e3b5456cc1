/*
 * The strict JSON reader. Property: what it accepts has one spelling, so writing
 * the tokens again gives the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "attest/proof/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_TOKENS 4096u

static void write_again(struct ceno_json_writer *w, const struct ceno_json *json)
{
	uint32_t close_at[CENO_JSON_DEPTH_MAX], depth = 0;

	for (uint32_t i = 0; i < json->token_count; i++) {
		const struct ceno_json_token *t = &json->tokens[i];
		char key[CENO_JSON_KEY_MAX + 1] = { 0 };

		for (; depth && close_at[depth - 1] == i; depth--)
			ceno_json_close(w);
		if (t->key_length) {
			memcpy(key, json->text + t->key_start, t->key_length);
			ceno_json_key(w, key);
		}
		if (t->type == CENO_JSON_OBJECT || t->type == CENO_JSON_ARRAY) {
			if (t->type == CENO_JSON_OBJECT)
				ceno_json_open_object(w);
			else
				ceno_json_open_array(w);
			close_at[depth++] = t->next;
		} else if (t->type == CENO_JSON_STRING) {
			ceno_json_string(w, json->text + t->start, t->length);
		} else if (t->type == CENO_JSON_NUMBER) {
			ceno_json_number(w, t->number);
		} else {
			ceno_json_bool(w, t->number != 0);
		}
	}
	while (depth--)
		ceno_json_close(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ceno_json_token tokens[FUZZ_TOKENS];
	struct ceno_json json;
	struct ceno_json_writer writer;
	char *again;

	if (ceno_json_read(&json, data, size, tokens, FUZZ_TOKENS))
		return 0;
	again = malloc(size + 1);
	if (!again)
		abort();
	ceno_json_writer_init(&writer, again, size);
	write_again(&writer, &json);
	if (writer.error || writer.length != size || memcmp(again, data, size))
		abort();
	free(again);
	return 0;
}
