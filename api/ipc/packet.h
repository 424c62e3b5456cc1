/*
 * One datagram with its descriptors over a SOCK_SEQPACKET Unix socket: the only
 * way bytes and descriptors travel between ceno, cenod's processes and clients.
 *
 * A datagram is whole or refused: a record larger than the buffer, or one whose
 * descriptors were cut off, is an error and its descriptors are closed. Every
 * received descriptor is close-on-exec.
 */
#ifndef CENO_API_IPC_PACKET_H
#define CENO_API_IPC_PACKET_H

#include <stddef.h>
#include <sys/types.h>

#define CENO_PACKET_FDS_MAX 253 /* the kernel's SCM_MAX_FD */

/* Descriptors that came with a datagram. Owned: whoever keeps one sets its place
 * to -1, ceno_packet_fds_close closes the rest. */
struct ceno_packet_fds {
	unsigned count;
	int fd[CENO_PACKET_FDS_MAX];
};

/* A connected SOCK_SEQPACKET pair, close-on-exec and non-blocking. 0 or -errno. */
int ceno_packet_pair(int out[2]);

/* Receives one datagram into `bytes` (capacity `max`) and its descriptors into
 * `fds` (count 0 if none, also on every error). Returns its length; 0 when the
 * peer is gone; -EAGAIN; -EMSGSIZE when it did not fit; another -errno. */
ssize_t ceno_packet_receive(int socket, void *bytes, size_t max, struct ceno_packet_fds *fds);

/* Sends one datagram with `fd_count` borrowed descriptors. 0, or -errno (nothing sent). */
int ceno_packet_send(int socket, const void *bytes, size_t length, const int *fds, unsigned fd_count);

/* Takes descriptor `index` out of `fds`; -1 if it is not there. */
int ceno_packet_fds_take(struct ceno_packet_fds *fds, unsigned index);

/* Closes every descriptor still in `fds` and empties it. */
void ceno_packet_fds_close(struct ceno_packet_fds *fds);

#endif
