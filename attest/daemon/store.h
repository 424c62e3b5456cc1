/*
 * The leaves on disk: an append-only file, one frame per group of leaves written
 * together. A frame is
 *
 *   u32 magic "CLF1" | u32 leaves | u64 index of the first | u32 bytes | u32 0
 *   records: struct ceno_store_record, then body_bytes bytes of leaf body
 *   SHA-256 over all of the frame before it
 *
 * little-endian. A frame is durable before any of its indexes is told to anyone.
 * The body is what the log hashes; the record beside it holds what a restart
 * needs and the body only commits to (the session's public key, TPM counts).
 *
 * A last frame that is cut short or does not match its hash, with no whole frame after
 * it, was never answered: it can be taken off and is kept in a file named torn.
 * Anything else that does not fit is refused.
 */
#ifndef CENO_STORE_H
#define CENO_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/proof/proof.h"

enum ceno_store_kind {
	CENO_STORE_LAUNCH = 1,
	CENO_STORE_CDP,
	CENO_STORE_UNCLEAN,
	CENO_STORE_EPOCH,
	CENO_STORE_RECORD,
	CENO_STORE_KEYCHANGE
};

struct ceno_store_record {
	uint32_t kind;                       /* enum ceno_store_kind */
	uint32_t body_bytes;                 /* at most CENO_PROOF_LEAF_MAX */
	uint8_t session_id[16];              /* zeros: EPOCH, KEYCHANGE */
	uint64_t launch_index;               /* CDP, UNCLEAN */
	uint8_t signer_pub[32];              /* LAUNCH; KEYCHANGE: the old key */
	uint32_t reset_count, restart_count; /* LAUNCH: of the TPM, last seen before it */
};
_Static_assert(sizeof(struct ceno_store_record) == 72, "store record");

struct ceno_store_leaf {
	struct ceno_store_record record;
	uint8_t body[CENO_PROOF_LEAF_MAX];
};

#define CENO_STORE_GROUP_MAX 512u

#define CENO_STORE_ERRORS(X) \
	X(OK, 0, "no error") \
	X(IO, -1, "the log file could not be read or written") \
	X(CORRUPT, -2, "the log file was altered: a frame in it does not match its hash") \
	X(ORDER, -3, "the log file was altered: its leaves are not numbered in order") \
	X(VISIT, -4, "the log file could not be taken in")

enum ceno_store_error {
#define CENO_STORE_ERROR_ENUM(name, number, text) CENO_STORE_##name = number,
	CENO_STORE_ERRORS(CENO_STORE_ERROR_ENUM)
#undef CENO_STORE_ERROR_ENUM
};

const char *ceno_store_error_text(int error);

struct ceno_store {
	int fd;         /* owned */
	uint64_t bytes; /* durable length */
	uint64_t leaves;
	uint64_t torn_bytes; /* cut-off write at the end, not among bytes */
};

/* Called for each leaf in order; not 0 stops with VISIT. leaf: borrowed for the call. */
typedef int ceno_store_visit(void *arg, uint64_t index, const struct ceno_store_leaf *leaf);

/*
 * Open (and, unless read_only, create) "leaves" in dir_fd and visit every leaf. Nothing is changed.
 * Returns OK, or any error above with store closed. With torn_bytes, cut_torn comes before any append.
 */
int ceno_store_open(struct ceno_store *store, int dir_fd, bool read_only, ceno_store_visit *visit, void *arg);

/* Move a torn end to the file "torn", once the caller knows that no leaf was lost with it. Returns OK or IO. */
int ceno_store_cut_torn(struct ceno_store *store, int dir_fd);

/*
 * Append count (1 to CENO_STORE_GROUP_MAX) leaves and make them durable. On failure nothing
 * was appended: the file is cut back (IO); if even that fails every later append is IO.
 * Blocks on the disk; one thread at a time.
 */
int ceno_store_append(struct ceno_store *store, const struct ceno_store_leaf *const *leaves, uint32_t count);

void ceno_store_close(struct ceno_store *store);

#endif
