/*
 * Claim: a model-specific register that is not offered cannot be read.
 *
 * A dozen registers are offered (vmm/kvm/kvm.c); every other is refused by KVM's own
 * filter and ends the session, so that no register of the host that KVM passes through
 * by default is a source of anything. Tried: where the APIC is, feature control, the
 * platform, microcode, a performance counter, memory types, power, another
 * hypervisor's identity, and the last of each range.
 */
#include "kit.h"
#include "guests.h"

static const uint32_t registers[] = {
	0x1b,       /* APIC base */
	0x3a,       /* feature control */
	0x17,       /* platform */
	0x8b,       /* microcode */
	0xc1,       /* performance counter */
	0x2ff,      /* memory types */
	0x611,      /* energy */
	0x40000000, /* Hyper-V's identity */
	0xc0010015, /* AMD's hardware configuration */
	0xc0001fff, /* last of its range */
};

static uint64_t read_register(uint64_t which)
{
	return kit_rdmsr((uint32_t)which);
}

uint32_t guest_msr_read(unsigned form)
{
	return kit_try(read_register, registers[form]) == KIT_NO_TRAP ? KIT_THROUGH : 2;
}
