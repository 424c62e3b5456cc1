/* Whether a client may have one more session: policy, quota, and the node itself. */
#include <time.h>

#include "api.h"
#include "policy/tier.h"

static int64_t month_start_ms(void)
{
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	utc.tm_mday = 1;
	utc.tm_hour = utc.tm_min = utc.tm_sec = 0;
	return (int64_t)timegm(&utc) * 1000;
}

int ceno_api_admit(struct ceno_api_client *client, const struct ceno_rpc_run *run, const char **message)
{
	const struct ceno_tier_limits *tier = ceno_tier_limits(client->tier);
	const struct ceno_session_ask ask = {
		.tier = client->tier,
		.pledge_mask = run->pledge_mask,
		.memory_bytes = run->memory_bytes ? run->memory_bytes : tier->memory_default_bytes,
		.ttl_ms = run->ttl_ms ? run->ttl_ms : tier->ttl_default_ms,
		.input_bytes = run->files_bytes,
		.file_count = run->file_count,
		.classification = run->classification,
		.jurisdiction = run->jurisdiction,
	};
	enum ceno_session_policy reason = ceno_session_check(&ask);

	*message = NULL;
	if (reason) {
		*message = ceno_session_policy_text(reason);
		return CENO_RPC_POLICY;
	}
	if (client->api->stopping) {
		*message = "the node is stopping";
		return CENO_RPC_REFUSED;
	}
	if (ceno_api_session_count(client->api, client->uid) >= tier->concurrent)
		return CENO_RPC_CONCURRENT;
	if (tier->proofs_per_month &&
	    ceno_ledger_launches(client->api->ledger, client->uid, month_start_ms()) >= tier->proofs_per_month)
		return CENO_RPC_QUOTA;
	return 0;
}
