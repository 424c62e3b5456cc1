/*
 * Memory slots. See slots.h.
 */
#include "vmm/slots/slots.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_mseal
#define SYS_mseal 462 /* Linux 6.10; newer than the headers of Debian 12 */
#endif

/* A mapping at a 2 MiB boundary, so that 2 MiB backing gives 2 MiB entries. */
static void *map_aligned(uint64_t bytes, int prot, int fd)
{
	uint64_t span = bytes + CENO_LARGE_PAGE;
	uint8_t *raw = mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (raw == MAP_FAILED)
		return MAP_FAILED;
	uint64_t offset = (CENO_LARGE_PAGE - (uintptr_t)raw % CENO_LARGE_PAGE) % CENO_LARGE_PAGE;
	uint8_t *at = raw + offset;
	void *host = mmap(at, bytes, prot, MAP_SHARED | MAP_FIXED, fd, 0);
	if (host == MAP_FAILED) {
		int saved = errno;
		munmap(raw, span);
		errno = saved;
		return MAP_FAILED;
	}
	if (offset)
		munmap(raw, offset);
	munmap(at + bytes, span - offset - bytes);
	return host;
}

/* Advice only: a node without huge pages or with a small lock limit still runs. */
static void prepare_ram(const struct ceno_slot_map *map)
{
	madvise(map->host, map->bytes, MADV_HUGEPAGE);
	madvise(map->host, map->bytes, MADV_DONTDUMP);
	mlock2(map->host, map->bytes, MLOCK_ONFAULT);
}

int ceno_slots_add(struct ceno_slots *slots, const struct ceno_kvm *kvm, const struct ceno_vmm_slot *slot, int fd)
{
	bool read_only = slot->rights == CENO_SLOT_READ_ONLY;
	int prot = read_only ? PROT_READ : PROT_READ | PROT_WRITE;
	if (slots->count == CENO_VMM_SLOTS_MAX)
		return -ENOSPC;
	void *host = slot->bytes >= CENO_LARGE_PAGE ? map_aligned(slot->bytes, prot, fd)
						    : mmap(NULL, slot->bytes, prot, MAP_SHARED, fd, 0);
	if (host == MAP_FAILED)
		return -errno;
	const struct ceno_slot_map map = {
		.host = host, .bytes = slot->bytes, .gpa = slot->gpa, .fd = slot->fd, .read_only = read_only
	};
	if (slot->fd == CENO_VMM_FD_RAM)
		prepare_ram(&map);
	int result = ceno_kvm_slot_set(kvm, slots->count, (ceno_gpa_t){ map.gpa }, map.bytes, host, read_only);
	if (result) {
		munmap(host, map.bytes);
		return result;
	}
	slots->map[slots->count++] = map;
	return 0;
}

const struct ceno_slot_map *ceno_slots_find(const struct ceno_slots *slots, uint32_t fd)
{
	for (uint32_t i = 0; i < slots->count; i++)
		if (slots->map[i].fd == fd)
			return &slots->map[i];
	return NULL;
}

enum ceno_vmm_stop ceno_slots_classify(const struct ceno_slots *slots, ceno_gpa_t gpa, bool is_write)
{
	for (uint32_t i = 0; i < slots->count; i++) {
		const struct ceno_slot_map *map = &slots->map[i];
		if (gpa.v >= map->gpa && gpa.v - map->gpa < map->bytes)
			return is_write && map->read_only ? CENO_VMM_STOP_READ_ONLY : CENO_VMM_STOP_EMULATION;
	}
	return CENO_VMM_STOP_UNBACKED;
}

int ceno_slots_seal(const struct ceno_slots *slots)
{
	for (uint32_t i = 0; i < slots->count; i++) {
		if (syscall(SYS_mseal, slots->map[i].host, slots->map[i].bytes, 0) == 0)
			continue;
		return errno == ENOSYS ? 0 : -errno;
	}
	return 1;
}

void ceno_slots_unmap(struct ceno_slots *slots)
{
	for (uint32_t i = 0; i < slots->count; i++)
		munmap(slots->map[i].host, slots->map[i].bytes);
	slots->count = 0;
}
