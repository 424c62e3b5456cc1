/*
 * Every system call that membrane serves, with the flags and limits it honours.
 * images/syscalls.txt is this table as text (a test keeps the two equal); a number
 * that is not here returns -ENOSYS and is counted in the program's report.
 *
 *   X(number, name, "what is supported; empty: all of it that a lone process can see")
 */
#ifndef CENO_MEMBRANE_CALLS_H
#define CENO_MEMBRANE_CALLS_H

#include <stdint.h>

/* clang-format off */
#define CENO_CALLS(X) \
	X(0, read, "") X(1, write, "") \
	X(2, open, "CREAT EXCL TRUNC APPEND NONBLOCK DIRECTORY NOFOLLOW CLOEXEC PATH TMPFILE") \
	X(3, close, "") X(4, stat, "") X(5, fstat, "") X(6, lstat, "") X(7, poll, "") \
	X(8, lseek, "SET CUR END DATA HOLE") \
	X(9, mmap, "PRIVATE SHARED ANONYMOUS FIXED FIXED_NOREPLACE NORESERVE 32BIT; never W+X, nor SHARED and EXEC in RAM") \
	X(10, mprotect, "never W+X, nor SHARED and EXEC in RAM") X(11, munmap, "") X(12, brk, "") \
	X(13, rt_sigaction, "NOCLDSTOP NOCLDWAIT SIGINFO ONSTACK RESTART NODEFER RESETHAND") X(14, rt_sigprocmask, "") \
	X(15, rt_sigreturn, "") \
	X(16, ioctl, "FIONREAD FIONBIO FIOCLEX FIONCLEX; no terminal") \
	X(17, pread64, "") X(18, pwrite64, "") X(19, readv, "") X(20, writev, "") X(21, access, "") \
	X(22, pipe, "") X(23, select, "read and write sets") X(24, sched_yield, "") X(25, mremap, "MAYMOVE FIXED DONTUNMAP") \
	X(26, msync, "") X(27, mincore, "") X(28, madvise, "DONTNEED FREE DONTFORK DOFORK WIPEONFORK KEEPONFORK; other advice is accepted") \
	X(32, dup, "") X(33, dup2, "") X(34, pause, "") X(35, nanosleep, "") \
	X(36, getitimer, "REAL VIRTUAL PROF") \
	X(37, alarm, "") \
	X(38, setitimer, "REAL VIRTUAL PROF") \
	X(39, getpid, "") \
	X(40, sendfile, "from files") \
	X(41, socket, "AF_UNIX, without a peer; EACCES for the Internet's, EAFNOSUPPORT for others") X(42, connect, "ENOENT, ECONNREFUSED") \
	X(44, sendto, "DONTWAIT NOSIGNAL") X(45, recvfrom, "DONTWAIT PEEK") X(46, sendmsg, "DONTWAIT NOSIGNAL; no control") \
	X(47, recvmsg, "DONTWAIT") X(48, shutdown, "") X(51, getsockname, "") X(52, getpeername, "") \
	X(53, socketpair, "AF_UNIX: STREAM DGRAM SEQPACKET; CLOEXEC NONBLOCK") \
	X(54, setsockopt, "SOL_SOCKET, without effect") X(55, getsockopt, "TYPE ERROR SNDBUF RCVBUF PROTOCOL DOMAIN") \
	X(56, clone, "VM FS FILES SIGHAND THREAD VFORK PARENT SYSVSEM SETTLS PARENT_SETTID CHILD_CLEARTID CHILD_SETTID; SIGHAND with THREAD only") \
	X(57, fork, "") \
	X(58, vfork, "") \
	X(59, execve, "") X(60, exit, "") X(61, wait4, "NOHANG UNTRACED CONTINUED NOTHREAD ALL CLONE") \
	X(62, kill, "") X(63, uname, "") \
	X(72, fcntl, "DUPFD DUPFD_CLOEXEC GETFD SETFD GETFL SETFL GETLK SETLK SETLKW OFD_GETLK OFD_SETLK OFD_SETLKW GETPIPE_SZ SETPIPE_SZ") X(73, flock, "") \
	X(74, fsync, "") X(75, fdatasync, "") X(76, truncate, "") X(77, ftruncate, "") X(79, getcwd, "") \
	X(80, chdir, "") X(81, fchdir, "") X(82, rename, "") X(83, mkdir, "") X(84, rmdir, "") X(85, creat, "") \
	X(86, link, "") X(87, unlink, "") X(88, symlink, "") X(89, readlink, "") X(90, chmod, "") X(91, fchmod, "") \
	X(92, chown, "to the one user") X(93, fchown, "to the one user") X(94, lchown, "to the one user") X(95, umask, "") \
	X(96, gettimeofday, "") X(97, getrlimit, "") X(98, getrusage, "SELF THREAD CHILDREN; user time") X(99, sysinfo, "") \
	X(100, times, "") X(102, getuid, "") X(104, getgid, "") X(105, setuid, "to the own one") X(106, setgid, "to the own one") \
	X(107, geteuid, "") X(108, getegid, "") X(109, setpgid, "") X(110, getppid, "") X(111, getpgrp, "") \
	X(112, setsid, "") X(115, getgroups, "") X(118, getresuid, "") X(120, getresgid, "") \
	X(121, getpgid, "") X(124, getsid, "") X(127, rt_sigpending, "") \
	X(128, rt_sigtimedwait, "") \
	X(129, rt_sigqueueinfo, "") \
	X(130, rt_sigsuspend, "") \
	X(131, sigaltstack, "DISABLE AUTODISARM") X(133, mknod, "regular files and FIFOs") X(137, statfs, "") \
	X(138, fstatfs, "") X(140, getpriority, "PROCESS") X(141, setpriority, "PROCESS; kept, and changes nothing") X(157, prctl, "SET_NAME GET_NAME SET_DUMPABLE GET_DUMPABLE SET_NO_NEW_PRIVS GET_NO_NEW_PRIVS SET_PDEATHSIG GET_PDEATHSIG; our own PLEDGE UNVEIL") \
	X(158, arch_prctl, "SET_FS GET_FS SET_GS GET_GS") X(160, setrlimit, "") X(162, sync, "") X(186, gettid, "") X(187, readahead, "accepted") \
	X(188, setxattr, "EOPNOTSUPP") X(189, lsetxattr, "EOPNOTSUPP") X(190, fsetxattr, "EOPNOTSUPP") \
	X(191, getxattr, "EOPNOTSUPP") X(192, lgetxattr, "EOPNOTSUPP") X(193, fgetxattr, "EOPNOTSUPP") \
	X(194, listxattr, "EOPNOTSUPP") X(195, llistxattr, "EOPNOTSUPP") X(196, flistxattr, "EOPNOTSUPP") \
	X(197, removexattr, "EOPNOTSUPP") X(198, lremovexattr, "EOPNOTSUPP") X(199, fremovexattr, "EOPNOTSUPP") \
	X(200, tkill, "") X(201, time, "") X(202, futex, "WAIT WAKE REQUEUE CMP_REQUEUE WAKE_OP WAIT_BITSET WAKE_BITSET PRIVATE CLOCK_REALTIME") \
	X(203, sched_setaffinity, "the one processor") X(204, sched_getaffinity, "") X(213, epoll_create, "") X(217, getdents64, "") X(218, set_tid_address, "") \
	X(221, fadvise64, "accepted") \
	X(222, timer_create, "REALTIME MONOTONIC BOOTTIME; SIGNAL NONE THREAD_ID") \
	X(223, timer_settime, "ABSTIME") \
	X(224, timer_gettime, "") \
	X(225, timer_getoverrun, "") \
	X(226, timer_delete, "") \
	X(228, clock_gettime, "clocks 0 to 7") X(229, clock_getres, "clocks 0 to 7") \
	X(230, clock_nanosleep, "clocks 0 to 7 but 3; ABSTIME") X(231, exit_group, "") X(232, epoll_wait, "LT ET ONESHOT; no epoll in epoll") \
	X(233, epoll_ctl, "ADD MOD DEL") X(234, tgkill, "") \
	X(247, waitid, "ALL PID PGID; EXITED STOPPED CONTINUED NOHANG NOWAIT") \
	X(257, openat, "CREAT EXCL TRUNC APPEND NONBLOCK DIRECTORY NOFOLLOW CLOEXEC PATH TMPFILE") X(258, mkdirat, "") \
	X(259, mknodat, "regular files and FIFOs") X(260, fchownat, "to the one user; SYMLINK_NOFOLLOW EMPTY_PATH") X(262, newfstatat, "SYMLINK_NOFOLLOW NO_AUTOMOUNT EMPTY_PATH") \
	X(263, unlinkat, "REMOVEDIR") X(264, renameat, "") X(265, linkat, "SYMLINK_FOLLOW EMPTY_PATH") X(266, symlinkat, "") \
	X(267, readlinkat, "") X(268, fchmodat, "") X(269, faccessat, "") X(270, pselect6, "") \
	X(271, ppoll, "") X(273, set_robust_list, "") \
	X(274, get_robust_list, "") \
	X(275, splice, "") X(276, tee, "") X(277, sync_file_range, "accepted") \
	X(280, utimensat, "SYMLINK_NOFOLLOW EMPTY_PATH NOW OMIT") \
	X(281, epoll_pwait, "LT ET ONESHOT; no epoll in epoll") X(283, timerfd_create, "REALTIME MONOTONIC BOOTTIME; CLOEXEC NONBLOCK") \
	X(284, eventfd, "") X(285, fallocate, "KEEP_SIZE PUNCH_HOLE") X(286, timerfd_settime, "ABSTIME") X(287, timerfd_gettime, "") \
	X(290, eventfd2, "SEMAPHORE CLOEXEC NONBLOCK") X(291, epoll_create1, "CLOEXEC") X(292, dup3, "CLOEXEC") X(293, pipe2, "CLOEXEC NONBLOCK DIRECT(accepted)") X(295, preadv, "") \
	X(296, pwritev, "") \
	X(297, rt_tgsigqueueinfo, "") \
	X(302, prlimit64, "") X(306, syncfs, "") X(309, getcpu, "") X(316, renameat2, "NOREPLACE EXCHANGE") \
	X(318, getrandom, "NONBLOCK RANDOM INSECURE") X(319, memfd_create, "CLOEXEC; sealing is not done") X(322, execveat, "EMPTY_PATH SYMLINK_NOFOLLOW") X(326, copy_file_range, "") X(332, statx, "SYMLINK_NOFOLLOW NO_AUTOMOUNT EMPTY_PATH") \
	X(334, rseq, "UNREGISTER; 32 bytes") \
	X(435, clone3, "the flags of clone; CLEAR_SIGHAND; no pidfd, set_tid, cgroup") \
	X(436, close_range, "UNSHARE CLOEXEC") X(439, faccessat2, "SYMLINK_NOFOLLOW EACCESS EMPTY_PATH") X(441, epoll_pwait2, "LT ET ONESHOT; no epoll in epoll")
/* clang-format on */

/* x86-64 has no call in between: a table of them leaves these numbers out. */
#define CENO_CALLS_GAP     335
#define CENO_CALLS_GAP_END 424
#define CENO_CALLS_END     442

#define CENO_CALL_DECLARE(number, name, flags) int64_t ceno_sys_##name(const uint64_t a[6]);
CENO_CALLS(CENO_CALL_DECLARE)
#undef CENO_CALL_DECLARE

/* Serves the call that the current task's registers (enum ceno_gpr) make: the result for
 * rax, or CENO_BLOCKED, CENO_NO_RESULT or an internal errno (task.h, linux.h). An unknown
 * number is -LX_ENOSYS and counted. */
int64_t ceno_dispatch_regs(const uint64_t gpr[16]);

#endif
