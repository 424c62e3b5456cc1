/*
 * The ladder's driver: bytes and schema (stages 1 and 2), then the other stages
 * in order, then the verdict. Invariant: a check's status is written once; the
 * verdict is the lowest failing code, because codes are listed in ladder order.
 */
#include "ladder.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef CENO_VERIFY_TESTING
uint32_t ceno_verify_skip = CENO_VERIFY_CODE_COUNT;
#elif defined(CENO_VERIFY_SKIP)
/* -DCENO_VERIFY_SKIP=CENO_VERIFY_FILTER compiles one check out. */
#define ceno_verify_skip ((uint32_t)(CENO_VERIFY_SKIP))
#else
#define ceno_verify_skip ((uint32_t)CENO_VERIFY_CODE_COUNT)
#endif

static const struct ceno_verify_code_info infos[CENO_VERIFY_CODE_COUNT] = {
#define INFO(name, number, stage, exit, text) { #name, text, number, stage, exit },
	CENO_VERIFY_CODES(INFO)
#undef INFO
};

const struct ceno_verify_code_info *ceno_verify_code_info(uint32_t code)
{
	return &infos[code];
}

void ceno_verify_policy_init(struct ceno_verify_policy *policy)
{
	*policy = (struct ceno_verify_policy){ .memory = CENO_MEMORY_FULL,
		                               .key_floor = CENO_KEY_SOFTWARE,
		                               .as_of = CENO_VERIFY_NO_TIME };
}

bool ceno_check(struct ceno_ladder *l, enum ceno_verify_code code, bool passed)
{
	if (l->stopped)
		return false;
	if ((uint32_t)code == ceno_verify_skip)
		passed = true;
	l->result->status[code] = passed ? CENO_CHECK_PASS : CENO_CHECK_FAIL;
	if (!passed && l->result->verdict == CENO_VERIFY_CODE_COUNT) {
		l->result->verdict = code;
		l->result->exit_status = infos[code].exit_status;
	}
	if (!passed && !l->policy->explain)
		l->stopped = true;
	return !l->stopped;
}

bool ceno_need(struct ceno_ladder *l, enum ceno_verify_code code, bool passed)
{
	bool go_on = ceno_check(l, code, passed);
	return go_on && (passed || (uint32_t)code == ceno_verify_skip);
}

void ceno_check_detail(struct ceno_ladder *l, enum ceno_verify_code code, const char *format, ...)
{
	va_list args;
	if (l->result->verdict != (uint32_t)code || l->result->detail[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(l->result->detail, sizeof(l->result->detail), format, args);
	va_end(args);
}

static const char *schema_error_text(int error)
{
	switch (error) {
	case CENO_SCHEMA_E_UNKNOWN:
		return "unknown field";
	case CENO_SCHEMA_E_MISSING:
		return "a field is missing before or after";
	case CENO_SCHEMA_E_TYPE:
		return "wrong type";
	case CENO_SCHEMA_E_VALUE:
		return "outside its pattern or range";
	default:
		return "wrong number of members";
	}
}

/* Read one document by its schema. Returns true if `to` is filled. */
static bool read_document(struct ceno_ladder *l, const void *text, size_t bytes, const struct ceno_schema *schema,
                          void *to, enum ceno_verify_code json_code, enum ceno_verify_code schema_code)
{
	struct ceno_json json;
	uint32_t bad = 0;
	int rc = ceno_json_read(&json, text, bytes, l->tokens, CENO_LADDER_TOKENS);
	bool version_known = true;
	bool go_on = ceno_need(l, json_code, rc == 0);
	ceno_check_detail(l, json_code, "byte %u: %s", json.error_offset, ceno_json_error_text(rc));
	if (!go_on || json.token_count == 0)
		return false;
	if (json_code == CENO_VERIFY_FILE_JSON) {
		const struct ceno_json_token *t = &json.tokens[1];
		version_known = json.token_count > 1 && t->key_length == 3 &&
		    memcmp(json.text + t->key_start, "cdp", 3) == 0 && t->type == CENO_JSON_STRING &&
		    t->length == strlen(CENO_PROOF_CDP_VERSION) &&
		    memcmp(json.text + t->start, CENO_PROOF_CDP_VERSION, t->length) == 0;
		ceno_check(l, CENO_VERIFY_VERSION, version_known);
		if (l->stopped)
			return false;
	}
	rc = ceno_schema_read(schema, &json, 0, to, &bad);
	go_on = ceno_need(l, schema_code, rc == 0);
	const struct ceno_json_token *t = &json.tokens[bad < json.token_count ? bad : 0];
	ceno_check_detail(l, schema_code, "at \"%.*s\", byte %u: %s", (int)(t->key_length > 64 ? 64 : t->key_length),
	                  json.text + t->key_start, t->start, schema_error_text(rc));
	return go_on;
}

static bool stage_bytes(struct ceno_ladder *l, const void *file, size_t bytes)
{
	bool fits = bytes > 0 && bytes <= CENO_CDP_FILE_MAX;
	ceno_check(l, CENO_VERIFY_FILE_SIZE, fits);
	if (l->stopped ||
	    !read_document(l, file, bytes, &ceno_schema_envelope, &l->envelope, CENO_VERIFY_FILE_JSON,
	                   CENO_VERIFY_FILE_SCHEMA))
		return false;
	return read_document(l, l->envelope.payload, l->envelope.payload_bytes, &ceno_schema_document, &l->document,
	                     CENO_VERIFY_PAYLOAD_JSON, CENO_VERIFY_PAYLOAD_SCHEMA);
}

static void publish(struct ceno_ladder *l)
{
	l->result->read = 1;
	l->result->statement = l->document.statement;
	l->result->seal = l->envelope.seal;
}

static void result_init(struct ceno_verify_result *result)
{
	memset(result, 0, sizeof(*result));
	result->verdict = CENO_VERIFY_CODE_COUNT;
	result->pin = UINT32_MAX;
}

static struct ceno_ladder *ladder_new(const struct ceno_verify_policy *policy, struct ceno_verify_result *result)
{
	struct ceno_ladder *l = sodium_init() < 0 ? NULL : calloc(1, sizeof(*l));
	result_init(result);
	if (l == NULL) {
		result->exit_status = 2;
		return NULL;
	}
	l->policy = policy;
	l->result = result;
	return l;
}

int ceno_verify(const void *file, size_t bytes, const struct ceno_verify_policy *policy,
                struct ceno_verify_result *result)
{
	struct ceno_ladder *l = ladder_new(policy, result);
	if (l == NULL)
		return -1;
	if (stage_bytes(l, file, bytes)) {
		publish(l);
		ceno_stage_evidence(l);
		ceno_stage_signature(l);
		ceno_stage_step8(l);
		ceno_stage_memory(l);
		ceno_stage_log(l);
		ceno_stage_quote(l);
		ceno_stage_reference(l);
		ceno_stage_trust(l);
	} else if (result->verdict == CENO_VERIFY_CODE_COUNT) {
		/* Only a test build gets here: a reader's check was left out and there is nothing to go on with. */
		result->exit_status = 1;
	}
	free(l);
	return 0;
}

int ceno_verify_payload(const void *payload, size_t bytes, const uint8_t signature[64], const uint8_t signer_pub[32],
                        struct ceno_verify_result *result)
{
	struct ceno_verify_policy policy;
	ceno_verify_policy_init(&policy);
	struct ceno_ladder *l = ladder_new(&policy, result);
	if (l == NULL)
		return -1;
	bool fits = bytes > 0 && bytes <= CENO_PAYLOAD_MAX;
	ceno_check(l, CENO_VERIFY_FILE_SIZE, fits);
	if (fits &&
	    read_document(l, payload, bytes, &ceno_schema_document, &l->document, CENO_VERIFY_PAYLOAD_JSON,
	                  CENO_VERIFY_PAYLOAD_SCHEMA)) {
		memcpy(l->envelope.payload, payload, bytes);
		l->envelope.payload_bytes = (uint32_t)bytes;
		memcpy(l->envelope.signature, signature, 64);
		crypto_hash_sha256(l->envelope.keyid, signer_pub, 32);
		publish(l);
		ceno_stage_evidence(l);
		ceno_stage_signature(l);
	}
	free(l);
	return 0;
}
