/*
 * What a client asks of a session that is there: another program, another size of its
 * terminal, its trail, fewer pledges, its end. Each looks first whether the session is the
 * client's; root's are all.
 */
#include "session_internal.h"

#include <stdio.h>

#include "policy/pledge.h"
#include "policy/units.h"
#include "vmm/warden/wire.h"

/* The live session `id` if the client may touch it. */
static struct ceno_api_session *find_own(struct ceno_api_client *client, const uint8_t id[16])
{
	struct ceno_api_session *session = ceno_api_session_find(client->api, id);

	return session && (client->uid == 0 || client->uid == session->uid) ? session : NULL;
}

void ceno_api_session_exec(struct ceno_api_client *client, json_t *id, const uint8_t session_id[16],
                           uint64_t args_bytes, int args_fd)
{
	struct ceno_api_session *session = find_own(client, session_id);
	struct ceno_session_record record = { .type = CENO_SESSION_EXEC, .length = args_bytes };
	const char *why = NULL;

	if (!session) {
		ceno_api_reply_error(client, id, CENO_RPC_SESSION, NULL, NULL);
		return;
	}
	if (!session->hold)
		why = "the session was not started with hold";
	else if (session->state == CENO_STATE_EXECUTING)
		why = "a program is running in the session";
	else if (session->state != CENO_STATE_ACTIVE || !session->launched)
		why = "the session is not active";
	else if (session->dropped & 1u << CENO_PLEDGE_STDIO)
		why = "the session has lost stdio: no program can be asked for";
	if (why) {
		ceno_api_reply_error(client, id, CENO_RPC_STATE, why, NULL);
		return;
	}
	if (!ceno_api_wait(&session->execs, client, id, session->programs + 1) ||
	    ceno_channel_send(&session->warden, &record, sizeof record, &args_fd, 1)) {
		ceno_api_reply_error(client, id, CENO_RPC_STATE, "the session is being destroyed", NULL);
		return;
	}
	session->programs++;
	ceno_api_session_move(session, CENO_EVENT_RUNNING);
}

void ceno_api_session_resize(struct ceno_api_client *client, json_t *id, const uint8_t session_id[16],
                             uint32_t terminal)
{
	struct ceno_api_session *session = find_own(client, session_id);
	const struct ceno_session_record record = { .type = CENO_SESSION_TERMINAL, .value = terminal };

	if (!session) {
		ceno_api_reply_error(client, id, CENO_RPC_SESSION, NULL, NULL);
		return;
	}
	if (!ceno_api_session_runs(session) || ceno_channel_send(&session->warden, &record, sizeof record, NULL, 0)) {
		ceno_api_reply_error(client, id, CENO_RPC_STATE, "the session is not running", NULL);
		return;
	}
	ceno_api_reply(client, id, json_object(), -1);
}

void ceno_api_session_destroy(struct ceno_api_client *client, json_t *id, const uint8_t session_id[16])
{
	struct ceno_api_session *session = find_own(client, session_id);

	if (!session) {
		ceno_api_reply_error(client, id, CENO_RPC_SESSION, NULL, NULL);
		return;
	}
	if (!ceno_api_wait(&session->destroyers, client, id, 0)) {
		ceno_api_reply_error(client, id, CENO_RPC_INTERNAL, "out of memory", NULL);
		return;
	}
	ceno_api_session_ask_destroy(session);
}

void ceno_api_session_trail(struct ceno_api_client *client, json_t *id, const uint8_t session_id[16])
{
	struct ceno_api_session *session = find_own(client, session_id);
	const struct ceno_session_record record = { .type = CENO_SESSION_TRAIL };

	if (!session) {
		ceno_api_reply_error(client, id, CENO_RPC_SESSION, NULL, NULL);
		return;
	}
	if (!ceno_api_session_runs(session)) {
		ceno_api_reply_error(client, id, CENO_RPC_STATE, "the session is not running", NULL);
		return;
	}
	if (ceno_api_wait(&session->trails, client, id, 0))
		ceno_channel_send(&session->warden, &record, sizeof record, NULL, 0);
	else
		ceno_api_reply_error(client, id, CENO_RPC_INTERNAL, "out of memory", NULL);
}

/* ---- fewer pledges ------------------------------------------------------------------------ */

void ceno_api_session_refuse(struct ceno_api_waiter **list, const char *why)
{
	while (*list) {
		struct ceno_api_waiter *waiter = *list;

		*list = waiter->next;
		ceno_api_reply_error(waiter->client, waiter->id, CENO_RPC_STATE, why, NULL);
		ceno_api_waiter_free(waiter);
	}
}

static json_t *narrowed_json(const struct ceno_api_session *session)
{
	char id[33], pledged[CENO_PLEDGE_TEXT_MAX], dropped[CENO_PLEDGE_TEXT_MAX];

	ceno_units_format_hex(session->id, 16, id);
	ceno_pledge_format(session->pledge_mask & ~session->dropped, pledged);
	ceno_pledge_format(session->dropped, dropped);
	return json_pack("{s:s,s:s,s:s}", "session", id, "pledge", pledged, "dropped", dropped);
}

/* Which word was never pledged, as a line; false when all were. */
static bool not_pledged(const struct ceno_api_session *session, uint32_t classes, char line[CENO_RPC_MESSAGE_MAX])
{
	char words[CENO_PLEDGE_TEXT_MAX];

	if (!(classes & ~session->pledge_mask))
		return false;
	ceno_pledge_format(classes & ~session->pledge_mask, words);
	snprintf(line, CENO_RPC_MESSAGE_MAX, "the session was never pledged %s", words);
	return true;
}

void ceno_api_session_narrow(struct ceno_api_client *client, json_t *id, const uint8_t session_id[16], uint32_t classes)
{
	struct ceno_api_session *session = find_own(client, session_id);
	const struct ceno_session_record record = { .type = CENO_SESSION_NARROW, .value = classes };
	char line[CENO_RPC_MESSAGE_MAX];

	if (!session)
		ceno_api_reply_error(client, id, CENO_RPC_SESSION, NULL, NULL);
	else if (not_pledged(session, classes, line))
		ceno_api_reply_error(client, id, CENO_RPC_POLICY, line, NULL);
	else if (!ceno_api_session_runs(session))
		ceno_api_reply_error(client, id, CENO_RPC_STATE, "the session is not running", NULL);
	else if (!ceno_api_wait(&session->narrowers, client, id, 0))
		ceno_api_reply_error(client, id, CENO_RPC_INTERNAL, "out of memory", NULL);
	else
		/* If it cannot be sent the warden is gone, and the waiter hears of the session's end. */
		ceno_channel_send(&session->warden, &record, sizeof record, NULL, 0);
}

/* The warden answers in order, and says what is left of all that were asked for until then. */
void ceno_api_session_narrowed(struct ceno_api_session *session, uint32_t pledged)
{
	struct ceno_api_waiter *waiter = session->narrowers;
	uint32_t before = session->dropped;

	session->dropped |= session->pledge_mask & ~pledged;
	if (session->dropped != before)
		ceno_api_notify(session->owner, "session.narrowed", narrowed_json(session), -1);
	if (session->dropped & ~before & 1u << CENO_PLEDGE_STDIO)
		ceno_api_session_refuse(&session->execs,
		                        "the session has lost stdio: how its program ends is not reported");
	if (!waiter)
		return;
	session->narrowers = waiter->next;
	ceno_api_reply(waiter->client, waiter->id, narrowed_json(session), -1);
	ceno_api_waiter_free(waiter);
}
