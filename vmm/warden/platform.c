/* The platform's names: see platform.h. */
#include "platform.h"

#include <string.h>
#include "guest-kernel/abi/layout.h"

/* The name is shown to people and signed. */
static void copy_trust_name(const struct ceno_trust *trust, char out[65])
{
	memset(out, 0, 65);
	for (size_t i = 0; i < sizeof trust->name && trust->name[i]; i++) {
		char c = trust->name[i];
		int ok =
		    (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr(" ._:()-", c);
		out[i] = ok ? c : '_';
	}
}

void ceno_warden_platform_names(const struct ceno_trust *trust, struct ceno_proof_platform *platform)
{
	platform->abi_version = CENO_ABI_VERSION;
	platform->test_key = trust->test_key != 0;
	copy_trust_name(trust, platform->trust_name);
}
