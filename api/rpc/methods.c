/*
 * The methods, as a table: name, number of descriptors, handler. Every request
 * costs one token of its account's rate before anything of it is looked at but
 * its envelope.
 */
#include "api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guest-kernel/abi/layout.h"
#include "policy/metadata.h"
#include "policy/tier.h"
#include "policy/units.h"
#include "verify.h"

struct call {
	struct ceno_api_client *client;
	json_t *id, *params; /* borrowed */
	struct ceno_packet_fds *fds;
	char message[CENO_RPC_MESSAGE_MAX];
};

static void bad_params(struct call *call)
{
	ceno_api_reply_error(call->client, call->id, CENO_RPC_PARAMS, call->message, NULL);
}

static void node_version(struct call *call)
{
	if (ceno_rpc_empty_parse(call->params, call->message)) {
		bad_params(call);
		return;
	}
	ceno_api_reply(call->client, call->id,
	               json_pack("{s:s,s:s,s:i,s:i}", "name", "cenotaph", "version", CENO_VERSION, "rpc",
	                         CENO_RPC_VERSION, "abi", (int)CENO_ABI_VERSION),
	               -1);
}

static void node_status(struct call *call)
{
	struct ceno_api *api = call->client->api;
	const struct ceno_tier_limits *tier = ceno_tier_limits(call->client->tier);

	if (ceno_rpc_empty_parse(call->params, call->message)) {
		bad_params(call);
		return;
	}
	ceno_api_reply(call->client, call->id,
	               json_pack("{s:I,s:i,s:i,s:i,s:b,s:s,s:{s:I,s:I,s:I,s:I,s:I,s:I,s:I}}", "uptime_ms",
	                         (json_int_t)(uv_now(&api->loop) - api->started_ms), "sessions",
	                         (int)ceno_api_session_count(api, -1), "kvm_kind", (int)api->config->kvm_kind, "cgroup",
	                         (int)api->config->cgroup_version, "attest", api->attest_open, "tier", tier->name,
	                         "limits", "memory_max_bytes", (json_int_t)tier->memory_max_bytes, "input_max_bytes",
	                         (json_int_t)tier->input_max_bytes, "ttl_max_ms", (json_int_t)tier->ttl_max_ms,
	                         "ttl_default_ms", (json_int_t)tier->ttl_default_ms, "requests_per_minute",
	                         (json_int_t)tier->requests_per_minute, "concurrent", (json_int_t)tier->concurrent,
	                         "proofs_per_month", (json_int_t)tier->proofs_per_month),
	               -1);
}

static void node_attest(struct call *call)
{
	uint8_t nonce[32];

	if (ceno_rpc_attest_parse(call->params, nonce, call->message))
		bad_params(call);
	else
		ceno_api_attest_node(call->client, call->id, nonce);
}

static void node_enrol(struct call *call)
{
	struct ceno_attest_enrol_request request;

	if (ceno_rpc_enrol_parse(call->params, &request, call->message))
		bad_params(call);
	else
		ceno_api_attest_enrol(call->client, call->id, &request);
}

static void node_report(struct call *call)
{
	struct ceno_attest_report_request request = { .type = CENO_ATTEST_REPORT };

	if (ceno_rpc_report_parse(call->params, request.data, call->message))
		bad_params(call);
	else
		ceno_api_attest_report(call->client, call->id, &request);
}

static void log_consistency(struct call *call)
{
	uint64_t size;

	if (ceno_rpc_consistency_parse(call->params, &size, call->message))
		bad_params(call);
	else
		ceno_api_attest_text(call->client, call->id, CENO_ATTEST_TEXT_CONSISTENCY, size);
}

/* Everybody's sessions are in the log: the administrator's to read. */
static void log_orphans(struct call *call)
{
	if (ceno_rpc_empty_parse(call->params, call->message))
		bad_params(call);
	else if (call->client->uid)
		ceno_api_reply_error(call->client, call->id, CENO_RPC_POLICY, "only root may list the log's orphans",
		                     NULL);
	else
		ceno_api_attest_text(call->client, call->id, CENO_ATTEST_TEXT_ORPHANS, 0);
}

static void log_leaf(struct call *call)
{
	uint64_t index;

	if (ceno_rpc_leaf_parse(call->params, &index, call->message))
		bad_params(call);
	else
		ceno_api_attest_text(call->client, call->id, CENO_ATTEST_TEXT_LEAF, index);
}

static void proof_verify(struct call *call)
{
	struct ceno_api_client *client = call->client;
	struct ceno_rpc_verify ask;
	json_t *result;
	int error = CENO_RPC_RATE;

	if (ceno_limit_take(&client->api->verify_limit, client->uid, CENO_RPC_VERIFY_PER_MINUTE,
	                    uv_now(&client->api->loop))) {
		error = ceno_rpc_verify_parse(call->params, &ask, call->message);
		if (!error)
			error = ceno_rpc_verify(&ask, (uint64_t)time(NULL), &result, call->message);
	}
	if (error)
		ceno_api_reply_error(client, call->id, error, error == CENO_RPC_PARAMS ? call->message : NULL, NULL);
	else
		ceno_api_reply(client, call->id, result, -1);
}

static void session_run(struct call *call)
{
	struct ceno_rpc_run *run = malloc(sizeof *run);

	if (!run) {
		ceno_api_reply_error(call->client, call->id, CENO_RPC_INTERNAL, "out of memory", NULL);
		return;
	}
	if (ceno_rpc_run_parse(call->params, run, call->message))
		bad_params(call);
	else if (call->fds->count != CENO_RPC_RUN_FIXED_FDS + run->file_count)
		ceno_api_reply_error(call->client, call->id, CENO_RPC_DESCRIPTORS, NULL, NULL);
	else
		ceno_api_session_run(call->client, call->id, run, call->fds);
	free(run);
}

static void session_exec(struct call *call)
{
	uint8_t session[16];
	uint64_t args_bytes;

	if (ceno_rpc_exec_parse(call->params, session, &args_bytes, call->message))
		bad_params(call);
	else
		ceno_api_session_exec(call->client, call->id, session, args_bytes, call->fds->fd[0]);
}

static void session_resize(struct call *call)
{
	uint8_t session[16];
	uint32_t terminal;

	if (ceno_rpc_resize_parse(call->params, session, &terminal, call->message))
		bad_params(call);
	else
		ceno_api_session_resize(call->client, call->id, session, terminal);
}

static void session_narrow(struct call *call)
{
	uint8_t session[16];
	uint32_t classes;

	if (ceno_rpc_narrow_parse(call->params, session, &classes, call->message))
		bad_params(call);
	else
		ceno_api_session_narrow(call->client, call->id, session, classes);
}

static void session_destroy(struct call *call)
{
	uint8_t session[16];

	if (ceno_rpc_session_parse(call->params, session, call->message))
		bad_params(call);
	else
		ceno_api_session_destroy(call->client, call->id, session);
}

static void session_trail(struct call *call)
{
	uint8_t session[16];

	if (ceno_rpc_session_parse(call->params, session, call->message))
		bad_params(call);
	else
		ceno_api_session_trail(call->client, call->id, session);
}

static void image_add(struct call *call)
{
	if (ceno_rpc_empty_parse(call->params, call->message))
		bad_params(call);
	else
		ceno_api_image_add(call->client, call->id, call->fds->fd[0]);
}

static void image_list(struct call *call)
{
	if (ceno_rpc_empty_parse(call->params, call->message))
		bad_params(call);
	else
		ceno_api_image_list(call->client, call->id);
}

static void image_remove(struct call *call)
{
	char image[CENO_RPC_IMAGE_MAX];

	if (ceno_rpc_image_parse(call->params, image, call->message))
		bad_params(call);
	else
		ceno_api_image_remove(call->client, call->id, image);
}

/* ---- what the ledger knows -------------------------------------------------------- */

static json_t *row_json(const struct ceno_ledger_row *row)
{
	char id[33], signer[65];
	json_t *object;

	ceno_units_format_hex(row->session_id, 16, id);
	object = json_pack("{s:I,s:s,s:s,s:s,s:i,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:s,s:b}", "number",
	                   (json_int_t)row->number, "session", id, "state",
	                   ceno_state_word(row->state) ? ceno_state_word(row->state) : "unknown", "cause",
	                   ceno_cause_word(row->cause), "uid", (int)row->uid, "tier",
	                   ceno_tier_limits(row->tier) ? ceno_tier_limits(row->tier)->name : "unknown", "created_ms",
	                   (json_int_t)row->created_ms, "launched_ms", (json_int_t)row->launched_ms, "ended_ms",
	                   (json_int_t)row->ended_ms, "launch_index", (json_int_t)row->launch_index, "memory_bytes",
	                   (json_int_t)row->memory_bytes, "ttl_ms", (json_int_t)row->ttl_ms, "classification",
	                   ceno_classification_word(row->classification), "jurisdiction",
	                   ceno_jurisdiction_word(row->jurisdiction), "proof", row->has_proof);
	if (object && row->has_signer) {
		ceno_units_format_hex(row->signer, 32, signer);
		json_object_set_new(object, "signer", json_string(signer));
	}
	return object;
}

static void append_row(const struct ceno_ledger_row *row, void *context)
{
	json_array_append_new(context, row_json(row));
}

static void session_list(struct call *call)
{
	struct ceno_api_client *client = call->client;
	int64_t before, limit;
	json_t *rows;

	if (ceno_rpc_list_parse(call->params, &before, &limit, call->message)) {
		bad_params(call);
		return;
	}
	rows = json_array();
	if (!rows ||
	    ceno_ledger_list(client->api->ledger, client->uid == 0 ? -1 : (int64_t)client->uid, before, limit,
	                     append_row, rows)) {
		json_decref(rows);
		ceno_api_reply_error(client, call->id, CENO_RPC_INTERNAL, "the ledger cannot be read", NULL);
		return;
	}
	ceno_api_reply(client, call->id, json_pack("{s:o}", "sessions", rows), -1);
}

/* The row of a session that the caller may see; answers and returns false otherwise. */
static bool seen_row(struct call *call, const uint8_t session[16], struct ceno_ledger_row *row)
{
	if (ceno_ledger_find(call->client->api->ledger, session, row) ||
	    (call->client->uid != 0 && call->client->uid != row->uid)) {
		ceno_api_reply_error(call->client, call->id, CENO_RPC_SESSION, NULL, NULL);
		return false;
	}
	return true;
}

static bool own_row(struct call *call, struct ceno_ledger_row *row)
{
	uint8_t session[16];

	if (ceno_rpc_session_parse(call->params, session, call->message)) {
		bad_params(call);
		return false;
	}
	return seen_row(call, session, row);
}

static void log_record(struct call *call)
{
	struct ceno_ledger_row row;
	uint8_t session[16], commitment[32];

	if (ceno_rpc_record_parse(call->params, session, commitment, call->message))
		bad_params(call);
	else if (seen_row(call, session, &row))
		ceno_api_attest_record(call->client, call->id, session, commitment);
}

static void keys_get(struct call *call)
{
	struct ceno_ledger_row row;
	char id[33], signer[65];

	if (!own_row(call, &row))
		return;
	if (!row.has_signer) {
		ceno_api_reply_error(call->client, call->id, CENO_RPC_STATE, "the session has no proof yet", NULL);
		return;
	}
	ceno_units_format_hex(row.session_id, 16, id);
	ceno_units_format_hex(row.signer, 32, signer);
	ceno_api_reply(call->client, call->id, json_pack("{s:s,s:s}", "session", id, "signer", signer), -1);
}

static void session_status(struct call *call)
{
	struct ceno_ledger_row row;

	if (own_row(call, &row))
		ceno_api_reply(call->client, call->id, row_json(&row), -1);
}

static void session_proof(struct call *call)
{
	struct ceno_ledger_row row;
	uint8_t *file = NULL;
	size_t bytes = 0;
	json_t *result;

	if (!own_row(call, &row))
		return;
	if (!row.has_proof || ceno_ledger_find_proof(call->client->api->ledger, row.session_id, &file, &bytes)) {
		ceno_api_reply_error(call->client, call->id, CENO_RPC_STATE, "the session has no proof", NULL);
		return;
	}
	result = row_json(&row);
	if (result)
		json_object_set_new(result, "file", json_stringn((const char *)file, bytes));
	free(file);
	ceno_api_reply(call->client, call->id, result, -1);
}

static void proof_export(struct call *call)
{
	struct ceno_ledger_row row;
	uint8_t *file = NULL;
	size_t bytes = 0;

	if (!own_row(call, &row))
		return;
	if (!row.has_proof || ceno_ledger_find_proof(call->client->api->ledger, row.session_id, &file, &bytes)) {
		ceno_api_reply_error(call->client, call->id, CENO_RPC_STATE, "the session has no proof", NULL);
		return;
	}
	ceno_api_attest_export(call->client, call->id, file, bytes);
	free(file);
}

/* ---- the table ---------------------------------------------------------------------- */

#define ANY_FDS 255u /* the handler checks */

static const struct method {
	const char *name;
	unsigned fds;
	void (*serve)(struct call *call);
} methods[] = {
	{ "node.version", 0, node_version },
	{ "node.status", 0, node_status },
	{ "node.attest", 0, node_attest },
	{ "session.run", ANY_FDS, session_run },
	{ "session.exec", 1, session_exec },
	{ "session.resize", 0, session_resize },
	{ "session.narrow", 0, session_narrow },
	{ "session.destroy", 0, session_destroy },
	{ "session.list", 0, session_list },
	{ "session.status", 0, session_status },
	{ "session.proof", 0, session_proof },
	{ "keys.get", 0, keys_get },
	{ "proof.verify", 0, proof_verify },
	{ "session.trail", 0, session_trail },
	{ "image.add", 1, image_add },
	{ "image.list", 0, image_list },
	{ "image.remove", 0, image_remove },
	{ "node.enrol", 0, node_enrol },
	{ "log.consistency", 0, log_consistency },
	{ "log.orphans", 0, log_orphans },
	{ "log.record", 0, log_record },
	{ "proof.export", 0, proof_export },
	{ "log.leaf", 0, log_leaf },
	{ "node.report", 0, node_report },
};

static const struct method *find_method(const char *name)
{
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
		if (!strcmp(methods[i].name, name))
			return &methods[i];
	return NULL;
}

static bool within_rate(struct ceno_api_client *client)
{
	return ceno_limit_take(&client->api->limit, client->uid, ceno_tier_limits(client->tier)->requests_per_minute,
	                       uv_now(&client->api->loop));
}

void ceno_api_dispatch(struct ceno_api_client *client, const void *bytes, size_t length, struct ceno_packet_fds *fds)
{
	struct ceno_rpc_request request;
	int error = ceno_rpc_request_parse(bytes, length, &request);
	const struct method *method = error ? NULL : find_method(request.method);
	struct call call = { .client = client, .id = request.id, .params = request.params, .fds = fds };

	if (!within_rate(client))
		error = CENO_RPC_RATE;
	else if (!error && !method)
		error = CENO_RPC_METHOD;
	else if (!error && method->fds != ANY_FDS && method->fds != fds->count)
		error = CENO_RPC_DESCRIPTORS;
	if (error)
		ceno_api_reply_error(client, request.id, error, NULL, NULL);
	else
		method->serve(&call);
	ceno_rpc_request_fini(&request);
}
