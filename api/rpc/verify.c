/* proof.verify: see verify.h. */
#include "verify.h"

#include <stdio.h>

#include "attest/verify/verify.h"
#include "request.h"

#define TEXT_MAX 65536u /* of the result; every check, its longest name and text are some 12 KiB */

static int malformed(const char *what, int error, uint32_t line, char *message)
{
	snprintf(message, CENO_RPC_MESSAGE_MAX, "%s: line %u: %s", what, line,
	         error == CENO_VERIFY_PIN_E_EMPTY ? "it names or asks nothing" : "malformed");
	return CENO_RPC_PARAMS;
}

static int prepare(const struct ceno_rpc_verify *ask, struct ceno_verify_policy *policy, char *message)
{
	static struct ceno_verify_pins pins;
	static struct ceno_verify_rules rules;
	uint32_t line = 0;
	int rc;

	ceno_verify_policy_init(policy);
	if (ask->pins) {
		rc = ceno_verify_pins_parse(ask->pins, ask->pins_bytes, &pins, &line);
		if (rc)
			return malformed("pins", rc, line, message);
		policy->pins = &pins;
	}
	if (ask->policy) {
		rc = ceno_verify_rules_parse(ask->policy, ask->policy_bytes, &rules, &line);
		if (rc)
			return malformed("policy", rc, line, message);
		ceno_verify_policy_apply(policy, &rules);
	}
	policy->memory = CENO_MEMORY_NONE;
	policy->explain = ask->explain;
	policy->rp_nonce = ask->has_nonce ? ask->nonce : NULL;
	return CENO_RPC_OK;
}

int ceno_rpc_verify(const struct ceno_rpc_verify *ask, uint64_t now, json_t **result, char *message)
{
	static struct ceno_verify_result verified;
	static char text[TEXT_MAX];
	struct ceno_verify_policy policy;
	int rc = prepare(ask, &policy, message);
	size_t length;

	*result = NULL;
	if (rc)
		return rc;
	policy.as_of = ask->as_of ? ask->as_of : now;
	if (ceno_verify(ask->proof, ask->proof_bytes, &policy, &verified))
		return CENO_RPC_INTERNAL;
	length = ceno_verify_render_json(&verified, &policy, text, sizeof text);
	if (length < sizeof text)
		*result = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	return *result ? CENO_RPC_OK : CENO_RPC_INTERNAL;
}
