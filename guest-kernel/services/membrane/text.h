/*
 * Code in RAM: a program that was written to /tmp, what a compiler made in memory.
 *
 * The nucleus lets no frame be writable and executable through any mappings, and
 * membrane's own window over RAM is writable. So code lies in large frames of its own,
 * which that window maps read-only; a page of code is written once, through a small
 * window that is closed before the page is mapped anywhere else, and never again: a
 * program that writes to it gets a copy that is data.
 */
#ifndef CENO_MEMBRANE_TEXT_H
#define CENO_MEMBRANE_TEXT_H

#include "membrane.h"

#define CENO_TEXT_PAGES 16u /* at most, at once */

/* There is none. Once per boot. */
void ceno_text_init(void);
/* `pages` pages (1 to CENO_TEXT_PAGES) that follow one another, for one owner, with any
 * bytes in them. Returns their offset in CENO_SLOT_RAM, or CENO_NO_FRAME; *at: where they
 * can be written until ceno_text_close. */
uint64_t ceno_text_open(uint32_t pages, void **at);
void ceno_text_close(void);
/* Gives up one page: the last owner's frees it (ceno_frames_share adds owners). */
void ceno_text_free(uint64_t offset);

#endif
