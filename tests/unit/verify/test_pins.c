/*
 * The pin file: read and written, and each malformed line refused with its line
 * number.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "attest/verify/verify.h"

#define AK   "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define AK2  "sha256:ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define LOG  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define LOG2 "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define HEAD "ceno-pins 1\n"
#define PIN  HEAD "pin a.test/n " AK " " LOG "\n"

static struct ceno_verify_pins pins;

static void round_trip(void **state)
{
	static const char text[] = PIN "seen a.test/n 12 " AK2 " 18446744073709551615 9 4294967295\n"
				       "identity a.test/n " LOG2 "\n"
				       "pin b " AK2 " " LOG2 "\nrevoked " AK "\n";
	char again[1024];
	uint32_t line;
	(void)state;
	assert_int_equal(ceno_verify_pins_parse(text, strlen(text), &pins, &line), 0);
	assert_int_equal(pins.pin_count, 2);
	assert_int_equal(pins.revoked_count, 1);
	assert_string_equal(pins.pins[0].origin, "a.test/n");
	assert_int_equal(pins.pins[0].size, 12);
	assert_int_equal(pins.pins[0].ak[1], 0x11);
	assert_int_equal(pins.pins[1].log_pub[0], 1);
	assert_int_equal(pins.pins[0].identity[0], 1);
	assert_int_equal(pins.pins[1].identity[0], 0);
	assert_int_equal(pins.pins[0].reset_count, UINT32_MAX);
	int n = ceno_verify_pins_format(&pins, again, sizeof(again));
	assert_int_equal(n, (int)strlen(text));
	assert_memory_equal(again, text, strlen(text));
	for (size_t capacity = 0; capacity <= strlen(text); capacity++)
		assert_int_equal(ceno_verify_pins_format(&pins, again, capacity), CENO_VERIFY_PIN_E_SPACE);
}

static void refused(void **state)
{
	static const struct {
		const char *text;
		int error;
		uint32_t line;
	} cases[] = {
		{ "", CENO_VERIFY_PIN_E_EMPTY, 1 },
		{ HEAD, CENO_VERIFY_PIN_E_EMPTY, 2 },
		{ "\n", CENO_VERIFY_PIN_E_FORM, 1 },
		{ "ceno-pins 2\n", CENO_VERIFY_PIN_E_FORM, 1 },
		{ "pin a " AK " " LOG "\n", CENO_VERIFY_PIN_E_FORM, 1 },
		{ HEAD "pin a " AK " " LOG, CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "identity a.test/n " LOG2 "\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ PIN "identity b " LOG2 "\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ PIN "identity a.test/n\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ PIN "identity a.test/n " LOG2 " x\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ PIN "identity a.test/n AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ PIN "identity a.test/n " LOG2 "\nidentity a.test/n " LOG2 "\n", CENO_VERIFY_PIN_E_TWICE, 4 },
		{ HEAD "pin a " AK "  " LOG "\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "pin a " AK " " LOG " \n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD " pin a " AK " " LOG "\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "pin a " AK " " LOG "\r\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "pin a " AK "\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "pin a " AK " " LOG " x\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "pin a,b " AK " " LOG "\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "pin a sha256:00 " LOG "\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "pin a " AK "00 " LOG "\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "pin a " AK " AAAA\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "# comment\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "trust a\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ PIN "\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ PIN "pin a.test/n " AK2 " " LOG2 "\n", CENO_VERIFY_PIN_E_TWICE, 3 },
		{ PIN "pin b " AK " " LOG2 "\n", CENO_VERIFY_PIN_E_TWICE, 3 },
		{ PIN "pin b " AK2 " " LOG "\n", CENO_VERIFY_PIN_E_TWICE, 3 },
		{ PIN "seen b 1 " AK " 0 0 0\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ PIN "seen a.test/n 0 " AK " 0 0 0\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ PIN "seen a.test/n 01 " AK " 0 0 0\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ PIN "seen a.test/n 1 " AK " 0 0 4294967296\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ PIN "seen a.test/n 1 " AK " 18446744073709551616 0 0\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ PIN "seen a.test/n 1 " AK " 0 0 0\nseen a.test/n 1 " AK " 0 0 0\n", CENO_VERIFY_PIN_E_TWICE, 4 },
		{ PIN "revoked " AK "\nrevoked " AK "\n", CENO_VERIFY_PIN_E_TWICE, 4 },
		{ PIN "revoked x\n", CENO_VERIFY_PIN_E_FORM, 3 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t line;
		int rc = ceno_verify_pins_parse(cases[i].text, strlen(cases[i].text), &pins, &line);
		if (rc != cases[i].error || line != cases[i].line)
			fail_msg("case %zu: %d (%s) at line %u", i, rc, ceno_verify_pin_error_text(rc), line);
	}
}

/* A node whose log key was changed: one pin for each key, each with its own state. */
static void two_log_keys(void **state)
{
	static const char text[] = PIN "seen a.test/n 9 " AK " 1 2 3\n"
				       "pin a.test/n " AK " " LOG2 "\nseen a.test/n 12 " AK2 " 4 5 6\n";
	char again[sizeof(text) + 64];
	uint32_t line;
	(void)state;
	assert_int_equal(ceno_verify_pins_parse(text, strlen(text), &pins, &line), 0);
	assert_int_equal(pins.pin_count, 2);
	assert_int_equal(pins.pins[0].size, 9);
	assert_int_equal(pins.pins[1].size, 12);
	assert_int_equal(pins.pins[1].reset_count, 6);
	assert_int_equal(ceno_verify_pins_format(&pins, again, sizeof(again)), strlen(text));
	assert_string_equal(again, text);
}

static void too_many(void **state)
{
	static char text[CENO_VERIFY_PINS_MAX * 160 + 200];
	size_t n = 0;
	uint32_t line;
	(void)state;
	n += (size_t)sprintf(text, HEAD);
	for (uint32_t i = 0; i <= CENO_VERIFY_REVOKED_MAX; i++)
		n += (size_t)sprintf(text + n, "revoked sha256:%064x\n", i);
	assert_int_equal(ceno_verify_pins_parse(text, n, &pins, &line), CENO_VERIFY_PIN_E_MANY);
	assert_int_equal(line, CENO_VERIFY_REVOKED_MAX + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(round_trip), cmocka_unit_test(refused),
		                            cmocka_unit_test(too_many), cmocka_unit_test(two_log_keys) };
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
