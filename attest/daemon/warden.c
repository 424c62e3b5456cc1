/*
 * One warden's channel. What it may send, and what is answered:
 *
 *   LAUNCH -> (leaf on disk) LAUNCHED -> RANDOM* -> PAYLOAD -> (file on disk) STORED -> nothing more
 *
 * While an answer is owed nothing is read, so a warden can make us hold one
 * record and no more. Anything malformed, early, twice or of another session
 * closes this channel; the session stays as it was.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/daemon/attestd.h"

#define RANDOM_BUDGET_MS 50

enum warden_state { WARDEN_NEW, WARDEN_LAUNCHING, WARDEN_RUNNING, WARDEN_RANDOM, WARDEN_STORING, WARDEN_DONE };

struct ceno_attestd_warden {
	uv_poll_t poll;
	uv_timer_t budget; /* of the random bytes asked for */
	int fd;            /* owned */
	enum warden_state state;
	uint8_t id[16];                       /* the session this channel is for */
	struct ceno_attestd *d;               /* borrowed */
	struct ceno_attestd_session *session; /* borrowed; NULL before the launch and after the close */
	unsigned handles;                     /* not yet closed */
	bool closed;
	struct ceno_attestd_warden *next;
};

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_handle_closed(uv_handle_t *handle)
{
	struct ceno_attestd_warden *w = handle->data;
	if (--w->handles)
		return;
	close(w->fd);
	free(w);
}

static void warden_close(struct ceno_attestd_warden *w)
{
	if (w->closed)
		return;
	w->closed = true;
	struct ceno_attestd_warden **at = &w->d->wardens;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	struct ceno_attestd_session *s = w->session;
	w->session = NULL;
	uv_close((uv_handle_t *)&w->poll, on_handle_closed);
	uv_close((uv_handle_t *)&w->budget, on_handle_closed);
	if (s) {
		s->warden = NULL;
		ceno_attestd_advance(s);
	}
}

/* Answer, and read on. */
static void warden_answer(struct ceno_attestd_warden *w, const void *record, size_t bytes, enum warden_state next)
{
	w->state = next;
	if (ceno_attestd_send(w->fd, record, bytes, NULL, 0))
		warden_close(w);
	else
		uv_poll_start(&w->poll, UV_READABLE, on_readable);
}

static void warden_refuse(struct ceno_attestd_warden *w, uint32_t type, enum ceno_attest_error error)
{
	const struct ceno_attest_launched reply = { .type = type, .error = error };
	ceno_attestd_send(w->fd, &reply, sizeof(reply), NULL, 0);
	warden_close(w);
}

/* ---- launch ---------------------------------------------------------------- */

static void launch_logged(struct ceno_disk_job *job)
{
	struct ceno_attestd_session *s = job->context;
	struct ceno_attestd_warden *w = s->warden;
	if (job->error) {
		if (w) {
			w->session = NULL;
			warden_refuse(w, CENO_ATTEST_LAUNCHED, CENO_ATTEST_ERROR_LOG);
		}
		ceno_attestd_drop(s->d, s);
		return;
	}
	s->phase = CENO_PHASE_LAUNCHED;
	s->launch_index = job->index;
	const struct ceno_attest_launched reply = { .type = CENO_ATTEST_LAUNCHED, .launch_index = job->index };
	if (w)
		warden_answer(w, &reply, sizeof(reply), WARDEN_RUNNING);
	if (s->unclean_cause)
		ceno_attestd_end_unclean(s, s->unclean_cause);
	else
		ceno_attestd_advance(s);
}

static void warden_launch(struct ceno_attestd_warden *w, size_t bytes)
{
	struct ceno_attestd *d = w->d;
	struct ceno_attest_launch launch;
	if (bytes != sizeof(launch)) {
		warden_close(w);
		return;
	}
	memcpy(&launch, d->buffer, sizeof(launch));
	if (launch.type != CENO_ATTEST_LAUNCH || launch.reserved || memcmp(launch.session_id, w->id, 16)) {
		warden_close(w);
		return;
	}
	if (ceno_attestd_find(d, w->id)) {
		warden_refuse(w, CENO_ATTEST_LAUNCHED, CENO_ATTEST_ERROR_DUPLICATE);
		return;
	}
	struct ceno_attestd_session *s = ceno_attestd_add(d, w->id);
	struct ceno_store_leaf leaf = { .record = { .kind = CENO_STORE_LAUNCH,
		                                    .reset_count = d->tpm.reset_count,
		                                    .restart_count = d->tpm.restart_count } };
	memcpy(leaf.record.session_id, w->id, 16);
	memcpy(leaf.record.signer_pub, launch.signer_pub, 32);
	leaf.record.body_bytes = (uint32_t)ceno_proof_leaf_launch(&launch, leaf.body);
	if (!s || ceno_attestd_log(d, &leaf, launch_logged, s)) {
		if (s)
			ceno_attestd_drop(d, s);
		warden_refuse(w, CENO_ATTEST_LAUNCHED, CENO_ATTEST_ERROR_LOG);
		return;
	}
	memcpy(s->signer_pub, launch.signer_pub, 32);
	s->reset_count = leaf.record.reset_count;
	s->restart_count = leaf.record.restart_count;
	s->warden = w;
	w->session = s;
	w->state = WARDEN_LAUNCHING;
	uv_poll_stop(&w->poll);
}

/* ---- random bytes ------------------------------------------------------------ */

static void random_answer(struct ceno_attestd_warden *w, const uint8_t *bytes)
{
	struct ceno_attest_random reply = { .type = CENO_ATTEST_RANDOM, .error = bytes ? 0 : CENO_ATTEST_ERROR_TPM };
	if (!w || w->state != WARDEN_RANDOM)
		return; /* too late: it was told so, or it is gone */
	if (bytes)
		memcpy(reply.bytes, bytes, sizeof(reply.bytes));
	uv_timer_stop(&w->budget);
	warden_answer(w, &reply, sizeof(reply), WARDEN_RUNNING);
	explicit_bzero(&reply, sizeof(reply));
}

static void random_done(struct ceno_tpmq_job *job)
{
	struct ceno_attestd_session *s = job->context;
	random_answer(s->warden, job->error ? NULL : job->random);
	explicit_bzero(job->random, sizeof(job->random));
}

static void random_late(uv_timer_t *timer)
{
	random_answer(timer->data, NULL);
}

static void warden_random(struct ceno_attestd_warden *w, size_t bytes)
{
	static const struct ceno_attest_random request = { .type = CENO_ATTEST_RANDOM };
	if (bytes != sizeof(request) || memcmp(w->d->buffer, &request, sizeof(request))) {
		warden_close(w);
		return;
	}
	w->state = WARDEN_RANDOM;
	uv_poll_stop(&w->poll);
	struct ceno_tpmq_job *job = ceno_tpmq_job_new(CENO_TPMQ_RANDOM, random_done, w->session);
	if (!job) {
		random_answer(w, NULL);
		return;
	}
	uv_timer_start(&w->budget, random_late, RANDOM_BUDGET_MS, 0);
	ceno_tpmq_submit(&w->d->tpm, job);
}

/* ---- payload ------------------------------------------------------------------- */

static void warden_payload(struct ceno_attestd_warden *w, size_t bytes)
{
	enum ceno_attest_error error = ceno_attestd_take_payload(w->session, w->d->buffer, bytes);
	if (error) {
		warden_refuse(w, CENO_ATTEST_STORED, error);
		return;
	}
	w->state = WARDEN_STORING;
	uv_poll_stop(&w->poll);
	ceno_attestd_store_payload(w->session);
}

void ceno_attestd_warden_stored(struct ceno_attestd_session *s, enum ceno_attest_error error)
{
	struct ceno_attestd_warden *w = s->warden;
	if (!w || w->state != WARDEN_STORING)
		return;
	if (error) {
		warden_refuse(w, CENO_ATTEST_STORED, error);
		return;
	}
	const struct ceno_attest_launched reply = { .type = CENO_ATTEST_STORED, .launch_index = s->launch_index };
	warden_answer(w, &reply, sizeof(reply), WARDEN_DONE);
}

/* ---- the channel ---------------------------------------------------------------- */

/* One record, by what this channel may send now. */
static void warden_record(struct ceno_attestd_warden *w, size_t bytes)
{
	uint32_t type = 0;
	if (bytes >= sizeof(type))
		memcpy(&type, w->d->buffer, sizeof(type));
	if (w->state == WARDEN_NEW && type == CENO_ATTEST_LAUNCH && !w->d->stopping)
		warden_launch(w, bytes);
	else if (w->state == WARDEN_RUNNING && type == CENO_ATTEST_RANDOM)
		warden_random(w, bytes);
	else if (w->state == WARDEN_RUNNING && type == CENO_ATTEST_PAYLOAD)
		warden_payload(w, bytes);
	else
		warden_close(w);
}

/* Is a record awaited, or an answer owed? */
static bool warden_reads(const struct ceno_attestd_warden *w)
{
	return !w->closed && (w->state == WARDEN_NEW || w->state == WARDEN_RUNNING || w->state == WARDEN_DONE);
}

void ceno_attestd_warden_drain(struct ceno_attestd_warden *w)
{
	while (warden_reads(w)) {
		int fd;
		ssize_t n = ceno_attestd_receive(w->fd, w->d->buffer, CENO_ATTESTD_PAYLOAD, &fd);
		if (n == -1)
			return;
		if (fd >= 0)
			close(fd);
		if (n <= 0 || fd >= 0)
			warden_close(w);
		else
			warden_record(w, (size_t)n);
	}
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct ceno_attestd_warden *w = poll->data;
	(void)events;
	if (status < 0)
		warden_close(w);
	else
		ceno_attestd_warden_drain(w);
}

void ceno_attestd_warden_open(struct ceno_attestd *d, int fd, const uint8_t id[16])
{
	struct ceno_attestd_warden *w = calloc(1, sizeof(*w));
	if (!w || uv_poll_init(&d->loop, &w->poll, fd)) {
		free(w);
		close(fd);
		return;
	}
	uv_timer_init(&d->loop, &w->budget);
	w->poll.data = w->budget.data = w;
	w->handles = 2;
	w->fd = fd;
	w->d = d;
	memcpy(w->id, id, 16);
	w->next = d->wardens;
	d->wardens = w;
	uv_poll_start(&w->poll, UV_READABLE, on_readable);
}

void ceno_attestd_wardens_drain(struct ceno_attestd *d, const uint8_t id[16])
{
	for (struct ceno_attestd_warden *w = d->wardens, *next; w; w = next) {
		next = w->next;
		if (!memcmp(w->id, id, 16))
			ceno_attestd_warden_drain(w);
	}
}

void ceno_attestd_wardens_close(struct ceno_attestd *d, bool all)
{
	for (struct ceno_attestd_warden *w = d->wardens, *next; w; w = next) {
		next = w->next;
		ceno_attestd_warden_drain(w);
		if (all || warden_reads(w) || w->state == WARDEN_RANDOM)
			warden_close(w);
	}
}

void ceno_attestd_spooled(struct ceno_attestd *d, int fd, const uint8_t id[16])
{
	uint8_t *bytes = d->buffer;
	/* What comes after the longest record is between warden and supervisor. */
	const size_t most = sizeof(struct ceno_attest_payload) + CENO_PAYLOAD_MAX;
	size_t have = 0;
	for (ssize_t n; have < most; have += (size_t)n)
		if ((n = pread(fd, bytes + have, most - have, (off_t)have)) <= 0)
			break;
	close(fd);
	struct ceno_attestd_session *s = ceno_attestd_find(d, id);
	struct ceno_attest_payload head = { 0 };
	if (have >= sizeof(head))
		memcpy(&head, bytes, sizeof(head));
	size_t record = sizeof(head) + head.payload_bytes;
	bool whole = have >= sizeof(head) && head.payload_bytes <= CENO_PAYLOAD_MAX && record <= have;
	for (size_t i = record; whole && i < have; i++)
		whole = !bytes[i];
	enum ceno_attest_error error = CENO_ATTEST_ERROR_UNKNOWN;
	if (s)
		error = whole ? ceno_attestd_take_payload(s, bytes, record) : CENO_ATTEST_ERROR_PAYLOAD;
	if (!error)
		ceno_attestd_store_payload(s);
	else if (error != CENO_ATTEST_ERROR_DUPLICATE)
		ceno_attestd_api_error(d, id, error);
}
