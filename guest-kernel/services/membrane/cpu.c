/*
 * What membrane does to the processor itself, all in ring 3: segment bases, a
 * clean FPU for a new program, rdrand, cpuid.
 *
 * FPU state is touched only between programs; the trap paths are compiled without
 * it, so a program's registers stay in place across its system calls.
 */
#include "process.h"

/* The state after reset (SDM vol. 1, 8.1 and 13.6): XSTATE_BV 0 makes every
 * component initial; FCW and MXCSR are stated for fxrstor. */
static struct {
	uint16_t fcw, fsw;
	uint8_t rest[20];
	uint32_t mxcsr, mxcsr_mask;
	uint8_t registers[480];
	uint8_t header[64];
} initial __attribute__((aligned(64)));
_Static_assert(sizeof(initial) == 576, "legacy area and header");

static void cpuid(uint32_t leaf, uint32_t *ecx, uint32_t *edx)
{
	uint32_t a = leaf, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	*ecx = c;
	*edx = d;
}

uint32_t ceno_cpu_hwcap(void)
{
	uint32_t ecx, edx;

	cpuid(1, &ecx, &edx);
	return edx;
}

void ceno_fpu_reset(void)
{
	uint32_t ecx, edx, low, high;

	initial.fcw = 0x37f;
	initial.mxcsr = 0x1f80;
	cpuid(1, &ecx, &edx);
	if (ecx & 1u << 27) { /* OSXSAVE */
		__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
		__asm__ volatile("xrstor %0" : : "m"(initial), "a"(low), "d"(high));
	} else {
		__asm__ volatile("fxrstor %0" : : "m"(initial));
	}
}

int ceno_cpu_random(uint64_t *value)
{
	uint32_t ecx, edx;
	uint8_t ok = 0;

	cpuid(1, &ecx, &edx);
	if (!(ecx & 1u << 30))
		return 0;
	for (int i = 0; i < 10 && !ok; i++)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(*value), "=qm"(ok) : : "cc");
	return ok;
}

void ceno_fs_base_set(uint64_t value)
{
	__asm__ volatile("wrfsbase %0" : : "r"(value));
}
void ceno_gs_base_set(uint64_t value)
{
	__asm__ volatile("wrgsbase %0" : : "r"(value));
}

uint64_t ceno_fs_base(void)
{
	uint64_t value;

	__asm__ volatile("rdfsbase %0" : "=r"(value));
	return value;
}

uint64_t ceno_gs_base(void)
{
	uint64_t value;

	__asm__ volatile("rdgsbase %0" : "=r"(value));
	return value;
}
