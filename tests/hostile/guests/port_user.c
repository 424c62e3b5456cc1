/*
 * Claim: ring 3 reaches no port: neither the stop port, by which it would end the
 * session in the kernel's name, nor any other.
 *
 * IOPL is 0 and the TSS has no permission bitmap, so each is a general protection
 * fault inside the guest: a store of four bytes and of one, a load, strings both ways
 * (which touch memory besides), and a store after popf has asked for IOPL 3, which ring 3 may
 * not have. The session goes on, and ends as the guest says.
 */
#include "kit.h"
#include "guests.h"

#define IOPL3  0x3000u
#define SERIAL 0x3fdu

static uint64_t out_stop(uint64_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"((uint32_t)value), "d"((uint16_t)CENO_PORT_STOP));
	return 0;
}

static uint64_t out_byte(uint64_t value)
{
	__asm__ volatile("outb %b0, %1" : : "a"((uint32_t)value), "d"((uint16_t)CENO_PORT_STOP));
	return 0;
}

static uint64_t in_serial(uint64_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "d"((uint16_t)port));
	return value;
}

static uint64_t out_string(uint64_t at)
{
	uint64_t count = 2;

	__asm__ volatile("rep outsl" : "+S"(at), "+c"(count) : "d"((uint16_t)CENO_PORT_STOP) : "memory");
	return count;
}

static uint64_t in_string(uint64_t at)
{
	uint64_t count = 2;

	__asm__ volatile("rep insb" : "+D"(at), "+c"(count) : "d"((uint16_t)SERIAL) : "memory");
	return count;
}

static uint64_t raise_and_out(uint64_t value)
{
	__asm__ volatile("pushfq\n\torl %0, (%%rsp)\n\tpopfq" : : "i"(IOPL3) : "memory", "cc");
	return out_stop(value);
}

uint32_t guest_port_user(unsigned form)
{
	/* on the stack: nothing here is relocated */
	kit_function *const tries[] = { out_stop, in_serial, out_byte, out_string, in_string, raise_and_out };
	uint64_t argument = form == 1 ? SERIAL : form == 3 || form == 4 ? kit_user(kit.user_data) : 0x42;
	uint64_t vector = kit_ring3(tries[form], argument);

	/* The CPU's own word for it, and the instruction was not skipped. */
	return vector == KIT_GP && kit_trap.cs == CENO_SEL_USER_CS ? KIT_HELD : KIT_THROUGH;
}
