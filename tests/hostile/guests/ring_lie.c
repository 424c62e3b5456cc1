/*
 * Claim: a ring index that claims more than its ring holds ends the session, in each
 * of the three rings, and before one byte was moved by it.
 *
 * The vmm takes the guest's index once and compares the distance to its own with the
 * ring's size. So: one more than the ring holds, half of the number space, and one
 * step back (which is all of the number space but one), for output, for errors, and
 * for input, where the lie is to have consumed what never came.
 */
#include "kit.h"
#include "guests.h"

#define STREAM_BYTES CENO_STDOUT_BYTES /* all three */

static uint32_t lie(unsigned how, uint32_t now)
{
	switch (how) {
	case 0:
		return now + STREAM_BYTES + 1;
	case 1:
		return now + (1u << 31);
	default:
		return now - 1;
	}
}

uint32_t guest_ring_lie(unsigned form)
{
	static const uint8_t streams[] = { CENO_STREAM_OUT, CENO_STREAM_ERR, CENO_STREAM_IN };
	unsigned stream = streams[form % 3];
	volatile uint32_t *index = &kit_guest_page()->index[stream];
	/* Input's is compared with what the host produced: one byte, of which none is consumed yet. */
	uint32_t now = stream == CENO_STREAM_IN ? kit_host_page()->index[CENO_STREAM_IN] : *index;

	*index = stream == CENO_STREAM_IN && form / 3 == 2 ? now + 1 : lie(form / 3, now);
	kit_bell();
	for (;;) /* the session ends, or its lifetime does, which is the wrong end */
		__asm__ volatile("pause");
}
