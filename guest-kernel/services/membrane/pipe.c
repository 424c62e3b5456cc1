/*
 * Pipes within the one program: a 64 KiB ring in RAM. With one thread, nobody can
 * fill an empty pipe or empty a full one while the program waits for it; such a
 * wait lasts until the session ends, as it would on Linux.
 */
#include "calls.h"
#include "fd.h"
#include "frames.h"
#include "process.h"
#include "stdio.h"
#include "vm.h"

#define BYTES (16u * 4096u)
#define ORDER 4u

static void wait_forever(void)
{
	for (;;)
		ceno_stdio_sleep(UINT64_MAX >> 1, 0);
}

void ceno_pipe_open(struct ceno_pipe *pipe, uint32_t flags)
{
	if ((flags & LX_O_ACCMODE) == LX_O_WRONLY)
		pipe->writers++;
	else
		pipe->readers++;
}

void ceno_pipe_close(struct ceno_inode *inode, uint32_t flags)
{
	struct ceno_pipe *pipe = inode->pipe;

	if ((flags & LX_O_ACCMODE) == LX_O_WRONLY)
		pipe->writers--;
	else
		pipe->readers--;
	if (pipe->readers + pipe->writers)
		return;
	ceno_frames_free(pipe->buffer, ORDER);
	ceno_frames_free((uint64_t)(uintptr_t)pipe - CENO_RAM_GVA, 0);
	inode->pipe = NULL;
}

int64_t ceno_pipe_read(struct ceno_file *file, void *to, uint64_t bytes, int wait)
{
	struct ceno_pipe *pipe = file->inode->pipe;
	const uint8_t *ring = ceno_ram(pipe->buffer);
	uint32_t there = pipe->head - pipe->tail;

	if (there == 0 && bytes) {
		if (pipe->writers == 0)
			return 0;
		if (!wait || (file->flags & LX_O_NONBLOCK))
			return -LX_EAGAIN;
		wait_forever();
	}
	if (bytes > there)
		bytes = there;
	for (uint64_t i = 0; i < bytes; i++)
		((uint8_t *)to)[i] = ring[pipe->tail++ % BYTES];
	return (int64_t)bytes;
}

int64_t ceno_pipe_write(struct ceno_file *file, const void *from, uint64_t bytes)
{
	struct ceno_pipe *pipe = file->inode->pipe;
	uint8_t *ring = ceno_ram(pipe->buffer);
	uint32_t room = BYTES - (pipe->head - pipe->tail);

	if (pipe->readers == 0)
		return -LX_EPIPE;
	if (bytes > room && (file->flags & LX_O_NONBLOCK) && (room == 0 || bytes <= CENO_PAGE))
		return -LX_EAGAIN;
	if (bytes > room && !(file->flags & LX_O_NONBLOCK))
		wait_forever();
	if (bytes > room)
		bytes = room;
	for (uint64_t i = 0; i < bytes; i++)
		ring[pipe->head++ % BYTES] = ((const uint8_t *)from)[i];
	return (int64_t)bytes;
}

uint32_t ceno_pipe_poll(struct ceno_file *file)
{
	const struct ceno_pipe *pipe = file->inode->pipe;
	uint32_t there = pipe->head - pipe->tail;

	if ((file->flags & LX_O_ACCMODE) == LX_O_WRONLY)
		return (there < BYTES ? LX_POLLOUT : 0u) | (pipe->readers ? 0u : LX_POLLERR);
	return (there ? LX_POLLIN : 0u) | (pipe->writers ? 0u : LX_POLLHUP);
}

static struct ceno_inode *make(void)
{
	struct ceno_inode *inode = ceno_inode_new(CENO_INODE_PIPE, 0600);
	uint64_t frame = ceno_frames_alloc(0), buffer = ceno_frames_alloc(ORDER);

	if (inode && frame != CENO_NO_FRAME && buffer != CENO_NO_FRAME) {
		inode->pipe = ceno_ram(frame);
		inode->pipe->buffer = buffer;
		return inode;
	}
	if (buffer != CENO_NO_FRAME)
		ceno_frames_free(buffer, ORDER);
	if (frame != CENO_NO_FRAME)
		ceno_frames_free(frame, 0);
	if (inode)
		ceno_inode_settle(inode);
	return NULL;
}

int64_t ceno_sys_pipe2(const uint64_t a[6])
{
	uint32_t flags = (uint32_t)a[1];
	struct ceno_inode *inode;
	int64_t ends[2];
	int32_t out[2];

	if (a[1] & ~(uint64_t)(LX_O_CLOEXEC | LX_O_NONBLOCK))
		return -LX_EINVAL;
	if (ceno_user_check_write(a[0], sizeof(out)))
		return -LX_EFAULT;
	inode = make();
	if (!inode)
		return -LX_ENFILE;
	inode->uses++; /* kept while the first end may fail */
	ends[0] = ceno_fd_open(inode, LX_O_RDONLY | flags, 0);
	ends[1] = ends[0] < 0 ? ends[0] : ceno_fd_open(inode, LX_O_WRONLY | flags, 0);
	inode->uses--;
	if (ends[1] < 0) {
		if (ends[0] < 0) {
			inode->pipe->readers = 1;
			ceno_pipe_close(inode, LX_O_RDONLY);
			ceno_inode_settle(inode);
		} else {
			ceno_fd_close((int32_t)ends[0]);
		}
		return ends[1];
	}
	out[0] = (int32_t)ends[0];
	out[1] = (int32_t)ends[1];
	return ceno_user_write(a[0], out, sizeof(out));
}

int64_t ceno_sys_pipe(const uint64_t a[6])
{
	const uint64_t b[6] = { a[0] };

	return ceno_sys_pipe2(b);
}
