/*
 * The functions of the vDSO. They run in the program, at ring 3, with its rights: a bad
 * pointer is its own fault, as with Linux's. Linux's names and signatures (vdso.S).
 */
#include "vdso.h"

#include "abi/layout.h"

#define SYS_CLOCK_GETTIME 228

enum { REALTIME, MONOTONIC, PROCESS_CPUTIME, THREAD_CPUTIME, RAW, REALTIME_COARSE, MONOTONIC_COARSE, BOOTTIME };

#define BIT(clock) (1u << (clock))
#define REAL       (BIT(REALTIME) | BIT(REALTIME_COARSE))
#define SINCE      (BIT(MONOTONIC) | BIT(RAW) | BIT(MONOTONIC_COARSE) | BIT(BOOTTIME))

static const struct ceno_clock *page(void)
{
	return (const struct ceno_clock *)(uintptr_t)CENO_GVA_CLOCK;
}

/* Not before what comes before it in the program. */
static uint64_t since(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return ceno_clock_since(page(), (uint64_t)high << 32 | low);
}

static uint64_t real(void)
{
	return page()->start_ns + since();
}

/* Clocks that only membrane knows, and those that do not exist. */
static int64_t ask(int32_t clock, struct ceno_vdso_time *out)
{
	int64_t result;

	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"(SYS_CLOCK_GETTIME), "D"((int64_t)clock), "S"(out)
	                 : "rcx", "r11", "memory");
	return result;
}

int64_t ceno_vdso_clock_gettime(int32_t clock, struct ceno_vdso_time *out)
{
	uint32_t bit = (uint32_t)clock <= BOOTTIME ? BIT(clock) : 0;
	uint64_t ns;

	if (!(bit & (REAL | SINCE)))
		return ask(clock, out);
	ns = bit & REAL ? real() : since();
	*out = (struct ceno_vdso_time){ (int64_t)(ns / CENO_NS_PER_SECOND), (int64_t)(ns % CENO_NS_PER_SECOND) };
	return 0;
}

int64_t ceno_vdso_gettimeofday(struct ceno_vdso_time *out, int32_t *zone)
{
	uint64_t ns;

	if (out) {
		ns = real();
		*out = (struct ceno_vdso_time){ (int64_t)(ns / CENO_NS_PER_SECOND),
			                        (int64_t)(ns % CENO_NS_PER_SECOND / 1000) };
	}
	if (zone)
		zone[0] = zone[1] = 0;
	return 0;
}

int64_t ceno_vdso_time(int64_t *out)
{
	int64_t seconds = (int64_t)(real() / CENO_NS_PER_SECOND);

	if (out)
		*out = seconds;
	return seconds;
}

/* A session has one processor. */
int64_t ceno_vdso_getcpu(uint32_t *cpu, uint32_t *node)
{
	if (cpu)
		*cpu = 0;
	if (node)
		*node = 0;
	return 0;
}
