/*
 * See large.h. The kernel makes a large page of small ones only where there is one, so a page of
 * zeros is written into each first.
 */
#include "large.h"

#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../guest-kernel/abi/layout.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* newer than the headers of Debian 12 */
#endif

static int begin_each(int fd, uint64_t offset, uint64_t bytes)
{
	static const uint8_t zeros[CENO_PAGE];
	for (uint64_t at = 0; at < bytes; at += CENO_LARGE_PAGE)
		if (pwrite(fd, zeros, sizeof zeros, (off_t)(offset + at)) != (ssize_t)sizeof zeros)
			return -1;
	return 0;
}

static int collapse(int fd, uint64_t offset, uint64_t bytes)
{
	uint64_t span = bytes + CENO_LARGE_PAGE;
	void *room = mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		return -1;
	uintptr_t at = ((uintptr_t)room + CENO_LARGE_PAGE - 1) & ~(uintptr_t)(CENO_LARGE_PAGE - 1);
	void *map = mmap((void *)at, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, fd, (off_t)offset);
	int result = map == MAP_FAILED ? -1 : madvise(map, bytes, MADV_COLLAPSE);
	munmap(room, span);
	return result;
}

static uint64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int ceno_large_back(int fd, uint64_t offset, uint64_t bytes)
{
	uint64_t begin = now_us(), pages = bytes / CENO_LARGE_PAGE;
	bytes = pages * CENO_LARGE_PAGE;
	if (pages && begin_each(fd, offset, bytes) == 0)
		(void)collapse(fd, offset, bytes);
	return now_us() - begin > pages * 1000 && pages;
}
