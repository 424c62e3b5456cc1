/* Channels: see channel.h. */
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ceno_channel_item {
	struct ceno_channel_item *next;
	size_t length;
	unsigned fd_count;
	int *fds;       /* owned duplicates, in the same block */
	uint8_t *bytes; /* in the same block */
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void item_free(struct ceno_channel_item *item)
{
	for (unsigned i = 0; i < item->fd_count; i++)
		close(item->fds[i]);
	free(item);
}

static void poll_again(struct ceno_channel *channel)
{
	int events = channel->ended || channel->close_when_sent ? 0 : UV_READABLE;

	if (channel->closing)
		return;
	if (channel->first)
		events |= UV_WRITABLE;
	if (events)
		uv_poll_start(&channel->poll, events, on_poll);
	else
		uv_poll_stop(&channel->poll);
}

static void end(struct ceno_channel *channel, int error)
{
	if (channel->ended)
		return;
	channel->ended = true;
	poll_again(channel);
	if (!channel->closing && !channel->close_when_sent)
		channel->events->on_end(channel, error);
}

static void handle_closed(uv_handle_t *handle)
{
	struct ceno_channel *channel = handle->data;

	while (channel->first) {
		struct ceno_channel_item *item = channel->first;

		channel->first = item->next;
		item_free(item);
	}
	free(channel->buffer);
	channel->buffer = NULL;
	if (channel->on_closed)
		channel->on_closed(channel);
}

static void close_now(struct ceno_channel *channel)
{
	channel->closing = true;
	uv_close((uv_handle_t *)&channel->poll, handle_closed);
	close(channel->fd);
	channel->fd = -1;
}

/* Sends what the peer takes; a dead peer drops the queue (on_end comes from the reading side). */
static void flush(struct ceno_channel *channel)
{
	while (channel->first) {
		struct ceno_channel_item *item = channel->first;
		int rc = ceno_packet_send(channel->fd, item->bytes, item->length, item->fds, item->fd_count);

		if (rc == -EAGAIN || rc == -ENOBUFS)
			break;
		channel->queued_bytes -= item->length;
		channel->first = item->next;
		if (!channel->first)
			channel->last = NULL;
		item_free(item);
	}
	if (!channel->first && channel->close_when_sent)
		close_now(channel);
	else
		poll_again(channel);
}

void ceno_channel_drain(struct ceno_channel *channel)
{
	while (!channel->ended && !channel->closing && !channel->close_when_sent) {
		struct ceno_packet_fds fds;
		ssize_t n = ceno_packet_receive(channel->fd, channel->buffer, channel->receive_max, &fds);

		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			ceno_packet_fds_close(&fds);
			end(channel, (int)n);
			return;
		}
		channel->events->on_record(channel, channel->buffer, (size_t)n, &fds);
		ceno_packet_fds_close(&fds);
	}
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct ceno_channel *channel = poll->data;

	if (status < 0) {
		/* EPOLLERR on a Unix socket: the peer is gone; what it sent first is still readable. */
		ceno_channel_drain(channel);
		if (!channel->closing)
			end(channel, 0);
		if (!channel->closing && channel->close_when_sent)
			close_now(channel);
		return;
	}
	if (events & UV_READABLE)
		ceno_channel_drain(channel);
	if (!channel->closing && (events & UV_WRITABLE))
		flush(channel);
}

int ceno_channel_open(uv_loop_t *loop, struct ceno_channel *channel, int fd, size_t receive_max, size_t queue_max,
                      const struct ceno_channel_events *events, void *owner)
{
	int rc, flags = fcntl(fd, F_GETFL);

	memset(channel, 0, sizeof *channel);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	channel->buffer = malloc(receive_max);
	if (!channel->buffer)
		return -ENOMEM;
	rc = uv_poll_init(loop, &channel->poll, fd);
	if (rc) {
		free(channel->buffer);
		return rc;
	}
	channel->poll.data = channel;
	channel->fd = fd;
	channel->owner = owner;
	channel->events = events;
	channel->receive_max = receive_max;
	channel->queue_max = queue_max;
	poll_again(channel);
	return 0;
}

static struct ceno_channel_item *item_new(const void *bytes, size_t length, const int *fds, unsigned fd_count)
{
	struct ceno_channel_item *item = malloc(sizeof *item + sizeof(int) * fd_count + length);

	if (!item)
		return NULL;
	item->next = NULL;
	item->length = length;
	item->fd_count = 0;
	item->fds = (int *)(item + 1);
	item->bytes = (uint8_t *)(item->fds + fd_count);
	memcpy(item->bytes, bytes, length);
	for (; item->fd_count < fd_count; item->fd_count++) {
		item->fds[item->fd_count] = fcntl(fds[item->fd_count], F_DUPFD_CLOEXEC, 0);
		if (item->fds[item->fd_count] < 0) {
			item_free(item);
			return NULL;
		}
	}
	return item;
}

int ceno_channel_send(struct ceno_channel *channel, const void *bytes, size_t length, const int *fds, unsigned fd_count)
{
	struct ceno_channel_item *item;
	int rc;

	if (channel->ended || channel->closing || channel->close_when_sent)
		return -EPIPE;
	if (!channel->first) {
		rc = ceno_packet_send(channel->fd, bytes, length, fds, fd_count);
		if (rc != -EAGAIN && rc != -ENOBUFS)
			return rc;
	}
	if (length > channel->queue_max - channel->queued_bytes)
		return -ENOBUFS;
	item = item_new(bytes, length, fds, fd_count);
	if (!item)
		return -ENOMEM;
	if (channel->last)
		channel->last->next = item;
	else
		channel->first = item;
	channel->last = item;
	channel->queued_bytes += length;
	poll_again(channel);
	return 0;
}

void ceno_channel_close(struct ceno_channel *channel, bool send_first, void (*on_closed)(struct ceno_channel *channel))
{
	channel->on_closed = on_closed;
	if (channel->closing)
		return;
	if (send_first && channel->first && !channel->ended) {
		channel->close_when_sent = true;
		poll_again(channel);
		return;
	}
	close_now(channel);
}
