/*
 * RPC errors: JSON-RPC 2.0's own numbers and ours. Numbers are stable; the text
 * is the general meaning, `message` in a reply says the particular.
 */
#ifndef CENO_API_RPC_ERROR_H
#define CENO_API_RPC_ERROR_H

#define CENO_RPC_ERRORS(X) \
	X(PARSE, -32700, "not JSON, or JSON with duplicate keys") \
	X(REQUEST, -32600, "not a JSON-RPC 2.0 request") \
	X(METHOD, -32601, "no such method") \
	X(PARAMS, -32602, "wrong parameters") \
	X(INTERNAL, -32603, "the daemon could not serve this") \
	X(RATE, -32001, "more requests than the account's tier allows in a minute") \
	X(CONCURRENT, -32002, "more sessions at once than the account's tier allows") \
	X(QUOTA, -32003, "more proofs this month than the account's tier allows") \
	X(POLICY, -32004, "the session is against policy") \
	X(DESCRIPTORS, -32005, "another number of descriptors than the method takes") \
	X(SESSION, -32006, "no such session") \
	X(STATE, -32007, "not possible in the session's state") \
	X(REFUSED, -32008, "the node could not start the session") \
	X(FAILED, -32009, "the session failed before its program ran") \
	X(ATTEST, -32010, "the node's attestation is not available") \
	X(IMAGE, -32011, "no such image in the node") \
	X(IMAGE_BAD, -32012, "the image was not taken")

enum ceno_rpc_error {
	CENO_RPC_OK = 0,
#define CENO_RPC_ERROR_ENUM(name, number, text) CENO_RPC_##name = number,
	CENO_RPC_ERRORS(CENO_RPC_ERROR_ENUM)
#undef CENO_RPC_ERROR_ENUM
};

/* The general meaning, static; never NULL. */
const char *ceno_rpc_error_text(int error);

#endif
