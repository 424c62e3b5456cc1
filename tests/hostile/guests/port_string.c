/*
 * Claim: the stop port takes no string: a count that the guest chooses never becomes a
 * length on the host.
 *
 * String instructions reach the vmm as one exit with a count and a buffer. One value
 * is what the port takes, so an exit with four is a violation, before anybody looks at
 * the values; so is a string that is read from the port, and one of bytes. (A single
 * repetition would be one value: not tried, it is the port's use.)
 */
#include "kit.h"
#include "guests.h"

#define COUNT 4

uint32_t guest_port_string(unsigned form)
{
	uint64_t at = (uint64_t)kit_at(kit.user_data), count = COUNT;
	uint16_t port = CENO_PORT_STOP;

	for (unsigned i = 0; i < COUNT; i++)
		kit_put(kit.user_data + i * 8, 0);
	switch (form) {
	case 0:
		__asm__ volatile("rep outsl" : "+S"(at), "+c"(count) : "d"(port) : "memory");
		break;
	case 1:
		__asm__ volatile("rep outsb" : "+S"(at), "+c"(count) : "d"(port) : "memory");
		break;
	default:
		__asm__ volatile("rep insl" : "+D"(at), "+c"(count) : "d"(port) : "memory");
		break;
	}
	return KIT_THROUGH;
}
