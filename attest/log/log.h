/*
 * The node's transparency log, the pure part: an RFC 6962 tree over leaf hashes
 * and C2SP tlog-checkpoints over its roots. No I/O; the daemon keeps the leaves.
 *
 * The tree holds every complete subtree's hash (64 bytes a leaf in all), so a
 * root and an audit path of any earlier size cost O(log^2) hashes: hundreds of
 * proofs under one checkpoint stay cheap in a log of millions.
 *
 * A checkpoint is a signed note (C2SP signed-note, tlog-checkpoint), Ed25519:
 *   <origin>\n<size>\n<base64 root>\n\n<em dash> <origin> <base64 of key id | signature>\n
 *   key id = first 4 bytes of SHA-256(origin|0x0a|0x01|public key)
 * with exactly one signature, the log's. Nothing else is accepted back.
 */
#ifndef CENO_LOG_H
#define CENO_LOG_H

#include "attest/proof/proof.h"

struct ceno_log_level { uint8_t (*hash)[32]; uint64_t count, capacity; };

struct ceno_log_tree {                 /* zero-initialised is empty */
	uint64_t leaves;
	struct ceno_log_level level[CENO_PROOF_INCLUSION_MAX]; /* level k: subtrees of 2^k leaves; owned */
};

/* Append a leaf hash (ceno_merkle_leaf). Returns 0, or -1: no memory or full; the tree is then unchanged. */
int ceno_log_tree_add(struct ceno_log_tree *tree, const uint8_t leaf[32]);

/* Root over the first size leaves (at most tree->leaves, an invariant of the caller); of none: SHA-256 of nothing. */
void ceno_log_tree_root(const struct ceno_log_tree *tree, uint64_t size, uint8_t root[32]);

/* Audit path of leaf index in the tree of the first size leaves; index < size <= tree->leaves. */
void ceno_log_tree_inclusion(const struct ceno_log_tree *tree, uint64_t index, uint64_t size,
	struct ceno_proof_inclusion *out);

/* Free what the tree owns and make it empty. */
void ceno_log_tree_fini(struct ceno_log_tree *tree);

/* Root that leaf and its audit path give for a tree of size leaves. Returns 0, or -1: the path has
 * the wrong length or the index is outside (inclusion is untrusted). */
int ceno_log_inclusion_root(const uint8_t leaf[32], uint64_t size, const struct ceno_proof_inclusion *inclusion,
	uint8_t root[32]);

/*
 * Write and sign a checkpoint. origin: [A-Za-z0-9./_-]{1,64}. secret: libsodium's 64-byte Ed25519
 * key. Returns the length (at most CENO_PROOF_CHECKPOINT_MAX; not NUL-terminated), 0: a bad origin.
 */
size_t ceno_log_checkpoint_sign(const char *origin, uint64_t size, const uint8_t root[32],
	const uint8_t secret[64], char out[CENO_PROOF_CHECKPOINT_MAX]);

/* The public key's place in a checkpoint: C2SP key id. */
void ceno_log_key_id(const char *origin, const uint8_t public_key[32], uint8_t id[4]);

/*
 * Read a checkpoint and check its signature. All of text is untrusted; only the exact form above
 * is accepted (it is written again and compared). Returns 0, -1 malformed or of another origin,
 * -2 the signature is not public_key's. size and root are set in any case but -1.
 */
int ceno_log_checkpoint_open(const char *text, size_t bytes, const char *origin, const uint8_t public_key[32],
	uint64_t *size, uint8_t root[32]);

#endif
