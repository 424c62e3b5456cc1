/*
 * The control groups of one pair (pair.h): what it may have of memory, tasks and processor time.
 * cgroup v2 where its memory controller is there, else v1, else none (and the proof says which).
 * Only the vmm joins. Made when the pair is parked; the session that takes it sets the limits.
 *
 *   <mount>/cenotaph-<pid of cenod>/pair-<uid of the warden>/     in v1 one for each controller
 *
 * Memory is what a group is made for; a machine whose controllers for tasks or processor time
 * are missing or in use elsewhere goes without those (root.controllers says so).
 */
#ifndef CENO_API_SUPERVISOR_CGROUP_H
#define CENO_API_SUPERVISOR_CGROUP_H

#include <stdint.h>

#define CENO_CGROUP_PATH_MAX 256
#define CENO_CGROUP_OVERHEAD (16ull << 20) /* the vmm's own memory, beside guest RAM */
#define CENO_CGROUP_TASKS    8             /* two threads, and the workers of KVM's own */

enum ceno_cgroup_controller { CENO_CGROUP_MEMORY, CENO_CGROUP_PIDS, CENO_CGROUP_CPU, CENO_CGROUP_CONTROLLERS };

struct ceno_cgroup_root {
	int version;                                              /* 2, 1, or 0: none */
	uint32_t controllers;                                     /* 1 << enum ceno_cgroup_controller */
	char path[CENO_CGROUP_CONTROLLERS][CENO_CGROUP_PATH_MAX]; /* the node's own groups; v2: the first alone */
};

struct ceno_cgroup {
	int version; /* 0: none was made */
	uint32_t controllers;
	int join[CENO_CGROUP_CONTROLLERS]; /* what the warden joins the vmm with, owned, -1 none:
	                                      v2 one directory, v1 a cgroup.procs each */
	char path[CENO_CGROUP_CONTROLLERS][CENO_CGROUP_PATH_MAX];
};

/* Which groups this machine offers, without making one: 2, 1 or 0. controllers: set to
 * 1 << enum ceno_cgroup_controller of what is offered there; may be NULL. */
int ceno_cgroup_version(uint32_t *controllers);

/* Makes the node's group in whatever the machine offers, after removing the
 * empty groups of nodes that are gone. Never fails: version 0 when nothing works. */
void ceno_cgroup_root_open(struct ceno_cgroup_root *root);

/* Removes the node's groups (empty by then). */
void ceno_cgroup_root_close(const struct ceno_cgroup_root *root);

/* Initialises to no group. */
void ceno_cgroup_init(struct ceno_cgroup *group);

/* Makes a group with limit CENO_CGROUP_OVERHEAD, no swap and CENO_CGROUP_TASKS tasks. 0 or -errno
 * (nothing left behind); with root version 0, 0 and version 0. */
int ceno_cgroup_open(const struct ceno_cgroup_root *root, const char *name, struct ceno_cgroup *group);

/* Raises the limit to `memory_bytes` of guest RAM + CENO_CGROUP_OVERHEAD. 0 or -errno; 0 without a group. */
int ceno_cgroup_limit(const struct ceno_cgroup *group, uint64_t memory_bytes);

/* At most `percent` of one processor (100: all of it), 0: no limit. 0 or -errno; 0 without the controller. */
int ceno_cgroup_processor(const struct ceno_cgroup *group, uint32_t percent);

/* Peak bytes charged to the group, 0 if the kernel does not say. */
uint64_t ceno_cgroup_peak(const struct ceno_cgroup *group);

/* Removes the group. 1 removed, 0 not (tasks are left), 2 none was made: the
 * values of ceno_step8_record.cgroup_removed. */
uint32_t ceno_cgroup_close(struct ceno_cgroup *group);

#endif
