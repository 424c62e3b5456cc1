/*
 * Claim: a guest that will not stop is stopped, 100 ms after it was asked, and what it
 * does with that time outlives it nowhere.
 *
 * The program ends, so the session is over; the guest is asked to stop and does not.
 * It goes on in ring 3 and rings the bell as if it had something to say (form 0); it
 * runs before the wiper, in ring 0 with interrupts off, and writes the canary over all
 * of RAM again and again until it is gone (form 1); it sleeps where nothing wakes it
 * (form 2). The session's end is still "exit", with the status that was reported, it
 * comes in the time that the vmm gives (core/loop.h; the warden kills a vmm that does
 * not keep to it), not in the session's lifetime, and no canary is left: who
 * overwrites begins when nobody runs.
 */
#include "kit.h"
#include "guests.h"

#define STRIDE 65536u /* of the canaries that it leaves: the proof's granule */

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

static void write_on(void)
{
	const struct ceno_handoff *h = kit.handoff;

	/* From its own data and stack, which lie in the first large page of user RAM, up. */
	for (;;)
		for (uint64_t at = CENO_LARGE_PAGE; at < h->user_bytes; at += STRIDE) {
			kit_put(h->user_gpa + at, kit.canary[0]);
			kit_put(h->user_gpa + at + 8, kit.canary[1]);
		}
}

uint32_t guest_deaf(unsigned form)
{
	volatile struct ceno_stdio_guest *page = kit_guest_page();

	page->seq = 1;
	page->exit_status = 0;
	__atomic_store_n(&page->state, CENO_PROGRAM_DONE, __ATOMIC_RELEASE);
	kit_bell();
	if (form == 0) {
		kit_ring3(go_on, kit_user(CENO_GPA_DOORBELL));
		return KIT_THROUGH;
	}
	__asm__ volatile("cli");
	if (form == 1)
		write_on();
	for (;;)
		__asm__ volatile("hlt");
}
