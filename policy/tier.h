/*
 * Tiers: what an account may ask of a node, as one table.
 *
 * Pure: no I/O, no allocation, no state. api applies it to a client's request,
 * the supervisor applies it again to api's (it trusts nobody's arithmetic), and
 * both read the same row.
 */
#ifndef CENO_POLICY_TIER_H
#define CENO_POLICY_TIER_H

#include <stdint.h>

/* Numbers are stable: they travel in ceno_spawn_request.tier. */
enum ceno_tier {
	CENO_TIER_FREE = 1,
	CENO_TIER_STARTER,
	CENO_TIER_BUSINESS,
	CENO_TIER_ENTERPRISE, /* as the node's configuration says; the row is its ceiling */
	CENO_TIER_LOCAL       /* root of the node itself */
};

struct ceno_tier_limits {
	const char *name;          /* static */
	uint64_t memory_max_bytes; /* session RAM */
	uint64_t memory_default_bytes;
	uint64_t input_max_bytes; /* program and inputs together */
	uint64_t ttl_max_ms;
	uint64_t ttl_default_ms;
	uint32_t processor_percent;   /* of one processor; 0: no limit */
	uint32_t requests_per_minute; /* every RPC request counts */
	uint32_t concurrent;          /* sessions not yet destroyed */
	uint32_t proofs_per_month;    /* launched sessions in a calendar month (UTC); 0: no limit */
};

/* The row of `tier`, static; NULL when the number names no tier. */
const struct ceno_tier_limits *ceno_tier_limits(uint32_t tier);

/* The tier called `word` (NUL-terminated, client-controlled); 0 when there is none. */
uint32_t ceno_tier_parse(const char *word);

/* The tier of a peer without an API key, by its uid from SO_PEERCRED: root is
 * local, everybody else free. */
uint32_t ceno_tier_for_uid(uint32_t uid);

#endif
