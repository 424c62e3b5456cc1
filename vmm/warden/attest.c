/*
 * Talking to ceno-attest; see attest.h.
 */
#include "attest.h"
#include "record.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

union reply {
	uint32_t type;
	struct ceno_attest_launched launched;
	struct ceno_attest_random random;
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Records of two sizes arrive here, so the size decides what it may be. */
static int recv_any(int fd, union reply *reply)
{
	ssize_t n;
	memset(reply, 0, sizeof *reply);
	do
		n = recv(fd, reply, sizeof *reply, MSG_DONTWAIT | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	if (n == 0)
		return 0;
	int is_random = n == (ssize_t)sizeof reply->random && reply->type == CENO_ATTEST_RANDOM;
	int is_answer = n == (ssize_t)sizeof reply->launched &&
	    (reply->type == CENO_ATTEST_LAUNCHED || reply->type == CENO_ATTEST_STORED);
	return is_random || is_answer ? 1 : -EPROTO;
}

int ceno_attest_recv(int fd, struct ceno_attest_launched *answer)
{
	union reply reply;
	int rc;
	do
		rc = recv_any(fd, &reply);
	while (rc == 1 && reply.type == CENO_ATTEST_RANDOM);
	if (rc == 1)
		*answer = reply.launched;
	return rc;
}

/* Waits for a message of one type; others that may still be on their way are skipped. */
static int await(int fd, uint32_t type, union reply *reply, int ms)
{
	int64_t end = now_ms() + ms;
	for (int64_t left; (left = end - now_ms()) > 0;) {
		if (!ceno_record_wait(fd, (int)left))
			break;
		int rc = recv_any(fd, reply);
		if (rc == 0)
			return -EPIPE;
		if (rc < 0 && rc != -EAGAIN)
			return rc;
		if (rc == 1 && reply->type == type)
			return 0;
	}
	return -ETIMEDOUT;
}

int ceno_attest_ask_random(int fd)
{
	const struct ceno_attest_random ask = { .type = CENO_ATTEST_RANDOM };
	return fd < 0 ? -EPIPE : ceno_record_send(fd, &ask, sizeof ask, NULL, 0, NULL, 0);
}

int ceno_attest_random(int fd, uint8_t random[32], int ms)
{
	union reply reply;
	int rc = await(fd, CENO_ATTEST_RANDOM, &reply, ms);
	if (rc == 0 && reply.random.error)
		rc = -EIO;
	if (rc == 0)
		memcpy(random, reply.random.bytes, 32);
	return rc;
}

static int spool_payload(int spool, const struct ceno_payload *payload)
{
	size_t bytes = sizeof payload->head + payload->head.payload_bytes;
	const uint8_t *from = (const uint8_t *)payload;
	for (size_t done = 0; done < bytes;) {
		ssize_t n = pwrite(spool, from + done, bytes - done, (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return fdatasync(spool) < 0 ? -errno : 0;
}

int ceno_attest_hand_over(int fd, int spool, const struct ceno_payload *payload, int ms)
{
	_Static_assert(offsetof(struct ceno_payload, bytes) == sizeof payload->head, "head and bytes follow");
	union reply reply;
	int rc = fd < 0 ? -EPIPE
			: ceno_record_send(fd, &payload->head, sizeof payload->head, payload->bytes,
	                                   payload->head.payload_bytes, NULL, 0);
	if (rc == 0)
		rc = await(fd, CENO_ATTEST_STORED, &reply, ms);
	if (rc == 0 && reply.launched.error == 0)
		return 0;
	return spool_payload(spool, payload);
}

void ceno_attest_mark_done(int spool)
{
	const uint64_t done = CENO_SPOOL_DONE;
	(void)!pwrite(spool, &done, sizeof done, CENO_SPOOL_DONE_OFFSET);
}
