/*
 * Claim: a CPU that cannot deliver its fault is stopped, whichever way it came to
 * that.
 *
 * No interrupt table at all; a table whose entries are absent; a handler at an address
 * that no CPU can have; a stack for the handler that is not mapped. Each ends as the
 * shutdown that a PC would answer with a reset: here nothing starts again, since a
 * second boot would run unmeasured.
 */
#include "kit.h"
#include "guests.h"

#define NOWHERE 0x0000123400000000ull /* canonical, not mapped */

struct __attribute__((packed)) table {
	uint16_t limit;
	uint64_t base;
};

static void load_table(uint64_t base, uint16_t limit)
{
	const struct table table = { limit, base };

	__asm__ volatile("lidt %0" : : "m"(table));
}

/* 32 gates to one address. */
static uint64_t gates_to(uint64_t to)
{
	uint64_t gpa = kit_page();

	for (unsigned v = 0; v < 32; v++) {
		kit_put(gpa + v * 16,
		        (to & 0xffff) | (uint64_t)CENO_SEL_KERNEL_CS << 16 | 0x8e0000000000ull |
		            (to >> 16 & 0xffff) << 48);
		kit_put(gpa + v * 16 + 8, to >> 32);
	}
	return (uint64_t)kit_at(gpa);
}

uint32_t guest_triple_fault(unsigned form)
{
	if (form == 0)
		load_table(0, 0);
	else if (form == 1)
		load_table((uint64_t)kit_at(kit_page()), 34 * 16 - 1);
	else if (form == 2)
		load_table(gates_to(NOWHERE), 32 * 16 - 1);
	else
		__asm__ volatile("mov %0, %%rsp" : : "r"(NOWHERE) : "memory");
	__asm__ volatile("ud2");
	return KIT_THROUGH;
}
