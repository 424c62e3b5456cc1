/* The command line of `ceno run`, checked as far as it can be without the node. */
#ifndef CENO_API_CLI_RUN_OPTIONS_H
#define CENO_API_CLI_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/session.h"
#include "program.h"

#define CENO_RUN_PROOF_DEFAULT "proof.cdp.json"

struct ceno_run_options {
	const char *socket; /* NULL default */
	const char *inputs[CENO_SESSION_FILES_MAX];
	uint32_t input_count;
	const char *env[CENO_ENV_MAX];
	uint32_t env_count;
	const char *proof;                                  /* NULL: no_proof */
	const char *trail;                                  /* NULL: the trail is thrown away */
	const char *opening;                                /* NULL: the commitment's opening is thrown away */
	const char *image;                                  /* NULL: none */
	const char *share;                                  /* NULL default */
	const char *output;                                 /* NULL: /out stays in the session */
	const char *workdir;                                /* in the guest; NULL: / */
	const char *pledge, *classification, *jurisdiction; /* NULL default */
	unsigned passes;                                    /* 0 default */
	uint64_t memory_bytes, ttl_ms, timeout_ms;          /* 0 default; 0: none */
	uint8_t nonce[32];
	bool has_nonce, native, hold, json, quiet, no_stdin, no_proof, tty;
	char **program; /* argv of the program, NULL-terminated */
	uint32_t program_count;
};

/* -1 to go on, else the exit status (said). */
int ceno_run_options_parse(int argc, char **argv, struct ceno_run_options *options);

#endif
