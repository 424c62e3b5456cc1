/*
 * Claim: a doorbell takes one aligned store of four bytes and nothing else; it gives
 * nothing.
 *
 * The bell is an ioeventfd of length four. Any other access falls through to memory
 * that has no slot: a byte, two, eight, sixteen at once, a store four bytes further on
 * the same page, one that begins two bytes before the bell; a read, which finds no
 * counter of rings to learn from, and an addition under lock, which would have to read
 * before it writes.
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
	case 4:
		(void)*(volatile uint32_t *)bell;
		break;
	case 5:
		__asm__ volatile("movups %%xmm0, (%0)" : : "r"(bell) : "memory");
		break;
	case 6:
		(void)kit_at(CENO_GPA_DOORBELL - 2);
		__asm__ volatile("movl $1, (%0)" : : "r"(bell - 2) : "memory");
		break;
	default:
		__asm__ volatile("lock addl $1, (%0)" : : "r"(bell) : "memory");
		break;
	}
	return KIT_THROUGH;
}
