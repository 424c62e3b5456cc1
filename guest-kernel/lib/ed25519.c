/*
 * Ed25519 (ed25519.h), from RFC 8032 section 5.1: extended
 * coordinates (x = X/Z, y = Y/Z, xy = T/Z) on -x^2 + y^2 = 1 + d x^2 y^2 with
 * the complete addition law, so no case is special. [S]B + [k](-A) is computed
 * with one run of doublings and four bits of both scalars a step.
 *
 * R is never decoded: the computed point is encoded, and its one canonical
 * encoding must equal R's bytes. That makes a non-canonical R, or one that is
 * no point, fail with no code of its own.
 *
 * Signing uses the same formulas, with scalars that are secret: what it shares with
 * verification (field, points, reduce_scalar) has no branch or address that depends
 * on a value; multiply_base reads the whole table for each digit.
 */
#include "lib/ed25519.h"
#include "lib/ed25519_field.h"
#include "lib/mem.h"

__extension__ typedef unsigned __int128 product;

struct point {
	ceno_fe x, y, z, t; /* tight, but for a negated x or t (at most 2^52 - 38) */
};

static const ceno_fe zero = { { 0 } };
static const ceno_fe one = { { 1 } };

/* d = -121665/121666; 2d; sqrt(-1) = 2^((p - 1)/4) */
static const ceno_fe curve_d = { { 0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb,
	                           0x52036cee2b6ff } };
static const ceno_fe curve_2d = { { 0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977,
	                            0x2406d9dc56dff } };
static const ceno_fe sqrt_m1 = { { 0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e,
	                           0x2b8324804fc1d } };

static const struct point neutral = { .y = { { 1 } }, .z = { { 1 } } };

/* The base point B: y = 4/5, x even, t = xy. */
static const struct point base = {
	.x = { { 0x62d608f25d51a, 0x412a4b4f6592a, 0x75b7171a4b31d, 0x1ff60527118fe, 0x216936d3cd6e5 } },
	.y = { { 0x6666666666658, 0x4cccccccccccc, 0x1999999999999, 0x3333333333333, 0x6666666666666 } },
	.z = { { 1 } },
	.t = { { 0x68ab3a5b7dda3, 0x00eea2a5eadbb, 0x2af8df483c27e, 0x332b375274732, 0x67875f0fd78b7 } },
};

/* The group order L = 2^252 + 27742317777372353535851937790883648493. */
static const uint64_t order[4] = { 0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 0x1000000000000000 };

/* All ones if bit is 1, zero if it is 0. The compiler must not learn which two values
 * it can have, or it may branch on it. */
static uint64_t mask_of(uint64_t bit)
{
	__asm__("" : "+r"(bit));
	return 0 - bit;
}

/* a = a - L if a >= L (returns true), else unchanged. Same time for any a. */
static bool subtract_order(uint64_t a[4])
{
	uint64_t difference[4], borrow = 0, keep;

	for (unsigned i = 0; i < 4; i++) {
		uint64_t t = a[i] - order[i], b = a[i] < order[i];

		difference[i] = t - borrow;
		borrow = b | (t < borrow);
	}
	keep = mask_of(borrow);
	for (unsigned i = 0; i < 4; i++)
		a[i] = (a[i] & keep) | (difference[i] & ~keep);
	return !borrow;
}

/* r = the 512-bit little-endian number mod L, a bit at a time: 2r + 1 < 2L < 2^254. */
static void reduce_scalar(uint64_t r[4], const uint8_t bytes[64])
{
	memset(r, 0, 32);
	for (unsigned i = 512; i--;) {
		for (unsigned k = 3; k; k--)
			r[k] = r[k] << 1 | r[k - 1] >> 63;
		r[0] = r[0] << 1 | (bytes[i / 8] >> (i % 8) & 1);
		subtract_order(r);
	}
}

/* The last part of both addition and doubling: r = (E F : G H : F G : E H). */
static void finish_point(struct point *r, const ceno_fe *e, const ceno_fe *f, const ceno_fe *g, const ceno_fe *h)
{
	ceno_fe_mul(&r->x, e, f);
	ceno_fe_mul(&r->y, g, h);
	ceno_fe_mul(&r->z, f, g);
	ceno_fe_mul(&r->t, e, h);
}

/* r = p + q (RFC 8032, 5.1.4); complete. r may be p or q. */
static void add_point(struct point *r, const struct point *p, const struct point *q)
{
	ceno_fe a, b, c, d, e, f;

	ceno_fe_sub(&a, &p->y, &p->x);
	ceno_fe_sub(&b, &q->y, &q->x);
	ceno_fe_mul(&a, &a, &b);
	ceno_fe_add(&b, &p->y, &p->x);
	ceno_fe_add(&c, &q->y, &q->x);
	ceno_fe_mul(&b, &b, &c);
	ceno_fe_mul(&c, &p->t, &q->t);
	ceno_fe_mul(&c, &c, &curve_2d);
	ceno_fe_mul(&d, &p->z, &q->z);
	ceno_fe_add(&d, &d, &d);
	ceno_fe_sub(&e, &b, &a); /* E */
	ceno_fe_sub(&f, &d, &c); /* F */
	ceno_fe_add(&d, &d, &c); /* G */
	ceno_fe_add(&b, &b, &a); /* H */
	finish_point(r, &e, &f, &d, &b);
}

/* r = 2p (RFC 8032, 5.1.4, with all four signs changed so that sums stay small). */
static void double_point(struct point *r, const struct point *p)
{
	ceno_fe a, b, c, e, h;

	ceno_fe_mul(&a, &p->x, &p->x);
	ceno_fe_mul(&b, &p->y, &p->y);
	ceno_fe_mul(&c, &p->z, &p->z);
	ceno_fe_add(&c, &c, &c);
	ceno_fe_add(&e, &p->x, &p->y);
	ceno_fe_mul(&e, &e, &e);
	ceno_fe_add(&h, &a, &b); /* H */
	ceno_fe_sub(&e, &h, &e); /* E */
	ceno_fe_sub(&a, &a, &b); /* G */
	ceno_fe_add(&c, &c, &a); /* F */
	finish_point(r, &e, &c, &a, &h);
}

static void encode_point(uint8_t bytes[32], const struct point *p)
{
	ceno_fe inverse, x;
	uint8_t x_bytes[32];

	ceno_fe_invert(&inverse, &p->z);
	ceno_fe_mul(&x, &p->x, &inverse);
	ceno_fe_to_bytes(x_bytes, &x);
	ceno_fe_mul(&x, &p->y, &inverse);
	ceno_fe_to_bytes(bytes, &x);
	bytes[31] = (uint8_t)(bytes[31] | x_bytes[0] << 7);
}

/* RFC 8032, 5.1.3. False if the bytes are not the canonical encoding of a point. */
static bool decode_point(struct point *p, const uint8_t bytes[32])
{
	ceno_fe u, v, v3, t;
	uint8_t canonical[32], sign = bytes[31] >> 7;

	ceno_fe_from_bytes(&p->y, bytes);
	ceno_fe_to_bytes(canonical, &p->y);
	canonical[31] = (uint8_t)(canonical[31] | sign << 7);
	if (!ceno_mem_equal(canonical, bytes, 32))
		return false;
	ceno_fe_mul(&u, &p->y, &p->y);
	ceno_fe_mul(&v, &u, &curve_d);
	ceno_fe_sub(&u, &u, &one); /* y^2 - 1 */
	ceno_fe_add(&v, &v, &one); /* d y^2 + 1 */
	ceno_fe_mul(&v3, &v, &v);
	ceno_fe_mul(&t, &v3, &v3); /* v^4 */
	ceno_fe_mul(&v3, &v3, &v);
	ceno_fe_mul(&t, &t, &v3); /* v^7 */
	ceno_fe_mul(&t, &t, &u);
	ceno_fe_pow_p58(&t, &t);
	ceno_fe_mul(&t, &t, &v3);
	ceno_fe_mul(&p->x, &t, &u); /* u v^3 (u v^7)^((p - 5)/8) */
	ceno_fe_mul(&t, &p->x, &p->x);
	ceno_fe_mul(&t, &t, &v); /* v x^2: u, or -u, or no root exists */
	if (!ceno_fe_is_equal(&t, &u)) {
		ceno_fe_sub(&v3, &zero, &t);
		if (!ceno_fe_is_equal(&v3, &u))
			return false;
		ceno_fe_mul(&p->x, &p->x, &sqrt_m1);
	}
	ceno_fe_to_bytes(canonical, &p->x);
	if (sign && ceno_mem_is_zero(canonical, 32))
		return false; /* -0 */
	if ((canonical[0] & 1) != sign) {
		ceno_fe_sub(&t, &zero, &p->x);
		ceno_fe_mul(&p->x, &t, &one);
	}
	ceno_fe_mul(&p->t, &p->x, &p->y);
	p->z = one;
	return true;
}

/* True if [8]p is the neutral element (0 : z : z). */
static bool is_small_order(const struct point *p)
{
	struct point q;

	double_point(&q, p);
	double_point(&q, &q);
	double_point(&q, &q);
	return ceno_fe_is_equal(&q.x, &zero) && ceno_fe_is_equal(&q.y, &q.z);
}

/* table[i] = [i]p */
static void make_table(struct point table[16], const struct point *p)
{
	table[0] = neutral;
	for (unsigned i = 1; i < 16; i++)
		add_point(&table[i], &table[i - 1], p);
}

static unsigned nibble(const uint64_t scalar[4], unsigned i)
{
	return scalar[i / 16] >> (4 * (i % 16)) & 15;
}

/* r = [s]B + [k]p, both scalars below 2^253 */
static void multiply(struct point *r, const uint64_t s[4], const uint64_t k[4], const struct point *p)
{
	struct point of_base[16], of_p[16];

	make_table(of_base, &base);
	make_table(of_p, p);
	*r = neutral;
	for (unsigned i = 64; i--;) {
		for (unsigned n = 0; n < 4; n++)
			double_point(r, r);
		add_point(r, r, &of_base[nibble(s, i)]);
		add_point(r, r, &of_p[nibble(k, i)]);
	}
}

void ceno_ed25519_begin(struct ceno_sha512 *hash, const uint8_t signature[CENO_ED25519_SIGNATURE_BYTES],
                        const uint8_t public_key[CENO_ED25519_KEY_BYTES])
{
	ceno_sha512_init(hash);
	ceno_sha512_update(hash, signature, 32);
	ceno_sha512_update(hash, public_key, 32);
}

bool ceno_ed25519_finish(struct ceno_sha512 *hash, const uint8_t signature[CENO_ED25519_SIGNATURE_BYTES],
                         const uint8_t public_key[CENO_ED25519_KEY_BYTES])
{
	struct point a, r;
	uint64_t s[4], k[4];
	uint8_t bytes[64];

	ceno_sha512_final(hash, bytes);
	reduce_scalar(k, bytes);
	memcpy(s, signature + 32, 32);
	if (subtract_order(s) || !decode_point(&a, public_key) || is_small_order(&a))
		return false;
	ceno_fe_sub(&a.x, &zero, &a.x);
	ceno_fe_sub(&a.t, &zero, &a.t);
	multiply(&r, s, k, &a);
	encode_point(bytes, &r);
	return ceno_mem_equal(bytes, signature, 32) && !is_small_order(&r);
}

bool ceno_ed25519_verify(const uint8_t signature[CENO_ED25519_SIGNATURE_BYTES],
                         const uint8_t public_key[CENO_ED25519_KEY_BYTES], const void *message, size_t bytes)
{
	struct ceno_sha512 hash;

	ceno_ed25519_begin(&hash, signature, public_key);
	ceno_sha512_update(&hash, message, bytes);
	return ceno_ed25519_finish(&hash, signature, public_key);
}

/* ---- signing ---- */

static void wipe(void *at, size_t bytes)
{
	memset(at, 0, bytes);
	__asm__ volatile("" : : "r"(at) : "memory"); /* the stores are needed */
}

/* The point at the secret index: all sixteen are read. */
static void select_point(struct point *r, const struct point table[16], unsigned index)
{
	uint64_t *to = (uint64_t *)r;

	memset(r, 0, sizeof *r);
	for (uint64_t i = 0; i < 16; i++) {
		const uint64_t *from = (const uint64_t *)&table[i];
		uint64_t take = mask_of(((i ^ index) - 1) >> 63);

		for (unsigned k = 0; k < sizeof *r / sizeof *to; k++)
			to[k] |= from[k] & take;
	}
}

/* The encoding of [s]B, s secret. */
static void multiply_base(uint8_t bytes[32], const uint64_t s[4])
{
	struct point table[16], chosen, r = neutral;

	make_table(table, &base);
	for (unsigned i = 64; i--;) {
		for (unsigned n = 0; n < 4; n++)
			double_point(&r, &r);
		select_point(&chosen, table, nibble(s, i));
		add_point(&r, &r, &chosen);
	}
	encode_point(bytes, &r);
	wipe(&chosen, sizeof chosen);
	wipe(&r, sizeof r);
}

/* r = (k * a + b) mod L, all below 2^256: k * a + b is below 2^512. */
static void multiply_add(uint8_t r[32], const uint64_t k[4], const uint64_t a[4], const uint64_t b[4])
{
	uint64_t sum[8] = { b[0], b[1], b[2], b[3] }, reduced[4];

	for (unsigned i = 0; i < 4; i++) {
		uint64_t carry = 0;

		for (unsigned n = 0; n < 4; n++) {
			product t = (product)k[i] * a[n] + sum[i + n] + carry;

			sum[i + n] = (uint64_t)t;
			carry = (uint64_t)(t >> 64);
		}
		sum[i + 4] = carry;
	}
	reduce_scalar(reduced, (const uint8_t *)sum);
	memcpy(r, reduced, 32);
	wipe(sum, sizeof sum);
	wipe(reduced, sizeof reduced);
}

/* RFC 8032, 5.1.5: the secret scalar, and the prefix that makes the nonce, from the seed. */
static void expand_seed(uint64_t scalar[4], uint8_t prefix[32], const uint8_t seed[CENO_ED25519_SEED_BYTES])
{
	struct ceno_sha512 hash;
	uint8_t bytes[64];

	ceno_sha512_init(&hash);
	ceno_sha512_update(&hash, seed, CENO_ED25519_SEED_BYTES);
	ceno_sha512_final(&hash, bytes);
	memcpy(scalar, bytes, 32);
	scalar[0] &= ~7ull;
	scalar[3] = (scalar[3] & ~(1ull << 63)) | 1ull << 62;
	memcpy(prefix, bytes + 32, 32);
	wipe(&hash, sizeof hash);
	wipe(bytes, sizeof bytes);
}

void ceno_ed25519_public_key(uint8_t public_key[CENO_ED25519_KEY_BYTES], const uint8_t seed[CENO_ED25519_SEED_BYTES])
{
	uint64_t scalar[4];
	uint8_t prefix[32];

	expand_seed(scalar, prefix, seed);
	multiply_base(public_key, scalar);
	wipe(scalar, sizeof scalar);
	wipe(prefix, sizeof prefix);
}

void ceno_ed25519_sign(uint8_t signature[CENO_ED25519_SIGNATURE_BYTES], const uint8_t seed[CENO_ED25519_SEED_BYTES],
                       const uint8_t public_key[CENO_ED25519_KEY_BYTES], const void *message, size_t bytes)
{
	uint64_t scalar[4], nonce[4], k[4];
	struct ceno_sha512 hash;
	uint8_t wide_hash[64];

	expand_seed(scalar, wide_hash, seed);
	ceno_sha512_init(&hash);
	ceno_sha512_update(&hash, wide_hash, 32);
	ceno_sha512_update(&hash, message, bytes);
	ceno_sha512_final(&hash, wide_hash);
	reduce_scalar(nonce, wide_hash);
	multiply_base(signature, nonce);
	ceno_ed25519_begin(&hash, signature, public_key);
	ceno_sha512_update(&hash, message, bytes);
	ceno_sha512_final(&hash, wide_hash);
	reduce_scalar(k, wide_hash);
	multiply_add(signature + 32, k, scalar, nonce);
	wipe(scalar, sizeof scalar);
	wipe(nonce, sizeof nonce);
	wipe(&hash, sizeof hash);
	wipe(wide_hash, sizeof wide_hash);
}
