/*
 * A TCTI over an inherited stream socket: raw TPM commands out, raw responses in.
 *
 * tpm2-tss has none that takes a descriptor. States: idle -> transmit -> sent
 * -> receive -> idle; a short read keeps what came and says TRY_AGAIN. A response
 * may claim at most 4,096 bytes (TPM2_MAX_RESPONSE_SIZE); one that claims more,
 * fewer than a header, or does not come within 30 s leaves the stream dead, since
 * nothing after it could be trusted to be in step: every later call is IO_ERROR.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <sodium.h>

#include "attest/tpm/tpm_internal.h"

#define STREAM_MAGIC 0x434e545053545231ull
#define RESPONSE_MAX 4096u
#define HEADER_BYTES 10u
#define PATIENCE_MS  30000
#define ALIGN_MS     5000

enum stream_state { STREAM_IDLE, STREAM_SENT, STREAM_DEAD };

struct stream {
	TSS2_TCTI_CONTEXT_COMMON_V2 common; /* first: tpm2-tss sees only this */
	int fd;                             /* owned */
	enum stream_state state;
	size_t have; /* bytes of the response so far */
	uint8_t response[RESPONSE_MAX];
};

static struct stream *stream_of(TSS2_TCTI_CONTEXT *tcti)
{
	struct stream *s = (struct stream *)tcti;
	return s && TSS2_TCTI_MAGIC(tcti) == STREAM_MAGIC ? s : NULL;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static TSS2_RC stream_die(struct stream *s)
{
	s->state = STREAM_DEAD;
	return TSS2_TCTI_RC_IO_ERROR;
}

static TSS2_RC stream_transmit(TSS2_TCTI_CONTEXT *tcti, size_t size, const uint8_t *command)
{
	struct stream *s = stream_of(tcti);
	if (!s || !command || size < HEADER_BYTES)
		return TSS2_TCTI_RC_BAD_VALUE;
	if (s->state == STREAM_DEAD)
		return TSS2_TCTI_RC_IO_ERROR;
	if (s->state != STREAM_IDLE)
		return TSS2_TCTI_RC_BAD_SEQUENCE;
	for (size_t sent = 0; sent < size;) {
		ssize_t n = send(s->fd, command + sent, size - sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return stream_die(s);
		sent += (size_t)n;
	}
	s->state = STREAM_SENT;
	s->have = 0;
	return TSS2_RC_SUCCESS;
}

/* Bytes the response will have, or 0 while its header is incomplete. */
static size_t stream_expected(const struct stream *s)
{
	if (s->have < HEADER_BYTES)
		return 0;
	return (size_t)s->response[2] << 24 | (size_t)s->response[3] << 16 | (size_t)s->response[4] << 8 |
	    s->response[5];
}

/* Read up to target bytes in all. deadline: in now_ms terms, final says it is our own last one. */
static TSS2_RC stream_fill(struct stream *s, size_t target, int64_t deadline, bool final)
{
	while (s->have < target) {
		int64_t left = deadline - now_ms();
		struct pollfd p = { .fd = s->fd, .events = POLLIN };
		int ready = poll(&p, 1, left > 0 ? (int)left : 0);
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready < 0)
			return stream_die(s);
		if (ready == 0) {
			if (final)
				return stream_die(s);
			return TSS2_TCTI_RC_TRY_AGAIN;
		}
		ssize_t n = recv(s->fd, s->response + s->have, target - s->have, 0);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return stream_die(s);
		s->have += (size_t)n;
	}
	return TSS2_RC_SUCCESS;
}

static TSS2_RC stream_receive(TSS2_TCTI_CONTEXT *tcti, size_t *size, uint8_t *response, int32_t timeout)
{
	struct stream *s = stream_of(tcti);
	if (!s || !size)
		return TSS2_TCTI_RC_BAD_VALUE;
	if (s->state == STREAM_DEAD)
		return TSS2_TCTI_RC_IO_ERROR;
	if (s->state != STREAM_SENT)
		return TSS2_TCTI_RC_BAD_SEQUENCE;
	bool final = timeout < 0 || timeout > PATIENCE_MS;
	int64_t deadline = now_ms() + (final ? PATIENCE_MS : timeout);
	TSS2_RC rc = stream_fill(s, HEADER_BYTES, deadline, final);
	if (rc)
		return rc;
	size_t expected = stream_expected(s);
	if (expected < HEADER_BYTES || expected > RESPONSE_MAX) {
		stream_die(s);
		return TSS2_TCTI_RC_MALFORMED_RESPONSE;
	}
	if (!response) {
		*size = expected;
		return TSS2_RC_SUCCESS;
	}
	if (*size < expected) {
		*size = expected;
		return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	}
	rc = stream_fill(s, expected, deadline, final);
	if (rc)
		return rc;
	memcpy(response, s->response, expected);
	*size = expected;
	s->state = STREAM_IDLE;
	return TSS2_RC_SUCCESS;
}

static void stream_finalize(TSS2_TCTI_CONTEXT *tcti)
{
	struct stream *s = stream_of(tcti);
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->state = STREAM_DEAD;
}

static TSS2_RC stream_cancel(TSS2_TCTI_CONTEXT *tcti)
{
	(void)tcti;
	return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

static TSS2_RC stream_poll_handles(TSS2_TCTI_CONTEXT *tcti, TSS2_TCTI_POLL_HANDLE *handles, size_t *count)
{
	struct stream *s = stream_of(tcti);
	if (!s || !count)
		return TSS2_TCTI_RC_BAD_VALUE;
	if (handles) {
		if (*count < 1)
			return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
		handles->fd = s->fd;
		handles->events = POLLIN;
	}
	*count = 1;
	return TSS2_RC_SUCCESS;
}

static TSS2_RC stream_locality(TSS2_TCTI_CONTEXT *tcti, uint8_t locality)
{
	(void)tcti;
	return locality == 0 ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

static TSS2_RC stream_sticky(TSS2_TCTI_CONTEXT *tcti, TPM2_HANDLE *handle, uint8_t sticky)
{
	(void)tcti;
	(void)handle;
	(void)sticky;
	return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

/* TPM2_Hash of 16 random bytes by SHA-256 with the null hierarchy's empty ticket, and its one right answer. */
#define ALIGN_COMMAND_BYTES 34u
#define ALIGN_ANSWER_BYTES  52u

static void align_exchange(uint8_t command[ALIGN_COMMAND_BYTES], uint8_t answer[ALIGN_ANSWER_BYTES])
{
	static const uint8_t command_head[12] = { 0x80, 0x01, 0, 0, 0, ALIGN_COMMAND_BYTES, 0, 0, 0x01, 0x7d, 0, 16 };
	static const uint8_t command_tail[6] = { 0, 0x0b, 0x40, 0, 0, 0x07 };
	static const uint8_t answer_head[12] = { 0x80, 0x01, 0, 0, 0, ALIGN_ANSWER_BYTES, 0, 0, 0, 0, 0, 32 };
	static const uint8_t answer_tail[8] = { 0x80, 0x24, 0x40, 0, 0, 0x07, 0, 0 };
	memcpy(command, command_head, 12);
	randombytes_buf(command + 12, 16);
	memcpy(command + 28, command_tail, 6);
	memcpy(answer, answer_head, 12);
	crypto_hash_sha256(answer + 12, command + 12, 16);
	memcpy(answer + 44, answer_tail, 8);
}

/* One byte before the deadline. */
static bool next_byte(int fd, uint8_t *byte, int64_t deadline)
{
	for (;;) {
		int64_t left = deadline - now_ms();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int ready = poll(&p, 1, left > 0 ? (int)left : 0);
		if (ready < 0 && errno == EINTR)
			continue;
		return ready == 1 && recv(fd, byte, 1, 0) == 1;
	}
}

bool ceno_tpm_stream_align(int fd)
{
	uint8_t command[ALIGN_COMMAND_BYTES], answer[ALIGN_ANSWER_BYTES], last[ALIGN_ANSWER_BYTES] = { 0 };
	int64_t deadline = now_ms() + ALIGN_MS;
	align_exchange(command, answer);
	if (send(fd, command, sizeof(command), MSG_NOSIGNAL) != sizeof(command))
		return false;
	while (memcmp(last, answer, sizeof(answer))) {
		memmove(last, last + 1, sizeof(last) - 1);
		if (!next_byte(fd, &last[sizeof(last) - 1], deadline))
			return false;
	}
	return true;
}

TSS2_TCTI_CONTEXT *ceno_tpm_stream_new(int fd)
{
	struct stream *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->common.v1.magic = STREAM_MAGIC;
	s->common.v1.version = 2;
	s->common.v1.transmit = stream_transmit;
	s->common.v1.receive = stream_receive;
	s->common.v1.finalize = stream_finalize;
	s->common.v1.cancel = stream_cancel;
	s->common.v1.getPollHandles = stream_poll_handles;
	s->common.v1.setLocality = stream_locality;
	s->common.makeSticky = stream_sticky;
	s->fd = fd;
	s->state = STREAM_IDLE;
	return (TSS2_TCTI_CONTEXT *)s;
}

void ceno_tpm_stream_free(TSS2_TCTI_CONTEXT *tcti)
{
	stream_finalize(tcti);
	free(tcti);
}
