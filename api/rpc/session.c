/*
 * Sessions of ceno-api: from a client's request to its final notification. What clients ask of
 * one that is there: session_requests.c.
 *
 * A session ends for the client when the supervisor says its warden ended and,
 * if it was launched, attest made the proof (or said it cannot, or took longer
 * than PROOF_WAIT_MS). Everything the warden reports of the guest goes to the
 * client and nowhere else.
 */
#include "api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "guest-kernel/abi/bundle.h"
#include "policy/tier.h"
#include "policy/units.h"
#include "proof_read.h"
#include "session_internal.h"
#include "session_json.h"
#include "vmm/warden/wire.h"

#define PROOF_WAIT_MS    20000u
#define WARDEN_QUEUE_MAX (1u << 20)

static void finish_if_done(struct ceno_api_session *session);

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

void ceno_api_session_move(struct ceno_api_session *session, enum ceno_state_event event)
{
	int next = ceno_state_next((enum ceno_state)session->state, event);

	if (next < 0 || next == session->state)
		return;
	session->state = next;
	if (!ceno_state_final((enum ceno_state)next) && ceno_ledger_state(session->api->ledger, session->id, next))
		fprintf(stderr, "ceno-api: the ledger does not take a state\n");
}

struct ceno_api_session *ceno_api_session_find(struct ceno_api *api, const uint8_t id[16])
{
	struct ceno_api_session *session = api->sessions;

	while (session && (session->finished || memcmp(session->id, id, 16)))
		session = session->next;
	return session;
}

unsigned ceno_api_session_count(const struct ceno_api *api, int64_t uid)
{
	unsigned count = 0;

	for (const struct ceno_api_session *s = api->sessions; s; s = s->next)
		count += !s->finished && (uid < 0 || s->uid == (uint32_t)uid);
	return count;
}

bool ceno_api_session_runs(const struct ceno_api_session *session)
{
	return session->launched && !session->ended &&
	    (session->state == CENO_STATE_ACTIVE || session->state == CENO_STATE_EXECUTING);
}

void ceno_api_session_ask_destroy(struct ceno_api_session *session)
{
	const struct ceno_session_record destroy = { .type = CENO_SESSION_DESTROY };
	struct ceno_spawn_request request = { .type = CENO_SPAWN_KILL };

	if (session->ended || session->state == CENO_STATE_DESTROYING)
		return;
	ceno_channel_send(&session->warden, &destroy, sizeof destroy, NULL, 0);
	memcpy(request.session_id, session->id, 16);
	ceno_channel_send(&session->api->supervisor, &request, sizeof request, NULL, 0);
}

/* ---- the end --------------------------------------------------------------------- */

static void session_free(struct ceno_api_session *session)
{
	struct ceno_api_session **link = &session->api->sessions;

	while (*link != session)
		link = &(*link)->next;
	*link = session->next;
	json_decref(session->run_id);
	if (session->trail_fd >= 0)
		close(session->trail_fd);
	free(session->file);
	free(session);
}

static void warden_closed(struct ceno_channel *channel)
{
	struct ceno_api_session *session = channel->owner;

	if (!--session->open_handles)
		session_free(session);
}

static void timer_closed(uv_handle_t *handle)
{
	struct ceno_api_session *session = handle->data;

	if (!--session->open_handles)
		session_free(session);
}

static json_t *end_json(struct ceno_api_session *session)
{
	const struct ceno_session_end end = {
		.id = session->id,
		.state = session->state,
		.cause = session->cause,
		.violation = session->violation,
		.launched = session->launched,
		.failed = session->failed,
		.fail_code = session->fail_code,
		.fail_value = session->fail_value,
		.fail_path = session->fail_path,
		.file = session->file,
		.file_bytes = session->file_bytes,
		.proof_error = session->proof_error,
		.wiped = session->wiped,
		.trail_bytes = session->trail_bytes,
	};

	return ceno_session_end_json(&end);
}

static void answer_waiters(struct ceno_api_session *session)
{
	const char *why = "the session was destroyed";

	ceno_api_session_refuse(&session->execs, why);
	ceno_api_session_refuse(&session->trails, why);
	ceno_api_session_refuse(&session->narrowers, why);
	while (session->destroyers) {
		struct ceno_api_waiter *waiter = session->destroyers;

		session->destroyers = waiter->next;
		ceno_api_reply(waiter->client, waiter->id, end_json(session), session->trail_fd);
		ceno_api_waiter_free(waiter);
	}
}

static void record_end(struct ceno_api_session *session)
{
	struct ceno_ledger *ledger = session->api->ledger;

	ceno_api_session_move(session,
	                      session->unclean                       ? CENO_EVENT_UNCLEAN
	                          : session->cause == CENO_CAUSE_TTL ? CENO_EVENT_ENDED_TTL
	                                                             : CENO_EVENT_ENDED);
	if (ceno_ledger_ended(ledger, session->id, session->state, session->cause, now_ms()))
		fprintf(stderr, "ceno-api: the ledger does not take the end of a session\n");
}

static void finish(struct ceno_api_session *session)
{
	session->finished = true;
	record_end(session);
	if (session->run_id) {
		ceno_api_reply_error(session->owner, session->run_id, CENO_RPC_FAILED,
		                     ceno_session_failure_text(session->failed ? session->fail_code
		                                                               : CENO_SESSION_ERROR_NONE),
		                     end_json(session));
	} else {
		ceno_api_notify(session->owner, "session.ended", end_json(session), session->trail_fd);
	}
	answer_waiters(session);
	ceno_channel_close(&session->warden, false, warden_closed);
	uv_close((uv_handle_t *)&session->proof_wait, timer_closed);
}

static void proof_late(uv_timer_t *timer)
{
	struct ceno_api_session *session = timer->data;

	session->file_known = true;
	session->proof_error = CENO_ATTEST_ERROR_TPM;
	finish_if_done(session);
}

static void finish_if_done(struct ceno_api_session *session)
{
	if (session->finished || !session->ended)
		return;
	if (session->launched && !session->unclean && !session->file_known) {
		if (!uv_is_active((uv_handle_t *)&session->proof_wait))
			uv_timer_start(&session->proof_wait, proof_late, PROOF_WAIT_MS, 0);
		return;
	}
	finish(session);
}

/* ---- records of the warden --------------------------------------------------------- */

static void on_launched(struct ceno_api_session *session, const struct ceno_session_record *record, int opening)
{
	char id[33];

	session->launched = true;
	ceno_api_session_move(session, CENO_EVENT_RUNNING);
	if (ceno_ledger_launched(session->api->ledger, session->id, now_ms(), (int64_t)record->value))
		fprintf(stderr, "ceno-api: the ledger does not take a launch\n");
	ceno_units_format_hex(session->id, 16, id);
	ceno_api_reply(session->owner, session->run_id,
	               json_pack("{s:s,s:I,s:I}", "session", id, "launch_index", (json_int_t)record->value,
	                         "accepted_us", (json_int_t)session->accepted_us),
	               opening);
	json_decref(session->run_id);
	session->run_id = NULL;
}

static void on_program(struct ceno_api_session *session, const struct ceno_session_record *record)
{
	struct ceno_api_waiter **link = &session->execs;

	ceno_api_notify(session->owner, "session.program",
	                ceno_session_program_json(session->id, record, session->pledge_mask & ~session->dropped), -1);
	while (*link) {
		struct ceno_api_waiter *waiter = *link;

		if (waiter->program_seq != record->program_seq) {
			link = &waiter->next;
			continue;
		}
		*link = waiter->next;
		ceno_api_reply(waiter->client, waiter->id,
		               ceno_session_program_json(session->id, record, session->pledge_mask & ~session->dropped),
		               -1);
		ceno_api_waiter_free(waiter);
	}
	if (!session->execs)
		ceno_api_session_move(session, CENO_EVENT_IDLE);
}

/* One answer for each that was asked for, in order. */
static void on_trail(struct ceno_api_session *session, const struct ceno_session_record *record, int fd)
{
	struct ceno_api_waiter *waiter = session->trails;
	char id[33];

	if (!waiter)
		return;
	session->trails = waiter->next;
	ceno_units_format_hex(session->id, 16, id);
	if (record->length && fd < 0)
		ceno_api_reply_error(waiter->client, waiter->id, CENO_RPC_INTERNAL, "no memory for the trail", NULL);
	else
		ceno_api_reply(waiter->client, waiter->id,
		               json_pack("{s:s,s:I}", "session", id, "trail_bytes", (json_int_t)record->length), fd);
	ceno_api_waiter_free(waiter);
}

static void on_failed(struct ceno_api_session *session, const struct ceno_session_record *record)
{
	session->failed = true;
	session->fail_code = record->code;
	session->fail_value = record->value;
	memcpy(session->fail_path, record->path, sizeof session->fail_path);
	session->fail_path[sizeof session->fail_path - 1] = '\0';
}

static void on_record(struct ceno_channel *channel, const void *bytes, size_t length, struct ceno_packet_fds *fds)
{
	struct ceno_api_session *session = channel->owner;
	struct ceno_session_record record;

	if (length != sizeof record || session->finished)
		return;
	memcpy(&record, bytes, sizeof record);
	switch (record.type) {
	case CENO_SESSION_LAUNCHED:
		if (!session->launched)
			on_launched(session, &record, fds->count == 1 ? fds->fd[0] : -1);
		break;
	case CENO_SESSION_PROGRAM:
		on_program(session, &record);
		break;
	case CENO_SESSION_DESTROYING:
		session->cause = record.code;
		session->violation = record.violation;
		ceno_api_session_move(session, CENO_EVENT_DESTROYING);
		break;
	case CENO_SESSION_FAILED:
		on_failed(session, &record);
		break;
	case CENO_SESSION_TRAIL_COPY:
		on_trail(session, &record, fds->count == 1 ? fds->fd[0] : -1);
		break;
	case CENO_SESSION_NARROWED:
		ceno_api_session_narrowed(session, (uint32_t)record.value);
		break;
	case CENO_SESSION_DESTROYED: /* that it ended, the supervisor says */
		session->trail_bytes = record.length;
		if (session->trail_fd < 0)
			session->trail_fd = ceno_packet_fds_take(fds, 0);
		break;
	default:
		break;
	}
}

static void on_end(struct ceno_channel *channel, int error)
{
	(void)channel; /* the supervisor says what became of the warden */
	(void)error;
}

static const struct ceno_channel_events warden_events = { .on_record = on_record, .on_end = on_end };

/* ---- start --------------------------------------------------------------------------- */

static int send_pack(struct ceno_api_session *session, const struct ceno_rpc_run *run, struct ceno_packet_fds *fds)
{
	struct ceno_session_record record = {
		.type = CENO_SESSION_OPEN,
		.flags = (run->hold ? CENO_SESSION_HOLD : 0u) | (run->native ? CENO_SESSION_NATIVE : 0u) |
		    (run->pledge_errors ? CENO_SESSION_ERRORS : 0u) |
		    (run->passes > 1 ? (uint32_t)run->passes << CENO_SESSION_PASSES_SHIFT : 0u),
		.value = run->terminal,
		.classification = run->classification,
		.jurisdiction = run->jurisdiction
	};
	int rc;

	memcpy(record.rp_nonce, run->nonce, 32);
	rc = ceno_channel_send(&session->warden, &record, sizeof record, &fds->fd[0], 3);
	for (uint32_t i = 0; !rc && i < run->file_count; i++) {
		record = (struct ceno_session_record){
			.type = CENO_SESSION_FILE,
			.length = run->files[i].bytes,
			.mode = run->files[i].mode,
			.value = i,
		};
		memcpy(record.path, run->files[i].path, sizeof record.path);
		rc = ceno_channel_send(&session->warden, &record, sizeof record, &fds->fd[CENO_RPC_RUN_FIXED_FDS + i],
		                       1);
	}
	if (!rc) {
		record = (struct ceno_session_record){ .type = CENO_SESSION_ARGS, .length = run->args_bytes };
		rc = ceno_channel_send(&session->warden, &record, sizeof record, &fds->fd[3], 1);
	}
	if (!rc) {
		record = (struct ceno_session_record){ .type = CENO_SESSION_START };
		rc = ceno_channel_send(&session->warden, &record, sizeof record, NULL, 0);
	}
	return rc;
}

static int spawn(struct ceno_api_session *session, const struct ceno_spawn_request *request)
{
	struct ceno_api *api = session->api;
	int pair[2], rc = ceno_packet_pair(pair);

	if (rc)
		return rc;
	rc = ceno_channel_open(&api->loop, &session->warden, pair[0], sizeof(struct ceno_session_record),
	                       WARDEN_QUEUE_MAX, &warden_events, session);
	if (rc) {
		close(pair[0]);
		close(pair[1]);
		return rc;
	}
	session->open_handles++;
	rc = ceno_channel_send(&api->supervisor, request, sizeof *request, &pair[1], 1);
	close(pair[1]);
	return rc;
}

static int insert_row(const struct ceno_api_session *session, const struct ceno_spawn_request *request,
                      const struct ceno_rpc_run *run)
{
	struct ceno_ledger_row row = {
		.uid = session->uid,
		.tier = request->tier,
		.state = session->state,
		.created_ms = now_ms(),
		.memory_bytes = request->memory_bytes,
		.ttl_ms = request->ttl_ms,
		.classification = run->classification,
		.jurisdiction = run->jurisdiction,
	};

	memcpy(row.session_id, session->id, 16);
	return ceno_ledger_insert(session->api->ledger, &row);
}

static struct ceno_api_session *session_new(struct ceno_api_client *client, json_t *id, bool hold)
{
	struct ceno_api_session *session = calloc(1, sizeof *session);

	if (!session)
		return NULL;
	session->api = client->api;
	session->owner = client;
	session->uid = client->uid;
	session->hold = hold;
	session->trail_fd = -1;
	if (getrandom(session->id, sizeof session->id, 0) != (ssize_t)sizeof session->id) {
		free(session);
		return NULL;
	}
	session->run_id = json_incref(id);
	uv_timer_init(&client->api->loop, &session->proof_wait);
	session->proof_wait.data = session;
	session->open_handles = 1;
	session->next = client->api->sessions;
	client->api->sessions = session;
	return session;
}

/* Undoes a session that never reached the supervisor's yes. */
static void abandon(struct ceno_api_session *session, int error, const char *message)
{
	session->finished = true;
	ceno_ledger_remove(session->api->ledger, session->id);
	ceno_api_reply_error(session->owner, session->run_id, error, message, NULL);
	answer_waiters(session);
	if (session->open_handles > 1)
		ceno_channel_close(&session->warden, false, warden_closed);
	uv_close((uv_handle_t *)&session->proof_wait, timer_closed);
}

void ceno_api_session_run(struct ceno_api_client *client, json_t *id, const struct ceno_rpc_run *run,
                          struct ceno_packet_fds *fds)
{
	const struct ceno_tier_limits *tier = ceno_tier_limits(client->tier);
	struct ceno_spawn_request request = {
		.type = CENO_SPAWN_SESSION,
		.tier = client->tier,
		.pledge_mask = run->pledge_mask,
		.memory_bytes = run->memory_bytes ? run->memory_bytes : tier->memory_default_bytes,
		.ttl_ms = run->ttl_ms ? run->ttl_ms : tier->ttl_default_ms,
	};
	struct ceno_api_session *session;
	const char *message;
	int error = ceno_api_admit(client, run, &message), rc;

	if (!error && run->has_image)
		error = ceno_api_image_want(client, run, &request);
	const uint64_t accepted_us = monotonic_us();

	if (error) {
		ceno_api_reply_error(client, id, error, message, NULL);
		return;
	}
	session = session_new(client, id, run->hold);
	if (!session) {
		ceno_api_reply_error(client, id, CENO_RPC_INTERNAL, "out of memory", NULL);
		return;
	}
	session->pledge_mask = run->pledge_mask;
	session->accepted_us = accepted_us;
	memcpy(request.session_id, session->id, 16);
	rc = insert_row(session, &request, run);
	if (rc) {
		abandon(session, CENO_RPC_INTERNAL,
		        rc == -ENOSPC ? "the node's disk is full" : "the ledger cannot be written");
		return;
	}
	rc = spawn(session, &request);
	if (!rc)
		rc = send_pack(session, run, fds);
	if (rc)
		abandon(session, CENO_RPC_INTERNAL, strerror(-rc));
	session->programs = 1;
}

/* ---- a client leaves ------------------------------------------------------------------ */

static void forget(struct ceno_api_waiter *list, const struct ceno_api_client *client)
{
	for (; list; list = list->next)
		if (list->client == client)
			list->client = NULL;
}

void ceno_api_session_client_left(struct ceno_api *api, struct ceno_api_client *client)
{
	forget(api->node_first, client);
	forget(api->enrol_first, client);
	forget(api->report_first, client);
	forget(api->text_first, client);
	forget(api->export_first, client);
	forget(api->record_first, client);
	ceno_api_image_client_left(api, client);
	for (struct ceno_api_session *s = api->sessions; s; s = s->next) {
		forget(s->destroyers, client);
		forget(s->execs, client);
		forget(s->trails, client);
		forget(s->narrowers, client);
		if (s->owner != client)
			continue;
		s->owner = NULL;
		if (!s->finished)
			ceno_api_session_ask_destroy(s);
	}
}

/* ---- what the supervisor and attest say ---------------------------------------------------- */

int ceno_api_session_spawned(struct ceno_api *api, const void *bytes, size_t length)
{
	struct ceno_spawn_reply reply;
	struct ceno_api_session *session;

	if (length != sizeof reply)
		return -1;
	memcpy(&reply, bytes, sizeof reply);
	session = ceno_api_session_find(api, reply.session_id);
	switch (reply.type) {
	case CENO_SPAWN_STARTED:
		return 0;
	case CENO_SPAWN_REFUSED:
		if (session)
			abandon(session, CENO_RPC_REFUSED, ceno_session_refusal_text(reply.value));
		return 0;
	case CENO_SPAWN_ENDED:
	case CENO_SPAWN_UNCLEAN:
		if (!session) { /* an earlier api's: only the ledger knows it */
			if (reply.type == CENO_SPAWN_UNCLEAN)
				ceno_ledger_ended(api->ledger, reply.session_id, CENO_STATE_EXPIRED_UNCLEAN,
				                  CENO_CAUSE_CRASH, now_ms());
			return 0;
		}
		ceno_channel_drain(&session->warden); /* the warden's last words were sent before it ended */
		session->ended = true;
		session->unclean = reply.type == CENO_SPAWN_UNCLEAN;
		session->wiped = !session->unclean || reply.value == 1;
		if (session->unclean)
			session->cause = CENO_CAUSE_CRASH;
		finish_if_done(session);
		return 0;
	}
	return -1;
}

int ceno_api_session_file(struct ceno_api *api, const uint8_t session_id[16], const void *bytes, size_t length,
                          uint32_t error)
{
	struct ceno_api_session *session = ceno_api_session_find(api, session_id);
	struct ceno_proof_facts facts;
	bool readable = bytes && !ceno_proof_read(bytes, length, &facts);
	int rc = bytes ? ceno_ledger_proof(api->ledger, session_id, bytes, length, readable ? facts.signer : NULL) : 0;

	if (rc)
		fprintf(stderr, "ceno-api: the ledger does not take a proof\n");
	if (!session && readable)
		ceno_ledger_ended(api->ledger, session_id,
		                  facts.cause == CENO_CAUSE_TTL ? CENO_STATE_EXPIRED : CENO_STATE_DESTROYED,
		                  facts.cause, now_ms());
	if (!session)
		return rc;
	session->file_known = true;
	session->proof_error = error;
	if (bytes && (session->file = malloc(length ? length : 1))) {
		memcpy(session->file, bytes, length);
		session->file_bytes = length;
	}
	finish_if_done(session);
	return rc;
}
