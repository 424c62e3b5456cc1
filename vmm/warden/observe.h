/*
 * What the warden sees of the vmm from outside, by the kernel's word and not by
 * the vmm's: every task's filter, privileges and identity, and that it left
 * every namespace of the host. Read after the vmm says locked and before go.
 */
#ifndef CENO_WARDEN_OBSERVE_H
#define CENO_WARDEN_OBSERVE_H

#include <stdint.h>
#include <sys/types.h>

struct ceno_observation {
	uint32_t tasks;        /* whose status was read */
	uint32_t seccomp_mode; /* least strict of them: 2 is a filter */
	uint32_t filters;      /* fewest of them */
	uint32_t no_new_privs; /* 1: in all of them */
	uint64_t cap_eff;      /* OR over them of effective, permitted, bounding and ambient sets */
	uint32_t uid_ok;       /* 1: all four uids and gids of each are the session's */
	uint32_t namespaces;   /* how many of the seven differ from the warden's */
};

/* Pure: adds one task's /proc/<pid>/status text to *seen. text: NUL-terminated, kernel-written.
 * Returns 0, or -1 if a field is missing. */
int ceno_observe_parse(const char *text, uid_t uid, struct ceno_observation *seen);

/*
 * Reads every task of `pid`, a child of the caller that is the owner of its user namespace.
 * uid: what its outer uid and gid must be. Returns 0 with *seen filled, or -errno.
 */
int ceno_observe(pid_t pid, uid_t uid, struct ceno_observation *seen);

/* *filters: how many the caller has. A vmm inherits those that the warden had when it was made: they are cenod's,
 * and say nothing of a lock. 0, or -errno (EPROTO: the kernel, before 5.9, does not count them). */
int ceno_observe_inherited(uint32_t *filters);

/* 1 if what was seen is a locked vmm: at least one task, mode 2 with a filter beyond the inherited, no privilege,
 * right uid, seven namespaces. */
int ceno_observe_locked(const struct ceno_observation *seen, uint32_t inherited);

#endif
