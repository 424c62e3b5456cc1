/*
 * Giving up what ceno-attest does not need once it has its TPM, its state
 * directory and its worker threads: privileges, then the file system outside its
 * state (Landlock, where the kernel has it), then every system call that its loop
 * and its two queues do not make. A call outside the list kills the process; the
 * supervisor starts it again and nothing durable is lost.
 *
 * With a TPM behind a TCTI of tpm2-tss, opening that again after a failure loads
 * the library's module and opens a device or socket, so these stay possible.
 */
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <unistd.h>

#include "attest/confine/calls.h"
#include "attest/confine/files.h"
#include "attest/daemon/attestd.h"

/* ---- files ----------------------------------------------------------------------- */

/* Directories that opening a TPM behind a TCTI needs; one that this system has not is not allowed either. */
static const struct {
	const char *path;
	enum ceno_file_rights rights;
} of_tcti[] = { { "/usr", CENO_FILES_READ },
	        { "/lib", CENO_FILES_READ },
	        { "/lib64", CENO_FILES_READ },
	        { "/etc", CENO_FILES_READ },
	        { "/dev", CENO_FILES_DEVICE } };

#define OF_TCTI (sizeof(of_tcti) / sizeof(of_tcti[0]))

static int restrict_files(const struct ceno_attestd *d)
{
	struct ceno_allowed_files files[1 + OF_TCTI] = { { d->state, CENO_FILES_ALL } };
	size_t count = 1;
	for (size_t i = 0; d->tpm.tcti && i < OF_TCTI; i++) {
		files[count] =
		    (struct ceno_allowed_files){ open(of_tcti[i].path, O_PATH | O_CLOEXEC), of_tcti[i].rights };
		count += files[count].beneath >= 0;
	}
	int rc = ceno_confine_files(files, count);
	while (count > 1)
		close(files[--count].beneath);
	return rc;
}

/* ---- system calls ---------------------------------------------------------------- */

/* X(call, reason) */
#define CALLS(X) \
	X(epoll_wait, "the loop") \
	X(epoll_pwait, "the loop") \
	X(epoll_ctl, "channels come and go") \
	X(poll, "waiting for swtpm's response") \
	X(ppoll, "the same on newer C libraries") \
	X(recvmsg, "records and descriptors in") \
	X(sendmsg, "records out") \
	X(recvfrom, "responses of swtpm") \
	X(sendto, "commands to swtpm, a request to the keeper") \
	X(getsockopt, "the type of a descriptor that was passed") \
	X(read, "wake-ups of the loop, files of the state directory") \
	X(write, "wake-ups of the loop, files, one line to standard error") \
	X(pread64, "a spooled payload") \
	X(pwrite64, "the log") \
	X(openat, "files of the state directory") \
	X(close, "descriptors") \
	X(fstat, "is it a regular file") \
	X(newfstatat, "the same, as the C library calls it") \
	X(statx, "the same, as libuv calls it") \
	X(lseek, "directory streams") \
	X(getdents64, "unacknowledged proofs") \
	X(fcntl, "directory streams, non-blocking channels") \
	X(ioctl, "non-blocking channels (FIONBIO), as libuv sets them") \
	X(fsync, "files") \
	X(fdatasync, "the log") \
	X(ftruncate, "a write to the log that failed") \
	X(renameat, "files replaced whole") \
	X(renameat2, "the same") \
	X(unlinkat, "files that are done with") \
	X(futex, "the two queues") \
	X(brk, "memory") \
	X(mmap, "memory") \
	X(mprotect, "memory") \
	X(munmap, "memory") \
	X(mremap, "memory") \
	X(madvise, "memory") \
	X(munlock, "the log key at the end") \
	X(getrandom, "OpenSSL and libsodium") \
	X(getpid, "libsodium and tpm2-tss") \
	X(gettid, "abort") \
	X(tgkill, "abort") \
	X(clock_gettime, "where the vDSO has no clock") \
	X(clock_nanosleep, "tpm2-tss waits before it sends a command again") \
	X(nanosleep, "the same") \
	X(rt_sigprocmask, "threads and abort") \
	X(rt_sigaction, "signal handles closed at the end") \
	X(rt_sigreturn, "SIGTERM") \
	X(restart_syscall, "after SIGSTOP and SIGCONT") \
	X(wait4, "the keeper at the end") \
	X(sched_yield, "the C library's locks") \
	X(exit, "threads") \
	X(exit_group, "the end")

static const struct ceno_allowed_call always[] = { CALLS(CENO_ALLOWED_CALL) };

#define TCTI_CALLS(X) \
	X(socket, "swtpm: TCTI") \
	X(connect, "swtpm: TCTI") \
	X(access, "the dynamic loader") \
	X(readlink, "the dynamic loader")

static const struct ceno_allowed_call with_tcti[] = { CALLS(CENO_ALLOWED_CALL) TCTI_CALLS(CENO_ALLOWED_CALL) };

int ceno_attestd_confine_files(const struct ceno_attestd *d)
{
	int rc = restrict_files(d);
	if (rc)
		ceno_attestd_say("the file system could not be closed off: %s", strerror(-rc));
	return rc ? -1 : 0;
}

int ceno_attestd_confine_calls(const struct ceno_attestd *d)
{
	int rc = d->tpm.tcti ? ceno_confine_calls_of_loader(with_tcti, sizeof(with_tcti) / sizeof(with_tcti[0]))
			     : ceno_confine_calls(always, sizeof(always) / sizeof(always[0]));
	if (rc)
		ceno_attestd_say("the system call filter could not be installed: %s", strerror(-rc));
	return rc ? -1 : 0;
}
