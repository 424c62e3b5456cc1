/* Streams: see pump.h. */
#include "pump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS 16 /* buffers moved before the loop gets a turn */

static void step(struct ceno_pump *pump);

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct ceno_pump *pump = poll->data;

	(void)events;
	(void)status; /* an error shows in the read or write that follows */
	if (poll == &pump->from.poll)
		pump->from.ready = true;
	else
		pump->to.ready = true;
	uv_poll_stop(poll);
	step(pump);
}

static void on_more(uv_idle_t *idle)
{
	uv_idle_stop(idle);
	step(idle->data);
}

static void finish(struct ceno_pump *pump, int error, bool reading)
{
	pump->done = true;
	pump->error = error;
	pump->error_reading = reading;
	pump->on_done(pump);
}

/* False when the end has to be waited for. */
static bool fill(struct ceno_pump *pump)
{
	size_t room = pump->last && pump->left < sizeof pump->buffer ? pump->left : sizeof pump->buffer;
	ssize_t n = room ? read(pump->from.fd, pump->buffer, room) : 0;

	if (n < 0 && errno == EAGAIN && pump->last)
		n = 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0 && errno != EIO) { /* EIO: a terminal of which we are not in the foreground any more */
		finish(pump, errno, true);
		return true;
	}
	pump->eof = n <= 0;
	pump->have = n > 0 ? (size_t)n : 0;
	pump->left -= pump->last ? pump->have : 0;
	pump->at = 0;
	return true;
}

static bool drain(struct ceno_pump *pump)
{
	ssize_t n = write(pump->to.fd, pump->buffer + pump->at, pump->have);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0) {
		finish(pump, errno, false);
		return true;
	}
	pump->at += (size_t)n;
	pump->have -= (size_t)n;
	pump->bytes += (uint64_t)n;
	return true;
}

static void wait_for(struct ceno_pump *pump, struct ceno_pump_end *end, int events)
{
	if (end->polled) {
		end->ready = false;
		uv_poll_start(&end->poll, events, on_poll);
	} else {
		uv_idle_start(&pump->more, on_more);
	}
}

static void step(struct ceno_pump *pump)
{
	for (int round = 0; round < ROUNDS; round++) {
		if (pump->done || pump->closed)
			return;
		if (pump->have) {
			if (!pump->to.ready || !drain(pump)) {
				wait_for(pump, &pump->to, UV_WRITABLE);
				return;
			}
		} else if (pump->eof) {
			finish(pump, 0, false);
			return;
		} else if (!pump->from.ready || !fill(pump)) {
			wait_for(pump, &pump->from, UV_READABLE);
			return;
		}
	}
	if (!pump->done)
		uv_idle_start(&pump->more, on_more);
}

/* Opened anew it would allow more than the caller's descriptor does: one that was closed (cli.h) stands for nothing. */
static bool allows(int fd, int access)
{
	int mode = fcntl(fd, F_GETFL) & O_ACCMODE;

	return mode == O_RDWR || mode == access;
}

/* A description of our own for the caller's descriptor where that is possible. */
static void open_outer(struct ceno_pump_end *end, int fd, int access)
{
	char path[64];
	struct stat st;

	*end = (struct ceno_pump_end){ .fd = fd, .saved_flags = -1 };
	if (fstat(fd, &st))
		return;
	if ((S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) && allows(fd, access)) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		end->fd = open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		end->owned = end->fd >= 0;
		if (!end->owned)
			end->fd = fd;
	}
	end->polled = !S_ISREG(st.st_mode);
	if (end->polled && !end->owned)
		end->saved_flags = fcntl(fd, F_GETFL);
}

static int start_poll(uv_loop_t *loop, struct ceno_pump *pump, struct ceno_pump_end *end)
{
	int rc = end->polled ? uv_poll_init(loop, &end->poll, end->fd) : UV_EPERM;

	if (rc == UV_EPERM || rc == UV_EBADF) { /* a regular file, /dev/null: always ready; closed: the read says so */
		end->polled = false;
		end->ready = true;
		return 0;
	}
	if (rc) {
		end->polled = false;
		return rc;
	}
	end->poll.data = pump;
	end->ready = true; /* try first, wait on EAGAIN */
	pump->open_handles++;
	return 0;
}

int ceno_pump_start(uv_loop_t *loop, struct ceno_pump *pump, int outer, int inner, bool inward,
                    void (*on_done)(struct ceno_pump *pump), void *owner)
{
	struct ceno_pump_end *ours = inward ? &pump->to : &pump->from, *theirs = inward ? &pump->from : &pump->to;
	int rc;

	memset(pump, 0, sizeof *pump);
	pump->owner = owner;
	pump->on_done = on_done;
	open_outer(theirs, outer, inward ? O_RDONLY : O_WRONLY);
	*ours = (struct ceno_pump_end){ .fd = inner, .owned = true, .polled = true, .saved_flags = -1 };
	uv_idle_init(loop, &pump->more);
	pump->more.data = pump;
	pump->open_handles = 1;
	rc = start_poll(loop, pump, ours);
	if (rc)
		theirs->polled = false;
	else
		rc = start_poll(loop, pump, theirs);
	if (rc) {
		ceno_pump_close(pump);
		return rc;
	}
	uv_idle_start(&pump->more, on_more);
	return 0;
}

void ceno_pump_last(struct ceno_pump *pump)
{
	if (pump->done || pump->closed || !pump->open_handles || pump->last)
		return;
	pump->last = true;
	pump->left = CENO_PUMP_BYTES;
	pump->from.ready = true;
	uv_idle_start(&pump->more, on_more);
}

static void close_end(struct ceno_pump_end *end)
{
	if (end->polled)
		uv_close((uv_handle_t *)&end->poll, NULL);
	if (end->saved_flags >= 0)
		fcntl(end->fd, F_SETFL, end->saved_flags);
	if (end->owned)
		close(end->fd);
	end->fd = -1;
}

void ceno_pump_close(struct ceno_pump *pump)
{
	if (pump->closed || !pump->open_handles)
		return;
	pump->closed = true;
	uv_close((uv_handle_t *)&pump->more, NULL);
	close_end(&pump->from);
	close_end(&pump->to);
}
