/*
 * Descriptor 3: what the supervisor passes and observes. It is root and ours, and
 * still every record is checked: a malformed one ends attest, because a
 * supervisor that is out of step could seal the wrong thing.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/daemon/attestd.h"

#define CONTROL_FD 3

static bool is_seqpacket(int fd)
{
	int type = 0;
	socklen_t n = sizeof(type);
	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) && type == SOCK_SEQPACKET;
}

static bool is_regular(int fd)
{
	struct stat st;
	return !fstat(fd, &st) && S_ISREG(st.st_mode);
}

static bool zero_id(const uint8_t id[16])
{
	static const uint8_t zeros[16];
	return !memcmp(id, zeros, 16);
}

/* fd moves in. Returns false if the record is not one. */
static bool control_channel(struct ceno_attestd *d, const struct ceno_attest_channel *c, int fd)
{
	bool api = c->kind == CENO_ATTEST_CHANNEL_API;
	bool right = fd >= 0 && api == zero_id(c->session_id) &&
	    (c->kind == CENO_ATTEST_CHANNEL_SPOOL ? is_regular(fd) : is_seqpacket(fd));
	if (right && api)
		ceno_attestd_api_open(d, fd);
	else if (right && c->kind == CENO_ATTEST_CHANNEL_WARDEN)
		ceno_attestd_warden_open(d, fd, c->session_id);
	else if (right && c->kind == CENO_ATTEST_CHANNEL_SPOOL)
		ceno_attestd_spooled(d, fd, c->session_id);
	else if (fd >= 0)
		close(fd);
	return right && c->kind >= CENO_ATTEST_CHANNEL_WARDEN && c->kind <= CENO_ATTEST_CHANNEL_SPOOL;
}

static bool control_step8(struct ceno_attestd *d, const struct ceno_step8_record *r)
{
	if (!ceno_attestd_step8_ok(r))
		return false;
	/* What the warden sent before it ended may still lie unread, its launch included. */
	ceno_attestd_wardens_drain(d, r->session_id);
	struct ceno_attestd_session *s = ceno_attestd_find(d, r->session_id);
	if (!s)
		return true; /* it made no launch */
	if (r->type == CENO_ATTEST_UNCLEAN) {
		ceno_attestd_end_unclean(s, r->cause);
	} else if (s->step8_part == CENO_PART_NONE && s->phase <= CENO_PHASE_LAUNCHED) {
		s->step8 = *r;
		ceno_attestd_store_step8(s);
	}
	return true;
}

/* The record in d->buffer; fd moves in. */
static bool control_record(struct ceno_attestd *d, size_t bytes, int fd)
{
	struct ceno_attest_channel channel;
	struct ceno_step8_record step8;
	uint32_t type = 0;
	if (bytes >= sizeof(type))
		memcpy(&type, d->buffer, sizeof(type));
	if (type == CENO_ATTEST_CHANNEL && bytes == sizeof(channel)) {
		memcpy(&channel, d->buffer, sizeof(channel));
		return control_channel(d, &channel, fd);
	}
	if (fd >= 0) {
		close(fd);
		return false;
	}
	if (bytes != sizeof(step8))
		return false;
	memcpy(&step8, d->buffer, sizeof(step8));
	return control_step8(d, &step8);
}

static void on_control(uv_poll_t *poll, int status, int events)
{
	struct ceno_attestd *d = poll->data;
	(void)events;
	while (!d->stopping) {
		int fd;
		ssize_t n = status < 0 ? 0 : ceno_attestd_receive(CONTROL_FD, d->buffer, sizeof(d->buffer), &fd);
		if (n == -1)
			return;
		if (n <= 0) {
			ceno_attestd_stop(d, n ? 1 : 0);
		} else if (!control_record(d, (size_t)n, fd)) {
			ceno_attestd_say("the supervisor sent a malformed record; stopping");
			ceno_attestd_stop(d, 1);
		}
	}
}

bool ceno_attestd_supervised(void)
{
	return is_seqpacket(CONTROL_FD);
}

int ceno_attestd_supervisor_open(struct ceno_attestd *d)
{
	const struct ceno_attest_launched ready = { .type = CENO_ATTEST_READY, .launch_index = d->tree.count };
	if (uv_poll_init(&d->loop, &d->control, CONTROL_FD))
		return -1;
	d->control.data = d;
	uv_poll_start(&d->control, UV_READABLE, on_control);
	return ceno_attestd_send(CONTROL_FD, &ready, sizeof(ready), NULL, 0) == -1 ? -1 : 0;
}
