/*
 * Confinement of ceno-api: see confine.h. A call outside the list kills the
 * process; the supervisor starts it again, its sessions are destroyed.
 */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>
#include <unistd.h>

#include "attest/confine/calls.h"
#include "attest/confine/files.h"

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
	const struct ceno_allowed_files files = { open(state, O_PATH | O_DIRECTORY | O_CLOEXEC), CENO_FILES_ALL };
	int rc = files.beneath < 0 ? -errno : ceno_confine_files(&files, 1);

	if (files.beneath >= 0)
		close(files.beneath);
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
