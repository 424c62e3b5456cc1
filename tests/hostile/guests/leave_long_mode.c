/*
 * Claim: 64-bit mode cannot be left half way, into a state that firmware and slots
 * were not laid out for.
 *
 * Paging off while code is 64-bit, and a far jump to a task, which 64-bit mode does
 * not have. Each is a general protection fault and the guest goes on in the mode it
 * had, or KVM does not run the instruction at all.
 */
#include "kit.h"
#include "guests.h"

#define EFER     0xc0000080u
#define EFER_LMA (1ull << 10)

static uint64_t paging_off(uint64_t bit)
{
	uint64_t v;

	__asm__ volatile("mov %%cr0, %0\n\tbtr %1, %0\n\tmov %0, %%cr0" : "=&r"(v) : "r"(bit) : "memory");
	return v;
}

static uint64_t jump_to_task(uint64_t selector)
{
	const struct __attribute__((packed)) {
		uint32_t offset;
		uint16_t selector;
	} far = { 0, (uint16_t)selector };

	__asm__ volatile("ljmpl *%0" : : "m"(far));
	return 0;
}

uint32_t guest_leave_long_mode(unsigned form)
{
	uint64_t vector = form == 0 ? kit_try(paging_off, 31) : kit_try(jump_to_task, CENO_SEL_TSS);

	if (!(kit_rdmsr(EFER) & EFER_LMA))
		return 2;
	return vector == KIT_GP ? KIT_HELD : KIT_SAW(vector);
}
