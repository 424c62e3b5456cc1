/*
 * C2SP checkpoints: three lines of text in a signed note (log.h). The parser
 * reads the fields loosely and then writes the canonical text again: equal bytes
 * or refused, so there is one spelling of each checkpoint.
 */
#include "log.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define ORIGIN_SET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./_-"
#define DASH       "\xe2\x80\x94 " /* em dash and a space open a signature line */

static int origin_ok(const char *origin)
{
	size_t n = strnlen(origin, 65);
	return n >= 1 && n <= 64 && strspn(origin, ORIGIN_SET) == n;
}

void ceno_checkpoint_key_id(const char *name, const uint8_t pub[32], uint8_t key_id[4])
{
	static const uint8_t newline_and_type[2] = { '\n', 1 };
	crypto_hash_sha256_state s;
	uint8_t hash[32];
	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, (const unsigned char *)name, strlen(name));
	crypto_hash_sha256_update(&s, newline_and_type, 2);
	crypto_hash_sha256_update(&s, pub, 32);
	crypto_hash_sha256_final(&s, hash);
	memcpy(key_id, hash, 4);
}

/* The signed part: origin, size, root, each with its newline. */
static size_t format_body(const struct ceno_checkpoint *c, char text[CENO_PROOF_CHECKPOINT_MAX])
{
	char root[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL)];
	sodium_bin2base64(root, sizeof(root), c->root, 32, sodium_base64_VARIANT_ORIGINAL);
	return (size_t)snprintf(text, CENO_PROOF_CHECKPOINT_MAX, "%s\n%llu\n%s\n", c->origin,
	                        (unsigned long long)c->size, root);
}

static size_t format_signature(const struct ceno_checkpoint *c, size_t at, char text[CENO_PROOF_CHECKPOINT_MAX])
{
	char b64[sodium_base64_ENCODED_LEN(68, sodium_base64_VARIANT_ORIGINAL)];
	uint8_t blob[68];
	memcpy(blob, c->key_id, 4);
	memcpy(blob + 4, c->signature, 64);
	sodium_bin2base64(b64, sizeof(b64), blob, sizeof(blob), sodium_base64_VARIANT_ORIGINAL);
	return at + (size_t)snprintf(text + at, CENO_PROOF_CHECKPOINT_MAX - at, "\n" DASH "%s %s\n", c->origin, b64);
}

int ceno_checkpoint_make(const char *origin, uint64_t size, const uint8_t root[32], const uint8_t secret[64],
                         char text[CENO_PROOF_CHECKPOINT_MAX], size_t *bytes)
{
	struct ceno_checkpoint c = { .size = size };
	uint8_t pub[32];
	*bytes = 0;
	if (!origin_ok(origin))
		return CENO_LOG_E_FORM;
	memcpy(c.origin, origin, strlen(origin));
	memcpy(c.root, root, 32);
	crypto_sign_ed25519_sk_to_pk(pub, secret);
	ceno_checkpoint_key_id(origin, pub, c.key_id);
	size_t body = format_body(&c, text);
	crypto_sign_ed25519_detached(c.signature, NULL, (const unsigned char *)text, body, secret);
	*bytes = format_signature(&c, body, text);
	return 0;
}

/* The text up to `end` into a NUL-terminated field; what follows. NULL: no end or too long. */
static const char *take(const char *text, const char *stop, char end, char *field, size_t capacity)
{
	const char *e = memchr(text, end, (size_t)(stop - text));
	if (e == NULL || (size_t)(e - text) >= capacity)
		return NULL;
	memcpy(field, text, (size_t)(e - text));
	field[e - text] = '\0';
	return e + 1;
}

static int take_size(const char *digits, uint64_t *size)
{
	*size = 0;
	for (; *digits != '\0'; digits++)
		if (*digits < '0' || *digits > '9' || __builtin_mul_overflow(*size, 10u, size) ||
		    __builtin_add_overflow(*size, (uint64_t)(*digits - '0'), size))
			return -1;
	return 0;
}

static int take_base64(const char *text, uint8_t *out, size_t bytes)
{
	size_t n = 0;
	return sodium_base642bin(out, bytes, text, strlen(text), NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
		n == bytes
	    ? 0
	    : -1;
}

int ceno_checkpoint_parse(const char *text, size_t bytes, struct ceno_checkpoint *c)
{
	const char *p = text, *stop = text + bytes;
	char size[24], root[64], name[72], blob[128], again[CENO_PROOF_CHECKPOINT_MAX];
	uint8_t raw[68];
	memset(c, 0, sizeof(*c));
	if (bytes > CENO_PROOF_CHECKPOINT_MAX || (p = take(p, stop, '\n', c->origin, sizeof(c->origin))) == NULL ||
	    !origin_ok(c->origin) || (p = take(p, stop, '\n', size, sizeof(size))) == NULL ||
	    take_size(size, &c->size) != 0 || (p = take(p, stop, '\n', root, sizeof(root))) == NULL ||
	    take_base64(root, c->root, 32) != 0)
		return CENO_LOG_E_FORM;
	c->signed_bytes = (size_t)(p - text);
	if ((size_t)(stop - p) < 1 + strlen(DASH) || memcmp(p, "\n" DASH, 1 + strlen(DASH)) != 0)
		return CENO_LOG_E_FORM;
	p += 1 + strlen(DASH);
	if ((p = take(p, stop, ' ', name, sizeof(name))) == NULL || take(p, stop, '\n', blob, sizeof(blob)) == NULL ||
	    take_base64(blob, raw, sizeof(raw)) != 0)
		return CENO_LOG_E_FORM;
	memcpy(c->key_id, raw, 4);
	memcpy(c->signature, raw + 4, 64);
	size_t n = format_signature(c, format_body(c, again), again);
	return n == bytes && memcmp(again, text, n) == 0 ? 0 : CENO_LOG_E_FORM;
}

int ceno_checkpoint_verify(const struct ceno_checkpoint *c, const char *text, const uint8_t pub[32])
{
	uint8_t key_id[4];
	ceno_checkpoint_key_id(c->origin, pub, key_id);
	if (memcmp(key_id, c->key_id, 4) != 0 ||
	    crypto_sign_ed25519_verify_detached(c->signature, (const unsigned char *)text, c->signed_bytes, pub) != 0)
		return CENO_LOG_E_KEY;
	return 0;
}
