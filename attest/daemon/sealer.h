/*
 * When a checkpoint is made and quoted: one quote seals every leaf that the log then has.
 *
 *   IDLE --a leaf wants it, and policy says now--> (MOVING) --> QUOTING --quote--> WRITING --checkpoint durable--> IDLE
 *
 * The policy is by the TPM's speed, measured at start: one that quotes within 20 ms is asked
 * at once; a slower one when 4,096 leaves wait or the first has waited 500 ms. Leaves that
 * come while one batch is under way wait for the next, so a TPM slower than that sets the pace
 * itself. A batch is never given up: the TPM queue tries until it has a quote (tpmq.h).
 *
 * The NV counter is moved at attest's start and, at most hourly, before a batch.
 *
 * Order on the disk: leaves, checkpoint; nobody sees a checkpoint before it is durable, and
 * the tree has only durable leaves. Everything runs on the loop but the two queues.
 */
#ifndef CENO_ATTEST_SEALER_H
#define CENO_ATTEST_SEALER_H

#include <uv.h>

#include "attest/daemon/disk.h"
#include "attest/daemon/tpmq.h"
#include "attest/log/log.h"
#include "attest/proof/proof.h"

#define CENO_SEALER_FAST_MS  20u
#define CENO_SEALER_LEAVES   4096u
#define CENO_SEALER_WAIT_MS  500u
#define CENO_SEALER_RETRY_MS 1000u /* after out of memory or a full disk */
#define CENO_SEALER_MOVE_MS  3600000u

struct ceno_sealer_policy {
	uint64_t leaves;  /* as many are enough */
	unsigned wait_ms; /* so long is enough */
};

enum ceno_sealer_stage { CENO_SEALER_IDLE, CENO_SEALER_MOVING, CENO_SEALER_QUOTING, CENO_SEALER_WRITING };

struct ceno_sealer {
	const struct ceno_log *tree;        /* borrowed, with the next four */
	const struct ceno_proof_node *node; /* constant part of every seal */
	const uint8_t *log_secret;          /* 64 bytes */
	struct ceno_tpmq *tpm;
	struct ceno_disk *disk;
	int log_folder; /* borrowed directory */
	struct ceno_sealer_policy policy;
	enum ceno_sealer_stage stage;
	uint64_t waiting;           /* leaves that want a seal and are in no batch */
	uint64_t size;              /* of the tree under the batch's checkpoint */
	bool hurry, due;            /* stopping: no waiting any more; the time is up */
	uint64_t moved_ms, move_ms; /* when the counter was moved, by the loop's clock; not again before so long */
	uint64_t quotes;            /* batches since the start */
	uv_timer_t timer;
	struct ceno_proof_seal seal; /* of the batch; step8, launch and the batch's inclusion are the consumer's */
	/* The checkpoint over `size` leaves is durable and quoted; or error: it could not be written, a new
	 * batch follows after RETRY_MS (when stopping: at the next start). */
	void (*sealed)(void *arg, struct ceno_proof_seal *seal, uint64_t size, int error);
	void *arg;
};

/* What a TPM that needs quote_ms for a quote is used by. Pure. */
struct ceno_sealer_policy ceno_sealer_policy(unsigned quote_ms);

/* The fields above up to log_folder, sealed and arg are set; the policy comes from tpm->quote_ms. */
void ceno_sealer_start(struct ceno_sealer *sealer, uv_loop_t *loop);

/* One more leaf that is in the tree wants to be under a quoted checkpoint. */
void ceno_sealer_want(struct ceno_sealer *sealer);

/* From now on no leaf waits for others. */
void ceno_sealer_hurry(struct ceno_sealer *sealer);

/* Nothing wants a seal and none is being made. */
bool ceno_sealer_idle(const struct ceno_sealer *sealer);

/* Close the timer; the loop can then end. */
void ceno_sealer_detach(struct ceno_sealer *sealer);

#endif
