/*
 * guest-kernel/lib/sha512.c: FIPS 180-4's examples (NIST CSRC, "SHA-512 example
 * values"), and against OpenSSL for every length up to five blocks and for
 * random messages cut at random places.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>
#include "lib/sha512.h"

static void hash_once(const void *data, size_t bytes, uint8_t digest[64])
{
	struct ceno_sha512 hash;

	memset(&hash, 0xa5, sizeof hash);
	ceno_sha512_init(&hash);
	ceno_sha512_update(&hash, data, bytes);
	ceno_sha512_final(&hash, digest);
}

static void assert_digest(const uint8_t digest[64], const char *hex)
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(hex[2 * i], digits[digest[i] >> 4]);
		assert_int_equal(hex[2 * i + 1], digits[digest[i] & 15]);
	}
}

static void test_examples(void **state)
{
	static const char long_message[] = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
					   "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
	struct ceno_sha512 hash;
	uint8_t digest[64];

	(void)state;
	hash_once("abc", 3, digest);
	assert_digest(digest,
	              "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	              "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
	hash_once(NULL, 0, digest);
	assert_digest(digest,
	              "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
	              "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
	hash_once(long_message, 112, digest);
	assert_digest(digest,
	              "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
	              "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909");
	ceno_sha512_init(&hash);
	for (unsigned i = 0; i < 100000; i++)
		ceno_sha512_update(&hash, "aaaaaaaaaa", 10);
	ceno_sha512_final(&hash, digest);
	assert_digest(digest,
	              "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
	              "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b");
}

static void test_lengths(void **state)
{
	uint8_t data[641], ours[64], theirs[64];

	(void)state;
	assert_int_equal(RAND_bytes(data, sizeof data), 1);
	for (size_t n = 0; n <= sizeof data; n++) {
		hash_once(data, n, ours);
		assert_int_equal(EVP_Digest(data, n, theirs, NULL, EVP_sha512(), NULL), 1);
		assert_memory_equal(ours, theirs, 64);
	}
}

static void test_pieces(void **state)
{
	static uint8_t data[20000];
	uint8_t ours[64], theirs[64];

	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		struct ceno_sha512 hash;
		uint32_t cuts[40];
		size_t total, at = 0;

		assert_int_equal(RAND_bytes((uint8_t *)cuts, sizeof cuts), 1);
		total = cuts[0] % sizeof data;
		assert_int_equal(RAND_bytes(data, (int)total + 1), 1);
		ceno_sha512_init(&hash);
		for (unsigned i = 1; i < 40; i++) {
			size_t n = cuts[i] % (i & 1 ? 200 : 2000);

			if (n > total - at)
				n = total - at;
			ceno_sha512_update(&hash, data + at, n);
			at += n;
		}
		ceno_sha512_update(&hash, data + at, total - at);
		ceno_sha512_final(&hash, ours);
		assert_int_equal(EVP_Digest(data, total, theirs, NULL, EVP_sha512(), NULL), 1);
		assert_memory_equal(ours, theirs, 64);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
