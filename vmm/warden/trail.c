/*
 * The trail's bytes out of the guest's reach; see trail.h.
 */
#include "trail.h"
#include "../../guest-kernel/abi/trail.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint8_t copy[CENO_TRAIL_BYTES]; /* costs memory only when it is used */

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* The writer stores the length last, with release order. */
static size_t copy_out(const uint8_t *window, uint8_t *to)
{
	const struct ceno_trail_header *header = (const void *)window;
	const uint64_t most = CENO_TRAIL_BYTES - CENO_TRAIL_OFFSET;
	uint64_t stated = __atomic_load_n(&header->bytes, __ATOMIC_ACQUIRE);
	uint64_t used = stated < most ? stated : most;
	if (stated == 0)
		return 0;
	memcpy(to, window, CENO_TRAIL_OFFSET + used);
	memcpy(to + offsetof(struct ceno_trail_header, bytes), &stated, sizeof stated);
	return CENO_TRAIL_OFFSET + used;
}

void ceno_trail_take(int window, struct ceno_trail *trail)
{
	void *map = window < 0 ? MAP_FAILED : mmap(NULL, CENO_TRAIL_BYTES, PROT_READ, MAP_SHARED, window, 0);
	trail->bytes = 0;
	trail->copy = copy;
	if (map != MAP_FAILED) {
		trail->bytes = copy_out(map, copy);
		munmap(map, CENO_TRAIL_BYTES);
	}
	crypto_hash_sha256(trail->sha256, copy, trail->bytes);
}

int ceno_trail_memfd(const struct ceno_trail *trail)
{
	if (trail->bytes == 0)
		return -1;
	int fd = memfd_create("ceno-trail-copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 &&
	    (write(fd, trail->copy, trail->bytes) != (ssize_t)trail->bytes || fcntl(fd, F_ADD_SEALS, SEALS) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

void ceno_trail_drop(struct ceno_trail *trail)
{
	sodium_memzero(copy, trail->bytes);
}
