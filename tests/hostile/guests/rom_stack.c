/*
 * Claim: a stack in read-only memory takes no push: what the CPU writes by itself is
 * held to the slots like what a program stores.
 *
 * Form 0 points rsp of ring 0 at the end of the boot page and pushes; form 1 does the
 * same in ring 3 with a call, whose return address is the store. Neither names the
 * address as an operand of a store, so a check of operands alone would miss them.
 */
#include "kit.h"
#include "guests.h"

#define TOP (CENO_GPA_BOOT + CENO_PAGE)

static uint64_t push_there(uint64_t top)
{
	uint64_t saved;

	__asm__ volatile("mov %%rsp, %0\n\tmov %1, %%rsp\n\tpush %1\n\tmov %0, %%rsp"
	                 : "=&r"(saved)
	                 : "r"(top)
	                 : "memory");
	return 0;
}

static uint64_t call_there(uint64_t top)
{
	uint64_t saved;

	__asm__ volatile("mov %%rsp, %0\n\tmov %1, %%rsp\n\tcall 1f\n1:\tmov %0, %%rsp"
	                 : "=&r"(saved)
	                 : "r"(top)
	                 : "memory");
	return 0;
}

uint32_t guest_rom_stack(unsigned form)
{
	if (form == 0)
		push_there((uint64_t)kit_at(CENO_GPA_BOOT) + CENO_PAGE);
	else
		kit_ring3(call_there, kit_user(CENO_GPA_BOOT) + (TOP - CENO_GPA_BOOT));
	return KIT_THROUGH;
}
