/*
 * Rings in a window, seen from the host: the one file that touches indices the
 * guest writes.
 *
 * The guest is hostile. Its index is fetched once per question, as an atomic,
 * and believed only within what the ring can hold; our own index is a private
 * counter, published to the guest and never read back. Data is not parsed here
 * or anywhere in the vmm: spans are handed to read(2) and write(2).
 *
 * All functions are wait-free and touch only the window; single thread.
 */
#ifndef CENO_VMM_RING_H
#define CENO_VMM_RING_H

#include <stddef.h>
#include <stdint.h>

struct ceno_ring {
	uint8_t *data;          /* borrowed: the ring's bytes in the window */
	uint32_t bytes;         /* a power of two */
	uint32_t position;      /* our free-running index, never read from the window */
	uint32_t *ours;         /* borrowed: where we publish it (host page) */
	const uint32_t *theirs; /* borrowed: the guest's index (guest page) */
};

struct ceno_ring_span {
	uint8_t *at;    /* contiguous part of the ring */
	uint32_t bytes; /* 0: nothing to read, or no space */
};

/* Host consumes: the next contiguous bytes the guest produced. pending: all that
 * is produced, over the wrap. Returns 0, or -EPROTO if the guest's index claims
 * more than the ring holds. */
int ceno_ring_readable(const struct ceno_ring *ring, struct ceno_ring_span *span, uint32_t *pending);

/* Host produces: the next contiguous free bytes. Returns 0, or -EPROTO if the
 * guest's consumer index is ahead of ours or further behind than the ring is long. */
int ceno_ring_writable(const struct ceno_ring *ring, struct ceno_ring_span *span);

/* Advance our index by n (at most the span's bytes) and publish it. */
void ceno_ring_advance(struct ceno_ring *ring, uint32_t n);

/* One 32-bit field of a guest page, fetched once. */
uint32_t ceno_ring_load(const uint32_t *field);

/* Store one 32-bit field of the host page. */
void ceno_ring_store(uint32_t *field, uint32_t value);

#endif
