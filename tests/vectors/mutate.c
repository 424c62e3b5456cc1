/*
 * Every byte of one proof changed in two ways, and what the C verifier says:
 *
 *   proof-mutate PROOF PINS     a line a change: offset, which change, reason code
 *
 * The first change flips bit (offset mod 8); the second takes the next character of
 * the same class, which keeps the text plausible. The verifiers in tests/verifiers
 * make the same changes; their lines must be the same, and none may say 0. Without
 * CENO_MUTATE_ALL in the environment each byte has one of the two, by turns.
 */
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include "attest/verify/verify.h"

static size_t load(const char *path, void *out, size_t capacity)
{
	FILE *in = fopen(path, "rb");
	size_t n = in != NULL ? fread(out, 1, capacity, in) : 0;
	if (in == NULL || fclose(in) != 0 || n == 0) {
		perror(path);
		exit(2);
	}
	return n;
}

static uint8_t neighbour(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return (uint8_t)(c == '9' ? '0' : c + 1);
	if ((c >= 'a' && c < 'z') || (c >= 'A' && c < 'Z'))
		return (uint8_t)(c + 1);
	return c == 'z' ? 'a' : c == 'Z' ? 'A' : (uint8_t)(c ^ 0x15);
}

int main(int argc, char **argv)
{
	static uint8_t file[2 * CENO_CDP_FILE_MAX];
	static char text[65536];
	static struct ceno_verify_pins pins;
	static struct ceno_verify_result result;
	struct ceno_verify_policy policy;
	bool all = getenv("CENO_MUTATE_ALL") != NULL;
	uint32_t line, survivors = 0;
	if (argc != 3 || sodium_init() < 0)
		return 2;
	size_t bytes = load(argv[1], file, sizeof(file));
	if (ceno_verify_pins_parse(text, load(argv[2], text, sizeof(text)), &pins, &line) != 0)
		return 2;
	ceno_verify_policy_init(&policy);
	policy.pins = &pins;
	if (ceno_verify(file, bytes, &policy, &result) != 0 || result.exit_status != 0) {
		fprintf(stderr, "%s does not verify\n", argv[1]);
		return 2;
	}
	for (size_t i = 0; i < bytes; i++) {
		uint8_t old = file[i], changed[2] = { (uint8_t)(old ^ 1u << i % 8), neighbour(old) };
		for (int k = 0; k < 2; k++) {
			if (!all && (size_t)k != i % 2)
				continue;
			file[i] = changed[k];
			if (ceno_verify(file, bytes, &policy, &result) != 0)
				return 2;
			bool fine = result.verdict == CENO_VERIFY_CODE_COUNT;
			survivors += fine;
			printf("%zu %d %u\n", i, k, fine ? 0 : ceno_verify_code_info(result.verdict)->number);
		}
		file[i] = old;
	}
	return survivors > 0;
}
