/*
 * RFC 6962 tree hashing: leaf hash SHA-256(0x00|body), node hash
 * SHA-256(0x01|left|right), and the root of a sequence of leaves in constant
 * memory. Used for the log and for the memory roots of a proof.
 *
 * Invariant of the accumulator: peaks[0..depth) are the roots of the complete
 * subtrees of the leaves so far, largest first, one for each set bit of count.
 */
#ifndef CENO_ATTEST_MERKLE_H
#define CENO_ATTEST_MERKLE_H

#include <stddef.h>
#include <stdint.h>

struct ceno_merkle {
	uint64_t count;
	uint32_t depth;
	uint8_t peaks[64][32];
};

/* SHA-256(0x00|body). */
void ceno_merkle_leaf(const uint8_t *body, size_t body_bytes, uint8_t leaf[32]);

/* SHA-256(0x01|left|right); out may be either input. */
void ceno_merkle_node(const uint8_t left[32], const uint8_t right[32], uint8_t out[32]);

void ceno_merkle_init(struct ceno_merkle *tree);

/* Append a leaf hash (not a body). */
void ceno_merkle_add(struct ceno_merkle *tree, const uint8_t leaf[32]);

/* Root of the leaves so far; of none: SHA-256 of nothing. The accumulator stays usable. */
void ceno_merkle_root(const struct ceno_merkle *tree, uint8_t root[32]);

#endif
