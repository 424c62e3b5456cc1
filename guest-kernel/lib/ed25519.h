/*
 * Ed25519 (RFC 8032): verification (5.1.7), strict and cofactorless:
 *
 *   accepted iff  S < L
 *            and  A is a canonical encoding of a point, not of small order
 *            and  R is a canonical encoding of a point, not of small order
 *            and  [S]B = R + [k]A,  k = SHA-512(R || A || message) mod L
 *
 * and signing (5.1.5, 5.1.6). Verification knows no secret: its time may depend on the
 * input. Signing takes the same time for every seed: no branch and no address depends on
 * one (a test runs it under valgrind with the seed undefined), and scalars, nonces and
 * hash states are wiped from the stack; what field arithmetic leaves there is not.
 * Freestanding, integer-only, no allocation; about 5 KiB of stack.
 *
 * The message comes in pieces, so that it need not be one block of memory:
 *   begin(&hash, signature, key); ceno_sha512_update(&hash, ...)...; finish(...)
 */
#ifndef CENO_LIB_ED25519_H
#define CENO_LIB_ED25519_H

#include <stdbool.h>
#include "lib/sha512.h"

#define CENO_ED25519_SIGNATURE_BYTES 64
#define CENO_ED25519_KEY_BYTES       32
#define CENO_ED25519_SEED_BYTES      32

/* Starts a verification: takes R of the signature and the key into the hash.
 * signature, public_key: borrowed, may be client-controlled. */
void ceno_ed25519_begin(struct ceno_sha512 *hash, const uint8_t signature[CENO_ED25519_SIGNATURE_BYTES],
                        const uint8_t public_key[CENO_ED25519_KEY_BYTES]);

/* True if the signature over what `hash` took since begin is valid under the
 * key. The same signature and key as for begin; the hash is spent. */
bool ceno_ed25519_finish(struct ceno_sha512 *hash, const uint8_t signature[CENO_ED25519_SIGNATURE_BYTES],
                         const uint8_t public_key[CENO_ED25519_KEY_BYTES]);

/* begin, update and finish for a message in one piece (borrowed; NULL if bytes is 0). */
bool ceno_ed25519_verify(const uint8_t signature[CENO_ED25519_SIGNATURE_BYTES],
                         const uint8_t public_key[CENO_ED25519_KEY_BYTES], const void *message, size_t bytes);

/* The public key of a seed: 32 uniformly random bytes, which are the whole secret (borrowed). */
void ceno_ed25519_public_key(uint8_t public_key[CENO_ED25519_KEY_BYTES], const uint8_t seed[CENO_ED25519_SEED_BYTES]);

/* Signs a message (borrowed; NULL if bytes is 0). Deterministic. public_key must be the
 * seed's own: signing under another one gives the secret away. */
void ceno_ed25519_sign(uint8_t signature[CENO_ED25519_SIGNATURE_BYTES], const uint8_t seed[CENO_ED25519_SEED_BYTES],
                       const uint8_t public_key[CENO_ED25519_KEY_BYTES], const void *message, size_t bytes);

#endif
