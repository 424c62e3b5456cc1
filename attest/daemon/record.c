/*
 * Leaves that commit to the record of a session, on request of the api, which has checked that who asks
 * may see that session. attest adds what only it can know: the log has the session's launch, and no record
 * of it yet. The commitment is opaque; its opening and the record stay with whoever keeps them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest/daemon/attestd.h"

struct recording {
	struct ceno_attestd_session *session;
	uint32_t number, generation; /* of the request, of its channel */
};

static void answer(struct ceno_attestd *d, const uint8_t id[16], uint32_t number, uint32_t error, uint64_t index)
{
	struct ceno_attest_file head = { .type = CENO_ATTEST_RECORD, .error = error, .number = number };
	char text[24] = "";
	memcpy(head.session_id, id, 16);
	if (!error)
		head.file_bytes = (uint32_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)index);
	if (d->api.poll && ceno_attestd_send(d->api.fd, &head, sizeof(head), text, head.file_bytes))
		ceno_attestd_api_close(d);
}

static void recorded(struct ceno_disk_job *job)
{
	struct recording *r = job->context;
	struct ceno_attestd_session *s = r->session;
	struct ceno_attestd *d = s->d;
	if (job->error)
		s->recorded = false;
	else
		ceno_sealer_want(&d->sealer);
	if (d->api.generation == r->generation)
		answer(d, s->id, r->number, job->error ? CENO_ATTEST_ERROR_LOG : CENO_ATTEST_ERROR_NONE, job->index);
	free(r);
}

static uint32_t begin(struct ceno_attestd *d, const struct ceno_attest_record_request *request)
{
	struct ceno_attestd_session *s = ceno_attestd_find(d, request->session_id);
	struct ceno_store_leaf leaf = { .record = { .kind = CENO_STORE_RECORD } };
	if (!s || s->phase == CENO_PHASE_LAUNCHING)
		return CENO_ATTEST_ERROR_UNKNOWN;
	if (s->recorded)
		return CENO_ATTEST_ERROR_RECORDED;
	struct recording *r = malloc(sizeof(*r));
	if (!r)
		return CENO_ATTEST_ERROR_LOG;
	*r = (struct recording){ .session = s, .number = request->number, .generation = d->api.generation };
	memcpy(leaf.record.session_id, s->id, 16);
	leaf.record.body_bytes = (uint32_t)ceno_proof_leaf_record(request->commitment, leaf.body);
	if (ceno_attestd_log(d, &leaf, recorded, r)) {
		free(r);
		return CENO_ATTEST_ERROR_LOG;
	}
	s->recorded = true;
	return CENO_ATTEST_ERROR_NONE;
}

bool ceno_attestd_record(struct ceno_attestd *d, const void *bytes, size_t count)
{
	struct ceno_attest_record_request request;
	if (count != sizeof(request))
		return false;
	memcpy(&request, bytes, sizeof(request));
	uint32_t error = begin(d, &request);
	if (error)
		answer(d, request.session_id, request.number, error, 0);
	return true;
}
