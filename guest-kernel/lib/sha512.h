/*
 * SHA-512 (FIPS 180-4), in pieces. Freestanding, integer-only, no allocation.
 * Time depends on lengths only.
 */
#ifndef CENO_LIB_SHA512_H
#define CENO_LIB_SHA512_H

#include <stddef.h>
#include <stdint.h>

#define CENO_SHA512_BYTES 64

struct ceno_sha512 {
	uint64_t state[8];
	uint64_t bytes;     /* taken so far; at most 2^61 - 1 */
	uint8_t block[128]; /* the unfinished block: bytes % 128 of it are used */
};

/* Starts a hash. hash: borrowed, any content. */
void ceno_sha512_init(struct ceno_sha512 *hash);

/* Takes `bytes` more bytes of the message (borrowed, may be client-controlled,
 * may be NULL if bytes is 0). */
void ceno_sha512_update(struct ceno_sha512 *hash, const void *data, size_t bytes);

/* Writes the digest. The state is spent: init it again before another use. */
void ceno_sha512_final(struct ceno_sha512 *hash, uint8_t digest[CENO_SHA512_BYTES]);

#endif
