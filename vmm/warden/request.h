/*
 * What the request commitment is over, from the caller's own numbers and files.
 * Here and not in launch.c so that `ceno measure` says the same.
 *
 *   request = policy (limits and pledges) | args (argv, envp, directory)
 *           | pack (path, mode, length and digest of each file) | image that is no release
 *
 * Nothing in it is the node's choice: whoever has the files, the command line and
 * the 32 bytes of the opening computes the commitment. What the node draws for a
 * session (seed, nonce, clocks) is in the opening, see ceno_warden_request_opening.
 *
 * Pure; sodium_init() first.
 */
#ifndef CENO_WARDEN_REQUEST_H
#define CENO_WARDEN_REQUEST_H

#include "attest/proof/proof.h"
#include "guest-kernel/abi/boot.h"

struct ceno_request_policy {
	uint64_t memory_bytes, ttl_ms;
	uint32_t pledge_mask;                  /* 1 << enum ceno_pledge_class */
	uint32_t flags;                        /* enum ceno_session_flag (wire.h) */
	uint32_t classification, jurisdiction; /* policy/metadata.h; 0: not declared */
};

/* SHA-256 over "CDP/v1/policy"|0 and, big-endian, u64 memory bytes, u64 time to live in ms,
 * u32 pledge mask, u32 flags, u32 classification, u32 jurisdiction. digest: 32 bytes out. */
void ceno_warden_request_policy(const struct ceno_request_policy *policy, uint8_t digest[32]);

/* The request commitment. request: borrowed. opening: 32 bytes, as the caller gets them. commitment: out. */
void ceno_warden_request_commit(const struct ceno_proof_request *request, const uint8_t opening[32],
                                uint8_t commitment[32]);

/* The opening from 32 random bytes, in place: SHA-256("CDP/v1/opening"|0|random|SHA-256(session half of the
 * boot page)). So the commitment fixes the seed, nonce and clocks that the guest began with, though nobody is
 * told them, and the caller needs only the opening. boot: borrowed, as laid out. */
void ceno_warden_request_opening(uint8_t opening[32], const struct ceno_boot *boot);

#endif
