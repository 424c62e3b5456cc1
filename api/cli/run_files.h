/* What a `ceno run` command line brings into the guest: program, inputs and argument block, opened and checked. */
#ifndef CENO_API_CLI_RUN_FILES_H
#define CENO_API_CLI_RUN_FILES_H

#include "program.h"
#include "run_options.h"

struct ceno_run_files {
	struct ceno_cli_file files[CENO_SESSION_FILES_MAX]; /* the program first, if it is the caller's */
	uint32_t count, program_count;                      /* program_count: 0 or 1 of them */
	char program_path[4096];                            /* in the guest */
	int args_fd;                                        /* owned memfd, -1: closed */
	uint64_t args_bytes;
};

/* Opens all of it. options: borrowed; program[0] becomes the argv[0] that the program sees.
 * Returns CENO_EXIT_OK, or an exit status of cli.h with a line in `error` (CENO_PROGRAM_ERROR_MAX); close in
 * either case. */
int ceno_run_files_open(struct ceno_run_files *in, struct ceno_run_options *options, char *error);

/* Whether a file that is to appear at `path` (NULL: none) takes the place of none of them, under any name.
 * CENO_EXIT_OK, or CENO_EXIT_RUN_FAILED with a line in `error` (CENO_PROGRAM_ERROR_MAX). */
int ceno_run_files_spare(const struct ceno_run_files *in, const char *path, char *error);

/* Closes every descriptor; fine twice. */
void ceno_run_files_close(struct ceno_run_files *in);

#endif
