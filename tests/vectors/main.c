/*
 * The corpus that every verifier must agree on.
 *
 *   proof-corpus DIR      one file a case: the proof, what is asked, the verdict (README.md)
 *   proof-corpus --check  the C verifier over it; and with the check that a case is for left
 *                         out, the case passes it (so each check removed is noticed)
 *   proof-corpus --example DIR  the proof of docs/example, one with a forged quote, and the pin file
 *   proof-corpus --large DIR    a proof of 256 MiB of memory, all of it touched, and the pin file
 *   proof-corpus --digest one SHA-256 over all cases: the same in each run
 */
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attest/verify/ladder.h"
#include "vectors.h"

static const char *folder; /* NULL: check */
static uint32_t cases, wrong, unnoticed, to_the_end[CENO_VERIFY_CODE_COUNT], of_code[OK + 1];
static crypto_hash_sha256_state all;
static struct ceno_verify_result result;

static const char *const key_names[] = { "none", "software", "vtpm", "ftpm", "dtpm" };
static const char *const code_names[] = { "none", "boot", "runtime" };

void vector_broken(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	abort();
}

void vector_resign(void)
{
	fixture_sign_quote(&f);
	fixture_write(&f);
}

static void put_hex(FILE *out, const char *key, const uint8_t *bytes, size_t n)
{
	char hex[2 * 32 + 1];
	if (bytes == NULL)
		fprintf(out, "\"%s\":null", key);
	else
		fprintf(out, "\"%s\":\"%s\"", key, sodium_bin2hex(hex, sizeof(hex), bytes, n));
}

/* A text as a JSON string; bytes outside ASCII (a checkpoint's dash) as two characters of Latin-1. */
static void put_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\' || c < 0x20 || c > 0x7e)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void put_pins(FILE *out)
{
	static char text[16384];
	int n = policy.pins != NULL ? ceno_verify_pins_format(policy.pins, text, sizeof(text)) : 0;
	MUST(n >= 0);
	fputs("\"pins\":", out);
	if (n == 0)
		fputs("null", out);
	else
		put_text(out, text);
}

static void put_texts(FILE *out)
{
	fputs(",\"policy\":", out);
	if (asked.rules[0] != '\0')
		put_text(out, asked.rules);
	else
		fputs("null", out);
	fputs(",\"references\":[", out);
	for (uint32_t i = 0; i < asked.reference_count; i++) {
		fputs(i == 0 ? "" : ",", out);
		put_text(out, asked.references[i]);
	}
	fputs("],\"compare\":", out);
	if (policy.compare != NULL)
		put_text(out, asked.compare);
	else
		fputs("null", out);
	if (policy.as_of == CENO_VERIFY_NO_TIME)
		fputs(",\"as_of\":null", out);
	else
		fprintf(out, ",\"as_of\":\"%llu\"", (unsigned long long)policy.as_of);
}

static void put_bytes(FILE *out, const char *key, const uint8_t *bytes, size_t n)
{
	static char b64[sodium_base64_ENCODED_LEN(sizeof(events.bytes), sodium_base64_VARIANT_ORIGINAL)];
	MUST(n <= sizeof(events.bytes));
	if (bytes == NULL)
		fprintf(out, ",\"%s\":null", key);
	else
		fprintf(out, ",\"%s\":\"%s\"", key,
		        sodium_bin2base64(b64, sizeof(b64), bytes, n, sodium_base64_VARIANT_ORIGINAL));
}

static void put_policy(FILE *out)
{
	put_pins(out);
	put_texts(out);
	put_bytes(out, "event_log", policy.event_log, policy.event_log_bytes);
	put_bytes(out, "ima", policy.ima, policy.ima_bytes);
	fputc(',', out);
	put_hex(out, "nonce", policy.rp_nonce, 32);
	fputc(',', out);
	put_hex(out, "request", policy.request, 32);
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

static void write_case(FILE *out, const char *name, uint32_t code)
{
	static char b64[sodium_base64_ENCODED_LEN(2 * CENO_CDP_FILE_MAX, sodium_base64_VARIANT_ORIGINAL)];
	static uint8_t proof[2 * CENO_CDP_FILE_MAX];
	const struct ceno_verify_code_info *info = code < OK ? ceno_verify_code_info(code) : NULL;
	MUST(f.file_bytes <= sizeof(proof));
	memset(proof, 0, sizeof(proof));
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
}

static uint32_t verdict(uint32_t without)
{
	static uint8_t file[2 * CENO_CDP_FILE_MAX];
	memcpy(file, f.file, f.file_bytes < sizeof(f.file) ? f.file_bytes : sizeof(f.file));
	ceno_verify_skip = without;
	MUST(ceno_verify(file, f.file_bytes, &policy, &result) == 0);
	ceno_verify_skip = OK;
	return result.verdict;
}

static void check_case(const char *name, uint32_t code)
{
	uint32_t found = verdict(OK);
	if (code == ANY_REASON ? found == OK : found != code) {
		printf("%s: %s, expected %s\n", name, found < OK ? ceno_verify_code_info(found)->name : "verified",
		       code < OK        ? ceno_verify_code_info(code)->name
		           : code == OK ? "verified"
		                        : "any reason");
		wrong++;
	}
	of_code[found]++;
	if (found == OK)
		return;
	uint32_t after = verdict(found);
	to_the_end[found] += result.exit_status == 0;
	if (after == found) {
		printf("%s: not noticed when %s is left out\n", name, ceno_verify_code_info(found)->name);
		unnoticed++;
	}
}

void vector(uint32_t code, const char *format, ...)
{
	char name[128], *text = NULL;
	size_t bytes = 0;
	va_list args;
	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	cases++;
	if (folder == NULL) {
		check_case(name, code);
		return;
	}
	if (code == ANY_REASON)
		code = verdict(OK);
	FILE *out = strcmp(folder, "--digest") == 0 ? open_memstream(&text, &bytes) : open_case(name);
	write_case(out, name, code);
	crypto_hash_sha256_update(&all, (const unsigned char *)text, bytes);
	free(text);
}

static void write_file(const char *name, const void *bytes, size_t length)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *out = fopen(path, "wb");
	if (out == NULL || fwrite(bytes, 1, length, out) != length || fclose(out) != 0) {
		perror(path);
		exit(1);
	}
}

/* A proof, and the same whose quote a key that is in no TPM signed over what no TPM would have made. */
static int example(void)
{
	char pins[4096];
	start();
	f.with_nv = 1;
	f.foreign_leaves = 9;
	fixture_redo(&f);
	int n = ceno_verify_pins_format(&f.pins, pins, sizeof(pins));
	MUST(n > 0);
	write_file("proof.cdp.json", f.file, f.file_bytes);
	write_file("pins", pins, (size_t)n);
	f.magic = 0x43454e4f;
	fixture_quote(&f);
	fixture_write(&f);
	write_file("forged.cdp.json", f.file, f.file_bytes);
	return 0;
}

static int large(void)
{
	struct ceno_proof_statement *s = &f.statement;
	const uint64_t mem = 256u << 20;
	char pins[4096];
	start();
	s->core.mem_total = s->isolation.slots[6].bytes = mem;
	s->overwrite.bitmap_bytes = ceno_proof_bitmap_bytes(mem);
	ceno_proof_bitmap_set(s->overwrite.bitmap, mem, 0, mem);
	s->overwrite.bytes = s->forensic.compared_bytes = ceno_proof_backed_bytes(s->overwrite.bitmap, mem);
	s->overwrite.st_blocks = s->overwrite.bytes / 512;
	fixture_redo(&f);
	int n = ceno_verify_pins_format(&f.pins, pins, sizeof(pins));
	MUST(n > 0);
	write_file("large.cdp.json", f.file, f.file_bytes);
	write_file("pins", pins, (size_t)n);
	return 0;
}

static void families(void)
{
	vectors_honest();
	for (size_t i = 0; i < forgery_count; i++) {
		start();
		forgeries[i].forge();
		vector(forgeries[i].code, "forged-%s", forgeries[i].name + 2); /* without v_ */
	}
	vectors_quotes();
	vectors_keys();
	vectors_logs();
	vectors_clocks();
	vectors_swaps();
	vectors_documents();
	vectors_signatures();
	vectors_asked();
	vectors_boot();
}

/* Every code is hit, and by a case that verifies to the end without it (FILE_SIZE: see test_forge.c). */
static int summary(void)
{
	uint32_t missing = 0;
	for (uint32_t code = 0; code < OK; code++) {
		if (of_code[code] == 0 || (to_the_end[code] == 0 && code != CENO_VERIFY_FILE_SIZE)) {
			printf("%s: %u cases, %u of them verify to the end without it\n",
			       ceno_verify_code_info(code)->name, of_code[code], to_the_end[code]);
			missing++;
		}
	}
	printf("%u cases, %u of them verify; %u with another verdict, %u do not notice that their check is left out, "
	       "%u codes without a case\n",
	       cases, of_code[OK], wrong, unnoticed, missing);
	return cases < 2000 || wrong > 0 || unnoticed > 0 || missing > 0;
}

int main(int argc, char **argv)
{
	uint8_t digest[32];
	char hex[65];
	if (argc == 3 && argv[1][0] == '-' && sodium_init() >= 0) {
		folder = argv[2];
		if (strcmp(argv[1], "--example") == 0)
			return example();
		if (strcmp(argv[1], "--large") == 0)
			return large();
	}
	if (argc != 2 || sodium_init() < 0) {
		fputs("usage: proof-corpus DIR|--example DIR|--large DIR|--check|--digest\n", stderr);
		return 2;
	}
	folder = strcmp(argv[1], "--check") == 0 ? NULL : argv[1];
	crypto_hash_sha256_init(&all);
	families();
	if (folder == NULL)
		return summary();
	crypto_hash_sha256_final(&all, digest);
	if (strcmp(folder, "--digest") == 0)
		printf("%s\n", sodium_bin2hex(hex, sizeof(hex), digest, 32));
	else
		printf("%u cases\n", cases);
	return 0;
}
