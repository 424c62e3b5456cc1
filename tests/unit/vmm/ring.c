/*
 * Rings against a guest that writes any index at any time: no span ever leaves the
 * ring, claims that do not fit are refused, honest bytes arrive in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "vmm/windows/ring.h"

#define BYTES  64u
#define ROUNDS 200000

static uint8_t data[BYTES];
static uint32_t ours, theirs;

/* xorshift32, fixed seed: a failure repeats. */
static uint32_t next_random(void)
{
	static uint32_t x = 0x9e3779b9u;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static struct ceno_ring make(uint32_t start)
{
	ours = theirs = start;
	return (struct ceno_ring){ .data = data, .bytes = BYTES, .position = start, .ours = &ours, .theirs = &theirs };
}

static void check_span(const struct ceno_ring_span *span)
{
	assert_true(span->at >= data && span->at < data + BYTES);
	assert_true(span->bytes <= (uint32_t)(data + BYTES - span->at));
}

static void any_index_stays_inside(void **state)
{
	(void)state;
	struct ceno_ring ring = make(0xffffffe0u); /* wraps soon */
	unsigned refused = 0, served = 0;
	for (int i = 0; i < ROUNDS; i++) {
		struct ceno_ring_span span;
		uint32_t pending = 0;
		/* Mostly near the truth, sometimes anything, never by our leave in `ours`. */
		theirs = next_random() % 4 ? ring.position + next_random() % (2 * BYTES) - BYTES / 2 : next_random();
		ours = next_random(); /* the guest may write our published index: it is never read back */
		uint32_t before = ring.position;
		if (next_random() & 1) {
			int result = ceno_ring_readable(&ring, &span, &pending);
			assert_int_equal(result, theirs - ring.position > BYTES ? -EPROTO : 0);
			if (result) {
				refused++;
				continue;
			}
			assert_true(pending <= BYTES && span.bytes <= pending);
		} else {
			int result = ceno_ring_writable(&ring, &span);
			assert_int_equal(result, ring.position - theirs > BYTES ? -EPROTO : 0);
			if (result) {
				refused++;
				continue;
			}
		}
		check_span(&span);
		served++;
		uint32_t n = span.bytes ? next_random() % (span.bytes + 1) : 0;
		ceno_ring_advance(&ring, n);
		assert_int_equal(ring.position, before + n);
		assert_int_equal(ours, ring.position);
	}
	assert_true(refused > ROUNDS / 20 && served > ROUNDS / 20); /* both paths were taken */
}

/* The guest produces in random pieces, we consume in random pieces: one stream. */
static void carries_bytes_in_order(void **state)
{
	(void)state;
	struct ceno_ring ring = make(0xfffffff0u);
	uint8_t written = 0, expected = 0;
	for (int i = 0; i < ROUNDS; i++) {
		struct ceno_ring_span span;
		uint32_t pending, free_bytes = BYTES - (theirs - ring.position);
		for (uint32_t n = next_random() % (free_bytes + 1); n; n--)
			data[theirs++ & (BYTES - 1)] = written++;
		assert_int_equal(ceno_ring_readable(&ring, &span, &pending), 0);
		assert_int_equal(pending, theirs - ring.position);
		uint32_t take = span.bytes ? next_random() % (span.bytes + 1) : 0;
		for (uint32_t j = 0; j < take; j++)
			assert_int_equal(span.at[j], expected++);
		ceno_ring_advance(&ring, take);
	}
}

static void full_and_empty(void **state)
{
	(void)state;
	struct ceno_ring ring = make(0);
	struct ceno_ring_span span;
	uint32_t pending;
	assert_int_equal(ceno_ring_readable(&ring, &span, &pending), 0);
	assert_int_equal(span.bytes, 0);
	theirs = BYTES;
	assert_int_equal(ceno_ring_readable(&ring, &span, &pending), 0);
	assert_int_equal(span.bytes, BYTES);
	theirs = BYTES + 1;
	assert_int_equal(ceno_ring_readable(&ring, &span, &pending), -EPROTO);
	theirs = 0xffffffffu; /* a producer that went back */
	assert_int_equal(ceno_ring_readable(&ring, &span, &pending), -EPROTO);

	ring = make(0);
	assert_int_equal(ceno_ring_writable(&ring, &span), 0);
	assert_int_equal(span.bytes, BYTES);
	ceno_ring_advance(&ring, BYTES);
	assert_int_equal(ceno_ring_writable(&ring, &span), 0);
	assert_int_equal(span.bytes, 0);
	theirs = BYTES + 1; /* consumed what was not there */
	assert_int_equal(ceno_ring_writable(&ring, &span), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_index_stays_inside),
		cmocka_unit_test(carries_bytes_in_order),
		cmocka_unit_test(full_and_empty),
	};
	return cmocka_run_group_tests_name("rings", tests, NULL, NULL);
}
