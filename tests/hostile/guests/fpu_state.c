/*
 * Claim: invalid FPU state is refused by the CPU, and no state outlives the session.
 *
 * Ring 3 loads what context switches of host kernels have stumbled over: MXCSR with a
 * reserved bit, an XSAVE header with a component that does not exist, one in the
 * compacted form with reserved bytes set. The last forms unmask every exception and
 * provoke one, and fill the vector registers with the session's canary, so that the
 * driver's search for it includes what a host would have saved for the dead guest.
 */
#include "kit.h"
#include "guests.h"

#define HEADER         512u /* of an XSAVE area */
#define MXCSR_RESERVED 0x80000000u

static uint64_t load_mxcsr(uint64_t at)
{
	__asm__ volatile("ldmxcsr (%0)" : : "r"(at));
	return 0;
}

static uint64_t restore(uint64_t at)
{
	__asm__ volatile("xrstor (%0)" : : "r"(at), "a"(~0u), "d"(~0u) : "memory");
	return 0;
}

static uint64_t divide_by_zero(uint64_t at)
{
	__asm__ volatile("ldmxcsr (%0)\n\txorps %%xmm1, %%xmm1\n\tmovss 4(%0), %%xmm0\n\tdivss %%xmm1, %%xmm0"
	                 :
	                 : "r"(at));
	return 0;
}

static uint64_t fill(uint64_t at)
{
	__asm__ volatile("movups (%0), %%xmm0\n\tmovaps %%xmm0, %%xmm7\n\tmovaps %%xmm0, %%xmm15\n\tfldl (%0)"
	                 :
	                 : "r"(at));
	return 0;
}

uint32_t guest_fpu_state(unsigned form)
{
	static const uint8_t ends[] = { KIT_GP, KIT_GP, KIT_GP, KIT_XM, KIT_BP };
	uint64_t gpa = kit.user_data, at = kit_user(gpa), vector;

	if (form == 0) {
		kit_put(gpa, MXCSR_RESERVED);
		vector = kit_ring3(load_mxcsr, at);
	} else if (form < 3) {
		kit_put(gpa + HEADER + (form == 1 ? 0 : 16), form == 1 ? 1ull << 62 : UINT64_MAX);
		vector = kit_ring3(restore, at);
	} else if (form == 3) {
		kit_put(gpa, 0x3f800000ull << 32); /* everything unmasked, then 1.0 */
		vector = kit_ring3(divide_by_zero, at);
	} else {
		kit_put(gpa, kit.canary[0]);
		kit_put(gpa + 8, kit.canary[1]);
		vector = kit_ring3(fill, at);
	}
	if (form == 0 && vector == KIT_UD) /* a KVM that looked at the fault, and does not know the instruction */
		return KIT_HELD;
	if ((form == 0 || form == 3) && vector == KIT_BP && kit.handoff->syscall_mode == CENO_SYSCALL_LSTAR)
		return KIT_HELD; /* the CPU that QEMU makes does not look at MXCSR */
	return vector == ends[form] ? KIT_HELD : KIT_SAW(vector);
}
