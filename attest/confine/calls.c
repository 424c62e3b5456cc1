/* System call lists by libseccomp: see calls.h. */
#include "attest/confine/calls.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

int ceno_confine_begin(void)
{
	const struct rlimit no_core = { 0, 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || setrlimit(RLIMIT_CORE, &no_core) || prctl(PR_SET_DUMPABLE, 0))
		return -errno;
	return 0;
}

int ceno_confine_is_sanitized(void)
{
	return SANITIZED;
}

/* refused: SCMP_ACT_... for what is not in the list. data_only: memory is never executable. */
static int install(const struct ceno_allowed_call *list, size_t count, uint32_t refused, int data_only)
{
	const struct scmp_arg_cmp data = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	scmp_filter_ctx filter;
	int rc;

	if (SANITIZED)
		return 0;
	filter = seccomp_init(refused);
	if (!filter)
		return -ENOMEM;
	rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	for (size_t i = 0; !rc && i < count; i++) {
		int maps = list[i].number == SCMP_SYS(mmap) || list[i].number == SCMP_SYS(mprotect);

		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, list[i].number, data_only && maps, data);
	}
	if (!rc)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc;
}

int ceno_confine_calls(const struct ceno_allowed_call *list, size_t count)
{
	return install(list, count, SCMP_ACT_KILL_PROCESS, 1);
}

int ceno_confine_calls_of_loader(const struct ceno_allowed_call *list, size_t count)
{
	return install(list, count, SCMP_ACT_KILL_PROCESS, 0);
}

int ceno_confine_children(const struct ceno_allowed_call *list, size_t count)
{
	return install(list, count, SCMP_ACT_ERRNO(ENOSYS), 0);
}
