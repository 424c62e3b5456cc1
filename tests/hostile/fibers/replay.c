/*
 * Claim 3: replay after a revocation. Old capabilities in every verb, pages that were
 * mapped, a capability that was already under way, and those of a restarted fiber.
 */
#include "world.h"

enum { CHANNEL = FREE, STALE, REGION, REGION_OLD, PIPE, CHILD_OLD, INTO };

static void old_channel(void)
{
	const struct ceno_message m = { { 0 } };
	struct ceno_message got;

	MUST(ceno_spawn_channel(CHANNEL) == 0);
	MUST(ceno_grant(SELF, CHANNEL, STALE, ALL) == 0);
	MUST(ceno_send(CHANNEL, -1, &m) == 0);
	MUST(ceno_revoke(CHANNEL, ALL) == 0);
	tried("old epoch, SEND", ceno_send(STALE, -1, &m), CENO_E_STALE);
	tried("old epoch, RECV", ceno_recv(STALE, -1, &got, NULL), CENO_E_STALE);
	tried("old epoch, moved along", ceno_send(EVENTS, STALE, &m), CENO_E_STALE);
	tried("old epoch, GRANT", ceno_grant(SELF, STALE, EMPTY, R), CENO_E_STALE);
	tried("old epoch, MASK", ceno_mask(STALE, R, 0, 0, 0), CENO_E_STALE);
	tried("old epoch, REVOKE", ceno_revoke(STALE, ALL), CENO_E_STALE);
	tried("old epoch, as an events channel",
	      ceno_spawn_fiber(
		  &(struct ceno_fiber_spawn){ .slot = EMPTY, .spectrum = 1, .events_slot = STALE, .pool_pages = 7 }),
	      CENO_E_STALE);
	tried("what was in the ring", ceno_verb(CENO_VERB_RECV, CHANNEL, (uint64_t)-1, 1, 0, 0, 0, NULL), CENO_E_AGAIN);
	close_slot(STALE);
	close_slot(CHANNEL);
}

static void old_fiber(void)
{
	const struct way w = { .run = leave, .own = ALL };

	make(&w);
	MUST(ceno_grant(SELF, FIBER, CHILD_OLD, ALL) == 0);
	MUST(ceno_revoke(FIBER, ALL) == 0);
	tried("a revoked fiber, SEND", ceno_send(CHILD_OLD, -1, &(struct ceno_message){ { 0 } }), CENO_E_STALE);
	tried("a revoked fiber, MAP", ceno_map(CHILD_OLD, BOOT, TARGET_GVA, 0, CENO_PAGE, R), CENO_E_STALE);
	tried("a revoked fiber, GRANT", ceno_grant(CHILD_OLD, CLOCK, EMPTY, R), CENO_E_STALE);
	tried("a revoked fiber, RESTART", ceno_restart(CHILD_OLD, 0, 0), CENO_E_STALE);
	tried("a revoked fiber, PLEDGE", ceno_pledge(CHILD_OLD, 0), CENO_E_STALE);
	tried("a revoked fiber that was parked, started", ceno_send(FIBER, -1, &(struct ceno_message){ { 0 } }),
	      CENO_E_STATE);
	close_slot(CHILD_OLD);
	close_slot(FIBER);
}

static void map_region(void)
{
	MUST(ceno_map(FIBER, REGION, TARGET_GVA, 0, CENO_PAGE, R | W) == 0);
}

static void map_then_revoke(void)
{
	map_region();
	MUST(ceno_revoke(REGION, ALL) == 0);
}

static void pages(void)
{
	MUST(ceno_spawn_region(REGION, RAM, R | W, RAM_FREE, CENO_PAGE) == 0);
	MUST(ceno_grant(SELF, REGION, REGION_OLD, ALL) == 0);
	MUST(touch(TARGET_GVA, TOUCH_WRITE, map_region) == NO_FAULT);
	tried("a page touched after its region was revoked", touch(TARGET_GVA, TOUCH_READ, map_then_revoke),
	      PAGE_FAULT(PF_USER));
	tried("the region mapped again, old capability", ceno_map(SELF, REGION_OLD, TARGET_GVA, 0, CENO_PAGE, R),
	      CENO_E_STALE);
	tried("the region mapped again by its revoker", ceno_map(SELF, REGION, TARGET_GVA, 0, CENO_PAGE, R),
	      CENO_E_STATE);
	close_slot(REGION_OLD);
	close_slot(REGION);
}

/* Sent before the revocation, received after it. */
static void under_way(void)
{
	struct ceno_message m = { { 0 } };
	int came = 0;

	MUST(ceno_spawn_channel(PIPE) == 0 && ceno_spawn_channel(CHANNEL) == 0);
	MUST(ceno_grant(SELF, CHANNEL, STALE, ALL) == 0 && ceno_send(PIPE, STALE, &m) == 0);
	MUST(ceno_revoke(CHANNEL, ALL) == 0);
	MUST(ceno_recv(PIPE, INTO, &m, &came) == 0 && came == 1);
	tried("a capability under way when it was revoked", ceno_send(INTO, -1, &m), CENO_E_STALE);
	close_slot(INTO);
	close_slot(CHANNEL);
	close_slot(PIPE);
}

/* Puts a message and itself into the channel that its maker reads. */
static _Noreturn void first_life(void)
{
	leave();
}

static _Noreturn void second_life(void)
{
	tried("slots of its first life", ceno_verb(CENO_VERB_TICK, CLOCK, 0, 0, 0, 0, 0, NULL), CENO_E_SLOT);
	tried("its first life's channel", ceno_verb(CENO_VERB_RECV, CHANNEL, (uint64_t)-1, 1, 0, 0, 0, NULL),
	      CENO_E_SLOT);
	leave();
}

static void second_fiber(void)
{
	const struct way w = { .run = first_life, .own = ALL }, again = { .run = second_life, .own = ALL };

	make(&w);
	MUST(ceno_spawn_channel(CHANNEL) == 0);
	MUST(ceno_grant(FIBER, CHANNEL, CHANNEL, R | W) == 0 && ceno_grant(FIBER, CLOCK, CLOCK, R) == 0);
	MUST(ceno_grant(SELF, FIBER, CHILD_OLD, ALL) == 0);
	MUST(run(0, NULL) == CENO_FIBER_EVENT_EXIT);
	restart(&again);
	tried("a capability to its first life, SEND", ceno_send(CHILD_OLD, -1, &(struct ceno_message){ { 0 } }),
	      CENO_E_STALE);
	tried("a capability to its first life, MAP", ceno_map(CHILD_OLD, BOOT, TARGET_GVA, 0, CENO_PAGE, R),
	      CENO_E_STALE);
	tried("a capability to its first life, RESTART", ceno_restart(CHILD_OLD, 0, 0), CENO_E_STALE);
	tried("its end", (int64_t)run(0, NULL), CENO_FIBER_EVENT_EXIT);
}

void attack(void)
{
	say("replay: what was revoked is used again\n");
	old_channel();
	old_fiber();
	pages();
	under_way();
	second_fiber();
}
