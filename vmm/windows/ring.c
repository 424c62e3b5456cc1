/*
 * Ring indices. See ring.h.
 */
#include "vmm/windows/ring.h"

#include <errno.h>

/* Sequentially consistent on purpose: publishing our index and then looking at
 * theirs must not be reordered, or both sides sleep (window.h, doorbells). */
uint32_t ceno_ring_load(const uint32_t *field)
{
	return __atomic_load_n(field, __ATOMIC_SEQ_CST);
}

void ceno_ring_store(uint32_t *field, uint32_t value)
{
	__atomic_store_n(field, value, __ATOMIC_SEQ_CST);
}

static struct ceno_ring_span contiguous(const struct ceno_ring *ring, uint32_t count)
{
	uint32_t offset = ring->position & (ring->bytes - 1);
	uint32_t to_end = ring->bytes - offset;
	return (struct ceno_ring_span){ .at = ring->data + offset, .bytes = count < to_end ? count : to_end };
}

int ceno_ring_readable(const struct ceno_ring *ring, struct ceno_ring_span *span, uint32_t *pending)
{
	uint32_t available = ceno_ring_load(ring->theirs) - ring->position;
	if (available > ring->bytes)
		return -EPROTO;
	*pending = available;
	*span = contiguous(ring, available);
	return 0;
}

int ceno_ring_writable(const struct ceno_ring *ring, struct ceno_ring_span *span)
{
	uint32_t held = ring->position - ceno_ring_load(ring->theirs);
	if (held > ring->bytes)
		return -EPROTO;
	*span = contiguous(ring, ring->bytes - held);
	return 0;
}

void ceno_ring_advance(struct ceno_ring *ring, uint32_t n)
{
	ring->position += n;
	ceno_ring_store(ring->ours, ring->position);
}
