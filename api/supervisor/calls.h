/*
 * The system calls of cenod and of whatever it starts. A filter is inherited, so this one is the
 * sum of what cenod, its services and the wardens need until each installs a narrower one
 * of its own, and of what those admit. What is outside it does not exist (ENOSYS): neither
 * tracing, nor modules, BPF, perf, io_uring, keys but the empty ring of a vmm, nor the namespaces of another.
 */
#ifndef CENO_API_SUPERVISOR_CALLS_H
#define CENO_API_SUPERVISOR_CALLS_H

#include <sys/syscall.h>

#include "attest/confine/calls.h"

#ifndef SYS_mseal
#define SYS_mseal 462 /* Linux 6.10; newer than the headers of Debian 12 */
#endif

/* X(call, reason) */
#define CENO_SUPERVISOR_CALLS(X) \
	X(epoll_create1, "every loop") \
	X(epoll_ctl, "every loop") \
	X(epoll_wait, "every loop") \
	X(epoll_pwait, "every loop, as libuv asks for it") \
	X(eventfd2, "loops; doorbells of a vmm") \
	X(pipe2, "libuv's wake-ups; the line that says the node is up") \
	X(poll, "waits with a deadline") \
	X(ppoll, "the same, as the C library asks for it") \
	X(select, "swtpm") \
	X(pselect6, "swtpm") \
	X(socket, "cenod.sock; a TPM behind a TCTI") \
	X(socketpair, "a child's records") \
	X(bind, "cenod.sock; swtpm") \
	X(listen, "cenod.sock; swtpm") \
	X(accept, "swtpm") \
	X(accept4, "clients") \
	X(connect, "a TPM behind a TCTI") \
	X(getsockname, "a TPM behind a TCTI") \
	X(getpeername, "a TPM behind a TCTI") \
	X(getsockopt, "a client's uid") \
	X(setsockopt, "a TPM behind a TCTI") \
	X(shutdown, "cenod.sock, a TPM's socket at the end") \
	X(sendmsg, "records with descriptors") \
	X(recvmsg, "records with descriptors") \
	X(sendmmsg, "the address of a TPM behind a TCTI") \
	X(sendto, "records") \
	X(recvfrom, "records") \
	X(ioctl, "libuv's non-blocking descriptors; KVM; /dev/tpmrm0") \
	X(read, "files, descriptors of the loops") \
	X(write, "log lines, control groups, maps of a user namespace") \
	X(readv, "the C library") \
	X(writev, "the C library") \
	X(pread64, "state, images, memory that is not mapped") \
	X(pwrite64, "state, images, spool") \
	X(lseek, "SEEK_DATA and SEEK_HOLE; SQLite") \
	X(ftruncate, "memfds; SQLite; the log's torn tail") \
	X(fallocate, "the spool; SQLite") \
	X(fsync, "state") \
	X(fdatasync, "state") \
	X(flock, "one node a state directory") \
	X(open, "the C library") \
	X(openat, "state, libraries, /proc, /dev") \
	X(openat2, "libraries, as newer loaders may") \
	X(close, "descriptors") \
	X(close_range, "descriptors of a child") \
	X(fcntl, "descriptors, seals, SQLite's locks") \
	X(dup, "swtpm") \
	X(dup2, "a child's table of descriptors") \
	X(dup3, "a child's table of descriptors") \
	X(stat, "files") \
	X(lstat, "files") \
	X(fstat, "files") \
	X(newfstatat, "files") \
	X(statx, "files") \
	X(statfs, "is state on a file system that keeps it; is it a control group") \
	X(fstatfs, "the same") \
	X(access, "files") \
	X(faccessat, "files") \
	X(faccessat2, "files") \
	X(readlink, "where a program lies; namespaces") \
	X(readlinkat, "the same") \
	X(getdents64, "control groups, state, tasks of a vmm") \
	X(getcwd, "SQLite") \
	X(chdir, "cenod's folder; a jail's root") \
	X(fchdir, "a jail's root") \
	X(mkdir, "state, control groups, a jail's root") \
	X(mkdirat, "the same") \
	X(rmdir, "control groups") \
	X(rename, "state that is replaced whole") \
	X(renameat, "the same") \
	X(renameat2, "the same, never over another") \
	X(link, "swtpm's state") \
	X(linkat, "a file without a name gets one") \
	X(unlink, "sockets, state") \
	X(unlinkat, "the same") \
	X(chmod, "modes of state") \
	X(fchmod, "the same") \
	X(fchmodat, "the same") \
	X(chown, "state of services that are not root") \
	X(fchown, "the same") \
	X(fchownat, "the same") \
	X(umask, "swtpm's state") \
	X(utimensat, "swtpm's state") \
	X(inotify_init1, "libuv, for control group events") \
	X(inotify_add_watch, "the same") \
	X(inotify_rm_watch, "the same") \
	X(mmap, "memory, libraries") \
	X(munmap, "memory") \
	X(mremap, "memory") \
	X(mprotect, "memory, libraries") \
	X(madvise, "memory; populates, or keeps out of core dumps") \
	X(brk, "memory") \
	X(mincore, "the C library") \
	X(mseal, "the slots' mappings") \
	X(mlock, "secrets") \
	X(mlock2, "a vmm's memory") \
	X(mlockall, "swtpm") \
	X(munlock, "secrets") \
	X(memfd_create, "RAM, windows, images") \
	X(memfd_secret, "a session's keys") \
	X(clone, "threads; children") \
	X(clone3, "a vmm in its namespaces") \
	X(fork, "the C library") \
	X(vfork, "the C library") \
	X(execve, "swtpm") \
	X(execveat, "services, wardens, vmms: by descriptor") \
	X(exit, "the end of a thread") \
	X(exit_group, "the end") \
	X(wait4, "children") \
	X(waitid, "children") \
	X(kill, "children") \
	X(tgkill, "takes a vCPU out of its guest; abort") \
	X(pidfd_open, "children") \
	X(pidfd_send_signal, "children") \
	X(rt_sigaction, "signals") \
	X(rt_sigprocmask, "signals") \
	X(rt_sigreturn, "signals") \
	X(rt_sigtimedwait, "signals") \
	X(sigaltstack, "signals") \
	X(restart_syscall, "a wait that a signal interrupted") \
	X(getpid, "who asks") \
	X(getppid, "is the parent still there") \
	X(gettid, "who asks") \
	X(getsid, "reads a jail's step back") \
	X(setsid, "a child's own session") \
	X(getpgrp, "swtpm") \
	X(getpgid, "swtpm") \
	X(setpgid, "swtpm") \
	X(getuid, "who asks") \
	X(geteuid, "who asks") \
	X(getgid, "who asks") \
	X(getegid, "who asks") \
	X(getresuid, "reads a jail's step back") \
	X(getresgid, "reads a jail's step back") \
	X(getgroups, "reads a jail's step back") \
	X(setgroups, "a child's identity") \
	X(setuid, "swtpm") \
	X(setgid, "swtpm") \
	X(setresuid, "a child's identity") \
	X(setresgid, "a child's identity") \
	X(capget, "capabilities") \
	X(capset, "capabilities") \
	X(prctl, "capabilities, death signal, not dumpable, core scheduling") \
	X(arch_prctl, "the C library") \
	X(set_tid_address, "the C library") \
	X(set_robust_list, "the C library") \
	X(get_robust_list, "the C library") \
	X(rseq, "the C library") \
	X(membarrier, "libraries") \
	X(futex, "threads") \
	X(sched_yield, "threads") \
	X(sched_getaffinity, "how many processors there are") \
	X(sched_getscheduler, "a session never runs at real-time priority") \
	X(sched_setscheduler, "the same") \
	X(sched_getparam, "the same") \
	X(sched_getattr, "the same") \
	X(sched_setattr, "the same") \
	X(getpriority, "priorities") \
	X(setpriority, "priorities") \
	X(getcpu, "libraries") \
	X(getrlimit, "limits") \
	X(setrlimit, "limits") \
	X(prlimit64, "limits") \
	X(getrusage, "libuv") \
	X(sysinfo, "memory of the host") \
	X(uname, "the kernel's release") \
	X(times, "libraries") \
	X(time, "where the vDSO has no clock") \
	X(gettimeofday, "the same") \
	X(clock_gettime, "the same") \
	X(clock_getres, "the same") \
	X(nanosleep, "waits") \
	X(clock_nanosleep, "waits") \
	X(getrandom, "keys, names, nonces") \
	X(mount, "a service's state directory; a jail's empty root") \
	X(umount2, "a jail's empty root") \
	X(pivot_root, "a jail's empty root") \
	X(unshare, "a service's mounts; a jail's namespaces") \
	X(sethostname, "a jail's random host name") \
	X(keyctl, "a vmm's empty session keyring") \
	X(landlock_create_ruleset, "Landlock") \
	X(landlock_add_rule, "Landlock") \
	X(landlock_restrict_self, "Landlock") \
	X(seccomp, "narrower filters")

/* Holds the calling process, and what it starts, to the list and to no new privileges, for good.
 * Call it before any child is started, single-threaded. 0 (at once in a build with a sanitizer), or -errno. */
int ceno_supervisor_confine(void);

#endif
