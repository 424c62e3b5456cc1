/*
 * A change of a node's key, as whoever hands it on could write it: the proof of its leaf (byte 0 odd), or changes of the
 * bytes of a good change and proof. Properties: only exactly the good change moves the pins, and a refusal leaves them as
 * they were.
 */
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>

#include "attest/log/log.h"
#include "attest/verify/verify.h"
#include "tests/fuzz/property.h"

static struct ceno_verify_pins base, pins;
static struct ceno_verify_keychange good, change;
static char leaf[512];
static size_t leaf_bytes;

static void key_make(uint8_t seed, uint8_t pub[32], uint8_t secret[64])
{
	uint8_t bytes[32];
	memset(bytes, seed, sizeof(bytes));
	crypto_sign_seed_keypair(pub, secret, bytes);
}

static void prepare(void)
{
	uint8_t secret[64], fresh[64], body[CENO_PROOF_LEAF_MAX], hash[2][32], root[32];
	char line[64], checkpoint[CENO_PROOF_CHECKPOINT_MAX];
	size_t n;
	REQUIRE(sodium_init() >= 0);
	strcpy(good.origin, "a/n");
	good.purpose = CENO_PROOF_PURPOSE_LOG;
	key_make(1, good.old_pub, secret);
	key_make(2, good.new_pub, fresh);
	key_make(3, good.identity, secret);
	n = ceno_proof_leaf_keychange(CENO_PROOF_PURPOSE_LOG, good.old_pub, good.new_pub, good.signature, body);
	crypto_sign_detached(good.signature, NULL, body, n - 64, secret);
	n = ceno_proof_leaf_keychange(CENO_PROOF_PURPOSE_LOG, good.old_pub, good.new_pub, good.signature, body);
	memset(hash[0], 9, 32);
	ceno_merkle_leaf(body, n, hash[1]);
	ceno_merkle_node(hash[0], hash[1], root);
	REQUIRE(ceno_checkpoint_make(good.origin, 2, root, fresh, checkpoint, &n) == 0);
	sodium_bin2base64(line, sizeof(line), hash[0], 32, sodium_base64_VARIANT_ORIGINAL);
	int at = snprintf(leaf, sizeof(leaf), "c2sp.org/tlog-proof@v1\nindex 1\n%s\n\n", line);
	memcpy(leaf + at, checkpoint, n);
	leaf_bytes = (size_t)at + n;
	base.pin_count = 1;
	strcpy(base.pins[0].origin, good.origin);
	memcpy(base.pins[0].log_pub, good.old_pub, 32);
	memcpy(base.pins[0].identity, good.identity, 32);
	pins = base;
	REQUIRE(ceno_verify_follow(&pins, &good, leaf, leaf_bytes) == 0 && pins.pin_count == 2);
}

/* Up to what nobody reads: what follows the origin's end, and what lies between the fields. */
static bool is_good(void)
{
	return strcmp(change.origin, good.origin) == 0 && change.purpose == good.purpose &&
	    memcmp(change.old_pub, good.old_pub, 32) == 0 && memcmp(change.new_pub, good.new_pub, 32) == 0 &&
	    memcmp(change.identity, good.identity, 32) == 0 && memcmp(change.signature, good.signature, 64) == 0;
}

static void judge(const void *text, size_t size)
{
	memcpy(&pins, &base, sizeof(base)); /* with what lies between its fields: nothing of it may change */
	int error = ceno_verify_follow(&pins, &change, text, size);
	REQUIRE((error == 0) == (is_good() && size == leaf_bytes && !memcmp(text, leaf, size)));
	REQUIRE(error == 0 || memcmp((const uint8_t *)&pins, (const uint8_t *)&base, sizeof(base)) == 0);
}

/* Four bytes each: where (two), what to flip, and whether a length is cut there. */
static void patched(const uint8_t *changes, size_t size)
{
	uint8_t all[sizeof(change) + sizeof(leaf)];
	size_t bytes = leaf_bytes;
	memcpy(all, &good, sizeof(good));
	memcpy(all + sizeof(good), leaf, sizeof(leaf));
	for (; size >= 4; size -= 4, changes += 4) {
		size_t at = (size_t)(changes[0] << 8 | changes[1]) % (sizeof(good) + leaf_bytes);
		all[at] ^= changes[2];
		if (changes[3] == 0xff && at > sizeof(good))
			bytes = at - sizeof(good);
	}
	memcpy(&change, all, sizeof(change));
	change.origin[sizeof(change.origin) - 1] = 0;
	fuzz_exactly(all + sizeof(good), bytes, judge);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (base.pin_count == 0)
		prepare();
	change = good;
	fuzz_either(data, size, judge, patched);
	return 0;
}
