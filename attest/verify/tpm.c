/*
 * Parser of TPM structures and the one signature scheme (tpm.h). A cursor that
 * fails once stays failed and yields zeros, so each structure reads top to bottom
 * and is judged once at its end.
 */
#include "tpm.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

struct cursor {
	const uint8_t *at;
	size_t left;
	int failed;
};

static const uint8_t *take(struct cursor *c, size_t n)
{
	const uint8_t *p = c->at;
	if (c->failed || c->left < n) {
		c->failed = 1;
		return NULL;
	}
	c->at += n;
	c->left -= n;
	return p;
}

static uint64_t take_be(struct cursor *c, size_t n)
{
	const uint8_t *p = take(c, n);
	uint64_t v = 0;
	for (size_t i = 0; p != NULL && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static uint8_t take8(struct cursor *c)
{
	return (uint8_t)take_be(c, 1);
}
static uint16_t take16(struct cursor *c)
{
	return (uint16_t)take_be(c, 2);
}
static uint32_t take32(struct cursor *c)
{
	return (uint32_t)take_be(c, 4);
}
static uint64_t take64(struct cursor *c)
{
	return take_be(c, 8);
}

/* TPM2B: length, bytes. */
static const uint8_t *take2b(struct cursor *c, uint16_t *length)
{
	*length = take16(c);
	const uint8_t *p = take(c, *length);
	if (p == NULL)
		*length = 0;
	return p;
}

static int done(const struct cursor *c)
{
	return c->failed || c->left != 0 ? -1 : 0;
}

static void take_coordinate(struct cursor *c, uint8_t out[32])
{
	uint16_t n;
	const uint8_t *p = take2b(c, &n);
	if (p == NULL || n != 32)
		c->failed = 1;
	else
		memcpy(out, p, 32);
}

int ceno_tpm_public_parse(const uint8_t *bytes, size_t length, struct ceno_tpm_public *pub)
{
	struct cursor c = { bytes, length, 0 };
	uint16_t policy;
	memset(pub, 0, sizeof(*pub));
	pub->type = take16(&c);
	pub->name_alg = take16(&c);
	pub->attributes = take32(&c);
	(void)take2b(&c, &policy);
	if (pub->type != CENO_TPM_ALG_ECC || take16(&c) != CENO_TPM_ALG_NULL) /* symmetric: none in a signing key */
		return -1;
	pub->scheme = take16(&c);
	if (pub->scheme != CENO_TPM_ALG_NULL)
		pub->scheme_hash = take16(&c);
	pub->curve = take16(&c);
	if (take16(&c) != CENO_TPM_ALG_NULL) /* kdf */
		return -1;
	take_coordinate(&c, pub->x);
	take_coordinate(&c, pub->y);
	return done(&c);
}

static void take_quote(struct cursor *c, struct ceno_tpm_attest *a)
{
	a->selection_count = take32(c);
	if (a->selection_count != 1) { /* TPML_PCR_SELECTION: we quote one bank */
		c->failed = 1;
		return;
	}
	a->selection_hash = take16(c);
	a->selection_bytes = take8(c);
	const uint8_t *p = take(c, a->selection_bytes);
	if (p == NULL || a->selection_bytes > sizeof(a->selection)) {
		c->failed = 1;
		a->selection_bytes = 0;
		return;
	}
	memcpy(a->selection, p, a->selection_bytes);
	a->digest = take2b(c, &a->digest_bytes);
}

int ceno_tpm_attest_parse(const uint8_t *bytes, size_t length, uint16_t type, struct ceno_tpm_attest *a)
{
	struct cursor c = { bytes, length, 0 };
	memset(a, 0, sizeof(*a));
	a->magic = take32(&c);
	a->type = take16(&c);
	a->signer = take2b(&c, &a->signer_bytes);
	a->extra = take2b(&c, &a->extra_bytes);
	a->clock_ms = take64(&c);
	a->reset_count = take32(&c);
	a->restart_count = take32(&c);
	a->safe = take8(&c);
	a->firmware = take64(&c);
	if (a->safe > 1) /* TPMI_YES_NO */
		return -1;
	if (type == CENO_TPM_ST_ATTEST_QUOTE) {
		take_quote(&c, a);
	} else {
		a->index_name = take2b(&c, &a->index_bytes);
		a->offset = take16(&c);
		a->contents = take2b(&c, &a->contents_bytes);
	}
	return done(&c);
}

static EVP_PKEY *load_key(const struct ceno_tpm_public *pub)
{
	char group[] = "prime256v1";
	uint8_t point[65] = { 4 };
	EVP_PKEY *key = NULL;
	memcpy(point + 1, pub->x, 32);
	memcpy(point + 33, pub->y, 32);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	/* OpenSSL refuses a point that is not on the curve here. */
	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* r | s as the DER that OpenSSL wants. Returns its length or 0. */
static int to_der(const uint8_t signature[64], unsigned char **der)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, 32, NULL), *s = BN_bin2bn(signature + 32, 32, NULL);
	int n = 0;
	if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
		n = i2d_ECDSA_SIG(sig, der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(sig);
	return n > 0 ? n : 0;
}

/* s at most half the order: the one spelling that a proof may have. */
static int s_is_low(const uint8_t signature[64])
{
	static const uint8_t half[32] = { 0x7f, 0xff, 0xff, 0xff, 0x80, 0,    0,    0,    0x7f, 0xff, 0xff,
		                          0xff, 0xff, 0xff, 0xff, 0xff, 0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b,
		                          0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8 };
	return memcmp(signature + 32, half, 32) <= 0;
}

int ceno_tpm_ecdsa_verify_low(const struct ceno_tpm_public *pub, const uint8_t *message, size_t length,
                              const uint8_t signature[64])
{
	return s_is_low(signature) && ceno_tpm_ecdsa_verify(pub, message, length, signature);
}

int ceno_tpm_ecdsa_verify(const struct ceno_tpm_public *pub, const uint8_t *message, size_t length,
                          const uint8_t signature[64])
{
	unsigned char *der = NULL;
	EVP_PKEY *key = load_key(pub);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int n = to_der(signature, &der), ok = 0;
	if (key != NULL && md != NULL && n > 0 &&
	    EVP_DigestVerifyInit_ex(md, NULL, "SHA256", NULL, NULL, key, NULL) == 1)
		ok = EVP_DigestVerify(md, der, (size_t)n, message, length) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	return ok;
}
