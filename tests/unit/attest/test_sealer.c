/*
 * When batches are made, by whose clock, and what of the counter they carry: the sealer
 * over a real disk queue and a swtpm behind a proxy, without sessions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sodium.h>

#include "attest/daemon/sealer.h"
#include "tests/lib/tpm_proxy.h"

/* One for all tests, started before libuv is: libuv closes descriptors of its own, by number, in every later fork. */
static struct tpm_proxy proxy;

struct rig {
	char dir[64];
	uv_loop_t loop;
	uv_timer_t limit;
	struct ceno_store store;
	struct ceno_disk disk;
	struct ceno_log tree;
	struct ceno_tpmq tpm;
	struct ceno_sealer sealer;
	struct ceno_proof_node node;
	uint8_t secret[64];
	unsigned batches, failures;
	uint64_t sizes[16], counters[16]; /* by batch */
};

static void sealed(void *arg, struct ceno_proof_seal *seal, uint64_t size, int error)
{
	struct rig *r = arg;
	if (error) {
		r->failures++;
		return;
	}
	assert_true(r->batches < 16);
	r->sizes[r->batches] = size;
	r->counters[r->batches++] = seal->nv.certified ? seal->nv.value : 0;
	uint8_t want[32];
	/* The quote covers the checkpoint and the counter that the certificate names. */
	assert_int_equal(ceno_proof_quote_data(seal->checkpoint, seal->checkpoint_bytes, &seal->node, seal->nv.value,
	                                       want),
	                 0);
	bool found = false;
	for (size_t i = 0; i + 32 <= seal->quote.attest_bytes; i++)
		found = found || !memcmp(seal->quote.attest + i, want, 32);
	assert_true(found);
	uv_stop(&r->loop);
}

static void lost(void *arg, const char *why)
{
	(void)arg;
	fail_msg("%s", why);
}

static void too_late(uv_timer_t *timer)
{
	const struct rig *r = timer->data;
	fail_msg("stage %d, waiting %llu, batches %u, away %d, busy %d", r->sealer.stage,
	         (unsigned long long)r->sealer.waiting, r->batches, r->tpm.away, r->tpm.busy);
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	if (!r || sodium_init() < 0)
		return -1;
	strcpy(r->dir, "/tmp/ceno-sealer-XXXXXX");
	if (!mkdtemp(r->dir))
		return -1;
	memset((void *)proxy.rules, 0, sizeof(*proxy.rules));
	/* Before anything else takes that number. */
	if (dup2(proxy.socket, CENO_KEEPER_FD) < 0)
		return -1;
	int log = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (log < 0 || ceno_store_open(&r->store, log, false, NULL, NULL) ||
	    ceno_tpmq_open(&r->tpm, NULL, r->dir, NULL, NULL))
		return -1;
	ceno_log_init(&r->tree);
	crypto_sign_keypair(r->node.log_pub, r->secret);
	strcpy(r->node.origin, "unit");
	const struct ceno_tpm_ak *ak = &r->tpm.ak[CENO_TPM_KEY_SEAL];
	memcpy(r->node.ak_public, ak->public_area, ak->public_bytes);
	r->node.ak_public_bytes = (uint32_t)ak->public_bytes;
	uv_loop_init(&r->loop);
	ceno_disk_init(&r->disk, &r->loop, &r->store);
	ceno_tpmq_start(&r->tpm, &r->loop);
	r->tpm.lost = lost;
	r->sealer = (struct ceno_sealer){ .tree = &r->tree,
		                          .node = &r->node,
		                          .log_secret = r->secret,
		                          .tpm = &r->tpm,
		                          .disk = &r->disk,
		                          .log_folder = log,
		                          .sealed = sealed,
		                          .arg = r };
	ceno_sealer_start(&r->sealer, &r->loop);
	uv_timer_init(&r->loop, &r->limit);
	r->limit.data = r;
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;
	char command[96];
	ceno_tpmq_detach(&r->tpm);
	ceno_sealer_detach(&r->sealer);
	uv_close((uv_handle_t *)&r->limit, NULL);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	uv_loop_close(&r->loop);
	close(r->sealer.log_folder);
	ceno_store_close(&r->store);
	ceno_log_fini(&r->tree);
	ceno_tpmq_close(&r->tpm);
	snprintf(command, sizeof(command), "rm -rf %s", r->dir);
	free(r);
	return system(command);
}

/* A leaf that is in the tree already. */
static void want(struct rig *r)
{
	uint8_t leaf[32];
	randombytes_buf(leaf, sizeof(leaf));
	assert_int_equal(ceno_log_append(&r->tree, leaf, NULL), 0);
	ceno_sealer_want(&r->sealer);
}

/* Run until one more batch was sealed; how long it took in ms. */
static uint64_t next_batch(struct rig *r)
{
	uint64_t begin = uv_hrtime();
	unsigned before = r->batches;
	uv_timer_start(&r->limit, too_late, 20000, 0);
	while (r->batches == before)
		uv_run(&r->loop, UV_RUN_DEFAULT);
	uv_timer_stop(&r->limit);
	return (uv_hrtime() - begin) / 1000000;
}

static void policy_is_by_the_speed(void **state)
{
	(void)state;
	for (unsigned ms = 0; ms <= 20; ms++) {
		assert_int_equal(ceno_sealer_policy(ms).leaves, 1);
		assert_int_equal(ceno_sealer_policy(ms).wait_ms, 0);
	}
	for (unsigned ms = 21; ms < 700; ms += 97) {
		assert_int_equal(ceno_sealer_policy(ms).leaves, 4096);
		assert_int_equal(ceno_sealer_policy(ms).wait_ms, 500);
	}
	assert_int_equal(ceno_sealer_policy(UINT32_MAX).leaves, 4096);
}

static void enough_leaves_or_enough_time(void **state)
{
	struct rig *r = *state;
	r->sealer.policy = ceno_sealer_policy(200);
	for (unsigned i = 0; i < CENO_SEALER_LEAVES; i++)
		want(r);
	assert_in_range(next_batch(r), 0, 450);
	assert_int_equal(r->sizes[0], CENO_SEALER_LEAVES);
	want(r);
	assert_in_range(next_batch(r), 495, 5000);
	/* One that comes while a batch is quoted waits for the next, and its time runs from its coming. */
	proxy.rules->slow_ms = 300;
	for (unsigned i = 0; i < CENO_SEALER_LEAVES; i++)
		want(r);
	want(r);
	next_batch(r);
	assert_int_equal(r->sizes[2], 2 * CENO_SEALER_LEAVES + 1);
	assert_in_range(next_batch(r), 400, 5000);
	assert_int_equal(r->sizes[3], 2 * CENO_SEALER_LEAVES + 2);
	want(r);
	ceno_sealer_hurry(&r->sealer);
	proxy.rules->slow_ms = 0;
	assert_in_range(next_batch(r), 0, 450);
	assert_true(ceno_sealer_idle(&r->sealer));
}

static void the_counter_moves_no_more_than_it_may(void **state)
{
	struct rig *r = *state;
	uint64_t first = r->tpm.counter;
	assert_true(r->tpm.counted && first > 0);
	for (int i = 0; i < 3; i++) {
		want(r);
		next_batch(r);
		assert_int_equal(r->counters[i], first); /* an hour has not passed */
	}
	r->sealer.move_ms = 0;
	for (int i = 3; i < 6; i++) {
		want(r);
		next_batch(r);
		assert_int_equal(r->counters[i], first + (uint64_t)i - 2);
	}
	r->sealer.move_ms = CENO_SEALER_MOVE_MS;
	want(r);
	next_batch(r);
	assert_int_equal(r->counters[6], first + 3);
}

/* The move took place and its answer was lost: the next seal takes the value over instead of never fitting it. */
static void a_counter_that_moved_on_is_taken_over(void **state)
{
	struct rig *r = *state;
	uint64_t first = r->tpm.counter;
	r->sealer.move_ms = 0;
	proxy.rules->command = TPM_CC_NV_READ;
	proxy.rules->lie = TPM_PROXY_HANG_UP;
	proxy.rules->count = 1;
	want(r);
	next_batch(r);
	assert_int_equal(proxy.rules->told, 1);
	assert_int_equal(r->counters[0], first + 1);
	assert_int_equal(r->tpm.counter, first + 1);
}

/* log/checkpoint cannot be replaced: said, tried again, and then sealed. */
static void a_checkpoint_that_could_not_be_written_is_tried_again(void **state)
{
	struct rig *r = *state;
	char path[96];
	snprintf(path, sizeof(path), "%s/checkpoint", r->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	want(r);
	uv_timer_start(&r->limit, too_late, 20000, 0);
	while (!r->failures)
		uv_run(&r->loop, UV_RUN_ONCE);
	assert_int_equal(r->batches, 0);
	assert_int_equal(rmdir(path), 0);
	assert_in_range(next_batch(r), 500, 5000);
	assert_int_equal(r->sizes[0], 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		cmocka_unit_test(policy_is_by_the_speed),
		TEST(enough_leaves_or_enough_time),
		TEST(the_counter_moves_no_more_than_it_may),
		TEST(a_counter_that_moved_on_is_taken_over),
		TEST(a_checkpoint_that_could_not_be_written_is_tried_again),
	};
	setenv("TSS2_LOG", "all+none", 1);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]); /* one of them alone, by hand */
	char folder[] = "/tmp/ceno-sealer-tpm-XXXXXX", command[64];
	if (!mkdtemp(folder))
		return 1;
	proxy = tpm_proxy_start(folder);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	tpm_proxy_stop(&proxy);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) ? 1 : failed;
}
