/*
 * Complete, valid proofs made in a test: a session key, a log, and a P-256 key in
 * the place of a TPM's attestation key, with real quote bytes built here. Every
 * stage can be redone after a change, so a test can forge as far as an attacker
 * without the pinned keys (or with some of them) could.
 *
 *   fixture_init -> statement ready       fixture_sign   payload, session signature
 *   fixture_roots  memory roots           fixture_log    step 8, leaves, checkpoint, inclusion
 *   fixture_quote  AK signature           fixture_write  file
 *   fixture_redo   all of these in order
 */
#ifndef CENO_TESTS_PROOF_FIXTURE_H
#define CENO_TESTS_PROOF_FIXTURE_H

#include <openssl/evp.h>
#include "attest/log/log.h"
#include "attest/proof/proof.h"
#include "attest/proof/schema.h"
#include "attest/verify/verify.h"

struct fixture {
	uint8_t session_secret[64];
	uint8_t log_secret[64];
	EVP_PKEY *ak, *second_ak; /* second: of another TPM */
	EVP_PKEY *signing_ak;     /* which of them quotes */
	struct ceno_proof_statement statement;
	uint8_t chain[9][32];
	uint8_t payload[CENO_PAYLOAD_MAX];
	size_t payload_bytes;
	uint8_t signature[64];
	uint32_t launch_after_cdp; /* 1: log the launch leaf last */
	uint32_t foreign_leaves;   /* leaves of other sessions before ours */
	/* log_size 0: a few leaves around ours. Else a log of that many, launch and cdp at these places. */
	uint32_t log_size, launch_at, cdp_at;
	uint32_t log_count;
	uint8_t leaves[2048][32]; /* of the log, log_count of them */
	struct ceno_proof_seal seal;
	/* Quote fields that a test may change before fixture_quote. */
	uint32_t magic, reset_count, restart_count;
	uint16_t type;
	uint8_t selection[3];
	uint64_t clock_ms;
	uint32_t with_nv;
	/* Called when step 8 is complete but not hashed; when node and nv are but the quote is not made. */
	void (*on_step8)(struct fixture *f);
	void (*on_node)(struct fixture *f);
	uint8_t file[CENO_CDP_FILE_MAX];
	size_t file_bytes;
	struct ceno_verify_pins pins; /* pins the fixture's node */
};

/* A valid statement (not yet hashed or signed) and fresh state. Keys are the same in every call
 * too: the same calls make the same bytes. */
void fixture_init(struct fixture *f);

/* Memory roots for the statement's bitmap, passes and challenge. */
void fixture_roots(struct fixture *f);

/* Chain, payload and session signature. */
void fixture_sign(struct fixture *f);

/* DSSE signature over f->payload as it is. */
void fixture_sign_payload(struct fixture *f);

/* step 8 from payload and signature, then c8. */
void fixture_step8(struct fixture *f);

/* Leaves of launch and cdp among others, checkpoint, both inclusion proofs. */
void fixture_log(struct fixture *f);

/* Sign the root of the leaves again, as if the log had `size`. */
void fixture_checkpoint(struct fixture *f, uint64_t size);

/* Quote (and NV certificate if with_nv) over the checkpoint by signing_ak, which node.ak_public names. */
void fixture_quote(struct fixture *f);

/* Sign seal.quote.attest and seal.nv.attest again as they are. */
void fixture_sign_quote(struct fixture *f);

void fixture_write(struct fixture *f);

/* fixture_roots to fixture_write. */
void fixture_redo(struct fixture *f);

/* fixture_sign to fixture_write, memory roots as they are. */
void fixture_redo_signed(struct fixture *f);

/* TPMT_PUBLIC of a P-256 AK. */
uint32_t fixture_ak_public(EVP_PKEY *key, uint8_t out[CENO_PROOF_AK_PUBLIC_MAX]);

#endif
