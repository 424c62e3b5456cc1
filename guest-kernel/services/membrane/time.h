/* Clocks from the TSC: never backwards, no call into the host. */
#ifndef CENO_MEMBRANE_TIME_H
#define CENO_MEMBRANE_TIME_H

#include "membrane.h"

/* Reads frequency and start from the boot page. Once per boot, before any use. */
void ceno_time_init(void);
/* Nanoseconds of an LX_CLOCK_* (which must be one of those). */
uint64_t ceno_time_ns(uint32_t id);
/* TSC after so many nanoseconds from now; saturates. */
uint64_t ceno_time_deadline(uint64_t ns);
/* TSC cycles of a second or less, rounded down. */
uint64_t ceno_time_cycles(uint32_t ns);
/* The same of any time, saturating at CENO_NEVER; and back. */
uint64_t ceno_time_cycles_long(uint64_t ns);
uint64_t ceno_time_long_ns(uint64_t cycles);
uint64_t ceno_time_us(uint64_t cycles);
/* Hundredths of a second (struct tms, siginfo). */
uint64_t ceno_time_ticks(uint64_t cycles);
/* TSC when a clock of LX_CLOCK_* shows ns; the past is now. */
uint64_t ceno_time_deadline_at(uint32_t id, uint64_t ns);
/* A timespec of the program as nanoseconds: 0, -LX_EFAULT or -LX_EINVAL. */
int ceno_time_read(uint64_t gva, uint64_t *ns);

#endif
