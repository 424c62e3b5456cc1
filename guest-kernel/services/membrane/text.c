/*
 * Frames for code. See text.h. Chunks of 2 MiB, each with a bit a page, in one page of
 * RAM that exists while there is a chunk.
 */
#include "text.h"

#include "frames.h"

#define PAGES  (CENO_LARGE_PAGE / CENO_PAGE)
#define CHUNKS (CENO_PAGE / sizeof(struct chunk))

struct chunk {
	uint64_t offset; /* 0: none (frame 0 is never handed out) */
	uint64_t used;   /* pages */
	uint64_t bits[PAGES / 64];
};

static struct chunk *chunks; /* CHUNKS of them, or NULL */
static uint32_t count, opened;

void ceno_text_init(void)
{
	chunks = NULL;
	count = opened = 0;
}

/* Membrane's own view of a chunk. */
static int view(uint64_t offset, uint32_t rights)
{
	return ceno_map(CENO_SLOT_SELF, CENO_SLOT_RAM, CENO_RAM_GVA + offset, offset, CENO_LARGE_PAGE,
	                rights | CENO_MAP_REPLACE) < 0
	    ? -LX_ENOMEM
	    : 0;
}

/* The first `pages` free pages in a row; PAGES: there are none. */
static uint32_t find_run(const struct chunk *chunk, uint32_t pages)
{
	uint32_t run = 0;

	for (uint32_t i = 0; i < PAGES; i++) {
		run = chunk->bits[i / 64] >> (i % 64) & 1 ? 0 : run + 1;
		if (run == pages)
			return i + 1 - pages;
	}
	return PAGES;
}

static struct chunk *new_chunk(void)
{
	uint64_t table = chunks ? 0 : ceno_frames_alloc(0), frame;
	struct chunk *chunk;

	if (table == CENO_NO_FRAME)
		return NULL;
	if (!chunks)
		chunks = ceno_ram(table);
	for (chunk = chunks; chunk < chunks + CHUNKS && chunk->offset; chunk++)
		;
	frame = chunk < chunks + CHUNKS ? ceno_frames_alloc_raw(CENO_ORDER_LARGE) : CENO_NO_FRAME;
	if (frame != CENO_NO_FRAME && view(frame, CENO_RIGHT_READ)) {
		ceno_frames_free(frame, CENO_ORDER_LARGE);
		frame = CENO_NO_FRAME;
	}
	if (frame == CENO_NO_FRAME) {
		if (!count) {
			ceno_frames_free((uint64_t)(uintptr_t)chunks - CENO_RAM_GVA, 0);
			chunks = NULL;
		}
		return NULL;
	}
	chunk->offset = frame;
	count++;
	return chunk;
}

static void free_chunk(struct chunk *chunk)
{
	if (view(chunk->offset, CENO_RIGHT_READ | CENO_RIGHT_WRITE))
		ceno_membrane_abort();
	ceno_frames_free(chunk->offset, CENO_ORDER_LARGE);
	memset(chunk, 0, sizeof(*chunk));
	if (--count)
		return;
	ceno_frames_free((uint64_t)(uintptr_t)chunks - CENO_RAM_GVA, 0);
	chunks = NULL;
}

static struct chunk *chunk_with(uint32_t pages, uint32_t *first)
{
	struct chunk *chunk;

	for (uint32_t i = 0; chunks && i < CHUNKS; i++) {
		*first = chunks[i].offset ? find_run(&chunks[i], pages) : PAGES;
		if (*first < PAGES)
			return &chunks[i];
	}
	chunk = new_chunk();
	*first = 0;
	return chunk;
}

uint64_t ceno_text_open(uint32_t pages, void **at)
{
	uint32_t first;
	struct chunk *chunk = chunk_with(pages, &first);
	uint64_t offset;

	if (!chunk)
		return CENO_NO_FRAME;
	offset = chunk->offset + first * CENO_PAGE;
	if (ceno_map(CENO_SLOT_SELF, CENO_SLOT_RAM, CENO_TEXT_GVA, offset, pages * CENO_PAGE,
	             CENO_RIGHT_READ | CENO_RIGHT_WRITE) < 0) {
		if (!chunk->used)
			free_chunk(chunk);
		return CENO_NO_FRAME;
	}
	for (uint32_t i = first; i < first + pages; i++)
		chunk->bits[i / 64] |= 1ull << (i % 64);
	chunk->used += pages;
	opened = pages;
	*at = (void *)(uintptr_t)CENO_TEXT_GVA;
	return offset;
}

void ceno_text_close(void)
{
	int64_t result;

	do
		result = ceno_map(CENO_SLOT_SELF, -1, CENO_TEXT_GVA, 0, opened * CENO_PAGE, 0);
	while (result == CENO_E_AGAIN);
	if (result < 0)
		ceno_membrane_abort();
}

void ceno_text_free(uint64_t offset)
{
	uint64_t start = offset & ~(CENO_LARGE_PAGE - 1), i = (offset - start) / CENO_PAGE;
	struct chunk *chunk = chunks;

	if (ceno_frames_shared(offset, 0)) {
		ceno_frames_free(offset, 0);
		return;
	}
	while (chunk->offset != start)
		chunk++;
	chunk->bits[i / 64] &= ~(1ull << (i % 64));
	if (--chunk->used == 0)
		free_chunk(chunk);
}
