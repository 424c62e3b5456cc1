/*
 * The state directory, all of it ours, mode 0700:
 *
 *   lock           held (flock) while attest runs
 *   keys/log, export, identity   seeds (keys.c)       keys/origin   the log's name
 *   keys/tpm       names of the two AKs that this log is sealed under (identity.c)
 *   log/leaves     store.h     log/checkpoint  the last signed one     log/torn  see store.h
 *   pending/ID.payload, ID.step8   parts of a session that is not sealed yet
 *   sealed/ID.cdp  proofs that api has not acknowledged
 *   spool/ID       payloads of wardens that found attest gone, taken at start
 *   tpm/           swtpm's state
 *
 * At start the log is read and checked against its own last checkpoint: same key,
 * not larger than the log, same root. If that fails, or a key is missing under a log
 * that has leaves, attest refuses to start and changes nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sodium.h>

#include "attest/daemon/attestd.h"

int ceno_attestd_folder(int parent, const char *name)
{
	if (mkdirat(parent, name, 0700) && errno != EEXIST)
		return -1;
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

int ceno_attestd_state_open(struct ceno_attestd *d, const char *folder)
{
	if (mkdir(folder, 0700) && errno != EEXIST) {
		ceno_attestd_say("%s: %s", folder, strerror(errno));
		return -1;
	}
	d->state = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->state < 0) {
		ceno_attestd_say("%s: %s", folder, strerror(errno));
		return -1;
	}
	int lock = openat(d->state, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB)) {
		ceno_attestd_say("%s: %s", folder,
		                 lock >= 0 && errno == EWOULDBLOCK ? "another ceno-attest uses it" : strerror(errno));
		return -1; /* lock stays open for the life of the process */
	}
	int tpm = ceno_attestd_folder(d->state, "tpm");
	d->log = ceno_attestd_folder(d->state, "log");
	d->pending = ceno_attestd_folder(d->state, "pending");
	d->sealed = ceno_attestd_folder(d->state, "sealed");
	d->spool = ceno_attestd_folder(d->state, "spool");
	if (tpm >= 0)
		close(tpm);
	if (tpm < 0 || d->log < 0 || d->pending < 0 || d->sealed < 0 || d->spool < 0) {
		ceno_attestd_say("%s: %s", folder, strerror(errno));
		return -1;
	}
	return 0;
}

/* By the log's key, or by its predecessor until a checkpoint of the new one is written. */
static bool signed_by_log(const struct ceno_attestd *d, const struct ceno_checkpoint *c, const char *text)
{
	const struct ceno_attestd_change *change = &d->changes[CENO_PROOF_PURPOSE_LOG];
	return !ceno_checkpoint_verify(c, text, d->node.log_pub) ||
	    (change->is_set && !ceno_checkpoint_verify(c, text, change->old_pub));
}

/* The log must contain what its last checkpoint says. */
static int check_checkpoint(struct ceno_attestd *d)
{
	struct ceno_checkpoint c;
	char *text = NULL;
	size_t bytes = 0;
	uint8_t root[32];
	if (ceno_disk_read(d->log, "checkpoint", CENO_PROOF_CHECKPOINT_MAX, (void **)&text, &bytes)) {
		if (errno == ENOENT)
			return 0;
		ceno_attestd_say("log/checkpoint: %s", strerror(errno));
		return -1;
	}
	const char *why = NULL;
	if (ceno_checkpoint_parse(text, bytes, &c) || strcmp(c.origin, d->node.origin))
		why = "is not a checkpoint of this log";
	else if (!signed_by_log(d, &c, text))
		why = "is not signed by this log's key";
	else if (c.size > d->tree.count)
		why = "covers more leaves than the log has: leaves were lost";
	else if (ceno_log_root(&d->tree, c.size, root) || memcmp(root, c.root, 32))
		why = "does not match the leaves: the log was altered";
	if (why) {
		ceno_attestd_say("log/checkpoint %s; refusing to go on", why);
	} else {
		memcpy(d->checkpoint, text, bytes);
		d->checkpoint_bytes = bytes;
	}
	free(text);
	return why ? -1 : 0;
}

/* SHA-256 of the host's boot event log; zeros if there is none or the TPM is our own swtpm. */
static void hash_event_log(struct ceno_attestd *d)
{
	crypto_hash_sha256_state state;
	uint8_t block[4096];
	int fd = d->tpm.tcti ? open("/sys/kernel/security/tpm0/binary_bios_measurements", O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	crypto_hash_sha256_init(&state);
	ssize_t n, total = 0;
	while ((n = read(fd, block, sizeof(block))) > 0) {
		crypto_hash_sha256_update(&state, block, (size_t)n);
		total += n;
	}
	close(fd);
	if (n == 0 && total)
		crypto_hash_sha256_final(&state, d->node.epoch_log_sha256);
}

/* The leaf that opens this run: which keys, which counter. */
static int log_epoch(struct ceno_attestd *d)
{
	uint8_t parts[6][32] = { { 0 } };
	d->epoch_nv = d->tpm.counted ? d->tpm.counter : 0;
	crypto_hash_sha256(parts[0], d->tpm.ak[CENO_TPM_KEY_SEAL].name, CENO_TPM_NAME_BYTES);
	crypto_hash_sha256(parts[1], d->tpm.ak[CENO_TPM_KEY_RAW].name, CENO_TPM_NAME_BYTES);
	crypto_hash_sha256(parts[2], d->node.log_pub, 32);
	crypto_hash_sha256(parts[3], d->export_secret + 32, 32);
	crypto_hash_sha256(parts[4], d->identity_secret + 32, 32);
	memcpy(parts[5], d->node.epoch_log_sha256, 32);
	struct ceno_store_leaf leaf = { .record = { .kind = CENO_STORE_EPOCH } };
	const struct ceno_store_leaf *one = &leaf;
	leaf.record.body_bytes = (uint32_t)ceno_proof_leaf_epoch((const uint8_t(*)[32])parts, d->epoch_nv, leaf.body);
	int error = ceno_store_append(&d->store, &one, 1);
	if (error) {
		ceno_attestd_say("%s", ceno_store_error_text(error));
		return -1;
	}
	d->epoch_index = d->store.leaves - 1;
	return ceno_attestd_reload(d, d->epoch_index, &leaf);
}

/* The first checkpoint of this run: signed, on disk, not yet quoted. */
static int first_checkpoint(struct ceno_attestd *d)
{
	uint8_t root[32];
	if (ceno_log_root(&d->tree, d->tree.count, root) ||
	    ceno_checkpoint_make(d->node.origin, d->tree.count, root, d->log_secret, d->checkpoint,
	                         &d->checkpoint_bytes) ||
	    ceno_disk_replace(d->log, "checkpoint", d->checkpoint, d->checkpoint_bytes)) {
		ceno_attestd_say("log/checkpoint could not be written: %s", strerror(errno));
		return -1;
	}
	return 0;
}

int ceno_attestd_log_load(struct ceno_attestd *d, const char *origin)
{
	int error = ceno_store_open(&d->store, d->log, false, ceno_attestd_reload, d);
	if (error) {
		ceno_attestd_say("%s; refusing to go on", ceno_store_error_text(error));
		return -1;
	}
	if (ceno_attestd_keys_load(d, origin) || check_checkpoint(d))
		return -1;
	if (d->store.torn_bytes) {
		ceno_attestd_say(
		    "the last write to the log was cut off and answered to nobody: %llu bytes moved to log/torn",
		    (unsigned long long)d->store.torn_bytes);
		if (ceno_store_cut_torn(&d->store, d->log)) {
			ceno_attestd_say("log/torn could not be written: %s", strerror(errno));
			return -1;
		}
	}
	return 0;
}

int ceno_attestd_state_load(struct ceno_attestd *d, const char *origin)
{
	const struct ceno_tpm_ak *ak = &d->tpm.ak[CENO_TPM_KEY_SEAL];
	memcpy(d->node.ak_public, ak->public_area, ak->public_bytes);
	d->node.ak_public_bytes = (uint32_t)ak->public_bytes;
	memcpy(d->node.ak_binding, d->tpm.ek_certificate, 32);
	if (ceno_attestd_log_load(d, origin))
		return -1;
	hash_event_log(d);
	if (ceno_attestd_identity_save(d))
		return -1;
	return log_epoch(d) || first_checkpoint(d) ? -1 : 0;
}

/* ---- what an earlier run left -------------------------------------------------------- */

static void resume_payload(struct ceno_attestd_session *s, const char *name)
{
	void *bytes = NULL;
	size_t n = 0;
	if (ceno_disk_read(s->d->pending, name, sizeof(struct ceno_attest_payload) + CENO_PAYLOAD_MAX, &bytes, &n))
		return;
	/* A session whose cdp leaf is there takes its payload again, to be sealed. */
	enum ceno_attestd_phase phase = s->phase;
	s->phase = CENO_PHASE_LAUNCHED;
	enum ceno_attest_error error = ceno_attestd_take_payload(s, bytes, n);
	s->phase = phase;
	if (error)
		ceno_attestd_say("pending/%s is damaged and is left alone", name);
	else
		s->payload_part = CENO_PART_STORED;
	free(bytes);
}

static void resume_step8(struct ceno_attestd_session *s, const char *name)
{
	struct ceno_step8_record *r = NULL;
	size_t n = 0;
	if (ceno_disk_read(s->d->pending, name, sizeof(*r), (void **)&r, &n))
		return;
	if (n == sizeof(*r) && ceno_attestd_step8_ok(r) && !memcmp(r->session_id, s->id, 16)) {
		s->step8 = *r;
		s->step8_part = CENO_PART_STORED;
	} else {
		ceno_attestd_say("pending/%s is damaged and is left alone", name);
	}
	free(r);
}

/* Call each for every file of a folder whose name is an id and a suffix. */
static void each_file(struct ceno_attestd *d, int folder,
                      void (*each)(struct ceno_attestd *d, const uint8_t id[16], const char *suffix, const char *name))
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		close(fd);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		uint8_t id[16];
		size_t n = 0;
		const char *suffix = NULL;
		if (!sodium_hex2bin(id, sizeof(id), e->d_name, strlen(e->d_name), NULL, &n, &suffix) && n == 16)
			each(d, id, suffix, e->d_name);
	}
	if (dir)
		closedir(dir);
}

static void load_pending(struct ceno_attestd *d, const uint8_t id[16], const char *suffix, const char *name)
{
	struct ceno_attestd_session *s = ceno_attestd_find(d, id);
	char sealed[CENO_DISK_NAME_MAX];
	struct stat st;
	ceno_attestd_name(id, ".cdp", sealed);
	if (s && (s->phase == CENO_PHASE_ENDED || !fstatat(d->sealed, sealed, &st, AT_SYMLINK_NOFOLLOW)))
		unlinkat(d->pending, name, 0);
	else if (s && !strcmp(suffix, ".payload"))
		resume_payload(s, name);
	else if (s && !strcmp(suffix, ".step8"))
		resume_step8(s, name);
}

static void take_spooled(struct ceno_attestd *d, const uint8_t id[16], const char *suffix, const char *name)
{
	int fd = *suffix ? -1 : openat(d->spool, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	if (fd < 0)
		return;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return;
	}
	ceno_attestd_spooled(d, fd, id);
}

void ceno_attestd_state_resume(struct ceno_attestd *d)
{
	each_file(d, d->pending, load_pending);
	for (size_t b = 0; b < d->sessions.buckets; b++) {
		for (struct ceno_attestd_session *s = d->sessions.bucket[b]; s; s = s->chain) {
			bool whole = s->payload_part == CENO_PART_STORED && s->step8_part == CENO_PART_STORED;
			if (s->phase == CENO_PHASE_SEALING && whole)
				ceno_attestd_seal_add(s);
			else if (s->phase == CENO_PHASE_SEALING)
				s->phase = CENO_PHASE_ENDED; /* sealed and removed by an earlier run */
			else if (s->phase == CENO_PHASE_LAUNCHED && whole)
				ceno_attestd_advance(s);
		}
	}
	each_file(d, d->spool, take_spooled);
}

/* ---- orphans -------------------------------------------------------------------------- */

static int print_orphans(struct ceno_attestd *d)
{
	unsigned long count = 0;
	for (size_t b = 0; b < d->sessions.buckets; b++) {
		for (struct ceno_attestd_session *s = d->sessions.bucket[b]; s; s = s->chain) {
			char hex[33];
			if (s->phase != CENO_PHASE_LAUNCHED)
				continue;
			printf("%s %llu\n", sodium_bin2hex(hex, sizeof(hex), s->id, 16),
			       (unsigned long long)s->launch_index);
			count++;
		}
	}
	fprintf(stderr, "ceno-attest: %lu of %lu launches have no end in the log\n", count,
	        (unsigned long)d->sessions.count);
	return fflush(stdout) ? 1 : 0;
}

int ceno_attestd_orphans(const char *folder)
{
	static struct ceno_attestd d;
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/log", folder);
	int log = n > 0 && (size_t)n < sizeof(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (log < 0) {
		ceno_attestd_say("%s: %s", folder, log < 0 ? strerror(errno) : "too long");
		return 2;
	}
	ceno_log_init(&d.tree);
	int error = ceno_store_open(&d.store, log, true, ceno_attestd_reload, &d);
	int status = 1;
	if (error)
		ceno_attestd_say("%s", ceno_store_error_text(error));
	else
		status = print_orphans(&d);
	ceno_store_close(&d.store);
	ceno_attestd_sessions_fini(&d);
	ceno_log_fini(&d.tree);
	close(log);
	return status;
}
