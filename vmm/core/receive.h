/*
 * The launch record and the session's descriptors, as they come out of the control
 * socket: received, matched with the slots that ask for them, checked, put in their
 * places of the table (launch.h).
 */
#ifndef CENO_VMM_RECEIVE_H
#define CENO_VMM_RECEIVE_H

#include <stddef.h>
#include <sys/types.h>

#include "vmm/core/launch.h"

/* What one datagram held. Descriptors are owned, close-on-exec. */
struct ceno_received {
	size_t bytes; /* of the record; a longer one is cut to the buffer's size */
	int fd[CENO_VMM_SENT_MAX];
	unsigned count; /* what does not fit is closed: no launch asks for more */
};

/* Blocks for one datagram of `socket`. buffer: size bytes. 1, or 0 when the peer is gone,
 * or a negative errno. */
int ceno_receive(int socket, void *buffer, size_t size, struct ceno_received *received);

/*
 * Puts each descriptor where a checked launch record wants it, replacing what is there, after
 * it was found to be of the type and access mode of its place: streams; boot page, pack and
 * image open for reading only; RAM, windows and trail memfds open for both.
 * Returns 0, -EBADF (too few, too many, or one is not what its place asks for) or -errno.
 * Every received descriptor is closed, also on failure.
 */
int ceno_receive_place(const struct ceno_vmm_launch *launch, struct ceno_received *received);

#endif
