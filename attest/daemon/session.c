/*
 * The sessions of the log, and the one place where a session moves on. Every
 * move waits for the disk: a leaf or a file counts once its job came back.
 */
#include <stdlib.h>
#include <string.h>
#include <sodium.h>

#include "attest/daemon/attestd.h"

#define NUMBER_MAX ((1ull << 53) - 1) /* what a proof can write as a number */

static size_t bucket_of(const struct ceno_attestd_sessions *t, const uint8_t id[16])
{
	uint64_t h;
	memcpy(&h, id, sizeof(h)); /* ids are random bits made by api */
	return (size_t)(h & (t->buckets - 1));
}

struct ceno_attestd_session *ceno_attestd_find(struct ceno_attestd *d, const uint8_t id[16])
{
	struct ceno_attestd_sessions *t = &d->sessions;
	struct ceno_attestd_session *s = t->buckets ? t->bucket[bucket_of(t, id)] : NULL;
	while (s && memcmp(s->id, id, 16))
		s = s->chain;
	return s;
}

/* Room for one more, at most one session a bucket on average. */
static int table_grow(struct ceno_attestd_sessions *t)
{
	if (t->count < t->buckets)
		return 0;
	struct ceno_attestd_sessions wider = { .buckets = t->buckets ? t->buckets * 2 : 256, .count = t->count };
	wider.bucket = calloc(wider.buckets, sizeof(struct ceno_attestd_session *));
	if (!wider.bucket)
		return -1;
	for (size_t i = 0; i < t->buckets; i++) {
		for (struct ceno_attestd_session *s = t->bucket[i], *next; s; s = next) {
			size_t b = bucket_of(&wider, s->id);
			next = s->chain;
			s->chain = wider.bucket[b];
			wider.bucket[b] = s;
		}
	}
	free(t->bucket);
	*t = wider;
	return 0;
}

struct ceno_attestd_session *ceno_attestd_add(struct ceno_attestd *d, const uint8_t id[16])
{
	struct ceno_attestd_sessions *t = &d->sessions;
	if (ceno_attestd_find(d, id) || table_grow(t))
		return NULL;
	struct ceno_attestd_session *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	memcpy(s->id, id, 16);
	s->d = d;
	size_t b = bucket_of(t, id);
	s->chain = t->bucket[b];
	t->bucket[b] = s;
	t->count++;
	return s;
}

void ceno_attestd_drop(struct ceno_attestd *d, struct ceno_attestd_session *s)
{
	struct ceno_attestd_session **at = &d->sessions.bucket[bucket_of(&d->sessions, s->id)];
	while (*at != s)
		at = &(*at)->chain;
	*at = s->chain;
	d->sessions.count--;
	free(s->payload);
	free(s);
}

void ceno_attestd_sessions_fini(struct ceno_attestd *d)
{
	for (size_t i = 0; i < d->sessions.buckets; i++) {
		for (struct ceno_attestd_session *s = d->sessions.bucket[i], *next; s; s = next) {
			next = s->chain;
			free(s->payload);
			free(s);
		}
	}
	free(d->sessions.bucket);
	d->sessions = (struct ceno_attestd_sessions){ 0 };
}

void ceno_attestd_name(const uint8_t id[16], const char *suffix, char name[CENO_DISK_NAME_MAX])
{
	sodium_bin2hex(name, CENO_DISK_NAME_MAX, id, 16);
	strncat(name, suffix, CENO_DISK_NAME_MAX - 33);
}

/* ---- leaves -------------------------------------------------------------------- */

struct logging {
	ceno_disk_done *done;
	void *context;
	struct ceno_attestd *d;
};

static void log_done(struct ceno_disk_job *job)
{
	struct logging *l = job->context;
	struct ceno_attestd *d = l->d;
	if (!job->error) {
		uint8_t hash[32];
		uint64_t index;
		ceno_merkle_leaf(job->leaf.body, job->leaf.record.body_bytes, hash);
		/* The disk has the leaf: a tree without it would sign a log that never was. */
		if (ceno_log_append(&d->tree, hash, &index) || index != job->index)
			abort();
	}
	job->context = l->context;
	l->done(job);
	free(l);
}

int ceno_attestd_log(struct ceno_attestd *d, const struct ceno_store_leaf *leaf, ceno_disk_done *done, void *context)
{
	struct logging *l = malloc(sizeof(*l));
	struct ceno_disk_job *job = l ? ceno_disk_job_new(CENO_DISK_LEAF, log_done, l) : NULL;
	if (!job) {
		free(l);
		return -1;
	}
	*l = (struct logging){ .done = done, .context = context, .d = d };
	job->leaf = *leaf;
	ceno_disk_submit(&d->disk, job);
	return 0;
}

int ceno_attestd_reload(void *arg, uint64_t index, const struct ceno_store_leaf *leaf)
{
	struct ceno_attestd *d = arg;
	const struct ceno_store_record *r = &leaf->record;
	uint8_t hash[32];
	ceno_merkle_leaf(leaf->body, r->body_bytes, hash);
	if (ceno_log_append(&d->tree, hash, NULL))
		return -1;
	struct ceno_attestd_session *s;
	switch (r->kind) {
	case CENO_STORE_EPOCH:
		return 0;
	case CENO_STORE_KEYCHANGE:
		return ceno_attestd_keychange_reload(d, leaf);
	case CENO_STORE_RECORD:
		s = ceno_attestd_find(d, r->session_id);
		if (!s || s->recorded)
			return -1;
		s->recorded = true;
		return 0;
	case CENO_STORE_LAUNCH:
		s = ceno_attestd_add(d, r->session_id);
		if (!s)
			return -1;
		s->phase = CENO_PHASE_LAUNCHED;
		s->launch_index = index;
		memcpy(s->signer_pub, r->signer_pub, 32);
		s->reset_count = r->reset_count;
		s->restart_count = r->restart_count;
		return 0;
	case CENO_STORE_CDP:
	case CENO_STORE_UNCLEAN:
		s = ceno_attestd_find(d, r->session_id);
		if (!s || s->phase != CENO_PHASE_LAUNCHED || s->launch_index != r->launch_index)
			return -1;
		s->phase = r->kind == CENO_STORE_CDP ? CENO_PHASE_SEALING : CENO_PHASE_ENDED;
		s->end_index = index;
		return 0;
	default:
		return -1;
	}
}

/* ---- payload and step 8 ----------------------------------------------------------- */

enum ceno_attest_error ceno_attestd_take_payload(struct ceno_attestd_session *s, const void *record, size_t bytes)
{
	static uint8_t pae[CENO_PROOF_PAE_MAX]; /* the loop is the only thread here */
	struct ceno_attest_payload head;
	if (bytes < sizeof(head))
		return CENO_ATTEST_ERROR_PAYLOAD;
	memcpy(&head, record, sizeof(head));
	const uint8_t *payload = (const uint8_t *)record + sizeof(head);
	if (head.type != CENO_ATTEST_PAYLOAD || !head.payload_bytes || head.payload_bytes > CENO_PAYLOAD_MAX ||
	    bytes != sizeof(head) + head.payload_bytes)
		return CENO_ATTEST_ERROR_PAYLOAD;
	if (s->payload_part != CENO_PART_NONE || s->phase != CENO_PHASE_LAUNCHED)
		return CENO_ATTEST_ERROR_DUPLICATE;
	size_t pae_bytes = ceno_proof_pae(payload, head.payload_bytes, pae);
	if (!pae_bytes || crypto_sign_verify_detached(head.signature, pae, pae_bytes, s->signer_pub))
		return CENO_ATTEST_ERROR_SIGNATURE;
	s->payload = malloc(bytes);
	if (!s->payload)
		return CENO_ATTEST_ERROR_LOG;
	memcpy(s->payload, record, bytes);
	return CENO_ATTEST_ERROR_NONE;
}

bool ceno_attestd_step8_ok(const struct ceno_step8_record *r)
{
	const bool later = r->observer == CENO_PROOF_OBSERVER_LATER;
	if (r->observer > CENO_PROOF_OBSERVER_LATER || r->peak_bytes > NUMBER_MAX || r->wiped > 1)
		return false;
	if (r->cgroup_removed > CENO_PROOF_CGROUP_UNKNOWN || later != (r->cgroup_removed == CENO_PROOF_CGROUP_UNKNOWN))
		return false;
	if (later && (r->warden_status || r->peak_bytes || r->type != CENO_ATTEST_STEP8))
		return false;
	if (r->type == CENO_ATTEST_UNCLEAN)
		return r->cause >= CENO_CAUSE_EXIT && r->cause <= CENO_CAUSE_CRASH;
	return r->type == CENO_ATTEST_STEP8;
}

static int submit_file(struct ceno_attestd_session *s, const char *suffix, const void *data, size_t bytes,
                       ceno_disk_done *done)
{
	struct ceno_disk_job *job = ceno_disk_job_new(CENO_DISK_WRITE, done, s);
	if (job)
		job->data = malloc(bytes);
	if (!job || !job->data) {
		free(job);
		return -1;
	}
	memcpy(job->data, data, bytes);
	job->data_bytes = bytes;
	job->folder = s->d->pending;
	ceno_attestd_name(s->id, suffix, job->name);
	ceno_disk_submit(&s->d->disk, job);
	return 0;
}

static void forget_payload(struct ceno_attestd_session *s)
{
	free(s->payload);
	s->payload = NULL;
	s->payload_part = CENO_PART_NONE;
}

static void payload_written(struct ceno_disk_job *job)
{
	struct ceno_attestd_session *s = job->context;
	if (job->error) {
		forget_payload(s);
		ceno_attestd_warden_stored(s, CENO_ATTEST_ERROR_LOG);
		return;
	}
	s->payload_part = CENO_PART_STORED;
	ceno_attestd_warden_stored(s, CENO_ATTEST_ERROR_NONE);
	ceno_attestd_advance(s);
}

void ceno_attestd_store_payload(struct ceno_attestd_session *s)
{
	s->payload_part = CENO_PART_WRITING;
	if (submit_file(s, ".payload", s->payload, sizeof(*s->payload) + s->payload->payload_bytes, payload_written)) {
		forget_payload(s);
		ceno_attestd_warden_stored(s, CENO_ATTEST_ERROR_LOG);
	}
}

static void step8_written(struct ceno_disk_job *job)
{
	struct ceno_attestd_session *s = job->context;
	s->step8_part = job->error ? CENO_PART_NONE : CENO_PART_STORED;
	if (job->error)
		ceno_attestd_api_error(s->d, s->id, CENO_ATTEST_ERROR_LOG);
	ceno_attestd_advance(s);
}

void ceno_attestd_store_step8(struct ceno_attestd_session *s)
{
	s->step8_part = CENO_PART_WRITING;
	if (submit_file(s, ".step8", &s->step8, sizeof(s->step8), step8_written)) {
		s->step8_part = CENO_PART_NONE;
		ceno_attestd_api_error(s->d, s->id, CENO_ATTEST_ERROR_LOG);
	}
}

/* ---- ends ------------------------------------------------------------------------- */

static void cdp_logged(struct ceno_disk_job *job)
{
	struct ceno_attestd_session *s = job->context;
	if (job->error) {
		/* Payload and step 8 are on the disk: the next start tries again. */
		s->phase = CENO_PHASE_LAUNCHED;
		ceno_attestd_api_error(s->d, s->id, CENO_ATTEST_ERROR_LOG);
		return;
	}
	s->phase = CENO_PHASE_SEALING;
	s->end_index = job->index;
	ceno_attestd_seal_add(s);
}

/* Evidence of step 8 to c8 to the cdp leaf. */
static void log_cdp(struct ceno_attestd_session *s)
{
	struct ceno_proof_step8 step8 = { .warden_status = s->step8.warden_status,
		                          .cgroup = s->step8.cgroup_removed,
		                          .observer = s->step8.observer,
		                          .peak_bytes = s->step8.peak_bytes,
		                          .launch_index = s->launch_index };
	struct ceno_store_leaf leaf = { .record = { .kind = CENO_STORE_CDP, .launch_index = s->launch_index } };
	uint8_t c8[32];
	crypto_hash_sha256(step8.payload_sha256, (const uint8_t *)(s->payload + 1), s->payload->payload_bytes);
	crypto_hash_sha256(step8.signature_sha256, s->payload->signature, 64);
	memcpy(leaf.record.session_id, s->id, 16);
	if (ceno_proof_c8(&step8, s->payload->c7, c8)) {
		ceno_attestd_api_error(s->d, s->id, CENO_ATTEST_ERROR_PAYLOAD);
		return;
	}
	leaf.record.body_bytes = (uint32_t)ceno_proof_leaf_cdp(s->id, s->launch_index, s->payload->c0, c8, leaf.body);
	s->phase = CENO_PHASE_LOGGING;
	if (ceno_attestd_log(s->d, &leaf, cdp_logged, s)) {
		s->phase = CENO_PHASE_LAUNCHED;
		ceno_attestd_api_error(s->d, s->id, CENO_ATTEST_ERROR_LOG);
	}
}

void ceno_attestd_advance(struct ceno_attestd_session *s)
{
	if (s->phase != CENO_PHASE_LAUNCHED || s->step8_part != CENO_PART_STORED)
		return;
	if (s->payload_part == CENO_PART_STORED) {
		log_cdp(s);
	} else if (s->payload_part == CENO_PART_NONE && !s->warden && !s->told_no_payload) {
		/* It may still come from the spool; until then the session is an orphan of the log. */
		s->told_no_payload = true;
		ceno_attestd_api_error(s->d, s->id, CENO_ATTEST_ERROR_NO_PAYLOAD);
	}
}

static void remove_pending(struct ceno_attestd_session *s, const char *suffix)
{
	struct ceno_disk_job *job = ceno_disk_job_new(CENO_DISK_REMOVE, NULL, NULL);
	if (!job)
		return; /* the next start sees that the session has ended and removes it */
	job->folder = s->d->pending;
	ceno_attestd_name(s->id, suffix, job->name);
	ceno_disk_submit(&s->d->disk, job);
}

static void unclean_logged(struct ceno_disk_job *job)
{
	struct ceno_attestd_session *s = job->context;
	if (job->error) {
		s->phase = CENO_PHASE_LAUNCHED;
		ceno_attestd_say("an unclean end could not be logged: %s", ceno_store_error_text(job->error));
		return;
	}
	s->phase = CENO_PHASE_ENDED;
	s->end_index = job->index;
	forget_payload(s);
	remove_pending(s, ".payload");
	remove_pending(s, ".step8");
	ceno_sealer_want(&s->d->sealer);
}

void ceno_attestd_end_unclean(struct ceno_attestd_session *s, uint32_t cause)
{
	struct ceno_store_leaf leaf = { .record = { .kind = CENO_STORE_UNCLEAN, .launch_index = s->launch_index } };
	if (s->phase == CENO_PHASE_LAUNCHING)
		s->unclean_cause = cause; /* said again when the launch leaf is there */
	if (s->phase != CENO_PHASE_LAUNCHED)
		return; /* a cdp leaf is logged or on its way: one end is all a launch gets */
	memcpy(leaf.record.session_id, s->id, 16);
	leaf.record.body_bytes = (uint32_t)ceno_proof_leaf_unclean(s->id, s->launch_index, (uint8_t)cause, leaf.body);
	s->phase = CENO_PHASE_LOGGING;
	if (ceno_attestd_log(s->d, &leaf, unclean_logged, s))
		s->phase = CENO_PHASE_LAUNCHED;
}
