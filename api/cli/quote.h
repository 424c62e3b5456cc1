/*
 * The node's answer to `ceno attest`, checked: a quote by its raw attestation key
 * over the caller's nonce. Pure; the answer is not trusted.
 */
#ifndef CENO_API_CLI_QUOTE_H
#define CENO_API_CLI_QUOTE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct ceno_node_quote {
	char origin[65], kind[16], manufacturer[32], vendor[64];
	bool own_swtpm;
	uint8_t ak_public[512], seal_ak_public[512];
	size_t ak_public_bytes, seal_ak_public_bytes;
	uint8_t log_pub[32], identity_pub[32]; /* identity zeros: a node that names none */
	uint8_t pcrs[16][32];
	uint64_t clock_ms;
	uint32_t reset_count, restart_count;
	uint64_t firmware;
};

#define CENO_NODE_QUOTE_ERROR_MAX 160

/* Reads the answer and checks the quote against `nonce`. 0, or -1 with the first
 * thing wrong in `error`. */
int ceno_node_quote_check(const char *text, size_t length, const uint8_t nonce[32], struct ceno_node_quote *out,
                          char *error);

#endif
