/* Clocks from the TSC: never backwards, no call into the host. */
#ifndef CENO_MEMBRANE_TIME_H
#define CENO_MEMBRANE_TIME_H

#include "membrane.h"

/* Reads frequency and start from the boot page. Once per boot, before any use. */
void ceno_time_init(void);
/* Nanoseconds of an LX_CLOCK_* (which must be one of those). */
uint64_t ceno_time_ns(uint32_t clock);
/* TSC after so many nanoseconds from now; saturates. */
uint64_t ceno_time_deadline(uint64_t ns);
/* TSC cycles of a second or less, rounded down. */
uint64_t ceno_time_cycles(uint32_t ns);
/* A timespec of the program as nanoseconds: 0, -LX_EFAULT or -LX_EINVAL. */
int ceno_time_read(uint64_t gva, uint64_t *ns);

#endif
