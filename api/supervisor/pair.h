/*
 * A warden and the vmm it starts, with the memory group of the vmm: first nobody's,
 * then one session's.
 *
 * Making a pair takes two execs, seven namespaces, a virtual machine and, where groups
 * are v1, a grace period of the kernel: tens of milliseconds that no session needs to
 * wait for. So one pair is kept parked, jailed as far as it can be without a session and
 * holding nothing of one. A session takes it if it is there, else a pair that is started
 * now; both get the session by the same LAUNCH record, which waits in the socket of a
 * pair that is not ready yet.
 *
 *   start -> (PARKED) -> taken -> LAUNCH -> READY, ... -> ended: group removed, freed
 *      \        \------------> died: another is parked, later each time
 *       \-> recover: a warden alone, that wipes and ends
 *
 * The group is named after the pair's uid, which `ps` shows; the log says which session took it.
 */
#ifndef CENO_API_SUPERVISOR_PAIR_H
#define CENO_API_SUPERVISOR_PAIR_H

#include <stdbool.h>
#include <uv.h>

#include "api/ipc/channel.h"
#include "cgroup.h"
#include "child.h"
#include "vmm/warden/wire.h"

struct ceno_node;
struct ceno_pair;

struct ceno_pair_events { /* of whoever took the pair */
	/* A record of the warden, well-formed. False: it may not say that; the warden is killed. */
	bool (*on_status)(void *owner, const struct ceno_warden_status *status);
	/* Its AREAS: memfds that the owner keeps, moved where it takes them. False: it may not say that. */
	bool (*on_areas)(void *owner, struct ceno_packet_fds *fds);
	/* The warden ended, its last words were heard; pair->wait_status is set. The owner may move
	 * pair->group out (version 0 then); a group left there is removed. The pair is freed afterwards. */
	void (*on_ended)(void *owner, struct ceno_pair *pair);
};

struct ceno_pair {
	struct ceno_pair *next;
	struct ceno_node *node; /* borrowed */
	struct ceno_child warden;
	struct ceno_channel channel;
	struct ceno_cgroup group; /* owned */
	uv_timer_t timer;         /* retries of removing the group */
	uint32_t uid_base;
	int32_t vmm_pid; /* 0: none yet */
	uint32_t wait_status;
	uint64_t started_ms; /* of the loop's clock */
	bool parked;         /* the warden said so */
	unsigned tries;
	const struct ceno_pair_events *events; /* NULL: nobody's */
	void *owner;                           /* borrowed */
};

struct ceno_parking {            /* of the node */
	struct ceno_pair *pair;  /* the parked one, or being made; NULL */
	struct ceno_pair *pairs; /* list, owned: all that are not freed */
	uv_timer_t timer;
	unsigned deaths; /* in a row, of parked pairs */
	bool open;       /* between open and close */
};

/* Begins to keep a pair parked. */
void ceno_parking_open(struct ceno_node *node);

/* Ends it: the parked pair is told to go, none is made again. ceno_node_pairs_ended is called
 * whenever no pair is left. */
void ceno_parking_close(struct ceno_node *node);

/* SIGKILLs the wardens of all pairs. */
void ceno_parking_kill(struct ceno_node *node);

/* The parked pair, or one started now; the caller's from here on. 0 or -errno (nothing left behind). */
int ceno_pair_take(struct ceno_node *node, const struct ceno_pair_events *events, void *owner, struct ceno_pair **pair);

/* Sets the group's limits and sends the session. processor_percent: of one processor, 0: no limit. fds: CENO_WARDEN_LAUNCH_FDS, and one more with an image;
 * borrowed. 0 or -errno. */
int ceno_pair_launch(struct ceno_pair *pair, const struct ceno_supervisor_launch *launch, const int *fds,
                     unsigned count, uint32_t processor_percent);

/* Starts a recovery warden over memfds (borrowed): RAM, then count - 1 areas. 0 or -errno (nothing left behind). */
int ceno_pair_recover(struct ceno_node *node, const int *fds, unsigned count, int32_t vmm_pid,
                      const struct ceno_pair_events *events, void *owner, struct ceno_pair **pair);

#endif
