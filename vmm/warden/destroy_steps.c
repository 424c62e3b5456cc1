/*
 * What each transition of destruction does; the order is destruction.h's. Time order is fill (3),
 * keys (4), tokens (5), then read-back, zero and compare (6), so that the fill lies in memory, and is
 * read back from it, after everything else of the session is gone.
 */
#include "attest.h"
#include "destruction.h"
#include "record.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

static int draw(void *out, size_t bytes)
{
	return getrandom(out, bytes, 0) == (ssize_t)bytes ? 0 : -EIO;
}

/* Where a step's times go, of a session that has a proof to come. */
static struct ceno_proof_span *span_of(struct ceno_destruction *d, unsigned step)
{
	return &d->session->statement.timing.steps[step - 1];
}

static void begin(struct ceno_destruction *d, unsigned step)
{
	if (d->way == CENO_WAY_LAUNCHED)
		span_of(d, step)->begin_us = ceno_session_us(d->session);
}

static void finish(struct ceno_destruction *d, unsigned step)
{
	if (d->way == CENO_WAY_LAUNCHED)
		span_of(d, step)->end_us = ceno_session_us(d->session);
}

/* ---- 1 isolation_teardown ----------------------------------------------------- */

/* Tasks in the vmm's group. Until Linux 6.13 the VM has a thread of the kernel's there, and until 6.8 a page fault that is still
 * being served for the guest, as when its group is out of memory, keeps the VM: both go by themselves, and are waited for. */
static uint32_t wait_for_group(const struct ceno_session *session)
{
	const int renewed = session->launch.cgroup_version == 2; /* v1 gives a list out for a second */
	uint32_t left = ceno_session_group_tasks(session, 1);
	for (int i = 0; left != 0 && i < (renewed ? 1000 : 1); i++) {
		(void)poll(NULL, 0, renewed ? 1 : 1100);
		left = ceno_session_group_tasks(session, 1);
	}
	return left;
}

int ceno_destroy_ISOLATED(struct ceno_destruction *d)
{
	struct ceno_session *session = d->session;
	struct ceno_proof_isolation *e = &session->statement.isolation;
	begin(d, 1);
	/* Answered while step 2 is made. The vmm is gone, so nobody who ran learns it. */
	d->asked = ceno_attest_ask_random(d->attest);
	e->cause = d->end.cause;
	e->violation = d->end.violation;
	e->wait_status = session->wait_status;
	e->tasks_left = wait_for_group(session);
	e->tasks = session->seen.tasks;
	e->seccomp_mode = session->seen.seccomp_mode;
	e->no_new_privs = session->seen.no_new_privs;
	e->cap_eff = session->seen.cap_eff;
	ceno_trail_take(session->material.trail, &session->trail);
	e->trail_bytes = (uint32_t)session->trail.bytes;
	memcpy(e->trail_sha256, session->trail.sha256, sizeof e->trail_sha256);
	ceno_session_close_fd(session, &session->control);
	finish(d, 1);
	return e->tasks_left ? -EBUSY : 0;
}

/* ---- 2 filesystem_destruction -------------------------------------------------- */

static void close_area_fd(struct ceno_destruction *d, int *fd)
{
	if (fd && d->session)
		ceno_session_close_fd(d->session, fd);
	else if (fd)
		ceno_fd_close(fd);
}

void ceno_destroy_note_area(struct ceno_proof_filesystem *e, uint32_t kind, uint32_t pledge_class,
                            const struct ceno_area_result *result)
{
	e->areas[e->area_count++] = (struct ceno_proof_area){ .kind = kind,
		                                              .pledge_class = pledge_class,
		                                              .bytes = result->bytes,
		                                              .overwritten = result->overwritten,
		                                              .read_back = result->read_back,
		                                              .mismatches = result->mismatches,
		                                              .unmapped = 1 };
}

/* Each area is wiped by one lane. */
struct clearing {
	const struct ceno_destruction *d;
	atomic_uint next;
	int rc[CENO_AREAS_MAX];
	struct ceno_area_result result[CENO_AREAS_MAX];
};

static void wipe_areas(void *context, unsigned lane)
{
	struct clearing *c = context;
	(void)lane;
	for (unsigned i; (i = atomic_fetch_add(&c->next, 1)) < c->d->area_count;)
		if (*c->d->areas[i].fd >= 0)
			c->rc[i] = ceno_area_wipe(*c->d->areas[i].fd, &c->result[i]);
}

static int close_area(struct ceno_destruction *d, const struct ceno_area *area, int rc,
                      const struct ceno_area_result *result)
{
	if (*area->fd < 0)
		return 0;
	close_area_fd(d, area->fd);
	close_area_fd(d, area->fd_ro);
	if (rc < 0)
		return rc;
	if (result->bytes && d->way == CENO_WAY_LAUNCHED)
		ceno_destroy_note_area(&d->session->statement.filesystem, area->kind, area->pledge_class, result);
	return result->mismatches ? -EIO : 0;
}

/* Every memfd beside RAM, whatever came before: a failure does not spare the next. */
int ceno_destroy_CLEARED(struct ceno_destruction *d)
{
	struct clearing clearing = { .d = d };
	int rc = 0;
	begin(d, 2);
	if (d->way == CENO_WAY_UNLAUNCHED)
		ceno_session_close_fd(d->session, &d->session->control);
	ceno_lanes_run(wipe_areas, &clearing);
	for (unsigned i = 0; i < d->area_count; i++) {
		int now = close_area(d, &d->areas[i], clearing.rc[i], &clearing.result[i]);
		rc = rc < 0 ? rc : now;
	}
	if (d->way == CENO_WAY_LAUNCHED) {
		struct ceno_proof_filesystem *e = &d->session->statement.filesystem;
		e->fds_closed = d->session->fds_closed;
		/* PID 1 of the vmm's PID namespace was reaped, so no task of it is left, and
		 * the warden never held a descriptor of its mount namespace. */
		e->mount_ns_gone = d->session->vmm.pid == 0 && d->session->statement.isolation.tasks_left == 0;
	}
	finish(d, 2);
	return rc;
}

/* ---- 3 memory_overwrite ---------------------------------------------------------- */

int ceno_destroy_MAPPED(struct ceno_destruction *d)
{
	begin(d, 3);
	if (d->ram_bytes == 0)
		return 0; /* nothing to map: a parked pair */
	int rc = ceno_memory_open(&d->memory, d->ram, d->ram_ro, d->ram_bytes);
	/* Sealed by somebody else, before it was wiped: it never can be. */
	return rc == 0 && d->memory.sealed && d->way != CENO_WAY_RECOVERY ? -EPERM : rc;
}

int ceno_destroy_CHALLENGED(struct ceno_destruction *d)
{
	uint8_t chain[3][32];
	if (d->way != CENO_WAY_LAUNCHED) /* nobody will ask for it */
		return draw(d->challenge, sizeof d->challenge);
	struct ceno_proof_statement *s = &d->session->statement;
	struct ceno_proof_overwrite *e = &s->overwrite;
	e->random_source = CENO_PROOF_RANDOM_TPM;
	if (d->asked < 0 || ceno_attest_random(d->attest, e->random, 50) < 0) {
		e->random_source = CENO_PROOF_RANDOM_OS;
		if (draw(e->random, sizeof e->random) < 0)
			return -EIO;
	}
	if (draw(e->destroy_nonce, sizeof e->destroy_nonce) < 0)
		return -EIO;
	if (ceno_proof_c2(s, chain) != 0)
		return -EPROTO;
	ceno_proof_challenge(s, chain[2], d->challenge);
	return 0;
}

static void drop_pass(struct ceno_destruction *d)
{
	for (unsigned lane = 0; lane < CENO_LANES_MAX; lane++) {
		ceno_proof_pass_free(d->pass[lane]);
		d->pass[lane] = NULL;
	}
}

static int next_pass(struct ceno_destruction *d, uint32_t number)
{
	static const uint8_t nobody[16];
	const uint8_t *id = d->session ? d->session->launch.session_id : nobody;
	drop_pass(d);
	for (unsigned lane = 0; lane < ceno_lanes_count(); lane++) {
		d->pass[lane] = ceno_proof_pass_new(id, d->challenge, (uint8_t)number);
		if (!d->pass[lane])
			return -ENOMEM;
	}
	return ceno_memory_fill(&d->memory, d->pass);
}

static int note_overwrite(struct ceno_destruction *d)
{
	struct ceno_proof_overwrite *e = &d->session->statement.overwrite;
	struct ceno_proof_span *span = span_of(d, 3);
	struct stat st;
	if (fstat(d->ram, &st) < 0)
		return -errno;
	e->passes = d->session->statement.sanitization.passes = d->passes;
	e->bitmap_bytes = ceno_proof_bitmap_bytes(d->ram_bytes);
	memcpy(e->bitmap, d->memory.bitmap, e->bitmap_bytes);
	e->bytes = ceno_proof_backed_bytes(d->memory.bitmap, d->ram_bytes);
	e->st_blocks = (uint64_t)st.st_blocks;
	finish(d, 3);
	e->ms = (span->end_us - span->begin_us) / 1000;
	return 0;
}

/* RAM that was sealed by the warden before this one can only be compared. */
static int is_final(const struct ceno_destruction *d)
{
	return d->ram_bytes == 0 || (d->way == CENO_WAY_RECOVERY && d->memory.sealed);
}

int ceno_destroy_FILLED(struct ceno_destruction *d)
{
	int rc = 0;
	for (uint32_t p = 1; rc == 0 && !is_final(d) && p <= d->passes; p++) {
		rc = next_pass(d, p);
		if (rc == 0 && p < d->passes)
			rc = ceno_memory_root(&d->memory, d->pass, d->roots[p - 1]);
	}
	return rc == 0 && d->way == CENO_WAY_LAUNCHED ? note_overwrite(d) : rc;
}

/* ---- 4 key_zeroization, 5 credential_incineration ----------------------------------- */

static void zeroize(struct ceno_proof_keys *e, void *secret, size_t bytes, const uint8_t id[16], uint32_t kind)
{
	struct ceno_proof_key *key = &e->keys[e->key_count++];
	e->read_back &= (uint32_t)ceno_keys_zeroize(secret, bytes);
	memcpy(key->id, id, sizeof key->id);
	key->kind = kind;
	key->bytes = (uint32_t)bytes;
}

int ceno_destroy_KEYLESS(struct ceno_destruction *d)
{
	struct ceno_session *session = d->session;
	struct ceno_proof_keys *e = &session->statement.keys;
	struct ceno_keys *k = session->keys.keys;
	begin(d, 4);
	e->read_back = 1;
	zeroize(e, k->opening, sizeof k->opening, session->opening_id, CENO_PROOF_KEY_OPENING);
	zeroize(e, k->seed, sizeof k->seed, session->seed_id, CENO_PROOF_KEY_SEED);
	finish(d, 4);
	return e->read_back ? 0 : -EIO;
}

int ceno_destroy_TOKENLESS(struct ceno_destruction *d)
{
	struct ceno_session *session = d->session;
	struct ceno_proof_tokens *e = &session->statement.tokens;
	struct ceno_keys *k = session->keys.keys;
	begin(d, 5);
	memcpy(e->key_id, session->token_key_id, sizeof e->key_id);
	e->token_count = e->id_count = 1;
	memcpy(e->ids[0], session->token_id, sizeof e->ids[0]);
	e->zeroized = (uint32_t)ceno_keys_zeroize(k->token, sizeof k->token);
	finish(d, 5);
	return e->zeroized ? 0 : -EIO;
}

/* ---- 6 forensic_verification ----------------------------------------------------------- */

int ceno_destroy_READ_BACK(struct ceno_destruction *d)
{
	begin(d, 6);
	int rc = is_final(d) ? 0 : ceno_memory_root(&d->memory, d->pass, d->roots[d->passes - 1]);
	if (rc < 0 || d->way != CENO_WAY_LAUNCHED)
		return rc;
	struct ceno_proof_forensic *e = &d->session->statement.forensic;
	e->root_count = d->passes;
	memcpy(e->roots, d->roots, sizeof e->roots);
	d->session->statement.timing.read_back_us = ceno_session_us(d->session);
	return 0;
}

int ceno_destroy_ZEROED(struct ceno_destruction *d)
{
	if (!is_final(d))
		ceno_memory_zero(&d->memory);
	if (d->way == CENO_WAY_LAUNCHED)
		d->session->statement.timing.zeroed_us = ceno_session_us(d->session);
	return 0;
}

int ceno_destroy_SEALED(struct ceno_destruction *d)
{
	int rc = d->ram_bytes == 0 ? 0 : ceno_memory_seal(&d->memory);
	if (rc == 0 && d->way == CENO_WAY_LAUNCHED)
		d->session->statement.forensic.write_sealed = 1;
	return rc;
}

/* Nobody can write any more, so what is not zero now would be found. A page that came after the last search of FILLED was
 * not overwritten: it is the kernel's, and zero, or nothing is called wiped. */
static int is_all_compared(struct ceno_destruction *d, uint64_t compared)
{
	return d->ram_bytes == 0 ||
	    (compared == ceno_proof_backed_bytes(d->memory.bitmap, d->ram_bytes) &&
	     ceno_memory_late_is_zero(&d->memory));
}

int ceno_destroy_COMPARED(struct ceno_destruction *d)
{
	uint64_t compared = 0, mismatches = d->ram_bytes == 0 ? 0 : ceno_memory_compare(&d->memory, &compared);
	if (d->way == CENO_WAY_LAUNCHED) {
		struct ceno_proof_forensic *e = &d->session->statement.forensic;
		e->mismatches = mismatches;
		e->compared_bytes = compared;
		d->session->statement.timing.compared_us = ceno_session_us(d->session);
	}
	return mismatches || !is_all_compared(d, compared) ? -EIO : 0;
}

int ceno_destroy_SURVEYED(struct ceno_destruction *d)
{
	ceno_facts_read(&d->session->facts, &d->session->statement.forensic.host);
	finish(d, 6);
	return 0;
}

/* ---- 7 chain_seal, signature, delivery ------------------------------------------------------ */

int ceno_destroy_SIGNED(struct ceno_destruction *d)
{
	struct ceno_session *session = d->session;
	struct ceno_proof_statement *s = &session->statement;
	struct ceno_payload *out = d->payload;
	static uint8_t pae[CENO_PROOF_PAE_MAX];
	uint8_t chain[8][32];
	size_t bytes = 0;
	s->chain.sealed_us = ceno_session_us(session);
	if (ceno_proof_seal_steps(s, chain) != 0 || ceno_proof_payload(s, out->bytes, &bytes) != 0)
		return -EPROTO;
	out->head = (struct ceno_attest_payload){ .type = CENO_ATTEST_PAYLOAD, .payload_bytes = (uint32_t)bytes };
	memcpy(out->head.c0, chain[0], 32);
	memcpy(out->head.c7, chain[7], 32);
	size_t pae_bytes = ceno_proof_pae(out->bytes, bytes, pae);
	return pae_bytes ? ceno_keys_sign(&session->keys, pae, pae_bytes, out->head.signature) : -EPROTO;
}

int ceno_destroy_RELEASED(struct ceno_destruction *d)
{
	drop_pass(d);
	sodium_memzero(d->challenge, sizeof d->challenge);
	ceno_memory_close(&d->memory);
	if (d->session) {
		ceno_keys_close(&d->session->keys);
		ceno_inputs_free(d->session->inputs);
		d->session->inputs = NULL;
	}
	return 0;
}

int ceno_destroy_DELIVERED(struct ceno_destruction *d)
{
	return ceno_attest_hand_over(d->attest, d->spool, d->payload, CENO_STORED_DEADLINE_MS);
}
