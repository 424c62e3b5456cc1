/*
 * Claim: an interrupt to another CPU reaches nobody: there is no other, and the host's
 * CPUs are not addressable.
 *
 * A fixed interrupt to APIC id 1, one to everybody but itself, an NMI to id 255, and a
 * lowest-priority one to a logical cluster. The guest goes on and was not interrupted:
 * kit_try would end by a vector that arrived.
 */
#include "kit.h"
#include "guests.h"

#define X2APIC_ICR 0x830u
#define VECTOR     CENO_VECTOR_WINDOW
#define OTHERS     (3ull << 18)
#define LOGICAL    (1ull << 11)
#define LOWEST     (1ull << 8)
#define NMI        (4ull << 8)

static uint64_t send(uint64_t command)
{
	kit_wrmsr(X2APIC_ICR, command);
	__asm__ volatile("sti\n\tnop\n\tnop\n\tcli" ::: "memory");
	return command;
}

uint32_t guest_send_ipi(unsigned form)
{
	static const uint64_t commands[] = {
		1ull << 32 | VECTOR,
		OTHERS | VECTOR,
		255ull << 32 | NMI,
		0x00010002ull << 32 | LOGICAL | LOWEST | VECTOR,
	};

	kit_apic_on(CENO_VECTOR_TICK);
	/* What the host has sent before (input came) is taken first. */
	while (kit_try(send, OTHERS | VECTOR) == CENO_VECTOR_WINDOW)
		kit_wrmsr(0x80b, 0);
	uint64_t vector = kit_try(send, commands[form]);

	return vector == KIT_NO_TRAP ? KIT_HELD : KIT_THROUGH;
}
