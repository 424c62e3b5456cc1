/*
 * Claim: CPUID offers no door to the host.
 *
 * KVM decides by CPUID what a guest may do: a feature that is offered is code of the
 * host that the guest can reach. So none of: the processors' virtualisation, KVM's
 * pages and interrupts that are shared with the host, and a second APIC id. Form 0
 * looks in ring 0, where KVM answers; form 1 tries the switch of each that would
 * follow.
 */
#include "kit.h"
#include "guests.h"

#define VMX      (1u << 5) /* leaf 1, ecx */
#define SMX      (1u << 6)
#define SVM      (1u << 2) /* leaf 0x80000001, ecx */
#define SKINIT   (1u << 12)
#define KVM_LEAF 0x40000001u
#define EFER     0xc0000080u

static uint64_t set_cr4(uint64_t bits)
{
	uint64_t v;

	__asm__ volatile("mov %%cr4, %0\n\tor %1, %0\n\tmov %0, %%cr4" : "=&r"(v) : "r"(bits) : "memory");
	return 0;
}

static uint32_t offered(void)
{
	uint32_t one[4], extended[4], kvm[4];

	kit_cpuid(1, 0, one);
	kit_cpuid(0x80000001, 0, extended);
	kit_cpuid(KVM_LEAF, 0, kvm);
	if (one[2] & (VMX | SMX))
		return 2;
	if (extended[2] & (SVM | SKINIT))
		return 3;
	if (kvm[0])
		return 4;
	return one[1] >> 24 ? 5 : KIT_HELD;
}

uint32_t guest_cpuid_probe(unsigned form)
{
	if (form == 0)
		return offered();
	/* SMXE, then VMXE */
	return kit_try(set_cr4, 1ull << 14) == KIT_GP && kit_try(set_cr4, 1ull << 13) == KIT_GP ? KIT_HELD
												: KIT_THROUGH;
}
