/*
 * The append-only log of a node: RFC 6962 Merkle tree with inclusion and
 * consistency proofs, and C2SP checkpoints (tlog-checkpoint in a signed note).
 *
 * Pure: no I/O. The tree keeps every complete subtree's hash, one array a level:
 *
 *   level[l][i] = hash of leaves [i * 2^l, (i + 1) * 2^l)
 *
 * so appending costs two hashes on average and a proof of any size that ever was
 * costs O(log^2 n). Invariant: level[l] holds exactly floor(count / 2^l) hashes.
 * A caller that persists leaf hashes rebuilds the tree by appending them again.
 * Not thread-safe; nothing blocks.
 */
#ifndef CENO_ATTEST_LOG_H
#define CENO_ATTEST_LOG_H

#include <stddef.h>
#include <stdint.h>
#include "../proof/proof.h"

#define CENO_LOG_LEVELS   48u /* at most 2^48 - 1 leaves */
#define CENO_LOG_PATH_MAX 97u /* hashes in a consistency proof */

#define CENO_LOG_ERRORS(X) \
	X(MEMORY, -1, "out of memory") \
	X(RANGE, -2, "an index or size that this tree never had") \
	X(FORM, -3, "not a checkpoint in canonical form") \
	X(SPACE, -4, "the output buffer is too small") \
	X(KEY, -5, "signed by another key, or the signature is wrong") \
	X(PROOF, -6, "the proof does not lead to the root")

enum ceno_log_error {
#define CENO_LOG_ERROR_ENUM(name, number, text) CENO_LOG_E_##name = number,
	CENO_LOG_ERRORS(CENO_LOG_ERROR_ENUM)
#undef CENO_LOG_ERROR_ENUM
};

/* Text of an error of this module; never NULL. */
const char *ceno_log_error_text(int error);

/* ---- tree ------------------------------------------------------------------- */

struct ceno_log_level {
	uint8_t (*hashes)[32];
	uint64_t capacity;
}; /* owned by the tree */

struct ceno_log {
	uint64_t count;
	struct ceno_log_level level[CENO_LOG_LEVELS];
};

void ceno_log_init(struct ceno_log *log);
void ceno_log_fini(struct ceno_log *log);

/* Append a leaf hash (ceno_merkle_leaf of a body). *index gets its index (may be NULL).
 * Returns 0 or MEMORY, RANGE (full); on failure the tree is unchanged. */
int ceno_log_append(struct ceno_log *log, const uint8_t leaf[32], uint64_t *index);

/* Root of the first `size` leaves, size <= count. Returns 0 or RANGE. */
int ceno_log_root(const struct ceno_log *log, uint64_t size, uint8_t root[32]);

/* Audit path of leaf `index` in the tree of `size` leaves (RFC 6962 section 2.1.1).
 * proof: index, count and path are filled. Returns 0 or RANGE. */
int ceno_log_inclusion(const struct ceno_log *log, uint64_t index, uint64_t size, struct ceno_proof_inclusion *proof);

/* Consistency proof from size `old` to `size` (section 2.1.2), 0 < old <= size.
 * *count gets the number of hashes (0 if old == size). Returns 0 or RANGE. */
int ceno_log_consistency(const struct ceno_log *log, uint64_t old, uint64_t size, uint8_t path[CENO_LOG_PATH_MAX][32],
                         uint32_t *count);

/* ---- checking; every argument is hostile ---------------------------------------- */

/* Does the proof lead from the leaf hash to the root of `size` leaves (RFC 9162 section
 * 2.1.3.2)? The proof must have exactly the hashes that index and size need.
 * Returns 0, RANGE (index >= size) or PROOF. */
int ceno_log_check_inclusion(const uint8_t leaf[32], const struct ceno_proof_inclusion *proof, uint64_t size,
                             const uint8_t root[32]);

/* Is the tree of `size` leaves an extension of the one of `old` (RFC 9162 section 2.1.4.2)?
 * old = 0 needs no hashes and always holds. Returns 0, RANGE or PROOF. */
int ceno_log_check_consistency(uint64_t old, const uint8_t old_root[32], uint64_t size, const uint8_t root[32],
                               const uint8_t (*path)[32], uint32_t count);

/* ---- checkpoints ------------------------------------------------------------------ */

/* Exactly this text, with one signature by the log's key under the origin's name:
 *
 *   origin LF size LF base64(root) LF LF "— " origin " " base64(key id | signature) LF
 */
struct ceno_checkpoint {
	char origin[65]; /* [A-Za-z0-9./_-]{1,64} */
	uint64_t size;
	uint8_t root[32];
	uint8_t key_id[4];
	uint8_t signature[64];
	size_t signed_bytes; /* parse: length of the signed part of the text */
};

/* Key id of an Ed25519 key under a name: SHA-256(name|LF|0x01|pub), first 4 bytes (C2SP signed-note). */
void ceno_checkpoint_key_id(const char *name, const uint8_t pub[32], uint8_t key_id[4]);

/* Sign and write a checkpoint. secret: libsodium's 64-byte Ed25519 secret key (seed | pub).
 * text: capacity CENO_PROOF_CHECKPOINT_MAX, not NUL-terminated; *bytes gets its length.
 * Returns 0 or FORM (origin outside its pattern). */
int ceno_checkpoint_make(const char *origin, uint64_t size, const uint8_t root[32], const uint8_t secret[64],
                         char text[CENO_PROOF_CHECKPOINT_MAX], size_t *bytes);

/* Read a checkpoint; hostile text. Only the canonical form is accepted: writing the result
 * again gives the same bytes. Returns 0 or FORM. Nothing is verified. */
int ceno_checkpoint_parse(const char *text, size_t bytes, struct ceno_checkpoint *checkpoint);

/* Verify a parsed checkpoint's key id and signature (Ed25519, strict). Returns 0 or KEY. */
int ceno_checkpoint_verify(const struct ceno_checkpoint *checkpoint, const char *text, const uint8_t pub[32]);

#endif
