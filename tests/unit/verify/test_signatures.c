/*
 * The two signature checks of the verifier against Wycheproof (when its files are
 * there: CENO_VECTORS or ../shared/vectors) and against signatures that lax
 * verifiers accept. ECDSA vectors are DER; we store r | s, so those that are not
 * the one DER spelling of two numbers below 2^256 cannot be written down at all.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attest/verify/tpm.h"
#include "attest/verify/verify.h"

static json_t *load(const char *name)
{
	const char *folder = getenv("CENO_VECTORS");
	char path[1024];
	snprintf(path, sizeof(path), "%s/%s", folder != NULL ? folder : CENO_DEFAULT_VECTORS, name);
	json_t *root = json_load_file(path, 0, NULL);
	if (root == NULL)
		print_message("%s is not there: not run\n", path);
	return root;
}

static size_t hex(const json_t *object, const char *key, uint8_t *out, size_t max)
{
	const char *text = json_string_value(json_object_get(object, key));
	size_t n = 0;
	assert_non_null(text);
	if (strlen(text) > 2 * max)
		return SIZE_MAX;
	assert_int_equal(sodium_hex2bin(out, max, text, strlen(text), NULL, &n, NULL), 0);
	return n;
}

static bool is_valid(const json_t *test)
{
	return strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
}

/* One INTEGER of strict DER into 32 bytes; bytes used, 0: not strict or too large. */
static size_t der_integer(const uint8_t *der, size_t left, uint8_t out[32])
{
	size_t n, skip = 0;
	if (left < 3 || der[0] != 2 || (n = der[1]) == 0 || n > 33 || n + 2 > left || der[2] & 0x80)
		return 0;
	if (der[2] == 0 && n > 1) {
		if ((der[3] & 0x80) == 0)
			return 0;
		skip = 1;
	}
	if (n - skip > 32)
		return 0;
	memset(out, 0, 32);
	memcpy(out + 32 - (n - skip), der + 2 + skip, n - skip);
	return n + 2;
}

static bool from_der(const uint8_t *der, size_t n, uint8_t out[64])
{
	if (n < 8 || der[0] != 0x30 || der[1] != n - 2)
		return false;
	size_t r = der_integer(der + 2, n - 2, out);
	size_t s = r == 0 ? 0 : der_integer(der + 2 + r, n - 2 - r, out + 32);
	return s != 0 && r + s + 2 == n;
}

/* A coordinate: 32 bytes, perhaps with leading zeros more or fewer. */
static void coordinate(const json_t *key, const char *name, uint8_t out[32])
{
	uint8_t raw[64];
	size_t n = hex(key, name, raw, sizeof(raw)), skip = n > 32 ? n - 32 : 0;
	memset(out, 0, 32);
	memcpy(out + 32 - (n - skip), raw + skip, n - skip);
}

static void ecdsa_wycheproof(void **state)
{
	static uint8_t message[1 << 16];
	size_t g, t, ran = 0, accepted = 0, unwritable = 0;
	json_t *root = load("wycheproof_ecdsa_secp256r1_sha256_test.json"), *group, *test;
	(void)state;
	if (root == NULL)
		skip();
	json_array_foreach(json_object_get(root, "testGroups"), g, group)
	{
		struct ceno_tpm_public key = { 0 };
		coordinate(json_object_get(group, "publicKey"), "wx", key.x);
		coordinate(json_object_get(group, "publicKey"), "wy", key.y);
		json_array_foreach(json_object_get(group, "tests"), t, test)
		{
			uint8_t der[300], signature[64];
			size_t n = hex(test, "sig", der, sizeof(der)),
			       length = hex(test, "msg", message, sizeof(message));
			if (n == SIZE_MAX || !from_der(der, n, signature)) {
				assert_false(is_valid(test));
				unwritable++;
				continue;
			}
			int ok = ceno_tpm_ecdsa_verify(&key, message, length, signature);
			if (ok != is_valid(test))
				fail_msg("ECDSA vector %lld", json_integer_value(json_object_get(test, "tcId")));
			ran++;
			accepted += (size_t)ok;
		}
	}
	json_decref(root);
	print_message("Wycheproof ECDSA P-256: %zu run, %zu of them valid; %zu have no r | s form\n", ran, accepted,
	              unwritable);
	assert_true(accepted > 100 && ran - accepted > 50);
}

static void ed25519_wycheproof(void **state)
{
	static uint8_t message[1 << 16];
	size_t g, t, ran = 0, accepted = 0;
	json_t *root = load("wycheproof_ed25519_test.json"), *group, *test;
	(void)state;
	if (root == NULL)
		skip();
	json_array_foreach(json_object_get(root, "testGroups"), g, group)
	{
		uint8_t pub[32];
		assert_int_equal(hex(json_object_get(group, "publicKey"), "pk", pub, sizeof(pub)), 32);
		json_array_foreach(json_object_get(group, "tests"), t, test)
		{
			uint8_t signature[64];
			size_t length = hex(test, "msg", message, sizeof(message));
			if (hex(test, "sig", signature, sizeof(signature)) != 64) {
				assert_false(is_valid(test));
				continue;
			}
			bool ok = crypto_core_ed25519_is_valid_point(pub) == 1 &&
			    crypto_sign_ed25519_verify_detached(signature, message, length, pub) == 0;
			if (ok != is_valid(test))
				fail_msg("Ed25519 vector %lld", json_integer_value(json_object_get(test, "tcId")));
			ran++;
			accepted += ok;
		}
	}
	json_decref(root);
	print_message("Wycheproof Ed25519: %zu run, %zu of them valid\n", ran, accepted);
	assert_true(accepted > 50 && ran - accepted > 20);
}

/* The eight points of small order and their other encodings (RFC 7748, section 7; Chalkias et al.,
 * "Taming the many EdDSAs", table 1): never a session's key. */
static void small_order_keys_are_refused(void **state)
{
	static const char *const points[] = {
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000080",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"0100000000000000000000000000000000000000000000000000000000000080",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		uint8_t pub[32];
		assert_int_equal(sodium_hex2bin(pub, 32, points[i], 64, NULL, NULL, NULL), 0);
		assert_int_equal(crypto_core_ed25519_is_valid_point(pub), 0);
	}
}

/* r and s of zero, of the group order and above it; the point not on the curve. */
static void ecdsa_ranges(void **state)
{
	static const uint8_t order[32] = { 0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0xff, 0xff, 0xff,
		                           0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
		                           0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };
	static const uint8_t base[64] = {
		0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
		0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
		0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
		0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
	};
	struct ceno_tpm_public key = { 0 };
	uint8_t signature[64];
	(void)state;
	memcpy(key.x, base, 32);
	memcpy(key.y, base + 32, 32);
	for (int r = 0; r < 4; r++)
		for (int s = 0; s < 4; s++) {
			for (int half = 0; half < 2; half++) {
				int kind = half == 0 ? r : s;
				memset(signature + 32 * half, kind == 3 ? 0xff : 0, 32);
				if (kind == 1)
					memcpy(signature + 32 * half, order, 32);
				signature[32 * half + 31] = (uint8_t)(signature[32 * half + 31] + (kind == 2));
			}
			assert_int_equal(ceno_tpm_ecdsa_verify(&key, (const uint8_t *)"m", 1, signature), 0);
		}
	key.y[31] ^= 1;
	memset(signature, 1, 64);
	assert_int_equal(ceno_tpm_ecdsa_verify(&key, (const uint8_t *)"m", 1, signature), 0);
}

static void from_hex(const char *text, uint8_t *out, size_t n)
{
	assert_int_equal(sodium_hex2bin(out, n, text, 2 * n, NULL, NULL, NULL), 0);
}

/* RFC 6979, A.2.5 (P-256, SHA-256, "sample") and RFC 8032, 7.1, test 1: always run. */
static void rfc_vectors(void **state)
{
	struct ceno_tpm_public key = { 0 };
	uint8_t signature[64], pub[32];
	(void)state;
	from_hex("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6", key.x, 32);
	from_hex("7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299", key.y, 32);
	from_hex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716", signature, 32);
	from_hex("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8", signature + 32, 32);
	assert_int_equal(ceno_tpm_ecdsa_verify(&key, (const uint8_t *)"sample", 6, signature), 1);
	assert_int_equal(ceno_tpm_ecdsa_verify(&key, (const uint8_t *)"sbmple", 6, signature), 0);
	from_hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", pub, 32);
	from_hex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155", signature, 32);
	from_hex("5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b", signature + 32, 32);
	assert_int_equal(crypto_core_ed25519_is_valid_point(pub), 1);
	assert_int_equal(crypto_sign_ed25519_verify_detached(signature, NULL, 0, pub), 0);
	assert_int_not_equal(crypto_sign_ed25519_verify_detached(signature, (const uint8_t *)"", 1, pub), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ecdsa_wycheproof),
		cmocka_unit_test(ed25519_wycheproof),
		cmocka_unit_test(small_order_keys_are_refused),
		cmocka_unit_test(ecdsa_ranges),
		cmocka_unit_test(rfc_vectors),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
