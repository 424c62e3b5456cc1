/*
 * What the log says of itself, as text for `ceno proof`:
 *
 *   ceno-consistency 1 LF "old " SIZE " sha256:" ROOT LF ("node sha256:" HEX LF)* LF checkpoint
 *   ceno-orphans 1 LF "launches " COUNT " orphans " COUNT LF (SESSION " " INDEX LF)*, by index, the newest 1,000
 *
 *   c2sp.org/tlog-proof@v1 LF "index " INDEX LF (BASE64 LF)* LF checkpoint
 *
 * The checkpoint is the newest that is quoted and durable; the nodes are those of RFC 6962
 * 2.1.2 from SIZE to it, ROOT the log's own root at SIZE. Orphans are launches that neither
 * a cdp nor an unclean leaf follows: sessions that still run are among them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "attest/daemon/attestd.h"

#define ORPHANS_SHOWN 1000u

static enum ceno_attest_error consistency(const struct ceno_attestd *d, uint64_t old, char *out, size_t size,
                                          size_t *bytes)
{
	struct ceno_checkpoint c;
	uint8_t path[CENO_LOG_PATH_MAX][32], root[32];
	uint32_t count = 0;
	char hex[65];
	if (ceno_checkpoint_parse(d->checkpoint, d->checkpoint_bytes, &c))
		return CENO_ATTEST_ERROR_RANGE;
	if (!old)
		old = c.size;
	if (old > c.size || ceno_log_consistency(&d->tree, old, c.size, path, &count) ||
	    ceno_log_root(&d->tree, old, root))
		return CENO_ATTEST_ERROR_RANGE;
	/* At most 97 lines of 77 bytes and 500 bytes more. */
	if (size < CENO_CDP_FILE_MAX / 2)
		return CENO_ATTEST_ERROR_LOG;
	size_t n = (size_t)snprintf(out, size, "ceno-consistency 1\nold %llu sha256:%s\n", (unsigned long long)old,
	                            sodium_bin2hex(hex, sizeof(hex), root, 32));
	for (uint32_t i = 0; i < count; i++)
		n += (size_t)snprintf(out + n, size - n, "node sha256:%s\n",
		                      sodium_bin2hex(hex, sizeof(hex), path[i], 32));
	out[n++] = '\n';
	memcpy(out + n, d->checkpoint, d->checkpoint_bytes);
	*bytes = n + d->checkpoint_bytes;
	return CENO_ATTEST_ERROR_NONE;
}

static enum ceno_attest_error leaf(const struct ceno_attestd *d, uint64_t index, char *out, size_t size, size_t *bytes)
{
	struct ceno_checkpoint c;
	struct ceno_proof_inclusion proof;
	char line[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL)];
	if (ceno_checkpoint_parse(d->checkpoint, d->checkpoint_bytes, &c) ||
	    ceno_log_inclusion(&d->tree, index, c.size, &proof))
		return CENO_ATTEST_ERROR_RANGE;
	/* At most 48 lines of 45 bytes and 500 bytes more. */
	if (size < CENO_CDP_FILE_MAX / 2)
		return CENO_ATTEST_ERROR_LOG;
	size_t n = (size_t)snprintf(out, size, "c2sp.org/tlog-proof@v1\nindex %llu\n", (unsigned long long)proof.index);
	for (uint32_t i = 0; i < proof.count; i++)
		n += (size_t)snprintf(out + n, size - n, "%s\n",
		                      sodium_bin2base64(line, sizeof(line), proof.path[i], 32,
		                                        sodium_base64_VARIANT_ORIGINAL));
	out[n++] = '\n';
	memcpy(out + n, d->checkpoint, d->checkpoint_bytes);
	*bytes = n + d->checkpoint_bytes;
	return CENO_ATTEST_ERROR_NONE;
}

static int by_index(const void *a, const void *b)
{
	const struct ceno_attestd_session *const *x = a, *const *y = b;
	return ((*x)->launch_index > (*y)->launch_index) - ((*x)->launch_index < (*y)->launch_index);
}

static enum ceno_attest_error orphans(const struct ceno_attestd *d, char *out, size_t size, size_t *bytes)
{
	const struct ceno_attestd_session **list =
	    malloc((d->sessions.count + 1) * sizeof(struct ceno_attestd_session *));
	size_t count = 0, launches = 0;
	char hex[33];
	if (!list)
		return CENO_ATTEST_ERROR_LOG;
	for (size_t b = 0; b < d->sessions.buckets; b++) {
		for (const struct ceno_attestd_session *s = d->sessions.bucket[b]; s; s = s->chain) {
			launches += s->phase != CENO_PHASE_LAUNCHING;
			if (s->phase == CENO_PHASE_LAUNCHED)
				list[count++] = s;
		}
	}
	qsort(list, count, sizeof(struct ceno_attestd_session *), by_index);
	size_t n = (size_t)snprintf(out, size, "ceno-orphans 1\nlaunches %zu orphans %zu\n", launches, count);
	for (size_t i = count > ORPHANS_SHOWN ? count - ORPHANS_SHOWN : 0; i < count && n + 64 < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s %llu\n", sodium_bin2hex(hex, sizeof(hex), list[i]->id, 16),
		                      (unsigned long long)list[i]->launch_index);
	free(list);
	*bytes = n;
	return CENO_ATTEST_ERROR_NONE;
}

enum ceno_attest_error ceno_attestd_text(const struct ceno_attestd *d, uint32_t what, uint64_t old, char *out,
                                         size_t size, size_t *bytes)
{
	*bytes = 0;
	if (what == CENO_ATTEST_TEXT_CONSISTENCY)
		return consistency(d, old, out, size, bytes);
	if (what == CENO_ATTEST_TEXT_LEAF)
		return leaf(d, old, out, size, bytes);
	return what == CENO_ATTEST_TEXT_ORPHANS && !old ? orphans(d, out, size, bytes) : CENO_ATTEST_ERROR_PAYLOAD;
}
