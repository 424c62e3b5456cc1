/*
 * Claim 5: living longer. A capability that expires is masked to later, copied, sent
 * round, and kept over a restart; each is EXPIRED when the first one is.
 */
#include "world.h"

enum { CHANNEL = FREE, SHORT, COPY, SENT, LATER, MADE, OBJECT };

static uint64_t now(void)
{
	uint64_t tsc = 0;

	MUST(ceno_tick(0, 0, &tsc) == 0);
	return tsc;
}

static void use(const char *what, uint32_t slot, int64_t expected)
{
	tried(what, ceno_verb(CENO_VERB_RECV, slot, (uint64_t)-1, 1, 0, 0, 0, NULL), expected);
}

static void lengthen(uint64_t end)
{
	struct ceno_message m = { { 0 } };

	tried("MASK to a later end is no error", ceno_mask(SHORT, ALL, 0, 0, end + milliseconds(1000)), 0);
	tried("MASK to the end of time", ceno_mask(SHORT, ALL, 0, 0, UINT64_MAX), 0);
	tried("MASK with no end", ceno_mask(SHORT, ALL, 0, 0, 0), 0);
	MUST(ceno_grant(SELF, SHORT, COPY, ALL) == 0 && ceno_grant(SELF, SHORT, SENT, ALL) == 0);
	tried("MASK of a copy to later", ceno_mask(COPY, ALL, 0, 0, end + milliseconds(1000)), 0);
	MUST(ceno_send(CHANNEL, SENT, &m) == 0); /* under way over the end */
	use("before the end", SHORT, CENO_E_AGAIN);
	use("a copy before the end", COPY, CENO_E_AGAIN);
	MUST(ceno_tick(end, 0, NULL) == 0);
	use("after the end", SHORT, CENO_E_EXPIRED);
	use("a copy after the end", COPY, CENO_E_EXPIRED);
	MUST(ceno_recv(CHANNEL, SENT, &m, NULL) == 0);
	use("after a way through a ring", SENT, CENO_E_EXPIRED);
	tried("GRANT of it", ceno_grant(SELF, SHORT, LATER, ALL), CENO_E_EXPIRED);
	tried("SEND of it", ceno_send(CHANNEL, COPY, &m), CENO_E_EXPIRED);
	tried("MASK to later, too late", ceno_mask(SHORT, ALL, 0, 0, UINT64_MAX), CENO_E_EXPIRED);
	tried("REVOKE, to have it anew", ceno_revoke(SHORT, ALL), CENO_E_EXPIRED);
}

/* By the expiry of the capability with which it is restarted, and of those it gets. */
static void restart_anew(void)
{
	const struct way w = { .run = leave, .own = ALL };
	uint64_t end;
	int64_t rc;

	make(&w);
	MUST(run(0, NULL) == CENO_FIBER_EVENT_EXIT);
	MUST(ceno_grant(SELF, FIBER, LATER, ALL) == 0);
	end = now() + milliseconds(1000); /* RESTART takes a while */
	MUST(ceno_mask(LATER, ALL, 0, 0, end) == 0);
	do
		rc = ceno_restart(LATER, (uint64_t)leave, 0);
	while (rc == CENO_E_AGAIN);
	MUST(rc == 0); /* FIBER is stale from here */
	MUST(ceno_tick(end, 0, NULL) == 0);
	tried("a capability that expired over RESTART", ceno_map(LATER, BOOT, TARGET_GVA, 0, CENO_PAGE, R),
	      CENO_E_EXPIRED);
	tried("RESTART by it", ceno_restart(LATER, 0, 0), CENO_E_EXPIRED);
}

/* Strength: a chain of copies ends, however it is made. */
static void chain(void)
{
	struct ceno_message m = { { 0 } };
	uint32_t steps = 0;
	int64_t rc = 0;

	MUST(ceno_spawn_channel(OBJECT) == 0);
	while (steps <= CENO_DEPTH_MAX && (rc = ceno_send(CHANNEL, OBJECT, &m)) == 0) {
		MUST(ceno_recv(CHANNEL, OBJECT, &m, NULL) == 0);
		steps++;
	}
	tried_true("a capability sent round and round ends: DEPTH or EXPIRED",
	           rc == CENO_E_DEPTH || rc == CENO_E_EXPIRED);
	tried_true("not before 16 steps, not after 40", steps >= 16 && steps <= CENO_DEPTH_MAX);
	(void)ceno_mask(OBJECT, ALL, 0, 0, UINT64_MAX);
	tried_true("MASK does not strengthen it", ceno_send(CHANNEL, OBJECT, &m) < 0);
}

void attack(void)
{
	uint64_t end;

	say("expiry: longer than it was given\n");
	MUST(ceno_spawn_channel(CHANNEL) == 0 && ceno_spawn_channel(MADE) == 0);
	MUST(ceno_grant(SELF, MADE, SHORT, ALL) == 0);
	end = now() + milliseconds(300);
	MUST(ceno_mask(SHORT, ALL, 0, 0, end) == 0);
	lengthen(end);
	restart_anew();
	chain();
}
