/*
 * AES-256-CTR key stream and AES-256-GMAC with the widest instructions of the CPU
 * (VAES, VPCLMULQDQ on AVX-512 registers): the two passes over session RAM are
 * most of a teardown, and no library in Debian 12 uses them for these modes.
 *
 * Only the warden's side of chunk.h uses this; the verifier computes the same with
 * OpenSSL, so every proof that verifies has compared the two. Internal to
 * attest/proof. No table lookups, no branches on secrets.
 */
#ifndef CENO_ATTEST_WIDE_H
#define CENO_ATTEST_WIDE_H

#include <stddef.h>
#include <stdint.h>

struct ceno_wide {
	uint8_t fill_rounds[15][16]; /* expanded keys, FIPS 197 */
	uint8_t mac_rounds[15][16];
	uint8_t powers[16][16]; /* H^16 .. H^1 of GHASH, times x, in the form gmac() multiplies with */
};

/* 1 if this CPU and kernel offer the instructions. Same answer every time. */
int ceno_wide_available(void);

/* The functions below may be called only if they are available. */
void ceno_wide_init(struct ceno_wide *wide, const uint8_t fill_key[32], const uint8_t mac_key[32]);

/* Key stream from counter block `block` (128-bit big-endian counter that stays below 2^64) on.
 * bytes: a multiple of 16. */
void ceno_wide_stream(const struct ceno_wide *wide, uint64_t block, uint8_t *out, size_t bytes);

/* AES-256-GMAC of data (a multiple of 256 bytes, below 2^32). */
void ceno_wide_gmac(const struct ceno_wide *wide, const uint8_t nonce[12], const uint8_t *data, size_t bytes,
                    uint8_t tag[16]);

#endif
