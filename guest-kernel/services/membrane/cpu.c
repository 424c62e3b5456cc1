/*
 * What membrane does to the processor itself, all in ring 3: segment bases, FPU
 * state, rdrand, cpuid.
 *
 * FPU state changes hands only when another task is entered; the trap paths are
 * compiled without it, so a program's registers stay in place across its system calls.
 */
#include "process.h"

static void cpuid(uint32_t leaf, uint32_t sub, uint32_t out[4])
{
	__asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "a"(leaf), "c"(sub));
}

uint32_t ceno_cpu_hwcap(void)
{
	uint32_t out[4];

	cpuid(1, 0, out);
	return out[3];
}

/* The components that the processor has switched on, 0 without XSAVE; and whether it
 * leaves out what did not change when it saves. */
static uint64_t components, optimized;
static uint32_t area_bytes, frame_bytes, mxcsr_mask;

#define DYNAMIC (3ull << 17) /* AMX: not in a signal frame (sigframe.c) */

static void look_at_components(void)
{
	uint32_t out[4];

	frame_bytes = 512 + 64;
	for (uint32_t i = 2; i < 63; i++) {
		if (!((components & ~DYNAMIC) >> i & 1))
			continue;
		cpuid(0xd, i, out);
		if (out[1] + out[0] > frame_bytes)
			frame_bytes = out[1] + out[0];
	}
}

static void look_at_mxcsr(void)
{
	uint8_t area[512] __attribute__((aligned(16)));

	__asm__ volatile("fxsave64 %0" : "=m"(area));
	memcpy(&mxcsr_mask, area + 28, sizeof(mxcsr_mask));
	mxcsr_mask = mxcsr_mask ? mxcsr_mask : 0xffbf;
}

static void look(void)
{
	uint32_t out[4], low, high;

	if (area_bytes)
		return;
	area_bytes = frame_bytes = 512;
	look_at_mxcsr();
	cpuid(1, 0, out);
	if (!(out[2] & 1u << 27)) /* OSXSAVE */
		return;
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	components = (uint64_t)high << 32 | low;
	cpuid(0xd, 1, out);
	optimized = out[0] & 1;
	cpuid(0xd, 0, out);
	area_bytes = out[1];
	look_at_components();
}

uint64_t ceno_fpu_frame_bytes(void)
{
	look();
	return frame_bytes;
}

uint64_t ceno_fpu_frame_components(void)
{
	look();
	return components & ~DYNAMIC;
}

uint32_t ceno_fpu_mxcsr_mask(void)
{
	look();
	return mxcsr_mask;
}

uint64_t ceno_fpu_bytes(void)
{
	look();
	return area_bytes;
}

/* The state after reset (SDM vol. 1, 8.1 and 13.6): XSTATE_BV 0 makes every component
 * initial; MXCSR is loaded whatever it says, FCW is stated for fxrstor. */
void ceno_fpu_initial(void *area)
{
	const uint16_t fcw = 0x37f;
	const uint32_t mxcsr = 0x1f80;

	memcpy(area, &fcw, sizeof(fcw));
	memcpy((uint8_t *)area + 24, &mxcsr, sizeof(mxcsr));
}

void ceno_fpu_save(void *area)
{
	uint32_t low = (uint32_t)components, high = (uint32_t)(components >> 32);

	if (!components)
		__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
	else if (optimized)
		__asm__ volatile("xsaveopt64 (%0)" : : "r"(area), "a"(low), "d"(high) : "memory");
	else
		__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(low), "d"(high) : "memory");
}

void ceno_fpu_load(const void *area)
{
	uint32_t low = (uint32_t)components, high = (uint32_t)(components >> 32);

	if (!components)
		__asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
	else
		__asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(low), "d"(high) : "memory");
}

int ceno_cpu_random(uint64_t *value)
{
	uint32_t out[4];
	uint8_t ok = 0;

	cpuid(1, 0, out);
	if (!(out[2] & 1u << 30))
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
