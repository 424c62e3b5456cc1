/*
 * The guest's trail (guest-kernel/abi/trail.h), copied out of its window. The warden
 * takes the bytes as they are: it reads one length, which the guest wrote and which is
 * therefore held to the window's size, and parses nothing.
 *
 *   take (running: a snapshot; after the vmm was reaped: what is left) -> memfd -> drop
 */
#ifndef CENO_WARDEN_TRAIL_H
#define CENO_WARDEN_TRAIL_H

#include <stddef.h>
#include <stdint.h>
#include "../../guest-kernel/abi/layout.h"

struct ceno_trail {
	size_t bytes; /* used; 0: the guest wrote none */
	uint8_t sha256[32];
	const uint8_t *copy; /* borrowed: static, one in a process, until the next take or drop */
};

/* Copies header page and records, and hashes the copy. window: its memfd, borrowed; below 0: as one
 * that is empty. The guest may write meanwhile: every byte is read once, and the copy's header
 * states the length that was read. An unreadable window is an empty trail. */
void ceno_trail_take(int window, struct ceno_trail *trail);

/* A sealed memfd of the copy, owned by the caller; -1 if it is empty or there is no memory. */
int ceno_trail_memfd(const struct ceno_trail *trail);

/* Overwrites the copy; bytes and digest stay. */
void ceno_trail_drop(struct ceno_trail *trail);

#endif
