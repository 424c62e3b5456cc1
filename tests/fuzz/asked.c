/*
 * The texts that a verifier is given beside a proof: policy file, reference values,
 * comparison. The first byte says which. Property: no read outside the text (it is
 * copied to its exact size), lists within their bounds, the same answer twice.
 */
#include <stdlib.h>
#include <string.h>
#include "attest/verify/ladder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rules(const char *text, size_t size)
{
	static struct ceno_verify_rules r, again;
	uint32_t line, second;
	int rc = ceno_verify_rules_parse(text, size, &r, &line);
	if (rc != ceno_verify_rules_parse(text, size, &again, &second) || line != second)
		abort();
	if (rc == 0 &&
	    (r.platform_count != again.platform_count || r.enrolment_count > CENO_VERIFY_LIST_MAX ||
	     r.signer_count > CENO_VERIFY_LIST_MAX || r.key_floor > CENO_KEY_DTPM || r.code_floor > CENO_TRUST_RUNTIME))
		abort();
}

static void reference(const char *text, size_t size)
{
	static struct ceno_verify_reference r;
	uint32_t line;
	if (ceno_verify_reference_parse(text, size, &r, &line) == 0 &&
	    (r.platform_count == 0 || r.pcr_count == 0 || r.pcrs[r.pcr_count - 1].number >= CENO_PROOF_PCRS))
		abort();
}

/* A comparison is only looked at behind a proof's stage 9: the state that it needs, by hand. */
static void comparison(const char *text, size_t size)
{
	static struct ceno_ladder ladder;
	static struct ceno_verify_result result;
	struct ceno_verify_policy policy;
	ceno_verify_policy_init(&policy);
	policy.compare = text;
	policy.compare_bytes = size;
	policy.explain = 1;
	memset(&result, 0, sizeof(result));
	result.verdict = CENO_VERIFY_CODE_COUNT;
	result.log_size = 9;
	strcpy(ladder.envelope.seal.node.origin, "fixture.test/node");
	ladder.policy = &policy;
	ladder.result = &result;
	ceno_check_comparison(&ladder);
	if (result.status[CENO_VERIFY_COMPARISON] == CENO_CHECK_NOT_RUN)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	char *text = malloc(size); /* exact, so that a read past the end is seen */
	memcpy(text, data + 1, size - 1);
	if (data[0] % 3 == 0)
		rules(text, size - 1);
	else if (data[0] % 3 == 1)
		reference(text, size - 1);
	else
		comparison(text, size - 1);
	free(text);
	return 0;
}
