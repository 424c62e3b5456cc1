/*
 * The seven steps; see destroy.h. Time order is fill (3), keys (4), tokens (5),
 * then read-back, zero and compare (6), so that the fill lies in memory, and is
 * read back from it, after everything else of the session is gone.
 */
#include "destroy.h"
#include "attest.h"
#include "memory.h"
#include "record.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

static int draw(void *out, size_t bytes)
{
	return getrandom(out, bytes, 0) == (ssize_t)bytes ? 0 : -EIO;
}

static void begin(const struct ceno_session *session, struct ceno_proof_span *span)
{
	span->begin_us = ceno_session_us(session);
}

static void finish(const struct ceno_session *session, struct ceno_proof_span *span)
{
	span->end_us = ceno_session_us(session);
}

/* ---- 1 isolation_teardown ----------------------------------------------------- */

static void step_isolation(struct ceno_session *session, const struct ceno_end *end)
{
	struct ceno_proof_isolation *e = &session->statement.isolation;
	struct ceno_proof_span *span = &session->statement.timing.steps[0];
	begin(session, span);
	e->cause = end->cause;
	e->violation = end->violation;
	e->wait_status = session->wait_status;
	e->tasks_left = ceno_session_group_tasks(session, 1);
	e->tasks = session->seen.tasks;
	e->seccomp_mode = session->seen.seccomp_mode;
	e->no_new_privs = session->seen.no_new_privs;
	e->cap_eff = session->seen.cap_eff;
	ceno_trail_take(session->material.trail, &session->trail);
	e->trail_bytes = (uint32_t)session->trail.bytes;
	memcpy(e->trail_sha256, session->trail.sha256, sizeof e->trail_sha256);
	ceno_session_close_fd(session, &session->control);
	finish(session, span);
}

/* ---- 2 filesystem_destruction -------------------------------------------------- */

static int wipe_area(struct ceno_session *session, int *fd, int *fd_ro, uint32_t kind, uint32_t class)
{
	struct ceno_proof_filesystem *e = &session->statement.filesystem;
	struct ceno_area_result result = { 0 };
	if (*fd < 0)
		return 0;
	int rc = ceno_area_wipe(*fd, &result);
	ceno_session_close_fd(session, fd);
	if (fd_ro)
		ceno_session_close_fd(session, fd_ro);
	if (rc < 0)
		return rc;
	if (result.bytes == 0)
		return 0;
	e->areas[e->area_count++] = (struct ceno_proof_area){ .kind = kind,
		                                              .pledge_class = class,
		                                              .bytes = result.bytes,
		                                              .overwritten = result.overwritten,
		                                              .read_back = result.read_back,
		                                              .mismatches = result.mismatches,
		                                              .unmapped = 1 };
	return result.mismatches ? -EIO : 0;
}

/* Every memfd beside RAM, whatever came before: a failure does not spare the next. */
static int wipe_areas(struct ceno_session *session)
{
	struct ceno_material *m = &session->material;
	int window = wipe_area(session, &m->stdio, NULL, CENO_PROOF_AREA_WINDOW, CENO_PLEDGE_STDIO);
	int trail = wipe_area(session, &m->trail, NULL, CENO_PROOF_AREA_WINDOW, CENO_PLEDGE_COUNT);
	int pack = wipe_area(session, &m->pack, &m->pack_ro, CENO_PROOF_AREA_PACK, 0);
	int boot = wipe_area(session, &m->boot, &m->boot_ro, CENO_PROOF_AREA_BOOT, 0);
	return window < 0 ? window : trail < 0 ? trail : pack < 0 ? pack : boot;
}

static int step_filesystem(struct ceno_session *session)
{
	struct ceno_proof_filesystem *e = &session->statement.filesystem;
	struct ceno_proof_span *span = &session->statement.timing.steps[1];
	begin(session, span);
	int rc = wipe_areas(session);
	e->fds_closed = session->fds_closed;
	/* PID 1 of the vmm's PID namespace was reaped, so no task of it is left, and
	 * the warden never held a descriptor of its mount namespace. */
	e->mount_ns_gone = session->vmm.pid == 0 && session->statement.isolation.tasks_left == 0;
	finish(session, span);
	return rc;
}

/* ---- 3 memory_overwrite ---------------------------------------------------------- */

static int make_challenge(struct ceno_session *session, int attest, uint8_t challenge[32])
{
	struct ceno_proof_overwrite *e = &session->statement.overwrite;
	uint8_t chain[3][32];
	e->random_source = CENO_PROOF_RANDOM_TPM;
	if (ceno_attest_random(attest, e->random, 50) < 0) {
		e->random_source = CENO_PROOF_RANDOM_OS;
		if (draw(e->random, sizeof e->random) < 0)
			return -EIO;
	}
	if (draw(e->destroy_nonce, sizeof e->destroy_nonce) < 0)
		return -EIO;
	if (ceno_proof_c2(&session->statement, chain) != 0)
		return -EPROTO;
	ceno_proof_challenge(&session->statement, chain[2], challenge);
	return 0;
}

static int step_overwrite(struct ceno_session *session, struct ceno_memory *memory, struct ceno_proof_pass *pass)
{
	struct ceno_proof_overwrite *e = &session->statement.overwrite;
	struct ceno_proof_span *span = &session->statement.timing.steps[2];
	struct stat st;
	int rc = ceno_memory_fill(memory, pass);
	if (rc < 0)
		return rc;
	if (fstat(memory->fd, &st) < 0)
		return -errno;
	e->passes = 1;
	session->statement.sanitization.passes = 1;
	e->bitmap_bytes = ceno_proof_bitmap_bytes(memory->bytes);
	memcpy(e->bitmap, memory->bitmap, e->bitmap_bytes);
	e->bytes = ceno_proof_backed_bytes(memory->bitmap, memory->bytes);
	e->st_blocks = (uint64_t)st.st_blocks;
	finish(session, span);
	e->ms = (span->end_us - span->begin_us) / 1000;
	return 0;
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

static void step_keys(struct ceno_session *session)
{
	struct ceno_proof_keys *e = &session->statement.keys;
	struct ceno_keys *k = session->keys.keys;
	struct ceno_proof_span *span = &session->statement.timing.steps[3];
	begin(session, span);
	e->read_back = 1;
	zeroize(e, k->opening, sizeof k->opening, session->opening_id, CENO_PROOF_KEY_OPENING);
	zeroize(e, k->seed, sizeof k->seed, session->seed_id, CENO_PROOF_KEY_SEED);
	finish(session, span);
}

static void step_tokens(struct ceno_session *session)
{
	struct ceno_proof_tokens *e = &session->statement.tokens;
	struct ceno_keys *k = session->keys.keys;
	struct ceno_proof_span *span = &session->statement.timing.steps[4];
	begin(session, span);
	memcpy(e->key_id, session->token_key_id, sizeof e->key_id);
	e->token_count = e->id_count = 1;
	memcpy(e->ids[0], session->token_id, sizeof e->ids[0]);
	e->zeroized = (uint32_t)ceno_keys_zeroize(k->token, sizeof k->token);
	finish(session, span);
}

/* ---- 6 forensic_verification ----------------------------------------------------------- */

static int step_forensic(struct ceno_session *session, struct ceno_memory *memory, struct ceno_proof_pass *pass)
{
	struct ceno_proof_forensic *e = &session->statement.forensic;
	struct ceno_proof_timing *t = &session->statement.timing;
	begin(session, &t->steps[5]);
	int rc = ceno_memory_root(memory, pass, e->roots[0]);
	if (rc < 0)
		return rc;
	e->root_count = 1;
	t->read_back_us = ceno_session_us(session);
	ceno_memory_zero(memory);
	t->zeroed_us = ceno_session_us(session);
	rc = ceno_memory_seal(memory);
	if (rc < 0)
		return rc;
	e->write_sealed = 1;
	e->mismatches = ceno_memory_compare(memory, &e->compared_bytes);
	t->compared_us = ceno_session_us(session);
	ceno_facts_read(&session->facts, &e->host);
	finish(session, &t->steps[5]);
	return e->mismatches ? -EIO : 0;
}

/* ---- 7 chain_seal, signature -------------------------------------------------------------- */

static int sign(struct ceno_session *session, struct ceno_payload *out)
{
	struct ceno_proof_statement *s = &session->statement;
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
	int rc = pae_bytes ? ceno_keys_sign(&session->keys, pae, pae_bytes, out->head.signature) : -EPROTO;
	ceno_keys_close(&session->keys);
	return rc;
}

/* Steps 3 to 6 around one keyed pass over RAM. */
static int overwrite_and_verify(struct ceno_session *session, int attest)
{
	uint8_t challenge[32];
	struct ceno_memory memory = { 0 };
	begin(session, &session->statement.timing.steps[2]);
	int rc = make_challenge(session, attest, challenge);
	if (rc < 0)
		return rc;
	struct ceno_proof_pass *pass = ceno_proof_pass_new(session->launch.session_id, challenge, 1);
	sodium_memzero(challenge, sizeof challenge);
	if (!pass)
		return -ENOMEM;
	rc = ceno_memory_open(&memory, CENO_WARDEN_FD_RAM, session->ram_ro, session->launch.memory_bytes);
	if (rc == 0)
		rc = step_overwrite(session, &memory, pass);
	if (rc == 0) {
		step_keys(session);
		step_tokens(session);
		rc = step_forensic(session, &memory, pass);
	}
	ceno_proof_pass_free(pass);
	ceno_memory_close(&memory);
	return rc;
}

int ceno_destroy(struct ceno_session *session, const struct ceno_end *end, int attest, struct ceno_payload *payload)
{
	step_isolation(session, end);
	int areas = step_filesystem(session);
	int ram = overwrite_and_verify(session, attest);
	if (areas < 0 || ram < 0) {
		ceno_keys_close(&session->keys);
		return areas < 0 ? areas : ram;
	}
	return sign(session, payload);
}

int ceno_destroy_ram(int fd, int fd_ro, uint64_t bytes)
{
	static const uint8_t nobody[16];
	uint8_t challenge[32], root[32];
	uint64_t compared;
	struct ceno_memory memory = { 0 };
	int rc = draw(challenge, sizeof challenge);
	struct ceno_proof_pass *pass = rc == 0 ? ceno_proof_pass_new(nobody, challenge, 1) : NULL;
	if (!pass)
		return -ENOMEM;
	rc = ceno_memory_open(&memory, fd, fd_ro, bytes);
	if (rc == 0)
		rc = ceno_memory_fill(&memory, pass);
	if (rc == 0)
		rc = ceno_memory_root(&memory, pass, root);
	if (rc == 0) {
		ceno_memory_zero(&memory);
		rc = ceno_memory_seal(&memory);
	}
	if (rc == 0 && ceno_memory_compare(&memory, &compared) != 0)
		rc = -EIO;
	ceno_proof_pass_free(pass);
	ceno_memory_close(&memory);
	return rc;
}

int ceno_destroy_unlaunched(struct ceno_session *session)
{
	struct stat st;
	ceno_session_close_fd(session, &session->control);
	int areas = wipe_areas(session);
	ceno_keys_close(&session->keys);
	ceno_inputs_free(session->inputs);
	session->inputs = NULL;
	if (!session->accepted)
		return areas; /* a parked pair: there is no RAM */
	if (fstat(CENO_WARDEN_FD_RAM, &st) < 0)
		return -errno;
	int ram = st.st_size == 0 ? 0 : ceno_destroy_ram(CENO_WARDEN_FD_RAM, session->ram_ro, (uint64_t)st.st_size);
	return areas < 0 ? areas : ram;
}
