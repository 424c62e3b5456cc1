/*
 * Pledge classes as words. A mask has bit 1 << enum ceno_pledge_class (the ABI's
 * numbers). Pure: no I/O, no allocation.
 */
#ifndef CENO_POLICY_PLEDGE_H
#define CENO_POLICY_PLEDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest-kernel/abi/layout.h"

/* What a node of this version can grant. `stdio` is the streams and the report
 * window; `rw` and `spawn` are kept inside the guest by membrane. The other
 * classes exist in the grammar, but no device stands behind them here. */
#define CENO_PLEDGE_OFFERED ((1u << CENO_PLEDGE_STDIO) | (1u << CENO_PLEDGE_RW) | (1u << CENO_PLEDGE_SPAWN))
/* What `ceno run` pledges when told nothing. */
#define CENO_PLEDGE_DEFAULT CENO_PLEDGE_OFFERED

#define CENO_PLEDGE_TEXT_MAX 64 /* every class, comma-separated, with the NUL */

enum ceno_pledge_error {
	CENO_PLEDGE_OK = 0,
	CENO_PLEDGE_UNKNOWN = -1, /* a word names no class */
	CENO_PLEDGE_EMPTY = -2,   /* no word at all, or an empty one between separators */
	CENO_PLEDGE_REPEATED = -3 /* a word twice */
};

/* The word of `class` (enum ceno_pledge_class), static; NULL when it is not a class. */
const char *ceno_pledge_word(uint32_t class);

/* The word that is no class: what was not pledged is then an error for a program, not its end. */
#define CENO_PLEDGE_WORD_ERROR "error"

/* Parses `text` (client-controlled, NUL-terminated): class words, and "error", separated by
 * one comma or one space. On success `*mask` and `*errors` (whether "error" was among them) are set
 * and CENO_PLEDGE_OK returned; otherwise an enum ceno_pledge_error and both are unchanged. */
int ceno_pledge_parse(const char *text, uint32_t *mask, bool *errors);

/* Writes the words of `mask` in class order, comma-separated, with a NUL, into
 * `out` (CENO_PLEDGE_TEXT_MAX bytes); bits that are no class are left out. */
void ceno_pledge_format(uint32_t mask, char out[CENO_PLEDGE_TEXT_MAX]);

/* The first class in `mask` that this node does not offer, its number, or -1
 * when all are. Bits beyond the classes count as not offered (CENO_PLEDGE_COUNT). */
int ceno_pledge_unoffered(uint32_t mask);

#endif
