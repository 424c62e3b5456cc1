/* When a checkpoint is made and quoted; sealer.h has the rules. */
#include <stdlib.h>
#include <string.h>

#include "attest/daemon/sealer.h"

static void consider(struct ceno_sealer *s);
static void begin(struct ceno_sealer *s);

struct ceno_sealer_policy ceno_sealer_policy(unsigned quote_ms)
{
	if (quote_ms <= CENO_SEALER_FAST_MS)
		return (struct ceno_sealer_policy){ .leaves = 1, .wait_ms = 0 };
	return (struct ceno_sealer_policy){ .leaves = CENO_SEALER_LEAVES, .wait_ms = CENO_SEALER_WAIT_MS };
}

static void on_due(uv_timer_t *timer)
{
	struct ceno_sealer *s = timer->data;
	s->due = true;
	consider(s);
}

static void arm(struct ceno_sealer *s, unsigned ms)
{
	if (!uv_is_closing((uv_handle_t *)&s->timer) && !uv_is_active((uv_handle_t *)&s->timer))
		uv_timer_start(&s->timer, on_due, ms, 0);
}

static void finish(struct ceno_sealer *s, int error)
{
	s->stage = CENO_SEALER_IDLE;
	s->sealed(s->arg, &s->seal, s->size, error);
	if (error) {
		s->waiting++;
		s->due = false;
		uv_timer_stop(&s->timer);
		arm(s, CENO_SEALER_RETRY_MS);
	} else {
		consider(s);
	}
}

/* The checkpoint is on the disk: only now may anybody see it. */
static void checkpoint_written(struct ceno_disk_job *job)
{
	finish(job->context, job->error);
}

static void take_quote(struct ceno_proof_seal *seal, const struct ceno_tpmq_job *job)
{
	struct ceno_proof_quote *q = &seal->quote;
	q->attest_bytes = (uint32_t)job->quote.attest_bytes;
	memcpy(q->attest, job->quote.attest, job->quote.attest_bytes);
	memcpy(q->signature, job->quote.r, 32);
	memcpy(q->signature + 32, job->quote.s, 32);
	memcpy(q->pcrs, job->quote.pcr, sizeof(q->pcrs));
	if (!job->nv.attest_bytes)
		return;
	struct ceno_proof_nv *nv = &seal->nv;
	nv->certified = 1;
	nv->value = job->nv.counter;
	nv->attest_bytes = (uint32_t)job->nv.attest_bytes;
	memcpy(nv->attest, job->nv.attest, job->nv.attest_bytes);
	memcpy(nv->signature, job->nv.r, 32);
	memcpy(nv->signature + 32, job->nv.s, 32);
}

static void quoted(struct ceno_tpmq_job *job)
{
	struct ceno_sealer *s = job->context;
	if (job->error) { /* the counter moved on: this quote binds a value that it has no more */
		begin(s);
		return;
	}
	take_quote(&s->seal, job);
	s->stage = CENO_SEALER_WRITING;
	struct ceno_disk_job *write = ceno_disk_job_new(CENO_DISK_WRITE, checkpoint_written, s);
	if (write)
		write->data = malloc(s->seal.checkpoint_bytes);
	if (!write || !write->data)
		abort(); /* 300 bytes: nothing could go on */
	memcpy(write->data, s->seal.checkpoint, s->seal.checkpoint_bytes);
	write->data_bytes = s->seal.checkpoint_bytes;
	write->folder = s->log_folder;
	strcpy(write->name, "checkpoint");
	ceno_disk_submit(s->disk, write);
}

/* Checkpoint and what the TPM is to sign. Returns 0, or -1: nothing changed. */
static int prepare(struct ceno_sealer *s, struct ceno_tpmq_job *job)
{
	uint8_t root[32];
	size_t bytes;
	memset(&s->seal, 0, sizeof(s->seal));
	s->size = s->tree->count;
	s->seal.node = *s->node;
	if (ceno_log_root(s->tree, s->size, root) ||
	    ceno_checkpoint_make(s->node->origin, s->size, root, s->log_secret, s->seal.checkpoint, &bytes))
		return -1;
	s->seal.checkpoint_bytes = (uint32_t)bytes;
	job->counter = s->tpm->counted ? s->tpm->counter : 0;
	if (ceno_proof_quote_data(s->seal.checkpoint, bytes, &s->seal.node, job->counter, job->extra_data))
		return -1;
	ceno_proof_nv_data(job->extra_data, job->nv_data);
	return 0;
}

static void begin(struct ceno_sealer *s)
{
	struct ceno_tpmq_job *job = ceno_tpmq_job_new(CENO_TPMQ_SEAL, quoted, s);
	s->due = false;
	uv_timer_stop(&s->timer);
	if (!job || prepare(s, job)) {
		free(job);
		s->stage = CENO_SEALER_IDLE;
		arm(s, CENO_SEALER_RETRY_MS);
		return;
	}
	s->stage = CENO_SEALER_QUOTING;
	s->waiting = 0;
	s->quotes++;
	ceno_tpmq_submit(s->tpm, job);
}

/* Moved or not: it does not hold up a seal. */
static void moved(struct ceno_tpmq_job *job)
{
	begin(job->context);
}

/* Returns whether the counter is being moved; begin follows. */
static bool move(struct ceno_sealer *s)
{
	uint64_t now = uv_now(s->timer.loop);
	if (!s->tpm->counted || now - s->moved_ms < s->move_ms)
		return false;
	struct ceno_tpmq_job *job = ceno_tpmq_job_new(CENO_TPMQ_MOVE, moved, s);
	if (!job)
		return false;
	s->moved_ms = now;
	s->stage = CENO_SEALER_MOVING;
	ceno_tpmq_submit(s->tpm, job);
	return true;
}

/* Is it time? */
static void consider(struct ceno_sealer *s)
{
	if (s->stage != CENO_SEALER_IDLE || !s->waiting)
		return;
	bool now = s->hurry || s->due || s->waiting >= s->policy.leaves || !s->policy.wait_ms;
	if (now && !move(s))
		begin(s);
}

void ceno_sealer_start(struct ceno_sealer *s, uv_loop_t *loop)
{
	uv_timer_init(loop, &s->timer);
	s->timer.data = s;
	s->policy = ceno_sealer_policy(s->tpm->quote_ms);
	s->moved_ms = uv_now(loop);
	s->move_ms = CENO_SEALER_MOVE_MS;
}

void ceno_sealer_want(struct ceno_sealer *s)
{
	s->waiting++;
	/* Also while a batch is under way: the first that it leaves out starts the clock. */
	if (s->policy.wait_ms && !s->hurry && !s->due)
		arm(s, s->policy.wait_ms);
	consider(s);
}

void ceno_sealer_hurry(struct ceno_sealer *s)
{
	s->hurry = true;
	consider(s);
}

bool ceno_sealer_idle(const struct ceno_sealer *s)
{
	return s->stage == CENO_SEALER_IDLE && !s->waiting;
}

void ceno_sealer_detach(struct ceno_sealer *s)
{
	if (!uv_is_closing((uv_handle_t *)&s->timer))
		uv_close((uv_handle_t *)&s->timer, NULL);
}
