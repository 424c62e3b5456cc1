/*
 * Claim: a hypercall gives the guest nothing: KVM's services are not served, and the one
 * that KVM serves to everybody writes nowhere that the guest could not write.
 *
 * KVM answers hypercalls by itself, without the vmm. None is offered by CPUID, and the
 * vmm has KVM hold to that: waking another CPU is answered by "no such call" (-1000). The
 * clock's pairing is never refused; it writes 64 bytes where the guest says, so the guest
 * says "the boot page", which is read-only. Where ring 0 is emulated there is no
 * hypercall at all, but an invalid opcode. KVM by its own habit replaces the instruction
 * of one processor by the other's, in the guest's text: that must not be tried either,
 * and would be a page fault here.
 */
#include "kit.h"
#include "guests.h"

#define NO_SUCH_CALL  ((uint64_t)-1000)
#define CLOCK_PAIRING 9u
#define KICK_CPU      5u
#define NOBODYS       0x4c4945u

static uint64_t call_host(uint64_t number)
{
	uint64_t answer = number;

	__asm__ volatile("vmmcall" : "+a"(answer) : "b"(CENO_GPA_BOOT), "c"(0ull), "d"(0ull) : "memory");
	return answer;
}

static uint64_t sum_of_boot_page(void)
{
	uint64_t sum = 0;

	for (uint64_t at = 0; at < 256; at += 8)
		sum = sum * 31 + kit_get(CENO_GPA_BOOT + at);
	return sum;
}

uint32_t guest_hypercall(unsigned form)
{
	static const uint32_t numbers[] = { KICK_CPU, CLOCK_PAIRING, NOBODYS };
	uint64_t before = sum_of_boot_page(), vector = kit_try(call_host, numbers[form]);

	if (sum_of_boot_page() != before)
		return 2;
	if (vector != KIT_NO_TRAP)
		return vector == KIT_UD ? KIT_HELD : KIT_SAW(vector);
	if (numbers[form] == CLOCK_PAIRING)
		return kit_trap.rax ? KIT_HELD : 4;
	return kit_trap.rax == NO_SUCH_CALL ? KIT_HELD : 3;
}
