/*
 * Arithmetic modulo p = 2^255 - 19, for ed25519.c only.
 *
 * A field element is five limbs in radix 2^51. "Tight" limbs are at most 2^51
 * (what mul returns). Bounds of the limbs:
 * mul:  inputs up to 2^54: a column of products is at most (1 + 4 * 19) * 2^108
 *       < 2^115, so its carry is below 2^64; the output is tight.
 * add:  of two tight elements: at most 2^52.
 * sub:  a + 2p - b, so b's limbs must not exceed those of 2p (2^52 - 38): a
 *       tight b, or 0 - tight, does not. Adds less than 2^52 to a's bound.
 */
#ifndef CENO_LIB_ED25519_FIELD_H
#define CENO_LIB_ED25519_FIELD_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
	uint64_t v[5];
} ceno_fe;

void ceno_fe_add(ceno_fe *r, const ceno_fe *a, const ceno_fe *b);
void ceno_fe_sub(ceno_fe *r, const ceno_fe *a, const ceno_fe *b);
void ceno_fe_mul(ceno_fe *r, const ceno_fe *a, const ceno_fe *b);

/* r = a ^ (2^252 - 3), that is (p - 5) / 8; a tight. */
void ceno_fe_pow_p58(ceno_fe *r, const ceno_fe *a);

/* r = 1 / a, 0 for 0; a tight. */
void ceno_fe_invert(ceno_fe *r, const ceno_fe *a);

/* Little-endian, the top bit ignored; the value may be p or more: canonical or
 * not is seen by comparing with to_bytes. */
void ceno_fe_from_bytes(ceno_fe *r, const uint8_t bytes[32]);

/* The one encoding below p. Any limbs up to 2^54. */
void ceno_fe_to_bytes(uint8_t bytes[32], const ceno_fe *a);

bool ceno_fe_is_equal(const ceno_fe *a, const ceno_fe *b);

#endif
