/*
 * What the nucleus gets from the firmware, checked from inside: registers as at
 * reset, interrupts off, and the verifier's measurement events, folded into the
 * stop code so that the host can compare them with its own hashes.
 */
#include "abi/boot.h"
#include "abi/bundle.h"

uint32_t handover_main(const struct ceno_handoff *handoff, uint64_t entry_gva, uint64_t rsp, uint64_t rflags);

#define CR4_SMAP  (1ull << 21)
#define RFLAGS_IF (1ull << 9)

/* The events lie in a ring-3 page of the firmware's tables, which are still in use. */
static void allow_user_pages(void)
{
	uint64_t cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4 & ~CR4_SMAP) : "memory");
}

uint32_t handover_main(const struct ceno_handoff *handoff, uint64_t entry_gva, uint64_t rsp, uint64_t rflags)
{
	const struct ceno_boot_events *events = (const void *)CENO_GVA_VERIFIER_EVENTS;
	uint32_t fold = 0;

	if (handoff->magic != CENO_HANDOFF_MAGIC)
		return 0xbad1;
	if (entry_gva != handoff->nucleus_entry_gva)
		return 0xbad2;
	if (rsp != handoff->stack_top_gva)
		return 0xbad3;
	if (rflags & RFLAGS_IF)
		return 0xbad4;
	allow_user_pages();
	if (events->count != 3 || events->verdict != CENO_STOP_NONE)
		return 0xbad5;
	for (uint32_t i = 0; i < 3; i++) {
		if (events->event[i].type != i + CENO_EVENT_TRUST || events->event[i].reserved)
			return 0xbad6;
		for (uint32_t k = 0; k < 64; k++)
			fold = (fold << 1 | fold >> 31) ^ events->event[i].sha512[k];
	}
	return fold;
}
