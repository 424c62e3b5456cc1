/*
 * VAES key stream and VPCLMULQDQ GHASH (wide.h).
 *
 * GHASH (NIST SP 800-38D, 6.4) works on bit-reflected polynomials. Blocks are
 * byte-reversed, so a block is an integer whose bit 127 is x^0; the product of two
 * such integers is off by one shift, which is made good once by keeping the powers
 * of H multiplied by x. reduce() then divides by x^128 + x^7 + x^2 + x + 1 in two
 * folds of 64 bits with the reflected polynomial 0xc2000000 00000000.
 */
#include "wide.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define WIDE             __attribute__((target("aes,pclmul,ssse3,avx512f,avx512bw,avx512vl,vaes,vpclmulqdq")))
#define ROUNDS           15
#define STREAM_BYTES     512u /* of key stream in flight: 8 registers of 4 blocks hide the latency */
#define PREFETCH_BYTES   4096u
#define NON_TEMPORAL_MIN (256u << 10) /* larger than a nearby cache: do not read what is overwritten */

static uint64_t extended_state(void)
{
	uint32_t low, high;
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

int ceno_wide_available(void)
{
	const uint32_t ebx7 = 1u << 16 | 1u << 30 | 1u << 31;          /* AVX512F, BW, VL */
	const uint32_t ecx7 = 1u << 9 | 1u << 10;                      /* VAES, VPCLMULQDQ */
	const uint32_t ecx1 = 1u << 1 | 1u << 9 | 1u << 25 | 1u << 27; /* PCLMULQDQ, SSSE3, AES, OSXSAVE */
	uint32_t a, b, c, d;
	if (!__get_cpuid(1, &a, &b, &c, &d) || (c & ecx1) != ecx1)
		return 0;
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & ebx7) != ebx7 || (c & ecx7) != ecx7)
		return 0;
	return (extended_state() & 0xe6) == 0xe6; /* the kernel saves SSE, AVX and all AVX-512 state */
}

/* FIPS 197, 5.2 for a 256-bit key: two round keys a step; the second uses no rotation. */
WIDE static __m128i mix(__m128i key, __m128i word)
{
	key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
	key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
	return _mm_xor_si128(key, word);
}

#define EXPAND(i, constant) \
	do { \
		a = mix(a, _mm_shuffle_epi32(_mm_aeskeygenassist_si128(b, constant), 0xff)); \
		_mm_storeu_si128((__m128i *)rounds[i], a); \
		if ((i) + 1 < ROUNDS) { \
			b = mix(b, _mm_shuffle_epi32(_mm_aeskeygenassist_si128(a, 0), 0xaa)); \
			_mm_storeu_si128((__m128i *)rounds[((i) + 1) % ROUNDS], b); \
		} \
	} while (0)

WIDE static void expand(const uint8_t key[32], uint8_t rounds[ROUNDS][16])
{
	__m128i a = _mm_loadu_si128((const __m128i *)key), b = _mm_loadu_si128((const __m128i *)(key + 16));
	_mm_storeu_si128((__m128i *)rounds[0], a);
	_mm_storeu_si128((__m128i *)rounds[1], b);
	EXPAND(2, 0x01);
	EXPAND(4, 0x02);
	EXPAND(6, 0x04);
	EXPAND(8, 0x08);
	EXPAND(10, 0x10);
	EXPAND(12, 0x20);
	EXPAND(14, 0x40);
}

WIDE static __m128i encrypt(const uint8_t rounds[ROUNDS][16], __m128i block)
{
	block = _mm_xor_si128(block, _mm_loadu_si128((const __m128i *)rounds[0]));
	for (int i = 1; i < ROUNDS - 1; i++)
		block = _mm_aesenc_si128(block, _mm_loadu_si128((const __m128i *)rounds[i]));
	return _mm_aesenclast_si128(block, _mm_loadu_si128((const __m128i *)rounds[ROUNDS - 1]));
}

WIDE static __m128i reversed(__m128i block)
{
	return _mm_shuffle_epi8(block, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/* ---- key stream ------------------------------------------------------------------ */

/* Without unrolling the registers below live on the stack, at half the speed. Clang does it by itself. */
#if defined(__clang__)
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* clang-format off */
/* 32 blocks from the counters in `at` (little-endian, four a register) on. */
WIDE __attribute__((always_inline)) static inline void stream_part(const __m512i keys[ROUNDS], __m512i at,
                                                                   __m512i out[8])
{
	const __m512i swap = _mm512_broadcast_i32x4(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
	const __m512i four = _mm512_set_epi64(0, 4, 0, 4, 0, 4, 0, 4);
	UNROLL
	for (int i = 0; i < 8; i++) {
		out[i] = _mm512_xor_si512(_mm512_shuffle_epi8(at, swap), keys[0]);
		at = _mm512_add_epi64(at, four);
	}
	UNROLL
	for (int r = 1; r < ROUNDS - 1; r++) {
		UNROLL
		for (int i = 0; i < 8; i++)
			out[i] = _mm512_aesenc_epi128(out[i], keys[r]);
	}
	UNROLL
	for (int i = 0; i < 8; i++)
		out[i] = _mm512_aesenclast_epi128(out[i], keys[ROUNDS - 1]);
}

WIDE void ceno_wide_stream(const struct ceno_wide *wide, uint64_t block, uint8_t *out, size_t bytes)
{
	const __m512i step = _mm512_set_epi64(0, 32, 0, 32, 0, 32, 0, 32);
	int past_cache = bytes >= NON_TEMPORAL_MIN && (uintptr_t)out % 64 == 0;
	__m512i keys[ROUNDS], part[8];
	UNROLL
	for (int r = 0; r < ROUNDS; r++)
		keys[r] = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)wide->fill_rounds[r]));
	__m512i at = _mm512_add_epi64(_mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0),
	                              _mm512_broadcast_i32x4(_mm_set_epi64x(0, (long long)block)));
	for (; bytes >= STREAM_BYTES; bytes -= STREAM_BYTES, out += STREAM_BYTES) {
		stream_part(keys, at, part);
		at = _mm512_add_epi64(at, step);
		UNROLL
		for (int i = 0; i < 8; i++) {
			if (past_cache)
				_mm512_stream_si512((__m512i *)(void *)out + i, part[i]);
			else
				_mm512_storeu_si512(out + 64 * i, part[i]);
		}
	}
	if (bytes > 0) {
		stream_part(keys, at, part);
		memcpy(out, part, bytes);
	}
	_mm_sfence();
}
/* clang-format on */

/* ---- GHASH ------------------------------------------------------------------------- */

WIDE static __m128i reduce(__m128i low, __m128i middle, __m128i high)
{
	const __m128i fold = _mm_set_epi64x((long long)0xc200000000000000ull, 1);
	middle =
	    _mm_xor_si128(middle, _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(fold, low, 0x01)));
	return _mm_xor_si128(high,
	                     _mm_xor_si128(_mm_shuffle_epi32(middle, 0x4e), _mm_clmulepi64_si128(fold, middle, 0x01)));
}

/* a times b, where b carries the extra x. */
WIDE static __m128i multiply(__m128i a, __m128i b)
{
	__m128i middle = _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10));
	return reduce(_mm_clmulepi64_si128(a, b, 0x00), middle, _mm_clmulepi64_si128(a, b, 0x11));
}

/* H times x in the reflected form: one shift to the left, and the polynomial if a bit fell out. */
WIDE static __m128i times_x(__m128i h)
{
	uint64_t low = (uint64_t)_mm_cvtsi128_si64(h), high = (uint64_t)_mm_extract_epi64(h, 1);
	uint64_t mask = 0 - (high >> 63);
	high = (high << 1 | low >> 63) ^ (mask & 0xc200000000000000ull);
	low = low << 1 ^ (mask & 1);
	return _mm_set_epi64x((long long)high, (long long)low);
}

WIDE void ceno_wide_init(struct ceno_wide *wide, const uint8_t fill_key[32], const uint8_t mac_key[32])
{
	expand(fill_key, wide->fill_rounds);
	expand(mac_key, wide->mac_rounds);
	__m128i h = times_x(reversed(encrypt(wide->mac_rounds, _mm_setzero_si128()))), power = h;
	for (int i = 15; i >= 0; i--) {
		_mm_storeu_si128((__m128i *)wide->powers[i], power);
		power = multiply(power, h);
	}
}

WIDE static __m128i fold_lanes(__m512i v)
{
	__m256i half = _mm256_xor_si256(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
	return _mm_xor_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

/* (hash + block 0) H^16 + block 1 H^15 + ... + block 15 H, with one reduction for all. */
/* clang-format off */
WIDE __attribute__((always_inline)) static inline __m128i hash_sixteen(__m128i hash, const uint8_t *data,
                                                                       const __m512i powers[4])
{
	const __m512i swap = _mm512_broadcast_i32x4(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
	__m512i low = _mm512_setzero_si512(), middle = low, high = low;
	UNROLL
	for (int i = 0; i < 4; i++) {
		/* The CPU's own prefetcher stops at the end of each page. */
		_mm_prefetch((const char *)data + PREFETCH_BYTES + 64 * i, _MM_HINT_T0);
		__m512i block = _mm512_shuffle_epi8(_mm512_loadu_si512(data + 64 * i), swap);
		if (i == 0)
			block = _mm512_xor_si512(block, _mm512_zextsi128_si512(hash));
		low = _mm512_xor_si512(low, _mm512_clmulepi64_epi128(block, powers[i], 0x00));
		high = _mm512_xor_si512(high, _mm512_clmulepi64_epi128(block, powers[i], 0x11));
		middle = _mm512_ternarylogic_epi64(middle, _mm512_clmulepi64_epi128(block, powers[i], 0x01),
		                                   _mm512_clmulepi64_epi128(block, powers[i], 0x10), 0x96);
	}
	return reduce(fold_lanes(low), fold_lanes(middle), fold_lanes(high));
}
/* clang-format on */

WIDE void ceno_wide_gmac(const struct ceno_wide *wide, const uint8_t nonce[12], const uint8_t *data, size_t bytes,
                         uint8_t tag[16])
{
	__m512i powers[4];
	__m128i hash = _mm_setzero_si128();
	uint64_t bits = (uint64_t)bytes * 8;
	uint8_t first[16] = { 0 };
	for (int i = 0; i < 4; i++)
		powers[i] = _mm512_loadu_si512(wide->powers[4 * i]);
	for (size_t at = 0; at < bytes; at += 256)
		hash = hash_sixteen(hash, data + at, powers);
	/* The last block: the length of the AAD in bits, and no text. Byte-reversed: the upper half. */
	hash = _mm_xor_si128(hash, _mm_set_epi64x((long long)bits, 0));
	hash = multiply(hash, _mm_loadu_si128((const __m128i *)wide->powers[15]));
	memcpy(first, nonce, 12);
	first[15] = 1;
	__m128i mask = encrypt(wide->mac_rounds, _mm_loadu_si128((const __m128i *)first));
	_mm_storeu_si128((__m128i *)tag, _mm_xor_si128(reversed(hash), mask));
}

#else

#include <stdlib.h>

int ceno_wide_available(void)
{
	return 0;
}

void ceno_wide_init(struct ceno_wide *wide, const uint8_t fill_key[32], const uint8_t mac_key[32])
{
	(void)wide, (void)fill_key, (void)mac_key;
	abort();
}

void ceno_wide_stream(const struct ceno_wide *wide, uint64_t block, uint8_t *out, size_t bytes)
{
	(void)wide, (void)block, (void)out, (void)bytes;
	abort();
}

void ceno_wide_gmac(const struct ceno_wide *wide, const uint8_t nonce[12], const uint8_t *data, size_t bytes,
                    uint8_t tag[16])
{
	(void)wide, (void)nonce, (void)data, (void)bytes, (void)tag;
	abort();
}

#endif
