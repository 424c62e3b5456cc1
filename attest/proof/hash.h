/*
 * Domain-separated SHA-256: "tag"|0|fields. Internal to attest/proof and
 * attest/verify; every hash of the format starts here.
 */
#ifndef CENO_ATTEST_HASH_H
#define CENO_ATTEST_HASH_H

#include <sodium.h>
#include <stdint.h>

/* Start with tag and its NUL: sizeof a string literal counts both. */
#define ceno_hash_tag(state, tag) \
	do { \
		crypto_hash_sha256_init(state); \
		crypto_hash_sha256_update(state, (const unsigned char *)(tag), sizeof(tag)); \
	} while (0)

static inline void ceno_hash_add(crypto_hash_sha256_state *state, const void *bytes, size_t length)
{
	crypto_hash_sha256_update(state, bytes, length);
}

static inline void ceno_store_be32(uint8_t out[4], uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline void ceno_store_be64(uint8_t out[8], uint64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static inline void ceno_hash_add64(crypto_hash_sha256_state *state, uint64_t value)
{
	uint8_t be[8];
	ceno_store_be64(be, value);
	ceno_hash_add(state, be, sizeof(be));
}

/* c(i) from c(i-1) and the hash of the evidence. */
void ceno_hash_step(uint8_t i, const uint8_t previous[32], const uint8_t evidence[32], uint8_t out[32]);

#endif
