/*
 * What a verifier is given beside a proof: each line of a policy file and of
 * reference values read, and each way to be malformed refused with its line.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "asked.h"

#define HASH  "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HASH2 "sha256:10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY2  "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SIG   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw=="
#define HEAD  "ceno-policy 1\n"

static struct ceno_verify_rules rules;
static struct ceno_verify_reference reference;

static int parse(const char *text, uint32_t *line)
{
	return ceno_verify_rules_parse(text, strlen(text), &rules, line);
}

static void every_line(void **state)
{
	static const char text[] = HEAD
	    "key ftpm\ncode runtime\nmemory sample:3\nrefuse test-key\npasses 2\ncause exit\n"
	    "cause ttl\nclassification PHI\njurisdiction OTHER\nhost swap off\nhost npt on\n"
	    "platform " HASH "\nplatform " HASH2 "\nsigner " KEY "\nauthority " KEY2 " vtpm\n"
	    "enrolled " HASH " dtpm none 18446744073709551615\nvouched " HASH " vtpm " HASH2 " 7 " KEY2 " " SIG "\n";
	struct ceno_verify_policy policy;
	uint32_t line;
	(void)state;
	assert_int_equal(parse(text, &line), 0);
	assert_int_equal(rules.key_floor, CENO_KEY_FTPM);
	assert_int_equal(rules.code_floor, CENO_TRUST_RUNTIME);
	assert_int_equal(rules.causes, 1u << CENO_CAUSE_EXIT | 1u << CENO_CAUSE_TTL);
	assert_int_equal(rules.classification, CENO_PROOF_CLASS_PHI);
	assert_int_equal(rules.jurisdiction, CENO_PROOF_LAND_OTHER);
	assert_int_equal(rules.facts[0], CENO_PROOF_FACT_ON);
	assert_int_equal(rules.facts[1], CENO_PROOF_FACT_OFF);
	assert_int_equal(rules.facts[2], 0);
	assert_int_equal(rules.platform_count, 2);
	assert_int_equal(rules.passes, 2);
	assert_int_equal(rules.enrolment_count, 2);
	assert_int_equal(rules.enrolments[0].until, UINT64_MAX);
	assert_int_equal(rules.enrolments[1].is_vouched, 1);
	assert_int_equal(rules.enrolments[1].ek[0], 0x10);
	ceno_verify_policy_init(&policy);
	assert_true(policy.as_of == CENO_VERIFY_NO_TIME); /* whatever ends has ended */
	ceno_verify_policy_apply(&policy, &rules);
	assert_int_equal(policy.memory, CENO_MEMORY_SAMPLE);
	assert_int_equal(policy.sample, 3);
	assert_int_equal(policy.refuse_test_key, 1);
	assert_int_equal(policy.key_floor, CENO_KEY_FTPM);
	assert_int_equal(parse(HEAD "code boot\n", &line), 0); /* no key line: pinned, as without a policy */
	assert_int_equal(rules.key_floor, CENO_KEY_SOFTWARE);
}

static void refused_policies(void **state)
{
	static const struct {
		const char *text;
		int error;
		uint32_t line;
	} cases[] = {
		{ "", CENO_VERIFY_PIN_E_EMPTY, 1 },
		{ HEAD, CENO_VERIFY_PIN_E_EMPTY, 2 },
		{ "ceno-policy 2\nkey none\n", CENO_VERIFY_PIN_E_FORM, 1 },
		{ "ceno-pins 1\nkey none\n", CENO_VERIFY_PIN_E_FORM, 1 },
		{ "ceno-policy 1", CENO_VERIFY_PIN_E_FORM, 1 },
		{ HEAD "key none", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "key  none\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "key none \n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "Key none\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "key tpm\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "key none\nkey none\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ HEAD "code boot\ncode boot\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ HEAD "memory most\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "memory sample:0\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "memory sample:8\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "memory full\nmemory none\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ HEAD "refuse\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "refuse everything\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "passes 0\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "passes 8\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "passes 01\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "cause\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "cause exit\ncause exit\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ HEAD "classification none\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "jurisdiction DE\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "host swap\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "host swap unknown\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "host color on\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "host swap on\nhost swap off\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ HEAD "platform none\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "platform " HASH "\nplatform " HASH "\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ HEAD "signer " HASH "\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "signer " KEY "\nsigner " KEY "\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ HEAD "authority " KEY " software\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "authority " KEY " vtpm\nauthority " KEY " dtpm\n", CENO_VERIFY_PIN_E_FORM, 3 },
		{ HEAD "enrolled " HASH " software none 1\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "enrolled " HASH " dtpm none\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "enrolled " HASH " dtpm some 1\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "enrolled " HASH " dtpm none 18446744073709551616\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "vouched " HASH " dtpm none 1 " KEY "\n", CENO_VERIFY_PIN_E_FORM, 2 },
		{ HEAD "vouched " HASH " dtpm none 1 " KEY " " KEY "\n", CENO_VERIFY_PIN_E_FORM, 2 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t line = 99;
		int rc = parse(cases[i].text, &line);
		if (rc != cases[i].error || line != cases[i].line)
			fail_msg("case %zu: %d at line %u\n%s", i, rc, line, cases[i].text);
	}
}

/* As many entries as a list has room for, and one more. */
static void full_lists(void **state)
{
	static char text[16384];
	static const char *const forms[] = { "platform sha256:%064x\n", "enrolled sha256:%064x dtpm none 1\n" };
	uint32_t line;
	(void)state;
	for (int form = 0; form < 2; form++)
		for (uint32_t count = CENO_VERIFY_LIST_MAX; count <= CENO_VERIFY_LIST_MAX + 1; count++) {
			size_t n = (size_t)snprintf(text, sizeof(text), HEAD);
			for (uint32_t i = 0; i < count; i++) {
				char entry[160];
				snprintf(entry, sizeof(entry), form == 0 ? forms[0] : forms[1], i + 1);
				n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", entry);
			}
			assert_int_equal(parse(text, &line) == 0, count <= CENO_VERIFY_LIST_MAX);
		}
}

/* A text with a good signature of key 1 behind `lines`. */
static const char *signed_text(const char *lines)
{
	static char text[16384];
	static uint8_t message[16384];
	uint8_t secret[64], signature[64];
	char b64[96];
	const char *key = asked_key(1, secret);
	size_t n = strlen(lines);
	memcpy(message, "CDP/v1/reference", 17);
	memcpy(message + 17, lines, n);
	crypto_sign_ed25519_detached(signature, NULL, message, 17 + n, secret);
	snprintf(text, sizeof(text), "%ssignature %s %s\n", lines, key,
	         sodium_bin2base64(b64, sizeof(b64), signature, 64, sodium_base64_VARIANT_ORIGINAL));
	return text;
}

#define REF "ceno-reference 1\nvalid 5 9\n"

static void reference_values(void **state)
{
	static const char good[] =
	    REF "runtime\nplatform " HASH "\npcr 0 " HASH "\npcr 0 " HASH2 "\npcr 15 " HASH "\nevent-log " HASH "\n";
	static const char *const bad[] = {
		"ceno-reference 2\nvalid 5 9\nplatform " HASH "\npcr 0 " HASH "\n",
		"ceno-reference 1\nplatform " HASH "\nvalid 5 9\npcr 0 " HASH "\n",
		REF "platform " HASH "\n",
		REF "pcr 0 " HASH "\n",
		REF "platform " HASH "\npcr 16 " HASH "\n",
		REF "platform " HASH "\npcr 00 " HASH "\n",
		REF "platform " HASH "\npcr 0 none\n",
		REF "runtime\nruntime\nplatform " HASH "\npcr 0 " HASH "\n",
		REF "runtime yes\nplatform " HASH "\npcr 0 " HASH "\n",
		REF "valid 5 9\nplatform " HASH "\npcr 0 " HASH "\n",
		REF "color blue\nplatform " HASH "\npcr 0 " HASH "\n",
		"ceno-reference 1\nvalid 5\nplatform " HASH "\npcr 0 " HASH "\n",
	};
	char text[4096];
	uint32_t line;
	(void)state;
	strcpy(text, signed_text(good));
	assert_int_equal(ceno_verify_reference_parse(text, strlen(text), &reference, &line), 0);
	assert_int_equal(reference.pcr_count, 3);
	assert_int_equal(reference.runtime, 1);
	assert_true(reference.from == 5 && reference.until == 9);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *one = signed_text(bad[i]);
		if (ceno_verify_reference_parse(one, strlen(one), &reference, &line) != CENO_VERIFY_PIN_E_FORM)
			fail_msg("reference values %zu were accepted", i);
	}
	/* Every byte is under the signature, or is it: no change passes; nor does a cut, or more behind the end. */
	for (size_t i = 0, n = strlen(text); i < n; i++) {
		char old = text[i];
		text[i] = (char)(old ^ 1);
		assert_int_not_equal(ceno_verify_reference_parse(text, n, &reference, &line), 0);
		text[i] = old;
		assert_int_not_equal(ceno_verify_reference_parse(text, i, &reference, &line), 0);
	}
	strcat(text, "pcr 1 " HASH "\n");
	assert_int_not_equal(ceno_verify_reference_parse(text, strlen(text), &reference, &line), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line),
		cmocka_unit_test(refused_policies),
		cmocka_unit_test(full_lists),
		cmocka_unit_test(reference_values),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
