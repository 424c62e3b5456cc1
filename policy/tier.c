/*
 * The tier table. Figures of the public tiers are the product's published ones;
 * `enterprise` and `local` are ceilings, bounded in truth by the host's memory.
 */
#include "tier.h"

#include <stddef.h>
#include <string.h>

#define MIB       (1ull << 20)
#define GIB       (1ull << 30)
#define MINUTE_MS (60ull * 1000)

static const struct ceno_tier_limits table[] = {
	[CENO_TIER_FREE] = {
		.name = "free",
		.memory_max_bytes = 256 * MIB, .memory_default_bytes = 256 * MIB, .input_max_bytes = 256 * MIB,
		.ttl_max_ms = 5 * MINUTE_MS, .ttl_default_ms = 5 * MINUTE_MS,
		.processor_percent = 100,
		.requests_per_minute = 60, .concurrent = 3, .proofs_per_month = 100,
	},
	[CENO_TIER_STARTER] = {
		.name = "starter",
		.memory_max_bytes = 1 * GIB, .memory_default_bytes = 256 * MIB, .input_max_bytes = 1 * GIB,
		.ttl_max_ms = 10 * MINUTE_MS, .ttl_default_ms = 10 * MINUTE_MS,
		.processor_percent = 100,
		.requests_per_minute = 120, .concurrent = 20, .proofs_per_month = 0,
	},
	[CENO_TIER_BUSINESS] = {
		.name = "business",
		.memory_max_bytes = 4 * GIB, .memory_default_bytes = 256 * MIB, .input_max_bytes = 4 * GIB,
		.ttl_max_ms = 30 * MINUTE_MS, .ttl_default_ms = 30 * MINUTE_MS,
		.processor_percent = 150,
		.requests_per_minute = 300, .concurrent = 100, .proofs_per_month = 0,
	},
	[CENO_TIER_ENTERPRISE] = {
		.name = "enterprise",
		.memory_max_bytes = 64 * GIB, .memory_default_bytes = 256 * MIB, .input_max_bytes = 64 * GIB,
		.ttl_max_ms = 24 * 60 * MINUTE_MS, .ttl_default_ms = 30 * MINUTE_MS,
		.processor_percent = 0,
		.requests_per_minute = 6000, .concurrent = 1000, .proofs_per_month = 0,
	},
	[CENO_TIER_LOCAL] = {
		.name = "local",
		.memory_max_bytes = 64 * GIB, .memory_default_bytes = 256 * MIB, .input_max_bytes = 64 * GIB,
		.ttl_max_ms = 24 * 60 * MINUTE_MS, .ttl_default_ms = 30 * MINUTE_MS,
		.processor_percent = 0,
		.requests_per_minute = 60000, .concurrent = 1000, .proofs_per_month = 0,
	},
};

#define TIERS (sizeof table / sizeof table[0])

const struct ceno_tier_limits *ceno_tier_limits(uint32_t tier)
{
	return tier < TIERS && table[tier].name ? &table[tier] : NULL;
}

uint32_t ceno_tier_parse(const char *word)
{
	for (uint32_t i = 0; i < TIERS; i++)
		if (table[i].name && !strcmp(word, table[i].name))
			return i;
	return 0;
}

uint32_t ceno_tier_for_uid(uint32_t uid)
{
	return uid == 0 ? CENO_TIER_LOCAL : CENO_TIER_FREE;
}
