/*
 * Every system call a locked ceno-vmm may make, who makes it, and why. What is not
 * here kills the process (SECCOMP_RET_KILL_PROCESS).
 *
 * Filters belong to the process (installed on both threads by TSYNC), so the second
 * column says which thread's need it is: vcpu, loop, or both.
 *
 *   X(call, thread, conditions, reason)
 *   conditions: NONE, or up to three of EQ(argument, value) and WITHIN(argument, first, last),
 *               all of which must hold
 *
 * OWN: what the vmm made for itself before the lock (epoll, eventfds, libuv's pipes; the VM's
 * descriptor lies there too, which can neither be read nor written). The table of received
 * descriptors ends below, the vCPU lies above, and nothing can make another. A stream is used
 * in its direction only, for a terminal or a socket would give both.
 * The order is the filter's order; it is hashed, so changing a line changes the platform digest.
 */
#ifndef CENO_SANDBOX_FILTER_TABLE_H
#define CENO_SANDBOX_FILTER_TABLE_H

/* The vCPU's descriptor is moved here before the lock, so that the filter is the
 * same in every session. Above every number in use then. */
#define CENO_VMM_FD_VCPU 60

#define CENO_FILTER_OWN(argument) WITHIN(argument, CENO_VMM_FD_END, CENO_VMM_FD_VCPU - 1)

#define CENO_FILTER_CALLS(X) \
	X(ioctl, "vcpu", EQ(0, CENO_VMM_FD_VCPU) EQ(1, KVM_RUN) EQ(2, 0), \
	  "runs the guest; no other request, no other descriptor") \
	X(write, "both", CENO_FILTER_OWN(0), \
	  "eventfds: interrupt the guest, wake the loop, say that the vCPU has parked") \
	X(write, "loop", EQ(0, CENO_VMM_FD_STDOUT), "output of the program") \
	X(write, "loop", EQ(0, CENO_VMM_FD_STDERR), "the same") \
	X(write, "loop", EQ(0, CENO_VMM_FD_CONTROL), "records to the warden") \
	X(read, "both", CENO_FILTER_OWN(0), "eventfds: doorbells, wake-ups; the vCPU thread waits and parks in it") \
	X(read, "loop", EQ(0, CENO_VMM_FD_STDIN), "input of the program") \
	X(read, "loop", EQ(0, CENO_VMM_FD_CONTROL), "records of the warden") \
	X(epoll_wait, "loop", CENO_FILTER_OWN(0), "the loop sleeps here") \
	X(epoll_ctl, "loop", CENO_FILTER_OWN(0), "the loop watches or ignores a stream that would block") \
	X(tgkill, "loop", EQ(0, 1) EQ(2, SIGUSR1), \
	  "takes the vCPU out of the guest; 1 is this process, in a PID namespace that has no other") \
	X(rt_sigreturn, "vcpu", NONE, "return from that signal's handler") \
	X(clock_gettime, "loop", EQ(0, CLOCK_MONOTONIC), "timers, where the vDSO cannot answer") \
	X(clock_gettime, "loop", EQ(0, CLOCK_MONOTONIC_COARSE), "the same, as libuv's cheaper clock") \
	X(exit_group, "both", NONE, "the end")

#endif
