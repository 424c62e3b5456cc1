/* cenod's capabilities: see privilege.h. */
#include "privilege.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

uint64_t ceno_privilege_kept(void)
{
	uint64_t kept = 0;

#define ADD_CAPABILITY(name, reason) kept |= 1ull << CAP_##name;
	CENO_KEPT_CAPABILITIES(ADD_CAPABILITY)
#undef ADD_CAPABILITY
	return kept;
}

/* The kernel's last capability may be newer than our header: until it says there is no such one. */
static int bound(uint64_t kept)
{
	for (unsigned long cap = 0; cap < 64; cap++) {
		int now = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (now < 0)
			return cap > CAP_SETPCAP ? 0 : -errno;
		if (now == 0 || kept >> cap & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 || prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0)
			return -EPERM;
	}
	return 0;
}

int ceno_privilege_keep(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct sets[2], have[2];
	uint64_t kept = ceno_privilege_kept();
	int rc;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || syscall(SYS_capget, &header, sets) < 0)
		return -errno;
	rc = bound(kept);
	if (rc)
		return rc;
	for (int i = 0; i < 2; i++) {
		uint32_t mask = (uint32_t)(kept >> 32 * i);

		sets[i].permitted &= mask;
		sets[i].effective &= mask;
		sets[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &header, sets) < 0 || syscall(SYS_capget, &header, have) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		if (have[i].permitted != sets[i].permitted || have[i].effective != sets[i].effective ||
		    have[i].inheritable)
			return -EPERM;
	return 0;
}
