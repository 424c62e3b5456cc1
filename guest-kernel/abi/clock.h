/*
 * The clock of a session: what turns the TSC into nanoseconds.
 *
 *   since = cycles since the launch * mult >> 32     CLOCK_MONOTONIC, CLOCK_BOOTTIME and their like
 *   real = start_ns + since                          CLOCK_REALTIME
 *
 * All of it is constant for a session, made from the boot page's numbers (boot.h). The warden
 * writes it, once, into the clock page, which every ring-3 space has at CENO_GVA_CLOCK, beside
 * the entry page and in the same table: to be read only, and nothing in the guest has another
 * mapping of that page. The vDSO reads it there; membrane answers the system calls by the same
 * function from the same numbers, so both ways tell the same time to the tick.
 */
#ifndef CENO_ABI_CLOCK_H
#define CENO_ABI_CLOCK_H

#include <stdint.h>

#define CENO_NS_PER_SECOND 1000000000ull

struct ceno_clock {
	uint64_t mult;      /* 2^32 ns per cycle */
	uint64_t start_tsc; /* at the launch */
	uint64_t start_ns;  /* CLOCK_REALTIME then */
};
_Static_assert(sizeof(struct ceno_clock) == 24, "clock");

/* hz: not 0. The error stays below one part in 2^30 for any frequency above 1 GHz. */
static inline struct ceno_clock ceno_clock_of(uint64_t hz, uint64_t start_tsc, uint64_t start_ns)
{
	return (struct ceno_clock){ (CENO_NS_PER_SECOND << 32) / hz, start_tsc, start_ns };
}

static inline uint64_t ceno_clock_ns(const struct ceno_clock *clock, uint64_t cycles)
{
	return (uint64_t)((unsigned __int128)cycles * clock->mult >> 32);
}

/* Nanoseconds since the launch; 0 before it. */
static inline uint64_t ceno_clock_since(const struct ceno_clock *clock, uint64_t tsc)
{
	return tsc > clock->start_tsc ? ceno_clock_ns(clock, tsc - clock->start_tsc) : 0;
}

#endif
