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
#include "frames.h"

int ceno_frames_check_execute(uint64_t gpa, uint64_t pages)
{
	for (; pages; pages--, gpa += CENO_PAGE) {
		uint8_t f = *ceno_frames_byte(gpa);

		if ((f != 0 && f < CENO_FRAME_EXEC) || f == CENO_FRAME_EXEC + CENO_FRAME_COUNT_MAX ||
		    ceno_frames_granule(gpa)->writable_large)
			return CENO_E_WX;
	}
	return 0;
}

void ceno_frames_add_execute(uint64_t gpa, uint64_t pages)
{
	for (; pages; pages--, gpa += CENO_PAGE) {
		uint8_t *f = ceno_frames_byte(gpa);

		if (*f == 0) {
			*f = CENO_FRAME_EXEC;
			ceno_frames_granule(gpa)->exec_frames++;
		}
		++*f;
	}
}

void ceno_frames_sub_execute(uint64_t gpa, uint64_t pages)
{
	for (; pages; pages--, gpa += CENO_PAGE)
		ceno_frames_drop(gpa, 0); /* an entry of that address, not NX */
}

void ceno_frames_drop(uint64_t entry, int large)
{
	uint64_t gpa = entry & 0x000ffffffffff000ull;
	uint8_t *f;

	if (!ceno_frames_are_ram(gpa))
		return;
	if (large) {
		if (entry & 2)
			ceno_frames_granule(gpa)->writable_large--;
		return;
	}
	f = ceno_frames_byte(gpa);
	if (entry & 2) {
		--*f;
	} else if (!(entry >> 63) && --*f == CENO_FRAME_EXEC) {
		*f = 0;
		ceno_frames_granule(gpa)->exec_frames--;
	}
}
