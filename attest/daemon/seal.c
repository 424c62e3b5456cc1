/*
 * Sealing: one checkpoint over the log as it is, one quote that binds it, then
 * the whole file of every session whose cdp leaf it covers. What becomes ready
 * meanwhile waits for the next one, so under load the TPM sets the batch size.
 *
 * Order on the disk: checkpoint, files, then the pending parts go.
 */
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "attest/daemon/attestd.h"

struct ceno_attestd_seal {
	struct ceno_attestd *d;                /* borrowed */
	struct ceno_attestd_session *sessions; /* by next_ready; borrowed */
	uint64_t size;                         /* of the tree under the checkpoint */
	struct ceno_proof_seal seal;           /* the parts that are the same for all */
};

void ceno_attestd_seal_add(struct ceno_attestd_session *s)
{
	s->next_ready = NULL;
	*s->d->ready_end = s;
	s->d->ready_end = &s->next_ready;
	ceno_attestd_seal_kick(s->d);
}

static void file_written(struct ceno_disk_job *job)
{
	struct ceno_attestd_session *s = job->context;
	if (job->error) {
		/* Its parts are still in pending/: the next start seals it again. */
		ceno_attestd_api_error(s->d, s->id, CENO_ATTEST_ERROR_LOG);
		return;
	}
	s->phase = CENO_PHASE_ENDED;
	static const char *const suffix[] = { ".payload", ".step8" };
	for (int i = 0; i < 2; i++) {
		struct ceno_disk_job *gone = ceno_disk_job_new(CENO_DISK_REMOVE, NULL, NULL);
		if (!gone)
			continue;
		gone->folder = s->d->pending;
		ceno_attestd_name(s->id, suffix[i], gone->name);
		ceno_disk_submit(&s->d->disk, gone);
	}
	ceno_attestd_api_file(s->d, s->id);
}

/* The parts of the seal that are this session's own. */
static void seal_session(struct ceno_attestd_seal *b, const struct ceno_attestd_session *s)
{
	struct ceno_proof_seal *seal = &b->seal;
	seal->step8 = (struct ceno_proof_step8){ .warden_status = s->step8.warden_status,
		                                 .cgroup = s->step8.cgroup_removed,
		                                 .peak_bytes = s->step8.peak_bytes,
		                                 .launch_index = s->launch_index };
	crypto_hash_sha256(seal->step8.payload_sha256, (const uint8_t *)(s->payload + 1), s->payload->payload_bytes);
	crypto_hash_sha256(seal->step8.signature_sha256, s->payload->signature, 64);
	seal->launch = (struct ceno_proof_launch){ .reset_count = s->reset_count, .restart_count = s->restart_count };
	if (ceno_log_inclusion(&b->d->tree, s->end_index, b->size, &seal->batch) ||
	    ceno_log_inclusion(&b->d->tree, s->launch_index, b->size, &seal->launch.inclusion))
		abort(); /* both leaves were in the tree before the checkpoint was made */
}

static void write_file(struct ceno_attestd_seal *b, struct ceno_attestd_session *s)
{
	struct ceno_disk_job *job = ceno_disk_job_new(CENO_DISK_WRITE, file_written, s);
	if (job)
		job->data = malloc(CENO_CDP_FILE_MAX);
	int error = job && job->data ? 0 : -1;
	if (!error) {
		seal_session(b, s);
		error = ceno_proof_file((const uint8_t *)(s->payload + 1), s->payload->payload_bytes,
		                        s->payload->signature, s->signer_pub, &b->seal, job->data, &job->data_bytes);
	}
	if (error) {
		if (job)
			free(job->data);
		free(job);
		ceno_attestd_api_error(b->d, s->id,
		                       error == CENO_PROOF_E_SPACE       ? CENO_ATTEST_ERROR_TOO_LARGE
		                           : error == CENO_PROOF_E_FIELD ? CENO_ATTEST_ERROR_PAYLOAD
		                                                         : CENO_ATTEST_ERROR_LOG);
		return;
	}
	job->folder = b->d->sealed;
	ceno_attestd_name(s->id, ".cdp", job->name);
	ceno_disk_submit(&b->d->disk, job);
}

/* The checkpoint is on the disk: only now may anybody see it. */
static void checkpoint_written(struct ceno_disk_job *job)
{
	struct ceno_attestd_seal *b = job->context;
	struct ceno_attestd *d = b->d;
	if (job->error)
		ceno_attestd_say("the checkpoint could not be written");
	else {
		memcpy(d->checkpoint, b->seal.checkpoint, b->seal.checkpoint_bytes);
		d->checkpoint_bytes = b->seal.checkpoint_bytes;
	}
	for (struct ceno_attestd_session *s = b->sessions, *next; s; s = next) {
		next = s->next_ready;
		if (job->error) {
			ceno_attestd_api_error(d, s->id, CENO_ATTEST_ERROR_LOG);
			continue;
		}
		write_file(b, s);
		free(s->payload);
		s->payload = NULL;
	}
	d->seal = NULL;
	free(b);
	ceno_attestd_seal_kick(d);
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
	struct ceno_attestd_seal *b = job->context;
	take_quote(&b->seal, job);
	struct ceno_disk_job *write = ceno_disk_job_new(CENO_DISK_WRITE, checkpoint_written, b);
	if (write)
		write->data = malloc(b->seal.checkpoint_bytes);
	if (!write || !write->data)
		abort(); /* 400 bytes: nothing could go on */
	memcpy(write->data, b->seal.checkpoint, b->seal.checkpoint_bytes);
	write->data_bytes = b->seal.checkpoint_bytes;
	write->folder = b->d->log;
	strcpy(write->name, "checkpoint");
	ceno_disk_submit(&b->d->disk, write);
}

/* Checkpoint and what the TPM is to sign. Returns 0, or -1: out of memory. */
static int seal_prepare(struct ceno_attestd_seal *b, struct ceno_tpmq_job *job)
{
	struct ceno_attestd *d = b->d;
	uint8_t root[32];
	size_t bytes;
	b->size = d->tree.count;
	b->seal.node = d->node;
	if (ceno_log_root(&d->tree, b->size, root) ||
	    ceno_checkpoint_make(d->node.origin, b->size, root, d->log_secret, b->seal.checkpoint, &bytes))
		return -1;
	b->seal.checkpoint_bytes = (uint32_t)bytes;
	if (ceno_proof_quote_data(b->seal.checkpoint, bytes, &b->seal.node, d->tpm.counted ? d->tpm.counter : 0,
	                          job->extra_data))
		return -1;
	ceno_proof_nv_data(job->extra_data, job->nv_data);
	return 0;
}

void ceno_attestd_seal_kick(struct ceno_attestd *d)
{
	if (d->seal || !d->ready)
		return;
	struct ceno_attestd_seal *b = calloc(1, sizeof(*b));
	struct ceno_tpmq_job *job = b ? ceno_tpmq_job_new(CENO_TPMQ_SEAL, quoted, b) : NULL;
	if (b)
		b->d = d;
	if (!job || seal_prepare(b, job)) {
		free(job);
		free(b);
		ceno_attestd_say("out of memory: sealing waits for the next session");
		return;
	}
	b->sessions = d->ready;
	d->ready = NULL;
	d->ready_end = &d->ready;
	d->seal = b;
	ceno_tpmq_submit(&d->tpm, job);
}
