/*
 * ceno-attest over a TPM that is slow, or lies, or answers that it cannot now: sessions
 * end as ever, their proofs are pending meanwhile and sealed when it is itself again.
 */
#include "tests/e2e/attest/harness.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/tpm_proxy.h"

static uint8_t file[CENO_CDP_FILE_MAX];
static struct tpm_proxy proxy;

static int setup(void **state)
{
	char folder[96];
	if (node_setup(state))
		return -1;
	struct node *n = *state;
	node_stop(n);
	snprintf(folder, sizeof(folder), "%s/tpm", n->dir);
	proxy = tpm_proxy_start(folder);
	n->keeper = proxy.pid;
	n->keeper_socket = proxy.socket;
	return 0;
}

static int teardown(void **state)
{
	return node_teardown(state); /* ends the proxy, as any keeper */
}

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static bool proof_comes_within(const struct node *n, int ms)
{
	struct pollfd p = { .fd = n->api, .events = POLLIN };
	return poll(&p, 1, ms) == 1;
}

static void a_fast_tpm_is_asked_at_once(void **state)
{
	struct node *n = *state;
	node_start(n);
	uint32_t before = proxy.rules->quotes;
	for (int i = 0; i < 5; i++)
		node_works(n);
	assert_int_equal(proxy.rules->quotes - before, 5);
}

static void a_slow_tpm_is_asked_for_many(void **state)
{
	enum { COUNT = 30 };
	struct node *n = *state;
	struct session *s[COUNT];
	proxy.rules->slow_ms = 120;
	node_start(n);
	uint32_t before = proxy.rules->quotes;
	double begin = now_ms();
	for (int i = 0; i < COUNT; i++) {
		s[i] = session_new();
		session_run(n, s[i]);
	}
	double sent = now_ms() - begin;
	assert_int_equal(verdict(file, api_file(n, s[0], file), s[0]), CENO_VERIFY_CODE_COUNT);
	double first = now_ms() - begin;
	for (int i = 1; i < COUNT; i++)
		assert_int_equal(verdict(file, api_file(n, s[i], file), s[i]), CENO_VERIFY_CODE_COUNT);
	for (int i = 0; i < COUNT; i++)
		session_free(s[i]);
	print_message("%d sessions within %.0f ms: the first sealed after %.0f ms, %u quotes\n", COUNT, sent, first,
	              proxy.rules->quotes - before);
	assert_true(first >= 500); /* it waits for others */
	assert_true(proxy.rules->quotes - before <= 2 + (unsigned)(sent / 500));
	/* Stopping waits for nobody. */
	struct session *last = session_new();
	session_run(n, last);
	begin = now_ms();
	while (now_ms() - begin < 100) /* its step 8 must have been read */
		usleep(10000);
	assert_int_equal(node_stop(n), 0);
	node_start(n);
	assert_int_equal(verdict(file, api_file(n, last, file), last), CENO_VERIFY_CODE_COUNT);
	session_free(last);
}

/* Each lie, told three times about each command of a seal: pending, then sealed and right. */
static void a_lying_tpm_leaves_proofs_pending(void **state)
{
	static const struct {
		uint32_t lie, command, at, code;
	} lies[] = {
		{ TPM_PROXY_SIGNATURE, TPM_CC_QUOTE, 0, 0 }, /* the signature */
		{ TPM_PROXY_EXTRA, TPM_CC_QUOTE, 20, 0 },    /* magic */
		{ TPM_PROXY_EXTRA, TPM_CC_QUOTE, 64, 0 },    /* extraData */
		{ TPM_PROXY_EXTRA, TPM_CC_QUOTE, 105, 0 },   /* clock */
		{ TPM_PROXY_EXTRA, TPM_CC_QUOTE, 140, 0 },   /* PCR digest */
		{ TPM_PROXY_GARBAGE, TPM_CC_QUOTE, 0, 0 },
		{ TPM_PROXY_SHORT, TPM_CC_QUOTE, 0, 0 },
		{ TPM_PROXY_HANG_UP, TPM_CC_QUOTE, 0, 0 },
		{ TPM_PROXY_CODE, TPM_CC_QUOTE, 0, 0x921 },      /* TPM_RC_LOCKOUT */
		{ TPM_PROXY_CODE, TPM_CC_QUOTE, 0, 0x922 },      /* TPM_RC_RETRY */
		{ TPM_PROXY_CODE, TPM_CC_QUOTE, 0, 0x902 },      /* TPM_RC_OBJECT_MEMORY */
		{ TPM_PROXY_CODE, TPM_CC_NV_CERTIFY, 0, 0x920 }, /* TPM_RC_NV_RATE */
		{ TPM_PROXY_CODE, TPM_CC_NV_CERTIFY, 0, 0x923 }, /* TPM_RC_NV_UNAVAILABLE */
		{ TPM_PROXY_SIGNATURE, TPM_CC_NV_CERTIFY, 0, 0 },
		{ TPM_PROXY_EXTRA, TPM_CC_NV_CERTIFY, 150, 0 }, /* the counter */
		{ TPM_PROXY_HANG_UP, TPM_CC_NV_CERTIFY, 0, 0 },
	};
	struct node *n = *state;
	node_start(n);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct session *s = session_new();
		uint32_t told = proxy.rules->told;
		proxy.rules->lie = lies[i].lie;
		proxy.rules->command = lies[i].command;
		proxy.rules->at = lies[i].at;
		proxy.rules->code = lies[i].code;
		proxy.rules->count = 3;
		session_run(n, s); /* launch and payload are answered whatever the TPM does */
		assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_CODE_COUNT);
		assert_int_equal(proxy.rules->told - told, 3);
		session_free(s);
	}
	node_works(n);
}

/* As long as it lies there is no proof; killed meanwhile, the next attest seals it. */
static void a_tpm_that_goes_on_lying_never_gets_a_proof_out(void **state)
{
	struct node *n = *state;
	struct session *s = session_new();
	node_start(n);
	proxy.rules->command = TPM_CC_QUOTE;
	proxy.rules->count = UINT32_MAX;
	proxy.rules->lie = TPM_PROXY_SIGNATURE;
	session_run(n, s);
	assert_false(proof_comes_within(n, 1000));
	assert_true(proxy.rules->told >= 3);
	node_kill(n);
	proxy.rules->lie = TPM_PROXY_HONEST;
	node_start(n);
	session_step8(n, s);
	assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_CODE_COUNT);
	session_free(s);
	node_works(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(a_fast_tpm_is_asked_at_once),
		TEST(a_slow_tpm_is_asked_for_many),
		TEST(a_lying_tpm_leaves_proofs_pending),
		TEST(a_tpm_that_goes_on_lying_never_gets_a_proof_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
