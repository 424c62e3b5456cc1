/*
 * Large pages for a memfd that is about to be written.
 *
 * Where KVM keeps shadow tables, the guest's first touch of a page of 4 KiB costs 4 us, and 0.2 us
 * if 2 MiB lie in one page; writing, wiping and freeing cost a half to a fiftieth, too. The
 * host's policy for shared memory mostly is to give none; MADV_COLLAPSE (Linux 6.1) is a request
 * for some pages, now, whatever the policy.
 */
#ifndef CENO_WARDEN_LARGE_H
#define CENO_WARDEN_LARGE_H

#include <stdint.h>

/* Backs the 2 MiB pages that lie whole within [offset, offset + bytes) of a memfd, which is that
 * long and where they are holes, with large pages of zeros. fd: borrowed, writable. offset: a
 * multiple of 2 MiB. Advice: where the kernel cannot, or has none, small pages stay, and nothing
 * is lost but the time: 0.12 ms for each, and the kernel waits until every processor has looked at its
 * lists of pages and may have to make room, which takes nothing on an idle host and long on a busy one.
 * Returns 1 if it took more than a millisecond for each, about half of what it is worth: the caller
 * had better not ask again; else 0. */
int ceno_large_back(int fd, uint64_t offset, uint64_t bytes);

#endif
