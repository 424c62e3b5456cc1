/* Waiting for descriptors: what poll.c, epoll.c, event.c and socket.c share. */
#ifndef CENO_MEMBRANE_POLL_H
#define CENO_MEMBRANE_POLL_H

#include "fd.h"

/* Before files are asked (ceno_file_poll), and after: `found` if there is anything or the
 * deadline (TSC) has passed, else the result of a call that waits until something changes. */
void ceno_poll_begin(void);
int64_t ceno_poll_wait(int64_t found, uint64_t deadline);
/* The deadline of a call: in ms, -1 never; or a timespec and a signal mask, both may be 0, as ppoll
 * has them. Returns 0, -LX_EFAULT or -LX_EINVAL. */
uint64_t ceno_poll_deadline_ms(int32_t ms);
int64_t ceno_poll_prepare(uint64_t time_gva, uint64_t mask_gva, uint64_t mask_bytes, uint64_t *deadline);

/* LX_POLL* bits that hold now. */
uint32_t ceno_epoll_poll(struct ceno_inode *inode);
uint32_t ceno_socket_poll(const struct ceno_file *file);
extern const char ceno_datagram_key; /* what those wait for whose socket is a DGRAM one */

/* There is no instance. Once per boot. */
void ceno_epolls_init(void);
/* An open file is gone (epoll.c); an epoll inode is. */
void ceno_epoll_forget(const struct ceno_file *file);
void ceno_epoll_end(struct ceno_inode *inode);

#endif
