/*
 * Writes the corpus that every verifier must agree on: proof-corpus DIR. One file a
 * case, JSON: the proof in base64, what the verifier knows and asks, and the verdict.
 * The cases are the forgeries of tests/unit/verify and honest proofs of several shapes;
 * tests/vectors/README.md has the form.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/verify/forgeries.h"

static const char *folder;
static uint32_t cases;

static const char *const key_names[] = { "none", "software", "vtpm", "ftpm", "dtpm" };
static const char *const code_names[] = { "none", "boot", "runtime" };

static FILE *open_case(const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s.json", folder, name);
	FILE *out = fopen(path, "w");
	if (out == NULL) {
		perror(path);
		exit(1);
	}
	return out;
}

static void put_hex(FILE *out, const char *key, const uint8_t *bytes, size_t n)
{
	char hex[2 * 32 + 1];
	fprintf(out, "\"%s\":\"%s\"", key, sodium_bin2hex(hex, sizeof(hex), bytes, n));
}

/* Line ends become the two characters of JSON's escape. */
static void put_pins(FILE *out)
{
	static char text[16384];
	int n = policy.pins != NULL ? ceno_verify_pins_format(policy.pins, text, sizeof(text)) : 0;
	if (n < 0)
		abort();
	if (n == 0) {
		fputs("\"pins\":null", out);
		return;
	}
	fputs("\"pins\":\"", out);
	for (int i = 0; i < n; i++)
		fputs(text[i] == '\n' ? "\\n" : (char[]){ text[i], '\0' }, out);
	fputc('"', out);
}

static void put_policy(FILE *out)
{
	put_pins(out);
	fputc(',', out);
	if (policy.rp_nonce != NULL)
		put_hex(out, "nonce", policy.rp_nonce, 32);
	else
		fputs("\"nonce\":null", out);
	fprintf(out, ",\"key\":\"%s\",\"code\":\"%s\",\"refuse_test_key\":%s,\"seen\":[", key_names[policy.key_floor],
	        code_names[policy.code_floor], policy.refuse_test_key ? "true" : "false");
	for (uint32_t i = 0; i < policy.seen_count; i++) {
		const struct ceno_verify_seen *s = &policy.seen[i];
		fputs(i == 0 ? "{" : ",{", out);
		put_hex(out, "ak", s->ak, 32);
		fputc(',', out);
		put_hex(out, "session_id", s->session_id, 16);
		fprintf(out, ",\"launch_index\":%llu,", (unsigned long long)s->launch_index);
		put_hex(out, "c8", s->c8, 32);
		fputc('}', out);
	}
	fputc(']', out);
}

/* The case that `f` and `policy` are now. code CENO_VERIFY_CODE_COUNT: it verifies. */
static void write_case(const char *name, uint32_t code)
{
	static char b64[sodium_base64_ENCODED_LEN(CENO_CDP_FILE_MAX + 1, sodium_base64_VARIANT_ORIGINAL)];
	static uint8_t proof[CENO_CDP_FILE_MAX + 1];
	const struct ceno_verify_code_info *info = code == CENO_VERIFY_CODE_COUNT ? NULL : ceno_verify_code_info(code);
	FILE *out = open_case(name);
	memcpy(proof, f.file, f.file_bytes < sizeof(f.file) ? f.file_bytes : sizeof(f.file));
	fprintf(out, "{\"name\":\"%s\",\"verdict\":{\"code\":%u,\"stage\":%u,\"exit\":%u},", name,
	        info != NULL ? info->number : 0, info != NULL ? info->stage : 0, info != NULL ? info->exit_status : 0);
	put_policy(out);
	fprintf(out, ",\"proof\":\"%s\"}\n",
	        sodium_bin2base64(b64, sizeof(b64), proof, f.file_bytes, sodium_base64_VARIANT_ORIGINAL));
	if (fclose(out) != 0) {
		perror(name);
		exit(1);
	}
	cases++;
}

static void write_honest(void)
{
	for (uint32_t with_nv = 0; with_nv < 2; with_nv++)
		for (uint32_t passes = 1; passes <= CENO_PROOF_PASSES_MAX; passes += 2) {
			char name[64];
			start();
			f.with_nv = with_nv;
			f.foreign_leaves = 3 * passes + with_nv;
			f.statement.overwrite.passes = f.statement.sanitization.passes = passes;
			policy.rp_nonce = f.statement.core.rp_nonce;
			fixture_redo(&f);
			snprintf(name, sizeof(name), "honest-%u-%s", passes, with_nv ? "counter" : "plain");
			write_case(name, CENO_VERIFY_CODE_COUNT);
		}
}

int main(int argc, char **argv)
{
	if (argc != 2 || sodium_init() < 0) {
		fputs("usage: proof-corpus DIR\n", stderr);
		return 2;
	}
	folder = argv[1];
	write_honest();
	for (size_t i = 0; i < forgery_count; i++) {
		start();
		forgeries[i].forge();
		write_case(forgeries[i].name + 2, forgeries[i].code); /* without v_ */
	}
	printf("%u cases\n", cases);
	return 0;
}
