/*
 * Claim 7: out of a pledge. A class is dropped; then its window is asked for by raising,
 * restarting, a child, a friend's GRANT and message, and by the frames themselves.
 */
#include "world.h"

enum { CHANNEL = FREE, CHILD, COPY, PROCESS };

#define STDIO_BIT  (1u << CENO_PLEDGE_STDIO)
#define SPAWN_BIT  (1u << CENO_PLEDGE_SPAWN)
#define WINDOW_GVA (CENO_GVA_WINDOW + CENO_PLEDGE_STDIO * CENO_LARGE_PAGE)

static int64_t map_window(uint32_t slot)
{
	return ceno_map(SELF, slot, WINDOW_GVA, 0, CENO_STDIO_BYTES, R | W);
}

static void without(const char *life)
{
	say(life);
	tried("raise it", ceno_pledge(SELF, STDIO_BIT | SPAWN_BIT), CENO_E_PLEDGE);
	tried("raise all", ceno_pledge(SELF, 0xff), CENO_E_PLEDGE);
	tried("a child with it",
	      ceno_spawn_fiber(&(struct ceno_fiber_spawn){
		  .slot = CHILD, .pledge = STDIO_BIT, .spectrum = CENO_SPECTRUM_MATTER, .pool_pages = 7 }),
	      CENO_E_PLEDGE);
	/* the frames, by ranges that are held: below RAM, beyond its end, in a region */
	tried("its frames, before RAM",
	      ceno_map(SELF, RAM, TARGET_GVA, 0 - (CENO_GPA_RAM - CENO_GPA_WINDOW), CENO_PAGE, R | W), CENO_E_BOUNDS);
	tried("its frames, by a region before RAM",
	      ceno_spawn_region(COPY, RAM, R | W, 0 - (CENO_GPA_RAM - CENO_GPA_WINDOW), CENO_PAGE), CENO_E_BOUNDS);
	tried("its frames, behind the boot page",
	      ceno_map(SELF, BOOT, TARGET_GVA, CENO_GPA_WINDOW - CENO_GPA_BOOT, CENO_PAGE, R), CENO_E_BOUNDS);
}

static void by_name(uint32_t slot)
{
	tried("MAP the window", map_window(slot), CENO_E_PLEDGE);
	tried("listen to it", ceno_recv_signal(slot, 1), CENO_E_PLEDGE);
	tried("copy it", ceno_grant(SELF, slot, COPY, R), CENO_E_PLEDGE);
	tried("send it on", ceno_send(CHANNEL, slot, &(struct ceno_message){ { 0 } }), CENO_E_PLEDGE);
}

static _Noreturn void dropper(void)
{
	MUST(map_window(STDIO) == 0);
	(void)*(volatile uint32_t *)WINDOW_GVA;
	MUST(ceno_pledge(SELF, SPAWN_BIT) == 0);
	without(" after it was dropped\n");
	by_name(STDIO);
	tried("a place where it is not looked for", ceno_map(SELF, STDIO, TARGET_GVA, 0, CENO_STDIO_BYTES, R),
	      CENO_E_PLEDGE);
	say("  and the page itself\n");
	*(volatile uint32_t *)(WINDOW_GVA + CENO_STDOUT_OFFSET) = 1;
	leave();
}

/* A friend sends the window: it comes, and is as good as none. */
static _Noreturn void receiver(void)
{
	struct ceno_message m;
	int came;

	without(" after a restart\n");
	MUST(ceno_recv(CHANNEL, STDIO, &m, &came) == 0 && came == 1);
	say(" with a window from a friend's message\n");
	by_name(STDIO);
	leave();
}

static void give(void)
{
	MUST(ceno_grant(FIBER, RAM, RAM, R | W | G) == 0 && ceno_grant(FIBER, BOOT, BOOT, R | G) == 0);
	MUST(ceno_mask(FIBER, ALL, 0, 0, 0) == 0 && ceno_grant(FIBER, CHANNEL, CHANNEL, R | W) == 0);
}

/* What a friend that has it can do for one that has not. */
static void friend(void)
{
	say(" by a friend\n");
	tried("GRANT it the window", ceno_grant(FIBER, STDIO, EMPTY, R), CENO_E_PLEDGE);
	tried("MAP the window into its space", ceno_map(FIBER, STDIO, WINDOW_GVA, 0, CENO_STDIO_BYTES, R | W),
	      CENO_E_PLEDGE);
	tried("MAP it elsewhere there", ceno_map(FIBER, STDIO, TARGET_GVA, 0, CENO_STDIO_BYTES, R | W), CENO_E_BOUNDS);
	tried("raise its pledge", ceno_pledge(FIBER, STDIO_BIT), CENO_E_PLEDGE);
	MUST(ceno_spawn_process(PROCESS, 32) == 0);
	tried("MAP the window into a process", ceno_map(PROCESS, STDIO, WINDOW_GVA, 0, CENO_STDIO_BYTES, R | W),
	      CENO_E_BOUNDS);
	close_slot(PROCESS);
}

void attack(void)
{
	const struct way first = { .run = dropper, .own = ALL, .pledge = STDIO_BIT | SPAWN_BIT },
			 second = { .run = receiver, .own = ALL };
	struct ceno_fiber_event e;

	say("pledge: a class that was dropped\n");
	MUST(ceno_spawn_channel(CHANNEL) == 0);
	make(&first);
	give();
	MUST(ceno_grant(FIBER, STDIO, STDIO, R | W | G) == 0);
	tried("its end, by the page", (int64_t)run(0, &e), CENO_FIBER_EVENT_FAULT);
	tried("the fault", (int64_t)(e.a << 16 | e.b), PAGE_FAULT(PF_USER | PF_WRITE));
	friend();
	restart(&second);
	friend();
	give();
	MUST(ceno_grant(SELF, STDIO, EMPTY, R | W | G) == 0);
	MUST(ceno_send(CHANNEL, EMPTY, &(struct ceno_message){ { 0 } }) == 0);
	tried("its end", (int64_t)run(0, NULL), CENO_FIBER_EVENT_EXIT);
}
