/*
 * proof.verify: the checks of `ceno verify` for who has no copy of it. A proof in, the same JSON out.
 * No account's quota is touched, nothing is kept, no memory root is recomputed; the answer is this
 * node's word, and worth as much. Pure but for static room: one at a time. Everything here is
 * client-controlled.
 */
#ifndef CENO_API_RPC_VERIFY_H
#define CENO_API_RPC_VERIFY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Requests a minute and account, besides what its tier allows: each takes some 3 ms of the daemon. */
#define CENO_RPC_VERIFY_PER_MINUTE 60u

struct ceno_rpc_verify {
	const char *proof, *pins, *policy; /* borrowed from the parameters; the last two NULL: not given */
	size_t proof_bytes, pins_bytes, policy_bytes;
	bool has_nonce, explain;
	uint8_t nonce[32];
	uint64_t as_of; /* unix seconds; 0: now */
};

/* As those of request.h: CENO_RPC_OK, or CENO_RPC_PARAMS with the reason in `message`. */
int ceno_rpc_verify_parse(json_t *params, struct ceno_rpc_verify *ask, char *message);

/* now: unix seconds. CENO_RPC_OK and *result, a new reference to the object that `ceno verify --json --mem none`
 * prints; CENO_RPC_PARAMS: pins or policy are malformed, `message` says where; CENO_RPC_INTERNAL: no memory. */
int ceno_rpc_verify(const struct ceno_rpc_verify *ask, uint64_t now, json_t **result, char *message);

#endif
