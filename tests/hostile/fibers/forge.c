/*
 * Claim 2: forged tokens. Values that look like capabilities, objects and kernel
 * addresses, in registers and in messages, and messages that claim a capability.
 */
#include "world.h"

enum { CHANNEL = FREE, INTO, OTHER };

static uint64_t forged(uint32_t n)
{
	switch (n % 8) {
	case 0:
		return 0xffff800000000000ull + n * CENO_PAGE; /* a kernel half */
	case 1:
		return 0xffffffff80000000ull + n * CENO_PAGE;
	case 2:
		return CENO_GPA_RAM + n * CENO_PAGE; /* the kernel pool, by frame */
	case 3:
		return 0x0000ffff00000203ull | (uint64_t)n << 48; /* the first word of a capability */
	case 4:
		return ~0ull - n * 64;
	case 5:
		return SHARED_GVA + 64 * n; /* a table of its own making */
	case 6:
		return (uint64_t)ceno_rdtsc();
	default:
		return 0x7fffffffffffull - n;
	}
}

/* One verb with forged values in all its registers; only the slot is forced to be empty. */
static void forge_verb(uint32_t verb, uint32_t n)
{
	uint64_t slot = (forged(n) & ~63ull) | EMPTY;

	tried_quietly("forged registers",
	              ceno_verb(verb, slot, forged(n + 1), forged(n + 2), forged(n + 3), forged(n + 4), forged(n + 5),
	                        NULL),
	              CENO_E_SLOT);
	world()->word[0]++;
}

static _Noreturn void forger(void)
{
	struct ceno_message m, got;
	int came;

	for (uint32_t n = 0; n < 256; n++)
		for (uint32_t verb = 0; verb < CENO_VERB_COUNT; verb++)
			forge_verb(verb, n);
	for (uint32_t n = 0; n < 64; n++)
		tried_quietly("a verb that is none", ceno_verb(forged(n) | 1ull << 40, SELF, 0, 0, 0, 0, 0, NULL),
		              CENO_E_VERB);
	/* a table of capabilities in its own memory names nothing: offsets are masked, not addresses */
	for (uint32_t n = 0; n < 8; n++)
		m.word[n] = forged(n + 3) | 1;
	tried("a message of forged words", ceno_send(CHANNEL, -1, &m), 0);
	tried("its receipt, asking for a capability", ceno_recv(CHANNEL, INTO, &got, &came), 0);
	tried("a capability came", came, 0);
	tried("the slot it would have come into", ceno_verb(CENO_VERB_TICK, INTO, 0, 0, 0, 0, 0, NULL), CENO_E_SLOT);
	for (uint32_t n = 0; n < 8; n++)
		tried_quietly("a word of the message", (int64_t)got.word[n], (int64_t)m.word[n]);
	tried("SEND of an empty slot as a capability", ceno_send(CHANNEL, EMPTY, &m), CENO_E_SLOT);
	tried("SEND of slot -2", ceno_send(CHANNEL, -2, &m), CENO_E_SLOT);
	tried("nothing came of it", ceno_verb(CENO_VERB_RECV, CHANNEL, INTO, 1, 0, 0, 0, NULL), CENO_E_AGAIN);
	tried("a clock as a channel", ceno_send(CLOCK, -1, &m), CENO_E_TYPE);
	tried("a clock as a space", ceno_map(CLOCK, BOOT, TRIAL_GVA, 0, CENO_PAGE, R), CENO_E_TYPE);
	tried("a channel as a fiber", ceno_grant(CHANNEL, CLOCK, EMPTY, R), CENO_E_TYPE);
	tried("a channel as frames", ceno_map(SELF, CHANNEL, TRIAL_GVA, 0, CENO_PAGE, R), CENO_E_TYPE);
	tried("a channel as frames of a region", ceno_spawn_region(EMPTY, CHANNEL, R, 0, CENO_PAGE), CENO_E_TYPE);
	tried("frames as a fiber to restart", ceno_restart(BOOT, 0, 0), CENO_E_TYPE);
	tried("frames as a fiber to pledge", ceno_pledge(BOOT, 0), CENO_E_TYPE);
	tried("frames as an events channel",
	      ceno_spawn_fiber(
		  &(struct ceno_fiber_spawn){ .slot = OTHER, .spectrum = 1, .events_slot = BOOT, .pool_pages = 7 }),
	      CENO_E_TYPE);
	leave();
}

void attack(void)
{
	say("forge: values that look like capabilities\n");
	make(&(struct way){ .run = forger, .own = ALL, .pledge = 1u << CENO_PLEDGE_SPAWN });
	MUST(ceno_spawn_channel(CHANNEL) == 0);
	MUST(ceno_grant(FIBER, CHANNEL, CHANNEL, R | W) == 0);
	MUST(ceno_grant(FIBER, CLOCK, CLOCK, R | G) == 0);
	MUST(ceno_grant(FIBER, BOOT, BOOT, R | G) == 0);
	tried("its end", (int64_t)run(0, NULL), CENO_FIBER_EVENT_EXIT);
	tried_true("forged registers, every verb, each SLOT", world()->word[0] == 256 * CENO_VERB_COUNT);
}
