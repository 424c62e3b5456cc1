/*
 * Attestations that a TPM would not make, or not for this: each signed by the
 * pinned key itself, so that only the check that is meant can refuse it.
 *
 *   at  0 magic 4 | 4 type 2 | 6 signer 2+34 | 42 extraData 2+32 | 76 clock 8 | 84 resets 4 | 88 restarts 4
 *       92 safe 1 | 93 firmware 8 | 101 count 4 | 105 hash 2 | 107 select 1+3 | 111 digest 2+32 | 145
 */

#include <sodium.h>
#include <string.h>
#include "vectors.h"

enum {
	MAGIC = 0,
	TYPE = 4,
	SIGNER = 6,
	EXTRA = 42,
	CLOCK = 76,
	RESETS = 84,
	RESTARTS = 88,
	SAFE = 92,
	FIRMWARE = 93,
	COUNT = 101,
	HASH = 105,
	SELECT = 107,
	DIGEST = 111,
	WHOLE = 145
};

static struct fixture honest, honest_nv;

/* A quote as the TPM made it, to be changed. */
static uint8_t *quote(void)
{
	start();
	f = honest;
	policy.pins = &f.pins;
	MUST(f.seal.quote.attest_bytes == WHOLE);
	return f.seal.quote.attest;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void signed_as(uint32_t code, const char *what, uint32_t number)
{
	vector_resign();
	vector(code, "quote-%s-%u", what, number);
}

static void values(void)
{
	for (uint32_t bit = 0; bit < 32; bit++) {
		quote()[MAGIC + bit / 8] ^= (uint8_t)(1u << bit % 8);
		signed_as(CENO_VERIFY_QUOTE_MAGIC, "magic-bit", bit);
	}
	for (uint32_t type = 0x8014; type <= 0x801d; type++) { /* TPM_ST_ATTEST_*, around a quote's body */
		put16(quote() + TYPE, type);
		if (type != 0x8018)
			signed_as(CENO_VERIFY_QUOTE_TYPE, "type", type);
	}
	for (uint32_t bit = 0; bit < 16; bit++) {
		quote()[TYPE + bit / 8] ^= (uint8_t)(1u << bit % 8);
		signed_as(CENO_VERIFY_QUOTE_TYPE, "type-bit", bit);
	}
	for (uint32_t at = 0; at < 34; at++) {
		quote()[SIGNER + 2 + at] ^= 0x10;
		signed_as(CENO_VERIFY_QUOTE_SIGNER, "signer", at);
	}
	for (uint32_t at = 0; at < 32; at++) {
		quote()[EXTRA + 2 + at] ^= 1;
		signed_as(CENO_VERIFY_QUOTE_DATA, "extra", at);
		quote()[DIGEST + 2 + at] ^= 0x80;
		signed_as(CENO_VERIFY_QUOTE_PCRS, "digest", at);
	}
	for (uint32_t bit = 0; bit < 32; bit++) {
		quote()[RESETS + 3 - bit / 8] ^= (uint8_t)(1u << bit % 8);
		signed_as(CENO_VERIFY_RESET, "resets-bit", bit);
		quote()[RESTARTS + 3 - bit / 8] ^= (uint8_t)(1u << bit % 8);
		signed_as(CENO_VERIFY_RESET, "restarts-bit", bit);
	}
	for (uint32_t safe = 2; safe < 256; safe += 23) {
		quote()[SAFE] = (uint8_t)safe;
		signed_as(CENO_VERIFY_QUOTE_FORM, "safe", safe);
	}
}

/* What a quote may differ in. */
static void harmless(void)
{
	quote()[SAFE] = 0;
	signed_as(OK, "unsafe-clock", 0);
	for (uint32_t bit = 0; bit < 64; bit += 9) {
		quote()[CLOCK + bit / 8] ^= (uint8_t)(1u << bit % 8);
		signed_as(OK, "clock-bit", bit);
		quote()[FIRMWARE + bit / 8] ^= (uint8_t)(1u << bit % 8);
		signed_as(OK, "firmware-bit", bit);
	}
	uint8_t *q = quote(); /* a selection of two bytes has no PCR above 15 to leave out */
	q[SELECT] = 2;
	memmove(q + SELECT + 3, q + SELECT + 4, WHOLE - SELECT - 4);
	f.seal.quote.attest_bytes--;
	signed_as(OK, "selection-two-bytes", 0);
}

static void selections(void)
{
	static const uint16_t hashes[] = { 0, 0x0004, 0x000a, 0x000c, 0x000d, 0x0010, 0x0012, 0x0027, 0xffff };
	for (uint32_t pcr = 0; pcr < 24; pcr++) {
		quote()[SELECT + 1 + pcr / 8] ^= (uint8_t)(1u << pcr % 8);
		signed_as(CENO_VERIFY_QUOTE_SELECTION, "selection-pcr", pcr);
	}
	for (uint32_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		put16(quote() + HASH, hashes[i]);
		signed_as(CENO_VERIFY_QUOTE_SELECTION, "bank", hashes[i]);
	}
	for (uint32_t bytes = 0; bytes <= 12; bytes++) { /* the right PCRs in a selection of another length */
		uint8_t *q = quote(), tail[64];
		memcpy(tail, q + DIGEST, WHOLE - DIGEST);
		q[SELECT] = (uint8_t)bytes;
		memset(q + SELECT + 1, 0, bytes);
		memset(q + SELECT + 1, 0xff, bytes < 2 ? bytes : 2);
		memcpy(q + SELECT + 1 + bytes, tail, WHOLE - DIGEST);
		f.seal.quote.attest_bytes = WHOLE - 3 + bytes;
		signed_as(bytes < 2        ? CENO_VERIFY_QUOTE_SELECTION
		              : bytes <= 8 ? OK
		                           : CENO_VERIFY_QUOTE_FORM,
		          "selection-bytes", bytes);
	}
	for (uint32_t count = 0; count < 6; count++) { /* none, or more banks than one, whose order is the signer's */
		uint8_t *q = quote(), tail[64], bank[6];
		if (count == 1)
			continue;
		memcpy(bank, q + HASH, 6);
		memcpy(tail, q + DIGEST, WHOLE - DIGEST);
		q[COUNT + 3] = (uint8_t)count;
		for (uint32_t i = 0; i < count; i++) {
			memcpy(q + HASH + 6 * i, bank, 6);
			if (i != count / 2)
				put16(q + HASH + 6 * i, 0x0004 + i);
		}
		memcpy(q + HASH + 6 * count, tail, WHOLE - DIGEST);
		f.seal.quote.attest_bytes = WHOLE - 6 + 6 * count;
		signed_as(CENO_VERIFY_QUOTE_FORM, "banks", count);
	}
}

static void sizes(void)
{
	static const struct {
		const char *name;
		uint32_t at, bytes, code;
	} fields[] = { { "signer", SIGNER, 34, CENO_VERIFY_QUOTE_SIGNER },
		       { "extra", EXTRA, 32, CENO_VERIFY_QUOTE_DATA },
		       { "digest", DIGEST, 32, CENO_VERIFY_QUOTE_PCRS } };
	for (uint32_t bytes = 1; bytes < WHOLE; bytes++) {
		quote();
		f.seal.quote.attest_bytes = bytes;
		signed_as(CENO_VERIFY_QUOTE_FORM, "prefix", bytes);
	}
	for (uint32_t more = 1; more <= 64; more++) {
		memset(quote() + WHOLE, more % 3 ? 0 : 0xa5, more);
		f.seal.quote.attest_bytes += more;
		signed_as(CENO_VERIFY_QUOTE_FORM, "trailing", more);
	}
	for (uint32_t i = 0; i < 3; i++) {
		for (uint32_t length = 0; length <= fields[i].bytes + 3;
		     length++) { /* well-formed, of another length */
			uint8_t *q = quote(), tail[WHOLE];
			uint32_t end = fields[i].at + 2 + fields[i].bytes;
			if (length == fields[i].bytes)
				continue;
			memcpy(tail, q + end, WHOLE - end);
			put16(q + fields[i].at, length);
			if (length > fields[i].bytes)
				memset(q + end, 0, length - fields[i].bytes);
			memcpy(q + fields[i].at + 2 + length, tail, WHOLE - end);
			f.seal.quote.attest_bytes = WHOLE - fields[i].bytes + length;
			signed_as(fields[i].code, fields[i].name, 1000 + length);
		}
		for (uint32_t length = 0x100; length < 0x10000; length <<= 1) { /* longer than there is */
			put16(quote() + fields[i].at, length);
			signed_as(CENO_VERIFY_QUOTE_FORM, fields[i].name, 2000 + length);
		}
	}
}

/* Attestations of another kind, as a TPM makes them, in the quote's place. */
static void other_kinds(void)
{
	start();
	f = honest_nv;
	policy.pins = &f.pins;
	memcpy(f.seal.quote.attest, f.seal.nv.attest, f.seal.nv.attest_bytes);
	f.seal.quote.attest_bytes = f.seal.nv.attest_bytes;
	signed_as(CENO_VERIFY_QUOTE_FORM, "nv-in-its-place", 0);
	for (uint32_t i = 0; i < 6; i++) { /* certify, creation, time, audits: bodies of names and digests */
		uint8_t *q = quote();
		static const uint16_t types[] = { 0x8017, 0x801a, 0x8019, 0x8015, 0x8016, 0x801c };
		put16(q + TYPE, types[i]);
		put16(q + COUNT, 34);
		memset(q + COUNT + 2, 0x0b, 34);
		f.seal.quote.attest_bytes = COUNT + 2 + 34 + (i % 2 ? 10 : 0);
		signed_as(CENO_VERIFY_QUOTE_FORM, "other-body", types[i]);
	}
}

static void signatures(void)
{
	static const char *const order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
	for (uint32_t i = 0; i < 64; i += 3) {
		quote();
		f.seal.quote.signature[i] ^= 1;
		fixture_write(&f);
		vector(CENO_VERIFY_QUOTE_SIGNATURE, "quote-signature-%u", i);
	}
	for (uint32_t i = 0; i < 8; i++) {
		quote();
		uint8_t *part = f.seal.quote.signature + (i & 1) * 32;
		memset(part, 0, 32);
		if ((i >> 1) == 1)
			part[31] = 1;
		else if ((i >> 1) == 2)
			MUST(sodium_hex2bin(part, 32, order, 64, NULL, NULL, NULL) == 0);
		else if ((i >> 1) == 3)
			memset(part, 0xff, 32);
		fixture_write(&f);
		vector(CENO_VERIFY_QUOTE_SIGNATURE, "quote-signature-number-%u", i);
	}
	uint8_t half[32];
	quote();
	memcpy(half, f.seal.quote.signature, 32);
	memcpy(f.seal.quote.signature, f.seal.quote.signature + 32, 32);
	memcpy(f.seal.quote.signature + 32, half, 32);
	fixture_write(&f);
	vector(CENO_VERIFY_QUOTE_SIGNATURE, "quote-signature-swapped");
}

/* The counter's certificate: the same head, then index name 2+34, offset 2, contents 2+8, at 101. */
static void counters(void)
{
	enum { INDEX = 101, OFFSET = 137, CONTENTS = 139, NV_WHOLE = 149 };
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t code;
		start();
		f = honest_nv;
		policy.pins = &f.pins;
		uint8_t *a = f.seal.nv.attest;
		MUST(f.seal.nv.attest_bytes == NV_WHOLE);
		if (i < 32)
			a[MAGIC + i / 8] ^= (uint8_t)(1u << i % 8), code = CENO_VERIFY_NV_FORM;
		else if (i < 48)
			a[TYPE + i / 8 % 2] ^= (uint8_t)(1u << i % 8), code = CENO_VERIFY_NV_FORM;
		else if (i < 64)
			a[EXTRA + 2 + 2 * (i - 48)] ^= 1, code = CENO_VERIFY_NV_DATA;
		else if (i < 80)
			a[SIGNER + 2 + 2 * (i - 64)] ^= 1, code = CENO_VERIFY_NV_DATA;
		else if (i < 96)
			a[RESETS + (i - 80) % 8] ^= 4, code = CENO_VERIFY_NV_DATA;
		else if (i < 104)
			a[CONTENTS + 2 + i - 96] ^= 1, code = CENO_VERIFY_NV_VALUE;
		else if (i < 106)
			a[OFFSET + i - 104] = 1, code = CENO_VERIFY_NV_FORM;
		else if (i < 122)
			f.seal.nv.attest_bytes += i - 105, code = CENO_VERIFY_NV_FORM;
		else if (i < 192)
			f.seal.nv.attest_bytes -= 2 * (i - 121), code = CENO_VERIFY_NV_FORM;
		else
			put16(a + CONTENTS, i - 192), f.seal.nv.attest_bytes -= 200 - i, code = CENO_VERIFY_NV_FORM;
		vector_resign();
		vector(code, "counter-%u", i);
	}
}

void vectors_quotes(void)
{
	start();
	fixture_redo(&f);
	honest = f;
	start();
	f.with_nv = 1;
	fixture_redo(&f);
	honest_nv = f;
	values();
	harmless();
	selections();
	sizes();
	other_kinds();
	signatures();
	counters();
}

/* ---- the attestation key: type 2 | name 2 | attributes 4 | policy 2 | symmetric 2 | scheme 2+2 | curve 2 | kdf 2 | x, y 2+32 ---- */

static uint32_t change_at, change_to, change_bytes;

static void change(struct fixture *x)
{
	for (uint32_t i = 0; i < change_bytes; i++)
		x->seal.node.ak_public[change_at + i] = (uint8_t)(change_to >> (8 * (change_bytes - 1 - i)));
}

static void longer(struct fixture *x)
{
	memset(x->seal.node.ak_public + x->seal.node.ak_public_bytes, 0, change_to);
	x->seal.node.ak_public_bytes += change_to;
}

static void shorter(struct fixture *x)
{
	x->seal.node.ak_public_bytes -= change_to;
}

/* Pinned as it is: a verifier who was talked into it. */
static void key_case(uint32_t code, void (*on_node)(struct fixture *), const char *what, uint32_t number)
{
	start();
	f = honest;
	policy.pins = &f.pins;
	f.on_node = on_node;
	fixture_quote(&f);
	fixture_write(&f);
	ceno_verify_ak_digest(f.seal.node.ak_public, f.seal.node.ak_public_bytes, f.pins.pins[0].ak);
	vector(code, "key-%s-%u", what, number);
}

static void changed(uint32_t code, uint32_t at, uint32_t bytes, uint32_t to, const char *what)
{
	change_at = at;
	change_bytes = bytes;
	change_to = to;
	key_case(code, change, what, to & 0xffffff);
}

void vectors_keys(void)
{
	static const uint32_t must[] = { 1, 4, 5, 16, 18 };
	static const uint16_t others[] = { 0x0000, 0x0004, 0x000c, 0x000d, 0x0012, 0x0027, 0xffff };
	static const uint16_t schemes[] = { 0x0014, 0x0016, 0x001a, 0x001b, 0x001c, 0x0019 };
	for (uint32_t i = 0; i < 5; i++)
		changed(CENO_VERIFY_AK_ATTRIBUTES, 4, 4, 0x00050072u & ~(1u << must[i]), "attributes");
	changed(CENO_VERIFY_AK_ATTRIBUTES, 4, 4, 0x00050072u | 1u << 17, "attributes");
	changed(CENO_VERIFY_AK_ATTRIBUTES, 4, 4, 0, "attributes");
	changed(CENO_VERIFY_AK_ATTRIBUTES, 4, 4, 0xffffffff, "attributes");
	changed(OK, 4, 4, 0x00050472u, "attributes"); /* noDA */
	for (uint32_t i = 0; i < 7; i++) {
		changed(CENO_VERIFY_AK_SCHEME, 2, 2, others[i], "name");
		changed(CENO_VERIFY_AK_SCHEME, 14, 2, others[i], "hash");
	}
	for (uint32_t i = 0; i < 6; i++)
		changed(CENO_VERIFY_AK_SCHEME, 12, 2, schemes[i], "scheme");
	for (uint32_t curve = 0; curve < 0x22; curve++)
		if (curve != 3)
			changed(CENO_VERIFY_AK_SCHEME, 16, 2, curve, "curve");
	for (uint32_t type = 0; type < 0x26; type++)
		if (type != 0x23)
			changed(CENO_VERIFY_AK_FORM, 0, 2, type, "type");
	changed(CENO_VERIFY_AK_FORM, 10, 2, 0x0006, "symmetric");
	changed(CENO_VERIFY_AK_FORM, 18, 2, 0x0020, "kdf");
	changed(CENO_VERIFY_AK_FORM, 12, 2, 0x0010, "no-scheme");
	changed(CENO_VERIFY_AK_FORM, 20, 2, 31, "x-bytes");
	changed(CENO_VERIFY_AK_FORM, 54, 2, 33, "y-bytes");
	for (change_to = 1; change_to <= 32; change_to += 3)
		key_case(CENO_VERIFY_AK_FORM, longer, "longer", change_to);
	for (change_to = 1; change_to < 88; change_to += 5)
		key_case(CENO_VERIFY_AK_FORM, shorter, "shorter", change_to);
	for (uint32_t at = 22; at < 86; at += 9) /* a point off the curve, or another one */
		changed(CENO_VERIFY_QUOTE_SIGNATURE, at, 1, at, "point");
}
