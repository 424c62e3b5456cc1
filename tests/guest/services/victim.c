/*
 * A service that is killed at any instruction (kills.c): it changes its state, which
 * is torn while it does, and takes checkpoints. A state that is torn at its start
 * ends the session.
 */
#include "report.h"
#include "sdk/supervised.h"
#include "victim.h"

static struct victim_state *state(void)
{
	return (struct victim_state *)CENO_GVA_STATE;
}

static uint64_t fill_of(uint64_t step, uint32_t i)
{
	return step * 0x9e3779b97f4a7c15ull + i;
}

static void change(void)
{
	state()->step++;
	for (uint32_t i = 0; i < VICTIM_WORDS; i++)
		state()->fill[i] = fill_of(state()->step, i);
}

static void check_whole(void)
{
	for (uint32_t i = 0; i < VICTIM_WORDS; i++)
		CHECK(state()->fill[i] == (state()->step ? fill_of(state()->step, i) : 0));
}

void ceno_service_main(void)
{
	uint64_t now = ceno_rdtsc();

	CHECK(report_open() == 0);
	((struct victim_notes *)REPORT_NOTES)->started = now;
	((struct victim_notes *)REPORT_NOTES)->lives++;
	check_whole();
	for (uint64_t n = 0;; n++) {
		change();
		CHECK(ceno_checkpoint(NULL) == 0);
		change();
		if ((ceno_rdtsc() >> 4 & 0xff) == 0x42) /* now and then it falls by itself */
			__builtin_trap();
		ceno_tick(1, 0, NULL);
	}
}
