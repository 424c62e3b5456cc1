/*
 * The vDSO: calls that a program's C library makes without entering membrane. Its ELF image
 * lies in the entry page at CENO_GVA_VDSO (vdso.S), so every program has it, without a MAP,
 * and none can write it. What these functions read is the clock page (abi/clock.h).
 *
 * All return what the system call of that name does, but that a pointer to where the program
 * may not write is SIGSEGV instead of EFAULT, as with Linux's vDSO.
 */
#ifndef CENO_ENTRY_VDSO_H
#define CENO_ENTRY_VDSO_H

#include "abi/clock.h"

/* Linux's timespec (ns) and timeval (us). */
struct ceno_vdso_time {
	int64_t seconds, part;
};

/* out: not NULL. Clocks of processor time, and unknown ones, go to the system call. */
int64_t ceno_vdso_clock_gettime(int32_t clock, struct ceno_vdso_time *out);
/* Each may be NULL. zone: two words, set to 0. */
int64_t ceno_vdso_gettimeofday(struct ceno_vdso_time *out, int32_t *zone);
/* out may be NULL. */
int64_t ceno_vdso_time(int64_t *out);
/* Each may be NULL; what Linux takes as a third argument is not looked at. */
int64_t ceno_vdso_getcpu(uint32_t *cpu, uint32_t *node);

#endif
