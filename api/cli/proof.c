/*
 * ceno proof: what a proof and the node's log say, in forms that other tools read.
 *
 *   inclusion    offline: a leaf of a verified proof as a C2SP tlog-proof
 *   consistency  the node's log since a size, for `ceno verify --compare` (attest/daemon/text.c has the form)
 *   cert         a certificate for people, of a verified proof (verify.c)
 *   record       a leaf in the node's log that commits to the record of one of the caller's sessions
 *   leaf         any leaf of the node's log as a C2SP tlog-proof under its newest sealed checkpoint
 *   orphans      launches without an end in the node's log; root only
 */
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/verify/verify.h"
#include "cli.h"
#include "client.h"
#include "proof_file.h"

static const char usage[] =
    "usage: ceno proof inclusion [--launch] FILE       a leaf of a proof as a C2SP tlog-proof: the cdp leaf,\n"
    "                                                  or the launch leaf\n"
    "       ceno proof consistency [--from FILE|SIZE]  that the node's log today extends the one of a proof,\n"
    "                                                  for ceno verify --compare\n"
    "       ceno proof cert [--pdf FILE] FILE          a certificate of sanitization of a proof that verifies\n"
    "       ceno proof record SESSION HEX              log a commitment (64 hex) to a session's record, once;\n"
    "                                                  prints the leaf's index\n"
    "       ceno proof leaf INDEX                      a leaf of the node's log as a C2SP tlog-proof\n"
    "       ceno proof orphans                         launches in the node's log without an end (root)\n"
    "Also: --socket PATH for all that ask the node; what ceno verify takes for cert.\n";

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
static int print_inclusion(const struct ceno_verify_result *result, bool launch)
{
	const struct ceno_proof_inclusion *proof = launch ? &result->seal.launch.inclusion : &result->seal.batch;
	char line[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL)];

	printf("c2sp.org/tlog-proof@v1\nindex %llu\n", (unsigned long long)proof->index);
	for (uint32_t i = 0; i < proof->count; i++)
		puts(sodium_bin2base64(line, sizeof line, proof->path[i], 32, sodium_base64_VARIANT_ORIGINAL));
	printf("\n%.*s", (int)result->seal.checkpoint_bytes, result->seal.checkpoint);
	return fflush(stdout) ? CENO_EXIT_FAILURE : CENO_EXIT_OK;
}

static int inclusion(int argc, char **argv)
{
	static const struct option options[] = { { "launch", no_argument, NULL, 'l' },
		                                 { "help", no_argument, NULL, 'h' },
		                                 { 0 } };
	static struct ceno_verify_result result;
	bool launch = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option != 'l')
			return ceno_cli_usage(usage, option == 'h');
		launch = true;
	}
	if (optind + 1 != argc || sodium_init() < 0)
		return ceno_cli_usage(usage, false);
	return read_proof(argv[optind], &result) ? CENO_EXIT_FAILURE : print_inclusion(&result, launch);
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
	if (!text)
		ceno_cli_error("%s", client.error[0] ? client.error : "the node's answer has no text");
	else
		status = fputs(text, stdout) < 0 || fflush(stdout) ? CENO_EXIT_FAILURE : CENO_EXIT_OK;
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
	static const struct option options[] = { { "from", required_argument, NULL, 'f' },
		                                 { "socket", required_argument, NULL, 's' },
		                                 { "help", no_argument, NULL, 'h' },
		                                 { 0 } };
	const char *socket = NULL;
	uint64_t size = 0;
	int option;

	if (sodium_init() < 0)
		return CENO_EXIT_FAILURE;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 's')
			socket = optarg;
		else if (option != 'f')
			return ceno_cli_usage(usage, option == 'h');
		else if (parse_from(optarg, &size))
			return CENO_EXIT_FAILURE;
	}
	if (optind != argc)
		return ceno_cli_usage(usage, false);
	return print_text(socket, "log.consistency", json_pack("{s:I}", "size", (json_int_t)size));
}

/* --socket, and as many arguments as these take: -1, or an exit status. */
static int only_socket(int argc, char **argv, int arguments, const char **socket)
{
	static const struct option options[] = { { "socket", required_argument, NULL, 's' },
		                                 { "help", no_argument, NULL, 'h' },
		                                 { 0 } };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option != 's')
			return ceno_cli_usage(usage, option == 'h');
		*socket = optarg;
	}
	return optind + arguments != argc ? ceno_cli_usage(usage, false) : -1;
}

static int orphans(int argc, char **argv)
{
	const char *socket = NULL;
	int status = only_socket(argc, argv, 0, &socket);

	return status >= 0 ? status : print_text(socket, "log.orphans", json_object());
}

static int leaf(int argc, char **argv)
{
	const char *socket = NULL, *index;
	int status = only_socket(argc, argv, 1, &socket);

	if (status >= 0)
		return status;
	index = argv[optind];
	if (!*index || strlen(index) > 15 || strspn(index, "0123456789") != strlen(index))
		return ceno_cli_usage(usage, false);
	return print_text(socket, "log.leaf", json_pack("{s:I}", "index", (json_int_t)strtoull(index, NULL, 10)));
}

static int record(int argc, char **argv)
{
	const char *socket = NULL;
	struct ceno_client client;
	json_t *result = NULL, *index;
	int status = only_socket(argc, argv, 2, &socket);

	if (status >= 0)
		return status;
	status = CENO_EXIT_FAILURE;
	if (!ceno_client_open(&client, socket))
		result =
		    ceno_client_call(&client, "log.record",
		                     json_pack("{s:s,s:s}", "session", argv[optind], "commitment", argv[optind + 1]),
		                     NULL, 0);
	index = json_object_get(result, "index");
	if (!json_is_integer(index))
		ceno_cli_error("%s", client.error[0] ? client.error : "the node's answer has no index");
	else
		status = printf("%lld\n", (long long)json_integer_value(index)) < 0 || fflush(stdout)
		    ? CENO_EXIT_FAILURE
		    : CENO_EXIT_OK;
	json_decref(result);
	ceno_client_close(&client);
	return status;
}

int ceno_command_proof(int argc, char **argv)
{
	static const struct ceno_cli_command commands[] = {
		{ "inclusion", "ceno proof inclusion", inclusion },
		{ "consistency", "ceno proof consistency", consistency },
		{ "orphans", "ceno proof orphans", orphans },
		{ "leaf", "ceno proof leaf", leaf },
		{ "record", "ceno proof record", record },
		{ "cert", "ceno proof cert", ceno_proof_cert },
	};
	int status;

	if (argc < 2)
		return ceno_cli_usage(usage, false);
	if (!strcmp(argv[1], "--help"))
		return ceno_cli_usage(usage, true);
	status = ceno_cli_dispatch(commands, sizeof commands / sizeof commands[0], argc, argv);
	if (status >= 0)
		return status;
	if (argv[1][0] != '-')
		ceno_cli_error("no command `proof %s'", argv[1]);
	return ceno_cli_usage(usage, false);
}
