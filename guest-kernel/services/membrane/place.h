/*
 * Places for new areas of an address space (place.c). Nothing here changes areas or pages.
 */
#ifndef CENO_MEMBRANE_PLACE_H
#define CENO_MEMBRANE_PLACE_H

#include "vm.h"

#define CENO_ENTRY_END   (CENO_GVA_ENTRY_REGION + CENO_LARGE_PAGE)
#define CENO_LARGE_UP(x) (((x) + CENO_LARGE_PAGE - 1) & ~(CENO_LARGE_PAGE - 1))

/* Private memory from here on, but less than a large page, lies alone in 2 MiB: one large page maps it
 * (fault.c), also when it has grown, and one entry takes it out again. */
#define CENO_MIDDLE_MIN (128ull << 10)
/* But of this size two share them. */
#define CENO_HALF (CENO_LARGE_PAGE / 2)

/* Where mmap with these arguments puts so many bytes (whole pages), which nobody fixed; 0: there is no room.
 * Counts what gets 2 MiB to itself though it is small (vm->alone). */
uint64_t ceno_place_for(struct ceno_vm *vm, const uint64_t a[6], uint64_t bytes);
/* Where mremap puts them, if it can with so much room behind them; 0: there is not even room for them. */
uint64_t ceno_place_to_grow(struct ceno_vm *vm, uint64_t bytes, uint64_t room);

#endif
