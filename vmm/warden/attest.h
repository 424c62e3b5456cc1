/*
 * The warden's half of its channel to ceno-attest (attest/proof/wire.h): one
 * launch, R, one payload; and the spool file for when attest is gone.
 */
#ifndef CENO_WARDEN_ATTEST_H
#define CENO_WARDEN_ATTEST_H

#include "destroy.h"

#define CENO_STORED_DEADLINE_MS 3000

/* One message from attest, without blocking. Returns 1 with *answer, 0 attest is gone,
 * -EAGAIN, -EPROTO not a LAUNCHED or STORED record. A RANDOM answer that came too late
 * for its question is skipped. */
int ceno_attest_recv(int fd, struct ceno_attest_launched *answer);

/* Asks for R. fd -1: attest is gone. Returns 0 or -errno (-EPIPE). */
int ceno_attest_ask_random(int fd);

/* R, after it was asked for; waits at most `ms`. Returns 0 with 32 bytes, or -errno (-ETIMEDOUT, -EPIPE, -EIO). */
int ceno_attest_random(int fd, uint8_t random[32], int ms);

/*
 * Hands the payload over: sends it, waits at most `ms` until attest says it is on
 * disk; else writes it into the spool file and syncs that.
 * Returns 0, or -errno if neither worked (the payload is lost).
 */
int ceno_attest_hand_over(int fd, int spool, const struct ceno_payload *payload, int ms);

/* Writes into the spool that every step was done. What cannot be written is not said. */
void ceno_attest_mark_done(int spool);

#endif
