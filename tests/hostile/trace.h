/*
 * A tracer's hand on one thread of a jailed vmm: makes it do one system call that
 * it would not have done itself.
 */
#ifndef CENO_TESTS_TRACE_H
#define CENO_TESTS_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct injection {
	uint64_t number, argument[6];
	bool vcpu_thread;
	bool i386; /* by int 0x80: never admitted */
};

/* The vCPU thread, or the loop's. Fails the test if there is none. */
pid_t trace_find(pid_t pid, bool vcpu);

/* Attach and stop it. */
void trace_seize(pid_t tid);

/* Stop the thread at the entry of whatever it calls next, and make that the call to
 * inject: the filter looks after the tracer. int 0x80 instead: skip that call, and let
 * the thread execute the other gate in its place. */
void trace_put(pid_t tid, const struct injection *in);

/* Run the call: stops at its exit (by the other gate also at its entry) and, if it was
 * let through, at the thread's next call. Returns the wait status of the thread's end, or -1: it lives;
 * *raised: the signal it was about to get, or 0. */
int trace_run(pid_t tid, bool i386, int *raised);

#endif
