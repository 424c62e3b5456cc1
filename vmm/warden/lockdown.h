/*
 * The warden's own walls, put up after the vmm was observed and before any guest
 * instruction, while attest writes the launch leaf: Landlock without a rule (nothing can
 * be opened by name any more) and an allowlist of system calls, each with its reason
 * (lockdown.c). Between the two the lanes are made, which are in the domain and get the filter.
 *
 * What is not listed fails with EPERM instead of killing: a warden that is
 * refused a call can still destroy, a dead one cannot.
 */
#ifndef CENO_WARDEN_LOCKDOWN_H
#define CENO_WARDEN_LOCKDOWN_H

/* One-way; called by the only thread. Needs no_new_privs. Returns 0, or -errno of the step the kernel refused
 * (a kernel without Landlock is none). */
int ceno_lockdown(void);

/* 1 if the calling thread is held to the list, else 0. That it has a filter says nothing, for it inherits cenod's;
 * so it makes a call that never fails by itself, that cenod's lets through, and that is not in the list. */
int ceno_lockdown_holds(void);

#endif
