/*
 * TPM2_MakeCredential, done by the verifier itself: a secret that only the TPM with this
 * endorsement key can open, and only if it also holds the key of this name (TPM 2.0
 * Library part 1, annexes B.10 and C.6, section 24). Pure but for random bytes.
 */
#ifndef CENO_API_CLI_CREDENTIAL_H
#define CENO_API_CLI_CREDENTIAL_H

#include <stddef.h>
#include <stdint.h>

struct ceno_credential {
	uint8_t blob[68]; /* TPM2B_ID_OBJECT's bytes */
	uint8_t secret[256];
	size_t secret_bytes; /* 68 for an ECC key, 256 for RSA */
};

/*
 * ek: TPMT_PUBLIC of an endorsement key of the default templates (ECC P-256 or RSA 2048, AES-128-CFB,
 * SHA-256); hostile. name: digest part of the key's name. value: the 32 bytes to be opened.
 * Returns 0, or -1: not such a key, or out of memory.
 */
int ceno_credential_make(const uint8_t *ek, size_t ek_bytes, const uint8_t name[32], const uint8_t value[32],
                         struct ceno_credential *out);

/* The key of ek as SubjectPublicKeyInfo, to compare with a certificate. Returns its length, or 0 as above. */
size_t ceno_credential_spki(const uint8_t *ek, size_t ek_bytes, uint8_t out[512]);

#endif
