/* The paper's definitions (blake3_reference.h); section numbers are the paper's. */
#include "blake3_reference.h"

#include <string.h>

#define START 0x01u
#define END   0x02u
#define INNER 0x04u
#define TOP   0x08u

static const char iv[] = "\x67\xe6\x09\x6a\x85\xae\x67\xbb\x72\xf3\x6e\x3c\x3a\xf5\x4f\xa5"
			 "\x7f\x52\x0e\x51\x8c\x68\x05\x9b\xab\xd9\x83\x1f\x19\xcd\xe0\x5b";

static uint32_t get_word(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_word(uint8_t *p, uint32_t x)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(x >> 8 * i);
}

static uint32_t turn(uint32_t x, int n)
{
	return (uint32_t)(((uint64_t)x << 32 | x) >> n);
}

/* G of 2.2. */
static void g(uint32_t v[16], int a, int b, int c, int d, uint32_t x, uint32_t y)
{
	v[a] = v[a] + v[b] + x;
	v[d] = turn(v[d] ^ v[a], 16);
	v[c] = v[c] + v[d];
	v[b] = turn(v[b] ^ v[c], 12);
	v[a] = v[a] + v[b] + y;
	v[d] = turn(v[d] ^ v[a], 8);
	v[c] = v[c] + v[d];
	v[b] = turn(v[b] ^ v[c], 7);
}

/* Table 2: the words move between rounds. */
static void permute(uint32_t m[16])
{
	static const int from[16] = { 2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8 };
	uint32_t old[16];

	memcpy(old, m, sizeof old);
	for (int i = 0; i < 16; i++)
		m[i] = old[from[i]];
}

static void one_round(uint32_t v[16], const uint32_t m[16])
{
	g(v, 0, 4, 8, 12, m[0], m[1]);
	g(v, 1, 5, 9, 13, m[2], m[3]);
	g(v, 2, 6, 10, 14, m[4], m[5]);
	g(v, 3, 7, 11, 15, m[6], m[7]);
	g(v, 0, 5, 10, 15, m[8], m[9]);
	g(v, 1, 6, 11, 12, m[10], m[11]);
	g(v, 2, 7, 8, 13, m[12], m[13]);
	g(v, 3, 4, 9, 14, m[14], m[15]);
}

/* 2.2, all 64 bytes of the result. */
static void squeeze(const struct reference_node *n, uint64_t counter, uint32_t flags, uint8_t out[64])
{
	uint32_t h[8], v[16], m[16];

	for (int i = 0; i < 8; i++) {
		v[i] = h[i] = get_word(n->cv + 4 * i);
		v[8 + i] = get_word((const uint8_t *)iv + 4 * i);
	}
	v[12] = (uint32_t)(counter & 0xffffffff);
	v[13] = (uint32_t)(counter / 0x100000000);
	v[14] = n->bytes;
	v[15] = flags;
	for (int i = 0; i < 16; i++)
		m[i] = get_word(n->block + 4 * i);
	for (int round = 1; round <= 7; round++) {
		one_round(v, m);
		permute(m);
	}
	for (int i = 0; i < 8; i++) {
		put_word(out + 4 * i, v[i] ^ v[i + 8]);
		put_word(out + 32 + 4 * i, v[i + 8] ^ h[i]);
	}
}

void reference_cv(const struct reference_node *node, uint8_t cv[32])
{
	uint8_t out[64];

	squeeze(node, node->counter, node->flags, out);
	memcpy(cv, out, 32);
}

void reference_output(const struct reference_node *root, uint64_t at, uint8_t *out, size_t bytes)
{
	uint8_t block[64];

	for (size_t i = 0; i < bytes; i++) {
		if (i == 0 || (at + i) % 64 == 0)
			squeeze(root, (at + i) / 64, root->flags | TOP, block);
		out[i] = block[(at + i) % 64];
	}
}

/* 2.4 */
struct reference_node reference_chunk(const struct reference_tree *tree, uint64_t counter, const uint8_t *data,
                                      size_t bytes)
{
	struct reference_node n = { .counter = counter, .flags = tree->flags | START };

	memcpy(n.cv, tree->key, 32);
	while (bytes > 64) {
		uint8_t cv[32];

		memcpy(n.block, data, 64);
		n.bytes = 64;
		reference_cv(&n, cv);
		memcpy(n.cv, cv, 32);
		n.flags = tree->flags;
		data += 64;
		bytes -= 64;
	}
	memset(n.block, 0, 64);
	if (bytes)
		memcpy(n.block, data, bytes);
	n.bytes = (uint32_t)bytes;
	n.flags |= END;
	return n;
}

/* 2.5 */
struct reference_node reference_parent(const struct reference_tree *tree, const uint8_t left[32],
                                       const uint8_t right[32])
{
	struct reference_node n = { .bytes = 64, .flags = tree->flags | INNER };

	memcpy(n.cv, tree->key, 32);
	memcpy(n.block, left, 32);
	memcpy(n.block + 32, right, 32);
	return n;
}

/* 2.1: the left side is the largest power of two of chunks that leaves a byte for the right. */
struct reference_node reference_top(const struct reference_tree *tree, uint64_t counter, const uint8_t *data,
                                    size_t bytes)
{
	struct reference_node left, right;
	uint8_t cv[2][32];
	size_t half = 1024;

	if (bytes <= 1024)
		return reference_chunk(tree, counter, data, bytes);
	while (2 * half < bytes)
		half *= 2;
	left = reference_top(tree, counter, data, half);
	right = reference_top(tree, counter + half / 1024, data + half, bytes - half);
	reference_cv(&left, cv[0]);
	reference_cv(&right, cv[1]);
	return reference_parent(tree, cv[0], cv[1]);
}

/* 2.3 */
struct reference_tree reference_start(enum reference_mode mode, const void *key, size_t key_bytes)
{
	struct reference_tree tree = { .flags = 0 };
	struct reference_node root;

	memcpy(tree.key, iv, 32);
	if (mode == REFERENCE_KEYED) {
		memcpy(tree.key, key, 32);
		tree.flags = 0x10;
	} else if (mode == REFERENCE_DERIVE) {
		tree.flags = 0x20;
		root = reference_top(&tree, 0, key, key_bytes);
		reference_output(&root, 0, tree.key, 32);
		tree.flags = 0x40;
	}
	return tree;
}
