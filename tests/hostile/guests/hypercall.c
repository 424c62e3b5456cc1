/*
 * Claim: there is no hypercall: not KVM's, of either processor's instruction.
 *
 * KVM answers some hypercalls by itself, without the vmm: wake a CPU, yield to one,
 * tell the clock's page. The guest is offered no feature, so all that it may learn is
 * that there is none (-1000, or an invalid opcode). Forms: KVM's kick of another CPU,
 * its clock pairing, which writes to an address of the guest's choice, and a number
 * that nobody has. KVM by its own habit replaces the instruction of one processor by
 * the other's, in the guest's text: that must not be tried either, and would be a page
 * fault here.
 */
#include "kit.h"
#include "guests.h"

#define NO_SUCH_CALL  ((uint64_t)-1000)
#define CLOCK_PAIRING 9u
#define KICK_CPU      5u
#define NOBODYS       0x4c4945u
#define UNTOUCHED     0x1122334455667788ull

static uint64_t call_host(uint64_t number)
{
	uint64_t answer = number, where = kit.user_data;

	__asm__ volatile("vmmcall" : "+a"(answer) : "b"(where), "c"(0ull), "d"(0ull) : "memory");
	return answer;
}

uint32_t guest_hypercall(unsigned form)
{
	static const uint32_t numbers[] = { KICK_CPU, CLOCK_PAIRING, NOBODYS };

	kit_put(kit.user_data, UNTOUCHED);
	uint64_t vector = kit_try(call_host, numbers[form]);

	if (kit_get(kit.user_data) != UNTOUCHED)
		return 2;
	if (vector == KIT_NO_TRAP)
		return kit_trap.rax == NO_SUCH_CALL ? KIT_HELD : 3;
	return vector == KIT_UD ? KIT_HELD : KIT_SAW(vector);
}
