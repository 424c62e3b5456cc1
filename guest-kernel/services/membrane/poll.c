/*
 * Waiting for descriptors: poll, ppoll, select, pselect6. Streams become ready by
 * the host's signal; files always are; pipes only change by the program itself.
 */
#include "calls.h"
#include "fd.h"
#include "stdio.h"
#include "time.h"
#include "vm.h"

uint32_t ceno_file_poll(const struct ceno_file *file)
{
	switch (file->inode->kind) {
	case CENO_INODE_STREAM:
		return ceno_stdio_poll(file->inode->device);
	case CENO_INODE_PIPE:
		return ceno_pipe_poll(file);
	default:
		return LX_POLLIN | LX_POLLOUT;
	}
}

static uint32_t ready(int32_t fd)
{
	struct ceno_file *file = ceno_fd_file(fd);

	return file && !(file->flags & LX_O_PATH) ? ceno_file_poll(file) : LX_POLLNVAL;
}

/* Sleeps until the host's signal or the deadline; 0: the deadline has passed. */
static int wait(uint64_t deadline)
{
	if (ceno_rdtsc() >= deadline)
		return 0;
	ceno_stdio_sleep(deadline, 1);
	return 1;
}

static int64_t scan(uint64_t gva, uint64_t count)
{
	struct lx_pollfd entry;
	int64_t found = 0;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = gva + i * sizeof(entry);

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
	return found;
}

static int64_t poll(uint64_t gva, uint64_t count, uint64_t deadline)
{
	int64_t found;

	if (count > CENO_FDS)
		return -LX_EINVAL;
	do
		found = scan(gva, count);
	while (found == 0 && wait(deadline));
	return found;
}

int64_t ceno_sys_poll(const uint64_t a[6])
{
	int32_t ms = (int32_t)a[2];

	return poll(a[0], (uint32_t)a[1],
	            ms < 0        ? UINT64_MAX >> 1
	                : ms == 0 ? 0
	                          : ceno_time_deadline((uint64_t)ms * 1000000u));
}

int64_t ceno_sys_ppoll(const uint64_t a[6])
{
	uint64_t ns = 0;
	int error = a[2] ? ceno_time_read(a[2], &ns) : 0;

	if (error)
		return error;
	return poll(a[0], (uint32_t)a[1], a[2] ? (ns ? ceno_time_deadline(ns) : 0) : UINT64_MAX >> 1);
}

/* ---- select -------------------------------------------------------------------- */

struct sets {
	uint64_t in[3][CENO_FDS / 64], out[3][CENO_FDS / 64];
};

static int64_t scan_sets(struct sets *sets, int32_t count)
{
	static const uint32_t wanted[3] = { LX_POLLIN | LX_POLLHUP | LX_POLLERR, LX_POLLOUT | LX_POLLERR, 0 };
	int64_t found = 0;

	memset(sets->out, 0, sizeof(sets->out));
	for (int32_t fd = 0; fd < count; fd++) {
		for (int kind = 0; kind < 3; kind++) {
			if (!(sets->in[kind][fd / 64] >> (fd % 64) & 1))
				continue;
			if (!ceno_fd_file(fd))
				return -LX_EBADF;
			if (ready(fd) & wanted[kind]) {
				sets->out[kind][fd / 64] |= 1ull << (fd % 64);
				found++;
			}
		}
	}
	return found;
}

static int64_t select(const uint64_t a[6], uint64_t deadline)
{
	static struct sets sets;
	int32_t count = (int32_t)a[0];
	uint64_t bytes;
	int64_t found;

	if (count < 0)
		return -LX_EINVAL;
	if (count > CENO_FDS)
		count = CENO_FDS;
	bytes = ((uint64_t)count + 63) / 64 * 8;
	memset(&sets, 0, sizeof(sets));
	for (int kind = 0; kind < 3; kind++)
		if (a[1 + kind] && ceno_user_read(sets.in[kind], a[1 + kind], bytes))
			return -LX_EFAULT;
	do
		found = scan_sets(&sets, count);
	while (found == 0 && wait(deadline));
	if (found < 0)
		return found;
	for (int kind = 0; kind < 3; kind++)
		if (a[1 + kind] && ceno_user_write(a[1 + kind], sets.out[kind], bytes))
			return -LX_EFAULT;
	return found;
}

int64_t ceno_sys_select(const uint64_t a[6])
{
	struct lx_timeval time;
	uint64_t deadline = UINT64_MAX >> 1;

	if (a[4]) {
		if (ceno_user_read(&time, a[4], sizeof(time)))
			return -LX_EFAULT;
		if (time.sec < 0 || time.usec < 0)
			return -LX_EINVAL;
		if (time.sec < 1ll << 30)
			deadline = time.sec || time.usec ? ceno_time_deadline((uint64_t)time.sec * 1000000000u +
			                                                      (uint64_t)(time.usec % 1000000) * 1000u)
							 : 0;
	}
	return select(a, deadline);
}

int64_t ceno_sys_pselect6(const uint64_t a[6])
{
	uint64_t ns = 0;
	int error = a[4] ? ceno_time_read(a[4], &ns) : 0;

	if (error)
		return error;
	return select(a, a[4] ? (ns ? ceno_time_deadline(ns) : 0) : UINT64_MAX >> 1);
}
