/*
 * pledge and unveil at the level of Linux programs, with OpenBSD's semantics: what a process
 * has given up it never gets back, nor does what it forks or executes.
 *
 * A session's programs begin without the words that the session was not given (the boot page). A
 * violation of those ends the process with SIGABRT, or is ENOSYS, as the session was told.
 *
 * A program asks by prctl, which fails with EINVAL on any other system:
 *   prctl(CENO_PR_PLEDGE, "stdio rw ...")   words of the session (policy/pledge.h) or OpenBSD's;
 *       EINVAL: an unknown word; EPERM: a word it no longer has. With "error" a violation is
 *       ENOSYS, else it ends the process with SIGABRT, which nothing catches.
 *   prctl(CENO_PR_UNVEIL, path, "rwxc")     the first hides everything else; the longest match
 *       decides: ENOENT without one, EACCES without the right. Never more than before: EPERM.
 *   prctl(CENO_PR_UNVEIL, 0, 0)             no more of them: EPERM.
 */
#ifndef CENO_MEMBRANE_PROMISE_H
#define CENO_MEMBRANE_PROMISE_H

#include "vfs.h"

#define CENO_PR_PLEDGE 0x43454e01u
#define CENO_PR_UNVEIL 0x43454e02u

struct ceno_process;

/* What a call does to a path, or-ed to the flags of ceno_path_user: unveil's r, w, x, c, and
 * changing attributes (which needs w). */
enum {
	CENO_NEED_READ = 1 << 20,
	CENO_NEED_WRITE = 1 << 21,
	CENO_NEED_EXECUTE = 1 << 22,
	CENO_NEED_CREATE = 1 << 23,
	CENO_NEED_ATTRIBUTES = 1 << 24,
	CENO_NEED_ANY = 31 << 20
};

/* Whether the current process may: 0, -LX_ENOSYS (it may be about to end), -LX_ENOENT, -LX_EACCES. */
int ceno_promise_path(const struct ceno_walk *walk, int need);
/* The same for a call by its number. */
int ceno_promise_call(uint32_t number, const uint64_t a[6]);
int64_t ceno_promise_prctl(const uint64_t a[6]);
/* The first process of a request: it has what the session was given. */
void ceno_promise_begin(void);
/* A fork's child has what its parent has; a process ends. */
void ceno_promise_inherit(struct ceno_process *child, const struct ceno_process *parent);
void ceno_promise_end(struct ceno_process *process);

#endif
