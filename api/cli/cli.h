/*
 * The command line: one file per command, shared pieces here.
 *
 * Rules: results on stdout, everything else on stderr; one clear line per error;
 * --json prints exactly one object; unknown options print the usage and exit 2.
 */
#ifndef CENO_API_CLI_H
#define CENO_API_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ceno_exit {
	CENO_EXIT_OK = 0,
	CENO_EXIT_FAILURE = 1, /* the command failed (verify: see its own list) */
	CENO_EXIT_USAGE = 2,
	CENO_EXIT_TIMEOUT = 124,        /* run: --timeout, as timeout(1) does */
	CENO_EXIT_RUN_FAILED = 125,     /* run, exec: refused, failed, or no proof could be kept */
	CENO_EXIT_NOT_EXECUTABLE = 126, /* run: not a static x86-64 ELF program, or not readable */
	CENO_EXIT_NOT_FOUND = 127       /* run: no such program */
};

struct ceno_cli_command {
	const char *name, *title; /* title: what its argv[0] becomes */
	int (*run)(int argc, char **argv);
};

/* Runs the command that argv[1] names (argc at least 2) with what follows it; its exit status, or -1: the table
 * has none of that name. */
int ceno_cli_dispatch(const struct ceno_cli_command *commands, size_t count, int argc, char **argv);

/* Each command: argv[0] is "ceno <command>"; returns the exit status. */
int ceno_command_run(int argc, char **argv);
int ceno_command_exec(int argc, char **argv);
int ceno_command_destroy(int argc, char **argv);
int ceno_command_ls(int argc, char **argv);
int ceno_command_verify(int argc, char **argv);
int ceno_proof_cert(int argc, char **argv); /* ceno proof cert */
int ceno_command_proof(int argc, char **argv);
int ceno_command_audit(int argc, char **argv);
int ceno_command_measure(int argc, char **argv);
int ceno_command_attest(int argc, char **argv);
int ceno_command_image(int argc, char **argv);
int ceno_command_doctor(int argc, char **argv);
int ceno_command_version(int argc, char **argv);

/* Prints "ceno <what>: ..." and a newline on stderr. */
__attribute__((format(printf, 1, 2))) void ceno_cli_error(const char *format, ...);

/* Prints usage on stdout (asked for) or stderr and returns the exit status. */
int ceno_cli_usage(const char *usage, bool asked);

/* Prints one JSON object and a newline on stdout; `object` stolen. The exit status: 0, or FAILURE when it did not fit. */
int ceno_cli_print_json(json_t *object);

/* Writes all of `bytes` to `fd`. 0 or -errno. */
int ceno_cli_write_all(int fd, const void *bytes, size_t length);

/* Fills `out` from the kernel's random generator; exits the process if there is none. */
void ceno_cli_random(void *out, size_t bytes);

#endif
