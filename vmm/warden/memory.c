/*
 * Overwriting and checking session memory; see memory.h.
 */
#include "memory.h"

#include <emmintrin.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../attest/proof/merkle.h"
#include "../../guest-kernel/abi/layout.h"

#define STRIDE CENO_LARGE_PAGE /* populated and written at a time: what the caches hold */

/* Maps fd at a 2 MiB boundary, so that memory backed by large pages is mapped by them. */
static void *map_aligned(int fd, uint64_t bytes, int protection, void **reserved, uint64_t *reserved_bytes)
{
	*reserved_bytes = bytes + CENO_LARGE_PAGE;
	*reserved = mmap(NULL, *reserved_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (*reserved == MAP_FAILED) {
		*reserved = NULL;
		return NULL;
	}
	uintptr_t at = ((uintptr_t)*reserved + CENO_LARGE_PAGE - 1) & ~(uintptr_t)(CENO_LARGE_PAGE - 1);
	void *map = mmap((void *)at, bytes, protection, MAP_SHARED | MAP_FIXED, fd, 0);
	return map == MAP_FAILED ? NULL : map;
}

/* Sets a bit for every granule with a backed page that is in neither map, into fresh. Returns 1 if any, 0, -errno. */
static int find_new(const struct ceno_memory *memory, uint8_t *fresh)
{
	uint64_t bytes = memory->bytes;
	uint32_t bitmap_bytes = ceno_proof_bitmap_bytes(bytes);
	memset(fresh, 0, CENO_PROOF_BITMAP_MAX);
	for (off_t at = 0;;) {
		off_t data = lseek(memory->fd, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		off_t end = data < 0 ? -1 : lseek(memory->fd, data, SEEK_HOLE);
		if (end < 0)
			return -errno;
		ceno_proof_bitmap_set(fresh, bytes, (uint64_t)data, (uint64_t)(end - data));
		at = end;
	}
	uint8_t any = 0;
	for (uint32_t i = 0; i < bitmap_bytes; i++) {
		fresh[i] &= (uint8_t)~memory->bitmap[i];
		any |= fresh[i];
	}
	return any != 0;
}

static int find_first(struct ceno_memory *memory)
{
	uint8_t found[CENO_PROOF_BITMAP_MAX];
	int rc = find_new(memory, found);
	if (rc >= 0)
		memcpy(memory->bitmap, found, sizeof found);
	return rc;
}

int ceno_memory_open(struct ceno_memory *memory, int fd, int fd_ro, uint64_t bytes)
{
	struct stat st;
	memset(memory, 0, sizeof *memory);
	memory->fd = fd;
	memory->bytes = bytes;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (bytes == 0 || (uint64_t)st.st_size != bytes || bytes % CENO_PROOF_CHUNK || bytes > CENO_PROOF_MEM_MAX)
		return -EINVAL;
	int seals = fcntl(fd, F_GET_SEALS);
	memory->sealed = seals >= 0 && seals & F_SEAL_WRITE;
	if (!memory->sealed)
		memory->map =
		    map_aligned(fd, bytes, PROT_READ | PROT_WRITE, &memory->reserved[0], &memory->reserved_bytes);
	if (memory->map || memory->sealed)
		memory->view = map_aligned(fd_ro, bytes, PROT_READ, &memory->reserved[1], &memory->reserved_bytes);
	int rc = memory->view ? find_first(memory) : -errno;
	if (rc >= 0)
		return 0;
	ceno_memory_close(memory);
	return rc;
}

/* One fault each page costs more than the encryption of it: let the kernel map
 * a stretch at once. For reading, also what is to be written: only read faults map
 * the pages around theirs, and shared memory is mapped writable by them as well (a
 * third of the time of MADV_POPULATE_WRITE). Only stretches that are to be written
 * or read, so no hole is filled that would not be. Failure is not an error: the
 * faults then come one by one. */
static void populate(const void *at, uint64_t bytes)
{
	uintptr_t first = (uintptr_t)at & ~(uintptr_t)(CENO_PAGE - 1);
	(void)madvise((void *)first, bytes, MADV_POPULATE_READ);
}

static int fill_run(struct ceno_memory *memory, struct ceno_proof_pass *pass, uint64_t at, uint64_t bytes)
{
	for (uint64_t end = at + bytes; at < end;) {
		uint64_t now = end - at < STRIDE ? end - at : STRIDE;
		populate(memory->map + at, now);
		if (ceno_proof_pass_fill(pass, CENO_GPA_RAM + at, memory->map + at, now) != 0)
			return -EIO;
		at += now;
	}
	return 0;
}

int ceno_memory_fill(struct ceno_memory *memory, struct ceno_proof_pass *pass)
{
	uint8_t fresh[CENO_PROOF_BITMAP_MAX];
	uint64_t at, bytes;
	int rc;
	for (at = 0; ceno_proof_next_backed(memory->bitmap, memory->bytes, &at, &bytes); at += bytes)
		if ((rc = fill_run(memory, pass, at, bytes)) < 0)
			return rc; /* what open, or a pass before this one, found */
	while ((rc = find_new(memory, fresh)) > 0) {
		for (at = 0; ceno_proof_next_backed(fresh, memory->bytes, &at, &bytes); at += bytes)
			if ((rc = fill_run(memory, pass, at, bytes)) < 0)
				return rc;
		for (size_t i = 0; i < sizeof fresh; i++)
			memory->bitmap[i] |= fresh[i];
	}
	return rc;
}

int ceno_memory_root(const struct ceno_memory *memory, struct ceno_proof_pass *pass, uint8_t root[32])
{
	struct ceno_merkle tree;
	uint8_t leaf[32];
	uint64_t at = 0, bytes;
	ceno_merkle_init(&tree);
	for (; ceno_proof_next_backed(memory->bitmap, memory->bytes, &at, &bytes); at += bytes) {
		for (uint64_t done = 0; done < bytes; done += CENO_PROOF_CHUNK) {
			const uint8_t *chunk = memory->view + at + done;
			if (done % STRIDE == 0)
				populate(chunk, bytes - done < STRIDE ? bytes - done : STRIDE);
			if (ceno_proof_pass_leaf(pass, CENO_GPA_RAM + at + done, chunk, leaf) != 0)
				return -EIO;
			ceno_merkle_add(&tree, leaf);
		}
	}
	ceno_merkle_root(&tree, root);
	return 0;
}

/* Non-temporal: the zeros are not read again from the cache, and must reach memory. */
static void zero_run(uint8_t *to, uint64_t bytes)
{
	const __m128i zero = _mm_setzero_si128();
	for (uint64_t i = 0; i < bytes; i += 64) {
		_mm_stream_si128((__m128i *)(void *)(to + i), zero);
		_mm_stream_si128((__m128i *)(void *)(to + i + 16), zero);
		_mm_stream_si128((__m128i *)(void *)(to + i + 32), zero);
		_mm_stream_si128((__m128i *)(void *)(to + i + 48), zero);
	}
	_mm_sfence();
}

void ceno_memory_zero(struct ceno_memory *memory)
{
	uint64_t at = 0, bytes;
	for (; ceno_proof_next_backed(memory->bitmap, memory->bytes, &at, &bytes); at += bytes)
		zero_run(memory->map + at, bytes);
}

static void unmap(void **reserved, uint64_t bytes)
{
	if (*reserved)
		munmap(*reserved, bytes);
	*reserved = NULL;
}

int ceno_memory_seal(struct ceno_memory *memory)
{
	unmap(&memory->reserved[0], memory->reserved_bytes);
	memory->map = NULL;
	return fcntl(memory->fd, F_ADD_SEALS, F_SEAL_WRITE) < 0 ? -errno : 0;
}

/* Bytes of [at, at + bytes) that are not zero; bytes a multiple of 64. */
static uint64_t count_nonzero(const uint8_t *at, uint64_t bytes)
{
	uint64_t found = 0;
	const __m128i zero = _mm_setzero_si128();
	for (uint64_t i = 0; i < bytes; i += 64) {
		const __m128i *p = (const __m128i *)(const void *)(at + i);
		__m128i any = _mm_or_si128(_mm_or_si128(_mm_load_si128(p), _mm_load_si128(p + 1)),
		                           _mm_or_si128(_mm_load_si128(p + 2), _mm_load_si128(p + 3)));
		if (_mm_movemask_epi8(_mm_cmpeq_epi8(any, zero)) != 0xffff)
			for (unsigned k = 0; k < 64; k++)
				found += at[i + k] != 0;
	}
	return found;
}

uint64_t ceno_memory_compare(const struct ceno_memory *memory, uint64_t *compared)
{
	uint64_t found = 0, at = 0, bytes;
	*compared = 0;
	for (; ceno_proof_next_backed(memory->bitmap, memory->bytes, &at, &bytes); at += bytes) {
		found += count_nonzero(memory->view + at, bytes);
		*compared += bytes;
	}
	return found;
}

void ceno_memory_close(struct ceno_memory *memory)
{
	unmap(&memory->reserved[0], memory->reserved_bytes);
	unmap(&memory->reserved[1], memory->reserved_bytes);
	memory->map = NULL;
	memory->view = NULL;
}

int ceno_area_wipe(int fd, struct ceno_area_result *result)
{
	struct stat st;
	memset(result, 0, sizeof *result);
	if (fstat(fd, &st) < 0)
		return -errno;
	uint64_t bytes = ((uint64_t)st.st_size + CENO_PAGE - 1) & ~(CENO_PAGE - 1);
	result->bytes = bytes;
	if (bytes == 0)
		return 0;
	void *reserved;
	uint64_t reserved_bytes;
	uint8_t *map = map_aligned(fd, bytes, PROT_READ | PROT_WRITE, &reserved, &reserved_bytes);
	int error = errno;
	if (map) {
		populate(map, bytes);
		zero_run(map, bytes);
		result->overwritten = bytes;
	}
	unmap(&reserved, reserved_bytes);
	if (!map)
		return -error;
	const uint8_t *view = map_aligned(fd, bytes, PROT_READ, &reserved, &reserved_bytes);
	error = errno;
	if (view) {
		result->mismatches = count_nonzero(view, bytes);
		result->read_back = bytes;
	}
	unmap(&reserved, reserved_bytes);
	return view ? 0 : -error;
}
