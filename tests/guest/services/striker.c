/*
 * A service that overloads itself in its first life, until its third strike kills it, and
 * behaves in its second: what it knows of the first is in its state.
 */
#include "sdk/ceno.h"
#include "sdk/supervised.h"

void ceno_service_main(void)
{
	uint64_t *lives = (uint64_t *)CENO_GVA_STATE;

	if (++*lives > 1)
		ceno_mask(CENO_SLOT_SELF, 0, 0, 0, 0); /* exit */
	if (ceno_checkpoint(NULL) < 0)
		__builtin_trap();
	for (;;) /* 500 J each, and not pledged */
		(void)ceno_spawn_fiber(&(struct ceno_fiber_spawn){ .slot = 40, .pool_pages = 8 });
}
