/*
 * Each field changed, all later hashes recomputed. Every character of the payload
 * and of the seal is changed to a neighbour of its class; whatever still parses is
 * a changed field, and three attackers carry it as far as they can:
 *
 *   editor    has no key: recomputes subject, step 7, step 8
 *   operator  has a session key of their own, not the log's nor the TPM's
 *   impostor  has a log and a TPM of their own, and takes this node's name
 *
 * None may get exit status 0, and each fails where their power ends.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <string.h>
#include "attest/proof/schema.h"
#include "attest/verify/ladder.h"
#include "tests/lib/proof_fixture.h"

static struct fixture honest, f;
static struct ceno_verify_policy policy;
static struct ceno_verify_result result;
static struct ceno_json_token tokens[CENO_LADDER_TOKENS];
static struct ceno_proof_document document;
static uint32_t verdicts[CENO_VERIFY_CODE_COUNT + 1];

static int setup(void **state)
{
	(void)state;
	fixture_init(&honest);
	fixture_redo(&honest);
	ceno_verify_policy_init(&policy);
	policy.pins = &honest.pins;
	return 0;
}

static char other(char c)
{
	if (c >= '0' && c <= '9')
		return (char)(c == '9' ? '0' : c + 1);
	if ((c >= 'a' && c <= 'y') || (c >= 'A' && c <= 'Y'))
		return (char)(c + 1);
	return c == 'z' ? 'a' : c == 'Z' ? 'A' : c;
}

/* The honest payload with byte i changed, as a document. False: no longer a payload in form. */
static bool changed_document(size_t i)
{
	static uint8_t text[CENO_PAYLOAD_MAX];
	struct ceno_json json;
	uint32_t bad;
	memcpy(text, honest.payload, honest.payload_bytes);
	text[i] = (uint8_t)other((char)text[i]);
	if (text[i] == honest.payload[i])
		return false;
	memset(&document, 0, sizeof(document));
	if (ceno_json_read(&json, text, honest.payload_bytes, tokens, CENO_LADDER_TOKENS) != 0 ||
	    ceno_schema_read(&ceno_schema_document, &json, 0, &document, &bad) != 0)
		return false;
	/* Recomputing undoes a change of a recomputed field: then there is nothing changed. */
	return memcmp(&document.statement.chain, &honest.statement.chain, sizeof(document.statement.chain)) == 0 &&
	    memcmp(document.subject, honest.chain[0], 32) == 0;
}

static uint32_t verdict_of(void)
{
	assert_int_equal(ceno_verify(f.file, f.file_bytes, &policy, &result), 0);
	assert_int_not_equal(result.exit_status, 0);
	verdicts[result.verdict]++;
	return ceno_verify_code_info(result.verdict)->stage;
}

static void editor(size_t i)
{
	f = honest;
	f.statement = document.statement;
	fixture_sign(&f);
	memcpy(f.signature, honest.signature, 64);
	fixture_step8(&f);
	fixture_write(&f);
	uint32_t stage = verdict_of();
	if (stage > 5)
		fail_msg("payload byte %zu: the editor came to stage %u", i, stage);
}

static void operator_of_the_host(size_t i)
{
	uint8_t seed[32] = { 5 };
	f = honest;
	f.statement = document.statement;
	crypto_sign_ed25519_seed_keypair(f.statement.core.signer_pub, f.session_secret, seed);
	fixture_roots(&f);
	fixture_sign(&f);
	fixture_step8(&f);
	fixture_write(&f);
	uint32_t stage = verdict_of();
	if (stage > 8)
		fail_msg("payload byte %zu: the operator came to stage %u", i, stage);
}

static void impostor(size_t i)
{
	uint8_t seed[32] = { 6 };
	f = honest;
	f.statement = document.statement;
	crypto_sign_ed25519_seed_keypair(f.seal.node.log_pub, f.log_secret, seed);
	seed[0]++; /* not the same key in two roles */
	crypto_sign_ed25519_seed_keypair(f.statement.core.signer_pub, f.session_secret, seed);
	f.signing_ak = f.second_ak;
	fixture_redo(&f);
	uint32_t stage = verdict_of();
	if (stage > 11)
		fail_msg("payload byte %zu: the impostor came to stage %u", i, stage);
}

static void payload_fields(void **state)
{
	uint32_t changed = 0;
	(void)state;
	for (size_t i = 0; i < honest.payload_bytes; i++) {
		if (!changed_document(i))
			continue;
		changed++;
		editor(i);
		operator_of_the_host(i);
		if (i % 4 == 0) /* needs two P-256 signatures each */
			impostor(i);
	}
	assert_true(changed > 1000);
	print_message("%u changed payloads in form, by three attackers\n", changed);
}

/* The same for the seal: a changed field with the quote made again by another TPM. */
static void seal_fields(void **state)
{
	static uint8_t text[CENO_CDP_FILE_MAX];
	static struct ceno_proof_envelope envelope;
	uint32_t changed = 0, bad;
	struct ceno_json json;
	(void)state;
	size_t from = (size_t)((uint8_t *)memmem(honest.file, honest.file_bytes, "\"seal\"", 6) - honest.file);
	for (size_t i = from; i < honest.file_bytes; i++) {
		memcpy(text, honest.file, honest.file_bytes);
		text[i] = (uint8_t)other((char)text[i]);
		memset(&envelope, 0, sizeof(envelope));
		if (text[i] == honest.file[i] ||
		    ceno_json_read(&json, text, honest.file_bytes, tokens, CENO_LADDER_TOKENS) != 0 ||
		    ceno_schema_read(&ceno_schema_envelope, &json, 0, &envelope, &bad) != 0)
			continue;
		f = honest;
		f.seal = envelope.seal;
		f.signing_ak = f.second_ak;
		fixture_quote(&f);
		fixture_write(&f);
		uint32_t stage = verdict_of();
		if (stage > 11)
			fail_msg("file byte %zu: stage %u", i, stage);
		changed++;
	}
	assert_true(changed > 1000);
	print_message("%u changed seals, quoted again by another TPM\n", changed);
	for (uint32_t i = 0; i < CENO_VERIFY_CODE_COUNT; i++)
		if (verdicts[i] > 0)
			print_message("%5u %s\n", verdicts[i], ceno_verify_code_info(i)->name);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(payload_fields), cmocka_unit_test(seal_fields) };
	return cmocka_run_group_tests(tests, setup, NULL);
}
