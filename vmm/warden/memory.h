/*
 * Session memory, overwritten and checked: RAM granule by granule, and the
 * smaller areas around it (windows, pack, boot page).
 *
 * Runs only after the vmm was reaped, so nobody else can write what is being
 * read back. Holes stay holes: only granules of which a page was ever backed are
 * touched, found by SEEK_DATA and never by reading through a mapping. Writes go
 * through one mapping, every check through another; before the last comparison
 * the writable mapping is gone and the kernel has confirmed it by F_SEAL_WRITE.
 *
 * Fill, root, zero and compare are shared by the lanes (lanes.h).
 *
 *   open (backed granules are found) -> fill, root (each keyed pass) -> zero -> seal -> compare -> close
 */
#ifndef CENO_WARDEN_MEMORY_H
#define CENO_WARDEN_MEMORY_H

#include <stdint.h>
#include "../../attest/proof/chunk.h"

struct ceno_memory {
	int fd; /* borrowed memfd */
	uint64_t bytes;
	uint8_t *map;        /* owned, writable; NULL once sealed */
	const uint8_t *view; /* owned, read-only */
	void *reserved[2];   /* owned: address ranges the two are aligned in */
	uint64_t reserved_bytes;
	int sealed;                            /* it was sealed WRITE when it was opened: there is no map */
	uint8_t bitmap[CENO_PROOF_BITMAP_MAX]; /* granules that were ever backed */
};

/* Maps the memfd twice, 2 MiB-aligned, and finds its backed granules; memory that is sealed WRITE is
 * mapped once. fd_ro: the same memfd opened read-only (a mapping of a
 * read-write descriptor could be made writable, and the kernel counts it as such). Both borrowed.
 * Returns 0 or -errno (-EINVAL: it is not `bytes` long). */
int ceno_memory_open(struct ceno_memory *memory, int fd, int fd_ro, uint64_t bytes);

/* Writes the key stream of a pass over every backed granule, whole, until SEEK_DATA shows none
 * that was not written. pass: one for each lane (ceno_lanes_count()), borrowed, all of the same pass. Returns 0 or -errno. */
int ceno_memory_fill(struct ceno_memory *memory, struct ceno_proof_pass *const *pass);

/* Reads every backed granule back through the read-only mapping. One call at a time in a process. pass: as above. root: 32 bytes, the RFC 6962 root
 * of its chunk leaves. Returns 0 or -errno. */
int ceno_memory_root(struct ceno_memory *memory, struct ceno_proof_pass *const *pass, uint8_t root[32]);

/* Writes zeros over every backed granule by non-temporal stores. */
void ceno_memory_zero(struct ceno_memory *memory);

/* Unmaps the writable mapping and adds F_SEAL_WRITE, which the kernel refuses while any writable
 * mapping of the memfd exists anywhere. Returns 0 or -errno (-EBUSY: one exists). */
int ceno_memory_seal(struct ceno_memory *memory);

/* Compares every backed byte with zero. Returns the number of bytes that differ; *compared: bytes looked at. */
uint64_t ceno_memory_compare(struct ceno_memory *memory, uint64_t *compared);

/* Whether what is backed outside the granules that were found is zero: of sealed memory it stays so. Usually there is
 * nothing; where shared memory has large pages unasked, the kernel may add pages, which nobody wrote, at any time. 0 also
 * if it cannot be told. */
int ceno_memory_late_is_zero(struct ceno_memory *memory);

/* Unmaps what is mapped. */
void ceno_memory_close(struct ceno_memory *memory);

struct ceno_area_result {
	uint64_t bytes, overwritten, read_back, mismatches;
};

/* Overwrites a whole memfd with zeros and reads it back through another mapping; both are gone
 * after the call. fd: writable memfd of any length. Returns 0 or -errno; *result: as far as it got. */
int ceno_area_wipe(int fd, struct ceno_area_result *result);

#endif
