/*
 * Two facts out of a finished proof file, for the ledger: the session's public
 * key and why the session ended. Pure. The file comes from attest; it is not
 * verified here (the verifier does that), so the facts are only as good as attest.
 */
#ifndef CENO_API_RPC_PROOF_READ_H
#define CENO_API_RPC_PROOF_READ_H

#include <stddef.h>
#include <stdint.h>

struct ceno_proof_facts {
	uint8_t signer[32]; /* predicate.core.signer_pub */
	uint32_t cause;     /* enum ceno_cause of step 1 */
};

/* 0, or -1 when the file does not have the shape of a proof. */
int ceno_proof_read(const void *file, size_t bytes, struct ceno_proof_facts *facts);

#endif
