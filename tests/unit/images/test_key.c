/*
 * Key files: what is written is read back, everything else is refused, and a
 * trust page made from a key is the firmware's idea of one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <string.h>
#include "images/key.h"
#include "lib/bundle.h"

static void test_round_trip(void **state)
{
	char text[CENO_KEY_FILE_MAX];
	struct ceno_key made, read;
	size_t n;

	(void)state;
	for (int test = 0; test < 2; test++) {
		assert_int_equal(ceno_key_generate(&made, "a name, with spaces", test), 0);
		n = ceno_key_format(&made, true, text);
		assert_int_equal(ceno_key_parse(&read, text, n), 0);
		assert_memory_equal(&read, &made, sizeof made);
		n = ceno_key_format(&made, false, text);
		assert_int_equal(ceno_key_parse(&read, text, n), 0);
		assert_false(read.has_secret);
		assert_int_equal(read.test, test);
		assert_memory_equal(read.public_key, made.public_key, 32);
		assert_true(sodium_is_zero(read.secret, sizeof read.secret));
	}
	ceno_key_wipe(&made);
	assert_true(sodium_is_zero((const uint8_t *)&made, sizeof made));
}

/* RFC 8032, 7.1, test 1: the seed gives that public key. */
static void test_known(void **state)
{
	static const char text[] = "ceno-key-v1 secret\nname rfc 8032\ntest 1\n"
				   "key 9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60\n";
	static const uint8_t expected[4] = { 0xd7, 0x5a, 0x98, 0x01 };
	struct ceno_key key;

	(void)state;
	assert_int_equal(ceno_key_parse(&key, text, sizeof text - 1), 0);
	assert_memory_equal(key.public_key, expected, 4);
}

static void test_refused(void **state)
{
	char text[CENO_KEY_FILE_MAX], longest[65];
	struct ceno_key key;
	size_t n;

	(void)state;
	assert_int_equal(ceno_key_generate(&key, "", true), -1);
	assert_int_equal(ceno_key_generate(&key, "line\nfeed", true), -1);
	memset(longest, 'n', 64);
	longest[64] = '\0';
	assert_int_equal(ceno_key_generate(&key, longest, true), -1);
	longest[63] = '\0';
	assert_int_equal(ceno_key_generate(&key, longest, true), 0);
	n = ceno_key_format(&key, true, text);
	assert_true(n < CENO_KEY_FILE_MAX);
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(ceno_key_parse(&key, text, cut), -1);
	for (size_t i = 0; i < n; i++) { /* other letters in the name and other digits in the key are other keys */
		char old = text[i];

		text[i] = '\x01';
		assert_int_equal(ceno_key_parse(&key, text, n), -1);
		assert_true(sodium_is_zero((const uint8_t *)&key, sizeof key));
		text[i] = old;
	}
	text[n - 2] = 'A'; /* hexadecimal, but not as we write it */
	assert_int_equal(ceno_key_parse(&key, text, n), -1);
}

static void test_trust(void **state)
{
	struct ceno_trust trust;
	struct ceno_key key;

	(void)state;
	assert_int_equal(ceno_key_generate(&key, "unit test", true), 0);
	ceno_key_trust(&key, &trust);
	assert_int_equal(ceno_trust_check(&trust), CENO_STOP_NONE);
	assert_int_equal(trust.test_key, 1);
	assert_string_equal(trust.name, "unit test");
	assert_memory_equal(trust.public_key, key.public_key, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_trust),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
