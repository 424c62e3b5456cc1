/* Facts of a proof file: see proof_read.h. */
#include "proof_read.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "attest/proof/wire.h"
#include "state.h"

/* Strict base64 text of a member, decoded; -1 or its length. */
static long decode(const json_t *text, uint8_t *out, size_t max)
{
	size_t bytes;

	if (!json_is_string(text) ||
	    sodium_base642bin(out, max, json_string_value(text), json_string_length(text), NULL, &bytes, NULL,
	                      sodium_base64_VARIANT_ORIGINAL))
		return -1;
	return (long)bytes;
}

static int cause_of(const char *word)
{
	for (unsigned cause = CENO_CAUSE_EXIT; cause <= CENO_CAUSE_CRASH; cause++)
		if (!strcmp(ceno_cause_word(cause), word))
			return (int)cause;
	return -1;
}

static int read_statement(const json_t *statement, struct ceno_proof_facts *facts)
{
	const json_t *predicate = json_object_get(statement, "predicate");
	const json_t *step1 = json_array_get(json_object_get(predicate, "steps"), 0);
	const json_t *cause = json_object_get(json_object_get(step1, "evidence"), "cause");
	const json_t *signer = json_object_get(json_object_get(predicate, "core"), "signer_pub");
	int number = json_is_string(cause) ? cause_of(json_string_value(cause)) : -1;

	if (number < 0 || decode(signer, facts->signer, 32) != 32)
		return -1;
	facts->cause = (uint32_t)number;
	return 0;
}

int ceno_proof_read(const void *file, size_t bytes, struct ceno_proof_facts *facts)
{
	json_t *root = json_loadb(file, bytes, JSON_REJECT_DUPLICATES, NULL), *statement = NULL;
	uint8_t *payload = malloc(CENO_PAYLOAD_MAX);
	long length = -1;
	int rc = -1;

	if (payload)
		length = decode(json_object_get(json_object_get(root, "dsse"), "payload"), payload, CENO_PAYLOAD_MAX);
	if (length >= 0)
		statement = json_loadb((const char *)payload, (size_t)length, JSON_REJECT_DUPLICATES, NULL);
	if (statement)
		rc = read_statement(statement, facts);
	json_decref(statement);
	json_decref(root);
	free(payload);
	return rc;
}
