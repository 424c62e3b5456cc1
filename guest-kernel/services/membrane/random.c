/*
 * The session's random generator. See random.h.
 *
 * Each refill makes 16 blocks from the key; the first 32 bytes become the next key
 * and what was handed out is erased, so bytes already given cannot be computed
 * from what membrane still holds.
 */
#include "random.h"

#include "calls.h"
#include "process.h"
#include "vm.h"

#define BLOCKS 16

static uint32_t key[8];
static uint8_t pool[BLOCKS * 64];
static uint32_t left; /* unread bytes at the end of pool */

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static void quarter(uint32_t *s, unsigned a, unsigned b, unsigned c, unsigned d)
{
	s[a] += s[b];
	s[d] = rotate(s[d] ^ s[a], 16);
	s[c] += s[d];
	s[b] = rotate(s[b] ^ s[c], 12);
	s[a] += s[b];
	s[d] = rotate(s[d] ^ s[a], 8);
	s[c] += s[d];
	s[b] = rotate(s[b] ^ s[c], 7);
}

void ceno_chacha20_block(const uint32_t k[8], uint32_t counter, const uint32_t nonce[3], uint32_t out[16])
{
	uint32_t in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, k[0],    k[1],     k[2],     k[3],
		            k[4],       k[5],       k[6],       k[7],       counter, nonce[0], nonce[1], nonce[2] };

	memcpy(out, in, sizeof(in));
	for (int round = 0; round < 10; round++) {
		quarter(out, 0, 4, 8, 12);
		quarter(out, 1, 5, 9, 13);
		quarter(out, 2, 6, 10, 14);
		quarter(out, 3, 7, 11, 15);
		quarter(out, 0, 5, 10, 15);
		quarter(out, 1, 6, 11, 12);
		quarter(out, 2, 7, 8, 13);
		quarter(out, 3, 4, 9, 14);
	}
	for (int i = 0; i < 16; i++)
		out[i] += in[i];
}

static void refill(void)
{
	static const uint32_t nonce[3];
	uint32_t block[16];

	for (uint32_t i = 0; i < BLOCKS; i++) {
		ceno_chacha20_block(key, i, nonce, block);
		memcpy(pool + 64 * i, block, sizeof(block));
	}
	memcpy(key, pool, sizeof(key));
	memset(pool, 0, sizeof(key));
	memset(block, 0, sizeof(block));
	__asm__ volatile("" : : "r"(block) : "memory");
	left = sizeof(pool) - sizeof(key);
}

void ceno_random_init(void)
{
	uint64_t hardware;

	memcpy(key, ceno_boot()->seed, sizeof(key));
	left = 0;
	for (unsigned i = 0; i < 4; i++) {
		if (!ceno_cpu_random(&hardware))
			break;
		key[2 * i] ^= (uint32_t)hardware;
		key[2 * i + 1] ^= (uint32_t)(hardware >> 32);
	}
	refill();
}

void ceno_random_fill(void *to, uint64_t bytes)
{
	uint8_t *out = to;

	while (bytes) {
		uint64_t part;
		uint8_t *from;

		if (!left)
			refill();
		part = bytes < left ? bytes : left;
		from = pool + sizeof(pool) - left;
		memcpy(out, from, part);
		memset(from, 0, part);
		left -= (uint32_t)part;
		out += part;
		bytes -= part;
	}
}

uint64_t ceno_random_u64(void)
{
	uint64_t value;

	ceno_random_fill(&value, sizeof(value));
	return value;
}

int64_t ceno_sys_getrandom(const uint64_t a[6])
{
	uint64_t bytes = a[1] < 0x2000000 - 1 ? a[1] : 0x2000000 - 1, done = 0, got;

	if ((a[2] & ~7ull) || (a[2] & 6) == 6)
		return -LX_EINVAL;
	while (done < bytes) {
		void *to = ceno_user_span(a[0] + done, bytes - done, LX_PROT_WRITE, &got);

		if (!to)
			return done ? (int64_t)done : -LX_EFAULT;
		ceno_random_fill(to, got);
		done += got;
	}
	return (int64_t)done;
}
