/* TPM2_MakeCredential; credential.h says what it is for. */
#include "credential.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <string.h>

/* The default templates up to `unique` (TCG EK Credential Profile, L-2 and L-1); nothing else is taken. */
#define POLICY \
	"\x83\x71\x97\x67\x44\x84\xb3\xf8\x1a\x90\xcc\x8d\x46\xa5\xd7\x24\xfd\x52\xd7\x6e\x06\x52\x0b\x64\xf2\xa1\xda" \
	"\x1b\x33\x14\x69\xaa"
static const char ecc_head[] =
    "\x00\x23\x00\x0b\x00\x03\x00\xb2\x00\x20" POLICY "\x00\x06\x00\x80\x00\x43\x00\x10\x00\x03\x00\x10";
static const char rsa_head[] =
    "\x00\x01\x00\x0b\x00\x03\x00\xb2\x00\x20" POLICY "\x00\x06\x00\x80\x00\x43\x00\x10\x08\x00\x00\x00\x00\x00";
#define HEAD_ECC (sizeof(ecc_head) - 1)
#define HEAD_RSA (sizeof(rsa_head) - 1)

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *build)
{
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params = build ? OSSL_PARAM_BLD_to_param(build) : NULL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

	if (!params || !context || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	return key;
}

static EVP_PKEY *ecc_key(const uint8_t *x, const uint8_t *y)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	uint8_t point[65] = { 4 };

	memcpy(point + 1, x, 32);
	memcpy(point + 33, y, 32);
	if (build)
		(void)(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
		       OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point));
	return from_params("EC", build);
}

static EVP_PKEY *rsa_key(const uint8_t *modulus)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(modulus, 256, NULL), *e = BN_new();
	EVP_PKEY *key = NULL;

	if (build && n && e && BN_set_word(e, 65537) && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
		key = from_params("RSA", build);
	else
		OSSL_PARAM_BLD_free(build);
	BN_free(n);
	BN_free(e);
	return key;
}

/* The key in a TPMT_PUBLIC of either template; NULL: neither. A modulus that is even or shorter than it says is no
 * key, though OpenSSL takes it for one until something is to be encrypted. */
static EVP_PKEY *ek_key(const uint8_t *ek, size_t bytes)
{
	if (bytes == HEAD_ECC + 68 && !memcmp(ek, ecc_head, HEAD_ECC) && !memcmp(ek + HEAD_ECC, "\0\x20", 2) &&
	    !memcmp(ek + HEAD_ECC + 34, "\0\x20", 2))
		return ecc_key(ek + HEAD_ECC + 2, ek + HEAD_ECC + 36);
	if (bytes == HEAD_RSA + 258 && !memcmp(ek, rsa_head, HEAD_RSA) && !memcmp(ek + HEAD_RSA, "\1\0", 2) &&
	    (ek[HEAD_RSA + 2] & 0x80) && (ek[bytes - 1] & 1))
		return rsa_key(ek + HEAD_RSA + 2);
	return NULL;
}

size_t ceno_credential_spki(const uint8_t *ek, size_t ek_bytes, uint8_t out[512])
{
	EVP_PKEY *key = ek_key(ek, ek_bytes);
	unsigned char *at = out;
	int n = key ? i2d_PUBKEY(key, NULL) : 0;

	if (n > 0 && n <= 512)
		i2d_PUBKEY(key, &at);
	else
		n = 0;
	EVP_PKEY_free(key);
	return (size_t)n;
}

/* KDFa (part 1, 11.4.10.2): at most one block of SHA-256. context: may be NULL. */
static void kdfa(const uint8_t key[32], const char *label, const uint8_t *context, size_t context_bytes, uint32_t bits,
                 uint8_t out[32])
{
	uint8_t message[128] = { 0, 0, 0, 1 };
	size_t n = 4;

	memcpy(message + n, label, strlen(label) + 1);
	n += strlen(label) + 1;
	if (context)
		memcpy(message + n, context, context_bytes);
	n += context_bytes;
	for (int shift = 24; shift >= 0; shift -= 8)
		message[n++] = (uint8_t)(bits >> shift);
	crypto_auth_hmacsha256(out, message, n, key);
}

/* Z of an ephemeral key with ek. ephemeral: x | y. */
static int exchange(EVP_PKEY *ek, uint8_t ephemeral[64], uint8_t z[32])
{
	EVP_PKEY *mine = EVP_EC_gen("P-256");
	EVP_PKEY_CTX *context = mine ? EVP_PKEY_CTX_new(mine, NULL) : NULL;
	uint8_t point[65];
	size_t n = 0, length = 32;
	int rc = -1;

	if (context && EVP_PKEY_get_octet_string_param(mine, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &n) == 1 &&
	    n == 65 && EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, ek) == 1 &&
	    EVP_PKEY_derive(context, z, &length) == 1 && length == 32) {
		memcpy(ephemeral, point + 1, 64);
		rc = 0;
	}
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(mine);
	return rc;
}

/* The seed and its transport for an ECC EK: KDFe (part 1, 11.4.10.3) over Z and both x. */
static int seed_by_ecc(EVP_PKEY *key, const uint8_t *ek_x, uint8_t seed[32], struct ceno_credential *out)
{
	uint8_t message[4 + 32 + 9 + 64] = { 0, 0, 0, 1 }, ephemeral[64], z[32];

	if (exchange(key, ephemeral, z))
		return -1;
	memcpy(message + 4, z, 32);
	memcpy(message + 36, "IDENTITY", 9);
	memcpy(message + 45, ephemeral, 32);
	memcpy(message + 77, ek_x, 32);
	crypto_hash_sha256(seed, message, sizeof message);
	memcpy(out->secret, "\0\x20", 2);
	memcpy(out->secret + 2, ephemeral, 32);
	memcpy(out->secret + 34, "\0\x20", 2);
	memcpy(out->secret + 36, ephemeral + 32, 32);
	out->secret_bytes = 68;
	sodium_memzero(message, sizeof message);
	sodium_memzero(z, sizeof z);
	return 0;
}

/* The same for an RSA EK: a random seed by OAEP with SHA-256 and the label IDENTITY, its zero byte included. */
static int seed_by_rsa(EVP_PKEY *key, uint8_t seed[32], struct ceno_credential *out)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	unsigned char *label = OPENSSL_memdup("IDENTITY", 9); /* moved in on success */
	size_t n = sizeof out->secret;
	int rc = -1;

	randombytes_buf(seed, 32);
	if (context && label && EVP_PKEY_encrypt_init(context) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1 &&
	    EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1 &&
	    EVP_PKEY_CTX_set0_rsa_oaep_label(context, label, 9) == 1) {
		label = NULL;
		rc = EVP_PKEY_encrypt(context, out->secret, &n, seed, 32) == 1 && n == 256 ? 0 : -1;
	}
	OPENSSL_free(label);
	EVP_PKEY_CTX_free(context);
	out->secret_bytes = 256;
	return rc;
}

/* value under the seed: AES-128-CFB, then HMAC over that and the name (part 1, 24.4 and 24.5). */
static int wrap(const uint8_t seed[32], const uint8_t name[32], const uint8_t value[32], uint8_t blob[68])
{
	static const uint8_t zero_iv[16];
	uint8_t full_name[34] = { 0x00, 0x0b }, key[32], plain[34] = { 0, 32 }, signed_part[68];
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	int n = 0, rc = -1;

	memcpy(full_name + 2, name, 32);
	memcpy(plain + 2, value, 32);
	kdfa(seed, "STORAGE", full_name, sizeof full_name, 128, key);
	if (cipher && EVP_EncryptInit_ex(cipher, EVP_aes_128_cfb128(), NULL, key, zero_iv) == 1 &&
	    EVP_EncryptUpdate(cipher, blob + 34, &n, plain, sizeof plain) == 1 && n == 34)
		rc = 0;
	EVP_CIPHER_CTX_free(cipher);
	memcpy(signed_part, blob + 34, 34);
	memcpy(signed_part + 34, full_name, 34);
	kdfa(seed, "INTEGRITY", NULL, 0, 256, key);
	memcpy(blob, "\0\x20", 2);
	crypto_auth_hmacsha256(blob + 2, signed_part, sizeof signed_part, key);
	sodium_memzero(key, sizeof key);
	sodium_memzero(plain, sizeof plain);
	return rc;
}

int ceno_credential_make(const uint8_t *ek, size_t ek_bytes, const uint8_t name[32], const uint8_t value[32],
                         struct ceno_credential *out)
{
	EVP_PKEY *key = ek_key(ek, ek_bytes);
	uint8_t seed[32];
	int rc = -1;

	memset(out, 0, sizeof *out);
	if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
		rc = seed_by_ecc(key, ek + HEAD_ECC + 2, seed, out);
	else if (key)
		rc = seed_by_rsa(key, seed, out);
	if (!rc)
		rc = wrap(seed, name, value, out->blob);
	sodium_memzero(seed, sizeof seed);
	EVP_PKEY_free(key);
	return rc;
}
