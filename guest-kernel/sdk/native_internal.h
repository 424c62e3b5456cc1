/* Between the parts of the native runtime. */
#ifndef CENO_SDK_NATIVE_INTERNAL_H
#define CENO_SDK_NATIVE_INTERNAL_H

#include <stdbool.h>
#include "native.h"

/* native.S */
void ceno_start(void);
void ceno_fiber_start(void);

/* Called from native.S. */
_Noreturn void ceno_native_start(void);
_Noreturn void ceno_fiber_end(void);

/* native_stdio.c: maps the window and goes on where a fiber before this one stopped. */
void ceno_native_streams(void);
void ceno_native_flush(void);
/* State and, if it is final, status or refusal into the report; then the doorbell. */
void ceno_native_report(uint32_t state, uint32_t status, uint32_t refusal);
/* Returns when the host wants the session to end. */
void ceno_native_wait_shutdown(void);

/* native_files.c: an entry's data, NULL if there is none; a pack that the warden did not
 * make is a crash. */
const void *ceno_native_file(const char *path, uint64_t *bytes);

static inline const struct ceno_boot *ceno_native_boot(void)
{
	return (const struct ceno_boot *)CENO_GVA_BOOT_PAGE;
}

static inline void ceno_native_must(int64_t rc)
{
	if (rc < 0)
		__builtin_trap(); /* init reports it as a crash */
}

#endif
