/* cenod's system calls: see calls.h. */
#include "calls.h"

static const struct ceno_allowed_call allowed[] = {
#define ALLOWED_CALL(name, reason) { SYS_##name, reason },
	CENO_SUPERVISOR_CALLS(ALLOWED_CALL)
#undef ALLOWED_CALL
};

int ceno_supervisor_confine(void)
{
	return ceno_confine_children(allowed, sizeof allowed / sizeof allowed[0]);
}
