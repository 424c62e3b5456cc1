/*
 * Checking inclusion and consistency proofs (RFC 9162, 2.1.3.2 and 2.1.4.2).
 * All arguments are hostile; the walk is driven by index and size alone, and a
 * proof with a hash too many or too few is refused.
 */
#include "log.h"

#include <string.h>

int ceno_log_check_inclusion(const uint8_t leaf[32], const struct ceno_proof_inclusion *proof, uint64_t size,
                             const uint8_t root[32])
{
	uint64_t fn = proof->index, sn = size - 1;
	uint8_t r[32];
	if (proof->index >= size || proof->count > CENO_PROOF_INCLUSION_MAX)
		return CENO_LOG_E_RANGE;
	memcpy(r, leaf, 32);
	for (uint32_t i = 0; i < proof->count; i++) {
		if (sn == 0)
			return CENO_LOG_E_PROOF;
		if ((fn & 1) || fn == sn) {
			ceno_merkle_node(proof->path[i], r, r);
			for (; !(fn & 1) && fn != 0; fn >>= 1)
				sn >>= 1;
		} else {
			ceno_merkle_node(r, proof->path[i], r);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && memcmp(r, root, 32) == 0 ? 0 : CENO_LOG_E_PROOF;
}

int ceno_log_check_consistency(uint64_t old, const uint8_t old_root[32], uint64_t size, const uint8_t root[32],
                               const uint8_t (*path)[32], uint32_t count)
{
	uint64_t fn = old - 1, sn = size - 1;
	uint8_t fr[32], sr[32];
	uint32_t i = 0;
	if (old > size || count > CENO_LOG_PATH_MAX)
		return CENO_LOG_E_RANGE;
	if (old == 0)
		return count == 0 ? 0 : CENO_LOG_E_PROOF;
	if (old == size)
		return count == 0 && memcmp(old_root, root, 32) == 0 ? 0 : CENO_LOG_E_PROOF;
	if (count == 0)
		return CENO_LOG_E_PROOF;
	for (; fn & 1; fn >>= 1)
		sn >>= 1;
	/* An old tree of a power of two is its own first node. */
	memcpy(fr, fn == 0 ? old_root : path[i++], 32);
	memcpy(sr, fr, 32);
	for (; i < count; i++) {
		if (sn == 0)
			return CENO_LOG_E_PROOF;
		if ((fn & 1) || fn == sn) {
			ceno_merkle_node(path[i], fr, fr);
			ceno_merkle_node(path[i], sr, sr);
			for (; !(fn & 1) && fn != 0; fn >>= 1)
				sn >>= 1;
		} else {
			ceno_merkle_node(sr, path[i], sr);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && memcmp(fr, old_root, 32) == 0 && memcmp(sr, root, 32) == 0 ? 0 : CENO_LOG_E_PROOF;
}
