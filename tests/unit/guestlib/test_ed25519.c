/*
 * Ed25519 verification: RFC 8032's own vectors (section 7.1), agreement with
 * libsodium on random signatures and on every kind of damage, and the
 * signatures that a lax verifier accepts and ours must not.
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
	const char *key, *message, *signature;
} rfc8032[] = {
	{ "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595b"
	  "be24655141438e7a100b" },
	{ "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb430"
	  "2aeeb00d291612bb0c00" },
	{ "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716e"
	  "d28dc027beceea1ec40a" },
	{ "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf", /* message: SHA-512("abc") */
	  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643c"
	  "e80e2a9ac94fa54ca49f",
	  "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138a"
	  "c17ad9bef1177331a704" },
};

/* Points of order 1, 2, 4, 8, canonical; then non-canonical encodings of points of order 1, 4. */
static const char *const small_order[] = {
	"0100000000000000000000000000000000000000000000000000000000000000",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};
#define SMALL (sizeof small_order / sizeof small_order[0])

struct signer {
	uint8_t key[32], secret[64], scalar[32];
};

static size_t unhex(uint8_t *out, size_t room, const char *hex)
{
	size_t n;

	assert_int_equal(sodium_hex2bin(out, room, hex, strlen(hex), NULL, &n, NULL), 0);
	return n;
}

static void make_signer(struct signer *s)
{
	crypto_sign_keypair(s->key, s->secret);
	crypto_hash_sha512(s->secret, s->secret, 32); /* the secret half is the clamped scalar from here on */
	s->secret[0] &= 248;
	s->secret[31] = (uint8_t)((s->secret[31] & 127) | 64);
	memcpy(s->scalar, s->secret, 32);
}

/* k = SHA-512(R || A || M) mod L */
static void challenge(uint8_t k[32], const uint8_t r[32], const uint8_t a[32], const uint8_t *m, size_t n)
{
	crypto_hash_sha512_state h;
	uint8_t wide[64];

	crypto_hash_sha512_init(&h);
	crypto_hash_sha512_update(&h, r, 32);
	crypto_hash_sha512_update(&h, a, 32);
	crypto_hash_sha512_update(&h, m, n);
	crypto_hash_sha512_final(&h, wide);
	crypto_core_ed25519_scalar_reduce(k, wide);
}

static void test_rfc8032(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rfc8032 / sizeof rfc8032[0]; i++) {
		uint8_t key[32], message[64], signature[64];
		size_t n = unhex(message, sizeof message, rfc8032[i].message);

		unhex(key, 32, rfc8032[i].key);
		unhex(signature, 64, rfc8032[i].signature);
		assert_true(ceno_ed25519_verify(signature, key, message, n));
		for (unsigned bit = 0; bit < 512; bit++) {
			signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(ceno_ed25519_verify(signature, key, message, n));
			signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void test_random(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 600; i++) {
		uint8_t key[32], secret[64], message[512], signature[64], *damaged[3] = { signature, key, message };
		size_t n = 1 + randombytes_uniform(sizeof message), sizes[3] = { 64, 32, n };
		unsigned which = i % 3, at;

		crypto_sign_keypair(key, secret);
		randombytes_buf(message, n);
		crypto_sign_detached(signature, NULL, message, n, secret);
		assert_true(ceno_ed25519_verify(signature, key, message, n));
		assert_false(ceno_ed25519_verify(signature, key, message, n - 1));
		at = randombytes_uniform((uint32_t)sizes[which] * 8);
		damaged[which][at / 8] ^= (uint8_t)(1 << at % 8);
		assert_int_equal(ceno_ed25519_verify(signature, key, message, n),
		                 crypto_sign_verify_detached(signature, message, n, key) == 0);
		assert_false(ceno_ed25519_verify(signature, key, message, n));
	}
}

/* The message in pieces is the message. */
static void test_pieces(void **state)
{
	uint8_t key[32], secret[64], message[300], signature[64];
	struct ceno_sha512 hash;

	(void)state;
	crypto_sign_keypair(key, secret);
	randombytes_buf(message, sizeof message);
	crypto_sign_detached(signature, NULL, message, sizeof message, secret);
	for (size_t cut = 0; cut <= sizeof message; cut++) {
		ceno_ed25519_begin(&hash, signature, key);
		ceno_sha512_update(&hash, message, cut);
		ceno_sha512_update(&hash, message + cut, sizeof message - cut);
		assert_true(ceno_ed25519_finish(&hash, signature, key));
	}
}

/* S + L, S + 2L, ... are the same scalar, and must not be the same signature. */
static void test_malleable(void **state)
{
	static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
		                           0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
	uint8_t key[32], secret[64], signature[64];

	(void)state;
	crypto_sign_keypair(key, secret);
	crypto_sign_detached(signature, NULL, (const uint8_t *)"m", 1, secret);
	assert_true(ceno_ed25519_verify(signature, key, "m", 1));
	for (unsigned i = 1; i < 15; i++) {
		sodium_add(signature + 32, order, 32);
		assert_false(ceno_ed25519_verify(signature, key, "m", 1));
	}
}

/* A of small order: with R = [S]B - [k]A for a k that A's order divides, a lax
 * verifier accepts. For the neutral A every k will do. */
static void test_small_key(void **state)
{
	unsigned refused = 0;

	(void)state;
	for (size_t i = 0; i < SMALL; i++) {
		uint8_t a[32], signature[64], k[32], message[4];

		unhex(a, 32, small_order[i]);
		for (uint32_t tries = 0; tries < 64; tries++) {
			memcpy(message, &tries, 4);
			crypto_core_ed25519_scalar_random(signature + 32);
			crypto_scalarmult_ed25519_base_noclamp(signature, signature + 32);
			challenge(k, signature, a, message, 4);
			assert_false(ceno_ed25519_verify(signature, a, message, 4));
			refused += (k[0] & 7) == 0; /* [k]A is neutral: the equation holds */
		}
	}
	assert_true(refused > 20);
}

/* R of small order, with the rest of the signature made so that the equation
 * holds: R neutral, S = k a. In the neutral point's canonical encoding and in
 * the others. */
static void test_small_r(void **state)
{
	static const unsigned neutral[] = { 0, 8, 9 };
	struct signer s;

	(void)state;
	make_signer(&s);
	for (unsigned i = 0; i < 3; i++) {
		uint8_t signature[64], k[32], left[32], right[32], wide[64] = { 0 }, a[32];

		unhex(signature, 32, small_order[neutral[i]]);
		challenge(k, signature, s.key, (const uint8_t *)"m", 1);
		memcpy(wide, s.scalar, 32);
		crypto_core_ed25519_scalar_reduce(a, wide);
		crypto_core_ed25519_scalar_mul(signature + 32, k, a);
		crypto_scalarmult_ed25519_base_noclamp(left, signature + 32);
		assert_int_equal(crypto_scalarmult_ed25519_noclamp(right, k, s.key), 0);
		assert_memory_equal(left, right, 32); /* [S]B = [k]A */
		assert_false(ceno_ed25519_verify(signature, s.key, "m", 1));
	}
}

/* A key with a small-order part, A' = A + T: the cofactored equation holds for
 * every k, the cofactorless one only if T's order divides k. */
static void test_cofactorless(void **state)
{
	unsigned accepted = 0, refused = 0;
	struct signer s;
	uint8_t torsion[32], mixed[32], a[32], wide[64] = { 0 };

	(void)state;
	make_signer(&s);
	memcpy(wide, s.scalar, 32);
	crypto_core_ed25519_scalar_reduce(a, wide);
	unhex(torsion, 32, small_order[4]);
	assert_int_equal(crypto_core_ed25519_add(mixed, s.key, torsion), 0);
	for (uint32_t i = 0; i < 200; i++) {
		uint8_t signature[64], nonce[32], k[32], message[4];

		memcpy(message, &i, 4);
		crypto_core_ed25519_scalar_random(nonce);
		crypto_scalarmult_ed25519_base_noclamp(signature, nonce);
		challenge(k, signature, mixed, message, 4);
		crypto_core_ed25519_scalar_mul(signature + 32, k, a);
		crypto_core_ed25519_scalar_add(signature + 32, signature + 32, nonce);
		assert_int_equal(ceno_ed25519_verify(signature, mixed, message, 4), (k[0] & 7) == 0);
		*((k[0] & 7) == 0 ? &accepted : &refused) += 1;
	}
	assert_true(accepted > 0 && refused > 0);
}

static int set_up(void **state)
{
	(void)state;
	return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc8032),      cmocka_unit_test(test_random),    cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_malleable),    cmocka_unit_test(test_small_key), cmocka_unit_test(test_small_r),
		cmocka_unit_test(test_cofactorless),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
