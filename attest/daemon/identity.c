/*
 * Which TPM seals this log. A verifier knows a node by its seal key: the same log under another TPM, or another
 * log under the same TPM, is another node to whoever pinned it. So neither begins by accident: the names of
 * both AKs are kept beside the log's keys, and `ceno tpm init`, which also passes what its user has pinned, refuses
 * both without --force. A start under another TPM says so and opens a new epoch: pending proofs are not held back
 * for it, and verifiers notice by their pins.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>

#include "attest/daemon/attestd.h"

#define NAMES_BYTES (2 * CENO_TPM_NAME_BYTES) /* seal, raw */

static void take_names(const struct ceno_tpm_ak *seal, const struct ceno_tpm_ak *raw, uint8_t names[NAMES_BYTES])
{
	memcpy(names, seal->name, CENO_TPM_NAME_BYTES);
	memcpy(names + CENO_TPM_NAME_BYTES, raw->name, CENO_TPM_NAME_BYTES);
}

/* A file of keys/, of exactly so many bytes: 0; 1: not there; -1: unreadable or of another length. */
static int read_file(const struct ceno_attestd *d, const char *name, void *out, size_t bytes)
{
	void *data = NULL;
	size_t n = 0;
	int keys = openat(d->state, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int rc = keys < 0 || ceno_disk_read(keys, name, bytes, &data, &n) ? (errno == ENOENT ? 1 : -1) : 0;
	if (!rc && n != bytes)
		rc = -1;
	if (!rc)
		memcpy(out, data, bytes);
	if (data)
		sodium_memzero(data, n);
	free(data);
	if (keys >= 0)
		close(keys);
	return rc;
}

static bool same_tpm(const struct ceno_attestd *d, const struct ceno_tpm *tpm)
{
	uint8_t was[NAMES_BYTES], is[NAMES_BYTES];
	int rc = read_file(d, "tpm", was, sizeof(was));
	take_names(ceno_tpm_ak(tpm, CENO_TPM_KEY_SEAL), ceno_tpm_ak(tpm, CENO_TPM_KEY_RAW), is);
	if (rc == 1 || (!rc && !memcmp(was, is, sizeof(is))))
		return true;
	ceno_attestd_say(
	    rc ? "keys/tpm cannot be read"
	       : "this log was sealed by another TPM, or that was cleared since: verifiers know the node by it");
	return false;
}

/* Does somebody's pin say that this TPM seals another log than the one here? */
static bool same_log(const struct ceno_attestd *d, const struct ceno_tpm *tpm)
{
	uint8_t seed[32], secret[64], pub[32] = { 0 };
	if (!d->pinned_count)
		return true;
	bool has_log = !read_file(d, "log", seed, sizeof(seed));
	if (has_log)
		crypto_sign_seed_keypair(pub, secret, seed);
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(secret, sizeof(secret));
	bool known = false, same = false;
	for (uint32_t i = 0; i < d->pinned_count; i++) {
		if (memcmp(d->pinned[i].ak, ceno_tpm_ak(tpm, CENO_TPM_KEY_SEAL)->name + 2, 32))
			continue;
		known = true;
		same = same || (has_log && !memcmp(d->pinned[i].log_pub, pub, 32));
	}
	if (known && !same)
		ceno_attestd_say("this TPM is pinned as the one that seals another log than the one of this directory");
	return !known || same;
}

bool ceno_attestd_accept(void *arg, const struct ceno_tpm *tpm)
{
	const struct ceno_attestd *d = arg;
	bool same = same_tpm(d, tpm) && same_log(d, tpm);
	return same || !d->provisioning || d->force;
}

int ceno_attestd_identity_save(const struct ceno_attestd *d)
{
	uint8_t was[NAMES_BYTES], is[NAMES_BYTES];
	take_names(&d->tpm.ak[CENO_TPM_KEY_SEAL], &d->tpm.ak[CENO_TPM_KEY_RAW], is);
	if (!read_file(d, "tpm", was, sizeof(was)) && !memcmp(was, is, sizeof(is)))
		return 0;
	int keys = ceno_attestd_folder(d->state, "keys");
	int rc = keys < 0 || ceno_disk_replace(keys, "tpm", is, sizeof(is)) ? -1 : 0;
	if (rc)
		ceno_attestd_say("keys/tpm: %s", strerror(errno));
	if (keys >= 0)
		close(keys);
	return rc;
}

int ceno_attestd_provisioned(struct ceno_attestd *d, const uint8_t nonce[32])
{
	static char text[CENO_CDP_FILE_MAX];
	static struct ceno_tpm_ek ek;
	struct ceno_tpm_quote quote;
	uint8_t extra[32];
	ceno_proof_node_data(nonce, extra);
	int error = ceno_tpm_quote(d->tpm.tpm, CENO_TPM_KEY_RAW, extra, &quote);
	if (!error)
		error = ceno_tpm_ek_read(d->tpm.tpm, &ek);
	if (error) {
		ceno_attestd_say("%s", ceno_tpm_error_text(error));
		return -1;
	}
	size_t n = ceno_attestd_node_json(d, nonce, &quote, text, sizeof(text));
	printf("%.*s\n", (int)n, text);
	n = ceno_attestd_enrol_json(d, &ek, text, sizeof(text));
	printf("%.*s\n", (int)n, text);
	return fflush(stdout) ? -1 : 0;
}
