/*
 * Claim: a guest that will not stop is stopped: 100 ms after it was asked.
 *
 * The program ends, so the session is over; the guest is asked to stop and does not:
 * it goes on in ring 3, and rings the bell as if it had something to say. The
 * session's end is still "exit", with the status that was reported, and it comes in
 * the time that the vmm gives (core/loop.h), not in the session's lifetime.
 */
#include "kit.h"
#include "guests.h"

static uint64_t go_on(uint64_t at)
{
	volatile uint32_t *bell = (volatile uint32_t *)at;

	for (uint32_t i = 0;; i++) {
		if (i % 100000 == 0)
			*bell = i;
		__asm__ volatile("" ::: "memory");
	}
	return 0;
}

uint32_t guest_deaf(unsigned form)
{
	volatile struct ceno_stdio_guest *page = kit_guest_page();

	page->seq = 1;
	page->exit_status = form;
	__atomic_store_n(&page->state, CENO_PROGRAM_DONE, __ATOMIC_RELEASE);
	kit_bell();
	kit_ring3(go_on, kit_user(CENO_GPA_DOORBELL));
	return KIT_THROUGH;
}
