/*
 * What a supervised fiber and init tell each other: requests go to the channel in
 * CENO_SLOT_SUPERVISOR, which all fibers of init share, answers come from the one in
 * CENO_SLOT_REPLY, which is the fiber's own: a native program's, or a service's that may be
 * restarted and has a state. RECV tells init who sent a request, so
 * none names its sender. init takes away and closes any capability that comes along;
 * what it does not know it does not answer.
 */
#ifndef CENO_ABI_SUPERVISOR_H
#define CENO_ABI_SUPERVISOR_H

#include "verbs.h"

enum ceno_supervisor_what {
	/* init copies the sender's state (CENO_GVA_STATE) to where only init can reach it. After a
	 * crash the fiber starts again with exactly that state, or with zeros if there was none. The
	 * sender waits for the answer before it changes its state. */
	CENO_SUPERVISOR_CHECKPOINT = 1u << 24,
	/* The session's program runs, and waits or has run for a tick: what is LAZY (manifest.h) may
	 * start. Said by membrane; not answered. */
	CENO_SUPERVISOR_RUNS       = 1u << 25
};

struct ceno_supervisor_request {
	uint64_t what;              /* enum ceno_supervisor_what */
	uint64_t reserved[7];       /* zero, or the request is not answered */
};

struct ceno_supervisor_answer {
	uint64_t what;              /* of the request */
	int64_t  result;            /* 0, or STATE: the fiber has no state by its manifest */
	uint8_t  root[32];          /* CHECKPOINT: BLAKE3 of the state that was copied */
	uint64_t count;             /* of checkpoints, this one included */
	uint64_t restarts;          /* of this fiber so far */
};
_Static_assert(sizeof(struct ceno_supervisor_request) == 64, "one message");
_Static_assert(sizeof(struct ceno_supervisor_answer) == 64, "one message");

#endif
