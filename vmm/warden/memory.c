/*
 * Overwriting and checking session memory; see memory.h.
 */
#include "memory.h"

#include <emmintrin.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../attest/proof/merkle.h"
#include "../../guest-kernel/abi/layout.h"
#include "lanes.h"

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
	if (map == MAP_FAILED)
		return NULL;
	/* Else the kernel marks each page as used when it is unmapped, one by one under a lock of the host's. */
	(void)madvise(map, bytes, MADV_SEQUENTIAL);
	return map;
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

/* One fault each page costs more than the encryption of it. A read fault maps the pages around its own as
 * well (64 KiB, by the kernel's default), and those of shared memory writable: half of what MADV_POPULATE_READ takes, which looks
 * up each page again. Only stretches that are to be written or read, so no hole is filled that would not be. A
 * kernel that maps fewer pages around only takes longer. */
static void populate(const uint8_t *at, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i += CENO_PROOF_CHUNK)
		(void)*(const volatile uint8_t *)(at + i);
}

/* ---- pieces, shared by the lanes --------------------------------------------------- */

/* One way over the backed granules of [begin, end). */
struct way {
	struct ceno_memory *memory;
	const uint8_t *bitmap;
	uint64_t begin, end;
	struct ceno_proof_pass *const *pass; /* one for each lane */
	/* What is done to a stretch within one 2 MiB; 0 or -errno. */
	int (*stretch)(struct way *way, unsigned lane, uint64_t at, uint64_t bytes);
	_Atomic uint64_t next, done, nonzero;
	_Atomic int error;
};

/* The next piece that nobody has taken: backed, and not over a boundary of 2 MiB, or of a granule if those are larger. */
static int take(struct way *way, uint64_t *at, uint64_t *bytes)
{
	const uint64_t granule = ceno_proof_granule(way->memory->bytes), piece = granule < STRIDE ? STRIDE : granule;
	uint64_t from = atomic_load(&way->next);
	do {
		*at = from;
		if (!ceno_proof_next_backed(way->bitmap, way->memory->bytes, at, bytes) || *at >= way->end)
			return 0;
		uint64_t room = piece - *at % piece;
		*bytes = *bytes < room ? *bytes : room;
	} while (!atomic_compare_exchange_weak(&way->next, &from, *at + *bytes));
	return 1;
}

static void go(void *context, unsigned lane)
{
	struct way *way = context;
	uint64_t at, bytes;
	while (atomic_load(&way->error) == 0 && take(way, &at, &bytes))
		for (uint64_t end = at + bytes, now; at < end; at += now) {
			now = end - at < STRIDE ? end - at : STRIDE;
			int rc = way->stretch(way, lane, at, now);
			if (rc < 0)
				atomic_store(&way->error, rc);
			else
				atomic_fetch_add(&way->done, now);
		}
}

/* Returns 0 if every backed byte of it was done, or -errno. */
static int go_all(struct way *way)
{
	uint64_t at = way->begin, bytes, backed = 0;
	atomic_store(&way->next, way->begin);
	ceno_lanes_run(go, way);
	for (; ceno_proof_next_backed(way->bitmap, way->memory->bytes, &at, &bytes) && at < way->end; at += bytes)
		backed += bytes < way->end - at ? bytes : way->end - at;
	int rc = atomic_load(&way->error);
	return rc == 0 && atomic_load(&way->done) != backed ? -EIO : rc;
}

static int fill(struct way *way, unsigned lane, uint64_t at, uint64_t bytes)
{
	uint8_t *to = way->memory->map + at;
	populate(to, bytes);
	return ceno_proof_pass_fill(way->pass[lane], CENO_GPA_RAM + at, to, bytes) == 0 ? 0 : -EIO;
}

static int fill_these(struct ceno_memory *memory, const uint8_t *bitmap, struct ceno_proof_pass *const *pass)
{
	struct way way = { .memory = memory, .bitmap = bitmap, .end = memory->bytes, .pass = pass, .stretch = fill };
	return go_all(&way);
}

int ceno_memory_fill(struct ceno_memory *memory, struct ceno_proof_pass *const *pass)
{
	uint8_t fresh[CENO_PROOF_BITMAP_MAX];
	int rc = fill_these(memory, memory->bitmap, pass); /* what open, or a pass before this one, found */
	while (rc == 0 && (rc = find_new(memory, fresh)) > 0) {
		rc = fill_these(memory, fresh, pass);
		for (size_t i = 0; i < sizeof fresh; i++)
			memory->bitmap[i] |= fresh[i];
	}
	return rc;
}

/* Leaves lie here from when a lane has read their chunk until they are added in their order. */
#define WINDOW_CHUNKS 4096u
#define WINDOW_BYTES  ((uint64_t)WINDOW_CHUNKS * CENO_PROOF_CHUNK)
static uint8_t leaves[WINDOW_CHUNKS][32];

static int read_back(struct way *way, unsigned lane, uint64_t at, uint64_t bytes)
{
	const uint8_t *from = way->memory->view + at;
	populate(from, bytes);
	for (uint64_t done = 0; done < bytes; done += CENO_PROOF_CHUNK) {
		uint8_t *leaf = leaves[(at + done - way->begin) / CENO_PROOF_CHUNK];
		if (ceno_proof_pass_leaf(way->pass[lane], CENO_GPA_RAM + at + done, from + done, leaf) != 0)
			return -EIO;
	}
	return 0;
}

static int add_window(struct ceno_memory *memory, struct ceno_proof_pass *const *pass, uint64_t begin,
                      struct ceno_merkle *tree)
{
	const uint64_t left = memory->bytes - begin, end = begin + (left < WINDOW_BYTES ? left : WINDOW_BYTES);
	struct way way = { .memory = memory,
		           .bitmap = memory->bitmap,
		           .begin = begin,
		           .end = end,
		           .pass = pass,
		           .stretch = read_back };
	uint64_t at = begin, bytes;
	int rc = go_all(&way);
	for (; rc == 0 && ceno_proof_next_backed(memory->bitmap, memory->bytes, &at, &bytes) && at < end; at += bytes)
		for (uint64_t done = 0; done < bytes && at + done < end; done += CENO_PROOF_CHUNK)
			ceno_merkle_add(tree, leaves[(at + done - begin) / CENO_PROOF_CHUNK]);
	return rc;
}

int ceno_memory_root(struct ceno_memory *memory, struct ceno_proof_pass *const *pass, uint8_t root[32])
{
	struct ceno_merkle tree;
	int rc = 0;
	ceno_merkle_init(&tree);
	for (uint64_t begin = 0; rc == 0 && begin < memory->bytes; begin += WINDOW_BYTES)
		rc = add_window(memory, pass, begin, &tree);
	if (rc == 0)
		ceno_merkle_root(&tree, root);
	return rc;
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

static int zero(struct way *way, unsigned lane, uint64_t at, uint64_t bytes)
{
	(void)lane;
	zero_run(way->memory->map + at, bytes);
	return 0;
}

void ceno_memory_zero(struct ceno_memory *memory)
{
	struct way way = { .memory = memory, .bitmap = memory->bitmap, .end = memory->bytes, .stretch = zero };
	(void)go_all(&way);
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

static int compare(struct way *way, unsigned lane, uint64_t at, uint64_t bytes)
{
	(void)lane;
	atomic_fetch_add(&way->nonzero, count_nonzero(way->memory->view + at, bytes));
	return 0;
}

uint64_t ceno_memory_compare(struct ceno_memory *memory, uint64_t *compared)
{
	struct way way = { .memory = memory, .bitmap = memory->bitmap, .end = memory->bytes, .stretch = compare };
	(void)go_all(&way);
	*compared = atomic_load(&way.done);
	return atomic_load(&way.nonzero);
}

int ceno_memory_late_is_zero(struct ceno_memory *memory)
{
	uint8_t fresh[CENO_PROOF_BITMAP_MAX];
	int rc = find_new(memory, fresh);
	if (rc <= 0)
		return rc == 0;
	struct way way = { .memory = memory, .bitmap = fresh, .end = memory->bytes, .stretch = compare };
	return go_all(&way) == 0 && atomic_load(&way.nonzero) == 0;
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
