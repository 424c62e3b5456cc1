/*
 * Claim: the stop port takes one value of 32 bits, and gives none.
 *
 * The vmm copies four bytes out of the run page for a stop code. A shorter store would
 * make it take what was there before; a read would have to be answered with something
 * of the host's. So: one byte, two bytes, a read, and the port beside it.
 */
#include "kit.h"
#include "guests.h"

uint32_t guest_port_width(unsigned form)
{
	uint32_t value = 0;

	switch (form) {
	case 0:
		__asm__ volatile("outb %b0, %1" : : "a"(value), "d"((uint16_t)CENO_PORT_STOP));
		break;
	case 1:
		__asm__ volatile("outw %w0, %1" : : "a"(value), "d"((uint16_t)CENO_PORT_STOP));
		break;
	case 2:
		__asm__ volatile("inl %1, %0" : "=a"(value) : "d"((uint16_t)CENO_PORT_STOP));
		break;
	default:
		__asm__ volatile("outl %0, %1" : : "a"(value), "d"((uint16_t)(CENO_PORT_STOP + 1)));
		break;
	}
	return KIT_THROUGH;
}
