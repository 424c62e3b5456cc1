/*
 * Granules, bitmap, key stream and chunk leaves, each against a second way of
 * computing it: OpenSSL's HKDF and one-shot ciphers, and arithmetic done by
 * counting. Prints the throughput, which nothing here depends on.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "attest/proof/proof.h"
#include "attest/proof/wide.h"

static const uint8_t session[16] = "sixteen bytes id";
static uint8_t challenge[32];

static void granule_sizes(void **state)
{
	static const struct {
		uint64_t mem, granule;
		uint32_t bytes;
	} cases[] = {
		{ 1, 65536, 1 },
		{ 65536, 65536, 1 },
		{ 32ull << 20, 65536, 64 },
		{ 256ull << 20, 65536, 512 },
		{ 512ull << 20, 65536, 1024 },
		{ (512ull << 20) + 1, 131072, 513 },
		{ 1ull << 30, 131072, 1024 },
		{ 64ull << 30, 8ull << 20, 1024 },
		{ (64ull << 30) + 1, 0, 0 },
		{ 0, 0, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ceno_proof_granule(cases[i].mem), cases[i].granule);
		assert_int_equal(ceno_proof_bitmap_bytes(cases[i].mem), cases[i].bytes);
	}
}

/* Random bitmaps: counting granule by granule gives the same runs and the same sum. */
static void bitmap_runs(void **state)
{
	uint64_t mem = (600ull << 20) + 65536; /* granules of 128 KiB, the last one cut short */
	uint64_t g = ceno_proof_granule(mem), n = (mem + g - 1) / g;
	(void)state;
	for (int round = 0; round < 50; round++) {
		uint8_t bitmap[CENO_PROOF_BITMAP_MAX] = { 0 };
		uint64_t sum = 0, seen = 0, offset = 0, bytes;
		for (uint64_t i = 0; i < n; i++)
			if (rand() % 3 == 0) {
				ceno_proof_bitmap_set(bitmap, mem,
				                      i * g +
				                          (uint64_t)(rand() % (int)(mem - i * g < g ? mem - i * g : g)),
				                      1);
				sum += mem - i * g < g ? mem - i * g : g;
			}
		assert_int_equal(ceno_proof_backed_bytes(bitmap, mem), sum);
		for (; ceno_proof_next_backed(bitmap, mem, &offset, &bytes); offset += bytes) {
			assert_true(bytes > 0 && offset + bytes <= mem && offset % g == 0);
			for (uint64_t at = offset; at < offset + bytes; at += g)
				assert_true(bitmap[at / g / 8] >> (at / g % 8) & 1);
			seen += bytes;
		}
		assert_int_equal(seen, sum);
	}
}

static void bitmap_set_spans(void **state)
{
	uint8_t bitmap[CENO_PROOF_BITMAP_MAX] = { 0 };
	(void)state;
	ceno_proof_bitmap_set(bitmap, 1 << 20, 65535, 2); /* touches granules 0 and 1 */
	assert_int_equal(bitmap[0], 3);
	ceno_proof_bitmap_set(bitmap, 1 << 20, 15 * 65536, UINT64_MAX); /* cut at the end of RAM */
	assert_int_equal(bitmap[1], 0x80);
	assert_int_equal(bitmap[2], 0);
	ceno_proof_bitmap_set(bitmap, 1 << 20, 1 << 20, 4096); /* outside */
	ceno_proof_bitmap_set(bitmap, 1 << 20, 0, 0);
	assert_int_equal(bitmap[2], 0);
}

/* RFC 5869 appendix A.3 has an empty salt: equal to our 32 zero bytes for HMAC. */
static void hkdf_against_openssl(void **state)
{
	char digest[] = "SHA256";
	uint8_t key[32], info[20], want[32], got[32], salt[32] = { 0 };
	(void)state;
	for (int round = 0; round < 20; round++) {
		size_t n = (size_t)rand() % sizeof(info);
		randombytes_buf(key, sizeof(key));
		randombytes_buf(info, sizeof(info));
		EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
		EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
		OSSL_PARAM params[] = {
			OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
			OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key, 32),
			OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, 32),
			OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, n),
			OSSL_PARAM_construct_end(),
		};
		assert_int_equal(EVP_KDF_derive(ctx, want, 32, params), 1);
		EVP_KDF_CTX_free(ctx);
		EVP_KDF_free(kdf);
		ceno_proof_hkdf(key, info, n, got);
		assert_memory_equal(got, want, 32);
	}
}

static void derived(const char *tag, uint8_t pass, uint8_t key[32])
{
	uint8_t info[16];
	size_t n = strlen(tag) + 1;
	memcpy(info, tag, n);
	info[n] = pass;
	ceno_proof_hkdf(challenge, info, n + 1, key);
}

static void fill_is_the_key_stream(void **state)
{
	static uint8_t got[4 * CENO_PROOF_CHUNK], want[4 * CENO_PROOF_CHUNK], zeros[4 * CENO_PROOF_CHUNK];
	uint64_t gpa = 0x100000000ull + 3 * CENO_PROOF_CHUNK;
	uint8_t key[32], counter[16] = { 0 };
	int n;
	(void)state;
	struct ceno_proof_pass *pass = ceno_proof_pass_new(session, challenge, 2);
	derived("CDP/v1/fill", 2, key);
	for (int i = 0; i < 8; i++)
		counter[8 + i] = (uint8_t)(gpa / 16 >> (56 - 8 * i));
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_256_ctr(), NULL, key, counter), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, want, &n, zeros, sizeof(zeros)), 1);
	EVP_CIPHER_CTX_free(ctx);
	/* In one call, in consecutive calls, and out of order: the same bytes. */
	memset(got, 0xee, sizeof(got));
	assert_int_equal(ceno_proof_pass_fill(pass, gpa, got, sizeof(got)), 0);
	assert_memory_equal(got, want, sizeof(got));
	memset(got, 0xee, sizeof(got));
	for (size_t at = 0; at < sizeof(got); at += 4096)
		assert_int_equal(ceno_proof_pass_fill(pass, gpa + at, got + at, 4096), 0);
	assert_memory_equal(got, want, sizeof(got));
	memset(got, 0xee, sizeof(got));
	for (size_t at = sizeof(got); at > 0; at -= 16384)
		assert_int_equal(ceno_proof_pass_fill(pass, gpa + at - 16384, got + at - 16384, 16384), 0);
	assert_memory_equal(got, want, sizeof(got));
	assert_int_equal(ceno_proof_pass_fill(pass, gpa + 8, got, 16), CENO_PROOF_E_CRYPTO);
	assert_int_equal(ceno_proof_pass_fill(pass, gpa, got, 15), CENO_PROOF_E_CRYPTO);
	ceno_proof_pass_free(pass);
}

static void leaf_is_the_formula(void **state)
{
	static uint8_t chunk[CENO_PROOF_CHUNK];
	uint64_t gpa = 0x100000000ull + 7 * CENO_PROOF_CHUNK;
	uint8_t key[32], nonce[12] = { 0, 0, 0, 3 }, tag[16], text[64], want[32], got[32], none[16];
	int n;
	(void)state;
	randombytes_buf(chunk, sizeof(chunk));
	derived("CDP/v1/gmac", 3, key);
	for (int i = 0; i < 8; i++)
		nonce[4 + i] = (uint8_t)(gpa >> (56 - 8 * i));
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce);
	EVP_EncryptUpdate(ctx, NULL, &n, chunk, sizeof(chunk));
	EVP_EncryptFinal_ex(ctx, none, &n);
	EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag);
	EVP_CIPHER_CTX_free(ctx);
	memcpy(text, "\0CDP/v1/chunk\0", 14);
	memcpy(text + 14, session, 16);
	text[30] = 3;
	memcpy(text + 31, nonce + 4, 8);
	memcpy(text + 39, tag, 16);
	crypto_hash_sha256(want, text, 55);
	struct ceno_proof_pass *pass = ceno_proof_pass_new(session, challenge, 3);
	assert_int_equal(ceno_proof_pass_leaf(pass, gpa, chunk, got), 0);
	assert_memory_equal(got, want, 32);
	/* A second call on the same context is not disturbed by the first; one bit changes the leaf. */
	assert_int_equal(ceno_proof_pass_leaf(pass, gpa + CENO_PROOF_CHUNK, chunk, got), 0);
	assert_memory_not_equal(got, want, 32);
	assert_int_equal(ceno_proof_pass_leaf(pass, gpa, chunk, got), 0);
	assert_memory_equal(got, want, 32);
	chunk[CENO_PROOF_CHUNK - 1] ^= 0x80;
	assert_int_equal(ceno_proof_pass_leaf(pass, gpa, chunk, got), 0);
	assert_memory_not_equal(got, want, 32);
	ceno_proof_pass_free(pass);
}

/* Both ways of computing, over odd places, lengths and alignments; nothing outside is touched. */
static void wide_equals_openssl(void **state)
{
	static uint8_t a[(1 << 20) + 256], b[(1 << 20) + 256];
	uint8_t key[32], leaf_a[32], leaf_b[32];
	(void)state;
	if (!ceno_wide_available()) {
		print_message("this CPU has no VAES and VPCLMULQDQ on AVX-512: only OpenSSL's way exists here\n");
		skip();
	}
	for (int round = 0; round < 400; round++) {
		size_t bytes = 16 * ((size_t)rand() % (round % 8 == 0 ? 65536 : 200)),
		       shift = 8 * ((size_t)rand() % 16);
		uint64_t gpa = 16 * (uint64_t)rand() + (round % 3 == 0 ? 0xfffffff00ull * 16 : 0x100000000ull);
		randombytes_buf(key, 32);
		struct ceno_proof_pass *wide = ceno_proof_pass_new(session, key, 1),
				       *narrow = ceno_proof_pass_new_portable(session, key, 1);
		memset(a, 0x55, sizeof(a));
		memset(b, 0x55, sizeof(b));
		assert_int_equal(ceno_proof_pass_fill(wide, gpa, a + 64 + shift, bytes), 0);
		assert_int_equal(ceno_proof_pass_fill(narrow, gpa, b + 64 + shift, bytes), 0);
		assert_memory_equal(a, b, sizeof(a));
		randombytes_buf(a, CENO_PROOF_CHUNK + 128);
		assert_int_equal(ceno_proof_pass_leaf(wide, gpa, a + shift, leaf_a), 0);
		assert_int_equal(ceno_proof_pass_leaf(narrow, gpa, a + shift, leaf_b), 0);
		assert_memory_equal(leaf_a, leaf_b, 32);
		ceno_proof_pass_free(wide);
		ceno_proof_pass_free(narrow);
	}
	print_message("400 keys, places and lengths\n");
}

static void tag_of(const char *key, const char *nonce, const uint8_t *text, size_t n, uint8_t tag[16])
{
	struct ceno_wide wide;
	uint8_t k[32], v[12];
	sodium_hex2bin(k, 32, key, 64, NULL, NULL, NULL);
	sodium_hex2bin(v, 12, nonce, 24, NULL, NULL, NULL);
	ceno_wide_init(&wide, k, k);
	ceno_wide_gmac(&wide, v, text, n, tag);
}

/* Test case 13 of the GCM specification (McGrew, Viega): AES-256, no text at all; and the key
 * expansion and one block by test case 14's ciphertext of a zero block (counter 2). */
static void wide_known_answers(void **state)
{
	struct ceno_wide wide;
	uint8_t zero[32] = { 0 }, tag[16], want[16], out[16];
	(void)state;
	if (!ceno_wide_available())
		skip();
	tag_of("0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", zero, 0,
	       tag);
	sodium_hex2bin(want, 16, "530f8afbc74536b9a963b4f1c4cb738b", 32, NULL, NULL, NULL);
	assert_memory_equal(tag, want, 16);
	ceno_wide_init(&wide, zero, zero);
	ceno_wide_stream(&wide, 2, out, 16);
	sodium_hex2bin(want, 16, "cea7403d4d606b6e074ec5d3baf39d18", 32, NULL, NULL, NULL);
	assert_memory_equal(out, want, 16);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void throughput(void **state)
{
	size_t bytes = 32u << 20;
	uint8_t *ram = aligned_alloc(4096, bytes), leaf[32], root[2][32];
	(void)state;
	memset(ram, 1, bytes);
	for (int portable = 0; portable < 2; portable++) {
		struct ceno_proof_pass *pass = portable ? ceno_proof_pass_new_portable(session, challenge, 1)
							: ceno_proof_pass_new(session, challenge, 1);
		struct ceno_merkle tree;
		double start = now();
		assert_int_equal(ceno_proof_pass_fill(pass, 0x100000000ull, ram, bytes), 0);
		double filled = now();
		ceno_merkle_init(&tree);
		for (size_t at = 0; at < bytes; at += CENO_PROOF_CHUNK) {
			assert_int_equal(ceno_proof_pass_leaf(pass, 0x100000000ull + at, ram + at, leaf), 0);
			ceno_merkle_add(&tree, leaf);
		}
		ceno_merkle_root(&tree, root[portable]);
		double read = now();
		print_message("%s, per 128 MiB: fill %.1f ms, read-back %.1f ms\n",
		              portable ? "OpenSSL" : "as a warden does", (filled - start) * 4e3, (read - filled) * 4e3);
		ceno_proof_pass_free(pass);
	}
	assert_memory_equal(root[0], root[1], 32);
	free(ram);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(granule_sizes),
		cmocka_unit_test(bitmap_runs),
		cmocka_unit_test(bitmap_set_spans),
		cmocka_unit_test(hkdf_against_openssl),
		cmocka_unit_test(fill_is_the_key_stream),
		cmocka_unit_test(leaf_is_the_formula),
		cmocka_unit_test(wide_equals_openssl),
		cmocka_unit_test(wide_known_answers),
		cmocka_unit_test(throughput),
	};
	if (sodium_init() < 0)
		return 1;
	for (uint8_t i = 0; i < 32; i++)
		challenge[i] = (uint8_t)(i * 7);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
