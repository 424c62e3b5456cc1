/* The request commitment; see request.h. */
#include "request.h"

#include <sodium.h>
#include <string.h>

static void put_be(uint8_t **at, uint64_t value, int bytes)
{
	while (bytes--)
		*(*at)++ = (uint8_t)(value >> (8 * bytes));
}

void ceno_warden_request_policy(const struct ceno_request_policy *policy, uint8_t digest[32])
{
	static const char domain[] = "CDP/v1/policy";
	uint8_t body[sizeof domain + 32], *at = body + sizeof domain;
	memcpy(body, domain, sizeof domain);
	put_be(&at, policy->memory_bytes, 8);
	put_be(&at, policy->ttl_ms, 8);
	put_be(&at, policy->pledge_mask, 4);
	put_be(&at, policy->flags, 4);
	put_be(&at, policy->classification, 4);
	put_be(&at, policy->jurisdiction, 4);
	crypto_hash_sha256(digest, body, sizeof body);
}

void ceno_warden_request_commit(const struct ceno_proof_request *request, const uint8_t opening[32],
                                uint8_t commitment[32])
{
	uint8_t digest[32];
	ceno_proof_request_digest(request, digest);
	ceno_proof_commit(opening, "request", digest, commitment);
	sodium_memzero(digest, sizeof digest);
}

void ceno_warden_request_opening(uint8_t opening[32], const struct ceno_boot *boot)
{
	static const char domain[] = "CDP/v1/opening";
	uint8_t body[sizeof domain + 64];
	memcpy(body, domain, sizeof domain);
	memcpy(body + sizeof domain, opening, 32);
	crypto_hash_sha256(body + sizeof domain + 32, boot->session_id,
	                   sizeof *boot - offsetof(struct ceno_boot, session_id));
	crypto_hash_sha256(opening, body, sizeof body);
	sodium_memzero(body, sizeof body);
}
