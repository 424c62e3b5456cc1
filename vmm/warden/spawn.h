/*
 * Starting ceno-vmm: one clone3 into new user, mount, PID, IPC, UTS, network and
 * cgroup namespaces and into the pair's control group, maps written from outside, the
 * node's part of a fixed descriptor table (core/launch.h), an empty environment. The
 * session's part follows by ceno_spawn_launch.
 *
 *   warden                              child
 *     clone3  ------------------------>  waits for one byte
 *     setgroups, maps, go  ----------->  becomes uid 0 of its namespace (outer uid
 *                                        uid + 1), lays out the table, execveat
 *   ceno_spawn_wait <------------------  the report pipe closes at exec, or carries errno
 *   ceno_spawn_joined                    the v1 group, if there is one
 *
 * Joining a v1 group takes a grace period of the kernel (about 12 ms after a rest),
 * so a process of its own writes the pid there while the vmm executes, jails itself
 * and builds its machine. What counts is that it is in the group before the first
 * guest instruction: guest memory is charged to whoever touches it first.
 *
 * The warden must be single-threaded here: the child is a fork of it. (Lanes are made later, lanes.h.)
 */
#ifndef CENO_WARDEN_SPAWN_H
#define CENO_WARDEN_SPAWN_H

#include <stdint.h>
#include <sys/types.h>
#include "../core/launch.h"

#define CENO_SPAWN_MORE_GROUPS 2

struct ceno_spawn {
	int executable;                          /* borrowed: ceno-vmm */
	int table[CENO_VMM_FD_END];              /* borrowed: what becomes descriptor i of the vmm; -1 closed */
	int cgroup;                              /* borrowed: v2 directory, or v1 cgroup.procs/tasks; -1 none */
	int more_groups[CENO_SPAWN_MORE_GROUPS]; /* borrowed: v1 cgroup.procs of further groups; -1 none */
	uint32_t cgroup_version;                 /* 0, 1, 2 */
	uid_t uid;                               /* outer uid and gid of the vmm */
};

struct ceno_child {
	pid_t pid;  /* 0: none */
	int pidfd;  /* owned, -1: none */
	int report; /* owned: read end, -1 */
	int joiner; /* owned: pidfd of the process that puts it into its v1 group, -1 */
	int joined; /* how that went, once it ended: 0 or -errno */
};

/*
 * Starts the child. It is left to the caller (kill, ceno_child_reap) from then on.
 * Returns 0 with *child filled, or -errno with nothing left running
 * (-EPERM: namespaces, maps or group not permitted; -EAGAIN: too many processes).
 */
int ceno_spawn_vmm(const struct ceno_spawn *spawn, struct ceno_child *child);

/* Blocks until the child has executed ceno-vmm, at most `ms`. Returns 0, or
 * -errno of the step that failed in it (-ETIMEDOUT: still not there). */
int ceno_spawn_wait(struct ceno_child *child, int ms);

/* Blocks until the child is in its group, at most `ms`, and reaps the joiner. Returns 0 (also
 * without a v1 group), -ETIMEDOUT, or -errno of the join; the same again on a later call. */
int ceno_spawn_joined(struct ceno_child *child, int ms);

/* SIGKILL by pidfd. Returns 0 (also when it is dead already) or -errno. */
int ceno_child_kill(const struct ceno_child *child);

/* SIGSTOP by pidfd, which no process can refuse; waits at most `ms` until no thread of it runs, in user space or
 * in the kernel. Returns 0, -ETIMEDOUT, -ESRCH (it has ended), or -errno. */
int ceno_child_stop(const struct ceno_child *child, int ms);
/* Lets it go on. Returns 0 (also when it is dead) or -errno. */
int ceno_child_continue(const struct ceno_child *child);

/* Sends the vmm its session: the record, the streams and each slot's descriptor out of `table`
 * (by enum ceno_vmm_fd, borrowed), in the order that core/launch.h states.
 * Returns 0 or -errno (-EPIPE: it is gone; -EBADF: a slot's descriptor is not open). */
int ceno_spawn_launch(int control, const struct ceno_vmm_launch *launch, const int table[CENO_VMM_FD_END]);

/*
 * Reaps it, waiting at most `ms`. *status: si_status | si_code << 8 of waitid.
 * Closes the pidfd. Returns 0, -ETIMEDOUT while it is alive, or -errno.
 */
int ceno_child_reap(struct ceno_child *child, int ms, uint32_t *status);

#endif
