/* ceno attest --enrol: this verifier's own proof that a node's seal AK lives in a certain TPM. */
#ifndef CENO_API_CLI_ENROL_H
#define CENO_API_CLI_ENROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ceno_enrol {
	const char *socket; /* NULL: the node's own */
	const char *roots;  /* PEM file of TPM makers' certificates that the caller trusts, or NULL */
	const char *
	    intermediates; /* PEM file of certificates between those and the TPM's, beside what the node has, or NULL */
	const char *kind;  /* vtpm, ftpm, dtpm: what the caller says that TPM is */
	bool has_ek;
	uint8_t ek[32]; /* SHA-256 of the endorsement key's TPMT_PUBLIC that the caller knows otherwise */
	unsigned days;  /* the line is good for, at most as long as the certificate */
};

#define CENO_ENROL_ERROR_MAX 256

struct ceno_enrol_keys { /* of the node's answer */
	uint8_t ek[512], certificate[4096], chain[8192], seal_ak[512];
	size_t ek_bytes, certificate_bytes, chain_bytes, seal_ak_bytes; /* chain: unchecked, DER one behind the other */
};

/* Read the node's answer (JSON, hostile). 0, or -1 with a line in error. */
int ceno_enrol_parse(const char *text, struct ceno_enrol_keys *keys, char *error);

/* Is the endorsement key one that the caller trusts: by a certificate that roots vouch for, over any number of
 * intermediates, and that is about exactly this key, or by its digest? until: seconds since 1970, shortened to the first end of a certificate on the way. 0, or -1. */
int ceno_enrol_trust(const struct ceno_enrol *ask, const struct ceno_enrol_keys *keys, int64_t *until, char *error);

/* The whole exchange; prints the policy line. Returns the exit status. */
int ceno_enrol_run(const struct ceno_enrol *ask);

#endif
