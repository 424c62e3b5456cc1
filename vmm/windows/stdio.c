/*
 * Streams and report of the stdio window. See stdio.h.
 */
#include "vmm/windows/stdio.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define SIGNALS_MAX 64u /* Linux has signals 1 to 64 */

static struct ceno_stdio_host *host_page(const struct ceno_stdio *stdio)
{
	return (struct ceno_stdio_host *)(void *)(stdio->window + CENO_STDIO_HOST_OFFSET);
}

void ceno_stdio_signal(const struct ceno_stdio *stdio)
{
	const uint64_t one = 1;
	/* An eventfd write fails only when 2^64 - 2 signals are pending. */
	while (write(stdio->irq_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void lie(struct ceno_stdio *stdio)
{
	if (stdio->lied)
		return;
	stdio->lied = true;
	stdio->events->lie(stdio->owner);
}

static void close_stream(struct ceno_stdio *stdio, unsigned which)
{
	stdio->stream[which].closed = true;
	stdio->closed_bits |= 1u << which;
	ceno_ring_store(&host_page(stdio)->closed, stdio->closed_bits);
	ceno_stdio_signal(stdio);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	(void)status; /* an error shows in the read or write that follows */
	(void)events;
	struct ceno_stdio_stream *stream = poll->data;
	ceno_stdio_pump(stream->stdio);
}

static void set_waiting(struct ceno_stdio_stream *stream, bool waiting, int events)
{
	if (!stream->pollable || waiting == stream->waiting)
		return;
	stream->waiting = waiting;
	if (waiting)
		uv_poll_start(&stream->poll, events, on_ready);
	else
		uv_poll_stop(&stream->poll);
}

/* Input: fill the ring until it is full, the source is dry, or it ended. */
static void pump_in(struct ceno_stdio *stdio)
{
	struct ceno_stdio_stream *stream = &stdio->stream[CENO_STREAM_IN];
	struct ceno_ring_span span;
	bool moved = false, blocked = false;

	while (!blocked) {
		if (ceno_ring_writable(&stream->ring, &span)) { /* checked after the end of input too */
			lie(stdio);
			return;
		}
		if (stream->closed || span.bytes == 0)
			break;
		ssize_t n = read(stream->fd, span.at, span.bytes);
		if (n > 0) {
			ceno_ring_advance(&stream->ring, (uint32_t)n);
			moved = true;
		} else if (n < 0 && errno == EAGAIN) {
			blocked = true;
		} else if (n == 0 || errno != EINTR) {
			close_stream(stdio, CENO_STREAM_IN); /* an error ends the input like its end */
		}
	}
	set_waiting(stream, blocked && !stream->closed, UV_READABLE);
	if (moved)
		ceno_stdio_signal(stdio);
}

/* Output: empty the ring until it is empty or the reader is slow. */
static void pump_out(struct ceno_stdio *stdio, unsigned which)
{
	struct ceno_stdio_stream *stream = &stdio->stream[which];
	struct ceno_ring_span span;
	uint32_t pending;
	bool was_filling = false, blocked = false;

	while (!blocked) {
		if (ceno_ring_readable(&stream->ring, &span, &pending)) {
			lie(stdio);
			return;
		}
		if (span.bytes == 0)
			break;
		was_filling = was_filling || pending >= stream->ring.bytes / 2;
		ssize_t n = stream->closed ? (ssize_t)span.bytes : write(stream->fd, span.at, span.bytes);
		if (n >= 0)
			ceno_ring_advance(&stream->ring, (uint32_t)n);
		else if (errno == EAGAIN)
			blocked = true;
		else if (errno != EINTR)
			close_stream(stdio, which);
	}
	set_waiting(stream, blocked, UV_WRITABLE);
	/* The guest sleeps only on a full ring; waking it from half full on costs one
	 * interrupt and closes the race between its look and our advance. */
	if (was_filling)
		ceno_stdio_signal(stdio);
}

static bool rings_empty(struct ceno_stdio *stdio)
{
	for (unsigned which = CENO_STREAM_OUT; which < CENO_STREAMS; which++) {
		struct ceno_ring_span span;
		uint32_t pending;
		if (ceno_ring_readable(&stdio->stream[which].ring, &span, &pending) || pending)
			return false;
	}
	return true;
}

int ceno_stdio_read_report(const void *window, struct ceno_program_report *report)
{
	const struct ceno_stdio_guest *page = (const void *)((const uint8_t *)window + CENO_STDIO_GUEST_OFFSET);
	struct ceno_stdio_guest copy;
	uint32_t state = ceno_ring_load(&page->state); /* before the fields that it makes valid */
	memcpy(&copy, page, sizeof(copy));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	/* Written meanwhile: nothing is there yet, and the doorbell will say when. */
	if (ceno_ring_load(&page->state) != state || ceno_ring_load(&page->seq) != copy.seq)
		state = CENO_PROGRAM_NONE;
	*report = (struct ceno_program_report){
		.state = state,
		.seq = copy.seq,
		.exit_status = copy.exit_status,
		.signal = copy.signal,
		.refusal = copy.refusal,
		.out_of_memory = copy.out_of_memory != 0,
		.end = copy.end,
		.detail = copy.detail,
		.restarts = copy.restarts,
		.entry_tsc = copy.entry_tsc,
		.done_tsc = copy.done_tsc,
		.syscalls = copy.syscalls,
		.faults = copy.faults,
		.ram_peak_bytes = copy.ram_peak_bytes,
		.missing = copy.missing,
		.enosys_distinct = copy.enosys_distinct,
		.enosys_other = copy.enosys_other,
	};
	if (state > CENO_PROGRAM_REFUSED || copy.exit_status > 255 || copy.signal > SIGNALS_MAX ||
	    copy.refusal > CENO_REFUSAL_WORKDIR || copy.end > CENO_END_STRUCK || copy.detail > UINT8_MAX ||
	    copy.restarts > UINT16_MAX || copy.enosys_distinct > CENO_ENOSYS_SLOTS || copy.missing >> CENO_PLEDGE_COUNT)
		return -EPROTO;
	for (uint32_t i = 0; i < copy.enosys_distinct; i++) {
		report->enosys[i].number = copy.enosys[i].number;
		report->enosys[i].count = copy.enosys[i].count;
		ceno_program_name(report->enosys[i].program, copy.enosys_program[i]);
	}
	return 0;
}

static void check_report(struct ceno_stdio *stdio)
{
	struct ceno_program_report report;
	if (ceno_stdio_read_report(stdio->window, &report)) {
		lie(stdio);
		return;
	}
	if (report.state < CENO_PROGRAM_DONE || report.seq == stdio->reported_seq)
		return;
	/* Programs end in order, and only those that were asked for: reports are bounded
	 * by requests, so a guest cannot flood the warden with them. The guest may see the warden's
	 * request in the window, and have done it, before we hear of it: that report waits. */
	if (report.seq == stdio->asked_seq + 1)
		return;
	if (report.seq < stdio->reported_seq || report.seq > stdio->asked_seq) {
		lie(stdio);
		return;
	}
	stdio->reported_seq = report.seq;
	stdio->events->program(stdio->owner, &report);
}

void ceno_stdio_pump(struct ceno_stdio *stdio)
{
	if (stdio->lied || stdio->gone)
		return;
	pump_out(stdio, CENO_STREAM_OUT);
	pump_out(stdio, CENO_STREAM_ERR);
	pump_in(stdio);
	if (!stdio->lied)
		check_report(stdio);
	if (!stdio->lied && rings_empty(stdio))
		stdio->events->drained(stdio->owner);
}

void ceno_stdio_request(struct ceno_stdio *stdio)
{
	stdio->asked_seq++;
	ceno_stdio_signal(stdio);
	if (!stdio->lied && !stdio->gone)
		check_report(stdio);
}

void ceno_stdio_let_go(struct ceno_stdio *stdio)
{
	stdio->gone = true;
	for (unsigned which = 0; which < CENO_STREAMS; which++)
		set_waiting(&stdio->stream[which], false, 0);
}

void ceno_stdio_shutdown(const struct ceno_stdio *stdio)
{
	ceno_ring_store(&host_page(stdio)->shutdown, CENO_SHUTDOWN_NOW);
	ceno_stdio_signal(stdio);
}

bool ceno_stdio_ends(const struct ceno_stdio *stdio)
{
	return stdio->ends_after && stdio->reported_seq == stdio->asked_seq;
}

void ceno_stdio_end_input(struct ceno_stdio *stdio)
{
	struct ceno_stdio_stream *stream = &stdio->stream[CENO_STREAM_IN];
	stream->closed = true;
	set_waiting(stream, false, UV_READABLE);
}

static int init_stream(struct ceno_stdio *stdio, uv_loop_t *loop, unsigned which, int fd)
{
	static const struct {
		uint32_t offset, bytes;
	} place[CENO_STREAMS] = {
		{ CENO_STDIN_OFFSET, CENO_STDIN_BYTES },
		{ CENO_STDOUT_OFFSET, CENO_STDOUT_BYTES },
		{ CENO_STDERR_OFFSET, CENO_STDERR_BYTES },
	};
	struct ceno_stdio_stream *stream = &stdio->stream[which];
	const struct ceno_stdio_guest *guest = (const void *)(stdio->window + CENO_STDIO_GUEST_OFFSET);

	*stream = (struct ceno_stdio_stream){ .stdio = stdio, .fd = fd };
	stream->ring = (struct ceno_ring){ .data = stdio->window + place[which].offset,
		                           .bytes = place[which].bytes,
		                           .ours = &host_page(stdio)->index[which],
		                           .theirs = &guest->index[which] };
	int result = uv_poll_init(loop, &stream->poll, fd);
	stream->poll.data = stream;
	stream->pollable = result == 0;
	if (result == UV_EPERM)
		return 0; /* a file */
	if (result)
		return result;
	/* Grow the loop's tables now, not after the lock. */
	set_waiting(stream, true, which == CENO_STREAM_IN ? UV_READABLE : UV_WRITABLE);
	set_waiting(stream, false, 0);
	return 0;
}

int ceno_stdio_init(struct ceno_stdio *stdio, uv_loop_t *loop, void *window, const int fd[CENO_STREAMS], int irq_fd,
                    const struct ceno_stdio_events *events, void *owner)
{
	*stdio =
	    (struct ceno_stdio){ .window = window, .irq_fd = irq_fd, .asked_seq = 1, .events = events, .owner = owner };
	struct ceno_stdio_host *host = host_page(stdio);
	host->magic = CENO_STDIO_MAGIC;
	host->abi_version = CENO_ABI_VERSION;
	stdio->ends_after = host->shutdown == CENO_SHUTDOWN_AFTER;
	for (unsigned which = 0; which < CENO_STREAMS; which++) {
		int result = init_stream(stdio, loop, which, fd[which]);
		if (result)
			return result;
	}
	return 0;
}

void ceno_stdio_close(struct ceno_stdio *stdio)
{
	for (unsigned which = 0; which < CENO_STREAMS; which++)
		if (stdio->stream[which].pollable)
			uv_close((uv_handle_t *)&stdio->stream[which].poll, NULL);
}
