/*
 * Claim: a reader who does not read stalls the guest, not the node: what is not taken
 * stays in the ring, and the session ends with its lifetime, in its time.
 *
 * The guest fills its output ring as fast as the host takes it, for ever; the driver
 * does not read. Pipe and ring fill up and the guest waits for room that does not
 * come. Form 1 does the same and rings the bell all the while, as if there were news;
 * form 2 hands over each byte alone and rings for it, which makes the most work that
 * a byte can make: a ring, a look, a write to the pipe. The node answers others
 * meanwhile.
 */
#include "kit.h"
#include "guests.h"

#define CHUNK 4096u

static uint32_t room(void)
{
	uint32_t used = kit_guest_page()->index[CENO_STREAM_OUT] - kit_host_page()->index[CENO_STREAM_OUT];

	return used > CENO_STDOUT_BYTES ? 0 : CENO_STDOUT_BYTES - used;
}

uint32_t guest_flood(unsigned form)
{
	const uint32_t piece = form == 2 ? 1 : CHUNK;
	volatile struct ceno_stdio_guest *page = kit_guest_page();

	for (;;) {
		if (room() >= piece) {
			page->index[CENO_STREAM_OUT] += piece; /* whatever the ring holds */
			kit_bell();
		} else if (form) {
			kit_bell();
		} else {
			__asm__ volatile("pause");
		}
	}
	return KIT_THROUGH;
}
