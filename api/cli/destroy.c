/*
 * ceno destroy: ends a session now and gets its proof; of a session that is
 * already gone, it gets the proof the node kept.
 */
#include <stdio.h>
#include <string.h>

#include "api/rpc/error.h"
#include "attest/proof/wire.h"
#include "cli.h"
#include "client.h"
#include "finish.h"
#include "named.h"
#include "options.h"
#include "proof_file.h"

static const char usage[] =
    "usage: ceno destroy [--proof FILE] [--json] [--quiet] [--socket PATH] SESSION\n"
    "Destroy a session now and keep its proof in FILE; of a session that ended already, fetch\n"
    "the proof. Exit status: 0; 1 no such session, no proof, or a proof that does not verify.\n";

struct ask {
	struct ceno_options options;
	const char *session, *proof;
	bool quiet;
};

/* The session's end from the node: a new reference with state, cause and "proof", or NULL. */
static json_t *fetch(struct ceno_client *client, const char *session)
{
	json_t *end = ceno_client_call(client, "session.destroy", json_pack("{s:s}", "session", session), NULL, 0);

	if (end || client->error_code != CENO_RPC_SESSION)
		return end;
	end = ceno_client_call(client, "session.proof", json_pack("{s:s}", "session", session), NULL, 0);
	if (end) {
		json_object_set(end, "proof", json_object_get(end, "file"));
		json_object_del(end, "file");
	}
	return end;
}

static int conclude(const struct ask *ask, json_t *end)
{
	static struct ceno_finish finish;
	const char *proof = json_string_value(json_object_get(end, "proof"));
	const char *why = json_string_value(json_object_get(end, "proof_error"));
	char error[CENO_PROOF_FILE_ERROR_MAX];
	struct ceno_proof_file file;

	if (!proof) {
		ceno_cli_error("session %s is %s; no proof: %s", ask->session,
		               json_string_value(json_object_get(end, "state")), why ? why : "it was never launched");
		return CENO_EXIT_FAILURE;
	}
	if (ask->proof &&
	    (ceno_proof_file_open(&file, ask->proof, CENO_CDP_FILE_MAX, error) ||
	     ceno_proof_file_commit(&file, proof, strlen(proof), error))) {
		ceno_cli_error("%s", error);
		return CENO_EXIT_FAILURE;
	}
	finish.socket = ask->options.socket;
	ceno_finish_check(&finish, proof, strlen(proof));
	if (ask->options.json) {
		int rc = ceno_cli_print_json(ceno_finish_json(&finish, NULL, end, ask->proof, 0));

		if (rc)
			return rc;
	} else if (!ask->quiet) {
		ceno_finish_print(&finish, NULL, end, ask->proof);
	}
	return finish.checked && !finish.result.exit_status ? CENO_EXIT_OK : CENO_EXIT_FAILURE;
}

int ceno_command_destroy(int argc, char **argv)
{
	static const struct option table[] = { { "proof", required_argument, NULL, 'p' },
		                               { "quiet", no_argument, NULL, 'q' },
		                               CENO_OPTIONS_JSON,
		                               CENO_OPTIONS_SOCKET,
		                               CENO_OPTIONS_END };
	struct ask ask = { .options = { .usage = usage, .table = table, .argc = argc, .argv = argv } };
	char error[CENO_PROOF_FILE_ERROR_MAX];
	struct ceno_client client;
	json_t *end = NULL;
	int option, status = CENO_EXIT_FAILURE;

	while ((option = ceno_options_next(&ask.options)) >= 0) {
		if (option == 'p')
			ask.proof = optarg;
		else
			ask.quiet = true;
	}
	if (ask.options.status >= 0 || ceno_options_arguments(&ask.options, 1, 1, "SESSION"))
		return ask.options.status;
	ask.session = argv[ask.options.first];
	if (ceno_named_session(&ask.options, ask.session))
		return ask.options.status;
	if (ask.proof && ceno_proof_file_spare(ask.proof, error)) {
		ceno_cli_error("%s; nothing was destroyed", error);
		return CENO_EXIT_FAILURE;
	}
	if (!ceno_client_open(&client, ask.options.socket))
		end = fetch(&client, ask.session);
	if (end)
		status = conclude(&ask, end);
	else
		ceno_cli_error("%s", client.error);
	json_decref(end);
	ceno_client_close(&client);
	return status;
}
