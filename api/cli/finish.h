/*
 * What the command line does with a proof it just got: keep it, check it, know
 * the node, tell the user. Shared by run and destroy.
 */
#ifndef CENO_API_CLI_FINISH_H
#define CENO_API_CLI_FINISH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "attest/verify/verify.h"
#include "guest-kernel/abi/layout.h"
#include "proof_file.h"

struct ceno_finish {
	const char *socket;   /* node the proof came from; NULL default */
	const uint8_t *nonce; /* 32 bytes that must be in it; NULL not asked */
	bool checked;         /* result is valid */
	bool newly_pinned;
	struct ceno_verify_policy policy;
	struct ceno_verify_result result;
	char note[256];     /* about pinning; "" nothing to say */
	bool trail_matches; /* the trail is the one the proof names */
	size_t trail_bytes; /* 0: the guest left none */
	uint8_t trail[CENO_TRAIL_BYTES];
	char trail_line[256]; /* what it says, "" nothing to say */
};

/* Checks `proof` against the user's pins. A node that is not pinned yet is asked
 * for its key over the socket it was reached by; if that key made the proof, it
 * is pinned (first use). Fills `finish`. */
void ceno_finish_check(struct ceno_finish *finish, const char *proof, size_t length);

/* Reads the trail that came with the session's end (memfd, borrowed; -1: none came), compares it
 * with the proof, which was checked, and audits it. */
void ceno_finish_trail(struct ceno_finish *finish, int fd);

/* The human summary on stderr: what ran, how it was contained, what was
 * destroyed, the verdict. `program` (may be NULL): the session.program notification. */
void ceno_finish_print(const struct ceno_finish *finish, const json_t *program, const json_t *ended,
                       const char *proof_path);

/* The same as one JSON object (new reference). */
json_t *ceno_finish_json(const struct ceno_finish *finish, json_t *program, json_t *ended, const char *proof_path,
                         int status);

#endif
