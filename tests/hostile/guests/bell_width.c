/*
 * Claim: a doorbell takes one aligned store of four bytes and nothing else; it gives
 * nothing.
 *
 * The bell is an ioeventfd of length four. Any other access falls through to memory
 * that has no slot: a byte, two, eight, a store four bytes further on the same page,
 * and a read, which finds no counter of rings to learn from.
 */
#include "kit.h"
#include "guests.h"

uint32_t guest_bell_width(unsigned form)
{
	volatile uint8_t *bell = kit_at(CENO_GPA_DOORBELL);

	switch (form) {
	case 0:
		*bell = 1;
		break;
	case 1:
		*(volatile uint16_t *)bell = 1;
		break;
	case 2:
		*(volatile uint64_t *)bell = 1;
		break;
	case 3:
		*(volatile uint32_t *)(bell + 4) = 1;
		break;
	default:
		(void)*(volatile uint32_t *)bell;
		break;
	}
	return KIT_THROUGH;
}
