/*
 * Stages 1 to 4 of the verifier: bytes, schema and evidence of a proof, without the signatures and
 * memory roots of cdp.c, so that the fuzzer gets through thousands a second. Byte 0 is 1: the rest
 * is a payload; else all of it is a file, whose payload is read too if it has one.
 *
 * Properties: no read outside the text (it is copied to its exact size), every check of the
 * evidence is made, and a payload accepted in form is what the writer writes of it.
 */
#include "attest/verify/ladder.h"
#include "tests/fuzz/property.h"

static struct ceno_ladder ladder;
static struct ceno_verify_result result;
static struct ceno_verify_policy policy;

static int read_as(const struct ceno_schema *schema, const void *text, size_t bytes, void *to)
{
	struct ceno_json json;
	uint32_t bad = 0;
	if (ceno_json_read(&json, text, bytes, ladder.tokens, CENO_LADDER_TOKENS) || json.token_count == 0)
		return -1;
	int error = ceno_schema_read(schema, &json, 0, to, &bad);
	REQUIRE(bad <= json.token_count);
	return error;
}

/* The subject is the hash of the core as it is written, which a fuzzer does not guess: what was read may have another,
 * and then nothing else may differ. */
static bool same_but_subject(const uint8_t *again, const uint8_t *text, size_t n)
{
	static const char before[] = "\"subject\":[{\"digest\":{\"sha256\":\"";
	const uint8_t *at = memmem(again, n, before, sizeof(before) - 1);
	size_t head = at == NULL ? n : (size_t)(at - again) + sizeof(before) - 1;
	return head + 64 <= n && memcmp(again, text, head) == 0 &&
	    memcmp(again + head + 64, text + head + 64, n - head - 64) == 0;
}

static void judge_payload(const void *text, size_t bytes)
{
	static uint8_t again[CENO_PAYLOAD_MAX];
	size_t n;
	if (bytes == 0 || bytes > CENO_PAYLOAD_MAX)
		return;
	memset(&ladder.document, 0, sizeof(ladder.document));
	if (read_as(&ceno_schema_document, text, bytes, &ladder.document))
		return;
	memset(&result, 0, sizeof(result));
	result.verdict = CENO_VERIFY_CODE_COUNT;
	ladder.stopped = false;
	result.statement = ladder.document.statement;
	ceno_stage_evidence(&ladder);
	REQUIRE(result.status[CENO_VERIFY_SUBJECT] != CENO_CHECK_NOT_RUN);
	REQUIRE(ceno_proof_payload(&result.statement, again, &n) == 0);
	REQUIRE(n == bytes && same_but_subject(again, text, n));
	REQUIRE(result.status[CENO_VERIFY_SUBJECT] != CENO_CHECK_PASS || memcmp(again, text, n) == 0);
}

static void judge_file(const void *text, size_t bytes)
{
	if (bytes == 0 || bytes > CENO_CDP_FILE_MAX)
		return;
	memset(&ladder.envelope, 0, sizeof(ladder.envelope));
	if (read_as(&ceno_schema_envelope, text, bytes, &ladder.envelope) == 0)
		fuzz_exactly(ladder.envelope.payload, ladder.envelope.payload_bytes, judge_payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	ceno_verify_policy_init(&policy);
	policy.explain = 1;
	ladder.policy = &policy;
	ladder.result = &result;
	if (data[0] == 1)
		fuzz_exactly(data + 1, size - 1, judge_payload);
	else
		fuzz_exactly(data, size, judge_file);
	return 0;
}
