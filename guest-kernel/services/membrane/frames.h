/*
 * RAM of the session, by the page: a buddy allocator of 2^0 to 2^9 pages.
 *
 * A frame is named by its byte offset in CENO_SLOT_RAM. Every frame handed out
 * is zero: fresh RAM is, and a frame that was in use before is zeroed again, unless
 * the caller is about to overwrite it (raw).
 *
 * A frame may have several owners (vms, a file in RAM): each shares it once more and
 * frees it once; the last free is the one that counts.
 */
#ifndef CENO_MEMBRANE_FRAMES_H
#define CENO_MEMBRANE_FRAMES_H

#include "membrane.h"

#define CENO_NO_FRAME    (~0ull)
#define CENO_ORDER_LARGE 9u /* 2 MiB */
#define CENO_ORDERS      (CENO_ORDER_LARGE + 1)

/* ram_bytes: upper bound of user RAM (the end itself is found when MAP says BOUNDS), whose
 * beginning is mapped (boot.h, prepared spaces).
 * Returns 0 or -LX_ENOMEM if not even the bookkeeping fits. Once per boot. */
int ceno_frames_init(uint64_t ram_bytes);

/* Membrane's own tables lie in session RAM too, not in the measured image: `bytes` of
 * zeros, page-aligned, for ever. All together at most CENO_TABLES_BYTES, else membrane
 * ends: the sizes are constants. After ceno_frames_init, before programs run. */
#define CENO_TABLES_BYTES 0x14000u
void *ceno_frames_table(uint64_t bytes);

/* 2^order pages, aligned to their size, zero, mapped in membrane's window.
 * Returns the offset or CENO_NO_FRAME. */
uint64_t ceno_frames_alloc(unsigned order);
/* The same, with any bytes in it: for who overwrites all of them before anybody looks. */
uint64_t ceno_frames_alloc_raw(unsigned order);

/* One large frame that nobody has had yet: zero without being touched. */
uint64_t ceno_frames_alloc_fresh(void);

/* Gives back what ceno_frames_alloc returned, or any aligned part of it. */
void ceno_frames_free(uint64_t offset, unsigned order);

/* One owner more for each of 2^order frames that are in use. */
void ceno_frames_share(uint64_t offset, unsigned order);
/* Whether any of them has more than one. */
int ceno_frames_shared(uint64_t offset, unsigned order);

/* Pages in use now, most ever in use since ceno_frames_mark, pages that exist. */
uint64_t ceno_frames_used(void);
uint64_t ceno_frames_peak(void);
uint64_t ceno_frames_total(void);
void ceno_frames_mark(void);
/* Pages that are free, or would be if they were needed: what husks have is counted here and above. */
uint64_t ceno_frames_unused(void);

/* Where membrane reaches the frame at this offset. */
static inline void *ceno_ram(uint64_t offset)
{
	return (void *)(uintptr_t)(CENO_RAM_GVA + offset);
}

#endif
