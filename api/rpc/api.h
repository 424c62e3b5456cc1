/*
 * ceno-api in memory: clients, sessions, the channels to supervisor and attest.
 *
 * One loop, one thread. api hands descriptors on and never reads what is behind
 * them; it opens nothing outside its state directory.
 *
 *   client --(request + descriptors)--> methods.c --> session.c --> supervisor, warden
 *   warden, supervisor, attest --(records)--> session.c --> replies and notifications
 */
#ifndef CENO_API_RPC_API_H
#define CENO_API_RPC_API_H

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "api/ipc/channel.h"
#include "api/ledger/ledger.h"
#include "attest/proof/wire.h"
#include "limit.h"
#include "request.h"
#include "state.h"

struct ceno_api;
struct ceno_api_session;
struct ceno_api_add;

struct ceno_api_client {
	struct ceno_api_client *next;
	struct ceno_api *api; /* borrowed */
	struct ceno_channel channel;
	uint32_t uid, tier; /* from SO_PEERCRED */
	bool gone;          /* being closed: no longer to be answered */
};

/* Somebody waits for something: an answer to `id` of `client`. */
struct ceno_api_waiter {
	struct ceno_api_waiter *next;
	struct ceno_api_client *client; /* borrowed; NULL when it left */
	json_t *id;                     /* owned */
	uint32_t program_seq;           /* exec: the program whose end is awaited; log.record: the request's number */
};

struct ceno_api_config {
	const char *state;
	unsigned kvm_kind, cgroup_version;
};

struct ceno_api {
	const struct ceno_api_config *config; /* borrowed */
	uv_loop_t loop;
	uv_poll_t listener;
	int listen_fd;
	struct ceno_channel supervisor, attest;
	bool attest_open, attest_closing, stopping;
	int attest_next_fd; /* a replacement waits for the old channel to close; -1 */
	struct ceno_ledger *ledger;
	struct ceno_limit limit, verify_limit;
	struct ceno_api_client *clients;
	unsigned client_count;
	struct ceno_api_session *sessions;
	struct ceno_api_add *adds;            /* image.add requests under way */
	struct ceno_api_waiter *node_first;   /* node.attest requests, in order */
	struct ceno_api_waiter *enrol_first;  /* node.enrol requests, in order */
	struct ceno_api_waiter *report_first; /* node.report requests, in order */
	struct ceno_api_waiter *export_first; /* proof.export requests, in order */
	struct ceno_api_waiter *text_first;   /* log.* requests, in order */
	struct ceno_api_waiter *record_first; /* log.record requests, by their program_seq */
	uint32_t record_number;               /* of the last one */
	uint64_t started_ms;
	int64_t started_real_ms; /* CLOCK_REALTIME */
	uv_timer_t abandon;
};

/* ---- server.c: clients -------------------------------------------------------- */

int ceno_api_listen(struct ceno_api *api, int listen_fd);

/* Answers request `id` (borrowed) with `result` (reference stolen) and maybe one descriptor (borrowed, -1 none). */
void ceno_api_reply(struct ceno_api_client *client, json_t *id, json_t *result, int fd);

/* Answers with an error; `message` NULL: the error's own text; `data` stolen, may be NULL. */
void ceno_api_reply_error(struct ceno_api_client *client, json_t *id, int error, const char *message, json_t *data);

/* A notification; `params` stolen; maybe one descriptor (borrowed, -1 none). */
void ceno_api_notify(struct ceno_api_client *client, const char *method, json_t *params, int fd);

/* Disconnects a client: its sessions are destroyed. */
void ceno_api_client_drop(struct ceno_api_client *client);

/* Queues a waiter at the end of a list; false when out of memory. */
bool ceno_api_wait(struct ceno_api_waiter **first, struct ceno_api_client *client, json_t *id, uint32_t program_seq);
void ceno_api_waiter_free(struct ceno_api_waiter *waiter);

/* ---- methods.c ---------------------------------------------------------------- */

/* Serves one datagram of a client. */
void ceno_api_dispatch(struct ceno_api_client *client, const void *bytes, size_t length, struct ceno_packet_fds *fds);

/* ---- admit.c ------------------------------------------------------------------ */

/* May this client have this session? 0, or the enum ceno_rpc_error that refuses it; *message:
 * borrowed, set when it says more than the error does, else NULL. */
int ceno_api_admit(struct ceno_api_client *client, const struct ceno_rpc_run *run, const char **message);

/* ---- session.c ---------------------------------------------------------------- */

void ceno_api_session_run(struct ceno_api_client *client, json_t *id, const struct ceno_rpc_run *run,
                          struct ceno_packet_fds *fds);
void ceno_api_session_exec(struct ceno_api_client *client, json_t *id, const uint8_t session[16], uint64_t args_bytes,
                           int args_fd);
void ceno_api_session_resize(struct ceno_api_client *client, json_t *id, const uint8_t session[16], uint32_t terminal);
void ceno_api_session_destroy(struct ceno_api_client *client, json_t *id, const uint8_t session[16]);
void ceno_api_session_trail(struct ceno_api_client *client, json_t *id, const uint8_t session[16]);
/* classes: 1 << enum ceno_pledge_class, dropped for good; answers when their windows are gone. */
void ceno_api_session_narrow(struct ceno_api_client *client, json_t *id, const uint8_t session[16], uint32_t classes);

/* The client left: destroys what it owns, forgets what it waits for. */
void ceno_api_session_client_left(struct ceno_api *api, struct ceno_api_client *client);

/* Records of the supervisor about a session. -1 when malformed. */
int ceno_api_session_spawned(struct ceno_api *api, const void *bytes, size_t length);

/* attest made the file of a session (`bytes` NULL: it could not, `error` says why). 0, or -EIO when the ledger could
 * not take it: attest keeps it, then. */
int ceno_api_session_file(struct ceno_api *api, const uint8_t session_id[16], const void *bytes, size_t length,
                          uint32_t error);

unsigned ceno_api_session_count(const struct ceno_api *api, int64_t uid);

/* ---- images.c ----------------------------------------------------------------- */

/* The image that a client asks for, visible to it: 0 with the request's part about it set, or the RPC error. */
int ceno_api_image_want(struct ceno_api_client *client, const struct ceno_rpc_run *run,
                        struct ceno_spawn_request *request);

/* image.add: hands the file (borrowed) to the supervisor, answers when it was checked. */
void ceno_api_image_add(struct ceno_api_client *client, json_t *id, int fd);
void ceno_api_image_list(struct ceno_api_client *client, json_t *id);
void ceno_api_image_remove(struct ceno_api_client *client, json_t *id, const char *image);

/* What the supervisor says of one. -1 when malformed. */
int ceno_api_image_added(struct ceno_api *api, const void *bytes, size_t length);
void ceno_api_image_client_left(struct ceno_api *api, const struct ceno_api_client *client);

/* ---- attest.c ----------------------------------------------------------------- */

/* Takes a (new) channel to attest; `fd` moved. */
void ceno_api_attest_open(struct ceno_api *api, int fd);

/* Asks for a text about the log (what, size: struct ceno_attest_text_request); answers `id` later. */
void ceno_api_attest_text(struct ceno_api_client *client, json_t *id, uint32_t what, uint64_t size);

/* Asks for the keys of an enrolment, or to open a credential; answers `id` later. */
void ceno_api_attest_enrol(struct ceno_api_client *client, json_t *id, const struct ceno_attest_enrol_request *request);

/* Asks for the record of a proof in a foreign format; answers `id` later. */
void ceno_api_attest_export(struct ceno_api_client *client, json_t *id, const void *file, size_t bytes);

/* Asks for a leaf that commits to a session's record; answers `id` later. */
void ceno_api_attest_record(struct ceno_api_client *client, json_t *id, const uint8_t session[16],
                            const uint8_t commitment[32]);

/* Asks for a quote by the RSA raw key; answers `id` later. */
void ceno_api_attest_report(struct ceno_api_client *client, json_t *id,
                            const struct ceno_attest_report_request *request);

/* Asks for a node quote; answers `id` later. */
void ceno_api_attest_node(struct ceno_api_client *client, json_t *id, const uint8_t nonce[32]);

#endif
