/*
 * Claim: INIT and SIPI that the guest sends to itself leave the session where it is:
 * contained, and then ended.
 *
 * INIT puts a CPU back to the state of its reset, in real mode, at an address where a
 * PC has its BIOS. Ours has nothing there, so the reset vector's fetch is the end; a
 * SIPI after it would start at an address of the guest's choice, in memory that has no
 * slot either. KVM may say so in several ways, all of them violations, or never run
 * the CPU again, which its lifetime ends.
 */
#include "kit.h"
#include "guests.h"

#define X2APIC_ICR 0x830u
#define INIT_SELF  0x00004500ull /* INIT, assert, physical destination 0 */
#define SIPI_SELF  0x00004608ull /* start at 0x8000 */

uint32_t guest_send_init(unsigned form)
{
	uint64_t end;

	kit_apic_on(CENO_VECTOR_TICK);
	if (form == 0)
		kit_wrmsr(X2APIC_ICR, INIT_SELF);
	kit_wrmsr(X2APIC_ICR, INIT_SELF);
	kit_wrmsr(X2APIC_ICR, SIPI_SELF);
	/* It takes effect before the next instruction or soon; a guest that goes on for 100 ms was not reset. */
	end = kit_tsc() + ((const struct ceno_boot *)(uint64_t)kit_at(CENO_GPA_BOOT))->tsc_hz / 10;
	while (kit_tsc() < end)
		__asm__ volatile("pause");
	return KIT_THROUGH;
}
