/*
 * What every confined process of the node's gives up in the same way: privileges to gain,
 * core dumps, and all system calls but those of a list of its own, each with its reason.
 */
#ifndef CENO_ATTEST_CONFINE_CALLS_H
#define CENO_ATTEST_CONFINE_CALLS_H

#include <stddef.h>

struct ceno_allowed_call {
	int number;         /* SCMP_SYS(name), or SYS_name */
	const char *reason; /* who makes it, and why */
};

/* A row of such a list (SCMP_SYS: seccomp.h), from a table X(call, reason): what docs/containment.md shows. */
#define CENO_ALLOWED_CALL(name, reason) { SCMP_SYS(name), reason },

/* Nothing executed from here on gains privileges, and neither core dump nor debugger shows
 * the process's memory. 0, or -errno. */
int ceno_confine_begin(void);

/* 1 if the build has a sanitizer that makes calls of its own: then no list holds. */
int ceno_confine_is_sanitized(void);

/* Kills the process at any call outside `list` (borrowed) from here on, in every thread it has, and at mmap and mprotect
 * of executable memory even if they are in it. 0 (at once if sanitized), or -errno with nothing installed. */
int ceno_confine_calls(const struct ceno_allowed_call *list, size_t count);

/* The same, but memory may be executable: for a process that loads libraries later. */
int ceno_confine_calls_of_loader(const struct ceno_allowed_call *list, size_t count);

/* The same for a process that starts others, which inherit it: what is outside `list` fails with ENOSYS,
 * for which C libraries have another way where there is one, and memory may be executable (libraries). */
int ceno_confine_children(const struct ceno_allowed_call *list, size_t count);

#endif
