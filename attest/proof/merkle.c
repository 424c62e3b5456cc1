/*
 * RFC 6962 hashing and the constant-memory root (merkle.h). The peaks of n
 * leaves are the complete subtrees named by the set bits of n, so adding a leaf
 * joins one pair for each trailing one bit of n: n * 2 hashes in all.
 */
#include "merkle.h"

#include <sodium.h>
#include <string.h>

void ceno_merkle_leaf(const uint8_t *body, size_t body_bytes, uint8_t leaf[32])
{
	static const uint8_t prefix = 0;
	crypto_hash_sha256_state s;
	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, &prefix, 1);
	crypto_hash_sha256_update(&s, body, body_bytes);
	crypto_hash_sha256_final(&s, leaf);
}

void ceno_merkle_node(const uint8_t left[32], const uint8_t right[32], uint8_t out[32])
{
	uint8_t joined[65];
	joined[0] = 1;
	memcpy(joined + 1, left, 32);
	memcpy(joined + 33, right, 32);
	crypto_hash_sha256(out, joined, sizeof(joined));
}

void ceno_merkle_init(struct ceno_merkle *tree)
{
	memset(tree, 0, sizeof(*tree));
}

void ceno_merkle_add(struct ceno_merkle *tree, const uint8_t leaf[32])
{
	uint8_t hash[32];
	memcpy(hash, leaf, 32);
	for (uint64_t bits = tree->count++; bits & 1; bits >>= 1)
		ceno_merkle_node(tree->peaks[--tree->depth], hash, hash);
	memcpy(tree->peaks[tree->depth++], hash, 32);
}

void ceno_merkle_root(const struct ceno_merkle *tree, uint8_t root[32])
{
	if (tree->count == 0) {
		crypto_hash_sha256(root, NULL, 0);
		return;
	}
	memcpy(root, tree->peaks[tree->depth - 1], 32);
	for (uint32_t i = tree->depth - 1; i-- > 0;)
		ceno_merkle_node(tree->peaks[i], root, root);
}
