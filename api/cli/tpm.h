/*
 * What a node says of its TPM, keys and epoch, checked where it can be: the quote, by its raw key over the
 * caller's nonce; the endorsement certificate, that it is about the endorsement key. Names are recomputed.
 */
#ifndef CENO_API_CLI_TPM_H
#define CENO_API_CLI_TPM_H

#include "attest/verify/verify.h"
#include "enrol.h"
#include "quote.h"

struct ceno_tpm_facts {
	struct ceno_node_quote quote;
	struct ceno_enrol_keys keys;
	uint8_t export_pub[32], identity_pub[32], event_log[32]; /* event_log zeros: none */
	uint64_t epoch_index, epoch_nv;                          /* nv 0: no counter */
	uint8_t epoch_leaf[32];                                  /* RFC 6962 leaf hash, recomputed from the parts */
};

#define CENO_TPM_FACTS_ERROR_MAX 256

/* Read and check both texts of a node (hostile JSON). Returns 0, or -1 with a line in error. */
int ceno_tpm_facts_read(const char *node, const char *endorsement, const uint8_t nonce[32],
                        struct ceno_tpm_facts *facts, char *error);

enum ceno_tpm_pinned { CENO_TPM_PIN_NEW, CENO_TPM_PIN_KNOWN, CENO_TPM_PIN_CONFLICT };

/* Add the node to pins; replace: drop what contradicts it first, else CONFLICT and no change. Pure. */
enum ceno_tpm_pinned ceno_tpm_facts_pin(struct ceno_verify_pins *pins, const struct ceno_tpm_facts *facts,
                                        bool replace);

/* Print them for people or as one JSON object; pin: a word on the user's pin. Returns an exit status. */
int ceno_tpm_facts_print(const struct ceno_tpm_facts *facts, const char *pin, bool json);

#endif
