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

static uint32_t there(const struct ceno_pipe *pipe)
{
	return pipe->head - pipe->tail;
}

static uint32_t size_of(const struct ceno_pipe *pipe)
{
	return (uint32_t)CENO_PAGE << pipe->order;
}

void ceno_pipe_open(struct ceno_pipe *pipe, uint32_t flags)
{
	pipe->readers += (flags & LX_O_ACCMODE) != LX_O_WRONLY;
	pipe->writers += (flags & LX_O_ACCMODE) != LX_O_RDONLY;
}

static void changed(const struct ceno_inode *inode)
{
	ceno_wake(inode);
	ceno_wake_pollers();
}

void ceno_pipe_close(struct ceno_inode *inode, uint32_t flags)
{
	struct ceno_pipe *pipe = inode->pipe;

	pipe->readers -= (flags & LX_O_ACCMODE) != LX_O_WRONLY;
	pipe->writers -= (flags & LX_O_ACCMODE) != LX_O_RDONLY;
	changed(inode);
	if (pipe->readers + pipe->writers)
		return;
	if (pipe->ring)
		ceno_frames_free((uint64_t)(uintptr_t)pipe->ring - CENO_RAM_GVA, pipe->order);
	pipe->ring = NULL;
	pipe->head = pipe->tail = 0;
}

/* Copies out of the ring from `tail` on, at most what is there. */
static uint32_t peek(const struct ceno_pipe *pipe, uint32_t tail, uint8_t *to, uint64_t bytes)
{
	uint32_t mask = size_of(pipe) - 1, left = pipe->head - tail, part;

	left = bytes < left ? (uint32_t)bytes : left;
	part = size_of(pipe) - (tail & mask) < left ? size_of(pipe) - (tail & mask) : left;
	if (left) {
		memcpy(to, pipe->ring + (tail & mask), part);
		memcpy(to + part, pipe->ring, left - part);
	}
	return left;
}

int64_t ceno_pipe_read(struct ceno_file *file, void *to, uint64_t bytes)
{
	struct ceno_pipe *pipe = file->inode->pipe;
	uint32_t got = peek(pipe, pipe->tail, to, bytes);

	if (!got)
		return bytes && pipe->writers ? -LX_EAGAIN : 0;
	pipe->tail += got;
	changed(file->inode);
	return got;
}

int64_t ceno_pipe_peek(struct ceno_file *file, uint64_t offset, void *to, uint64_t bytes)
{
	struct ceno_pipe *pipe = file->inode->pipe;

	if (offset >= there(pipe))
		return pipe->writers ? -LX_EAGAIN : 0;
	return peek(pipe, pipe->tail + (uint32_t)offset, to, bytes);
}

int ceno_pipe_room(const struct ceno_pipe *pipe, uint64_t bytes)
{
	uint32_t room = size_of(pipe) - there(pipe);

	return !pipe->readers || (bytes <= CENO_PAGE ? bytes <= room : room > 0);
}

int64_t ceno_pipe_write(struct ceno_file *file, const void *from, uint64_t bytes)
{
	struct ceno_pipe *pipe = file->inode->pipe;
	uint32_t room = size_of(pipe) - there(pipe), mask = size_of(pipe) - 1, part;

	if (!pipe->readers)
		return -LX_EPIPE;
	if (!bytes)
		return 0;
	if (!pipe->ring) {
		uint64_t frames = ceno_frames_alloc(pipe->order);

		if (frames == CENO_NO_FRAME)
			return -LX_ENOMEM;
		pipe->ring = ceno_ram(frames);
	}
	if (!room)
		return -LX_EAGAIN;
	room = bytes < room ? (uint32_t)bytes : room;
	part = size_of(pipe) - (pipe->head & mask) < room ? size_of(pipe) - (pipe->head & mask) : room;
	memcpy(pipe->ring + (pipe->head & mask), from, part);
	memcpy(pipe->ring, (const uint8_t *)from + part, room - part);
	pipe->head += room;
	changed(file->inode);
	return room;
}

uint32_t ceno_pipe_poll(const struct ceno_file *file)
{
	const struct ceno_pipe *pipe = file->inode->pipe;
	uint32_t bits = 0;

	if (ceno_file_readable(file))
		bits |= (there(pipe) ? LX_POLLIN : 0u) | (pipe->writers ? 0u : LX_POLLHUP);
	if (ceno_file_writable(file))
		bits |=
		    (size_of(pipe) - there(pipe) >= CENO_PAGE ? LX_POLLOUT : 0u) | (pipe->readers ? 0u : LX_POLLERR);
	return bits;
}

/* F_SETPIPE_SZ: another ring with the same bytes. */
int64_t ceno_pipe_resize(struct ceno_inode *inode, uint64_t bytes)
{
	struct ceno_pipe *pipe = inode->pipe;
	uint64_t frames;
	unsigned order = 0;

	if (bytes > INT32_MAX)
		return -LX_EINVAL;
	while (CENO_PAGE << order < bytes)
		if (++order > ORDER_MAX)
			return -LX_EPERM;
	if (there(pipe) > CENO_PAGE << order)
		return -LX_EBUSY;
	if (pipe->ring) {
		uint32_t count = there(pipe);

		frames = ceno_frames_alloc(order);
		if (frames == CENO_NO_FRAME)
			return -LX_ENOMEM;
		peek(pipe, pipe->tail, ceno_ram(frames), count);
		ceno_frames_free((uint64_t)(uintptr_t)pipe->ring - CENO_RAM_GVA, pipe->order);
		pipe->ring = ceno_ram(frames);
		pipe->tail = 0;
		pipe->head = count;
	}
	pipe->order = order;
	changed(inode);
	return size_of(pipe);
}

uint64_t ceno_pipe_bytes(const struct ceno_pipe *pipe)
{
	return there(pipe);
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
