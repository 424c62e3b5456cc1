/*
 * The ledger: metadata of every session and its proof, in SQLite (WAL). Nothing
 * of a session's content is ever written: no arguments, names, output or status.
 *
 * Statements are small and local; with WAL and synchronous NORMAL none of them
 * waits for the disk, so they may run on the loop.
 */
#ifndef CENO_API_LEDGER_H
#define CENO_API_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ceno_ledger;

struct ceno_ledger_row {
	int64_t number; /* rises by one a session; list order and cursor */
	uint8_t session_id[16];
	uint32_t uid, tier;
	int state;                                 /* enum ceno_state */
	uint32_t cause;                            /* enum ceno_cause; 0 not ended */
	int64_t created_ms, launched_ms, ended_ms; /* CLOCK_REALTIME; 0 not yet */
	int64_t launch_index;                      /* -1 not launched */
	uint64_t memory_bytes, ttl_ms;
	uint32_t classification, jurisdiction;
	uint8_t signer[32];
	bool has_signer, has_proof;
};

/* Opens (or makes) directory/ledger.db. NULL on failure with a line in `message` (size bytes). */
struct ceno_ledger *ceno_ledger_open(const char *directory, char *message, size_t size);
void ceno_ledger_close(struct ceno_ledger *ledger);

/* Each returns 0, -ENOENT (no such session), -ENOSPC (disk full) or -EIO. What launched, state and ended say of a session is
 * kept, shown and written later where the disk does not take it, as long as the ledger is open. */
int ceno_ledger_insert(struct ceno_ledger *ledger, const struct ceno_ledger_row *row);
int ceno_ledger_remove(struct ceno_ledger *ledger, const uint8_t session_id[16]);
int ceno_ledger_launched(struct ceno_ledger *ledger, const uint8_t session_id[16], int64_t now_ms,
                         int64_t launch_index);
int ceno_ledger_state(struct ceno_ledger *ledger, const uint8_t session_id[16], int state);
int ceno_ledger_ended(struct ceno_ledger *ledger, const uint8_t session_id[16], int state, uint32_t cause,
                      int64_t now_ms);
/* `signer` may be NULL. */
int ceno_ledger_proof(struct ceno_ledger *ledger, const uint8_t session_id[16], const void *file, size_t bytes,
                      const uint8_t signer[32]);

/* One row, or its proof (allocated, freed by the caller with free). */
int ceno_ledger_find(struct ceno_ledger *ledger, const uint8_t session_id[16], struct ceno_ledger_row *row);
int ceno_ledger_find_proof(struct ceno_ledger *ledger, const uint8_t session_id[16], uint8_t **file, size_t *bytes);

/* Newest first, at most `limit` rows with a number below `before` (0: from the
 * newest) of `uid` (-1: of everybody). Calls `each` per row. 0 or -EIO. */
int ceno_ledger_list(struct ceno_ledger *ledger, int64_t uid, int64_t before, int64_t limit,
                     void (*each)(const struct ceno_ledger_row *row, void *context), void *context);

/* Sessions of `uid` launched at or after `since_ms`; -EIO. */
int64_t ceno_ledger_launches(struct ceno_ledger *ledger, uint32_t uid, int64_t since_ms);

/* At start: sessions an earlier api left open become `state`. Returns how many, or -EIO. */
int64_t ceno_ledger_orphans(struct ceno_ledger *ledger, int state);

/* Sessions made before `created_before_ms` that are still in state `from` become
 * `to`: nobody spoke of them since. Returns how many, or -EIO. */
int64_t ceno_ledger_abandon(struct ceno_ledger *ledger, int from, int to, int64_t created_before_ms);

/* ---- images: who added which to the node, under which name ---------------------- */

struct ceno_ledger_image {
	uint8_t image[32]; /* digest of the content id */
	uint8_t signer[32];
	uint32_t uid, entries;
	uint64_t bytes;
	int64_t added_ms; /* CLOCK_REALTIME */
	char name[64];
	bool released;
};

/* Puts a row in; one of the same uid and name is replaced, its digest is in *replaced (zeros: none was).
 * 0, -ENOSPC, -EIO. */
int ceno_ledger_image_put(struct ceno_ledger *ledger, const struct ceno_ledger_image *row, uint8_t replaced[32]);

/* The image that `uid` means by a name, or by a digest (image not NULL): its own before root's, nobody
 * else's. 0, -ENOENT, -EIO. */
int ceno_ledger_image_find(struct ceno_ledger *ledger, uint32_t uid, const char *name, const uint8_t image[32],
                           struct ceno_ledger_image *row);

/* Takes uid's own row out. 0, -ENOENT, -EIO. */
int ceno_ledger_image_remove(struct ceno_ledger *ledger, uint32_t uid, const char *name);

/* Rows (of anybody) that name this image; -EIO. Rows of uid, if image is NULL. */
int64_t ceno_ledger_image_count(struct ceno_ledger *ledger, const uint8_t image[32], uint32_t uid);

/* What uid may use (root: all), by name. Calls `each` per row. 0 or -EIO. */
int ceno_ledger_image_list(struct ceno_ledger *ledger, uint32_t uid,
                           void (*each)(const struct ceno_ledger_image *row, void *context), void *context);

#endif
