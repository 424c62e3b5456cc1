/*
 * Every byte of one proof counts: each byte with one bit flipped and with one
 * other value, each prefix, and the file with a byte more, must fail. The bit and
 * the value are chosen to keep the text plausible where that is possible (another
 * digit, another letter), because those are the changes a careless parser lets by.
 *
 * Without arguments: a proof of the fixture. With PROOF PINS: that file.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/lib/proof_fixture.h"

static struct fixture f;
static struct ceno_verify_policy policy;
static struct ceno_verify_result result;
static uint32_t by_stage[14];

static const char *proof_path, *pins_path;

static size_t load(const char *path, void *out, size_t capacity)
{
	FILE *in = fopen(path, "rb");
	size_t n = in != NULL ? fread(out, 1, capacity, in) : 0;
	if (in != NULL)
		fclose(in);
	return n;
}

static int setup(void **state)
{
	static char pins[1 << 16];
	uint32_t line;
	(void)state;
	fixture_init(&f);
	f.with_nv = 1;
	if (proof_path == NULL) {
		fixture_redo(&f);
	} else {
		f.file_bytes = load(proof_path, f.file, sizeof(f.file) - 1);
		if (ceno_verify_pins_parse(pins, load(pins_path, pins, sizeof(pins)), &f.pins, &line) != 0)
			return -1;
	}
	ceno_verify_policy_init(&policy);
	policy.pins = &f.pins;
	return ceno_verify(f.file, f.file_bytes, &policy, &result) == 0 && result.exit_status == 0 ? 0 : -1;
}

static void must_fail(const uint8_t *file, size_t bytes, size_t at)
{
	assert_int_equal(ceno_verify(file, bytes, &policy, &result), 0);
	if (result.exit_status == 0 || result.verdict == CENO_VERIFY_CODE_COUNT)
		fail_msg("a change at byte %zu was not noticed", at);
	by_stage[ceno_verify_code_info(result.verdict)->stage]++;
}

/* The next character of the same class; any other byte for the rest. */
static uint8_t other_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return (uint8_t)(c == '9' ? '0' : c + 1);
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return (uint8_t)((c & 0x1f) == 6 ? c - 5 : (c & 0x1f) == 26 ? c - 25 : c + 1);
	return (uint8_t)(c ^ 0x15);
}

static void every_byte(void **state)
{
	static uint8_t file[CENO_CDP_FILE_MAX];
	(void)state;
	memcpy(file, f.file, f.file_bytes);
	for (size_t i = 0; i < f.file_bytes; i++) {
		file[i] = (uint8_t)(f.file[i] ^ 1u << i % 8);
		must_fail(file, f.file_bytes, i);
		file[i] = (uint8_t)(f.file[i] ^ 1);
		must_fail(file, f.file_bytes, i);
		file[i] = other_value(f.file[i]);
		must_fail(file, f.file_bytes, i);
		file[i] = f.file[i];
	}
	for (uint32_t stage = 1; stage <= 13; stage++)
		print_message("stage %2u caught %u\n", stage, by_stage[stage]);
	print_message("%zu bytes, 3 changes each\n", f.file_bytes);
}

static void every_prefix_and_suffix(void **state)
{
	(void)state;
	for (size_t n = 0; n < f.file_bytes; n++) {
		/* An exact copy on the heap: a read past the end is a finding of ASan. */
		uint8_t *copy = malloc(n + 1);
		memcpy(copy, f.file, n);
		must_fail(copy, n, n);
		free(copy);
	}
	for (int c = 0; c < 256; c++) {
		f.file[f.file_bytes] = (uint8_t)c;
		must_fail(f.file, f.file_bytes + 1, f.file_bytes);
	}
}

/* Two neighbouring bytes exchanged, wherever that is a change. */
static void every_exchange(void **state)
{
	(void)state;
	for (size_t i = 0; i + 1 < f.file_bytes; i++) {
		uint8_t a = f.file[i], b = f.file[i + 1];
		if (a == b)
			continue;
		f.file[i] = b;
		f.file[i + 1] = a;
		must_fail(f.file, f.file_bytes, i);
		f.file[i] = a;
		f.file[i + 1] = b;
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte),
		cmocka_unit_test(every_prefix_and_suffix),
		cmocka_unit_test(every_exchange),
	};
	if (argc == 3) {
		proof_path = argv[1];
		pins_path = argv[2];
	}
	return cmocka_run_group_tests(tests, setup, NULL);
}
