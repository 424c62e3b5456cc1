/*
 * W^X across aliases: for each 4 KiB frame of user RAM one byte, for each 2 MiB
 * granule two counters.
 *
 *   byte 0           fresh, or mapped nowhere writable or executable
 *   byte 1..0x7e     so many writable 4 KiB mappings: data
 *   byte 0x80..0xfe  so many executable mappings, less 0x80: exec
 *
 * Read-only mappings do not count. A granule also counts writable 2 MiB entries
 * and frames of it that are exec: one of the two is always zero. Page tables
 * lie in the kernel pool, which is no part of user RAM, so "table" needs no value.
 * Counts at their limit refuse one more mapping rather than wrap.
 */
#include "nucleus.h"

#define EXEC 0x80u
#define COUNT_MAX 0x7eu
#define ONES 0x0101010101010101ull
#define TOPS 0x8080808080808080ull

struct granule { uint16_t writable_large, exec_frames; };

static uint8_t *frame_of(uint64_t gpa)
{
	return (uint8_t *)ceno_cpu.handoff->frame_gva + (gpa - ceno_cpu.handoff->user_gpa) / CENO_PAGE;
}

static struct granule *granule_of(uint64_t gpa)
{
	return (struct granule *)ceno_cpu.handoff->granule_gva + (gpa - ceno_cpu.handoff->user_gpa) / CENO_LARGE_PAGE;
}

/* Eight frames at a time: ring 0 may cost a microsecond an instruction. */
int ceno_frames_check_write(uint64_t gpa, uint64_t pages)
{
	const uint8_t *f = frame_of(gpa);

	for (; pages >= 8; pages -= 8, f += 8) {
		uint64_t eight = *(const uint64_t *)f;

		if ((eight | (eight + 2 * ONES)) & TOPS) /* exec, or at COUNT_MAX; a carry only follows an exec byte */
			return CENO_E_WX;
	}
	for (; pages; pages--, f++)
		if (*f >= COUNT_MAX)
			return CENO_E_WX;
	return 0;
}

int ceno_frames_check_execute(uint64_t gpa, uint64_t pages)
{
	for (; pages; pages--, gpa += CENO_PAGE) {
		uint8_t f = *frame_of(gpa);

		if ((f != 0 && f < EXEC) || f == EXEC + COUNT_MAX || granule_of(gpa)->writable_large)
			return CENO_E_WX;
	}
	return 0;
}

int ceno_frames_check_write_large(uint64_t gpa)
{
	const struct granule *g = granule_of(gpa);

	return g->exec_frames || g->writable_large == UINT16_MAX ? CENO_E_WX : 0;
}

void ceno_frames_add_write(uint64_t gpa, uint64_t pages)
{
	uint8_t *f = frame_of(gpa);

	for (; pages >= 8; pages -= 8, f += 8)
		*(uint64_t *)f += ONES;
	for (; pages; pages--, f++)
		++*f;
}

void ceno_frames_add_execute(uint64_t gpa, uint64_t pages)
{
	for (; pages; pages--, gpa += CENO_PAGE) {
		uint8_t *f = frame_of(gpa);

		if (*f == 0) {
			*f = EXEC;
			granule_of(gpa)->exec_frames++;
		}
		++*f;
	}
}

void ceno_frames_add_write_large(uint64_t gpa)
{
	granule_of(gpa)->writable_large++;
}

void ceno_frames_drop(uint64_t entry, int large)
{
	uint64_t gpa = entry & 0x000ffffffffff000ull;
	uint8_t *f;

	if (!ceno_frames_are_ram(gpa))
		return;
	if (large) {
		if (entry & 2)
			granule_of(gpa)->writable_large--;
		return;
	}
	f = frame_of(gpa);
	if (entry & 2) {
		--*f;
	} else if (!(entry >> 63) && --*f == EXEC) {
		*f = 0;
		granule_of(gpa)->exec_frames--;
	}
}
