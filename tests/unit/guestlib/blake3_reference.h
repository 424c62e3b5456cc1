/*
 * BLAKE3 a second time, to judge guest-kernel/lib/blake3.c by: the paper's
 * definitions as they stand, recursive, the whole message in memory, and no line
 * or table shared with the code under test. Slow, and for tests only.
 */
#ifndef CENO_TESTS_BLAKE3_REFERENCE_H
#define CENO_TESTS_BLAKE3_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

enum reference_mode { REFERENCE_HASH, REFERENCE_KEYED, REFERENCE_DERIVE };

/* What all nodes of a tree have in common. */
struct reference_tree {
	uint8_t key[32]; /* IV, key or context key, as bytes */
	uint32_t flags;
};

/* A node before its last compression, so that it can still become a root. */
struct reference_node {
	uint8_t cv[32];
	uint8_t block[64];
	uint64_t counter;
	uint32_t bytes;
	uint32_t flags;
};

/* The tree's key and flags. key: 32 bytes if keyed, the context's key_bytes if derive. */
struct reference_tree reference_start(enum reference_mode mode, const void *key, size_t key_bytes);

/* Chunk number `counter`: 0 to 1024 bytes. */
struct reference_node reference_chunk(const struct reference_tree *tree, uint64_t counter, const uint8_t *data,
                                      size_t bytes);

/* The parent of two nodes, whose chaining values are given. */
struct reference_node reference_parent(const struct reference_tree *tree, const uint8_t left[32],
                                       const uint8_t right[32]);

/* The top node over `bytes` bytes, the first of them in chunk number `counter`. */
struct reference_node reference_top(const struct reference_tree *tree, uint64_t counter, const uint8_t *data,
                                    size_t bytes);

/* A node's chaining value, and its output as the root. */
void reference_cv(const struct reference_node *node, uint8_t cv[32]);
void reference_output(const struct reference_node *root, uint64_t at, uint8_t *out, size_t bytes);

#endif
