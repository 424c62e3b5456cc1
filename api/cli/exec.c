/*
 * ceno exec: another program in a session that `ceno run --hold` keeps. Its
 * streams are those of that `ceno run`; its status is ours.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "client.h"
#include "missing.h"
#include "named.h"
#include "options.h"
#include "program.h"
#include "refusal.h"

static const char usage[] =
    "usage: ceno exec [OPTION]... SESSION -- PROGRAM [ARG]...\n"
    "Run another program of a session that was started with ceno run --hold. PROGRAM is a name\n"
    "in the guest's /bin or an absolute guest path; its input and output are those of that ceno run.\n"
    "\n"
    "  --env NAME=VALUE  a variable for the program (repeatable; nothing is inherited)\n"
    "  --workdir DIR     where in the guest the program starts (default /)\n"
    "  --json            its end as one JSON object\n"
    "  --socket PATH     the node's socket (default $CENO_SOCKET or /run/cenotaph/cenod.sock)\n"
    "\n"
    "Exit status: the program's own (128 + signal if it was killed); 125 refused or failed;\n"
    "126 it cannot be executed; 127 it, or its interpreter, is not in the session; 2 usage.\n";

struct options {
	struct ceno_options command;
	const char *workdir;
	const char *env[CENO_ENV_MAX];
	uint32_t env_count;
};

static int status_of(json_t *result, const char *path, const char *directory)
{
	int number = (int)json_integer_value(json_object_get(result, "signal"));
	char line[CENO_REFUSAL_LINE_MAX];
	int status;

	ceno_missing_print(result, "ceno: ");
	if (json_integer_value(json_object_get(result, "refusal"))) {
		status = ceno_refusal_explain(result, path, directory, line);
		ceno_cli_error("%s", line);
		return status;
	}
	if (number == SIGKILL && json_is_true(json_object_get(result, "out_of_memory"))) {
		ceno_cli_error("the program ran out of the session's memory (try ceno run --memory)");
		return CENO_EXIT_RUN_FAILED;
	}
	return number ? 128 + number : (int)json_integer_value(json_object_get(result, "exit_status")) & 255;
}

static int run(const struct options *o, const char *session, char **program, uint32_t count)
{
	const char *env[CENO_ENV_BASE + CENO_ENV_MAX];
	const char *directory = o->workdir ? o->workdir : "/";
	char guest[4096], error[CENO_PROGRAM_ERROR_MAX];
	struct ceno_client client;
	json_t *result = NULL;
	uint64_t bytes;
	int args, status;

	status = ceno_program_of_guest(program[0], guest, sizeof guest, error);
	if (status) {
		ceno_cli_error("%s", error);
		return status;
	}
	status = CENO_EXIT_RUN_FAILED;
	args = ceno_args_make(guest, program, count, env, ceno_env_make(o->env, o->env_count, false, env), directory,
	                      &bytes);
	if (args < 0) {
		ceno_cli_error(args == -E2BIG ? "arguments and environment are longer than 128 KiB" : "arguments: %s",
		               strerror(-args));
		return status;
	}
	if (!ceno_client_open(&client, o->command.socket))
		result = ceno_client_call(&client, "session.exec",
		                          json_pack("{s:s,s:I}", "session", session, "args_bytes", (json_int_t)bytes),
		                          &args, 1);
	close(args);
	if (!result)
		ceno_named_session_failed(&client, session);
	else
		status = status_of(result, guest, directory);
	if (result && o->command.json && ceno_cli_print_json(json_incref(result)))
		status = CENO_EXIT_RUN_FAILED;
	json_decref(result);
	ceno_client_close(&client);
	return status;
}

/* -1 to go on, or the exit status. */
static int take(int option, struct options *o)
{
	if (option == 'w') {
		o->workdir = optarg;
		return ceno_workdir_usable(optarg) ? -1
						   : ceno_options_bad(&o->command, "--workdir", CENO_WORKDIR_TAKES);
	}
	if (!ceno_env_usable(optarg))
		return ceno_options_bad(&o->command, "--env", "NAME=VALUE");
	if (o->env_count == CENO_ENV_MAX)
		return ceno_options_misuse(usage, "more than %u variables", CENO_ENV_MAX);
	o->env[o->env_count++] = optarg;
	return -1;
}

int ceno_command_exec(int argc, char **argv)
{
	static const struct option table[] = { { "env", required_argument, NULL, 'e' },
		                               { "workdir", required_argument, NULL, 'w' },
		                               CENO_OPTIONS_JSON,
		                               CENO_OPTIONS_SOCKET,
		                               CENO_OPTIONS_END };
	struct options o = { .command = {
				 .usage = usage, .table = table, .program = true, .argc = argc, .argv = argv } };
	int option, status, program;

	while ((option = ceno_options_next(&o.command)) >= 0) {
		status = take(option, &o);
		if (status >= 0)
			return status;
	}
	if (o.command.status >= 0 || ceno_options_arguments(&o.command, 1, argc, "SESSION"))
		return o.command.status;
	if (ceno_named_session(&o.command, argv[o.command.first]))
		return o.command.status;
	program = o.command.first + 1;
	if (program < argc && !strcmp(argv[program], "--"))
		program++;
	if (program >= argc)
		return ceno_options_misuse(usage, "no program given");
	return run(&o, argv[o.command.first], argv + program, (uint32_t)(argc - program));
}
