/*
 * A SOCK_SEQPACKET socket on a libuv loop: datagrams in by callback, datagrams
 * out through a bounded queue, so that a slow peer costs memory up to the bound
 * and never blocks the loop.
 *
 *   open --> on_record* --> on_end once (peer gone or a broken datagram) --> close --> on_closed
 *
 * After on_end nothing is received; the owner calls ceno_channel_close. The
 * struct lives until on_closed (libuv keeps a pointer until then).
 */
#ifndef CENO_API_IPC_CHANNEL_H
#define CENO_API_IPC_CHANNEL_H

#include <stdbool.h>
#include <uv.h>

#include "packet.h"

struct ceno_channel;
struct ceno_channel_item;

struct ceno_channel_events {
	/* One datagram; `fds` is emptied by the channel afterwards except for what the callee took. */
	void (*on_record)(struct ceno_channel *channel, const void *bytes, size_t length, struct ceno_packet_fds *fds);
	/* The peer is gone (error 0) or the socket broke (-errno; -EMSGSIZE: an oversized datagram). */
	void (*on_end)(struct ceno_channel *channel, int error);
};

struct ceno_channel {
	uv_poll_t poll;
	int fd; /* owned; -1 when closed */
	bool ended, closing, close_when_sent;
	void *owner; /* borrowed, for the callbacks */
	const struct ceno_channel_events *events;
	void (*on_closed)(struct ceno_channel *channel);
	uint8_t *buffer; /* owned */
	size_t receive_max;
	struct ceno_channel_item *first, *last;
	size_t queued_bytes, queue_max;
};

/* Starts receiving on `fd` (moved in on success, made non-blocking). Datagrams
 * larger than `receive_max` end the channel; at most `queue_max` bytes wait to be
 * sent. 0 or -errno. */
int ceno_channel_open(uv_loop_t *loop, struct ceno_channel *channel, int fd, size_t receive_max, size_t queue_max,
                      const struct ceno_channel_events *events, void *owner);

/* Sends a datagram now or when the peer has room. Descriptors are duplicated;
 * the caller keeps its own. 0; -EPIPE when the channel ended; -ENOBUFS when the
 * queue is full; -errno. */
int ceno_channel_send(struct ceno_channel *channel, const void *bytes, size_t length, const int *fds,
                      unsigned fd_count);

/* Receives whatever is readable right now (a child's last words after its pidfd fired). */
void ceno_channel_drain(struct ceno_channel *channel);

/* Stops; `on_closed` (may be NULL) runs later on the loop, after which the
 * struct may go. With `send_first`, waits until the queue is empty or the peer is gone. */
void ceno_channel_close(struct ceno_channel *channel, bool send_first, void (*on_closed)(struct ceno_channel *channel));

#endif
