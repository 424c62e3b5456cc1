/*
 * Claim 1: guessing slots. A fiber that holds one capability, to itself, names every
 * slot there is and slots far beyond, by every verb; its neighbour's slots are full.
 */
#include "world.h"

static void try_slot(uint64_t slot)
{
	const char *what = "a guessed slot";

	tried_quietly(what, ceno_verb(CENO_VERB_SEND, slot, (uint64_t)-1, 0, 0, 0, 0, NULL), CENO_E_SLOT);
	tried_quietly(what, ceno_verb(CENO_VERB_RECV, slot, (uint64_t)-1, 1, 0, 0, 0, NULL), CENO_E_SLOT);
	tried_quietly(what, ceno_verb(CENO_VERB_MAP, slot, slot, TARGET_GVA, 0, CENO_PAGE, R, NULL), CENO_E_SLOT);
	tried_quietly(what, ceno_verb(CENO_VERB_MAP, SELF, slot, TARGET_GVA, 0, CENO_PAGE, R, NULL),
	              slot == (uint64_t)-1 ? 0 : CENO_E_SLOT);
	tried_quietly(what, ceno_verb(CENO_VERB_MASK, slot, ALL, 0, 0, 0, 0, NULL), CENO_E_SLOT);
	tried_quietly(what, ceno_verb(CENO_VERB_MASK, slot, 0, 0, 0, 0, 0, NULL), CENO_E_SLOT);
	tried_quietly(what, ceno_verb(CENO_VERB_MASK, slot, ALL | CENO_MASK_REVOKE, 0, 0, 0, 0, NULL), CENO_E_SLOT);
	tried_quietly(what, ceno_verb(CENO_VERB_TICK, slot, 0, 0, 0, 0, 0, NULL), CENO_E_SLOT);
	tried_quietly(what, ceno_verb(CENO_VERB_GRANT, slot, SELF, EMPTY, R, 0, 0, NULL), CENO_E_SLOT);
	tried_quietly(what, ceno_verb(CENO_VERB_GRANT, SELF, slot, EMPTY, R, 0, 0, NULL), CENO_E_SLOT);
	tried_quietly(what, ceno_verb(CENO_VERB_SPAWN, slot, CENO_SPAWN_CHANNEL, EMPTY, 0, 0, 0, NULL), CENO_E_SLOT);
	tried_quietly(what, ceno_verb(CENO_VERB_SPAWN, SELF, CENO_SPAWN_RESTART, slot, 0, 0, 0, NULL), CENO_E_SLOT);
	world()->word[0] += 12;
}

static _Noreturn void guesser(void)
{
	for (uint64_t slot = 0; slot < CENO_CSPACE_SLOTS; slot++)
		if (slot != SELF)
			try_slot(slot);
	/* the table of the next fiber lies somewhere behind this one */
	for (uint32_t bit = 6; bit < 64; bit++)
		for (uint64_t low = 2; low < 10; low++)
			try_slot(1ull << bit | low);
	for (uint64_t slot = 2; slot < CENO_CSPACE_SLOTS; slot++)
		try_slot(~0ull << 6 | slot);
	/* an index beyond is one of the 64: it names the caller's own, never another's */
	tried("slot 2^63 | SELF is the fiber's own",
	      ceno_verb(CENO_VERB_MASK, 1ull << 63 | SELF, ALL, 0, 0, 0, 0, NULL), 0);
	leave();
}

static _Noreturn void neighbour(void)
{
	leave();
}

void attack(void)
{
	say("guess: every slot of a fiber that holds nothing but itself\n");
	make(&(struct way){ .run = guesser, .own = ALL });
	make(&(struct way){ .run = neighbour, .number = 1, .own = ALL });
	for (uint32_t slot = CLOCK; slot < CENO_CSPACE_SLOTS; slot++)
		MUST(ceno_grant(FIBER + 1, CLOCK, slot, R) == 0);
	tried("its end", (int64_t)run(0, NULL), CENO_FIBER_EVENT_EXIT);
	tried_true("more than 7,000 guesses by every verb, each SLOT", world()->word[0] > 7000);
}
