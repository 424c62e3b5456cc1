/*
 * The memory group of one pair (pair.h): cgroup v2 where the memory controller is
 * there, else v1, else none (and the proof says which). Only the vmm joins. Made when
 * the pair is parked; the session that takes it sets the limit.
 *
 *   <mount>/cenotaph-<pid of cenod>/pair-<uid of the warden>/
 */
#ifndef CENO_API_SUPERVISOR_CGROUP_H
#define CENO_API_SUPERVISOR_CGROUP_H

#include <stdint.h>

#define CENO_CGROUP_PATH_MAX 512
#define CENO_CGROUP_OVERHEAD (16ull << 20) /* the vmm's own memory, beside guest RAM */

struct ceno_cgroup_root {
	int version;                     /* 2, 1, or 0: none */
	char path[CENO_CGROUP_PATH_MAX]; /* the node's own group */
};

struct ceno_cgroup {
	int version; /* 0: none was made */
	int join_fd; /* what the warden joins the vmm with: v2 directory, v1 cgroup.procs; owned, -1 none */
	char path[CENO_CGROUP_PATH_MAX];
};

/* Which groups this machine offers, without making one: 2, 1 or 0. */
int ceno_cgroup_version(void);

/* Makes the node's group in whatever the machine offers, after removing the
 * empty groups of nodes that are gone. Never fails: version 0 when nothing works. */
void ceno_cgroup_root_open(struct ceno_cgroup_root *root);

/* Removes the node's group (empty by then). */
void ceno_cgroup_root_close(const struct ceno_cgroup_root *root);

/* Makes a group with limit CENO_CGROUP_OVERHEAD and no swap. 0 or -errno (nothing left
 * behind); with root version 0, 0 and version 0. */
int ceno_cgroup_open(const struct ceno_cgroup_root *root, const char *name, struct ceno_cgroup *group);

/* Raises the limit to `memory_bytes` of guest RAM + CENO_CGROUP_OVERHEAD. 0 or -errno; 0 without a group. */
int ceno_cgroup_limit(const struct ceno_cgroup *group, uint64_t memory_bytes);

/* Peak bytes charged to the group, 0 if the kernel does not say. */
uint64_t ceno_cgroup_peak(const struct ceno_cgroup *group);

/* Removes the group. 1 removed, 0 not (tasks are left), 2 none was made: the
 * values of ceno_step8_record.cgroup_removed. */
uint32_t ceno_cgroup_close(struct ceno_cgroup *group);

#endif
