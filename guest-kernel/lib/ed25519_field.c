/*
 * Arithmetic modulo 2^255 - 19 (ed25519_field.h has the bounds).
 */
#include "lib/ed25519_field.h"
#include "lib/mem.h"

#define LIMB_BITS 51
#define LIMB_MASK ((1ull << LIMB_BITS) - 1)

__extension__ typedef unsigned __int128 wide;

static const ceno_fe one = { { 1 } };

void ceno_fe_add(ceno_fe *r, const ceno_fe *a, const ceno_fe *b)
{
	for (unsigned i = 0; i < 5; i++)
		r->v[i] = a->v[i] + b->v[i];
}

void ceno_fe_sub(ceno_fe *r, const ceno_fe *a, const ceno_fe *b)
{
	r->v[0] = a->v[0] + 2 * (LIMB_MASK - 18) - b->v[0];
	for (unsigned i = 1; i < 5; i++)
		r->v[i] = a->v[i] + 2 * LIMB_MASK - b->v[i];
}

void ceno_fe_mul(ceno_fe *r, const ceno_fe *a, const ceno_fe *b)
{
	uint64_t a0 = a->v[0], a1 = a->v[1], a2 = a->v[2], a3 = a->v[3], a4 = a->v[4];
	uint64_t b0 = b->v[0], b1 = b->v[1], b2 = b->v[2], b3 = b->v[3], b4 = b->v[4];
	uint64_t c1 = 19 * b1, c2 = 19 * b2, c3 = 19 * b3, c4 = 19 * b4;
	wide t0 = (wide)a0 * b0 + (wide)a1 * c4 + (wide)a2 * c3 + (wide)a3 * c2 + (wide)a4 * c1;
	wide t1 = (wide)a0 * b1 + (wide)a1 * b0 + (wide)a2 * c4 + (wide)a3 * c3 + (wide)a4 * c2;
	wide t2 = (wide)a0 * b2 + (wide)a1 * b1 + (wide)a2 * b0 + (wide)a3 * c4 + (wide)a4 * c3;
	wide t3 = (wide)a0 * b3 + (wide)a1 * b2 + (wide)a2 * b1 + (wide)a3 * b0 + (wide)a4 * c4;
	wide t4 = (wide)a0 * b4 + (wide)a1 * b3 + (wide)a2 * b2 + (wide)a3 * b1 + (wide)a4 * b0;

	t1 += (uint64_t)(t0 >> LIMB_BITS);
	t2 += (uint64_t)(t1 >> LIMB_BITS);
	t3 += (uint64_t)(t2 >> LIMB_BITS);
	t4 += (uint64_t)(t3 >> LIMB_BITS);
	/* 19 * carry may exceed 64 bits: fold it in the wide type */
	t0 = (wide)((uint64_t)t0 & LIMB_MASK) + (wide)19 * (uint64_t)(t4 >> LIMB_BITS);
	r->v[0] = (uint64_t)t0 & LIMB_MASK;
	t1 = ((uint64_t)t1 & LIMB_MASK) + (t0 >> LIMB_BITS);
	r->v[1] = (uint64_t)t1 & LIMB_MASK;
	r->v[2] = ((uint64_t)t2 & LIMB_MASK) + (uint64_t)(t1 >> LIMB_BITS);
	r->v[3] = (uint64_t)t3 & LIMB_MASK;
	r->v[4] = (uint64_t)t4 & LIMB_MASK;
}

/* r = a ^ (2 ^ times) */
static void square_times(ceno_fe *r, const ceno_fe *a, unsigned times)
{
	ceno_fe_mul(r, a, a);
	while (--times)
		ceno_fe_mul(r, r, r);
}

/* r = a ^ (2^250 - 1), *a11 = a ^ 11. From 2^m - 1 and 2^n - 1 one gets
 * 2^(m + n) - 1 by n squarings of the first and a product with the second. */
static void pow_250(ceno_fe *r, ceno_fe *a11, const ceno_fe *a)
{
	static const struct {
		uint8_t squarings, factor;
	} steps[7] = {
		{ 5, 0 },   /* 1: 2^10 - 1 */
		{ 10, 1 },  /* 2: 2^20 - 1 */
		{ 20, 2 },  /* 3: 2^40 - 1 */
		{ 10, 1 },  /* 4: 2^50 - 1 */
		{ 50, 4 },  /* 5: 2^100 - 1 */
		{ 100, 5 }, /* 6: 2^200 - 1 */
		{ 50, 4 },  /* 7: 2^250 - 1 */
	};
	ceno_fe t, kept[8];

	square_times(&t, a, 1);              /* 2 */
	square_times(&kept[0], &t, 2);       /* 8 */
	ceno_fe_mul(&kept[0], &kept[0], a);  /* 9 */
	ceno_fe_mul(a11, &kept[0], &t);      /* 11 */
	square_times(&t, a11, 1);            /* 22 */
	ceno_fe_mul(&kept[0], &kept[0], &t); /* 31 = 2^5 - 1 */
	for (unsigned i = 0; i < 7; i++) {
		square_times(&t, &kept[i], steps[i].squarings);
		ceno_fe_mul(&kept[i + 1], &t, &kept[steps[i].factor]);
	}
	*r = kept[7];
}

void ceno_fe_pow_p58(ceno_fe *r, const ceno_fe *a)
{
	ceno_fe t, a11;

	pow_250(&t, &a11, a);
	square_times(&t, &t, 2); /* 2^252 - 4 */
	ceno_fe_mul(r, &t, a);
}

void ceno_fe_invert(ceno_fe *r, const ceno_fe *a)
{
	ceno_fe t, a11;

	pow_250(&t, &a11, a);
	square_times(&t, &t, 5);  /* 2^255 - 32 */
	ceno_fe_mul(r, &t, &a11); /* p - 2 = 2^255 - 21 */
}

void ceno_fe_from_bytes(ceno_fe *r, const uint8_t bytes[32])
{
	uint64_t w[4];

	memcpy(w, bytes, 32);
	r->v[0] = w[0] & LIMB_MASK;
	r->v[1] = (w[0] >> 51 | w[1] << 13) & LIMB_MASK;
	r->v[2] = (w[1] >> 38 | w[2] << 26) & LIMB_MASK;
	r->v[3] = (w[2] >> 25 | w[3] << 39) & LIMB_MASK;
	r->v[4] = w[3] >> 12 & LIMB_MASK;
}

void ceno_fe_to_bytes(uint8_t bytes[32], const ceno_fe *a)
{
	ceno_fe t;
	uint64_t carry = 19, w[4];

	ceno_fe_mul(&t, a, &one); /* tight: below 2p */
	for (unsigned i = 0; i < 5; i++)
		carry = (t.v[i] + carry) >> LIMB_BITS;
	carry *= 19; /* t + 19 >= 2^255, that is t >= p: subtract p */
	for (unsigned i = 0; i < 5; i++) {
		carry += t.v[i];
		t.v[i] = carry & LIMB_MASK;
		carry >>= LIMB_BITS;
	}
	w[0] = t.v[0] | t.v[1] << 51;
	w[1] = t.v[1] >> 13 | t.v[2] << 38;
	w[2] = t.v[2] >> 26 | t.v[3] << 25;
	w[3] = t.v[3] >> 39 | t.v[4] << 12;
	memcpy(bytes, w, 32);
}

bool ceno_fe_is_equal(const ceno_fe *a, const ceno_fe *b)
{
	uint8_t x[32], y[32];

	ceno_fe_to_bytes(x, a);
	ceno_fe_to_bytes(y, b);
	return ceno_mem_equal(x, y, 32);
}
