/*
 * Waiting for descriptors: poll, ppoll, select, pselect6. What is ready is asked anew each
 * time the call is made; whoever changes a file's readiness wakes all who wait here
 * (ceno_wake_pollers), and a timer's descriptor sets the deadline of the wait itself.
 */
#include "poll.h"

#include "calls.h"
#include "fd.h"
#include "stdio.h"
#include "task.h"
#include "time.h"
#include "tty.h"
#include "vm.h"

static uint64_t soonest; /* when a timer's descriptor that was asked and was not ready will be */

uint32_t ceno_file_poll(const struct ceno_file *file)
{
	uint64_t at;

	switch (file->inode->kind) {
	case CENO_INODE_STREAM:
		return file->inode->device == CENO_STREAM_TTY ? ceno_tty_poll() : ceno_stdio_poll(file->inode->device);
	case CENO_INODE_PIPE:
		return ceno_pipe_poll(file);
	case CENO_INODE_SOCKET:
		return ceno_socket_poll(file);
	case CENO_INODE_EVENT:
		return (file->inode->event.count ? LX_POLLIN : 0u) |
		    (file->inode->event.count < UINT64_MAX - 1 ? LX_POLLOUT : 0u);
	case CENO_INODE_TIMER:
		at = file->inode->timer.deadline;
		if (at && at <= ceno_rdtsc())
			return LX_POLLIN;
		if (at && at < soonest)
			soonest = at;
		return 0;
	case CENO_INODE_SIGNALS:
		return ceno_signalfd_ready(file->inode) ? LX_POLLIN : 0;
	case CENO_INODE_EPOLL:
		return ceno_epoll_poll(file->inode);
	default:
		return LX_POLLIN | LX_POLLOUT;
	}
}

static uint32_t ready(int32_t fd)
{
	struct ceno_file *file = ceno_fd_file(fd);

	return file && !(file->flags & LX_O_PATH) ? ceno_file_poll(file) : LX_POLLNVAL;
}

void ceno_poll_begin(void)
{
	soonest = CENO_NEVER;
}

int64_t ceno_poll_wait(int64_t found, uint64_t deadline)
{
	if (found || ceno_rdtsc() >= deadline)
		return found;
	return ceno_block_once(&ceno_poll_key, deadline < soonest ? deadline : soonest);
}

/* The deadline of a call: 0 not to wait, of a timespec (NULL: never), with the mask of ppoll. */
int64_t ceno_poll_prepare(uint64_t time_gva, uint64_t mask_gva, uint64_t mask_bytes, uint64_t *deadline)
{
	uint64_t ns = 0, mask;
	int error = time_gva ? ceno_time_read(time_gva, &ns) : 0;

	if (error)
		return error;
	*deadline = !time_gva ? CENO_NEVER : ns ? ceno_call_deadline(ns) : 0;
	if (!mask_gva)
		return 0;
	if (mask_bytes != 8)
		return -LX_EINVAL;
	if (ceno_user_read(&mask, mask_gva, sizeof(mask)))
		return -LX_EFAULT;
	ceno_signal_mask_for_call(mask);
	return 0;
}

uint64_t ceno_poll_deadline_ms(int32_t ms)
{
	return ms < 0 ? CENO_NEVER : ms ? ceno_call_deadline((uint64_t)ms * 1000000u) : 0;
}

static int64_t poll(uint64_t gva, uint64_t count, uint64_t deadline)
{
	struct lx_pollfd entry;
	int64_t found = 0;

	if (count > CENO_FDS)
		return -LX_EINVAL;
	ceno_poll_begin();
	for (uint64_t at = gva; at < gva + count * sizeof(entry); at += sizeof(entry)) {
		if (ceno_user_read(&entry, at, sizeof(entry)))
			return -LX_EFAULT;
		entry.revents = 0;
		if (entry.fd >= 0)
			entry.revents =
			    (int16_t)(ready(entry.fd) &
			              ((uint32_t)(uint16_t)entry.events | LX_POLLERR | LX_POLLHUP | LX_POLLNVAL));
		found += entry.revents != 0;
		if (ceno_user_write(at, &entry, sizeof(entry)))
			return -LX_EFAULT;
	}
	return ceno_poll_wait(found, deadline);
}

int64_t ceno_sys_poll(const uint64_t a[6])
{
	return poll(a[0], (uint32_t)a[1], ceno_poll_deadline_ms((int32_t)a[2]));
}

int64_t ceno_sys_ppoll(const uint64_t a[6])
{
	uint64_t deadline;
	int64_t error = ceno_poll_prepare(a[2], a[3], a[4], &deadline);

	return error ? error : poll(a[0], (uint32_t)a[1], deadline);
}

/* ---- select -------------------------------------------------------------------- */

static int64_t select(const uint64_t a[6], uint64_t deadline)
{
	static const uint32_t wanted[3] = { LX_POLLIN | LX_POLLHUP | LX_POLLERR, LX_POLLOUT | LX_POLLERR, 0 };
	uint64_t in[3][CENO_FDS / 64] = { 0 }, out[3][CENO_FDS / 64] = { 0 };
	int32_t count = (int32_t)a[0] > CENO_FDS ? CENO_FDS : (int32_t)a[0];
	uint64_t bytes = ((uint64_t)(uint32_t)count + 63) / 64 * 8;
	int64_t found = 0;

	if (count < 0)
		return -LX_EINVAL;
	for (int kind = 0; kind < 3; kind++)
		if (a[1 + kind] && ceno_user_read(in[kind], a[1 + kind], bytes))
			return -LX_EFAULT;
	ceno_poll_begin();
	for (int32_t i = 0; i < 3 * count; i++) {
		int32_t fd = i / 3, kind = i % 3;

		if (!(in[kind][fd / 64] >> (fd % 64) & 1))
			continue;
		if (!ceno_fd_file(fd))
			return -LX_EBADF;
		if (ready(fd) & wanted[kind]) {
			out[kind][fd / 64] |= 1ull << (fd % 64);
			found++;
		}
	}
	found = ceno_poll_wait(found, deadline);
	for (int kind = 0; found >= 0 && kind < 3; kind++)
		if (a[1 + kind] && ceno_user_write(a[1 + kind], out[kind], bytes))
			return -LX_EFAULT;
	return found;
}

int64_t ceno_sys_select(const uint64_t a[6])
{
	struct lx_timeval time;
	uint64_t deadline = CENO_NEVER;

	if (a[4]) {
		if (ceno_user_read(&time, a[4], sizeof(time)))
			return -LX_EFAULT;
		if (time.sec < 0 || time.usec < 0)
			return -LX_EINVAL;
		if (time.sec < 1ll << 30)
			deadline = time.sec || time.usec ? ceno_call_deadline((uint64_t)time.sec * 1000000000u +
			                                                      (uint64_t)(time.usec % 1000000) * 1000u)
							 : 0;
	}
	return select(a, deadline);
}

int64_t ceno_sys_pselect6(const uint64_t a[6])
{
	uint64_t deadline, mask[2] = { 0, 0 };
	int64_t error;

	if (a[5] && ceno_user_read(mask, a[5], sizeof(mask)))
		return -LX_EFAULT;
	error = ceno_poll_prepare(a[4], mask[0], mask[1], &deadline);
	return error ? error : select(a, deadline);
}
