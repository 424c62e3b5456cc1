/*
 * Lanes: threads that wait while a session runs, and share its destruction over the CPUs.
 *
 *   start (once, before the filter) -> run, run, ...      the caller is lane 0
 *
 *   caller   open the gate, wake, work ............, close the gate, wait until nobody is inside
 *   lane     wait -------------> enter, work, leave, wait
 *
 * Work is not dealt out but taken piece by piece, by whoever comes: a lane that is late, was never
 * woken or could not be made only leaves more to the caller, who alone finishes every work. So a host
 * with one CPU, or too busy for a second lane, differs in time and in nothing else. A lane makes no system call but
 * to wait and to be sure of its filter, and allocates nothing.
 */
#ifndef CENO_WARDEN_LANES_H
#define CENO_WARDEN_LANES_H

#define CENO_LANES_MAX 4 /* more would wait for memory, not for each other */

/* A share of the work: takes pieces until none is left. lane: 0 the caller's, below
 * ceno_lanes_count(); each at most once at a time. */
typedef void ceno_lane_work(void *context, unsigned lane);

/* Makes threads until there are `wanted` lanes in all; 0: one for each CPU that the process may use. At most
 * CENO_LANES_MAX; fewer if the kernel refuses a thread. They are as thread.h says, with credentials, Landlock
 * domain and filter of the caller. Call it from the one thread there is; no fork comes after it.
 * Returns when each waits. */
void ceno_lanes_start(unsigned wanted);

/* Lanes in all, the caller's included: 1 without start. */
unsigned ceno_lanes_count(void);

/* From now on a lane that is not held to the warden's own filter (lockdown.h) does no work. */
void ceno_lanes_filtered(void);

/* Does `work` in every lane that comes in time and in the caller's; returns when it was left by all. */
void ceno_lanes_run(ceno_lane_work *work, void *context);

#endif
