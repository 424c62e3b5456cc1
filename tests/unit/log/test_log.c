/*
 * The log against a naive recursive reading of RFC 6962 (slices and nothing
 * stored), over every size up to 70 and every pair; known answers of the RFC's
 * hash rules; proofs changed in each way that must be refused; checkpoints
 * byte by byte.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "attest/log/log.h"

#define LEAVES 70

static uint8_t leaves[LEAVES][32];
static struct ceno_log tree;

static int setup(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	ceno_log_init(&tree);
	for (uint8_t i = 0; i < LEAVES; i++) {
		uint64_t index;
		ceno_merkle_leaf(&i, 1, leaves[i]);
		assert_int_equal(ceno_log_append(&tree, leaves[i], &index), 0);
		assert_int_equal(index, i);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ceno_log_fini(&tree);
	return 0;
}

static uint32_t half(uint32_t n)
{
	uint32_t k = 1;
	while (k * 2 < n)
		k *= 2;
	return k;
}

/* MTH(D[begin:end]) as the RFC writes it. */
static void naive_root(uint32_t begin, uint32_t end, uint8_t out[32])
{
	uint8_t joined[65] = { 1 };
	if (end - begin == 1) {
		memcpy(out, leaves[begin], 32);
		return;
	}
	uint32_t k = half(end - begin);
	naive_root(begin, begin + k, joined + 1);
	naive_root(begin + k, end, joined + 33);
	crypto_hash_sha256(out, joined, 65);
}

/* PATH(m, D[begin:end]) */
static void naive_path(uint32_t m, uint32_t begin, uint32_t end, uint8_t (*path)[32], uint32_t *n)
{
	if (end - begin == 1)
		return;
	uint32_t k = half(end - begin);
	if (m < k) {
		naive_path(m, begin, begin + k, path, n);
		naive_root(begin + k, end, path[(*n)++]);
	} else {
		naive_path(m - k, begin + k, end, path, n);
		naive_root(begin, begin + k, path[(*n)++]);
	}
}

/* SUBPROOF(m, D[begin:end], b) */
static void naive_sub(uint32_t m, uint32_t begin, uint32_t end, int b, uint8_t (*path)[32], uint32_t *n)
{
	if (m == end - begin) {
		if (!b)
			naive_root(begin, end, path[(*n)++]);
		return;
	}
	uint32_t k = half(end - begin);
	if (m <= k) {
		naive_sub(m, begin, begin + k, b, path, n);
		naive_root(begin + k, end, path[(*n)++]);
	} else {
		naive_sub(m - k, begin + k, end, 0, path, n);
		naive_root(begin, begin + k, path[(*n)++]);
	}
}

/* SHA-256("") and SHA-256(00): FIPS 180-4 by sha256sum. */
static void known_answers(void **state)
{
	uint8_t root[32], want[32], leaf[32];
	(void)state;
	sodium_hex2bin(want, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 64, NULL, NULL,
	               NULL);
	assert_int_equal(ceno_log_root(&tree, 0, root), 0);
	assert_memory_equal(root, want, 32);
	sodium_hex2bin(want, 32, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", 64, NULL, NULL,
	               NULL);
	ceno_merkle_leaf((const uint8_t *)"", 0, leaf);
	assert_memory_equal(leaf, want, 32);
	assert_int_equal(ceno_log_root(&tree, LEAVES + 1, root), CENO_LOG_E_RANGE);
}

static void roots_equal_the_rfc(void **state)
{
	struct ceno_merkle stream;
	uint8_t root[32], want[32];
	(void)state;
	ceno_merkle_init(&stream);
	for (uint32_t n = 1; n <= LEAVES; n++) {
		naive_root(0, n, want);
		assert_int_equal(ceno_log_root(&tree, n, root), 0);
		assert_memory_equal(root, want, 32);
		ceno_merkle_add(&stream, leaves[n - 1]);
		ceno_merkle_root(&stream, root);
		assert_memory_equal(root, want, 32);
	}
}

static void inclusion_equals_the_rfc(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= LEAVES; n++) {
		uint8_t root[32];
		ceno_log_root(&tree, n, root);
		for (uint32_t m = 0; m < n; m++) {
			struct ceno_proof_inclusion got;
			uint8_t want[64][32];
			uint32_t count = 0;
			naive_path(m, 0, n, want, &count);
			assert_int_equal(ceno_log_inclusion(&tree, m, n, &got), 0);
			assert_int_equal(got.index, m);
			assert_int_equal(got.count, count);
			assert_memory_equal(got.path, want, count * 32);
			assert_int_equal(ceno_log_check_inclusion(leaves[m], &got, n, root), 0);
		}
	}
}

static void wrong_inclusion_is_refused(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= 20; n++)
		for (uint32_t m = 0; m < n; m++) {
			struct ceno_proof_inclusion p;
			uint8_t root[32];
			ceno_log_root(&tree, n, root);
			ceno_log_inclusion(&tree, m, n, &p);
			for (uint32_t other = 0; other <= n; other++) {
				p.index = other; /* another index must not verify for this leaf */
				assert_int_equal(ceno_log_check_inclusion(leaves[m], &p, n, root) == 0, other == m);
			}
			p.index = m;
			p.count++; /* a hash too many */
			assert_int_not_equal(ceno_log_check_inclusion(leaves[m], &p, n, root), 0);
			p.count--;
			if (p.count > 0) {
				p.count--; /* one too few */
				assert_int_not_equal(ceno_log_check_inclusion(leaves[m], &p, n, root), 0);
				p.count++;
				p.path[p.count - 1][31] ^= 1;
				assert_int_equal(ceno_log_check_inclusion(leaves[m], &p, n, root), CENO_LOG_E_PROOF);
				p.path[p.count - 1][31] ^= 1;
			}
			root[0] ^= 1;
			assert_int_equal(ceno_log_check_inclusion(leaves[m], &p, n, root), CENO_LOG_E_PROOF);
		}
	struct ceno_proof_inclusion p;
	assert_int_equal(ceno_log_inclusion(&tree, 5, 5, &p), CENO_LOG_E_RANGE);
	assert_int_equal(ceno_log_inclusion(&tree, 0, LEAVES + 1, &p), CENO_LOG_E_RANGE);
	p.count = CENO_PROOF_INCLUSION_MAX + 1;
	p.index = 0;
	assert_int_equal(ceno_log_check_inclusion(leaves[0], &p, 9, leaves[0]), CENO_LOG_E_RANGE);
}

static void consistency_equals_the_rfc(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= LEAVES; n++)
		for (uint32_t m = 1; m <= n; m++) {
			uint8_t want[CENO_LOG_PATH_MAX][32], got[CENO_LOG_PATH_MAX][32], old[32], root[32];
			uint32_t wanted = 0, count = 0;
			naive_sub(m, 0, n, 1, want, &wanted);
			assert_int_equal(ceno_log_consistency(&tree, m, n, got, &count), 0);
			assert_int_equal(count, wanted);
			assert_memory_equal(got, want, count * 32);
			ceno_log_root(&tree, m, old);
			ceno_log_root(&tree, n, root);
			assert_int_equal(ceno_log_check_consistency(m, old, n, root, (const uint8_t(*)[32])got, count),
			                 0);
			if (count > 0)
				assert_int_not_equal(ceno_log_check_consistency(m, old, n, root,
				                                                (const uint8_t(*)[32])got, count - 1),
				                     0);
			assert_int_not_equal(ceno_log_check_consistency(m, old, n, root, (const uint8_t(*)[32])got,
			                                                count + 1),
			                     0);
			old[3] ^= 4;
			assert_int_not_equal(ceno_log_check_consistency(m, old, n, root, (const uint8_t(*)[32])got,
			                                                count),
			                     0);
			old[3] ^= 4;
			root[3] ^= 4;
			assert_int_not_equal(ceno_log_check_consistency(m, old, n, root, (const uint8_t(*)[32])got,
			                                                count),
			                     0);
		}
	assert_int_equal(ceno_log_check_consistency(0, leaves[0], 5, leaves[0], NULL, 0), 0);
	assert_int_equal(ceno_log_check_consistency(6, leaves[0], 5, leaves[0], NULL, 0), CENO_LOG_E_RANGE);
}

/* ---- checkpoints -------------------------------------------------------------- */

static void key(uint8_t number, uint8_t pub[32], uint8_t secret[64])
{
	uint8_t seed[32];
	memset(seed, number, sizeof(seed));
	crypto_sign_ed25519_seed_keypair(pub, secret, seed);
}

static void checkpoint_round_trip(void **state)
{
	uint8_t pub[32], secret[64], other[32], root[32];
	char text[CENO_PROOF_CHECKPOINT_MAX];
	struct ceno_checkpoint c;
	size_t n;
	(void)state;
	key(1, pub, secret);
	ceno_log_root(&tree, 7, root);
	assert_int_equal(ceno_checkpoint_make("node.test/log", 7, root, secret, text, &n), 0);
	assert_memory_equal(text, "node.test/log\n7\n", 16);
	assert_int_equal(ceno_checkpoint_parse(text, n, &c), 0);
	assert_string_equal(c.origin, "node.test/log");
	assert_int_equal(c.size, 7);
	assert_memory_equal(c.root, root, 32);
	assert_int_equal(ceno_checkpoint_verify(&c, text, pub), 0);
	key(2, other, secret);
	assert_int_equal(ceno_checkpoint_verify(&c, text, other), CENO_LOG_E_KEY);
	assert_int_equal(ceno_checkpoint_make("no spaces", 7, root, secret, text, &n), CENO_LOG_E_FORM);
	assert_int_equal(ceno_checkpoint_make("", 7, root, secret, text, &n), CENO_LOG_E_FORM);
}

/* A verifier key in public use, of Go's checksum database (golang.org/x/mod):
 * sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8 */
static void key_id_known_answer(void **state)
{
	static const uint8_t want[4] = { 0x03, 0x3d, 0xe0, 0xae };
	uint8_t blob[33], id[4];
	size_t n;
	(void)state;
	assert_int_equal(sodium_base642bin(blob, 33, "Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", 44, NULL, &n, NULL,
	                                   sodium_base64_VARIANT_ORIGINAL),
	                 0);
	assert_int_equal(blob[0], 1);
	ceno_checkpoint_key_id("sum.golang.org", blob + 1, id);
	assert_memory_equal(id, want, 4);
}

/* Every byte of a checkpoint changed to every other value: no parse, or no valid signature. */
static void every_byte_matters(void **state)
{
	uint8_t pub[32], secret[64];
	char text[CENO_PROOF_CHECKPOINT_MAX], hostile[CENO_PROOF_CHECKPOINT_MAX];
	size_t n;
	(void)state;
	key(1, pub, secret);
	assert_int_equal(ceno_checkpoint_make("a/b", 70, leaves[3], secret, text, &n), 0);
	for (size_t i = 0; i < n; i++)
		for (int v = 1; v < 256; v++) {
			struct ceno_checkpoint c;
			memcpy(hostile, text, n);
			hostile[i] = (char)(hostile[i] ^ v);
			if (ceno_checkpoint_parse(hostile, n, &c) == 0)
				assert_int_equal(ceno_checkpoint_verify(&c, hostile, pub), CENO_LOG_E_KEY);
		}
	for (size_t i = 0; i < n; i++) {
		struct ceno_checkpoint c;
		assert_int_equal(ceno_checkpoint_parse(text, i, &c), CENO_LOG_E_FORM);
	}
}

static void other_spellings_are_refused(void **state)
{
	static const char *const bodies[] = {
		"a\n07\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		"a\n\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		"a\n18446744073709551616\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
		"a\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n",
		"a\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
		"a\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nextension\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		uint8_t pub[32], secret[64], blob[68];
		char text[CENO_PROOF_CHECKPOINT_MAX], b64[100];
		struct ceno_checkpoint c;
		key(1, pub, secret);
		ceno_checkpoint_key_id("a", pub, blob);
		crypto_sign_ed25519_detached(blob + 4, NULL, (const unsigned char *)bodies[i], strlen(bodies[i]),
		                             secret);
		sodium_bin2base64(b64, sizeof(b64), blob, 68, sodium_base64_VARIANT_ORIGINAL);
		int n = snprintf(text, sizeof(text), "%s\n\xe2\x80\x94 a %s\n", bodies[i], b64);
		assert_int_equal(ceno_checkpoint_parse(text, (size_t)n, &c), CENO_LOG_E_FORM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(roots_equal_the_rfc),
		cmocka_unit_test(inclusion_equals_the_rfc),
		cmocka_unit_test(wrong_inclusion_is_refused),
		cmocka_unit_test(consistency_equals_the_rfc),
		cmocka_unit_test(checkpoint_round_trip),
		cmocka_unit_test(key_id_known_answer),
		cmocka_unit_test(every_byte_matters),
		cmocka_unit_test(other_spellings_are_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
