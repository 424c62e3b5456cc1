/*
 * A pin follows a change of key: a log of one, with leaves around the change, and every way in which somebody without the
 * pinned identity key, or with the key of another purpose or time, could try to move a pin.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "attest/log/log.h"
#include "attest/verify/verify.h"

#define ORIGIN "a.test/n"

struct key {
	uint8_t pub[32], secret[64];
};

static struct key log_key1, log_key2, log_key3, identity1, identity2, stranger;
static struct ceno_log tree;
static struct ceno_verify_pins pins, before;
static char leaf_text[8192];
static size_t leaf_bytes;

static void key_make(struct key *key, uint8_t seed)
{
	uint8_t bytes[32];
	memset(bytes, seed, sizeof(bytes));
	crypto_sign_seed_keypair(key->pub, key->secret, bytes);
}

/* A change, signed; the tree gets its leaf. Returns the leaf's index. */
static uint64_t change_make(struct ceno_verify_keychange *change, uint32_t purpose, const struct key *old,
                            const struct key *fresh, const struct key *signer)
{
	uint8_t body[CENO_PROOF_LEAF_MAX], hash[32];
	uint64_t index;
	memset(change, 0, sizeof(*change));
	strcpy(change->origin, ORIGIN);
	change->purpose = purpose;
	memcpy(change->old_pub, old->pub, 32);
	memcpy(change->new_pub, fresh->pub, 32);
	memcpy(change->identity, signer->pub, 32);
	size_t n = ceno_proof_leaf_keychange((uint8_t)purpose, old->pub, fresh->pub, change->signature, body);
	crypto_sign_detached(change->signature, NULL, body, n - 64, signer->secret);
	n = ceno_proof_leaf_keychange((uint8_t)purpose, old->pub, fresh->pub, change->signature, body);
	ceno_merkle_leaf(body, n, hash);
	assert_int_equal(ceno_log_append(&tree, hash, &index), 0);
	return index;
}

static void leaf_make(uint64_t index, const char *origin, const struct key *key)
{
	struct ceno_proof_inclusion proof;
	char line[64], checkpoint[CENO_PROOF_CHECKPOINT_MAX];
	uint8_t root[32];
	size_t n;
	assert_int_equal(ceno_log_inclusion(&tree, index, tree.count, &proof), 0);
	assert_int_equal(ceno_log_root(&tree, tree.count, root), 0);
	assert_int_equal(ceno_checkpoint_make(origin, tree.count, root, key->secret, checkpoint, &n), 0);
	int at = sprintf(leaf_text, "c2sp.org/tlog-proof@v1\nindex %llu\n", (unsigned long long)index);
	for (uint32_t i = 0; i < proof.count; i++)
		at += sprintf(leaf_text + at, "%s\n",
		              sodium_bin2base64(line, sizeof(line), proof.path[i], 32, sodium_base64_VARIANT_ORIGINAL));
	leaf_text[at++] = '\n';
	memcpy(leaf_text + at, checkpoint, n);
	leaf_bytes = (size_t)at + n;
}

static void more_leaves(uint8_t from, uint8_t count)
{
	for (uint8_t i = 0; i < count; i++) {
		uint8_t hash[32];
		memset(hash, from + i, sizeof(hash));
		assert_int_equal(ceno_log_append(&tree, hash, NULL), 0);
	}
}

static int setup(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	key_make(&log_key1, 1);
	key_make(&log_key2, 2);
	key_make(&log_key3, 3);
	key_make(&identity1, 4);
	key_make(&identity2, 5);
	key_make(&stranger, 6);
	ceno_log_init(&tree);
	more_leaves(10, 5);
	memset(&pins, 0, sizeof(pins));
	pins.pin_count = 1;
	strcpy(pins.pins[0].origin, ORIGIN);
	memset(pins.pins[0].ak, 7, 32);
	memcpy(pins.pins[0].log_pub, log_key1.pub, 32);
	memcpy(pins.pins[0].identity, identity1.pub, 32);
	pins.pins[0].size = 5;
	pins.pins[0].nv_value = 9;
	assert_int_equal(ceno_log_root(&tree, 5, pins.pins[0].root), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ceno_log_fini(&tree);
	return 0;
}

static void refused(const struct ceno_verify_keychange *change, int error)
{
	before = pins;
	assert_int_equal(ceno_verify_follow(&pins, change, leaf_text, leaf_bytes), error);
	assert_memory_equal(&pins, &before, sizeof(pins));
}

static void follows(void **state)
{
	struct ceno_verify_keychange change, second, identity;
	char text[4096];
	uint32_t line;
	(void)state;
	uint64_t index = change_make(&change, CENO_PROOF_PURPOSE_LOG, &log_key1, &log_key2, &identity1);
	more_leaves(30, 4);
	leaf_make(index, ORIGIN, &log_key2);
	assert_int_equal(ceno_verify_follow(&pins, &change, leaf_text, leaf_bytes), 0);
	assert_int_equal(pins.pin_count, 2);
	assert_memory_equal(pins.pins[1].log_pub, log_key2.pub, 32);
	assert_memory_equal(pins.pins[1].ak, pins.pins[0].ak, 32);
	assert_int_equal(pins.pins[1].size, 5); /* what was seen holds for the new key */
	assert_int_equal(pins.pins[1].nv_value, 9);
	refused(&change, CENO_VERIFY_FOLLOW_E_KNOWN); /* replayed */
	index = change_make(&second, CENO_PROOF_PURPOSE_LOG, &log_key1, &log_key3, &identity1);
	leaf_make(index, ORIGIN, &log_key3);
	refused(&second, CENO_VERIFY_FOLLOW_E_PIN); /* a second successor of one key */
	index = change_make(&identity, CENO_PROOF_PURPOSE_IDENTITY, &identity1, &identity2, &identity1);
	leaf_make(index, ORIGIN, &log_key2);
	assert_int_equal(ceno_verify_follow(&pins, &identity, leaf_text, leaf_bytes), 0);
	assert_memory_equal(pins.pins[0].identity, identity2.pub, 32);
	assert_memory_equal(pins.pins[1].identity, identity2.pub, 32);
	index = change_make(&second, CENO_PROOF_PURPOSE_LOG, &log_key2, &log_key3, &identity1);
	leaf_make(index, ORIGIN, &log_key3);
	refused(&second, CENO_VERIFY_FOLLOW_E_SIGNER); /* by the identity that went */
	index = change_make(&second, CENO_PROOF_PURPOSE_LOG, &log_key2, &log_key3, &identity2);
	leaf_make(index, ORIGIN, &log_key3);
	assert_int_equal(ceno_verify_follow(&pins, &second, leaf_text, leaf_bytes), 0);
	int n = ceno_verify_pins_format(&pins, text, sizeof(text));
	assert_true(n > 0);
	assert_int_equal(ceno_verify_pins_parse(text, (size_t)n, &before, &line), 0);
	assert_memory_equal(&pins, &before, sizeof(pins));
}

static void forged(void **state)
{
	struct ceno_verify_keychange good, bad;
	(void)state;
	uint64_t by_stranger = change_make(&bad, CENO_PROOF_PURPOSE_LOG, &log_key1, &log_key2, &stranger);
	leaf_make(by_stranger, ORIGIN, &log_key2);
	refused(&bad, CENO_VERIFY_FOLLOW_E_SIGNER);
	memcpy(bad.identity, identity1.pub, 32);
	refused(&bad, CENO_VERIFY_FOLLOW_E_SIGNATURE); /* a stranger's under the pinned name */
	change_make(&bad, CENO_PROOF_PURPOSE_LOG, &log_key1, &log_key2, &log_key1);
	refused(&bad, CENO_VERIFY_FOLLOW_E_SIGNER); /* by the log key itself */
	uint64_t index = change_make(&good, CENO_PROOF_PURPOSE_LOG, &log_key1, &log_key2, &identity1);
	leaf_make(index, ORIGIN, &log_key2);
	bad = good;
	memcpy(bad.new_pub, stranger.pub, 32);
	refused(&bad, CENO_VERIFY_FOLLOW_E_SIGNATURE); /* to another key */
	change_make(&bad, CENO_PROOF_PURPOSE_EXPORT, &log_key1, &log_key2, &identity1);
	refused(&bad, CENO_VERIFY_FOLLOW_E_PURPOSE);
	bad.purpose = CENO_PROOF_PURPOSE_LOG; /* the purpose is signed */
	refused(&bad, CENO_VERIFY_FOLLOW_E_SIGNATURE);
	change_make(&bad, CENO_PROOF_PURPOSE_IDENTITY, &log_key1, &log_key2, &identity1);
	refused(&bad, CENO_VERIFY_FOLLOW_E_SIGNER); /* an identity that was never pinned goes */
	change_make(&bad, CENO_PROOF_PURPOSE_LOG, &log_key1, &identity1, &identity1);
	refused(&bad, CENO_VERIFY_FOLLOW_E_KNOWN); /* one key in two roles */
	bad = good;
	strcpy(bad.origin, "b.test/n");
	refused(&bad, CENO_VERIFY_FOLLOW_E_PIN);
	memset(pins.pins[0].identity, 0, 32);
	refused(&good, CENO_VERIFY_FOLLOW_E_IDENTITY);
	memset(bad.identity, 0, 32);
	strcpy(bad.origin, ORIGIN);
	refused(&bad, CENO_VERIFY_FOLLOW_E_IDENTITY);
}

static void unlogged(void **state)
{
	struct ceno_verify_keychange change;
	(void)state;
	uint64_t index = change_make(&change, CENO_PROOF_PURPOSE_LOG, &log_key1, &log_key2, &identity1);
	leaf_make(index - 1, ORIGIN, &log_key2);
	refused(&change, CENO_VERIFY_FOLLOW_E_INCLUSION);
	leaf_make(index, ORIGIN, &stranger);
	refused(&change, CENO_VERIFY_FOLLOW_E_CHECKPOINT);
	leaf_make(index, ORIGIN, &log_key1);
	refused(&change, CENO_VERIFY_FOLLOW_E_CHECKPOINT);
	leaf_make(index, "b.test/n", &log_key2);
	refused(&change, CENO_VERIFY_FOLLOW_E_CHECKPOINT);
	leaf_make(index, ORIGIN, &log_key2);
	for (size_t whole = leaf_bytes; leaf_bytes-- > 0;) {
		refused(&change, CENO_VERIFY_FOLLOW_E_LEAF);
		if (leaf_bytes + 1 == whole)
			leaf_text[whole] = '\n';
	}
	leaf_make(index, ORIGIN, &log_key2);
	leaf_text[leaf_bytes++] = '\n';
	refused(&change, CENO_VERIFY_FOLLOW_E_LEAF);
	leaf_make(index, ORIGIN, &log_key2);
	pins.pins[0].size = tree.count + 1;
	refused(&change, CENO_VERIFY_FOLLOW_E_ROLLBACK);
	pins.pins[0].size = tree.count; /* of its size, with another root */
	refused(&change, CENO_VERIFY_FOLLOW_E_ROLLBACK);
	pins.pins[0].size = 5;
	pins.revoked_count = 1;
	memcpy(pins.revoked[0], pins.pins[0].ak, 32);
	refused(&change, CENO_VERIFY_FOLLOW_E_REVOKED);
	pins.revoked_count = 0;
	for (pins.pin_count = 1; pins.pin_count < CENO_VERIFY_PINS_MAX; pins.pin_count++)
		snprintf(pins.pins[pins.pin_count].origin, 65, "n%u", pins.pin_count);
	refused(&change, CENO_VERIFY_FOLLOW_E_MANY);
}

static void texts(void **state)
{
	(void)state;
	for (int error = 0; error >= CENO_VERIFY_FOLLOW_E_MANY; error--)
		assert_true(strlen(ceno_verify_follow_error_text(error)) > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(follows, setup, teardown),
		cmocka_unit_test_setup_teardown(forged, setup, teardown),
		cmocka_unit_test_setup_teardown(unlogged, setup, teardown),
		cmocka_unit_test(texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
