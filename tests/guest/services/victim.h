/* What victim.c and kills.c share. */
#ifndef CENO_TEST_VICTIM_H
#define CENO_TEST_VICTIM_H

#include <stdint.h>

#define VICTIM_STATE 8192u
#define VICTIM_WORDS (VICTIM_STATE / 8 - 1)

struct victim_state {
	uint64_t step;
	uint64_t fill[VICTIM_WORDS];
};
_Static_assert(sizeof(struct victim_state) == VICTIM_STATE, "the manifest's");

/* In the stdio window, at the ring of stderr. */
struct victim_notes {
	uint64_t lives;
	uint64_t started; /* TSC of the victim's first instructions in this life */
	uint64_t kills;   /* by kills.c; the other crashes were faults */
	uint64_t checkpoints;
	uint64_t count;         /* of the times below */
	uint64_t restart[2000]; /* TSC cycles from the crash to the first instructions, sorted */
};

#endif
