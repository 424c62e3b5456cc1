/* Token buckets: see limit.h. */
#include "limit.h"

#include <stddef.h>

#define MINUTE_MS 60000u
#define TOKEN     1000u /* millitokens */

static void refill(struct ceno_limit_account *account, uint32_t per_minute, uint64_t now_ms)
{
	uint64_t passed = now_ms - account->filled_at_ms;
	uint64_t full = (uint64_t)per_minute * TOKEN;

	if (passed >= MINUTE_MS) {
		account->millitokens = full;
		account->filled_at_ms = now_ms;
		return;
	}
	/* per_minute * 1000 millitokens in 60000 ms */
	uint64_t add = passed * per_minute / (MINUTE_MS / TOKEN);

	if (!add)
		return; /* keep the fraction: the time stays uncounted until it makes a whole millitoken */
	account->millitokens = account->millitokens + add > full ? full : account->millitokens + add;
	account->filled_at_ms = now_ms;
}

static struct ceno_limit_account *place(struct ceno_limit *limit, uint32_t uid, uint32_t per_minute, uint64_t now_ms)
{
	struct ceno_limit_account *free_place = NULL;

	for (size_t i = 0; i < CENO_LIMIT_ACCOUNTS; i++) {
		struct ceno_limit_account *account = &limit->accounts[i];

		if (account->used && account->uid == uid)
			return account;
		if (!free_place && (!account->used || now_ms - account->filled_at_ms >= MINUTE_MS))
			free_place = account;
	}
	if (free_place)
		*free_place = (struct ceno_limit_account){
			.uid = uid,
			.used = true,
			.millitokens = (uint64_t)per_minute * TOKEN,
			.filled_at_ms = now_ms,
		};
	return free_place;
}

bool ceno_limit_take(struct ceno_limit *limit, uint32_t uid, uint32_t per_minute, uint64_t now_ms)
{
	struct ceno_limit_account *account = place(limit, uid, per_minute, now_ms);

	if (!account)
		return false;
	refill(account, per_minute, now_ms);
	if (account->millitokens < TOKEN)
		return false;
	account->millitokens -= TOKEN;
	return true;
}
