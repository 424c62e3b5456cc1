/*
 * Rate limits: one token bucket per uid, refilled evenly over a minute. Pure but
 * for its table; the clock is passed in.
 */
#ifndef CENO_API_RPC_LIMIT_H
#define CENO_API_RPC_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define CENO_LIMIT_ACCOUNTS 1024

struct ceno_limit_account {
	uint32_t uid;
	bool used;
	uint64_t millitokens, filled_at_ms;
};

struct ceno_limit {
	struct ceno_limit_account accounts[CENO_LIMIT_ACCOUNTS]; /* zeroed at first */
};

/* May `uid` make one more request, at `per_minute` a minute? `now_ms` is
 * monotonic. An account is forgotten when its bucket is full again and its place
 * is needed; with no place left the answer is no. */
bool ceno_limit_take(struct ceno_limit *limit, uint32_t uid, uint32_t per_minute, uint64_t now_ms);

#endif
