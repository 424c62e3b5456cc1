/*
 * What the warden itself gives up. It starts as root from the supervisor and
 * ends as an own uid without any capability, not dumpable, in two steps:
 *
 *   early  own uid and gid; keeps what starting the vmm needs (maps, group, clone)
 *   final  nothing: empty sets, no new privileges; before any guest code exists
 *
 * The uid changes before the vmm's user namespace is made, so that the warden
 * owns it and may signal and observe its child without a capability.
 */
#ifndef CENO_WARDEN_PRIVILEGE_H
#define CENO_WARDEN_PRIVILEGE_H

#include <sys/types.h>

/* Returns 0, or -errno of the step the kernel refused. */
int ceno_privilege_early(uid_t uid);
int ceno_privilege_final(void);

/* An ordinary share of a processor, however the node was started; early takes it, for the vmm inherits it. A real-time
 * one could starve the host (lanes take each of its CPUs), and may not join a v1 group without a real-time budget of
 * its own. Returns 0 or -errno. */
int ceno_privilege_leave_real_time(void);

#endif
