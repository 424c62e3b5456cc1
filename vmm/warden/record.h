/*
 * One record, one datagram: the only way bytes enter or leave the warden.
 *
 * Every record has a fixed size (wire.h, core/launch.h, attest/proof/wire.h) and
 * a known number of descriptors. Anything else is refused and whatever
 * descriptors came along are closed, so that a confused or hostile peer cannot
 * fill the table. Received descriptors are close-on-exec.
 */
#ifndef CENO_WARDEN_RECORD_H
#define CENO_WARDEN_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define CENO_RECORD_FDS_MAX 20 /* a launch of the vmm has the most: core/launch.h */

/* Closes *fd if it is one and sets it to -1. */
static inline void ceno_fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/*
 * Receives one record of exactly `size` bytes without blocking.
 * record: size bytes. fds: at least CENO_RECORD_FDS_MAX, set to the descriptors
 * received (owned by the caller, also when the count is not what it expects) and
 * -1 elsewhere; NULL: none are accepted. *count: how many, may be NULL if fds is.
 * Returns 1 a record, 0 the peer is gone, -EAGAIN nothing there, -EPROTO another
 * size, truncated or too many descriptors, or -errno.
 */
int ceno_record_recv(int fd, void *record, size_t size, int *fds, unsigned *count);

/*
 * Sends one record (and body, if body_bytes is not 0, in the same datagram).
 * fds: count descriptors to pass, borrowed. Does not block and raises no signal.
 * Returns 0 or -errno (-EPIPE, -ECONNRESET: the peer is gone; -EAGAIN: its queue is full).
 */
int ceno_record_send(int fd, const void *record, size_t size, const void *body, size_t body_bytes, const int *fds,
                     unsigned count);

/* Waits until fd is readable or `ms` passed. Returns 1 readable or hung up, 0 time is up. */
int ceno_record_wait(int fd, int ms);

#endif
