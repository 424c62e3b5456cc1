/*
 * Pipes: a ring in RAM, made when something is written first. See fd.h. Reading and
 * writing never wait here; who has to (io.c) waits for the inode, and is woken when
 * bytes, room, or the last end of the other kind come or go.
 */
#include "calls.h"
#include "fd.h"
#include "frames.h"
#include "task.h"
#include "vm.h"

#define ORDER_MAX 8u /* 1 MiB */

static uint32_t size_of(const struct ceno_ring *ring)
{
	return (uint32_t)CENO_PAGE << ring->order;
}

uint32_t ceno_ring_bytes(const struct ceno_ring *ring)
{
	return ring->head - ring->tail;
}

uint32_t ceno_ring_room(const struct ceno_ring *ring)
{
	return size_of(ring) - ceno_ring_bytes(ring);
}

void ceno_ring_free(struct ceno_ring *ring)
{
	if (ring->at)
		ceno_frames_free((uint64_t)(uintptr_t)ring->at - CENO_RAM_GVA, ring->order);
	*ring = (struct ceno_ring){ .order = ring->order };
}

/* Copies out of the ring from `tail` on, at most what is there. */
static uint32_t peek(const struct ceno_ring *ring, uint32_t tail, uint8_t *to, uint64_t bytes)
{
	uint32_t mask = size_of(ring) - 1, left = ring->head - tail, part;

	left = bytes < left ? (uint32_t)bytes : left;
	part = size_of(ring) - (tail & mask) < left ? size_of(ring) - (tail & mask) : left;
	if (left) {
		memcpy(to, ring->at + (tail & mask), part);
		memcpy(to + part, ring->at, left - part);
	}
	return left;
}

uint32_t ceno_ring_get(struct ceno_ring *ring, void *to, uint64_t bytes)
{
	uint32_t got = peek(ring, ring->tail, to, bytes);

	ring->tail += got;
	return got;
}

void ceno_ring_skip(struct ceno_ring *ring, uint32_t bytes)
{
	ring->tail += bytes;
}

int64_t ceno_ring_put(struct ceno_ring *ring, const void *from, uint64_t bytes)
{
	uint32_t room = ceno_ring_room(ring), mask = size_of(ring) - 1, part;

	if (!bytes)
		return 0;
	if (!ring->at) {
		uint64_t frames = ceno_frames_alloc_raw(ring->order);

		if (frames == CENO_NO_FRAME)
			return -LX_ENOMEM;
		ring->at = ceno_ram(frames);
	}
	if (!room)
		return -LX_EAGAIN;
	room = bytes < room ? (uint32_t)bytes : room;
	part = size_of(ring) - (ring->head & mask) < room ? size_of(ring) - (ring->head & mask) : room;
	memcpy(ring->at + (ring->head & mask), from, part);
	memcpy(ring->at, (const uint8_t *)from + part, room - part);
	ring->head += room;
	return room;
}

void ceno_file_changed(struct ceno_inode *inode)
{
	inode->changes++;
	ceno_wake(inode);
	ceno_wake_pollers();
}

void ceno_pipe_open(struct ceno_pipe *pipe, uint32_t flags)
{
	int reads = (flags & LX_O_ACCMODE) != LX_O_WRONLY, writes = (flags & LX_O_ACCMODE) != LX_O_RDONLY;

	pipe->readers += (uint32_t)reads;
	pipe->writers += (uint32_t)writes;
	pipe->opened_read += (uint32_t)reads;
	pipe->opened_write += (uint32_t)writes;
}

void ceno_pipe_close(struct ceno_inode *inode, uint32_t flags)
{
	struct ceno_pipe *pipe = inode->pipe;

	pipe->readers -= (flags & LX_O_ACCMODE) != LX_O_WRONLY;
	pipe->writers -= (flags & LX_O_ACCMODE) != LX_O_RDONLY;
	ceno_file_changed(inode);
	if (!(pipe->readers + pipe->writers))
		ceno_ring_free(&pipe->ring);
}

int64_t ceno_pipe_read(struct ceno_file *file, void *to, uint64_t bytes)
{
	struct ceno_pipe *pipe = file->inode->pipe;
	uint32_t got = ceno_ring_get(&pipe->ring, to, bytes);

	if (!got)
		return bytes && pipe->writers ? -LX_EAGAIN : 0;
	ceno_file_changed(file->inode);
	return got;
}

int64_t ceno_pipe_peek(struct ceno_file *file, uint64_t offset, void *to, uint64_t bytes)
{
	struct ceno_pipe *pipe = file->inode->pipe;

	if (offset >= ceno_ring_bytes(&pipe->ring))
		return pipe->writers ? -LX_EAGAIN : 0;
	return peek(&pipe->ring, pipe->ring.tail + (uint32_t)offset, to, bytes);
}

int ceno_pipe_room(const struct ceno_pipe *pipe, uint64_t bytes)
{
	uint32_t room = ceno_ring_room(&pipe->ring);

	return !pipe->readers || (bytes <= CENO_PAGE ? bytes <= room : room > 0);
}

int64_t ceno_pipe_write(struct ceno_file *file, const void *from, uint64_t bytes)
{
	struct ceno_pipe *pipe = file->inode->pipe;
	int64_t put = pipe->readers ? ceno_ring_put(&pipe->ring, from, bytes) : -LX_EPIPE;

	if (put > 0)
		ceno_file_changed(file->inode);
	return put;
}

uint32_t ceno_pipe_poll(const struct ceno_file *file)
{
	const struct ceno_pipe *pipe = file->inode->pipe;
	uint32_t bits = 0;

	if (ceno_file_readable(file))
		bits |= (ceno_ring_bytes(&pipe->ring) ? LX_POLLIN : 0u) | (pipe->writers ? 0u : LX_POLLHUP);
	if (ceno_file_writable(file))
		bits |=
		    (ceno_ring_room(&pipe->ring) >= CENO_PAGE ? LX_POLLOUT : 0u) | (pipe->readers ? 0u : LX_POLLERR);
	return bits;
}

int64_t ceno_pipe_resize(struct ceno_inode *inode, uint64_t bytes)
{
	struct ceno_ring *old = &inode->pipe->ring, new = { 0 };
	uint32_t count = ceno_ring_bytes(old);

	if (bytes > INT32_MAX)
		return -LX_EINVAL;
	while (CENO_PAGE << new.order < bytes)
		if (++new.order > ORDER_MAX)
			return -LX_EPERM;
	if (count > CENO_PAGE << new.order)
		return -LX_EBUSY;
	if (count) {
		uint64_t frames = ceno_frames_alloc_raw(new.order);

		if (frames == CENO_NO_FRAME)
			return -LX_ENOMEM;
		new.at = ceno_ram(frames);
		new.head = peek(old, old->tail, new.at, count);
	}
	ceno_ring_free(old);
	*old = new;
	ceno_file_changed(inode);
	return size_of(old);
}

int64_t ceno_sys_pipe2(const uint64_t a[6])
{
	uint32_t flags = (uint32_t)a[1];
	struct ceno_inode *inode;
	int64_t ends[2];
	int32_t out[2];

	if (flags & ~(uint32_t)(LX_O_CLOEXEC | LX_O_NONBLOCK | LX_O_DIRECT))
		return -LX_EINVAL;
	if (ceno_user_check_write(a[0], sizeof(out)))
		return -LX_EFAULT;
	inode = ceno_inode_new(CENO_INODE_PIPE, 0600);
	if (!inode)
		return -LX_ENFILE;
	inode->uses++; /* kept while the first end may fail */
	ends[0] = ceno_fd_open(inode, NULL, LX_O_RDONLY | flags, 0);
	ends[1] = ends[0] < 0 ? ends[0] : ceno_fd_open(inode, NULL, LX_O_WRONLY | flags, 0);
	if (ends[0] >= 0 && ends[1] < 0)
		ceno_fd_close((int32_t)ends[0]);
	ceno_inode_drop(inode);
	if (ends[1] < 0)
		return ends[1];
	out[0] = (int32_t)ends[0];
	out[1] = (int32_t)ends[1];
	return ceno_user_write(a[0], out, sizeof(out));
}

int64_t ceno_sys_pipe(const uint64_t a[6])
{
	const uint64_t b[6] = { a[0] };

	return ceno_sys_pipe2(b);
}
