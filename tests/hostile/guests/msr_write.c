/*
 * Claim: a model-specific register that is not offered cannot be written.
 *
 * Writes that would move the APIC over RAM, load microcode, trace branches, change
 * memory types under the host's caches, set another entry point than the nucleus uses,
 * or tell another hypervisor where the guest's code is. Each ends the session, as the
 * register's own exit.
 */
#include "kit.h"
#include "guests.h"

static const struct {
	uint32_t which;
	uint64_t value;
} writes[] = {
	{ 0x1b, CENO_GPA_RAM | 0xd00 }, /* the APIC's page, over RAM */
	{ 0x79, 0x1000 },               /* microcode */
	{ 0x1d9, 1 },                   /* branch records */
	{ 0x200, 6 },                   /* memory type of address 0 */
	{ 0x174, CENO_SEL_KERNEL_CS },  /* sysenter */
	{ 0x40000000, 1 },              /* Hyper-V: who I am */
	{ 0x1a0, 0 },                   /* miscellaneous features */
	{ 0xc0011020, UINT64_MAX },     /* AMD's load-store configuration */
};

static uint64_t write_register(uint64_t form)
{
	kit_wrmsr(writes[form].which, writes[form].value);
	return 0;
}

uint32_t guest_msr_write(unsigned form)
{
	return kit_try(write_register, form) == KIT_NO_TRAP ? KIT_THROUGH : 2;
}
