/* Texts given to a verifier: see asked.h. A text of ours that is refused is a broken test, so it aborts. */
#include "asked.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asked asked;
static struct ceno_verify_rules rules;
static struct ceno_verify_reference references[ASKED_REFERENCES_MAX];

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "asked: %s\n", what);
	abort();
}

void asked_reset(struct ceno_verify_policy *policy)
{
	memset(&asked, 0, sizeof(asked));
	ceno_verify_policy_init(policy);
}

void asked_rule(struct ceno_verify_policy *policy, const char *format, ...)
{
	va_list args;
	uint32_t line;
	if (asked.rules[0] == '\0')
		strcpy(asked.rules, "ceno-policy 1\n");
	size_t n = strlen(asked.rules);
	va_start(args, format);
	vsnprintf(asked.rules + n, sizeof(asked.rules) - n, format, args);
	va_end(args);
	must(ceno_verify_rules_parse(asked.rules, strlen(asked.rules), &rules, &line) == 0, asked.rules);
	ceno_verify_policy_apply(policy, &rules);
}

const char *asked_key(uint32_t number, uint8_t secret[64])
{
	static char text[4][sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL)];
	uint8_t seed[32] = { 0x71, (uint8_t)number }, pub[32];
	static uint32_t next;
	char *out = text[next++ % 4];
	crypto_sign_ed25519_seed_keypair(pub, secret, seed);
	return sodium_bin2base64(out, sizeof(text[0]), pub, 32, sodium_base64_VARIANT_ORIGINAL);
}

/* Ed25519 in base64 over a tag with its zero byte and some bytes. */
static const char *sign(const uint8_t secret[64], const char *tag, const void *bytes, size_t length)
{
	static char text[sodium_base64_ENCODED_LEN(64, sodium_base64_VARIANT_ORIGINAL)];
	static uint8_t message[16384];
	uint8_t signature[64];
	size_t n = strlen(tag) + 1;
	memcpy(message, tag, n);
	memcpy(message + n, bytes, length);
	crypto_sign_ed25519_detached(signature, NULL, message, n + length, secret);
	return sodium_bin2base64(text, sizeof(text), signature, 64, sodium_base64_VARIANT_ORIGINAL);
}

void asked_reference(struct ceno_verify_policy *policy, uint32_t signer, const char *lines)
{
	uint32_t i = asked.reference_count++, line;
	uint8_t secret[64];
	const char *key = asked_key(signer, secret);
	char *text = asked.references[i];
	size_t n = (size_t)snprintf(text, sizeof(asked.references[0]), "ceno-reference 1\n%s", lines);
	snprintf(text + n, sizeof(asked.references[0]) - n, "signature %s %s\n", key,
	         sign(secret, "CDP/v1/reference", text, n));
	must(ceno_verify_reference_parse(text, strlen(text), &references[i], &line) == 0, text);
	policy->references = references;
	policy->reference_count = asked.reference_count;
}

void asked_compare(struct ceno_verify_policy *policy, const char *text, size_t bytes)
{
	must(bytes < sizeof(asked.compare), "a long comparison");
	memcpy(asked.compare, text, bytes);
	asked.compare[bytes] = '\0';
	policy->compare = asked.compare;
	policy->compare_bytes = bytes;
}

void asked_vouch(char *line, size_t capacity, uint32_t authority, const uint8_t ak[32], uint32_t key, const uint8_t *ek,
                 uint64_t until)
{
	static const char *const names[] = { "none", "software", "vtpm", "ftpm", "dtpm" };
	uint8_t secret[64], body[1 + 8 + 64] = { (uint8_t)key };
	char ak_hex[65], ek_hex[65];
	const char *pub = asked_key(authority, secret);
	for (int i = 0; i < 8; i++)
		body[1 + i] = (uint8_t)(until >> (56 - 8 * i));
	memcpy(body + 9, ak, 32);
	if (ek != NULL)
		memcpy(body + 41, ek, 32);
	snprintf(line, capacity, "vouched sha256:%s %s %s%s %llu %s %s\n", sodium_bin2hex(ak_hex, 65, ak, 32),
	         names[key], ek != NULL ? "sha256:" : "none", ek != NULL ? sodium_bin2hex(ek_hex, 65, ek, 32) : "",
	         (unsigned long long)until, pub, sign(secret, "CDP/v1/vouch", body, sizeof(body)));
}
