/* Ed25519 at its edges, as the session's signature, the session's key and the checkpoint's signature. */
#include <sodium.h>
#include <string.h>
#include "vectors.h"

/* Points of small order, and encodings that are not the one of their point (RFC 8032 5.1.3). */
static const char *const small[] = {
	"0100000000000000000000000000000000000000000000000000000000000000", /* order 1 */
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* 2 */
	"0000000000000000000000000000000000000000000000000000000000000000", /* 4 */
	"0000000000000000000000000000000000000000000000000000000000000080",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", /* 8 */
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	"0100000000000000000000000000000000000000000000000000000000000080", /* not canonical, of small order */
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* y = 18 + p: not canonical */
	"f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0200000000000000000000000000000000000000000000000000000000000000", /* not on the curve */
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
	                           0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };

static void unhex(const char *hex, uint8_t out[32])
{
	MUST(sodium_hex2bin(out, 32, hex, 64, NULL, NULL, NULL) == 0);
}

/* s + times * L, as far as it fits 256 bits. */
static void add_order(uint8_t s[32], uint32_t times)
{
	for (uint32_t t = 0; t < times; t++)
		for (uint32_t i = 0, carry = 0; i < 32; i++) {
			carry += (uint32_t)s[i] + order[i];
			s[i] = (uint8_t)carry;
			carry >>= 8;
		}
}

static void rest(uint32_t code, const char *what, uint32_t number)
{
	fixture_log(&f);
	fixture_quote(&f);
	fixture_write(&f);
	vector(code, "signature-%s-%u", what, number);
}

/* The payload honestly signed; then f.signature may be changed. */
static void signed_payload(void)
{
	start();
	fixture_roots(&f);
	fixture_sign(&f);
}

static void session_signatures(void)
{
	for (uint32_t i = 0; i < sizeof(small) / sizeof(small[0]); i++) {
		signed_payload();
		unhex(small[i], f.signature);
		rest(CENO_VERIFY_SIGNATURE, "r", i);
		signed_payload();
		memset(f.signature + 32, 0, 32);
		unhex(small[i], f.signature);
		rest(CENO_VERIFY_SIGNATURE, "r-zero-s", i);
	}
	for (uint32_t times = 1; times <= 15; times++) {
		signed_payload();
		add_order(f.signature + 32, times);
		rest(CENO_VERIFY_SIGNATURE, "s-plus-order", times);
	}
	for (uint32_t bit = 0; bit < 512; bit += 37) {
		signed_payload();
		f.signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
		rest(CENO_VERIFY_SIGNATURE, "bit", bit);
	}
	signed_payload();
	memcpy(f.signature + 32, order, 32);
	rest(CENO_VERIFY_SIGNATURE, "s-order", 0);
	signed_payload();
	memset(f.signature, 0, 64);
	rest(CENO_VERIFY_SIGNATURE, "zero", 0);
}

/* Keys under which R = A and S = 0, or anything, verifies for who does not look. */
static void session_keys(void)
{
	for (uint32_t i = 0; i < sizeof(small) / sizeof(small[0]); i++) {
		start();
		unhex(small[i], f.statement.core.signer_pub);
		fixture_roots(&f);
		fixture_sign(&f);
		memset(f.signature, 0, 64);
		f.signature[0] = 1;
		rest(CENO_VERIFY_SIGNER_KEY, "key", i);
	}
}

/* A key of the prime order with each torsion point added: eight times the right order. */
static void mixed_keys(void)
{
	for (uint32_t i = 1; i < 8; i++) {
		uint8_t torsion[32];
		start();
		unhex(small[i], torsion);
		MUST(crypto_core_ed25519_add(f.statement.core.signer_pub, f.statement.core.signer_pub, torsion) == 0);
		fixture_roots(&f);
		fixture_sign(&f);
		rest(CENO_VERIFY_SIGNER_KEY, "mixed-key", i);
	}
}

/* The checkpoint with another 64 bytes of signature. */
static void checkpoint_signed(const uint8_t signature[64], const char *what, uint32_t number)
{
	char b64[sodium_base64_ENCODED_LEN(68, sodium_base64_VARIANT_ORIGINAL)];
	struct ceno_checkpoint c;
	uint8_t blob[68];
	MUST(ceno_checkpoint_parse(f.seal.checkpoint, f.seal.checkpoint_bytes, &c) == 0);
	memcpy(blob, c.key_id, 4);
	memcpy(blob + 4, signature, 64);
	sodium_bin2base64(b64, sizeof(b64), blob, sizeof(blob), sodium_base64_VARIANT_ORIGINAL);
	memcpy(f.seal.checkpoint + f.seal.checkpoint_bytes - 1 - strlen(b64), b64, strlen(b64));
	fixture_quote(&f);
	fixture_write(&f);
	vector(CENO_VERIFY_CHECKPOINT_KEY, "checkpoint-%s-%u", what, number);
}

static void checkpoint_signatures(void)
{
	for (uint32_t i = 0; i < sizeof(small) / sizeof(small[0]) + 15; i++) {
		struct ceno_checkpoint c;
		start();
		fixture_redo(&f);
		MUST(ceno_checkpoint_parse(f.seal.checkpoint, f.seal.checkpoint_bytes, &c) == 0);
		if (i < 15)
			add_order(c.signature + 32, i + 1);
		else
			unhex(small[i - 15], c.signature);
		checkpoint_signed(c.signature, i < 15 ? "s-plus-order" : "r", i);
	}
}

void vectors_signatures(void)
{
	session_signatures();
	session_keys();
	mixed_keys();
	checkpoint_signatures();
}
