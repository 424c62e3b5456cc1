/*
 * Claim: the text that runs now, signed and measured, cannot be written, whatever the
 * guest's own page tables allow.
 *
 * The guest maps the bundle's slot writable and stores to a page of its own text: as
 * the CPU and the emulator do it in different ways, a plain, a locked, a string, an
 * unaligned store, and from ring 3 a plain and a vector store. What stops them is the
 * slot, read-only in KVM, over a mapping without PROT_WRITE, of a memfd that is
 * sealed. Nothing may come back: a store that went through returns here.
 */
#include "kit.h"
#include "guests.h"

#define NEW 0x9090909090909090ull

static uint64_t store(uint64_t at)
{
	*(volatile uint64_t *)at = NEW;
	return 0;
}

static uint64_t store_vector(uint64_t at)
{
	__asm__ volatile("movups %%xmm0, (%0)" : : "r"(at) : "memory");
	return 0;
}

uint32_t guest_text_write(unsigned form)
{
	uint64_t gpa = kit.text_gpa + CENO_PAGE, at = (uint64_t)kit_at(gpa), one = 1;
	volatile uint64_t *word = (volatile uint64_t *)at;

	if (form == 0)
		*word = NEW;
	else if (form == 1)
		__asm__ volatile("lock xaddq %0, %1" : "+r"(one), "+m"(*word));
	else if (form == 2)
		__asm__ volatile("rep stosb" : "+D"(at), "+c"(one) : "a"(0x90) : "memory");
	else if (form == 3)
		*(volatile uint64_t *)(at - 3) = NEW; /* over a page boundary */
	else
		kit_ring3(form == 4 ? store : store_vector, kit_user(gpa));
	return KIT_THROUGH;
}
