/*
 * What tests in init's place have in common: they end the session by a stop code, STOP_GOOD,
 * or STOP_BAD + the line of the check that failed.
 */
#ifndef CENO_TEST_STOP_H
#define CENO_TEST_STOP_H

#include "sdk/ceno.h"

#define STOP_GOOD 0x5afe0000u
#define STOP_BAD  0xbad00000u

static inline _Noreturn void stop(uint32_t code)
{
	for (;;)
		ceno_verb(CENO_VERB_MASK, CENO_SLOT_SELF, 0, 0, 0, 0, code, NULL);
}

#define CHECK(condition) \
	do { \
		if (!(condition)) \
			stop(STOP_BAD + __LINE__); \
	} while (0)

/* However many calls it takes. */
static inline void close_slot(uint32_t slot)
{
	int64_t rc;

	do
		rc = ceno_mask(slot, 0, 0, 0, 0);
	while (rc == CENO_E_AGAIN);
	CHECK(rc == 0);
}

#endif
