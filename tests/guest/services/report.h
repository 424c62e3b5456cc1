/*
 * What test services have in common: the program's report in the stdio window, and
 * checks that end the session with their line as exit status.
 */
#ifndef CENO_TEST_REPORT_H
#define CENO_TEST_REPORT_H

#include "sdk/ceno.h"

#define REPORT_STDIO    (CENO_SLOT_WINDOW + CENO_PLEDGE_STDIO)
#define REPORT_GVA      ((uint64_t)CENO_GVA_WINDOW + CENO_PLEDGE_STDIO * CENO_LARGE_PAGE)
#define REPORT_DOORBELL (REPORT_GVA + CENO_LARGE_PAGE - CENO_PAGE)
/* Bytes that outlive the service, for it to note what its next life should find: the
 * ring of stderr, whose index nobody moves. */
#define REPORT_NOTES (REPORT_GVA + CENO_STDERR_OFFSET)

static inline volatile struct ceno_stdio_guest *report_page(void)
{
	return (volatile struct ceno_stdio_guest *)(REPORT_GVA + CENO_STDIO_GUEST_OFFSET);
}

static inline int64_t report_open(void)
{
	return ceno_map(CENO_SLOT_SELF, REPORT_STDIO, REPORT_GVA, 0, CENO_STDIO_BYTES,
	                CENO_RIGHT_READ | CENO_RIGHT_WRITE);
}

static inline void report_write(uint32_t status, uint32_t state)
{
	report_page()->magic = CENO_STDIO_MAGIC;
	report_page()->abi_version = CENO_ABI_VERSION;
	report_page()->seq = 1;
	report_page()->exit_status = status;
	__atomic_store_n(&report_page()->state, state, __ATOMIC_RELEASE);
	*(volatile uint32_t *)REPORT_DOORBELL = 1;
}

static _Noreturn inline void finish(uint32_t status)
{
	report_write(status, CENO_PROGRAM_DONE);
	for (;;)
		ceno_recv_signal(REPORT_STDIO, 0);
}

#define CHECK(condition) \
	do { \
		if (!(condition)) \
			finish((__LINE__ & 0xff) ? (__LINE__ & 0xff) : 1); \
	} while (0)

#endif
