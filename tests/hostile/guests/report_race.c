/*
 * Claim: a report that changes while it is read is read as one that holds, or not at
 * all.
 *
 * Ring 3 turns the state between "running" and "done", at the CPU's full speed and
 * with the bell, and fills the report with nonsense of the allowed kind whenever it is
 * "running". The program has ended once, with a status that the guest did say when it
 * said "done", and no field of any reading was out of its range: the session goes on
 * to its own end.
 */
#include "kit.h"
#include "guests.h"

#define ROUNDS 2000u

struct race {
	volatile struct ceno_stdio_guest *page;
	volatile uint32_t *bell;
};

static uint64_t turn(uint64_t at)
{
	const struct race *race = (const struct race *)at;
	volatile struct ceno_stdio_guest *page = race->page;
	volatile uint32_t *bell = race->bell;

	page->seq = 1;
	for (unsigned round = 0; round < ROUNDS; round++) {
		__atomic_store_n(&page->state, CENO_PROGRAM_RUNNING, __ATOMIC_SEQ_CST);
		page->syscalls = UINT64_MAX;
		page->done_tsc = 0;
		if (round % 64 == 0)
			*bell = round;
		page->syscalls = 0;
		__atomic_store_n(&page->state, CENO_PROGRAM_DONE, __ATOMIC_SEQ_CST);
	}
	return 0;
}

uint32_t guest_report_race(unsigned form)
{
	volatile struct race *race = kit_at(kit.user_data);

	race->page = (volatile struct ceno_stdio_guest *)(kit_user(CENO_GPA_WINDOW) + CENO_STDIO_GUEST_OFFSET);
	race->bell = (volatile uint32_t *)kit_user(CENO_GPA_DOORBELL);
	return kit_ring3(turn, kit_user(kit.user_data)) == KIT_BP && form == 0 ? KIT_HELD : KIT_THROUGH;
}
