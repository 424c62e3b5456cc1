/*
 * Commitments, log leaves and quote bindings (formulas of proof.h): short
 * domain-separated strings, each written in exactly one place.
 */
#include "schema.h"
#include "hash.h"

#include <string.h>

struct body {
	uint8_t *out;
	size_t length;
};

static void add(struct body *b, const void *bytes, size_t length)
{
	memcpy(b->out + b->length, bytes, length); /* all lengths are constants; the longest body is 140 bytes */
	b->length += length;
}

static void add64(struct body *b, uint64_t value)
{
	ceno_store_be64(b->out + b->length, value);
	b->length += 8;
}

#define TAG(b, tag) add(b, tag, sizeof(tag))

size_t ceno_proof_leaf_launch(const struct ceno_attest_launch *launch, uint8_t body[CENO_PROOF_LEAF_MAX])
{
	struct body b = { body, 0 };
	uint8_t signer[32];
	crypto_hash_sha256(signer, launch->signer_pub, 32);
	TAG(&b, "CDP/v1/launch");
	add(&b, launch->session_id, 16);
	add(&b, launch->platform_digest, 32);
	add(&b, launch->request_commit, 32);
	add(&b, signer, 32);
	add(&b, launch->rp_nonce, 32);
	return b.length;
}

size_t ceno_proof_leaf_cdp(const uint8_t session_id[16], uint64_t launch_index, const uint8_t c0[32],
                           const uint8_t c8[32], uint8_t body[CENO_PROOF_LEAF_MAX])
{
	struct body b = { body, 0 };
	TAG(&b, "CDP/v1/cdp");
	add(&b, session_id, 16);
	add64(&b, launch_index);
	add(&b, c0, 32);
	add(&b, c8, 32);
	return b.length;
}

size_t ceno_proof_leaf_unclean(const uint8_t session_id[16], uint64_t launch_index, uint8_t cause,
                               uint8_t body[CENO_PROOF_LEAF_MAX])
{
	struct body b = { body, 0 };
	TAG(&b, "CDP/v1/unclean");
	add(&b, session_id, 16);
	add64(&b, launch_index);
	add(&b, &cause, 1);
	return b.length;
}

size_t ceno_proof_leaf_record(const uint8_t commitment[32], uint8_t body[CENO_PROOF_LEAF_MAX])
{
	struct body b = { body, 0 };
	TAG(&b, "CDP/v1/record");
	add(&b, commitment, 32);
	return b.length;
}

size_t ceno_proof_leaf_keychange(uint8_t purpose, const uint8_t old_pub[32], const uint8_t new_pub[32],
                                 const uint8_t signature[64], uint8_t body[CENO_PROOF_LEAF_MAX])
{
	struct body b = { body, 0 };
	uint8_t hash[32];
	TAG(&b, "CDP/v1/key");
	add(&b, &purpose, 1);
	crypto_hash_sha256(hash, old_pub, 32);
	add(&b, hash, 32);
	crypto_hash_sha256(hash, new_pub, 32);
	add(&b, hash, 32);
	add(&b, signature, 64);
	return b.length;
}

size_t ceno_proof_leaf_epoch(const uint8_t parts[6][32], uint64_t nv_value, uint8_t body[CENO_PROOF_LEAF_MAX])
{
	struct body b = { body, 0 };
	crypto_hash_sha256_state s;
	uint8_t keys[32];
	crypto_hash_sha256_init(&s);
	for (int i = 0; i < 6; i++)
		ceno_hash_add(&s, parts[i], 32);
	crypto_hash_sha256_final(&s, keys);
	TAG(&b, "CDP/v1/epoch");
	add(&b, keys, 32);
	add64(&b, nv_value);
	return b.length;
}

int ceno_proof_platform_digest(const struct ceno_proof_platform *platform, uint8_t digest[32])
{
	char text[2048];
	struct ceno_json_writer w;
	crypto_hash_sha256_state s;
	ceno_json_writer_init(&w, text, sizeof(text));
	ceno_schema_write(&ceno_schema_platform, platform, &w);
	if (w.error != 0)
		return w.error;
	ceno_hash_tag(&s, "CDP/v1/platform");
	ceno_hash_add(&s, text, w.length);
	crypto_hash_sha256_final(&s, digest);
	return 0;
}

void ceno_proof_request_digest(const struct ceno_proof_request *request, uint8_t digest[32])
{
	crypto_hash_sha256_state s;
	ceno_hash_tag(&s, "CDP/v1/request");
	ceno_hash_add(&s, request->policy, 32);
	ceno_hash_add(&s, request->args, 32);
	ceno_hash_add(&s, request->pack, 32);
	ceno_hash_add(&s, request->image, 32);
	crypto_hash_sha256_final(&s, digest);
}

void ceno_proof_commit(const uint8_t opening[32], const char *field, const uint8_t x_sha256[32], uint8_t commitment[32])
{
	uint8_t info[64] = "CDP/v1/salt", salt[32];
	size_t tag = sizeof("CDP/v1/salt"), n = strnlen(field, sizeof(info) - tag);
	crypto_hash_sha256_state s;
	memcpy(info + tag, field, n);
	ceno_proof_hkdf(opening, info, tag + n, salt);
	ceno_hash_tag(&s, "CDP/v1/commit");
	ceno_hash_add(&s, salt, sizeof(salt));
	ceno_hash_add(&s, x_sha256, 32);
	crypto_hash_sha256_final(&s, commitment);
	sodium_memzero(salt, sizeof(salt));
}

int ceno_proof_quote_data(const char *checkpoint, size_t checkpoint_bytes, const struct ceno_proof_node *node,
                          uint64_t nv_value, uint8_t extra_data[32])
{
	crypto_hash_sha256_state s;
	uint8_t hash[32];
	ceno_hash_tag(&s, "CDP/v1/quote");
	crypto_hash_sha256(hash, (const unsigned char *)checkpoint, checkpoint_bytes);
	ceno_hash_add(&s, hash, 32);
	int rc = ceno_schema_hash(&ceno_schema_node, node, hash);
	if (rc != 0)
		return rc;
	ceno_hash_add(&s, hash, 32);
	ceno_hash_add64(&s, nv_value);
	crypto_hash_sha256_final(&s, extra_data);
	return 0;
}

void ceno_proof_nv_data(const uint8_t extra_data[32], uint8_t qualifying[32])
{
	crypto_hash_sha256_state s;
	ceno_hash_tag(&s, "CDP/v1/nv");
	ceno_hash_add(&s, extra_data, 32);
	crypto_hash_sha256_final(&s, qualifying);
}

void ceno_proof_node_data(const uint8_t nonce[32], uint8_t extra_data[32])
{
	crypto_hash_sha256_state s;
	ceno_hash_tag(&s, "CDP/v1/node");
	ceno_hash_add(&s, nonce, 32);
	crypto_hash_sha256_final(&s, extra_data);
}
