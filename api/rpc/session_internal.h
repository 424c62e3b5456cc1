/*
 * What session.c and session_requests.c share: a session as ceno-api holds it, from a client's
 * request to its final notification. Nobody else looks into it.
 */
#ifndef CENO_API_RPC_SESSION_INTERNAL_H
#define CENO_API_RPC_SESSION_INTERNAL_H

#include "api.h"
#include "guest-kernel/abi/pack.h"

struct ceno_api_session {
	struct ceno_api_session *next;
	struct ceno_api *api;          /* borrowed */
	struct ceno_api_client *owner; /* who holds the streams; NULL when it left */
	json_t *run_id;                /* owned; answered at launch or failure, then NULL */
	uint8_t id[16];
	uint32_t uid;
	uint32_t pledge_mask; /* of the launch */
	uint32_t dropped;     /* of these, gone since: the warden said so */
	int state;            /* enum ceno_state */
	struct ceno_channel warden;
	bool launched, ended, unclean, wiped, file_known, failed;
	bool hold, finished;
	uint32_t cause, violation, fail_code, proof_error, programs;
	uint64_t fail_value, accepted_us;
	char fail_path[CENO_PACK_PATH_MAX];
	uint8_t *file; /* owned; the proof */
	size_t file_bytes;
	int trail_fd; /* owned: what the guest left in its trail, for the client alone; -1 */
	uint64_t trail_bytes;
	struct ceno_api_waiter *destroyers, *execs, *trails, *narrowers;
	uv_timer_t proof_wait;
	unsigned open_handles;
};

/* The live session of this id, or NULL. */
struct ceno_api_session *ceno_api_session_find(struct ceno_api *api, const uint8_t id[16]);

/* Launched, and neither ending nor ended: its warden takes requests. */
bool ceno_api_session_runs(const struct ceno_api_session *session);

/* Its state after an event, kept in the ledger while it lives. */
void ceno_api_session_move(struct ceno_api_session *session, enum ceno_state_event event);

/* Asks for destruction by both ways: the warden's socket, and the supervisor should that be full. */
void ceno_api_session_ask_destroy(struct ceno_api_session *session);

/* ---- session_requests.c ------------------------------------------------------- */

/* Answers everybody on the list that the session cannot serve them: why. */
void ceno_api_session_refuse(struct ceno_api_waiter **list, const char *why);

/* The warden's NARROWED: tells who asked, and who holds the streams. */
void ceno_api_session_narrowed(struct ceno_api_session *session, uint32_t pledged);

#endif
