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

/* X(call, reason) */
#define CALLS(X) \
	X(epoll_wait, "the loop") \
	X(epoll_pwait, "the loop") \
	X(epoll_ctl, "connections come and go") \
	X(accept4, "clients") \
	X(getsockopt, "a client's uid") \
	X(recvmsg, "requests, records, descriptors") \
	X(sendmsg, "replies, records, descriptors") \
	X(socketpair, "a session's socket (AF_UNIX)") \
	X(ioctl, "non-blocking descriptors (FIONBIO), as libuv sets them") \
	X(fcntl, "descriptors; SQLite's locks") \
	X(read, "wake-ups of the loop") \
	X(write, "wake-ups of the loop, one line to standard error") \
	X(close, "descriptors") \
	X(pread64, "SQLite") \
	X(pwrite64, "SQLite") \
	X(openat, "SQLite: its files") \
	X(fsync, "SQLite") \
	X(fdatasync, "SQLite") \
	X(ftruncate, "SQLite") \
	X(fallocate, "SQLite: its shared index") \
	X(unlink, "SQLite: its log at the end") \
	X(access, "SQLite: is there a journal") \
	X(stat, "SQLite") \
	X(lstat, "SQLite") \
	X(fstat, "SQLite") \
	X(newfstatat, "SQLite") \
	X(statx, "SQLite") \
	X(readlink, "SQLite") \
	X(getcwd, "SQLite") \
	X(lseek, "SQLite") \
	X(geteuid, "SQLite") \
	X(getpid, "SQLite") \
	X(mmap, "memory; SQLite's shared index") \
	X(munmap, "memory") \
	X(mremap, "memory") \
	X(mprotect, "memory: malloc's arenas") \
	X(madvise, "memory") \
	X(brk, "memory") \
	X(futex, "locks of the C library") \
	X(getrandom, "session names, hash seeds") \
	X(clock_gettime, "where the vDSO has no clock") \
	X(gettimeofday, "the same") \
	X(time, "the same") \
	X(nanosleep, "SQLite: a busy file") \
	X(clock_nanosleep, "the same") \
	X(gettid, "abort") \
	X(tgkill, "abort") \
	X(rt_sigaction, "abort") \
	X(rt_sigprocmask, "libuv, abort") \
	X(rt_sigreturn, "signals") \
	X(restart_syscall, "a wait that was stopped") \
	X(exit, "the end") \
	X(exit_group, "the end")

static const struct ceno_allowed_call allowed[] = { CALLS(CENO_ALLOWED_CALL) };

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
