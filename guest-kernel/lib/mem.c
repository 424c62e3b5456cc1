/*
 * Memory primitives (mem.h). Whole words go by rep movsq and rep stosq, the only
 * string instructions that code running in an emulated ring 0 may use, so the
 * same object serves the nucleus and ring 3.
 */
#include "lib/mem.h"

#include <stdint.h>

#if __STDC_HOSTED__
#define memcpy  ceno_guest_memcpy
#define memmove ceno_guest_memmove
#define memset  ceno_guest_memset
#define memcmp  ceno_guest_memcmp
#endif

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	unsigned char *d = to;
	const unsigned char *s = from;
	size_t words = bytes / 8;

	__asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(words) : : "memory");
	for (size_t i = 0; i < (bytes & 7); i++)
		d[i] = s[i];
	return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
	unsigned char *d = to;
	const unsigned char *s = from;

	if ((uintptr_t)d - (uintptr_t)s >= bytes)
		return memcpy(to, from, bytes);
	while (bytes >= 8) {
		uint64_t word;

		bytes -= 8;
		__builtin_memcpy(&word, s + bytes, 8);
		__builtin_memcpy(d + bytes, &word, 8);
	}
	while (bytes--)
		d[bytes] = s[bytes];
	return to;
}

void *memset(void *at, int value, size_t bytes)
{
	unsigned char *d = at;
	uint64_t word = 0x0101010101010101ull * (unsigned char)value;
	size_t words = bytes / 8;

	__asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(word) : "memory");
	for (size_t i = 0; i < (bytes & 7); i++)
		d[i] = (unsigned char)value;
	return at;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
	const unsigned char *p = a, *q = b;

	for (size_t i = 0; i < bytes; i++)
		if (p[i] != q[i])
			return p[i] < q[i] ? -1 : 1;
	return 0;
}

bool ceno_mem_equal(const void *a, const void *b, size_t bytes)
{
	const unsigned char *p = a, *q = b;
	unsigned char difference = 0;

	for (size_t i = 0; i < bytes; i++)
		difference |= p[i] ^ q[i];
	return difference == 0;
}

bool ceno_mem_is_zero(const void *at, size_t bytes)
{
	const unsigned char *p = at;
	unsigned char any = 0;

	for (size_t i = 0; i < bytes; i++)
		any |= p[i];
	return any == 0;
}
