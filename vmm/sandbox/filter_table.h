/*
 * Every system call a locked ceno-vmm may make, who makes it, and why. What is not
 * here kills the process (SECCOMP_RET_KILL_PROCESS).
 *
 * Filters belong to the process (installed on both threads by TSYNC), so the second
 * column says which thread's need it is: vcpu, loop, or both.
 *
 *   X(call, thread, conditions, reason)
 *   conditions: NONE, or up to three of EQ(argument, value), all of which must hold
 *
 * read and write are not matched by descriptor: at lock the process holds the
 * program's three streams, the control socket, eventfds, epoll and the vCPU, and
 * nothing can open another. The order is the filter's order; it is hashed, so
 * changing a line changes the platform digest.
 */
#ifndef CENO_SANDBOX_FILTER_TABLE_H
#define CENO_SANDBOX_FILTER_TABLE_H

/* The vCPU's descriptor is moved here before the lock, so that the filter is the
 * same in every session. Above every number in use then. */
#define CENO_VMM_FD_VCPU 60

#define CENO_FILTER_CALLS(X) \
	X(ioctl, "vcpu", EQ(0, CENO_VMM_FD_VCPU) EQ(1, KVM_RUN) EQ(2, 0), \
	  "runs the guest; no other request, no other descriptor") \
	X(write, "both", NONE, \
	  "output to the program's streams, records to the warden, eventfds: interrupt the guest, wake the loop") \
	X(read, "both", NONE, \
	  "input of the program, records of the warden, eventfds; the vCPU thread waits and parks in it") \
	X(epoll_wait, "loop", NONE, "the loop sleeps here") \
	X(epoll_ctl, "loop", NONE, "the loop watches or ignores a stream that would block") \
	X(tgkill, "loop", EQ(2, SIGUSR1), \
	  "takes the vCPU out of the guest; the PID namespace holds this process only") \
	X(rt_sigreturn, "vcpu", NONE, "return from that signal's handler") \
	X(clock_gettime, "loop", EQ(0, CLOCK_MONOTONIC), "timers, where the vDSO cannot answer") \
	X(clock_gettime, "loop", EQ(0, CLOCK_MONOTONIC_COARSE), "the same, as libuv's cheaper clock") \
	X(exit_group, "both", NONE, "the end")

#endif
