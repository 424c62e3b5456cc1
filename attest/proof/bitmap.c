/*
 * Granules of session RAM and the bitmap of those that were ever backed
 * (chunk.h). Pure arithmetic; every function tolerates mem_total out of range by
 * doing nothing.
 */
#include "chunk.h"

uint64_t ceno_proof_granule(uint64_t mem_total)
{
	if (mem_total == 0 || mem_total > CENO_PROOF_MEM_MAX)
		return 0;
	uint64_t granule = CENO_PROOF_CHUNK;
	while ((mem_total + granule - 1) / granule > CENO_PROOF_BITMAP_MAX * 8ull)
		granule *= 2;
	return granule;
}

static uint64_t granules(uint64_t mem_total)
{
	uint64_t granule = ceno_proof_granule(mem_total);
	return granule == 0 ? 0 : (mem_total + granule - 1) / granule;
}

uint32_t ceno_proof_bitmap_bytes(uint64_t mem_total)
{
	return (uint32_t)((granules(mem_total) + 7) / 8);
}

static int is_set(const uint8_t *bitmap, uint64_t i)
{
	return bitmap[i / 8] >> (i % 8) & 1;
}

void ceno_proof_bitmap_set(uint8_t *bitmap, uint64_t mem_total, uint64_t offset, uint64_t bytes)
{
	uint64_t granule = ceno_proof_granule(mem_total);
	if (granule == 0 || bytes == 0 || offset >= mem_total)
		return;
	if (bytes > mem_total - offset)
		bytes = mem_total - offset;
	for (uint64_t i = offset / granule; i <= (offset + bytes - 1) / granule; i++)
		bitmap[i / 8] = (uint8_t)(bitmap[i / 8] | 1u << (i % 8));
}

static uint64_t granule_end(uint64_t mem_total, uint64_t i)
{
	uint64_t end = (i + 1) * ceno_proof_granule(mem_total);
	return end < mem_total ? end : mem_total;
}

uint64_t ceno_proof_backed_bytes(const uint8_t *bitmap, uint64_t mem_total)
{
	uint64_t sum = 0, granule = ceno_proof_granule(mem_total);
	for (uint64_t i = 0; i < granules(mem_total); i++)
		if (is_set(bitmap, i))
			sum += granule_end(mem_total, i) - i * granule;
	return sum;
}

int ceno_proof_next_backed(const uint8_t *bitmap, uint64_t mem_total, uint64_t *offset, uint64_t *bytes)
{
	uint64_t granule = ceno_proof_granule(mem_total), n = granules(mem_total);
	if (granule == 0)
		return 0;
	uint64_t i = *offset / granule + (*offset % granule != 0);
	while (i < n && !is_set(bitmap, i))
		i++;
	if (i >= n)
		return 0;
	uint64_t last = i;
	while (last + 1 < n && is_set(bitmap, last + 1))
		last++;
	*offset = i * granule;
	*bytes = granule_end(mem_total, last) - *offset;
	return 1;
}
