/*
 * BLAKE3 (blake3.h). The section numbers are those of the paper. The message is
 * cut into chunks of 1 KiB, the leaves of a binary tree whose left subtrees are
 * complete; a chunk is a chain of compressions of 64-byte blocks, a parent one
 * compression of its two children's chaining values.
 *
 * A block, a chunk or a subtree is closed only when a byte of the message comes
 * after it: only then is it known not to be the end, where the root flag goes.
 */
#include "lib/blake3.h"
#include "lib/mem.h"

/* Table 3. */
enum {
	CHUNK_START = 1,
	CHUNK_END = 2,
	PARENT = 4,
	ROOT = 8,
	KEYED_HASH = 16,
	DERIVE_KEY_CONTEXT = 32,
	DERIVE_KEY_MATERIAL = 64,
};

#define BLOCK_BYTES  64
#define CHUNK_BLOCKS (CENO_BLAKE3_CHUNK_BYTES / BLOCK_BYTES)

/* Table 1: fractional parts of the square roots of the first eight primes, as in SHA-256. */
static const uint32_t initial[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

/* The order in which a round takes the block's words: table 2, applied once more
 * each round. */
static const uint8_t schedule[7][16] = {
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	{ 2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8 },
	{ 3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1 },
	{ 10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6 },
	{ 12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4 },
	{ 9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7 },
	{ 11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13 },
};

static inline uint32_t rotate(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static inline uint32_t load(const void *p)
{
	uint32_t x;

	__builtin_memcpy(&x, p, 4);
	return x;
}

/* 2.2: the quarter-round on four words of the state, with two of the message. */
static inline void mix(uint32_t *pa, uint32_t *pb, uint32_t *pc, uint32_t *pd, uint32_t x, uint32_t y)
{
	uint32_t a = *pa, b = *pb, c = *pc, d = *pd;

	a += b + x;
	d = rotate(d ^ a, 16);
	c += d;
	b = rotate(b ^ c, 12);
	a += b + y;
	d = rotate(d ^ a, 8);
	c += d;
	b = rotate(b ^ c, 7);
	*pa = a;
	*pb = b;
	*pc = c;
	*pd = d;
}

/*
 * 2.2: compresses the 64 bytes at `block` under cv into v, whose first half is the
 * new chaining value and all of which is a block of output. v may not overlap the
 * others.
 */
static void compress(uint32_t v[16], const uint32_t cv[8], const void *block, uint64_t counter, uint32_t bytes,
                     uint32_t flags)
{
	const uint8_t *m = block;

	memcpy(v, cv, 32);
	memcpy(v + 8, initial, 16);
	v[12] = (uint32_t)counter;
	v[13] = (uint32_t)(counter >> 32);
	v[14] = bytes;
	v[15] = flags;
	for (unsigned round = 0; round < 7; round++) {
		const uint8_t *s = schedule[round];

		for (unsigned i = 0; i < 4; i++, s += 2) /* the columns, then the diagonals */
			mix(v + i, v + 4 + i, v + 8 + i, v + 12 + i, load(m + 4 * s[0]), load(m + 4 * s[1]));
		for (unsigned i = 0; i < 4; i++, s += 2)
			mix(v + i, v + 4 + (i + 1) % 4, v + 8 + (i + 2) % 4, v + 12 + (i + 3) % 4, load(m + 4 * s[0]),
			    load(m + 4 * s[1]));
	}
	for (unsigned i = 0; i < 8; i++) {
		v[i] ^= v[i + 8];
		v[i + 8] ^= cv[i];
	}
}

static void start(struct ceno_blake3 *hash, uint8_t flags)
{
	memcpy(hash->cv, hash->key, sizeof hash->key);
	hash->chunk = 0;
	hash->used = hash->blocks = hash->depth = 0;
	hash->flags = flags;
}

void ceno_blake3_init(struct ceno_blake3 *hash)
{
	memcpy(hash->key, initial, sizeof initial);
	start(hash, 0);
}

void ceno_blake3_init_keyed(struct ceno_blake3 *hash, const uint8_t key[CENO_BLAKE3_KEY_BYTES])
{
	memcpy(hash->key, key, sizeof hash->key);
	start(hash, KEYED_HASH);
}

void ceno_blake3_init_derive_key(struct ceno_blake3 *hash, const void *context, size_t bytes)
{
	memcpy(hash->key, initial, sizeof initial);
	start(hash, DERIVE_KEY_CONTEXT);
	ceno_blake3_update(hash, context, bytes);
	ceno_blake3_final(hash, hash->key, sizeof hash->key); /* in one block: the key is read before it is written */
	start(hash, DERIVE_KEY_MATERIAL);
}

/* The flags of the current block, if its chunk does not end with it. */
static uint8_t block_flags(const struct ceno_blake3 *hash)
{
	return hash->blocks ? hash->flags : hash->flags | CHUNK_START;
}

/* The current chunk is complete, its chaining value in work: takes it as a subtree,
 * and joins subtrees of one size: as many as the number of chunks, this one
 * included, has zeros at its low end (5.1.2). */
static void close_chunk(struct ceno_blake3 *hash)
{
	memcpy(hash->stack[hash->depth++], hash->work, sizeof hash->cv);
	memcpy(hash->cv, hash->key, sizeof hash->cv);
	hash->blocks = 0;
	for (uint64_t chunks = ++hash->chunk; !(chunks & 1); chunks >>= 1) {
		uint32_t *left = hash->stack[--hash->depth - 1];

		compress(hash->work, hash->key, left, 0, BLOCK_BYTES, hash->flags | PARENT);
		memcpy(left, hash->work, sizeof hash->cv);
	}
}

/* Takes a whole block that is not the message's last. */
static void take_block(struct ceno_blake3 *hash, const uint8_t *block)
{
	bool last = hash->blocks == CHUNK_BLOCKS - 1;

	compress(hash->work, hash->cv, block, hash->chunk, BLOCK_BYTES, block_flags(hash) | (last ? CHUNK_END : 0));
	if (last) {
		close_chunk(hash);
		return;
	}
	memcpy(hash->cv, hash->work, sizeof hash->cv);
	hash->blocks++;
}

void ceno_blake3_update(struct ceno_blake3 *hash, const void *data, size_t bytes)
{
	const uint8_t *p = data;

	while (bytes) {
		size_t take;

		if (hash->used == BLOCK_BYTES) {
			take_block(hash, hash->block);
			hash->used = 0;
		}
		if (hash->used == 0)
			for (; bytes > BLOCK_BYTES; bytes -= BLOCK_BYTES, p += BLOCK_BYTES)
				take_block(hash, p);
		take = bytes < BLOCK_BYTES - (size_t)hash->used ? bytes : BLOCK_BYTES - (size_t)hash->used;
		memcpy(hash->block + hash->used, p, take);
		hash->used = (uint8_t)(hash->used + take);
		p += take;
		bytes -= take;
	}
}

void ceno_blake3_final(struct ceno_blake3 *hash, void *out, size_t bytes)
{
	ceno_blake3_final_at(hash, 0, out, bytes);
}

void ceno_blake3_final_at(struct ceno_blake3 *hash, uint64_t at, void *out, size_t bytes)
{
	/* The node in hand: the last block at first, then the parents along the tree's right edge. */
	const uint32_t *cv = hash->cv;
	uint64_t counter = hash->chunk;
	uint32_t block_bytes = hash->used, flags = block_flags(hash) | CHUNK_END;
	uint8_t *to = out;

	memset(hash->node, 0, sizeof hash->node);
	memcpy(hash->node, hash->block, hash->used);
	for (unsigned i = hash->depth; i-- > 0;) {
		compress(hash->work, cv, hash->node, counter, block_bytes, flags);
		memcpy(hash->node, hash->stack[i], sizeof hash->key);
		memcpy(hash->node + 8, hash->work, sizeof hash->key);
		cv = hash->key;
		counter = 0;
		block_bytes = BLOCK_BYTES;
		flags = hash->flags | PARENT;
	}
	/* 2.6: the root, once for each block of output, numbered by the counter. */
	for (counter = at / BLOCK_BYTES; bytes; counter++) {
		size_t skip = at % BLOCK_BYTES;
		size_t n = bytes < BLOCK_BYTES - skip ? bytes : BLOCK_BYTES - skip;

		compress(hash->work, cv, hash->node, counter, block_bytes, flags | ROOT);
		memcpy(to, (const uint8_t *)hash->work + skip, n);
		to += n;
		at += n;
		bytes -= n;
	}
}

void ceno_blake3_fini(struct ceno_blake3 *hash)
{
	memset(hash, 0, sizeof *hash);
	__asm__ volatile("" : : "r"(hash) : "memory"); /* the stores are needed */
}
