/*
 * One keyed pass over session RAM: key stream and read-back leaves (chunk.h).
 * AES-256-CTR and GCM come from OpenSSL, with one context each, keyed once;
 * continuing a stream or changing the GCM nonce does not expand the key again.
 * Where the CPU has wider instructions wide.c does both, and OpenSSL is not even
 * started (which would cost a process 1.5 ms).
 */
#include "proof.h"
#include "hash.h"
#include "wide.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* The key stream is the encryption of these. Never written, so all of it is the kernel's one zero
 * page, which stays in the nearest cache. */
static uint8_t zeros[CENO_PROOF_CHUNK];

struct ceno_proof_pass {
	EVP_CIPHER_CTX *ctr, *gcm;
	uint8_t number;
	uint8_t session_id[16];
	uint64_t next; /* gpa the stream stands at */
	int positioned;
	int is_wide;
	struct ceno_wide wide;
};

void ceno_proof_hkdf(const uint8_t key[32], const uint8_t *info, size_t info_bytes, uint8_t out[32])
{
	static const uint8_t salt[32], counter = 1;
	crypto_auth_hmacsha256_state s;
	uint8_t prk[32];
	crypto_auth_hmacsha256(prk, key, 32, salt);
	crypto_auth_hmacsha256_init(&s, prk, sizeof(prk));
	crypto_auth_hmacsha256_update(&s, info, info_bytes);
	crypto_auth_hmacsha256_update(&s, &counter, 1);
	crypto_auth_hmacsha256_final(&s, out);
	sodium_memzero(prk, sizeof(prk));
	sodium_memzero(&s, sizeof(s));
}

/* Key of this pass: info is the tag with its NUL, then u8 pass. */
static void pass_key(const uint8_t challenge[32], const char *tag, uint8_t number, uint8_t key[32])
{
	uint8_t info[32];
	size_t n = strlen(tag) + 1;
	memcpy(info, tag, n);
	info[n] = number;
	ceno_proof_hkdf(challenge, info, n + 1, key);
}

static int start_cipher(EVP_CIPHER_CTX **ctx, const char *name, const uint8_t key[32])
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	*ctx = EVP_CIPHER_CTX_new();
	int ok = cipher != NULL && *ctx != NULL && EVP_EncryptInit_ex2(*ctx, cipher, key, NULL, NULL) == 1;
	EVP_CIPHER_free(cipher);
	return ok ? 0 : CENO_PROOF_E_CRYPTO;
}

static struct ceno_proof_pass *pass_new(const uint8_t session_id[16], const uint8_t challenge[32], uint8_t number,
                                        int is_wide)
{
	uint8_t fill[32], mac[32];
	struct ceno_proof_pass *pass = calloc(1, sizeof(*pass));
	int rc = 0;
	if (pass == NULL)
		return NULL;
	memcpy(pass->session_id, session_id, 16);
	pass->number = number;
	pass->is_wide = is_wide;
	pass_key(challenge, "CDP/v1/fill", number, fill);
	pass_key(challenge, "CDP/v1/gmac", number, mac);
	if (is_wide)
		ceno_wide_init(&pass->wide, fill, mac);
	else if ((rc = start_cipher(&pass->ctr, "AES-256-CTR", fill)) == 0)
		rc = start_cipher(&pass->gcm, "AES-256-GCM", mac);
	sodium_memzero(fill, sizeof(fill));
	sodium_memzero(mac, sizeof(mac));
	if (rc != 0) {
		ceno_proof_pass_free(pass);
		return NULL;
	}
	return pass;
}

struct ceno_proof_pass *ceno_proof_pass_new(const uint8_t session_id[16], const uint8_t challenge[32], uint8_t number)
{
	return pass_new(session_id, challenge, number, ceno_wide_available());
}

struct ceno_proof_pass *ceno_proof_pass_new_portable(const uint8_t session_id[16], const uint8_t challenge[32],
                                                     uint8_t number)
{
	return pass_new(session_id, challenge, number, 0);
}

void ceno_proof_pass_free(struct ceno_proof_pass *pass)
{
	if (pass == NULL)
		return;
	EVP_CIPHER_CTX_free(pass->ctr); /* cleanses the expanded key */
	EVP_CIPHER_CTX_free(pass->gcm);
	sodium_memzero(pass, sizeof(*pass));
	free(pass);
}

static int seek(struct ceno_proof_pass *pass, uint64_t gpa)
{
	uint8_t counter[16] = { 0 };
	if (pass->positioned && pass->next == gpa)
		return 0;
	ceno_store_be64(counter + 8, gpa / 16);
	if (EVP_EncryptInit_ex2(pass->ctr, NULL, NULL, counter, NULL) != 1)
		return CENO_PROOF_E_CRYPTO;
	pass->positioned = 1;
	return 0;
}

int ceno_proof_pass_fill(struct ceno_proof_pass *pass, uint64_t gpa, uint8_t *out, size_t bytes)
{
	int n = 0;
	if (gpa % 16 != 0 || bytes % 16 != 0 || bytes > 1u << 30)
		return CENO_PROOF_E_CRYPTO;
	if (pass->is_wide) {
		ceno_wide_stream(&pass->wide, gpa / 16, out, bytes);
		return 0;
	}
	if (seek(pass, gpa) != 0)
		return CENO_PROOF_E_CRYPTO;
	for (size_t done = 0; done < bytes;) {
		size_t part = bytes - done < CENO_PROOF_CHUNK ? bytes - done : CENO_PROOF_CHUNK;
		if (EVP_EncryptUpdate(pass->ctr, out + done, &n, zeros, (int)part) != 1 || n != (int)part) {
			pass->positioned = 0;
			return CENO_PROOF_E_CRYPTO;
		}
		done += part;
	}
	pass->next = gpa + bytes;
	return 0;
}

static int openssl_gmac(struct ceno_proof_pass *pass, const uint8_t nonce[12], const uint8_t *chunk, uint8_t tag[16])
{
	uint8_t none[16];
	int n = 0;
	if (EVP_EncryptInit_ex2(pass->gcm, NULL, NULL, nonce, NULL) != 1 ||
	    EVP_EncryptUpdate(pass->gcm, NULL, &n, chunk, (int)CENO_PROOF_CHUNK) != 1 ||
	    EVP_EncryptFinal_ex(pass->gcm, none, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(pass->gcm, EVP_CTRL_AEAD_GET_TAG, 16, tag) != 1)
		return CENO_PROOF_E_CRYPTO;
	return 0;
}

int ceno_proof_pass_leaf(struct ceno_proof_pass *pass, uint64_t gpa, const uint8_t *chunk, uint8_t leaf[32])
{
	uint8_t nonce[12], tag[16];
	crypto_hash_sha256_state s;
	ceno_store_be32(nonce, pass->number);
	ceno_store_be64(nonce + 4, gpa);
	if (pass->is_wide)
		ceno_wide_gmac(&pass->wide, nonce, chunk, CENO_PROOF_CHUNK, tag);
	else if (openssl_gmac(pass, nonce, chunk, tag) != 0)
		return CENO_PROOF_E_CRYPTO;
	crypto_hash_sha256_init(&s);
	ceno_hash_add(&s, "", 1); /* 0x00: an RFC 6962 leaf */
	ceno_hash_add(&s, "CDP/v1/chunk", sizeof("CDP/v1/chunk"));
	ceno_hash_add(&s, pass->session_id, 16);
	ceno_hash_add(&s, &pass->number, 1);
	ceno_hash_add64(&s, gpa);
	ceno_hash_add(&s, tag, sizeof(tag));
	crypto_hash_sha256_final(&s, leaf);
	return 0;
}
