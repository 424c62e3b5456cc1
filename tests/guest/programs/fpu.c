/*
 * All FPU registers but fs (the C library's), filled and looked at over ticks and system calls
 * for a second, beside a fiber that does the same (services/fpu.c). Exit 1: one changed.
 */
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/lib/fpu_state.h"

static struct fpu_state own, now;

static long system_call(long number, long a, long b)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b) : "rcx", "r11", "memory");
	return result;
}

static uint64_t milliseconds(void)
{
	struct timespec t;

	system_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int main(void)
{
	uint64_t end = milliseconds() + 1000;
	uint32_t rounds = 0;
	int differs = 0;

	while (!differs && milliseconds() < end) {
		fpu_pattern(&own, 1000 + rounds++);
		fpu_load(&own, 0);
		for (volatile int i = 0; i < 200000; i++)
			;
		for (int i = 0; i < 20; i++)
			system_call(SYS_getppid, 0, 0);
		fpu_store(&now, 0);
		differs = fpu_differs(&own, &now, 0);
	}
	fpu_initial(&own);
	fpu_load(&own, 0);
	printf("%u rounds, difference %d\n", rounds, differs);
	return rounds < 10 || differs;
}
