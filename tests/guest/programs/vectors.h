/*
 * Whether vector registers stay what they are while others of the same processor run: for
 * programs that are run on the host and in the guest.
 */
#ifndef CENO_TEST_PROGRAMS_VECTORS_H
#define CENO_TEST_PROGRAMS_VECTORS_H

#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

__attribute__((target("avx"))) static inline int ymm_stays(uint8_t fill)
{
	uint8_t pattern[32], seen[32];

	memset(pattern, fill, sizeof(pattern));
	for (int i = 0; i < 300; i++) {
		long result;

		/* sched_yield without touching a vector register in between */
		__asm__ volatile("vmovdqu %1, %%ymm9\n\tvmovdqu %1, %%ymm15\n\tsyscall\n\tvmovdqu %%ymm9, %2\n\t"
		                 : "=a"(result)
		                 : "m"(pattern), "m"(seen), "a"(SYS_sched_yield)
		                 : "rcx", "r11", "memory", "xmm9", "xmm15");
		if (memcmp(seen, pattern, sizeof(seen)))
			return 0;
	}
	return 1;
}

__attribute__((target("avx512f"))) static inline int zmm_stays(uint8_t fill)
{
	uint8_t pattern[64], seen[64];

	memset(pattern, fill, sizeof(pattern));
	for (int i = 0; i < 300; i++) {
		long result;

		__asm__ volatile("vmovdqu64 %1, %%zmm31\n\tsyscall\n\tvmovdqu64 %%zmm31, %2\n\t"
		                 : "=a"(result)
		                 : "m"(pattern), "m"(seen), "a"(SYS_sched_yield)
		                 : "rcx", "r11", "memory", "xmm31");
		if (memcmp(seen, pattern, sizeof(seen)))
			return 0;
	}
	return 1;
}

/* 1: all that the processor has stayed. fill: what to put into them, another for each who asks. */
static inline int vectors_stay(uint8_t fill)
{
	return (!__builtin_cpu_supports("avx") || ymm_stays(fill)) &&
	    (!__builtin_cpu_supports("avx512f") || zmm_stays(fill));
}

#endif
