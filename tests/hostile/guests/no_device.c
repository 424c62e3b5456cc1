/*
 * Claim: no device answers where machines have one: no APIC page, no IO-APIC, no HPET,
 * no TPM, no PCI configuration space, no text screen.
 *
 * Every emulated device is code of the host that reads what the guest writes; of most
 * escapes from virtual machines that were ever published, that code was the way. Here
 * there is none, so each of these is memory that has no slot. KVM's own local APIC is
 * there, but by registers (x2APIC) and not by its page.
 */
#include "kit.h"
#include "guests.h"

static const uint64_t places[] = {
	0xfee00020, /* local APIC: its id */
	0xfec00000, /* IO-APIC: index */
	0xfed00000, /* HPET: capabilities */
	0xfed40000, /* TPM: locality 0 */
	0xe0000000, /* PCI express configuration */
	0xb8000,    /* text screen */
};

uint32_t guest_no_device(unsigned form)
{
	volatile uint32_t *device = kit_at(places[form]);

	if (form % 2)
		*device = 0;
	else
		(void)*device;
	return KIT_THROUGH;
}
