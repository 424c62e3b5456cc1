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
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attest/daemon/attestd.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* the sanitizers make calls of their own */
#else
#define SANITIZED 0
#endif

/* ---- Landlock ------------------------------------------------------------------ */

#define ACCESS_READ   (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE)
#define ACCESS_DEVICE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* Rights of ABI 1, which every kernel with Landlock knows, and the two that came with 2 and 3. */
#define ACCESS_ABI1     ((1ull << 13) - 1)
#define ACCESS_REFER    (1ull << 13)
#define ACCESS_TRUNCATE (1ull << 14)

static int allow_beneath(int ruleset, int folder, uint64_t access)
{
	const struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = folder };
	return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static void allow_path(int ruleset, const char *path, uint64_t access)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return; /* not on this system: nothing to allow */
	allow_beneath(ruleset, fd, access);
	close(fd);
}

static int restrict_files(const struct ceno_attestd *d)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1)
		return 0; /* this kernel has none: the descriptors below the state directory are all we use */
	uint64_t all = ACCESS_ABI1 | (abi >= 2 ? ACCESS_REFER : 0) | (abi >= 3 ? ACCESS_TRUNCATE : 0);
	const struct landlock_ruleset_attr attr = { .handled_access_fs = all };
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);
	if (ruleset < 0)
		return -1;
	int failed = allow_beneath(ruleset, d->state, all);
	if (d->tpm.tcti) {
		static const char *const libraries[] = { "/usr", "/lib", "/lib64", "/etc" };
		for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
			allow_path(ruleset, libraries[i], ACCESS_READ);
		allow_path(ruleset, "/dev", ACCESS_DEVICE);
	}
	failed = failed || syscall(SYS_landlock_restrict_self, ruleset, 0);
	close(ruleset);
	/* Read back: a rule set that asks for too little silently does not apply. */
	int root = failed ? -1 : open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0) {
		close(root);
		errno = ENOTRECOVERABLE;
		failed = 1;
	}
	return failed ? -1 : 0;
}

/* ---- system calls ---------------------------------------------------------------- */

/* X(call, reason) */
#define NUMBER(name, reason) SCMP_SYS(name),

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

static const int always[] = { CALLS(NUMBER) };

#define TCTI_CALLS(X) \
	X(socket, "swtpm: TCTI") \
	X(connect, "swtpm: TCTI") \
	X(access, "the dynamic loader") \
	X(readlink, "the dynamic loader")

static const int with_tcti[] = { TCTI_CALLS(NUMBER) };

static int allow(scmp_filter_ctx filter, const int *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, list[i], 0))
			return -1;
	return 0;
}

/* mmap and mprotect: never executable, but for the modules of a TCTI. */
static int allow_mappings(scmp_filter_ctx filter, bool executable)
{
	const struct scmp_arg_cmp plain = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	unsigned count = executable ? 0 : 1;
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), count, plain) ||
		seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), count, plain)
	    ? -1
	    : 0;
}

static int restrict_calls(const struct ceno_attestd *d)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!filter)
		return -1;
	int failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) ||
	    allow(filter, always, sizeof(always) / sizeof(always[0])) ||
	    (d->tpm.tcti && allow(filter, with_tcti, sizeof(with_tcti) / sizeof(with_tcti[0]))) ||
	    allow_mappings(filter, d->tpm.tcti) || seccomp_load(filter);
	seccomp_release(filter);
	return failed ? -1 : 0;
}

int ceno_attestd_confine_files(const struct ceno_attestd *d)
{
	if (!restrict_files(d))
		return 0;
	ceno_attestd_say("the file system could not be closed off: %s", strerror(errno));
	return -1;
}

int ceno_attestd_confine_calls(const struct ceno_attestd *d)
{
	if (SANITIZED || !restrict_calls(d))
		return 0;
	ceno_attestd_say("the system call filter could not be installed");
	return -1;
}
