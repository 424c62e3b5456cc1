/*
 * The options of a command, read in one way by all: --help, --json and --socket are handled here,
 * whatever is wrong with the command line is said here, as one line of usage and the reason, last.
 *
 *	struct ceno_options o = { .usage = usage, .table = table, .argc = argc, .argv = argv };
 *
 *	while ((option = ceno_options_next(&o)) >= 0)
 *		...                                       its value is in optarg
 *	if (o.status >= 0 || ceno_options_arguments(&o, 1, 1, "FILE"))
 *		return o.status;
 */
#ifndef CENO_API_CLI_OPTIONS_H
#define CENO_API_CLI_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

/* Values of the options that are handled here; a command's own are others. */
enum { CENO_OPTION_HELP = 0x1000, CENO_OPTION_JSON, CENO_OPTION_SOCKET };

/* Their rows; the last two end a table. */
#define CENO_OPTIONS_JSON \
	{ \
		"json", no_argument, NULL, CENO_OPTION_JSON \
	}
#define CENO_OPTIONS_SOCKET \
	{ \
		"socket", required_argument, NULL, CENO_OPTION_SOCKET \
	}
#define CENO_OPTIONS_END \
	{ "help", no_argument, NULL, CENO_OPTION_HELP }, \
	{ \
		0 \
	}

struct ceno_options {
	const char *usage;          /* what --help prints; its first line is what misuse prints */
	const struct option *table; /* ended by CENO_OPTIONS_END */
	const char *shorts;         /* as getopt's, without its marks; NULL none */
	bool program;               /* what follows the first argument is not ours */
	int argc;
	char **argv;
	/* Read by the caller: */
	const char *socket; /* --socket; NULL default */
	bool json;          /* --json */
	int status;         /* after the last option: -1 go on, else the exit status (said) */
	int first;          /* after the last option: argv's index of the first argument */
};

/* The next option that is the command's own, or -1: see `status`. Sets `status` before the first. */
int ceno_options_next(struct ceno_options *options);

/* Are there as many arguments as the command takes? 0, or -1 (said) with `status`. what: their names
 * in order, separated by spaces ("SESSION PROGRAM"). */
int ceno_options_arguments(struct ceno_options *options, int least, int most, const char *what);

/* Says that an option's value is wrong: "--OPTION takes TAKES, not `VALUE'" (value: optarg). Sets and
 * returns `status`. */
int ceno_options_bad(struct ceno_options *options, const char *option, const char *takes);

/* One line of usage and the reason on stderr; CENO_EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int ceno_options_misuse(const char *usage, const char *format, ...);

/* A command that has only --help, --json and --socket, and as many arguments: -1 to go on, or the exit status. */
int ceno_options_plain(struct ceno_options *options, int least, int most, const char *what);

#endif
