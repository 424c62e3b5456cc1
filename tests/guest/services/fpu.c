/*
 * A fiber that fills every FPU register, sleeps or spins, and finds them as it left them, while a
 * Linux program does the same (programs/fpu.c). A register that is not its own is a fault,
 * which ends the session.
 */
#include "sdk/ceno.h"
#include "tests/lib/fpu_state.h"

static struct fpu_state own, now;

void ceno_service_main(void)
{
	uint64_t ms = ((const struct ceno_boot *)CENO_GVA_BOOT_PAGE)->tsc_hz / 1000;

	for (uint32_t i = 0;; i++) {
		uint64_t end = ceno_rdtsc() + ms * (i % 3);

		fpu_pattern(&own, i);
		fpu_load(&own, 1);
		if (i % 2)
			ceno_tick(end, 0, NULL);
		while (ceno_rdtsc() < end)
			;
		fpu_store(&now, 1);
		if (fpu_differs(&own, &now, 1))
			__builtin_trap();
		ceno_tick(ceno_rdtsc() + ms, 0, NULL); /* the program's turn */
	}
}
