/*
 * What a verifier is asked in a test, as the texts that a user would give: rules,
 * reference values, a comparison. Each is read by the product's own parser and
 * kept, so that a corpus can carry it to other verifiers.
 */
#ifndef CENO_TESTS_ASKED_H
#define CENO_TESTS_ASKED_H

#include "attest/verify/verify.h"

#define ASKED_REFERENCES_MAX 4u

struct asked {
	char rules[8192];                            /* "": none */
	char references[ASKED_REFERENCES_MAX][8192]; /* used: reference_count */
	char compare[16384];                         /* "": none */
	uint32_t reference_count;
};

extern struct asked asked;

/* Nothing asked. */
void asked_reset(struct ceno_verify_policy *policy);

/* Lines (each with its LF) behind those of the policy file so far, and the policy that asks them. */
__attribute__((format(printf, 2, 3))) void asked_rule(struct ceno_verify_policy *policy, const char *format, ...);

/* A file of reference values: lines behind its first, signed by the key number `signer`. */
void asked_reference(struct ceno_verify_policy *policy, uint32_t signer, const char *lines);

/* A comparison, as it is. */
void asked_compare(struct ceno_verify_policy *policy, const char *text, size_t bytes);

/* Key `number` of tests: public in base64 (for a rule), secret. */
const char *asked_key(uint32_t number, uint8_t secret[64]);

/* A vouched line of an authority, key number `authority`, for an AK. ek NULL: none. */
void asked_vouch(char *line, size_t capacity, uint32_t authority, const uint8_t ak[32], uint32_t key, const uint8_t *ek,
                 uint64_t until);

#endif
