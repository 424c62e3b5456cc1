/* Paging entries, SDM vol. 3, 4.5. */
#ifndef CENO_NUCLEUS_PAGING_H
#define CENO_NUCLEUS_PAGING_H

#include <stdint.h>
#include "abi/verbs.h"

#define PTE_P            1ull
#define PTE_W            2ull
#define PTE_U            4ull
#define PTE_AD           0x60ull /* accessed, dirty: set beforehand, saves the walker a write */
#define PTE_PS           0x80ull
#define PTE_SHARED       (1ull << 9) /* ignored by the CPU: the table below is a region's (region.c) */
#define PTE_NX           (1ull << 63)
#define PTE_NUMBER_SHIFT 52 /* ignored too, in such an entry: seven bits, the region's number */
#define PTE_ADDRESS      0x000ffffffffff000ull
#define ENTRIES          512u
#define USER_END         (1ull << 47)

static inline uint64_t ceno_entry_flags(uint64_t rights)
{
	return PTE_P | PTE_U | PTE_AD | (rights & CENO_RIGHT_WRITE ? PTE_W : 0) |
	    (rights & CENO_RIGHT_EXECUTE ? 0 : PTE_NX);
}

/* Non-zero if any of n entries is in use. */
static inline uint64_t ceno_entries_any(const uint64_t *e, uint64_t n)
{
	const uint64_t *end = e + n;
	uint64_t all = 0;

	if (n == 1) /* most maps of a start */
		return *e;
	for (; end - e >= 8; e += 8)
		all |= e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7];
	for (; e != end; e++)
		all |= *e;
	return all;
}

static inline void ceno_entries_fill(uint64_t *e, uint64_t n, uint64_t value, uint64_t step)
{
	uint64_t *end = e + n;

	if (n == 1) {
		*e = value;
		return;
	}
	for (; end - e >= 8; e += 8) {
#pragma GCC unroll 8
		for (int i = 0; i < 8; i++, value += step)
			e[i] = value;
	}
	for (; e != end; e++, value += step)
		*e = value;
}

#endif
