/*
 * A request, from bytes: JSON-RPC 2.0, one object a datagram, strict. Pure (no
 * I/O); everything here is client-controlled.
 *
 *   {"jsonrpc":"2.0","id":1,"method":"session.list","params":{...}}
 *
 * `id` is an integer from 0 to 2^53-1 or a string of 1 to 64 printable ASCII
 * characters; requests without an id, batches and unknown members are refused.
 * `params` is an object or absent.
 */
#ifndef CENO_API_RPC_REQUEST_H
#define CENO_API_RPC_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/proof/wire.h"

#include "api/ipc/packet.h"
#include "error.h"
#include "policy/session.h"
#include "vmm/warden/wire.h"

#define CENO_RPC_VERSION     1
#define CENO_RPC_REQUEST_MAX 65536u  /* bytes of a request */
#define CENO_RPC_REPLY_MAX   131072u /* bytes of a reply or notification */

struct ceno_rpc_request {
	json_t *id;         /* owned; NULL when the request has none that could be read */
	json_t *params;     /* owned object, maybe empty */
	const char *method; /* borrowed from `root` */
	json_t *root;       /* owned */
};

/* Parses a datagram. CENO_RPC_OK, CENO_RPC_PARSE or CENO_RPC_REQUEST; in every
 * case ceno_rpc_request_fini is due (id may be set for the error reply). */
int ceno_rpc_request_parse(const void *bytes, size_t length, struct ceno_rpc_request *request);
void ceno_rpc_request_fini(struct ceno_rpc_request *request);

/* ---- parameters, by method ------------------------------------------------ */

#define CENO_RPC_MESSAGE_MAX 160

#define CENO_RPC_IMAGE_MAX 64 /* with the NUL */

struct ceno_rpc_file {
	char path[CENO_PACK_PATH_MAX];
	uint64_t bytes;
	uint32_t mode; /* enum ceno_pack_mode | permission bits */
};

struct ceno_rpc_run {
	uint64_t memory_bytes, ttl_ms; /* 0: the tier's default */
	uint64_t args_bytes;
	uint32_t pledge_mask;
	bool pledge_errors; /* what is not pledged is an error for a program, not its end */
	uint32_t classification, jurisdiction;
	uint64_t passes; /* keyed passes over RAM at its end, 1 to 7 */
	bool hold, native;
	uint32_t terminal; /* rows << 16 | columns; 0: the streams are no terminal */
	uint8_t nonce[32]; /* zeros: none */
	bool has_image;
	char image[CENO_RPC_IMAGE_MAX]; /* a name, or the text of a content id */
	uint32_t share;                 /* enum ceno_image_share */
	uint32_t file_count;
	uint64_t files_bytes; /* sum */
	struct ceno_rpc_file files[CENO_SESSION_FILES_MAX];
};

/* Descriptors of session.run: the three streams, the argument block, the files. */
#define CENO_RPC_RUN_FIXED_FDS 4u

/* Each reads `params` into its struct: CENO_RPC_OK, or CENO_RPC_PARAMS with the
 * reason in `message` (CENO_RPC_MESSAGE_MAX bytes). Unknown members are refused. */
int ceno_rpc_run_parse(json_t *params, struct ceno_rpc_run *run, char *message);
int ceno_rpc_exec_parse(json_t *params, uint8_t session[16], uint64_t *args_bytes, char *message);
int ceno_rpc_resize_parse(json_t *params, uint8_t session[16], uint32_t *terminal, char *message);
/* classes: those of "pledge", at least one. */
int ceno_rpc_narrow_parse(json_t *params, uint8_t session[16], uint32_t *classes, char *message);
int ceno_rpc_session_parse(json_t *params, uint8_t session[16], char *message);
int ceno_rpc_list_parse(json_t *params, int64_t *before, int64_t *limit, char *message);
int ceno_rpc_attest_parse(json_t *params, uint8_t nonce[32], char *message);
int ceno_rpc_enrol_parse(json_t *params, struct ceno_attest_enrol_request *request, char *message);
int ceno_rpc_consistency_parse(json_t *params, uint64_t *size, char *message);
/* 1 to 64 bytes; zeros behind them. */
int ceno_rpc_report_parse(json_t *params, uint8_t data[64], char *message);
int ceno_rpc_leaf_parse(json_t *params, uint64_t *index, char *message);
int ceno_rpc_record_parse(json_t *params, uint8_t session[16], uint8_t commitment[32], char *message);
int ceno_rpc_image_parse(json_t *params, char image[CENO_RPC_IMAGE_MAX], char *message);
int ceno_rpc_empty_parse(json_t *params, char *message);

#endif
