/*
 * Dropping privileges; see privilege.h.
 */
#include "privilege.h"

#include <errno.h>
#include <stdint.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int set_capabilities(uint64_t mask)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct want[2] = { { (uint32_t)mask, (uint32_t)mask, 0 },
		                                  { (uint32_t)(mask >> 32), (uint32_t)(mask >> 32), 0 } };
	struct __user_cap_data_struct have[2];
	if (syscall(SYS_capset, &header, want) < 0 || syscall(SYS_capget, &header, have) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		if (have[i].effective != want[i].effective || have[i].permitted != want[i].permitted ||
		    have[i].inheritable)
			return -EPERM;
	return 0;
}

int ceno_privilege_leave_real_time(void)
{
	const struct sched_param none = { 0 };
	int policy = sched_getscheduler(0);
	if (policy < 0)
		return -errno;
	policy &= ~SCHED_RESET_ON_FORK;
	if (policy != SCHED_FIFO && policy != SCHED_RR && policy != SCHED_DEADLINE)
		return 0;
	if (sched_setscheduler(0, SCHED_OTHER, &none) < 0)
		return -errno;
	return sched_getscheduler(0) == SCHED_OTHER ? 0 : -EPERM;
}

int ceno_privilege_early(uid_t uid)
{
	const struct rlimit no_core = { 0, 0 };
	const uint64_t keep = 1ull << CAP_SETUID | 1ull << CAP_SETGID | 1ull << CAP_DAC_OVERRIDE |
	    1ull << CAP_SYS_ADMIN | 1ull << CAP_SETPCAP;
	if (setrlimit(RLIMIT_CORE, &no_core) < 0 || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	int rc = ceno_privilege_leave_real_time();
	if (rc == 0)
		rc = set_capabilities(keep);
	if (rc == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		rc = -errno;
	return rc;
}

int ceno_privilege_final(void)
{
	for (unsigned long cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	int rc = set_capabilities(0);
	if (rc == 0 && (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0))
		rc = -EPERM;
	return rc;
}
