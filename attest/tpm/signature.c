/*
 * Is what the TPM signed signed by our key? A TPM, or what sits between it and us, that
 * answers with something else is not to end a session's only chance of a proof.
 */
#include <string.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "attest/tpm/tpm_internal.h"

/* SubjectPublicKeyInfo of an uncompressed P-256 point, up to its x (RFC 5480). */
static const uint8_t spki_head[27] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
	                               0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
	                               0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };

/* A DER INTEGER of 32 big-endian bytes; its length, at most 35. */
static size_t put_integer(const uint8_t in[32], uint8_t *out)
{
	size_t skip = 0;
	while (skip < 31 && !in[skip])
		skip++;
	size_t sign = in[skip] >> 7, n = 32 - skip;
	out[0] = 0x02;
	out[1] = (uint8_t)(n + sign);
	out[2] = 0;
	memcpy(out + 2 + sign, in + skip, n);
	return 2 + sign + n;
}

static size_t signature_der(const struct ceno_tpm_quote *q, uint8_t out[72])
{
	size_t n = put_integer(q->r, out + 2);
	n += put_integer(q->s, out + 2 + n);
	out[0] = 0x30;
	out[1] = (uint8_t)n;
	return n + 2;
}

bool ceno_tpm_signed_by(const uint8_t point[64], const struct ceno_tpm_quote *q)
{
	uint8_t spki[sizeof(spki_head) + 64], der[72];
	const unsigned char *at = spki;
	memcpy(spki, spki_head, sizeof(spki_head));
	memcpy(spki + sizeof(spki_head), point, 64);
	size_t der_bytes = signature_der(q, der);
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, sizeof(spki));
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good = key && md && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestVerify(md, der, der_bytes, q->attest, q->attest_bytes) == 1;
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	return good;
}
