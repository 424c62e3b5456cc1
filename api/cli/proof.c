/*
 * ceno proof: what a proof and the node's log say, in forms that other tools read.
 *
 *   show         what a proof says, all of it (proof_show.c)
 *   inclusion    offline: a leaf of a verified proof as a C2SP tlog-proof
 *   consistency  the node's log since a size, for `ceno verify --compare` (attest/daemon/text.c has the form)
 *   cert         a certificate for people, of a verified proof (verify.c)
 *   record       a leaf in the node's log that commits to the record of one of the caller's sessions
 *   leaf         any leaf of the node's log as a C2SP tlog-proof under its newest sealed checkpoint
 *   export       the proof's record as an AuditProof 2.1 document, signed by the node's export key
 *   orphans      launches without an end in the node's log; root only
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/verify/verify.h"
#include "cli.h"
#include "client.h"
#include "named.h"
#include "options.h"
#include "proof_file.h"
#include "text.h"

static const char usage[] =
    "usage: ceno proof COMMAND [option]... [argument]...\n"
    "What a proof and the node's log say, for people and for other tools.\n"
    "\n"
    "  show FILE                    what a proof says: timeline, every field; --policy: and the verdict\n"
    "  inclusion FILE               a leaf of a proof as a C2SP tlog-proof\n"
    "  consistency                  that the node's log today extends the one of a proof\n"
    "  cert FILE                    a certificate of sanitization of a proof that verifies\n"
    "  record SESSION HEX           log a commitment to a session's record, once\n"
    "  leaf INDEX                   a leaf of the node's log as a C2SP tlog-proof\n"
    "  orphans                      launches in the node's log without an end (root)\n"
    "\n"
    "Each takes --help.\n";

/* Reads a proof and checks it as far as its log: 0, or -1 after a line about it. */
static int read_proof(const char *path, struct ceno_verify_result *result)
{
	struct ceno_verify_policy policy;
	char *file = NULL;
	size_t length = 0;
	int rc = ceno_file_read(path, CENO_CDP_FILE_MAX, &file, &length);

	if (rc) {
		ceno_cli_error("%s: %s", path, strerror(-rc));
		return -1;
	}
	ceno_verify_policy_init(&policy);
	policy.memory = CENO_MEMORY_NONE;
	rc = ceno_verify(file, length, &policy, result);
	free(file);
	/* 3 and 4: not all of it was asked for here, and nobody is pinned; nothing in it is wrong. */
	if (rc || !result->read || (result->exit_status && result->exit_status != 3 && result->exit_status != 4)) {
		ceno_cli_error("%s: not a good proof; see ceno verify %s", path, path);
		return -1;
	}
	return 0;
}

/* The text of a proof is Base64 lines: an index, hashes, and the checkpoint as it was signed. */
static void print_inclusion(const struct ceno_verify_result *result, bool launch)
{
	const struct ceno_proof_inclusion *proof = launch ? &result->seal.launch.inclusion : &result->seal.batch;
	char line[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL)];

	printf("c2sp.org/tlog-proof@v1\nindex %llu\n", (unsigned long long)proof->index);
	for (uint32_t i = 0; i < proof->count; i++)
		puts(sodium_bin2base64(line, sizeof line, proof->path[i], 32, sodium_base64_VARIANT_ORIGINAL));
	printf("\n%.*s", (int)result->seal.checkpoint_bytes, result->seal.checkpoint);
}

static int inclusion(int argc, char **argv)
{
	static const char text[] = "usage: ceno proof inclusion [--launch] FILE\n"
				   "A leaf of a good proof as a C2SP tlog-proof: the cdp leaf, or the launch leaf.\n"
				   "Exit status: 0; 1 not a good proof.\n";
	static const struct option table[] = { { "launch", no_argument, NULL, 'l' }, CENO_OPTIONS_END };
	static struct ceno_verify_result result;
	struct ceno_options o = { .usage = text, .table = table, .argc = argc, .argv = argv };
	bool launch = false;

	while (ceno_options_next(&o) >= 0)
		launch = true;
	if (o.status >= 0 || ceno_options_arguments(&o, 1, 1, "FILE"))
		return o.status;
	if (sodium_init() < 0 || read_proof(argv[o.first], &result))
		return CENO_EXIT_FAILURE;
	print_inclusion(&result, launch);
	return CENO_EXIT_OK;
}

/* Calls a method whose result is one text, and prints that. */
static int print_text(const char *socket, const char *method, json_t *params)
{
	struct ceno_client client;
	json_t *result = NULL;
	const char *text;
	int status = CENO_EXIT_FAILURE;

	if (!ceno_client_open(&client, socket))
		result = ceno_client_call(&client, method, params, NULL, 0);
	else
		json_decref(params);
	text = json_string_value(json_object_get(result, "text"));
	if (text) {
		ceno_text_lines(stdout, text);
		status = CENO_EXIT_OK;
	} else {
		ceno_cli_error("%s", client.error[0] ? client.error : "the node's answer has no text");
	}
	json_decref(result);
	ceno_client_close(&client);
	return status;
}

/* A size, or the size of a proof's checkpoint: 0, or -1 after a line. */
static int parse_from(const char *text, uint64_t *size)
{
	static struct ceno_verify_result result;

	if (*text && strlen(text) <= 15 && strspn(text, "0123456789") == strlen(text)) {
		*size = strtoull(text, NULL, 10);
		return 0;
	}
	if (read_proof(text, &result))
		return -1;
	*size = result.log_size;
	return 0;
}

static int consistency(int argc, char **argv)
{
	static const char text[] =
	    "usage: ceno proof consistency [--from FILE|SIZE] [--socket PATH]\n"
	    "That the node's log today extends the one of a proof, or of that size; for ceno verify --compare.\n"
	    "Exit status: 0; 1 not a good proof, or the node has none.\n";
	static const struct option table[] = { { "from", required_argument, NULL, 'f' },
		                               CENO_OPTIONS_SOCKET,
		                               CENO_OPTIONS_END };
	struct ceno_options o = { .usage = text, .table = table, .argc = argc, .argv = argv };
	const char *from = NULL;
	uint64_t size = 0;

	while (ceno_options_next(&o) >= 0)
		from = optarg;
	if (o.status >= 0 || ceno_options_arguments(&o, 0, 0, ""))
		return o.status;
	if (sodium_init() < 0 || (from && parse_from(from, &size)))
		return CENO_EXIT_FAILURE;
	return print_text(o.socket, "log.consistency", json_pack("{s:I}", "size", (json_int_t)size));
}

static const struct option only_socket[] = { CENO_OPTIONS_SOCKET, CENO_OPTIONS_END };

static int orphans(int argc, char **argv)
{
	static const char text[] = "usage: ceno proof orphans [--socket PATH]\n"
				   "Launches in the node's log without an end, running sessions among them; for root.\n"
				   "Exit status: 0; 1 refused, or no node.\n";
	struct ceno_options o = { .usage = text, .table = only_socket, .argc = argc, .argv = argv };

	return ceno_options_plain(&o, 0, 0, "") >= 0 ? o.status : print_text(o.socket, "log.orphans", json_object());
}

static int leaf(int argc, char **argv)
{
	static const char text[] = "usage: ceno proof leaf [--socket PATH] INDEX\n"
				   "A leaf of the node's log as a C2SP tlog-proof under its newest sealed checkpoint.\n"
				   "Exit status: 0; 1 no such leaf, or no node.\n";
	struct ceno_options o = { .usage = text, .table = only_socket, .argc = argc, .argv = argv };
	const char *index;

	if (ceno_options_plain(&o, 1, 1, "INDEX") >= 0)
		return o.status;
	index = argv[o.first];
	if (!*index || strlen(index) > 15 || strspn(index, "0123456789") != strlen(index))
		return ceno_options_misuse(text, "INDEX is a number, not `%s'", index);
	return print_text(o.socket, "log.leaf", json_pack("{s:I}", "index", (json_int_t)strtoull(index, NULL, 10)));
}

static int record(int argc, char **argv)
{
	static const char text[] =
	    "usage: ceno proof record [--socket PATH] SESSION HEX\n"
	    "Log a commitment (64 hex digits) to the record of a session of yours, once; prints the\n"
	    "leaf's index. Exit status: 0; 1 refused, or no node.\n";
	struct ceno_options o = { .usage = text, .table = only_socket, .argc = argc, .argv = argv };
	struct ceno_client client;
	json_t *result = NULL, *index;
	int status = CENO_EXIT_FAILURE;

	if (ceno_options_plain(&o, 2, 2, "SESSION HEX") >= 0 || ceno_named_session(&o, argv[o.first]))
		return o.status;
	if (!ceno_client_open(&client, o.socket))
		result =
		    ceno_client_call(&client, "log.record",
		                     json_pack("{s:s,s:s}", "session", argv[o.first], "commitment", argv[o.first + 1]),
		                     NULL, 0);
	index = json_object_get(result, "index");
	if (json_is_integer(index)) {
		printf("%lld\n", (long long)json_integer_value(index));
		status = CENO_EXIT_OK;
	} else {
		ceno_cli_error("%s", client.error[0] ? client.error : "the node's answer has no index");
	}
	json_decref(result);
	ceno_client_close(&client);
	return status;
}

static int export(int argc, char **argv)
{
	static const char text[] =
	    "usage: ceno proof export --format auditproof [--socket PATH] FILE\n"
	    "The record of a good proof of the node's as an AuditProof 2.1 document, signed by the node's\n"
	    "export key, if the node was started with --export auditproof. Its labels are constants of\n"
	    "that format and not claims of the node. Exit status: 0; 1 refused, not a good proof, or no node.\n";
	static const struct option table[] = { { "format", required_argument, NULL, 'f' },
		                               CENO_OPTIONS_SOCKET,
		                               CENO_OPTIONS_END };
	static struct ceno_verify_result result;
	struct ceno_options o = { .usage = text, .table = table, .argc = argc, .argv = argv };
	const char *format = NULL;
	char session[33];
	int status;

	while (ceno_options_next(&o) >= 0)
		format = optarg;
	if (o.status >= 0 || ceno_options_arguments(&o, 1, 1, "FILE"))
		return o.status;
	if (!format || strcmp(format, "auditproof"))
		return ceno_options_misuse(text, "--format takes auditproof");
	if (sodium_init() < 0 || read_proof(argv[o.first], &result))
		return CENO_EXIT_FAILURE;
	sodium_bin2hex(session, sizeof session, result.statement.core.session_id, 16);
	status = print_text(o.socket, "proof.export", json_pack("{s:s}", "session", session));
	if (status == CENO_EXIT_OK)
		fprintf(stderr,
		        "ceno: its subsystem and method words are constants of the AuditProof format, not claims of "
		        "this node;\n      what was done is in the proof, whose SHA-256 it names\n");
	return status;
}

int ceno_command_proof(int argc, char **argv)
{
	static const struct ceno_cli_command commands[] = {
		{ "show", "ceno proof show", ceno_proof_show, CENO_EXIT_USAGE },
		{ "inclusion", "ceno proof inclusion", inclusion, 0 },
		{ "consistency", "ceno proof consistency", consistency, 0 },
		{ "orphans", "ceno proof orphans", orphans, 0 },
		{ "leaf", "ceno proof leaf", leaf, 0 },
		{ "record", "ceno proof record", record, 0 },
		{ "export", "ceno proof export", export, 0 },
		{ "cert", "ceno proof cert", ceno_proof_cert, CENO_EXIT_USAGE },
	};

	return ceno_cli_dispatch(commands, sizeof commands / sizeof commands[0], usage, argc, argv);
}
