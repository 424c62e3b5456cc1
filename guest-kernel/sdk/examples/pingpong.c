/*
 * Two fibers over two rings: one sends a number, the other sends it back plus one.
 *
 *     ceno run --native --pledge stdio,spawn -- pingpong [ROUNDS]
 *
 * Prints how many round trips there were and what one took. A round trip is two SENDs
 * and two RECVs: 14 joules, half of them each fiber's.
 */
#include "sdk/native.h"

#define SLOT_PING  (SLOT_NATIVE_FREE + 0)
#define SLOT_PONG  (SLOT_NATIVE_FREE + 1)
#define SLOT_OTHER (SLOT_NATIVE_FREE + 2)
#define LAST       UINT64_MAX

CENO_NATIVE(0, 1000000, CENO_SPECTRUM_MATTER, 0);

static void fail(const char *what, int64_t error)
{
	ceno_print("pingpong: %s: error %ld\n", what, (long)error);
	ceno_exit(1);
}

/* In the second fiber. What it cannot do ends it by a fault, and with it the session. */
static void answer(uint64_t unused)
{
	struct ceno_message m;

	(void)unused;
	for (;;) {
		if (ceno_recv(SLOT_PING, -1, &m, NULL) < 0)
			__builtin_trap();
		if (m.word[0] == LAST)
			return;
		m.word[0]++;
		if (ceno_send(SLOT_PONG, -1, &m) < 0)
			__builtin_trap();
	}
}

static void make_other(void)
{
	int64_t rc = ceno_spawn_channel(SLOT_PING);

	if (rc >= 0)
		rc = ceno_spawn_channel(SLOT_PONG);
	if (rc >= 0)
		rc = ceno_fiber_make(&(struct ceno_native_fiber){ .slot = SLOT_OTHER,
		                                                  .spectrum = CENO_SPECTRUM_MATTER,
		                                                  .budget = 400000,
		                                                  .pool_pages = 128,
		                                                  .run = answer });
	if (rc >= 0)
		rc = ceno_grant(SLOT_OTHER, SLOT_PING, SLOT_PING, CENO_RIGHT_READ);
	if (rc >= 0)
		rc = ceno_grant(SLOT_OTHER, SLOT_PONG, SLOT_PONG, CENO_RIGHT_WRITE);
	if (rc >= 0)
		rc = ceno_fiber_go(SLOT_OTHER);
	if (rc < 0)
		fail("cannot make the second fiber (is --pledge stdio,spawn given?)", rc);
}

static uint64_t number_of(const char *text)
{
	uint64_t n = 0;

	for (; *text >= '0' && *text <= '9' && n < 100000000; text++)
		n = n * 10 + (uint64_t)(*text - '0');
	return n;
}

int main(int argc, char **argv)
{
	uint64_t rounds = argc > 1 ? number_of(argv[1]) : 1000, value = 0, start;
	struct ceno_message m = { { 0 } };
	int64_t rc;

	make_other();
	start = ceno_now_ns();
	for (uint64_t i = 0; i < rounds; i++) {
		m.word[0] = value;
		rc = ceno_send(SLOT_PING, -1, &m);
		if (rc < 0)
			fail("SEND", rc);
		rc = ceno_recv(SLOT_PONG, -1, &m, NULL);
		if (rc < 0 || m.word[0] != value + 1)
			fail("RECV", rc);
		value = m.word[0];
	}
	ceno_print("%lu round trips, %lu ns each\n", value, rounds ? (ceno_now_ns() - start) / rounds : 0);
	m.word[0] = LAST;
	ceno_send(SLOT_PING, -1, &m);
	return 0;
}
