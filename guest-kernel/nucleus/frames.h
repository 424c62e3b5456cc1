/*
 * Counts per frame that a fault pays for: inline, eight frames at a time. frames.c
 * has the rest and says what the bytes mean.
 */
#ifndef CENO_NUCLEUS_FRAMES_H
#define CENO_NUCLEUS_FRAMES_H

#include "nucleus.h"

#define CENO_FRAME_EXEC      0x80u
#define CENO_FRAME_COUNT_MAX 0x7eu
#define CENO_FRAME_ONES      0x0101010101010101ull
#define CENO_FRAME_TOPS      0x8080808080808080ull

/* Eight counters as one number, wherever they start. */
typedef uint64_t __attribute__((may_alias, aligned(1))) ceno_frames_eight_t;

static inline uint8_t *ceno_frames_byte(uint64_t gpa)
{
	return (uint8_t *)ceno_cpu.handoff->frame_gva + (gpa - ceno_cpu.handoff->user_gpa) / CENO_PAGE;
}

/* Eight frames at a time: ring 0 may cost a microsecond an instruction. */
static inline int ceno_frames_check_write(uint64_t gpa, uint64_t pages)
{
	const uint8_t *f = ceno_frames_byte(gpa);

	for (; pages >= 8; pages -= 8, f += 8) {
		uint64_t eight = *(const ceno_frames_eight_t *)f;

		/* exec, or at its limit; a carry into the next byte only follows an exec byte */
		if ((eight | (eight + 2 * CENO_FRAME_ONES)) & CENO_FRAME_TOPS)
			return CENO_E_WX;
	}
	for (; pages; pages--, f++)
		if (*f >= CENO_FRAME_COUNT_MAX)
			return CENO_E_WX;
	return 0;
}

/* Counts of one 2 MiB of user RAM: one of the two is always zero. */
struct ceno_granule {
	uint16_t writable_large, exec_frames;
};

static inline struct ceno_granule *ceno_frames_granule(uint64_t gpa)
{
	return (struct ceno_granule *)ceno_cpu.handoff->granule_gva +
	    (gpa - ceno_cpu.handoff->user_gpa) / CENO_LARGE_PAGE;
}

/* n 2 MiB entries. */
static inline int ceno_frames_check_write_large(uint64_t gpa, uint64_t n)
{
	for (const struct ceno_granule *g = ceno_frames_granule(gpa), *end = g + n; g != end; g++)
		if (g->exec_frames || g->writable_large == UINT16_MAX)
			return CENO_E_WX;
	return 0;
}

static inline void ceno_frames_add_write_large(uint64_t gpa, uint64_t n)
{
	for (struct ceno_granule *g = ceno_frames_granule(gpa), *end = g + n; g != end; g++)
		g->writable_large++;
}

static inline void ceno_frames_add_write(uint64_t gpa, uint64_t pages)
{
	uint8_t *f = ceno_frames_byte(gpa);

	for (; pages >= 8; pages -= 8, f += 8)
		*(ceno_frames_eight_t *)f += CENO_FRAME_ONES;
	for (; pages; pages--, f++)
		++*f;
}

static inline void ceno_frames_sub_write(uint64_t gpa, uint64_t pages)
{
	uint8_t *f = ceno_frames_byte(gpa);

	for (; pages >= 8; pages -= 8, f += 8)
		*(ceno_frames_eight_t *)f -= CENO_FRAME_ONES;
	for (; pages; pages--, f++)
		--*f;
}

#endif
