/*
 * Confinement of ceno-api: see confine.h. A call outside the list kills the
 * process; the supervisor starts it again, its sessions are destroyed.
 */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/confine/calls.h"

#define ACCESS_ABI1     ((1ull << 13) - 1)
#define ACCESS_REFER    (1ull << 13) /* ABI 2 */
#define ACCESS_TRUNCATE (1ull << 14) /* ABI 3 */

static const struct ceno_allowed_call allowed[] = {
	{ SCMP_SYS(epoll_wait), "the loop" },
	{ SCMP_SYS(epoll_pwait), "the loop" },
	{ SCMP_SYS(epoll_ctl), "connections come and go" },
	{ SCMP_SYS(accept4), "clients" },
	{ SCMP_SYS(getsockopt), "a client's uid" },
	{ SCMP_SYS(recvmsg), "requests, records, descriptors" },
	{ SCMP_SYS(sendmsg), "replies, records, descriptors" },
	{ SCMP_SYS(socketpair), "a session's socket (AF_UNIX)" },
	{ SCMP_SYS(ioctl), "non-blocking descriptors (FIONBIO), as libuv sets them" },
	{ SCMP_SYS(fcntl), "descriptors; SQLite's locks" },
	{ SCMP_SYS(read), "wake-ups of the loop" },
	{ SCMP_SYS(write), "wake-ups of the loop, one line to standard error" },
	{ SCMP_SYS(close), "descriptors" },
	{ SCMP_SYS(pread64), "SQLite" },
	{ SCMP_SYS(pwrite64), "SQLite" },
	{ SCMP_SYS(openat), "SQLite: its files" },
	{ SCMP_SYS(fsync), "SQLite" },
	{ SCMP_SYS(fdatasync), "SQLite" },
	{ SCMP_SYS(ftruncate), "SQLite" },
	{ SCMP_SYS(fallocate), "SQLite: its shared index" },
	{ SCMP_SYS(unlink), "SQLite: its log at the end" },
	{ SCMP_SYS(access), "SQLite: is there a journal" },
	{ SCMP_SYS(stat), "SQLite" },
	{ SCMP_SYS(lstat), "SQLite" },
	{ SCMP_SYS(fstat), "SQLite" },
	{ SCMP_SYS(newfstatat), "SQLite" },
	{ SCMP_SYS(statx), "SQLite" },
	{ SCMP_SYS(readlink), "SQLite" },
	{ SCMP_SYS(getcwd), "SQLite" },
	{ SCMP_SYS(lseek), "SQLite" },
	{ SCMP_SYS(geteuid), "SQLite" },
	{ SCMP_SYS(getpid), "SQLite" },
	{ SCMP_SYS(mmap), "memory; SQLite's shared index" },
	{ SCMP_SYS(munmap), "memory" },
	{ SCMP_SYS(mremap), "memory" },
	{ SCMP_SYS(mprotect), "memory: malloc's arenas" },
	{ SCMP_SYS(madvise), "memory" },
	{ SCMP_SYS(brk), "memory" },
	{ SCMP_SYS(futex), "locks of the C library" },
	{ SCMP_SYS(getrandom), "session names, hash seeds" },
	{ SCMP_SYS(clock_gettime), "where the vDSO has no clock" },
	{ SCMP_SYS(gettimeofday), "the same" },
	{ SCMP_SYS(time), "the same" },
	{ SCMP_SYS(nanosleep), "SQLite: a busy file" },
	{ SCMP_SYS(clock_nanosleep), "the same" },
	{ SCMP_SYS(gettid), "abort" },
	{ SCMP_SYS(tgkill), "abort" },
	{ SCMP_SYS(rt_sigaction), "abort" },
	{ SCMP_SYS(rt_sigprocmask), "libuv, abort" },
	{ SCMP_SYS(rt_sigreturn), "signals" },
	{ SCMP_SYS(restart_syscall), "a wait that was stopped" },
	{ SCMP_SYS(exit), "the end" },
	{ SCMP_SYS(exit_group), "the end" },
};

static int restrict_files(const char *state)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	uint64_t all = ACCESS_ABI1 | (abi >= 2 ? ACCESS_REFER : 0) | (abi >= 3 ? ACCESS_TRUNCATE : 0);
	const struct landlock_ruleset_attr attr = { .handled_access_fs = all };
	struct landlock_path_beneath_attr rule = { .allowed_access = all };
	int ruleset, rc = 0, root;

	if (abi < 1)
		return 0; /* no Landlock here: an unprivileged uid and the call list are what is left */
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr.handled_access_fs, 0);
	if (ruleset < 0)
		return -errno;
	rule.parent_fd = open(state, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.parent_fd < 0 || syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0))
		rc = -errno;
	if (rule.parent_fd >= 0)
		close(rule.parent_fd);
	close(ruleset);
	/* Read back: a rule set that asks for too little silently does not apply. */
	root = rc ? -1 : open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0) {
		close(root);
		return -ENOTRECOVERABLE;
	}
	return rc;
}

int ceno_api_confine(const char *state, const char **step)
{
	int rc;

	*step = "no_new_privs";
	rc = ceno_confine_begin();
	if (rc)
		return rc;
	*step = "Landlock";
	rc = restrict_files(state);
	if (rc)
		return rc;
	*step = "seccomp";
	return ceno_confine_calls(allowed, sizeof allowed / sizeof allowed[0]);
}
