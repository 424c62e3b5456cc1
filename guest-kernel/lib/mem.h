/*
 * Memory primitives of freestanding code: the four functions a C compiler may
 * call on its own, and a comparison that takes the same time for equal and
 * unequal input. In a hosted build the four come from libc; ours are then named
 * ceno_guest_*, so that tests reach them.
 */
#ifndef CENO_LIB_MEM_H
#define CENO_LIB_MEM_H

#include <stdbool.h>
#include <stddef.h>

#if __STDC_HOSTED__
#include <string.h>
void *ceno_guest_memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *ceno_guest_memmove(void *to, const void *from, size_t bytes);
void *ceno_guest_memset(void *at, int value, size_t bytes);
int ceno_guest_memcmp(const void *a, const void *b, size_t bytes);
#else
/* As in C17, 7.24. */
void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *at, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
#endif

/* True if `bytes` bytes at a and b are equal; every byte is read whatever the
 * others are. a, b: borrowed, may be client-controlled. */
bool ceno_mem_equal(const void *a, const void *b, size_t bytes);

/* True if all `bytes` bytes at `at` are zero (borrowed). Same time for any content. */
bool ceno_mem_is_zero(const void *at, size_t bytes);

#endif
