/*
 * Claim: no port answers but the one that stops the guest.
 *
 * Ports are where a PC has its oldest devices and where hypervisors have their back
 * doors: serial port, CMOS clock, PCI configuration, interrupt controller, timer,
 * reset, ACPI power, VMware's, Bochs's and QEMU's own. A read in every other form: an
 * answer of ones would be a device that is not there.
 */
#include "kit.h"
#include "guests.h"

static const uint16_t ports[] = {
	0x3f8,  /* serial */
	0x70,   /* CMOS */
	0xcf8,  /* PCI */
	0x20,   /* interrupt controller */
	0x40,   /* timer */
	0x64,   /* keyboard controller: reset */
	0x604,  /* ACPI power of one machine */
	0x5658, /* VMware */
	0x402,  /* Bochs */
	0x510,  /* QEMU's firmware configuration */
};

uint32_t guest_port_probe(unsigned form)
{
	uint32_t value = 0x564d5868; /* the password of the one that has one */

	if (form % 2)
		__asm__ volatile("inl %1, %0" : "=a"(value) : "d"(ports[form]));
	else
		__asm__ volatile("outl %0, %1" : : "a"(value), "d"(ports[form]));
	return KIT_THROUGH;
}
