/*
 * RFC 6962 tree with stored subtrees (log.h). Ranges below are [begin, end) of
 * leaves where begin is a multiple of the largest power of two that the
 * recursion of the RFC has split off, so every complete part is in a level.
 */
#include "log.h"

#include <stdlib.h>
#include <string.h>

const char *ceno_log_error_text(int error)
{
	switch (error) {
#define TEXT(name, number, text) \
	case number: \
		return text;
		CENO_LOG_ERRORS(TEXT)
#undef TEXT
	default:
		return "no error";
	}
}

void ceno_log_init(struct ceno_log *log)
{
	memset(log, 0, sizeof(*log));
}

void ceno_log_fini(struct ceno_log *log)
{
	for (uint32_t i = 0; i < CENO_LOG_LEVELS; i++)
		free(log->level[i].hashes);
	memset(log, 0, sizeof(*log));
}

static int reserve(struct ceno_log_level *level, uint64_t need)
{
	if (need <= level->capacity)
		return 0;
	uint64_t capacity = level->capacity == 0 ? 64 : level->capacity * 2;
	void *grown = realloc(level->hashes, (size_t)capacity * 32);
	if (grown == NULL)
		return CENO_LOG_E_MEMORY;
	level->hashes = grown;
	level->capacity = capacity;
	return 0;
}

int ceno_log_append(struct ceno_log *log, const uint8_t leaf[32], uint64_t *index)
{
	uint64_t count = log->count + 1;
	uint8_t hash[32];
	if (count >> CENO_LOG_LEVELS != 0)
		return CENO_LOG_E_RANGE;
	for (uint32_t l = 0; l < CENO_LOG_LEVELS && count % (1ull << l) == 0; l++)
		if (reserve(&log->level[l], count >> l) != 0)
			return CENO_LOG_E_MEMORY;
	memcpy(hash, leaf, 32);
	for (uint32_t l = 0; l < CENO_LOG_LEVELS && count % (1ull << l) == 0; l++) {
		uint64_t i = (count >> l) - 1;
		memcpy(log->level[l].hashes[i], hash, 32);
		if (i & 1)
			ceno_merkle_node(log->level[l].hashes[i - 1], hash, hash);
	}
	if (index != NULL)
		*index = log->count;
	log->count = count;
	return 0;
}

/* Largest power of two smaller than n, n >= 2. */
static uint64_t split(uint64_t n)
{
	return 1ull << (63 - __builtin_clzll(n - 1));
}

/* MTH of [begin, end), end > begin: complete subtrees from the levels, joined from the right. */
static void range_hash(const struct ceno_log *log, uint64_t begin, uint64_t end, uint8_t out[32])
{
	const uint8_t *part[64];
	uint32_t n = 0;
	do {
		uint32_t l = (uint32_t)(63 - __builtin_clzll(end - begin));
		part[n++] = log->level[l].hashes[begin >> l];
		begin += 1ull << l;
	} while (begin < end);
	memcpy(out, part[n - 1], 32);
	for (uint32_t i = n - 1; i-- > 0;)
		ceno_merkle_node(part[i], out, out);
}

int ceno_log_root(const struct ceno_log *log, uint64_t size, uint8_t root[32])
{
	struct ceno_merkle none;
	if (size > log->count)
		return CENO_LOG_E_RANGE;
	if (size == 0) {
		ceno_merkle_init(&none);
		ceno_merkle_root(&none, root);
	} else {
		range_hash(log, 0, size, root);
	}
	return 0;
}

static void reverse(uint8_t (*path)[32], uint32_t count)
{
	for (uint32_t i = 0; i < count / 2; i++) {
		uint8_t t[32];
		memcpy(t, path[i], 32);
		memcpy(path[i], path[count - 1 - i], 32);
		memcpy(path[count - 1 - i], t, 32);
	}
}

int ceno_log_inclusion(const struct ceno_log *log, uint64_t index, uint64_t size, struct ceno_proof_inclusion *proof)
{
	uint64_t begin = 0, end = size;
	if (size > log->count || index >= size)
		return CENO_LOG_E_RANGE;
	memset(proof, 0, sizeof(*proof));
	proof->index = index;
	while (end - begin > 1) { /* from the root down; the path is wanted from the leaf up */
		uint64_t middle = begin + split(end - begin);
		uint8_t *other = proof->path[proof->count++];
		if (index < middle) {
			range_hash(log, middle, end, other);
			end = middle;
		} else {
			range_hash(log, begin, middle, other);
			begin = middle;
		}
	}
	reverse(proof->path, proof->count);
	return 0;
}

int ceno_log_consistency(const struct ceno_log *log, uint64_t old, uint64_t size, uint8_t path[CENO_LOG_PATH_MAX][32],
                         uint32_t *count)
{
	uint64_t begin = 0, end = size;
	int whole = 1; /* RFC 6962's b: the old tree is a complete subtree of what is left */
	*count = 0;
	if (old == 0 || old > size || size > log->count)
		return CENO_LOG_E_RANGE;
	while (old != end) {
		uint64_t middle = begin + split(end - begin);
		if (old <= middle) {
			range_hash(log, middle, end, path[(*count)++]);
			end = middle;
		} else {
			range_hash(log, begin, middle, path[(*count)++]);
			begin = middle;
			whole = 0;
		}
	}
	if (!whole)
		range_hash(log, begin, end, path[(*count)++]);
	reverse(path, *count);
	return 0;
}
