/* What ceno-attest and the keeper of its swtpm share: a voice, and giving up privileges. */
#include <cap-ng.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "attest/daemon/attestd.h"

void ceno_attestd_say(const char *format, ...)
{
	char line[512];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fprintf(stderr, "ceno-attest: %s\n", line);
}

int ceno_attestd_drop_privileges(void)
{
	const struct rlimit no_core = { 0, 0 };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || setrlimit(RLIMIT_CORE, &no_core) || prctl(PR_SET_DUMPABLE, 0)) {
		ceno_attestd_say("privileges could not be dropped: %s", strerror(errno));
		return -1;
	}
	capng_get_caps_process();
	bool bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(bounding ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS)) {
		ceno_attestd_say("capabilities could not be dropped");
		return -1;
	}
	return 0;
}
