/*
 * The states of a session, as one table.
 *
 *              launched           program ended (held)
 *   active -------------> executing ------------------> active
 *     |   <---- exec ------   |
 *     |                       |        destroying
 *     +-----------------------+--------------------> destroying
 *                                                       | proven, cause not TTL --> destroyed
 *                                                       | proven, cause TTL ------> expired
 *   any but a final one ---- the warden died ---------------------------------------> expired_unclean
 *
 * Invariant: the three states on the right are final; nothing leaves them.
 */
#ifndef CENO_API_RPC_STATE_H
#define CENO_API_RPC_STATE_H

#include <stdbool.h>

enum ceno_state {
	CENO_STATE_ACTIVE, /* admitted; no program is running */
	CENO_STATE_EXECUTING,
	CENO_STATE_DESTROYING,
	CENO_STATE_DESTROYED,
	CENO_STATE_EXPIRED,         /* its lifetime ran out; destroyed with a proof */
	CENO_STATE_EXPIRED_UNCLEAN, /* its warden died: no proof, an unclean leaf */
	CENO_STATE_COUNT
};

enum ceno_state_event {
	CENO_EVENT_RUNNING, /* a program runs (launch or exec) */
	CENO_EVENT_IDLE,    /* a program of a held session ended */
	CENO_EVENT_DESTROYING,
	CENO_EVENT_ENDED,     /* destruction is done */
	CENO_EVENT_ENDED_TTL, /* likewise, and the cause was its lifetime */
	CENO_EVENT_UNCLEAN,
	CENO_STATE_EVENT_COUNT
};

/* The state after `event`, or -1 when the event cannot happen in `state`. */
int ceno_state_next(enum ceno_state state, enum ceno_state_event event);

bool ceno_state_final(enum ceno_state state);

/* The word of a state, static; NULL when it is none. And back: -1 when it is none. */
const char *ceno_state_word(int state);
int ceno_state_parse(const char *word);

/* The word of an enum ceno_cause (attest/proof/wire.h), static; "none" for 0 or an unknown one. */
const char *ceno_cause_word(unsigned cause);

#endif
