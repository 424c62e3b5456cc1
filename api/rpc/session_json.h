/*
 * What a client is told of a session, as JSON. Pure.
 */
#ifndef CENO_API_RPC_SESSION_JSON_H
#define CENO_API_RPC_SESSION_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/warden/wire.h"

struct ceno_session_end {
	const uint8_t *id;            /* 16 bytes */
	int state;                    /* enum ceno_state, final */
	uint32_t cause, violation;    /* enum ceno_cause, enum ceno_vmm_stop */
	bool launched, failed, wiped; /* wiped: by its warden, or checked by a recovery warden */
	uint32_t fail_code;           /* enum ceno_session_error */
	uint64_t fail_value;
	const char *fail_path;
	const uint8_t *file; /* the proof, ASCII JSON; NULL none */
	size_t file_bytes;
	uint64_t trail_bytes; /* of the trail that comes with it */
	uint32_t proof_error; /* enum ceno_attest_error, without a file */
};

/* A new reference, or NULL when out of memory. */
json_t *ceno_session_end_json(const struct ceno_session_end *end);
/* pledge_mask: the session's. */
json_t *ceno_session_program_json(const uint8_t id[16], const struct ceno_session_record *record, uint32_t pledge_mask);

/* One line for an enum ceno_session_error, static; NONE: the session ended before its program ran. */
const char *ceno_session_failure_text(uint32_t code);

/* One line for an errno by which the supervisor refuses a session; static or strerror's. */
const char *ceno_session_refusal_text(uint64_t error);

#endif
