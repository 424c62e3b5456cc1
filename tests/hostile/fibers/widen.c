/*
 * Claim 4: widening. More rights, more bounds or more time than what is held, straight,
 * over two hops, and through a region.
 */
#include "world.h"

enum { NARROW = FREE, COPY, COPY2, CHANNEL, REGION, PROCESS, MADE };

#define FIRST_PAGE RAM_FREE

/* What comes out of a move to oneself through a ring. */
static void round_trip(uint32_t slot)
{
	struct ceno_message m = { { 0 } };

	MUST(ceno_send(CHANNEL, slot, &m) == 0 && ceno_recv(CHANNEL, slot, &m, NULL) == 0);
}

static void by_rights(void)
{
	tried("MAP writable of a range held READ", ceno_map(SELF, NARROW, TARGET_GVA, 0, CENO_PAGE, R | W),
	      CENO_E_RIGHTS);
	tried("MAP executable of it", ceno_map(SELF, NARROW, TARGET_GVA, 0, CENO_PAGE, R | X), CENO_E_RIGHTS);
	tried("MASK to more rights is no error", ceno_mask(NARROW, ALL, 0, 0, 0), 0);
	tried("and changes none: MAP writable", ceno_map(SELF, NARROW, TARGET_GVA, 0, CENO_PAGE, R | W), CENO_E_RIGHTS);
	tried("MASK with bits that are no rights", ceno_mask(NARROW, 0x80 | R, 0, 0, 0), CENO_E_RIGHTS);
	tried("GRANT with bits that are no rights", ceno_grant(SELF, NARROW, COPY, 0x180 | R), CENO_E_RIGHTS);
	tried("GRANT of all rights", ceno_grant(SELF, NARROW, COPY, ALL), 0);
	tried("the copy, MAP writable", ceno_map(SELF, COPY, TARGET_GVA, 0, CENO_PAGE, R | W), CENO_E_RIGHTS);
	tried("a second copy", ceno_grant(SELF, COPY, COPY2, ALL), 0);
	tried("two hops, MAP writable", ceno_map(SELF, COPY2, TARGET_GVA, 0, CENO_PAGE, R | W), CENO_E_RIGHTS);
	round_trip(COPY2);
	tried("through a ring, MAP writable", ceno_map(SELF, COPY2, TARGET_GVA, 0, CENO_PAGE, R | W), CENO_E_RIGHTS);
	tried("its REVOKE", ceno_revoke(COPY2, ALL), CENO_E_RIGHTS);
	close_slot(COPY);
	close_slot(COPY2);
}

static void by_region(void)
{
	tried("REGION writable of a range held READ", ceno_spawn_region(REGION, NARROW, R | W, 0, CENO_PAGE),
	      CENO_E_RIGHTS);
	tried("REGION executable of it", ceno_spawn_region(REGION, NARROW, R | X, 0, CENO_PAGE), CENO_E_RIGHTS);
	tried("REGION beyond its end", ceno_spawn_region(REGION, NARROW, R, CENO_PAGE, 2 * CENO_PAGE), CENO_E_BOUNDS);
	tried("REGION with a length that wraps", ceno_spawn_region(REGION, NARROW, R, CENO_PAGE, 0 - CENO_PAGE),
	      CENO_E_BOUNDS);
	MUST(ceno_spawn_region(REGION, NARROW, R, 0, CENO_PAGE) == 0);
	tried("a read-only region, MAP writable", ceno_map(SELF, REGION, TARGET_GVA, 0, CENO_PAGE, R | W),
	      CENO_E_RIGHTS);
	tried("GRANT of it with all rights", ceno_grant(SELF, REGION, COPY, ALL), 0);
	tried("its copy, MAP writable", ceno_map(SELF, COPY, TARGET_GVA, 0, CENO_PAGE, R | W), CENO_E_RIGHTS);
	tried("its copy, longer", ceno_map(SELF, COPY, TARGET_GVA, 0, 2 * CENO_PAGE, R), CENO_E_BOUNDS);
	tried("its copy, from an offset", ceno_map(SELF, COPY, TARGET_GVA, CENO_PAGE, CENO_PAGE, R), CENO_E_BOUNDS);
	tried("a region of a region", ceno_spawn_region(MADE, REGION, R, 0, CENO_PAGE), CENO_E_TYPE);
	close_slot(COPY);
	close_slot(REGION);
}

static void by_bounds(void)
{
	tried("MAP beyond the end", ceno_map(SELF, NARROW, TARGET_GVA, CENO_PAGE, 2 * CENO_PAGE, R), CENO_E_BOUNDS);
	tried("MAP from beyond the end", ceno_map(SELF, NARROW, TARGET_GVA, 2 * CENO_PAGE, CENO_PAGE, R),
	      CENO_E_BOUNDS);
	tried("MAP before the start", ceno_map(SELF, NARROW, TARGET_GVA, 0 - CENO_PAGE, 2 * CENO_PAGE, R),
	      CENO_E_BOUNDS);
	tried("MASK before the start", ceno_mask(NARROW, ALL, 0 - CENO_PAGE, 0, 0), CENO_E_BOUNDS);
	tried("MASK longer", ceno_mask(NARROW, ALL, 0, 3 * CENO_PAGE, 0), CENO_E_BOUNDS);
	tried("MASK with offset and length that wrap", ceno_mask(NARROW, ALL, CENO_PAGE, 0 - CENO_PAGE, 0),
	      CENO_E_BOUNDS);
	tried("MASK to the second page", ceno_mask(NARROW, ALL, CENO_PAGE, CENO_PAGE, 0), 0);
	tried("MAP of the third", ceno_map(SELF, NARROW, TARGET_GVA, CENO_PAGE, CENO_PAGE, R), CENO_E_BOUNDS);
	tried("MASK back to the first", ceno_mask(NARROW, ALL, 0 - CENO_PAGE, CENO_PAGE, 0), CENO_E_BOUNDS);
	MUST(ceno_grant(SELF, NARROW, COPY, ALL) == 0);
	tried("a copy of it, MAP of the third", ceno_map(SELF, COPY, TARGET_GVA, CENO_PAGE, CENO_PAGE, R),
	      CENO_E_BOUNDS);
}

/* Rights to oneself: without MAP, SPAWN, GRANT and REVOKE. */
static _Noreturn void stunted(void)
{
	tried("MAP into itself without MAP", ceno_map(SELF, BOOT, TARGET_GVA, 0, CENO_PAGE, R), CENO_E_RIGHTS);
	tried("SPAWN without SPAWN", ceno_spawn_channel(MADE), CENO_E_RIGHTS);
	tried("GRANT to itself without GRANT", ceno_grant(SELF, BOOT, MADE, R), CENO_E_RIGHTS);
	tried("RESTART of itself without REVOKE", ceno_restart(SELF, 0, 0), CENO_E_RIGHTS);
	tried("SEND to itself without WRITE", ceno_send(SELF, -1, &(struct ceno_message){ { 0 } }), CENO_E_RIGHTS);
	tried("moving itself along", ceno_send(CHANNEL, SELF, &(struct ceno_message){ { 0 } }), CENO_E_RIGHTS);
	tried("MASK of itself to all rights", ceno_mask(SELF, ALL, 0, 0, 0), 0);
	tried("MAP into itself after it", ceno_map(SELF, BOOT, TARGET_GVA, 0, CENO_PAGE, R), CENO_E_RIGHTS);
	leave();
}

void attack(void)
{
	say("widen: more than what is held\n");
	MUST(ceno_spawn_channel(CHANNEL) == 0);
	MUST(ceno_grant(SELF, RAM, NARROW, R | G) == 0);
	MUST(ceno_mask(NARROW, ALL, FIRST_PAGE, 2 * CENO_PAGE, 0) == 0);
	by_rights();
	by_region();
	by_bounds();
	make(&(struct way){ .run = stunted, .own = R });
	MUST(ceno_grant(FIBER, BOOT, BOOT, R | G) == 0 && ceno_grant(FIBER, CHANNEL, CHANNEL, R | W) == 0);
	tried("its end", (int64_t)run(0, NULL), CENO_FIBER_EVENT_EXIT);
}
