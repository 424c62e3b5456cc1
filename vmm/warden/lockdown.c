/*
 * The warden's allowlist; see lockdown.h.
 */
#include "lockdown.h"
#include "lanes.h"
#include "../sandbox/jail.h"
#include "wire.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALLS(X) \
	X(epoll_wait, "the loop sleeps here") \
	X(epoll_pwait, "the same, as libuv asks for it") \
	X(epoll_ctl, "the loop watches, and stops watching, a peer") \
	X(poll, "waits with a deadline: R, STORED, the vmm's end") \
	X(recvmsg, "records with descriptors") \
	X(recvfrom, "records of attest") \
	X(sendmsg, "records, and the payload") \
	X(read, "SIGTERM through libuv's pipe") \
	X(write, "the opening and the trail into their memfds; the signal handler into libuv's pipe") \
	X(pread64, "host facts, group counters, the window's report, an argument block") \
	X(pwrite64, "the spool file; what boot page and window say while it runs: dropped classes, a terminal's size") \
	X(fdatasync, "the spool file") \
	X(memfd_create, "the caller's copies of the opening and the trail") \
	X(close, "session descriptors, one by one") \
	X(fcntl, "seals; whether a descriptor is open") \
	X(fstat, "length and blocks of a memfd") \
	X(newfstatat, "the same, as newer C libraries ask for it") \
	X(ftruncate, "a window that is taken, to no byte; no other descriptor") \
	X(lseek, "SEEK_DATA and SEEK_HOLE over RAM") \
	X(mmap, "the trail's window; RAM and areas, once the vmm was reaped; memory of the crypto library") \
	X(munmap, "the same") \
	X(madvise, "that RAM is read once, in order: the use of each page need not be noted; nothing else") \
	X(mprotect, "the C library's heap") \
	X(brk, "the C library's heap") \
	X(futex, "lanes wait and are woken; one-time initialisers of the crypto library") \
	X(getrandom, "destroy nonce, R if attest is gone") \
	X(clock_gettime, "times, where the vDSO cannot answer") \
	X(waitid, "the vmm has stopped, or is reaped") \
	X(pidfd_send_signal, "kills the vmm; stops it while a window is taken") \
	X(prctl, "reads back that the warden is not dumpable") \
	X(uname, "the kernel's release, for step 6") \
	X(rt_sigprocmask, "libuv's signal handler") \
	X(rt_sigreturn, "return from it") \
	X(restart_syscall, "a wait that a signal interrupted") \
	X(exit_group, "the end")

static const uint32_t calls[] = {
#define CALL_NUMBER(name, reason) SYS_##name,
	CALLS(CALL_NUMBER)
#undef CALL_NUMBER
};

#define CALL_COUNT (sizeof calls / sizeof calls[0])

#define WINDOW (CENO_WARDEN_FD_WINDOW + CENO_PLEDGE_STDIO) /* the only class with a window that can be made */

#define LOAD(member)             BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define TEST(how, with, yes, no) BPF_JUMP(BPF_JMP | (how) | BPF_K, with, yes, no)
#define RETURN(value)            BPF_STMT(BPF_RET | BPF_K, value)

/* Behind the list of calls: the arguments of ftruncate (the stdio window's number, and length 0: two words), of
 * madvise (no page moves that the guest may be using: large pages are made before it runs (large.h), or
 * not), then those of mmap and mprotect (the warden's memory is never executable). */
enum { OTHERS, TRUNCATES, ADVISES = TRUNCATES + 6, MAPS = ADVISES + 2, REFUSED = MAPS + 2, ALLOWED, TAIL };

static const struct sock_filter tail[TAIL] = {
	[OTHERS] = BPF_STMT(BPF_JMP | BPF_JA, REFUSED - OTHERS - 1),
	[TRUNCATES] = LOAD(args[0]),
	[TRUNCATES + 1] = TEST(BPF_JEQ, WINDOW, 0, REFUSED - TRUNCATES - 2),
	[TRUNCATES + 2] = LOAD(args[1]),
	[TRUNCATES + 3] = TEST(BPF_JEQ, 0, 0, REFUSED - TRUNCATES - 4),
	[TRUNCATES + 4] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]) + 4),
	[TRUNCATES + 5] = TEST(BPF_JEQ, 0, ALLOWED - TRUNCATES - 6, REFUSED - TRUNCATES - 6),
	[ADVISES] = LOAD(args[2]),
	[ADVISES + 1] = TEST(BPF_JEQ, MADV_SEQUENTIAL, ALLOWED - ADVISES - 2, REFUSED - ADVISES - 2),
	[MAPS] = LOAD(args[2]),
	[MAPS + 1] = TEST(BPF_JSET, PROT_EXEC, 0, ALLOWED - MAPS - 2),
	[REFUSED] = RETURN(SECCOMP_RET_ERRNO | EPERM),
	[ALLOWED] = RETURN(SECCOMP_RET_ALLOW),
};

static unsigned leads_to(uint32_t call)
{
	if (call == SYS_ftruncate)
		return TRUNCATES;
	if (call == SYS_madvise)
		return ADVISES;
	return call == SYS_mmap || call == SYS_mprotect ? MAPS : ALLOWED;
}

/* arch | number | one jump for each call | tail */
static int install_filter(void)
{
	struct sock_filter code[4 + CALL_COUNT + TAIL] = {
		LOAD(arch),
		TEST(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
	};
	for (unsigned i = 0; i < CALL_COUNT; i++)
		code[4 + i] =
		    (struct sock_filter)TEST(BPF_JEQ, calls[i], (uint8_t)(CALL_COUNT - i - 1 + leads_to(calls[i])), 0);
	memcpy(code + 4 + CALL_COUNT, tail, sizeof tail);
	const struct sock_fprog program = { sizeof code / sizeof code[0], code };
	long rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
	return rc < 0 ? -errno : rc > 0 ? -ESRCH : 0; /* above 0: a thread that could not take it */
}

/* The filter knows a descriptor by its number. So that no other file comes to have the window's, received or
 * duplicated, once that is closed: nothing gets a number from there on, and nothing behind it has one. */
static int keep_number(void)
{
	const struct rlimit below = { WINDOW, WINDOW };
	return close_range(WINDOW + 1, ~0u, 0) < 0 || setrlimit(RLIMIT_NOFILE, &below) < 0 ? -errno : 0;
}

int ceno_lockdown_holds(void)
{
	return syscall(SYS_getppid) < 0 && errno == EPERM;
}

int ceno_lockdown(void)
{
	uint32_t abi;
	/* It must go on signalling the vmm, which lies outside its Landlock domain. */
	if (ceno_jail_landlock(&abi, 1) < 0 && abi != 0)
		return -errno;
	ceno_lanes_start(0); /* within the domain; the filter has no call that makes a thread */
	int rc = keep_number();
	if (rc == 0)
		rc = install_filter();
	if (rc == 0)
		ceno_lanes_filtered();
	return rc < 0 || ceno_lockdown_holds() ? rc : -EPERM;
}
