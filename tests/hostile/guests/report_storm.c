/*
 * Claim: one program ends once, however often the guest says so.
 *
 * Each report that the vmm passes on is a message to the warden, to api and to the
 * client: reports are bounded by requests. The guest says "done" ten thousand times,
 * with the bell, first with the number of the program that was asked for and then with
 * a number that was before it. The client hears one.
 */
#include "kit.h"
#include "guests.h"

#define TIMES 10000u

struct storm {
	volatile struct ceno_stdio_guest *page;
	volatile uint32_t *bell;
};

static uint64_t say(uint64_t at)
{
	const struct storm *storm = (const struct storm *)at;
	volatile struct ceno_stdio_guest *page = storm->page;

	page->seq = 1;
	for (uint32_t i = 0; i < TIMES; i++) {
		__atomic_store_n(&page->state, CENO_PROGRAM_DONE, __ATOMIC_SEQ_CST);
		*storm->bell = i;
	}
	return TIMES;
}

uint32_t guest_report_storm(unsigned form)
{
	volatile struct storm *storm = kit_at(kit.user_data);

	storm->page = (volatile struct ceno_stdio_guest *)(kit_user(CENO_GPA_WINDOW) + CENO_STDIO_GUEST_OFFSET);
	storm->bell = (volatile uint32_t *)kit_user(CENO_GPA_DOORBELL);
	return kit_ring3(say, kit_user(kit.user_data)) == KIT_BP && form == 0 ? KIT_HELD : KIT_THROUGH;
}
