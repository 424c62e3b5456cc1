/*
 * The warden's allowlist; see lockdown.h.
 */
#include "lockdown.h"
#include "../sandbox/jail.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
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
	X(pwrite64, "the spool file") \
	X(fdatasync, "the spool file") \
	X(memfd_create, "the caller's copies of the opening and the trail") \
	X(close, "session descriptors, one by one") \
	X(fcntl, "seals; whether a descriptor is open") \
	X(fstat, "length and blocks of a memfd") \
	X(newfstatat, "the same, as newer C libraries ask for it") \
	X(lseek, "SEEK_DATA and SEEK_HOLE over RAM") \
	X(mmap, "the trail's window; RAM and areas, once the vmm was reaped; memory of the crypto library") \
	X(munmap, "the same") \
	X(madvise, "populates what is overwritten next") \
	X(mprotect, "the C library's heap") \
	X(brk, "the C library's heap") \
	X(futex, "one-time initialisers of the crypto library") \
	X(getrandom, "destroy nonce, R if attest is gone") \
	X(clock_gettime, "times, where the vDSO cannot answer") \
	X(waitid, "reaps the vmm") \
	X(pidfd_send_signal, "kills the vmm") \
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

/* Its memory is never executable. */
static int maps(uint32_t call)
{
	return call == SYS_mmap || call == SYS_mprotect;
}

/* arch | number | one jump for each call | refuse | arguments of mmap and mprotect: executable? | refuse | allow */
static int install_filter(void)
{
	struct sock_filter code[CALL_COUNT + 9];
	size_t n = 0;
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < CALL_COUNT; i++) {
		size_t jump = CALL_COUNT - i + (maps(calls[i]) ? 0 : 3);
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], (uint8_t)jump, 0);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = { (unsigned short)n, code };
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}

int ceno_lockdown(void)
{
	uint32_t abi;
	/* It must go on signalling the vmm, which lies outside its Landlock domain. */
	if (ceno_jail_landlock(&abi, 1) < 0 && abi != 0)
		return -errno;
	return install_filter();
}
