/*
 * The node's Ed25519 keys, each a seed of 32 bytes in keys/, each for one use:
 *
 *   log  checkpoints        export  foreign formats        identity  leaves that change a key
 *
 * All are made at the first start. One is replaced only by `ceno-attest --rotate`: by who owns the state
 * directory, while no other attest holds it. No channel can ask for it. Each step is durable before the next:
 *
 *   keys/NAME.next        leaf keychange, signed by the identity key (for itself: the one that goes)
 *   NAME log: checkpoint over that leaf by the old key        NAME.next becomes NAME
 *
 * Killed in between: if the leaf is in the log the next start finishes the change, else it deletes the seed.
 * A key other than the one that the newest such leaf names is refused: an older copy of keys/ was put back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sodium.h>

#include "attest/daemon/attestd.h"

/* A keychange body (docs/proof-format.md): "CDP/v1/key"|0|purpose|old|new|signature. */
#define BODY_PURPOSE   11u
#define BODY_OLD       12u
#define BODY_NEW       44u
#define BODY_SIGNATURE 76u
#define BODY_BYTES     140u

static const char *const key_names[] = { NULL, "log", "export", "identity" };

static uint8_t *secret_of(struct ceno_attestd *d, unsigned purpose)
{
	return purpose == CENO_PROOF_PURPOSE_LOG   ? d->log_secret
	    : purpose == CENO_PROOF_PURPOSE_EXPORT ? d->export_secret
						   : d->identity_secret;
}

int ceno_attestd_keychange_reload(struct ceno_attestd *d, const struct ceno_store_leaf *leaf)
{
	uint8_t hash[32];
	const uint8_t *body = leaf->body;
	if (leaf->record.body_bytes != BODY_BYTES || body[BODY_PURPOSE] < CENO_PROOF_PURPOSE_LOG ||
	    body[BODY_PURPOSE] > CENO_PROOF_PURPOSE_IDENTITY)
		return -1;
	struct ceno_attestd_change *c = &d->changes[body[BODY_PURPOSE]];
	crypto_hash_sha256(hash, leaf->record.signer_pub, 32);
	if (memcmp(body + BODY_OLD, hash, 32) || (c->is_set && memcmp(body + BODY_OLD, c->new_sha256, 32)))
		return -1;
	c->is_set = true;
	memcpy(c->old_pub, leaf->record.signer_pub, 32);
	memcpy(c->new_sha256, body + BODY_NEW, 32);
	return 0;
}

/* Is this the key that the log's newest leaf keychange of its purpose names? */
static bool is_named(const struct ceno_attestd *d, unsigned purpose, const uint8_t secret[64])
{
	uint8_t hash[32];
	crypto_hash_sha256(hash, secret + 32, 32);
	return d->changes[purpose].is_set && !memcmp(hash, d->changes[purpose].new_sha256, 32);
}

/* 0: read; 1: there is none; -1: errno, or not a seed. */
static int read_key(int keys, const char *name, uint8_t secret[64])
{
	uint8_t *seed = NULL, pub[32];
	size_t n = 0;
	if (ceno_disk_read(keys, name, 32, (void **)&seed, &n))
		return errno == ENOENT ? 1 : -1;
	if (n == 32)
		crypto_sign_seed_keypair(pub, secret, seed);
	sodium_memzero(seed, n);
	free(seed);
	return n == 32 ? 0 : -1;
}

/* A new key in the file name, durable. */
static int make_key(int keys, const char *name, uint8_t secret[64])
{
	uint8_t seed[32], pub[32];
	randombytes_buf(seed, sizeof(seed));
	crypto_sign_seed_keypair(pub, secret, seed);
	int rc = ceno_disk_replace(keys, name, seed, sizeof(seed));
	sodium_memzero(seed, sizeof(seed));
	return rc;
}

static int adopt(int keys, const char *next, const char *name)
{
	return renameat(keys, next, keys, name) || fsync(keys) ? -1 : 0;
}

/* What a change that was cut off left. */
static int settle(const struct ceno_attestd *d, int keys, unsigned purpose)
{
	uint8_t secret[64];
	char next[16];
	snprintf(next, sizeof(next), "%s.next", key_names[purpose]);
	int rc = read_key(keys, next, secret);
	if (rc == 1)
		return 0;
	if (!rc && is_named(d, purpose, secret))
		rc = adopt(keys, next, key_names[purpose]);
	else
		rc = unlinkat(keys, next, 0);
	sodium_memzero(secret, sizeof(secret));
	return rc;
}

static int load_key(struct ceno_attestd *d, int keys, unsigned purpose)
{
	uint8_t *secret = secret_of(d, purpose);
	const struct ceno_attestd_change *c = &d->changes[purpose];
	bool must_exist = c->is_set || (purpose == CENO_PROOF_PURPOSE_LOG && d->tree.count);
	int rc = settle(d, keys, purpose) ? -1 : read_key(keys, key_names[purpose], secret);
	if (rc == 1 && !must_exist)
		rc = make_key(keys, key_names[purpose], secret);
	if (!rc && c->is_set && !is_named(d, purpose, secret)) {
		ceno_attestd_say("keys/%s is older than the log, which names another: restore it", key_names[purpose]);
		return -1;
	}
	if (rc)
		ceno_attestd_say("keys/%s could not be read or made%s", key_names[purpose],
		                 must_exist ? " (the log was made with one: restore it)" : "");
	return rc ? -1 : 0;
}

/* The log's name: read, or made. */
static int load_origin(struct ceno_attestd *d, int keys, const char *origin)
{
	char *name = NULL, made[65];
	uint8_t hash[32];
	size_t n = 0;
	bool named = !ceno_disk_read(keys, "origin", 64, (void **)&name, &n);
	crypto_hash_sha256(hash, d->node.log_pub, 32);
	if (!named && origin)
		snprintf(made, sizeof(made), "%s", origin);
	else if (!named)
		snprintf(made, sizeof(made), "cenotaph/%02x%02x%02x%02x%02x%02x%02x%02x", hash[0], hash[1], hash[2],
		         hash[3], hash[4], hash[5], hash[6], hash[7]);
	int failed = !named && ceno_disk_replace(keys, "origin", made, strlen(made));
	snprintf(d->node.origin, sizeof(d->node.origin), "%.*s", named ? (int)n : 64, named ? name : made);
	free(name);
	if (failed)
		ceno_attestd_say("keys/origin: %s", strerror(errno));
	if (!failed && origin && strcmp(origin, d->node.origin)) {
		ceno_attestd_say("this log is named %s; a log keeps its name", d->node.origin);
		failed = 1;
	}
	return failed ? -1 : 0;
}

int ceno_attestd_keys_load(struct ceno_attestd *d, const char *origin)
{
	int keys = ceno_attestd_folder(d->state, "keys");
	if (keys < 0) {
		ceno_attestd_say("keys: %s", strerror(errno));
		return -1;
	}
	int rc = 0;
	for (unsigned p = CENO_PROOF_PURPOSE_LOG; p <= CENO_PROOF_PURPOSE_IDENTITY && !rc; p++)
		rc = load_key(d, keys, p);
	if (!rc) {
		memcpy(d->node.log_pub, d->log_secret + 32, 32);
		rc = load_origin(d, keys, origin);
	}
	close(keys);
	return rc;
}

/* ---- a change ---------------------------------------------------------------------- */

static void keychange_leaf(const struct ceno_attestd *d, unsigned purpose, const uint8_t old_pub[32],
                           const uint8_t new_pub[32], struct ceno_store_leaf *leaf)
{
	uint8_t signature[64] = { 0 };
	*leaf = (struct ceno_store_leaf){ .record = { .kind = CENO_STORE_KEYCHANGE } };
	memcpy(leaf->record.signer_pub, old_pub, 32);
	ceno_proof_leaf_keychange((uint8_t)purpose, old_pub, new_pub, signature, leaf->body);
	crypto_sign_detached(signature, NULL, leaf->body, BODY_SIGNATURE, d->identity_secret);
	leaf->record.body_bytes =
	    (uint32_t)ceno_proof_leaf_keychange((uint8_t)purpose, old_pub, new_pub, signature, leaf->body);
}

/* A checkpoint over all leaves by the key that goes: it vouches for the leaf that names its successor. */
static int hand_over(const struct ceno_attestd *d)
{
	char text[CENO_PROOF_CHECKPOINT_MAX];
	uint8_t root[32];
	size_t bytes;
	return ceno_log_root(&d->tree, d->tree.count, root) ||
		ceno_checkpoint_make(d->node.origin, d->tree.count, root, d->log_secret, text, &bytes) ||
		ceno_disk_replace(d->log, "checkpoint", text, bytes)
	    ? -1
	    : 0;
}

static void print_bytes(const char *key, const uint8_t *bytes, size_t n, const char *end)
{
	char text[96];
	printf("\"%s\":\"%s\"%s", key, sodium_bin2base64(text, sizeof(text), bytes, n, sodium_base64_VARIANT_ORIGINAL),
	       end);
}

static int print_change(const struct ceno_attestd *d, unsigned purpose, const struct ceno_store_leaf *leaf,
                        const uint8_t new_pub[32])
{
	/* Of an identity that goes: the key that signed, not its successor. */
	printf("{");
	print_bytes("identity", d->identity_secret + 32, 32, ",");
	printf("\"index\":%llu,", (unsigned long long)d->store.leaves - 1);
	print_bytes("new", new_pub, 32, ",");
	print_bytes("old", leaf->record.signer_pub, 32, ",");
	printf("\"origin\":\"%s\",\"purpose\":\"%s\",", d->node.origin, key_names[purpose]);
	print_bytes("signature", leaf->body + BODY_SIGNATURE, 64, "}\n");
	return fflush(stdout) ? -1 : 0;
}

static int rotate(struct ceno_attestd *d, int keys, unsigned purpose)
{
	struct ceno_store_leaf leaf;
	const struct ceno_store_leaf *one = &leaf;
	uint8_t fresh[64], new_pub[32];
	char next[16];
	snprintf(next, sizeof(next), "%s.next", key_names[purpose]);
	if (make_key(keys, next, fresh)) {
		ceno_attestd_say("keys/%s: %s", next, strerror(errno));
		return -1;
	}
	memcpy(new_pub, fresh + 32, 32);
	sodium_memzero(fresh, sizeof(fresh));
	keychange_leaf(d, purpose, secret_of(d, purpose) + 32, new_pub, &leaf);
	int error = ceno_store_append(&d->store, &one, 1);
	if (error) {
		ceno_attestd_say("%s", ceno_store_error_text(error));
		unlinkat(keys, next, 0);
		return -1;
	}
	if (ceno_attestd_reload(d, d->store.leaves - 1, &leaf) || (purpose == CENO_PROOF_PURPOSE_LOG && hand_over(d)) ||
	    adopt(keys, next, key_names[purpose])) {
		ceno_attestd_say("the change is in the log and not finished; the next start finishes it");
		return -1;
	}
	return print_change(d, purpose, &leaf, new_pub);
}

int ceno_attestd_rotate(struct ceno_attestd *d, const char *name)
{
	unsigned purpose = CENO_PROOF_PURPOSE_IDENTITY;
	while (purpose && strcmp(name, key_names[purpose]))
		purpose--;
	if (!purpose)
		return -1;
	if (!d->tree.count) {
		ceno_attestd_say("this node has no log yet: there is nothing to change");
		return -1;
	}
	int keys = ceno_attestd_folder(d->state, "keys");
	int rc = keys < 0 ? -1 : rotate(d, keys, purpose);
	if (keys >= 0)
		close(keys);
	return rc;
}
