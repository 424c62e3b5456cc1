/*
 * All of the FPU state that a fiber or program can see, as memory: a pattern made of a
 * number, loaded into the registers, stored from them, compared. For code that is built for
 * general registers only, in ring 3 (guests, and static Linux programs that call nothing
 * between a load and a store).
 *
 * Which vectors there are is asked of XCR0: that is what ring 3 really has, whatever
 * CPUID says.
 */
#ifndef CENO_TEST_FPU_STATE_H
#define CENO_TEST_FPU_STATE_H

#include <stdint.h>

#define FPU_XCR0_AVX    (1u << 2)
#define FPU_XCR0_AVX512 (7u << 5)

/* As FXSAVE64 stores it (SDM vol. 1, 10.5.1): the same on every CPU. */
struct fpu_legacy {
	uint16_t fcw, fsw;
	uint8_t ftw, reserved0;
	uint16_t fop;
	uint64_t fip, fdp;
	uint32_t mxcsr, mxcsr_mask;
	struct {
		uint8_t bytes[10], reserved[6];
	} st[8];
	uint8_t xmm[16][16];
	uint8_t reserved1[96];
};
_Static_assert(sizeof(struct fpu_legacy) == 512, "FXSAVE");

struct fpu_state {
	struct fpu_legacy legacy;
	uint8_t vector[32][64];
	uint64_t mask[8];
	uint64_t fs_base, gs_base;
	uint64_t ds, es, fs, gs;
} __attribute__((aligned(64)));

static inline uint32_t fpu_xcr0(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low;
}

static inline uint32_t fpu_vector_bytes(uint32_t xcr0)
{
	if ((xcr0 & FPU_XCR0_AVX512) == FPU_XCR0_AVX512)
		return 64;
	return xcr0 & FPU_XCR0_AVX ? 32 : 16;
}

static inline void fpu_zero(struct fpu_state *s)
{
	for (uint64_t i = 0; i < sizeof *s / 8; i++)
		((volatile uint64_t *)(void *)s)[i] = 0;
}

/* What a fiber begins with. */
static inline void fpu_initial(struct fpu_state *s)
{
	fpu_zero(s);
	s->legacy.fcw = 0x37f;
	s->legacy.mxcsr = 0x1f80;
}

/* Every register another value, and other for every `seed`. The bytes of a vector are never
 * zero; `fs` and the rest of the segments are where a fiber may put them. */
static inline void fpu_pattern(struct fpu_state *s, uint32_t seed)
{
	uint32_t xcr0 = fpu_xcr0(), bytes = fpu_vector_bytes(xcr0), count = bytes == 64 ? 32 : 16;

	fpu_zero(s);
	s->legacy.fcw = (uint16_t)(0x7f | (seed & 3) << 10 | 3 << 8);
	s->legacy.ftw = 0xff;
	s->legacy.mxcsr = 0x1f80 | (seed >> 2 & 3) << 13 | (seed >> 4 & 1) << 15;
	for (uint32_t r = 0; r < 8; r++)
		for (uint32_t i = 0; i < 10; i++)
			s->legacy.st[r].bytes[i] = (uint8_t)(seed * 7 + r * 16 + i);
	for (uint32_t r = 0; r < count; r++)
		for (uint32_t i = 0; i < bytes; i++)
			s->vector[r][i] = (uint8_t)(seed * 31 + r * 64 + i) | 1;
	for (uint32_t r = 0; r < 8 && bytes == 64; r++)
		s->mask[r] = (seed * 257 + r * 4096) & 0xffff;
	s->fs_base = 0x100000ull * seed + 0x1000;
	s->gs_base = 0x7f0000000000ull + 0x100000ull * seed;
	s->ds = s->gs = seed & 1 ? 0x2b : 0;
	s->es = s->fs = seed & 2 ? 0x2b : 0;
}

/* Registers by number need their name in one word, so each is written out. */
#define FPU_ALL_16(X)   X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define FPU_UPPER_16(X) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31)
#define FPU_MASKS(X)    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define FPU_LD_ZMM(n)   "vmovdqu64 64*" #n "(%0), %%zmm" #n "\n\t"
#define FPU_ST_ZMM(n)   "vmovdqu64 %%zmm" #n ", 64*" #n "(%0)\n\t"
#define FPU_LD_YMM(n)   "vmovdqu 64*" #n "(%0), %%ymm" #n "\n\t"
#define FPU_ST_YMM(n)   "vmovdqu %%ymm" #n ", 64*" #n "(%0)\n\t"
#define FPU_LD_XMM(n)   "movdqu 64*" #n "(%0), %%xmm" #n "\n\t"
#define FPU_ST_XMM(n)   "movdqu %%xmm" #n ", 64*" #n "(%0)\n\t"
#define FPU_LD_MASK(n)  "kmovw 8*" #n "(%1), %%k" #n "\n\t"
#define FPU_ST_MASK(n)  "kmovw %%k" #n ", 8*" #n "(%1)\n\t"

/* segments: 0 leaves them alone (a Linux program's C library lives on fs). */
static inline void fpu_load(const struct fpu_state *s, int segments)
{
	uint32_t bytes = fpu_vector_bytes(fpu_xcr0());

	__asm__ volatile("fxrstor64 %0" : : "m"(s->legacy));
	if (bytes == 64)
		__asm__ volatile(FPU_ALL_16(FPU_LD_ZMM) FPU_UPPER_16(FPU_LD_ZMM) FPU_MASKS(FPU_LD_MASK)
		                 :
		                 : "r"(s->vector), "r"(s->mask)
		                 : "memory");
	else if (bytes == 32)
		__asm__ volatile(FPU_ALL_16(FPU_LD_YMM) : : "r"(s->vector) : "memory");
	else
		__asm__ volatile(FPU_ALL_16(FPU_LD_XMM) : : "r"(s->vector) : "memory");
	if (segments)
		__asm__ volatile("mov %w0, %%ds\n\tmov %w1, %%es\n\tmov %w2, %%fs\n\tmov %w3, %%gs\n\t"
		                 "wrfsbase %4\n\twrgsbase %5"
		                 :
		                 : "r"(s->ds), "r"(s->es), "r"(s->fs), "r"(s->gs), "r"(s->fs_base), "r"(s->gs_base)
		                 : "memory");
}

static inline void fpu_store(struct fpu_state *s, int segments)
{
	uint32_t bytes = fpu_vector_bytes(fpu_xcr0());

	if (bytes == 64)
		__asm__ volatile(FPU_ALL_16(FPU_ST_ZMM) FPU_UPPER_16(FPU_ST_ZMM) FPU_MASKS(FPU_ST_MASK)
		                 :
		                 : "r"(s->vector), "r"(s->mask)
		                 : "memory");
	else if (bytes == 32)
		__asm__ volatile(FPU_ALL_16(FPU_ST_YMM) : : "r"(s->vector) : "memory");
	else
		__asm__ volatile(FPU_ALL_16(FPU_ST_XMM) : : "r"(s->vector) : "memory");
	__asm__ volatile("fxsave64 %0" : "=m"(s->legacy));
	if (segments) {
		__asm__ volatile("mov %%ds, %0\n\tmov %%es, %1\n\tmov %%fs, %2\n\tmov %%gs, %3\n\t"
		                 "rdfsbase %4\n\trdgsbase %5"
		                 : "=r"(s->ds), "=r"(s->es), "=r"(s->fs), "=r"(s->gs), "=r"(s->fs_base),
		                   "=r"(s->gs_base)
		                 :
		                 : "memory");
		s->ds &= 0xffff;
		s->es &= 0xffff;
		s->fs &= 0xffff;
		s->gs &= 0xffff;
	}
}

/* 0, or what differs first: 1 x87, 2 mxcsr, 3 vectors, 4 masks, 5 bases, 6 selectors. */
static inline int fpu_differs(const struct fpu_state *a, const struct fpu_state *b, int segments)
{
	if (a->legacy.fcw != b->legacy.fcw || a->legacy.ftw != b->legacy.ftw || a->legacy.fsw != b->legacy.fsw)
		return 1;
	for (uint32_t r = 0; r < 8; r++)
		for (uint32_t i = 0; i < 10; i++)
			if (a->legacy.st[r].bytes[i] != b->legacy.st[r].bytes[i])
				return 1;
	if (a->legacy.mxcsr != b->legacy.mxcsr)
		return 2;
	for (uint32_t i = 0; i < sizeof a->vector / 8; i++)
		if (((const uint64_t *)(const void *)a->vector)[i] != ((const uint64_t *)(const void *)b->vector)[i])
			return 3;
	for (uint32_t r = 0; r < 8; r++)
		if (a->mask[r] != b->mask[r])
			return 4;
	if (!segments)
		return 0;
	if (a->fs_base != b->fs_base || a->gs_base != b->gs_base)
		return 5;
	return a->ds != b->ds || a->es != b->es || a->fs != b->fs || a->gs != b->gs ? 6 : 0;
}

#endif
