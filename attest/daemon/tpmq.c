/* The queue to the TPM; tpmq.h has the rules. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sodium.h>

#include "attest/daemon/tpmq.h"

#define BACKOFF_FIRST_MS 50u
#define BACKOFF_LAST_MS  2000u
#define SLOW_MS          100 /* not measured again */
#define START_TRIES      30  /* 100 ms apart: a predecessor's swtpm may still hold the state directory */

/* Close what there is and open anew; restart: our own swtpm first, which then resumes. */
static int tpm_reopen(struct ceno_tpmq *q, bool restart)
{
	ceno_tpm_close(q->tpm);
	q->tpm = NULL;
	if (q->tcti)
		return ceno_tpm_open_tcti(&q->tpm, q->tcti);
	int fd = ceno_keeper_tpm(&q->keeper, restart);
	q->keeper_gone = fd == -2;
	return fd < 0 ? CENO_TPM_SPAWN : ceno_tpm_open_stream(&q->tpm, fd, true);
}

static bool same_keys(const struct ceno_tpmq *q)
{
	for (int k = 0; k < 2; k++)
		if (memcmp(ceno_tpm_ak(q->tpm, k)->name, q->ak[k].name, CENO_TPM_NAME_BYTES))
			return false;
	return true;
}

/* How long a quote takes, by the raw key over bytes of our own. */
static int measure(struct ceno_tpmq *q)
{
	uint8_t nonce[32];
	struct ceno_tpm_quote quote;
	struct timespec from, to;
	int error = CENO_TPM_OK;
	q->quote_ms = UINT32_MAX;
	for (int i = 0; i < 3 && !error; i++) {
		randombytes_buf(nonce, sizeof(nonce));
		clock_gettime(CLOCK_MONOTONIC, &from);
		error = ceno_tpm_quote(q->tpm, CENO_TPM_KEY_RAW, nonce, &quote);
		clock_gettime(CLOCK_MONOTONIC, &to);
		int64_t ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
		if (ms < q->quote_ms)
			q->quote_ms = (unsigned)ms;
		if (ms > SLOW_MS)
			break;
	}
	return error;
}

/* Which endorsement key this TPM's maker vouches for. */
static int note_certificate(struct ceno_tpmq *q)
{
	static struct ceno_tpm_ek ek;
	int error = ceno_tpm_ek_certificate(q->tpm, &ek);
	if (!error && ek.certificate_bytes)
		crypto_hash_sha256(q->ek_certificate, ek.certificate, ek.certificate_bytes);
	return error;
}

int ceno_tpmq_open(struct ceno_tpmq *q, const char *tcti, const char *state_dir, ceno_tpmq_accept *accept, void *arg)
{
	memset(q, 0, sizeof(*q));
	q->tcti = tcti;
	if (!tcti && !ceno_keeper_inherited(&q->keeper) && ceno_keeper_start(&q->keeper, state_dir))
		return CENO_TPM_SPAWN;
	int error = tpm_reopen(q, false);
	for (int i = 0; error && i < START_TRIES; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
		error = tpm_reopen(q, true);
	}
	if (!error && accept && !accept(arg, q->tpm))
		error = CENO_TPM_OTHER;
	if (!error) {
		int counted = ceno_tpm_counter_move(q->tpm, &q->counter);
		q->counted = counted == CENO_TPM_OK;
		/* A TPM whose owner hierarchy is locked goes on without a counter; any other failure is one. */
		error = counted == CENO_TPM_REFUSED ? CENO_TPM_OK : counted;
	}
	if (!error)
		error = ceno_tpm_clock(q->tpm, &q->reset_count, &q->restart_count);
	if (!error)
		error = note_certificate(q);
	if (!error)
		error = measure(q);
	if (error) {
		ceno_tpmq_close(q);
		return error;
	}
	for (int k = 0; k < 2; k++)
		q->ak[k] = *ceno_tpm_ak(q->tpm, k);
	q->properties = *ceno_tpm_properties(q->tpm);
	q->worker_reset = q->reset_count;
	q->worker_restart = q->restart_count;
	return CENO_TPM_OK;
}

static int do_seal(struct ceno_tpmq *q, struct ceno_tpmq_job *job)
{
	int error = ceno_tpm_quote(q->tpm, CENO_TPM_KEY_SEAL, job->extra_data, &job->quote);
	if (!error && job->counter) {
		error = ceno_tpm_counter_certify(q->tpm, job->nv_data, &job->nv);
		/* A move whose answer was lost, or a stranger's; it cannot go back. */
		if (!error && job->nv.counter != job->counter)
			error = job->nv.counter > job->counter ? CENO_TPM_CHANGED : CENO_TPM_REPLY;
	}
	if (!error) {
		q->worker_reset = job->quote.reset_count;
		q->worker_restart = job->quote.restart_count;
	}
	return error;
}

static int do_enrol(struct ceno_tpmq *q, struct ceno_tpmq_enrol *e)
{
	const struct ceno_attest_enrol_request *r = e->request;
	if (!r->secret_bytes)
		return ceno_tpm_ek_read(q->tpm, &e->ek);
	return ceno_tpm_activate(q->tpm, CENO_TPM_KEY_SEAL, r->secret_bytes == CENO_ATTEST_SECRET_RSA, r->credential,
	                         sizeof(r->credential), r->secret, r->secret_bytes, e->value);
}

static int do_job(struct ceno_tpmq *q, struct ceno_tpmq_job *job)
{
	switch (job->kind) {
	case CENO_TPMQ_RANDOM:
		return ceno_tpm_random(q->tpm, job->random, sizeof(job->random));
	case CENO_TPMQ_NODE:
		return ceno_tpm_quote(q->tpm, CENO_TPM_KEY_RAW, job->extra_data, &job->quote);
	case CENO_TPMQ_ENROL:
		return do_enrol(q, job->enrol);
	case CENO_TPMQ_REPORT:
		return ceno_tpm_report(q->tpm, job->report->data, &job->report->report);
	case CENO_TPMQ_MOVE:
		return ceno_tpm_counter_move(q->tpm, &job->counter);
	default:
		return do_seal(q, job);
	}
}

/* On the worker: at most one reopening a try. */
static void tpmq_work(uv_work_t *work)
{
	struct ceno_tpmq *q = work->data;
	struct ceno_tpmq_job *job = q->running;
	int error = CENO_TPM_OK;
	if (!q->tpm) {
		error = tpm_reopen(q, true);
		if (!error)
			error = ceno_tpm_clock(q->tpm, &q->worker_reset, &q->worker_restart);
	}
	if (!error)
		error = do_job(q, job);
	/* One that answered nonsense may be out of step: start over. CHANGED and REFUSED are answers. */
	if (error && error != CENO_TPM_REFUSED && error != CENO_TPM_CHANGED) {
		ceno_tpm_close(q->tpm);
		q->tpm = NULL;
	}
	job->error = error;
}

static void tpmq_start_next(struct ceno_tpmq *q);

static void on_retry(uv_timer_t *timer)
{
	struct ceno_tpmq *q = timer->data;
	q->away = false;
	tpmq_start_next(q);
	if (ceno_tpmq_idle(q) && q->idle)
		q->idle(q->arg);
}

static void job_finish(struct ceno_tpmq_job *job)
{
	job->done(job);
	free(job);
}

/* The TPM failed: wait, and answer those who do not. */
static void tpmq_back_off(struct ceno_tpmq *q)
{
	q->away = true;
	q->backoff_ms = q->backoff_ms ? q->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (q->backoff_ms > BACKOFF_LAST_MS)
		q->backoff_ms = BACKOFF_LAST_MS;
	if (!uv_is_closing((uv_handle_t *)&q->retry))
		uv_timer_start(&q->retry, on_retry, q->backoff_ms, 0);
	for (int kind = 0; kind < CENO_TPMQ_SEAL; kind++) {
		while (q->waiting[kind]) {
			struct ceno_tpmq_job *job = q->waiting[kind];
			q->waiting[kind] = job->next;
			job->error = CENO_TPM_GONE;
			job_finish(job);
		}
	}
}

static void tpmq_after(uv_work_t *work, int status)
{
	struct ceno_tpmq *q = work->data;
	struct ceno_tpmq_job *job = q->running;
	(void)status;
	q->running = NULL;
	q->busy = false;
	q->reset_count = q->worker_reset;
	q->restart_count = q->worker_restart;
	if (q->tpm && !same_keys(q)) {
		q->lost(q->arg, "the TPM came back with other keys: it was cleared or replaced");
		job->error = CENO_TPM_REPLY;
	}
	if (q->keeper_gone)
		q->lost(q->arg, "the keeper of swtpm ended");
	if (!job->error && job->kind == CENO_TPMQ_MOVE)
		q->counter = job->counter;
	bool moved_on = job->kind == CENO_TPMQ_SEAL && job->error == CENO_TPM_CHANGED && job->nv.attest_bytes;
	if (moved_on)
		q->counter = job->nv.counter;
	if (!job->error || moved_on)
		q->backoff_ms = 0;
	if (job->error && job->kind == CENO_TPMQ_SEAL && !moved_on) {
		job->next = q->waiting[CENO_TPMQ_SEAL];
		q->waiting[CENO_TPMQ_SEAL] = job;
		tpmq_back_off(q);
	} else {
		/* A credential that does not open is its maker's fault, a TPM without RSA has no such key: no reasons to wait. */
		bool refused =
		    (job->kind == CENO_TPMQ_ENROL || job->kind == CENO_TPMQ_REPORT) && job->error == CENO_TPM_REFUSED;
		bool failed = job->error && !moved_on && !refused;
		job_finish(job);
		if (failed)
			tpmq_back_off(q);
	}
	tpmq_start_next(q);
	if (ceno_tpmq_idle(q) && q->idle)
		q->idle(q->arg);
}

static void tpmq_start_next(struct ceno_tpmq *q)
{
	for (int kind = 0; kind < CENO_TPMQ_KINDS && !q->busy && !q->away; kind++) {
		if (!q->waiting[kind])
			continue;
		q->running = q->waiting[kind];
		q->waiting[kind] = q->running->next;
		q->busy = true;
		uv_queue_work(q->loop, &q->work, tpmq_work, tpmq_after);
	}
}

void ceno_tpmq_start(struct ceno_tpmq *q, uv_loop_t *loop)
{
	q->loop = loop;
	q->work.data = q;
	uv_timer_init(loop, &q->retry);
	q->retry.data = q;
}

struct ceno_tpmq_job *ceno_tpmq_job_new(enum ceno_tpmq_kind kind, void (*done)(struct ceno_tpmq_job *), void *context)
{
	struct ceno_tpmq_job *job = calloc(1, sizeof(*job));
	if (job) {
		job->kind = kind;
		job->done = done;
		job->context = context;
	}
	return job;
}

void ceno_tpmq_submit(struct ceno_tpmq *q, struct ceno_tpmq_job *job)
{
	if (q->away && job->kind != CENO_TPMQ_SEAL) {
		job->error = CENO_TPM_GONE;
		job_finish(job);
		return;
	}
	struct ceno_tpmq_job **end = &q->waiting[job->kind];
	while (*end)
		end = &(*end)->next;
	job->next = NULL;
	*end = job;
	tpmq_start_next(q);
}

bool ceno_tpmq_idle(const struct ceno_tpmq *q)
{
	if (q->busy)
		return false;
	for (int kind = 0; kind < CENO_TPMQ_KINDS; kind++)
		if (q->waiting[kind] && !q->away)
			return false;
	return true;
}

void ceno_tpmq_detach(struct ceno_tpmq *q)
{
	if (!uv_is_closing((uv_handle_t *)&q->retry))
		uv_close((uv_handle_t *)&q->retry, NULL);
}

void ceno_tpmq_close(struct ceno_tpmq *q)
{
	ceno_tpm_close(q->tpm);
	q->tpm = NULL;
	ceno_keeper_stop(&q->keeper);
	for (int kind = 0; kind < CENO_TPMQ_KINDS; kind++) {
		while (q->waiting[kind]) {
			struct ceno_tpmq_job *job = q->waiting[kind];
			q->waiting[kind] = job->next;
			free(job);
		}
	}
}
