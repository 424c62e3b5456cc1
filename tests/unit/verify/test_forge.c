/*
 * Every forgery must fail at its own check, with its own exit status and nothing
 * before it; and with that one check switched off (test build of the verifier) the
 * same file must pass it: then the check is what catches it, not luck.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attest/verify/ladder.h"
#include "forgeries.h"

static struct ceno_verify_result result;
static struct ceno_verify_seen seen;

static void verify(void)
{
	assert_int_equal(ceno_verify(f.file, f.file_bytes, &policy, &result), 0);
}

static const char *name_of(uint32_t code)
{
	return code < CENO_VERIFY_CODE_COUNT ? ceno_verify_code_info(code)->name : "none";
}

static void honest_proofs_verify(void **state)
{
	(void)state;
	for (int with_nv = 0; with_nv < 2; with_nv++)
		for (uint32_t passes = 1; passes <= CENO_PROOF_PASSES_MAX; passes += 3) {
			start();
			f.with_nv = (uint32_t)with_nv;
			f.statement.overwrite.passes = f.statement.sanitization.passes = passes;
			policy.rp_nonce = f.statement.core.rp_nonce;
			fixture_redo(&f);
			verify();
			if (result.exit_status != 0)
				fail_msg("an honest proof: %s %s", name_of(result.verdict), result.detail);
			assert_int_equal(result.key, CENO_KEY_SOFTWARE);
			assert_int_equal(result.passes_checked, passes);
			assert_memory_equal(result.chain, f.chain, sizeof(f.chain));
			for (uint32_t i = 0; i < CENO_VERIFY_CODE_COUNT; i++)
				assert_int_not_equal(result.status[i], CENO_CHECK_FAIL);
		}
}

static void each_forgery_fails_at_its_own_check(void **state)
{
	(void)state;
	for (size_t i = 0; i < forgery_count; i++) {
		start();
		forgeries[i].forge();
		verify();
		if (result.verdict != forgeries[i].code ||
		    result.exit_status != ceno_verify_code_info(forgeries[i].code)->exit_status)
			fail_msg("%s: verdict %s (%s), exit %u", forgeries[i].name, name_of(result.verdict),
			         result.detail, result.exit_status);
		for (uint32_t j = 0; j < forgeries[i].code; j++)
			assert_int_not_equal(result.status[j], CENO_CHECK_FAIL);
		for (uint32_t j = forgeries[i].code + 1; j < CENO_VERIFY_CODE_COUNT; j++)
			assert_int_equal(result.status[j], CENO_CHECK_NOT_RUN);
	}
	print_message("%zu forgeries\n", forgery_count);
}

/* Without its check the forgery gets past it: it verifies, or fails further up the ladder. Of each code at
 * least one verifies to the end. The one exception is FILE_SIZE, a bound on work: whatever is longer is no
 * proof for another reason too, because every part of a proof is bounded (unit_proof_build). */
static void each_check_is_what_catches_it(void **state)
{
	bool to_the_end[CENO_VERIFY_CODE_COUNT] = { [CENO_VERIFY_FILE_SIZE] = true };
	size_t verified = 0;
	(void)state;
	for (size_t i = 0; i < forgery_count; i++) {
		start();
		forgeries[i].forge();
		ceno_verify_skip = forgeries[i].code;
		verify();
		ceno_verify_skip = CENO_VERIFY_CODE_COUNT;
		if (result.verdict <= forgeries[i].code)
			fail_msg("%s: still %s", forgeries[i].name, name_of(result.verdict));
		verified += result.exit_status == 0;
		to_the_end[forgeries[i].code] |= result.exit_status == 0;
	}
	for (uint32_t code = 0; code < CENO_VERIFY_CODE_COUNT; code++)
		if (!to_the_end[code])
			fail_msg("%s: no forgery verifies to the end without it", name_of(code));
	print_message("%zu of %zu would verify without their one check; the others fail at a later one\n", verified,
	              forgery_count);
}

static void every_code_has_a_vector(void **state)
{
	(void)state;
	for (uint32_t code = 0; code < CENO_VERIFY_CODE_COUNT; code++) {
		size_t i = 0;
		while (i < forgery_count && forgeries[i].code != code)
			i++;
		if (i == forgery_count)
			fail_msg("%s has no vector", name_of(code));
	}
}

/* --explain gives the same verdict and goes on: here two lies, both reported. */
static void explain_goes_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < forgery_count; i++) {
		start();
		policy.explain = 1;
		forgeries[i].forge();
		verify();
		if (result.verdict != forgeries[i].code)
			fail_msg("%s explained: %s", forgeries[i].name, name_of(result.verdict));
	}
	start();
	policy.explain = 1;
	f.statement.isolation.tasks_left = 1;
	f.statement.forensic.mismatches = 2;
	fixture_redo(&f);
	verify();
	assert_int_equal(result.verdict, CENO_VERIFY_TASKS_LEFT);
	assert_int_equal(result.status[CENO_VERIFY_MISMATCHES], CENO_CHECK_FAIL);
	assert_int_equal(result.status[CENO_VERIFY_AK_UNPINNED], CENO_CHECK_PASS);
}

/* Verifying again is neither rollback nor replay; an older proof of a longer log is not rollback. */
static void again_and_older_are_fine(void **state)
{
	(void)state;
	start();
	fixture_redo(&f);
	verify();
	memcpy(seen.session_id, f.statement.core.session_id, 16);
	seen.launch_index = f.seal.step8.launch_index;
	memcpy(seen.c8, result.chain[8], 32);
	policy.seen = &seen;
	policy.seen_count = 1;
	f.pins.pins[0].size = result.log_size;
	memcpy(f.pins.pins[0].root, result.log_root, 32);
	f.pins.pins[0].clock_ms = result.clock_ms;
	f.pins.pins[0].reset_count = result.reset_count;
	verify();
	assert_int_equal(result.exit_status, 0);
	memset(seen.session_id, 0, 16); /* the same launch index on another node is another launch */
	memset(seen.c8, 1, 32);
	seen.ak[0] = 1;
	verify();
	assert_int_equal(result.exit_status, 0);
	f.pins.pins[0].size += 100;
	f.pins.pins[0].clock_ms += 100;
	verify();
	assert_int_equal(result.exit_status, 0);
}

static void memory_options(void **state)
{
	(void)state;
	start();
	f.statement.overwrite.passes = f.statement.sanitization.passes = 3;
	fixture_roots(&f);
	f.statement.forensic.roots[1][0] ^= 1; /* only pass 2 is wrong */
	fixture_redo_signed(&f);
	policy.memory = CENO_MEMORY_NONE;
	verify();
	assert_int_equal(result.exit_status, 0);
	assert_int_equal(result.status[CENO_VERIFY_MEMORY_ROOT], CENO_CHECK_NOT_RUN);
	policy.memory = CENO_MEMORY_SAMPLE;
	policy.sample = 1;
	for (policy.sample_start = 0; policy.sample_start < 6; policy.sample_start++) {
		verify();
		assert_int_equal(result.verdict == CENO_VERIFY_MEMORY_ROOT, policy.sample_start % 3 == 1);
	}
	policy.sample = 3;
	verify();
	assert_int_equal(result.verdict, CENO_VERIFY_MEMORY_ROOT);
}

/* The verifier of a spooled payload. */
static void payload_alone(void **state)
{
	uint8_t other[32] = { 0 };
	(void)state;
	start();
	fixture_redo(&f);
	assert_int_equal(ceno_verify_payload(f.payload, f.payload_bytes, f.signature, f.statement.core.signer_pub,
	                                     &result),
	                 0);
	assert_int_equal(result.exit_status, 0);
	assert_memory_equal(result.chain, f.chain, 8 * 32);
	assert_int_equal(ceno_verify_payload(f.payload, f.payload_bytes, f.signature, other, &result), 0);
	assert_int_equal(result.verdict, CENO_VERIFY_KEYID);
	f.signature[3] ^= 1;
	assert_int_equal(ceno_verify_payload(f.payload, f.payload_bytes, f.signature, f.statement.core.signer_pub,
	                                     &result),
	                 0);
	assert_int_equal(result.verdict, CENO_VERIFY_SIGNATURE);
	assert_int_equal(ceno_verify_payload(f.payload, f.payload_bytes - 1, f.signature, f.statement.core.signer_pub,
	                                     &result),
	                 0);
	assert_int_equal(result.verdict, CENO_VERIFY_PAYLOAD_JSON);
}

/* Renderings of every forgery fit, end, and state the verdict. */
static void renderings(void **state)
{
	static char text[65536];
	(void)state;
	for (size_t i = 0; i < forgery_count; i++) {
		char code[32];
		start();
		policy.explain = i & 1;
		forgeries[i].forge();
		verify();
		size_t n = ceno_verify_render_text(&result, &policy, text, sizeof(text));
		assert_true(n < sizeof(text) && strlen(text) == n);
		snprintf(code, sizeof(code), "reason %u ", ceno_verify_code_info(result.verdict)->number);
		assert_non_null(strstr(text, code));
		assert_non_null(strstr(text, "What it does not say"));
		n = ceno_verify_render_json(&result, &policy, text, sizeof(text));
		assert_true(n < sizeof(text) && strlen(text) == n);
		snprintf(code, sizeof(code), "\"reason\":{\"code\":%u,", ceno_verify_code_info(result.verdict)->number);
		assert_non_null(strstr(text, code));
		assert_int_equal(ceno_verify_render_json(&result, &policy, text, 10), n);
	}
}

/* A certificate only of what verified, and of that one page of lines that fit it. */
static void certificates(void **state)
{
	static char text[16384], pdf[32768];
	(void)state;
	for (size_t i = 0; i < forgery_count; i++) {
		start();
		forgeries[i].forge();
		verify();
		assert_int_equal(ceno_verify_render_certificate(&result, &policy, text, sizeof(text)), 0);
	}
	start();
	fixture_redo(&f);
	verify();
	struct ceno_verify_policy nobody;
	ceno_verify_policy_init(&nobody);
	nobody.key_floor = CENO_KEY_NONE;
	assert_int_equal(ceno_verify(f.file, f.file_bytes, &nobody, &result), 0);
	assert_int_equal(result.exit_status, 0); /* and still nothing says who made it */
	assert_int_equal(ceno_verify_render_certificate(&result, &nobody, text, sizeof(text)), 0);
	verify();
	size_t n = ceno_verify_render_certificate(&result, &policy, text, sizeof(text)), lines = 0;
	assert_true(n > 0 && n < sizeof(text) && strlen(text) == n);
	assert_non_null(strstr(text, "Category             Clear\n"));
	assert_non_null(strstr(text, "It does not say that no copy exists."));
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, lines++)
		assert_in_range(end - line, 0, 95); /* of 5.4 points: 595 less the margins */
	assert_in_range(lines, 30, 60);
	size_t m = ceno_verify_render_pdf(text, pdf, sizeof(pdf));
	assert_true(m < sizeof(pdf) && strlen(pdf) == m);
	assert_memory_equal(pdf, "%PDF-1.4\n", 9);
	assert_memory_equal(pdf + m - 6, "%%EOF\n", 6);
	/* Each entry of the table of objects points to its object. */
	char *table = strstr(pdf, "xref\n0 6\n");
	assert_non_null(table);
	for (unsigned i = 1; i <= 5; i++) {
		char head[16];
		snprintf(head, sizeof(head), "%u 0 obj", i);
		assert_memory_equal(pdf + strtoul(table + 9 + 20 * i, NULL, 10), head, strlen(head));
	}
	assert_int_equal(strtoul(strstr(pdf, "startxref\n") + 10, NULL, 10), table - pdf);
	char *stream = strstr(pdf, "stream\n") + 7;
	assert_int_equal(strtoul(strstr(pdf, "/Length ") + 8, NULL, 10), strstr(stream, "endstream") - stream);
}

static void code_line(uint32_t code, char *line, size_t capacity)
{
	const struct ceno_verify_code_info *info = ceno_verify_code_info(code);
	snprintf(line, capacity, "| %u | %s | %u | %u | %s |", info->number, info->name, info->stage, info->exit_status,
	         info->text);
}

/* docs/proof-format.md lists exactly these codes; numbers rise with the ladder and none is used twice. */
static void the_document_lists_every_code(void **state)
{
	static char docs[65536];
	uint32_t lines = 0;
	char line[512];
	FILE *in = fopen(CENO_FORMAT_DOCUMENT, "rb");
	(void)state;
	assert_non_null(in);
	docs[fread(docs, 1, sizeof(docs) - 1, in)] = '\0';
	fclose(in);
	for (uint32_t code = 0; code < CENO_VERIFY_CODE_COUNT; code++) {
		const struct ceno_verify_code_info *info = ceno_verify_code_info(code);
		code_line(code, line, sizeof(line));
		if (strstr(docs, line) == NULL)
			fail_msg("docs/proof-format.md lacks: %s", line);
		assert_int_equal(info->number / 100, info->stage);
		assert_true(code == 0 || ceno_verify_code_info(code - 1)->number < info->number);
	}
	for (const char *p = docs; (p = strstr(p, "\n| ")) != NULL; p++)
		lines += p[3] >= '1' && p[3] <= '9';
	assert_int_equal(lines, CENO_VERIFY_CODE_COUNT);
}

static void print_codes(void)
{
	char line[512];
	for (uint32_t code = 0; code < CENO_VERIFY_CODE_COUNT; code++) {
		code_line(code, line, sizeof(line));
		puts(line);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(honest_proofs_verify),
		cmocka_unit_test(each_forgery_fails_at_its_own_check),
		cmocka_unit_test(each_check_is_what_catches_it),
		cmocka_unit_test(every_code_has_a_vector),
		cmocka_unit_test(explain_goes_on),
		cmocka_unit_test(again_and_older_are_fine),
		cmocka_unit_test(memory_options),
		cmocka_unit_test(payload_alone),
		cmocka_unit_test(renderings),
		cmocka_unit_test(certificates),
		cmocka_unit_test(the_document_lists_every_code),
	};
	if (argc == 2 && strcmp(argv[1], "--codes") == 0) {
		print_codes();
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
