/*
 * May this session exist? One pure check of what is asked against a tier, used
 * by api on the client's request and by the supervisor again on api's.
 */
#ifndef CENO_POLICY_SESSION_H
#define CENO_POLICY_SESSION_H

#include <stdint.h>

/* What was asked. Every field is client-controlled. */
struct ceno_session_ask {
	uint32_t tier;         /* enum ceno_tier */
	uint32_t pledge_mask;  /* 1 << enum ceno_pledge_class */
	uint64_t memory_bytes; /* session RAM */
	uint64_t ttl_ms;
	uint64_t input_bytes; /* program and inputs together; the supervisor passes 0 */
	uint32_t file_count;  /* program and inputs; the supervisor passes 0 */
	uint32_t classification;
	uint32_t jurisdiction;
};

#define CENO_SESSION_FILES_MAX 200u /* program and inputs: one message carries their descriptors */
#define CENO_TTL_MIN_MS        100u

#define CENO_SESSION_POLICY(X) \
	X(OK, 0, "allowed") \
	X(TIER, 1, "the account's tier is unknown") \
	X(MEMORY_SHAPE, 2, "memory must be a multiple of 2 MiB and at least 32 MiB") \
	X(MEMORY_TIER, 3, "more memory than the account's tier allows") \
	X(TTL, 4, "a lifetime of zero, below 100 ms, or longer than the account's tier allows") \
	X(INPUT, 5, "the program and its inputs are larger than the account's tier allows") \
	X(FILES, 6, "more than 200 files") \
	X(PLEDGE_STDIO, 7, "a session needs at least the stdio pledge") \
	X(PLEDGE_UNOFFERED, 8, "this node has no device for a pledged class") \
	X(METADATA, 9, "the declared classification or jurisdiction is not one of the defined words")

enum ceno_session_policy {
#define CENO_SESSION_POLICY_ENUM(name, number, text) CENO_SESSION_POLICY_##name = number,
	CENO_SESSION_POLICY(CENO_SESSION_POLICY_ENUM)
#undef CENO_SESSION_POLICY_ENUM
};

/* CENO_SESSION_POLICY_OK, or the first reason why not, in the order above. */
enum ceno_session_policy ceno_session_check(const struct ceno_session_ask *ask);

/* One line for a reason, static, without a full stop. */
const char *ceno_session_policy_text(enum ceno_session_policy reason);

#endif
