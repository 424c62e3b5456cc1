/*
 * Ed25519 signing: RFC 8032's short vectors (section 7.1), agreement with libsodium
 * on keys and signatures for random and for extreme seeds, and signatures that
 * our own strict verification accepts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <string.h>
#include "lib/ed25519.h"

static const struct {
	const char *seed, *key, *message, *signature;
} rfc8032[] = {
	{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595b"
	  "be24655141438e7a100b" },
	{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb430"
	  "2aeeb00d291612bb0c00" },
	{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	  "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716e"
	  "d28dc027beceea1ec40a" },
	{ "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42", /* message: SHA-512("abc") */
	  "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
	  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643c"
	  "e80e2a9ac94fa54ca49f",
	  "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138a"
	  "c17ad9bef1177331a704" },
};

static size_t unhex(uint8_t *out, size_t room, const char *hex)
{
	size_t n;

	assert_int_equal(sodium_hex2bin(out, room, hex, strlen(hex), NULL, &n, NULL), 0);
	return n;
}

static void test_rfc8032(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rfc8032 / sizeof rfc8032[0]; i++) {
		uint8_t seed[32], key[32], message[64], expected[64], signature[64], made[32];
		size_t n = unhex(message, sizeof message, rfc8032[i].message);

		unhex(seed, 32, rfc8032[i].seed);
		unhex(key, 32, rfc8032[i].key);
		unhex(expected, 64, rfc8032[i].signature);
		ceno_ed25519_public_key(made, seed);
		assert_memory_equal(made, key, 32);
		ceno_ed25519_sign(signature, seed, key, message, n);
		assert_memory_equal(signature, expected, 64);
	}
}

static void compare(const uint8_t seed[32], const uint8_t *message, size_t bytes)
{
	uint8_t key[32], expected_key[32], secret[64], signature[64], expected[64];

	crypto_sign_seed_keypair(expected_key, secret, seed);
	ceno_ed25519_public_key(key, seed);
	assert_memory_equal(key, expected_key, 32);
	crypto_sign_detached(expected, NULL, message, bytes, secret);
	ceno_ed25519_sign(signature, seed, key, message, bytes);
	assert_memory_equal(signature, expected, 64);
	assert_true(ceno_ed25519_verify(signature, key, message, bytes));
}

static void test_random(void **state)
{
	uint8_t seed[32], message[700];

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		randombytes_buf(seed, sizeof seed);
		randombytes_buf(message, sizeof message);
		compare(seed, message, i < sizeof message ? i : randombytes_uniform(sizeof message));
	}
}

static void test_extremes(void **state)
{
	uint8_t seed[32], message[1] = { 0 };

	(void)state;
	for (unsigned fill = 0; fill < 256; fill += 17) {
		memset(seed, (int)fill, sizeof seed);
		compare(seed, message, fill & 1);
	}
	for (unsigned bit = 0; bit < 256; bit++) {
		memset(seed, 0, sizeof seed);
		seed[bit / 8] = (uint8_t)(1u << bit % 8);
		compare(seed, NULL, 0);
	}
}

static int set_up(void **state)
{
	(void)state;
	return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc8032),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
