/*
 * See large.h. The kernel makes a large page of small ones only where there is one, so a page of
 * zeros is written into each first.
 */
#include "large.h"

#include <sys/mman.h>
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

void ceno_large_back(int fd, uint64_t offset, uint64_t bytes)
{
	bytes &= ~(CENO_LARGE_PAGE - 1);
	uint64_t span = bytes + CENO_LARGE_PAGE;
	if (bytes == 0 || begin_each(fd, offset, bytes) < 0)
		return;
	void *room = mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		return;
	uintptr_t at = ((uintptr_t)room + CENO_LARGE_PAGE - 1) & ~(uintptr_t)(CENO_LARGE_PAGE - 1);
	void *map = mmap((void *)at, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, fd, (off_t)offset);
	if (map != MAP_FAILED)
		(void)madvise(map, bytes, MADV_COLLAPSE);
	munmap(room, span);
}
