/*
 * The two TPM structures a proof carries, parsed byte by byte: TPMT_PUBLIC of an
 * ECC key and TPMS_ATTEST of a quote or an NV certification (TPM 2.0 Library
 * part 2, 12.2.4 and 10.12). Every byte is accounted for; what is longer, shorter
 * or of another shape is malformed. Internal to attest/verify.
 */
#ifndef CENO_VERIFY_TPM_H
#define CENO_VERIFY_TPM_H

#include <stddef.h>
#include <stdint.h>

#define CENO_TPM_GENERATED       0xff544347u
#define CENO_TPM_ST_ATTEST_QUOTE 0x8018u
#define CENO_TPM_ST_ATTEST_NV    0x8014u
#define CENO_TPM_ALG_SHA256      0x000bu
#define CENO_TPM_ALG_ECDSA       0x0018u
#define CENO_TPM_ALG_ECC         0x0023u
#define CENO_TPM_ALG_NULL        0x0010u
#define CENO_TPM_ECC_NIST_P256   0x0003u
#define CENO_TPM_RH_ENDORSEMENT  0x4000000bu

/* TPMA_OBJECT, part 2, 8.3 */
#define CENO_TPMA_FIXED_TPM             (1u << 1)
#define CENO_TPMA_FIXED_PARENT          (1u << 4)
#define CENO_TPMA_SENSITIVE_DATA_ORIGIN (1u << 5)
#define CENO_TPMA_RESTRICTED            (1u << 16)
#define CENO_TPMA_DECRYPT               (1u << 17)
#define CENO_TPMA_SIGN                  (1u << 18)

struct ceno_tpm_public { /* TPMT_PUBLIC, type ECC */
	uint16_t type, name_alg;
	uint32_t attributes;
	uint16_t scheme, scheme_hash; /* scheme_hash 0 if the scheme is NULL */
	uint16_t curve;
	uint8_t x[32], y[32]; /* only for a P-256 key; coordinates of exactly 32 bytes */
};

struct ceno_tpm_attest { /* TPMS_ATTEST */
	uint32_t magic;
	uint16_t type;
	uint16_t signer_bytes, extra_bytes;
	const uint8_t *signer; /* qualified name; borrowed from the input, like the rest */
	const uint8_t *extra;
	uint64_t clock_ms;
	uint32_t reset_count, restart_count;
	uint8_t safe;
	uint64_t firmware;
	/* QUOTE */
	uint32_t selection_count;
	uint16_t selection_hash; /* of the first and only selection */
	uint8_t selection_bytes, selection[8];
	uint16_t digest_bytes;
	const uint8_t *digest;
	/* NV */
	uint16_t index_bytes, offset, contents_bytes;
	const uint8_t *index_name, *contents;
};

/* Parse; input hostile. Returns 0, or -1: malformed, or bytes left over (what was read until then is
 * filled, the rest zeros). Shape only: values such as magic and type are for the caller to judge.
 * type: ATTEST_QUOTE or ATTEST_NV, whose shape the attested part must have, whatever it says it is. */
int ceno_tpm_public_parse(const uint8_t *bytes, size_t length, struct ceno_tpm_public *pub);
int ceno_tpm_attest_parse(const uint8_t *bytes, size_t length, uint16_t type, struct ceno_tpm_attest *attest);

/* ECDSA P-256 with SHA-256 over message. signature: r | s. Returns 1 valid, 0 not. */
int ceno_tpm_ecdsa_verify(const struct ceno_tpm_public *pub, const uint8_t *message, size_t length,
                          const uint8_t signature[64]);

/* The same, and s is at most half the group's order. */
int ceno_tpm_ecdsa_verify_low(const struct ceno_tpm_public *pub, const uint8_t *message, size_t length,
                              const uint8_t signature[64]);

#endif
