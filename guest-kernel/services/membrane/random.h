/* Random bytes: ChaCha20 with fast key erasure, keyed by the session's seed. */
#ifndef CENO_MEMBRANE_RANDOM_H
#define CENO_MEMBRANE_RANDOM_H

#include "membrane.h"

/* Takes seed and session id from the boot page, mixes in rdrand where there is one. */
void ceno_random_init(void);
void ceno_random_fill(void *to, uint64_t bytes);
uint64_t ceno_random_u64(void);

/* One block of ChaCha20 (RFC 8439, 2.3). */
void ceno_chacha20_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3], uint32_t out[16]);

#endif
