/*
 * The command line: one file per command, shared pieces here.
 *
 * Rules: results on stdout, everything else on stderr; one clear line per error; --json prints
 * exactly one object; a wrong command line is one line of usage, the reason, and exit 2 (options.h);
 * nothing foreign is printed raw (text.h).
 */
#ifndef CENO_API_CLI_H
#define CENO_API_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ceno_exit {
	CENO_EXIT_OK = 0,
	CENO_EXIT_FAILURE = 1,          /* the command failed (verify: see its own list) */
	CENO_EXIT_USAGE = 2,            /* the command line is wrong, on any machine; nothing was done */
	CENO_EXIT_TIMEOUT = 124,        /* run: --timeout, as timeout(1) does */
	CENO_EXIT_RUN_FAILED = 125,     /* run, exec: refused, failed, or not all of it could be kept or written */
	CENO_EXIT_NOT_EXECUTABLE = 126, /* run, exec: there, but not to be run */
	CENO_EXIT_NOT_FOUND = 127       /* run, exec: no such program */
};

struct ceno_cli_command {
	const char *name, *title; /* title: what its argv[0] becomes */
	int (*run)(int argc, char **argv);
	int unwritten; /* its exit status if standard output took not all of it */
};

/* Runs the command that argv[1] names with what follows it, and sees that standard output took what
 * it printed. usage: of the whole, printed for --help. Returns the exit status. */
int ceno_cli_dispatch(const struct ceno_cli_command *commands, size_t count, const char *usage, int argc, char **argv);

/* Before anything is opened: 0, 1 and 2 that the caller closed are taken, so that nothing else gets
 * these numbers. Closed input is empty; of closed output every write fails, as it should. */
void ceno_cli_stdio_begin(void);
/* After everything: 0, or `failed` after a line if standard output did not take what was printed. */
int ceno_cli_stdio_end(int failed);

/* Each command: argv[0] is "ceno <command>"; returns the exit status. */
int ceno_command_run(int argc, char **argv);
int ceno_command_narrow(int argc, char **argv);
int ceno_command_exec(int argc, char **argv);
int ceno_command_destroy(int argc, char **argv);
int ceno_command_ls(int argc, char **argv);
int ceno_command_verify(int argc, char **argv);
int ceno_proof_cert(int argc, char **argv); /* ceno proof cert */
int ceno_proof_show(int argc, char **argv); /* ceno proof show */
int ceno_command_proof(int argc, char **argv);
int ceno_command_audit(int argc, char **argv);
int ceno_command_measure(int argc, char **argv);
int ceno_command_attest(int argc, char **argv);
int ceno_command_tpm(int argc, char **argv);
int ceno_command_image(int argc, char **argv);
int ceno_command_doctor(int argc, char **argv);
int ceno_command_version(int argc, char **argv);

/* One line on stderr: "ceno: ...", escaped (text.h). */
__attribute__((format(printf, 1, 2))) void ceno_cli_error(const char *format, ...);

/* Prints one JSON object and a newline on stdout; `object` stolen. The exit status: 0, or FAILURE (said): no memory. */
int ceno_cli_print_json(json_t *object);

/* Writes all of `bytes` to `fd`. 0 or -errno. */
int ceno_cli_write_all(int fd, const void *bytes, size_t length);

/* Fills `out` from the kernel's random generator; exits the process if there is none. */
void ceno_cli_random(void *out, size_t bytes);

#endif
