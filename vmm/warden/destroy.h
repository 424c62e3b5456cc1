/*
 * Destruction: steps 1 to 7 with their evidence, one signature, and the end of
 * every secret. Runs when the vmm has been reaped; needs neither it, nor the
 * TPM, nor the network. Step 8 belongs to whoever sees the warden die.
 *
 * The order, and what each failure means, is a table: destruction.h.
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
 * Destroys a session whose launch leaf may be in the log, signs what was done, and gives the payload
 * to attest or, if that is gone or does not store it, to the spool (both borrowed).
 * attest: asked for R, at most 50 ms; -1 if it is gone.
 * Returns 0, or -errno: then nothing was delivered, memory may hold content, and the caller must exit
 * unclean so that recovery follows.
 */
int ceno_destroy(struct ceno_session *session, const struct ceno_end *end, int attest, int spool);

/* The same overwriting for a session that never ran, without evidence. Returns 0 or -errno. */
int ceno_destroy_unlaunched(struct ceno_session *session);

/*
 * What a recovery warden does: the same over a RAM memfd and the areas beside it, without evidence.
 * RAM that is sealed against writing already is compared only: a warden that got so far had zeroed it.
 * ram_ro: the same, opened read-only. areas: writable memfds of count, closed (-1) where wiped.
 * Returns 0, or -errno (-EIO: it did not read back as zero).
 */
int ceno_destroy_orphan(int ram, int ram_ro, uint64_t bytes, int *areas, unsigned count);

#endif
