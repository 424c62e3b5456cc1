/*
 * The insides of Ed25519 (the source is included): field arithmetic against
 * OpenSSL's big numbers up to the documented limb bounds, scalar reduction and
 * point decoding against libsodium, and which encodings count as canonical.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/bn.h>
#include <sodium.h>
#include "guest-kernel/lib/ed25519.c"

static BN_CTX *ctx;
static BIGNUM *prime;

static BIGNUM *value_of(const ceno_fe *a)
{
	BIGNUM *sum = BN_new();

	assert_non_null(sum);
	for (int i = 4; i >= 0; i--) {
		uint8_t limb[8];
		BIGNUM *t;

		memcpy(limb, &a->v[i], 8);
		t = BN_lebin2bn(limb, 8, NULL);
		assert_true(t && BN_lshift(sum, sum, 51) && BN_add(sum, sum, t));
		BN_free(t);
	}
	return sum;
}

/* Limbs at random up to 2^bits inclusive, often at a bound. */
static void random_element(ceno_fe *a, unsigned bits)
{
	for (unsigned i = 0; i < 5; i++) {
		uint64_t top = 1ull << bits, r;

		randombytes_buf(&r, sizeof r);
		a->v[i] = (r & 7) == 0 ? top : (r & 7) == 1 ? 0 : (r & 7) == 2 ? (1ull << 51) - 1 : (r >> 3) % top;
	}
}

static void assert_element(const ceno_fe *a, BIGNUM *expected)
{
	uint8_t ours[32], theirs[32];

	assert_true(BN_nnmod(expected, expected, prime, ctx));
	assert_int_equal(BN_bn2lebinpad(expected, theirs, 32), 32);
	ceno_fe_to_bytes(ours, a);
	assert_memory_equal(ours, theirs, 32);
}

static void test_arithmetic(void **state)
{
	BIGNUM *x, *y, *r = BN_new();
	ceno_fe a, b, c;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		random_element(&a, i & 1 ? 54 : 51);
		random_element(&b, i & 2 ? 54 : 51);
		x = value_of(&a);
		y = value_of(&b);
		ceno_fe_mul(&c, &a, &b);
		for (unsigned k = 0; k < 5; k++)
			assert_true(c.v[k] <= 1ull << 51); /* tight */
		assert_true(BN_mul(r, x, y, ctx));
		assert_element(&c, r);
		assert_element(&a, x);
		BN_free(x);
		BN_free(y);
		random_element(&a, 51);
		random_element(&b, 51);
		x = value_of(&a);
		y = value_of(&b);
		ceno_fe_add(&c, &a, &b);
		assert_true(BN_add(r, x, y));
		assert_element(&c, r);
		ceno_fe_sub(&c, &a, &b);
		assert_true(BN_sub(r, x, y));
		assert_element(&c, r);
		BN_free(x);
		BN_free(y);
	}
	BN_free(r);
}

static void test_powers(void **state)
{
	BIGNUM *x, *r = BN_new(), *exponent = BN_new();
	ceno_fe a, b;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		random_element(&a, 51);
		x = value_of(&a);
		assert_true(BN_copy(exponent, prime) && BN_sub_word(exponent, 5) && BN_rshift(exponent, exponent, 3));
		assert_true(BN_mod_exp(r, x, exponent, prime, ctx));
		ceno_fe_pow_p58(&b, &a);
		assert_element(&b, r);
		assert_true(BN_copy(exponent, prime) && BN_sub_word(exponent, 2));
		assert_true(BN_mod_exp(r, x, exponent, prime, ctx));
		ceno_fe_invert(&b, &a);
		assert_element(&b, r);
		BN_free(x);
	}
	BN_free(r);
	BN_free(exponent);
}

/* Encodings next to 0, p and 2^255: to_bytes gives the one below p. */
static void test_canonical(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 80; i++) {
		uint8_t bytes[32], back[32];
		BIGNUM *v = BN_new();
		ceno_fe a;

		assert_true(BN_copy(v, prime) && BN_sub_word(v, 60) && BN_add_word(v, i)); /* up to p + 19 = 2^255 */
		if (BN_num_bits(v) > 255)
			assert_true(BN_sub(v, v, prime));
		assert_int_equal(BN_bn2lebinpad(v, bytes, 32), 32);
		ceno_fe_from_bytes(&a, bytes);
		ceno_fe_to_bytes(back, &a);
		assert_int_equal(memcmp(back, bytes, 32) == 0, BN_cmp(v, prime) < 0);
		assert_element(&a, v);
		BN_free(v);
	}
}

static void test_scalars(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		uint8_t wide[64], theirs[32];
		uint64_t ours[4];

		randombytes_buf(wide, sizeof wide);
		if (i < 64)
			memset(wide + i, i & 1 ? 0xff : 0, 64 - i);
		reduce_scalar(ours, wide);
		crypto_core_ed25519_scalar_reduce(theirs, wide);
		assert_memory_equal(ours, theirs, 32);
	}
}

static void test_subtract_order(void **state)
{
	uint64_t a[4], below[4];

	(void)state;
	memcpy(a, order, sizeof a);
	assert_true(subtract_order(a));
	assert_true(ceno_mem_is_zero(a, sizeof a));
	memcpy(below, order, sizeof below);
	below[0]--;
	memcpy(a, below, sizeof a);
	assert_false(subtract_order(a));
	assert_memory_equal(a, below, sizeof a);
	memset(a, 0xff, sizeof a);
	assert_true(subtract_order(a));
}

/* A decodable encoding round-trips, doubles and adds as libsodium says. */
static void test_points(void **state)
{
	unsigned decoded = 0;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		uint8_t bytes[32], other[32], ours[32], theirs[32];
		struct point p, q, r;

		randombytes_buf(bytes, 32);
		if (i & 1)
			crypto_core_ed25519_random(bytes);
		crypto_core_ed25519_random(other);
		if (!decode_point(&p, bytes)) {
			assert_int_not_equal(crypto_core_ed25519_is_valid_point(bytes), 1);
			continue;
		}
		decoded++;
		encode_point(ours, &p);
		assert_memory_equal(ours, bytes, 32);
		assert_true(decode_point(&q, other));
		add_point(&r, &p, &q);
		encode_point(ours, &r);
		assert_int_equal(crypto_core_ed25519_add(theirs, bytes, other), 0);
		assert_memory_equal(ours, theirs, 32);
		double_point(&r, &p);
		encode_point(ours, &r);
		assert_int_equal(crypto_core_ed25519_add(theirs, bytes, bytes), 0);
		assert_memory_equal(ours, theirs, 32);
	}
	assert_true(decoded > 1200 && decoded < 2000); /* half of random bytes are no point */
}

/* y = p + k, k = 0..18, with either sign: never decoded, though k often is a point's y. */
static void test_decode_canonical(void **state)
{
	unsigned points = 0;

	(void)state;
	for (unsigned k = 0; k < 38; k++) {
		uint8_t bytes[32], low[32] = { (uint8_t)(k / 2), [31] = (uint8_t)(k % 2 << 7) };
		struct point p;

		memset(bytes, 0xff, 32);
		bytes[0] = (uint8_t)(0xed + k / 2);
		bytes[31] = (uint8_t)(0x7f | k % 2 << 7);
		assert_false(decode_point(&p, bytes));
		points += decode_point(&p, low);
	}
	assert_true(points > 10);
}

/* x = 0 has no negative: "-0" of both points with x = 0 is refused. */
static void test_decode_negative_zero(void **state)
{
	uint8_t plus[32] = { 1 }, minus[32];
	struct point p;

	(void)state;
	memset(minus, 0xff, 32);
	minus[0] = 0xec;
	minus[31] = 0x7f;
	assert_true(decode_point(&p, plus) && decode_point(&p, minus));
	plus[31] |= 0x80;
	minus[31] |= 0x80;
	assert_false(decode_point(&p, plus) || decode_point(&p, minus));
}

static int set_up(void **state)
{
	(void)state;
	ctx = BN_CTX_new();
	return BN_hex2bn(&prime, "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed") && ctx &&
		sodium_init() >= 0
	    ? 0
	    : -1;
}

static int tear_down(void **state)
{
	(void)state;
	BN_free(prime);
	BN_CTX_free(ctx);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arithmetic),       cmocka_unit_test(test_powers),
		cmocka_unit_test(test_canonical),        cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_subtract_order),   cmocka_unit_test(test_points),
		cmocka_unit_test(test_decode_canonical), cmocka_unit_test(test_decode_negative_zero),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
