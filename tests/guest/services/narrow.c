/*
 * A service that gives up its whole pledge and crashes: its later lives have no window. If one of
 * them finds it otherwise, or the first one has none, it ends by itself, which is no crash.
 */
#include "sdk/supervised.h"

#define WINDOW (CENO_SLOT_WINDOW + CENO_PLEDGE_STDIO)

void ceno_service_main(void)
{
	struct ceno_supervisor_answer answer;
	int missing = ceno_mask(WINDOW, CENO_RIGHTS_ALL, 0, 0, 0) == CENO_E_SLOT;

	if (ceno_checkpoint(&answer) || missing != (answer.restarts > 0) || ceno_pledge(CENO_SLOT_SELF, 0))
		ceno_mask(CENO_SLOT_SELF, 0, 0, 0, 0);
	__builtin_trap();
}
