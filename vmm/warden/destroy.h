/*
 * Destruction: steps 1 to 7 with their evidence, one signature, and the end of
 * every secret. Runs when the vmm has been reaped; needs neither it, nor the
 * TPM, nor the network. Step 8 belongs to whoever sees the warden die.
 *
 *   1 isolation, copy of the trail  2 windows, pack, boot page  3 keyed fill  4 keys  5 tokens
 *   6 read-back, zero, seal, compare, host facts  7 chain seal  -> payload
 */
#ifndef CENO_WARDEN_DESTROY_H
#define CENO_WARDEN_DESTROY_H

#include "session.h"

struct ceno_end {
	uint32_t cause;     /* enum ceno_cause */
	uint32_t violation; /* enum ceno_vmm_stop of a violation, or 0 */
};

struct ceno_payload {
	struct ceno_attest_payload head;
	uint8_t bytes[CENO_PAYLOAD_MAX];
};

/*
 * Destroys a session whose launch leaf may be in the log, and signs what was done.
 * attest: asked for R, at most 50 ms; -1 if it is gone.
 * Returns 0 with *payload ready to send, or -errno: then nothing was signed, memory
 * may hold content, and the caller must exit unclean so that recovery follows.
 */
int ceno_destroy(struct ceno_session *session, const struct ceno_end *end, int attest, struct ceno_payload *payload);

/* The same overwriting for a session that never ran, without evidence. Returns 0 or -errno. */
int ceno_destroy_unlaunched(struct ceno_session *session);

/* Fills, reads back, zeroes, seals and compares a RAM memfd; used by recovery too. fd_ro: the same,
 * opened read-only.
 * Returns 0, or -errno (-EIO: it did not read back as zero). */
int ceno_destroy_ram(int fd, int fd_ro, uint64_t bytes);

#endif
