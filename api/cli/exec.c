/*
 * ceno exec: another program in a session that `ceno run --hold` keeps. Its
 * streams are those of that `ceno run`; its status is ours.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "client.h"
#include "missing.h"
#include "program.h"

static const char usage[] =
    "usage: ceno exec [OPTION]... SESSION -- PROGRAM [ARG]...\n"
    "Run another program of a session that was started with ceno run --hold. PROGRAM is a name\n"
    "in the guest's /bin or an absolute guest path; its input and output are those of ceno run.\n"
    "\n"
    "  --env NAME=VALUE  a variable for the program (repeatable; nothing is inherited)\n"
    "  --workdir DIR     where in the guest the program starts (default /)\n"
    "  --json            its end as one JSON object\n"
    "  --socket PATH     the node's socket (default $CENO_SOCKET or /run/cenotaph/cenod.sock)\n"
    "\n"
    "Exit status: the program's own (128 + signal if it was killed); 125 refused or failed;\n"
    "126 the guest cannot run it; 127 it is not in the session.\n";

static int status_of(json_t *result)
{
	int refusal = (int)json_integer_value(json_object_get(result, "refusal"));
	int number = (int)json_integer_value(json_object_get(result, "signal"));

	ceno_missing_print(result, "ceno: ");
	if (refusal) {
		ceno_cli_error("the guest could not start the program (refusal %d)", refusal);
		return refusal == 1 ? CENO_EXIT_NOT_FOUND
		    : refusal <= 4  ? CENO_EXIT_NOT_EXECUTABLE
				    : CENO_EXIT_RUN_FAILED;
	}
	return number ? 128 + number : (int)json_integer_value(json_object_get(result, "exit_status")) & 255;
}

struct options {
	const char *socket, *workdir;
	const char *env[CENO_ENV_MAX];
	uint32_t env_count;
	bool json;
};

static int run(const struct options *o, const char *session, char **program, uint32_t count)
{
	const char *env[CENO_ENV_BASE + CENO_ENV_MAX];
	char guest[CENO_PACK_PATH_MAX];
	struct ceno_client client;
	json_t *result = NULL;
	uint64_t bytes;
	int args, status = CENO_EXIT_RUN_FAILED;

	snprintf(guest, sizeof guest, "%s%s", program[0][0] == '/' ? "" : "/bin/", program[0]);
	args = ceno_args_make(guest, program, count, env, ceno_env_make(o->env, o->env_count, false, env),
	                      o->workdir ? o->workdir : "/", &bytes);
	if (args < 0) {
		ceno_cli_error("arguments: %s", strerror(-args));
		return status;
	}
	if (!ceno_client_open(&client, o->socket))
		result = ceno_client_call(&client, "session.exec",
		                          json_pack("{s:s,s:I}", "session", session, "args_bytes", (json_int_t)bytes),
		                          &args, 1);
	close(args);
	if (!result)
		ceno_cli_error("%s", client.error);
	else
		status = status_of(result);
	if (result && o->json)
		ceno_cli_print_json(json_incref(result));
	json_decref(result);
	ceno_client_close(&client);
	return status;
}

/* -1 to go on, or the exit status. */
static int take(int option, struct options *o)
{
	if (option == 'j') {
		o->json = true;
	} else if (option == 's') {
		o->socket = optarg;
	} else if (option == 'w') {
		o->workdir = optarg;
		if (optarg[0] != '/') {
			ceno_cli_error("--workdir takes an absolute path in the guest");
			return CENO_EXIT_USAGE;
		}
	} else if (option == 'e') {
		if (o->env_count == CENO_ENV_MAX || !ceno_env_usable(optarg)) {
			ceno_cli_error("--env takes NAME=VALUE, %u times at most", CENO_ENV_MAX);
			return CENO_EXIT_USAGE;
		}
		o->env[o->env_count++] = optarg;
	} else {
		return ceno_cli_usage(usage, option == 'h');
	}
	return -1;
}

int ceno_command_exec(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },      { "socket", required_argument, NULL, 's' },
		{ "env", required_argument, NULL, 'e' }, { "workdir", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },      { 0 },
	};
	struct options o = { 0 };
	const char *session;
	int option, status;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
		status = take(option, &o);
		if (status >= 0)
			return status;
	}
	if (optind + 1 >= argc)
		return ceno_cli_usage(usage, false);
	session = argv[optind++];
	if (!strcmp(argv[optind], "--"))
		optind++;
	if (optind >= argc)
		return ceno_cli_usage(usage, false);
	return run(&o, session, argv + optind, (uint32_t)(argc - optind));
}
