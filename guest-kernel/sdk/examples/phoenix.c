/*
 * A program that crashes and goes on. It counts to 100 and makes a checkpoint at every
 * tenth number; at 25, 50 and 75 it crashes, each time in another way. After a crash
 * init starts it again, as new but with the state of its last checkpoint.
 *
 *     ceno run --native -- phoenix
 */
#include "sdk/native.h"
#include "sdk/supervised.h"

#define GOAL 100u

CENO_NATIVE(4096, 0, CENO_SPECTRUM_MATTER, 3);

/* What outlives a crash; zero at the first start. */
struct state {
	uint64_t number;
};

static struct state *const state = (struct state *)CENO_GVA_STATE;
static uint32_t started; /* an ordinary variable: as new after each crash */

static void crash(uint64_t number)
{
	uint64_t zero;

	__asm__ volatile("xor %k0, %k0" : "=r"(zero) : : "cc"); /* no compiler knows its value */
	ceno_print("at %lu: crash\n", number);
	if (number == 25)
		*(volatile uint64_t *)zero = 1; /* page fault, vector 14 */
	else if (number == 50)
		__asm__ volatile("ud2"); /* vector 6 */
	else
		ceno_print("%lu\n", number / zero); /* vector 0 */
}

int main(int argc, char **argv)
{
	struct ceno_supervisor_answer answer = { 0 };
	int64_t rc;

	(void)argc;
	(void)argv;
	rc = ceno_checkpoint(&answer);
	if (rc < 0) {
		ceno_print("phoenix: checkpoint: error %ld\n", (long)rc);
		return 1;
	}
	started++;
	ceno_print("start %lu at %lu, variables are %s\n", answer.restarts + 1, state->number,
	           started == 1 ? "new" : "OLD");
	while (state->number < GOAL) {
		state->number++;
		if (state->number % 10 == 0)
			ceno_checkpoint(NULL);
		if (state->number % 25 == 0 && state->number < GOAL && answer.restarts < state->number / 25)
			crash(state->number);
	}
	ceno_print("%lu reached with %lu restarts\n", state->number, answer.restarts);
	return 0;
}
