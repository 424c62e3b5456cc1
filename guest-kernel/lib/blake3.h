/*
 * BLAKE3 ("BLAKE3: one function, fast everywhere", O'Connor, Aumasson, Neves,
 * Wilcox-O'Hearn, 2020), in pieces: hash, keyed hash (MAC) and key derivation,
 * with an output of any length. Freestanding, integer-only, one block at a time,
 * no allocation; about 300 bytes of stack. Time depends on lengths only.
 *
 *   init, init_keyed or init_derive_key; update...; final or final_at...; fini
 *
 * Every word that a function computes from key or message lies in the context,
 * never in an array on the stack; fini wipes it. What the compiler spills from
 * registers while one block is compressed is not wiped.
 */
#ifndef CENO_LIB_BLAKE3_H
#define CENO_LIB_BLAKE3_H

#include <stddef.h>
#include <stdint.h>

#define CENO_BLAKE3_BYTES       32 /* the digest: final's usual length */
#define CENO_BLAKE3_KEY_BYTES   32
#define CENO_BLAKE3_CHUNK_BYTES 1024 /* a leaf of the tree */

/* Subtrees that wait for their right neighbour: one for each bit set in the
 * number of finished chunks. A message has at most 2^64 - 1 bytes, so that number,
 * the unfinished last chunk apart, is below 2^54. */
#define CENO_BLAKE3_DEPTH 54

struct ceno_blake3 {
	uint32_t key[8];                      /* the mode's first chaining value: IV, key, or a context's key */
	uint32_t cv[8];                       /* of the current chunk, after `blocks` blocks */
	uint64_t chunk;                       /* number of the current chunk = chunks finished */
	uint8_t block[64];                    /* the current block; its rest is not zero */
	uint8_t used;                         /* bytes in it; 64 only until more of the message comes */
	uint8_t blocks;                       /* blocks of the current chunk already in cv: 0 to 15 */
	uint8_t flags;                        /* of the mode */
	uint8_t depth;                        /* subtrees in the stack */
	uint32_t stack[CENO_BLAKE3_DEPTH][8]; /* their chaining values, the largest subtree first */
	uint32_t work[16];                    /* scratch: the state of one compression */
	uint32_t node[16];                    /* scratch of final: the two children of a parent */
};

/* Starts a hash. hash: borrowed, any content. */
void ceno_blake3_init(struct ceno_blake3 *hash);

/* Starts a keyed hash: a MAC, or with final's longer output a stream, under a
 * uniformly random key (borrowed; not needed afterwards). */
void ceno_blake3_init_keyed(struct ceno_blake3 *hash, const uint8_t key[CENO_BLAKE3_KEY_BYTES]);

/* Starts a key derivation: the message is then the key material, the output the
 * derived key. context: `bytes` bytes (borrowed; NULL if 0), which should be a
 * constant of the program that is used for nothing else. */
void ceno_blake3_init_derive_key(struct ceno_blake3 *hash, const void *context, size_t bytes);

/* Takes `bytes` more bytes of the message (borrowed, may be client-controlled,
 * may be NULL if bytes is 0), at most 2^64 - 1 in all. */
void ceno_blake3_update(struct ceno_blake3 *hash, const void *data, size_t bytes);

/* Writes the first `bytes` bytes of the output of what was taken so far
 * (CENO_BLAKE3_BYTES for a digest). out: borrowed, may be NULL if bytes is 0. The
 * hash is not spent: update and final may follow, as if this call had not been. */
void ceno_blake3_final(struct ceno_blake3 *hash, void *out, size_t bytes);

/* The same, from byte `at` of the output on: at + bytes is at most 2^64 - 1. Costs
 * no more for a large `at`. */
void ceno_blake3_final_at(struct ceno_blake3 *hash, uint64_t at, void *out, size_t bytes);

/* Wipes the context: keys, message bytes, chaining values. For hashes of nothing
 * secret it may be left out. */
void ceno_blake3_fini(struct ceno_blake3 *hash);

#endif
