/* The check of a session request: see session.h. */
#include "session.h"

#include "guest-kernel/abi/layout.h"
#include "metadata.h"
#include "pledge.h"
#include "tier.h"

enum ceno_session_policy ceno_session_check(const struct ceno_session_ask *ask)
{
	const struct ceno_tier_limits *limits = ceno_tier_limits(ask->tier);

	if (!limits)
		return CENO_SESSION_POLICY_TIER;
	if (ask->memory_bytes < CENO_RAM_MIN || ask->memory_bytes % CENO_LARGE_PAGE)
		return CENO_SESSION_POLICY_MEMORY_SHAPE;
	if (ask->memory_bytes > limits->memory_max_bytes || ask->memory_bytes > CENO_RAM_MAX)
		return CENO_SESSION_POLICY_MEMORY_TIER;
	if (ask->ttl_ms < CENO_TTL_MIN_MS || ask->ttl_ms > limits->ttl_max_ms)
		return CENO_SESSION_POLICY_TTL;
	if (ask->input_bytes > limits->input_max_bytes)
		return CENO_SESSION_POLICY_INPUT;
	if (ask->file_count > CENO_SESSION_FILES_MAX)
		return CENO_SESSION_POLICY_FILES;
	if (!(ask->pledge_mask & (1u << CENO_PLEDGE_STDIO)))
		return CENO_SESSION_POLICY_PLEDGE_STDIO;
	if (ceno_pledge_unoffered(ask->pledge_mask) >= 0)
		return CENO_SESSION_POLICY_PLEDGE_UNOFFERED;
	if (!ceno_classification_word(ask->classification) || !ceno_jurisdiction_word(ask->jurisdiction))
		return CENO_SESSION_POLICY_METADATA;
	return CENO_SESSION_POLICY_OK;
}

const char *ceno_session_policy_text(enum ceno_session_policy reason)
{
	switch (reason) {
#define CENO_SESSION_POLICY_TEXT(name, number, text) \
	case CENO_SESSION_POLICY_##name: \
		return text;
		CENO_SESSION_POLICY(CENO_SESSION_POLICY_TEXT)
#undef CENO_SESSION_POLICY_TEXT
	}
	return "unknown reason";
}
