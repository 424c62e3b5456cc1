/*
 * Whole proofs: when a checkpoint is durable and quoted (sealer.h), the file of every
 * session whose cdp leaf it covers. Until then a proof is pending: its parts lie in
 * pending/, and the next start takes them up.
 *
 * Order on the disk: checkpoint, files, then the pending parts go.
 */
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "attest/daemon/attestd.h"

void ceno_attestd_seal_add(struct ceno_attestd_session *s)
{
	s->next_ready = NULL;
	*s->d->ready_end = s;
	s->d->ready_end = &s->next_ready;
	ceno_sealer_want(&s->d->sealer);
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
static void seal_session(const struct ceno_attestd_session *s, struct ceno_proof_seal *seal, uint64_t size)
{
	seal->step8 = (struct ceno_proof_step8){ .warden_status = s->step8.warden_status,
		                                 .cgroup = s->step8.cgroup_removed,
		                                 .observer = s->step8.observer,
		                                 .peak_bytes = s->step8.peak_bytes,
		                                 .launch_index = s->launch_index };
	crypto_hash_sha256(seal->step8.payload_sha256, (const uint8_t *)(s->payload + 1), s->payload->payload_bytes);
	crypto_hash_sha256(seal->step8.signature_sha256, s->payload->signature, 64);
	seal->launch = (struct ceno_proof_launch){ .reset_count = s->reset_count, .restart_count = s->restart_count };
	if (ceno_log_inclusion(&s->d->tree, s->end_index, size, &seal->batch) ||
	    ceno_log_inclusion(&s->d->tree, s->launch_index, size, &seal->launch.inclusion))
		abort(); /* both leaves were in the tree before the checkpoint was made */
}

static void write_file(struct ceno_attestd_session *s, struct ceno_proof_seal *seal, uint64_t size)
{
	struct ceno_disk_job *job = ceno_disk_job_new(CENO_DISK_WRITE, file_written, s);
	if (job)
		job->data = malloc(CENO_CDP_FILE_MAX);
	int error = job && job->data ? 0 : -1;
	if (!error) {
		seal_session(s, seal, size);
		error = ceno_proof_file((const uint8_t *)(s->payload + 1), s->payload->payload_bytes,
		                        s->payload->signature, s->signer_pub, seal, job->data, &job->data_bytes);
	}
	if (error) {
		if (job)
			free(job->data);
		free(job);
		ceno_attestd_api_error(s->d, s->id,
		                       error == CENO_PROOF_E_SPACE       ? CENO_ATTEST_ERROR_TOO_LARGE
		                           : error == CENO_PROOF_E_FIELD ? CENO_ATTEST_ERROR_PAYLOAD
		                                                         : CENO_ATTEST_ERROR_LOG);
		return;
	}
	job->folder = s->d->sealed;
	ceno_attestd_name(s->id, ".cdp", job->name);
	ceno_disk_submit(&s->d->disk, job);
}

/* The sessions whose end lies under a checkpoint of this size, taken off the ready list. */
static struct ceno_attestd_session *take_ready(struct ceno_attestd *d, uint64_t size)
{
	struct ceno_attestd_session *taken = NULL, **end = &taken, **at = &d->ready;
	while (*at) {
		struct ceno_attestd_session *s = *at;
		if (s->end_index >= size) {
			at = &s->next_ready;
			continue;
		}
		*at = s->next_ready;
		s->next_ready = NULL;
		*end = s;
		end = &s->next_ready;
	}
	d->ready_end = at;
	return taken;
}

void ceno_attestd_sealed(void *arg, struct ceno_proof_seal *seal, uint64_t size, int error)
{
	struct ceno_attestd *d = arg;
	if (error) {
		ceno_attestd_say("the checkpoint could not be written; proofs stay pending");
		return;
	}
	memcpy(d->checkpoint, seal->checkpoint, seal->checkpoint_bytes);
	d->checkpoint_bytes = seal->checkpoint_bytes;
	for (struct ceno_attestd_session *s = take_ready(d, size), *next; s; s = next) {
		next = s->next_ready;
		write_file(s, seal, size);
		free(s->payload);
		s->payload = NULL;
	}
}
