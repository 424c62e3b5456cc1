/*
 * ceno_tpm against a real swtpm: what is signed verifies with OpenSSL over the
 * very bytes handed out, and with nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <sodium.h>
#include <tss2/tss2_mu.h>

#include "attest/tpm/swtpm.h"
#include "attest/tpm/tpm.h"
#include "tests/lib/p256.h"

struct node {
	char dir[64];
	struct ceno_swtpm child;
	struct ceno_tpm *tpm;
};

static void node_open(struct node *n, bool reset)
{
	assert_int_equal(ceno_swtpm_start(&n->child, n->dir, reset), CENO_TPM_OK);
	int fd = n->child.data;
	n->child.data = -1;
	assert_int_equal(ceno_tpm_open_stream(&n->tpm, fd, true), CENO_TPM_OK);
}

static void node_close(struct node *n)
{
	ceno_tpm_close(n->tpm);
	n->tpm = NULL;
	ceno_swtpm_stop(&n->child, 2000);
}

static int setup(void **state)
{
	struct node *n = calloc(1, sizeof(*n));
	strcpy(n->dir, "/tmp/ceno-tpm-XXXXXX");
	if (sodium_init() < 0 || !mkdtemp(n->dir))
		return -1;
	node_open(n, true);
	*state = n;
	return 0;
}

static int teardown(void **state)
{
	struct node *n = *state;
	if (n->tpm)
		node_close(n);
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", n->dir);
	int rc = system(command);
	free(n);
	return rc;
}

/* Is q's signature ak's over exactly these bytes? */
static bool verifies(const struct ceno_tpm_ak *ak, const struct ceno_tpm_quote *q, const uint8_t *bytes, size_t length)
{
	TPMT_PUBLIC p;
	size_t offset = 0;
	assert_int_equal(Tss2_MU_TPMT_PUBLIC_Unmarshal(ak->public_area, ak->public_bytes, &offset, &p), 0);
	assert_int_equal(offset, ak->public_bytes);
	assert_int_equal(p.type, TPM2_ALG_ECC);
	assert_true(p.objectAttributes & TPMA_OBJECT_RESTRICTED);
	assert_true(p.objectAttributes & TPMA_OBJECT_SIGN_ENCRYPT);
	assert_true(p.objectAttributes & TPMA_OBJECT_FIXEDTPM);
	assert_false(p.objectAttributes & TPMA_OBJECT_DECRYPT);
	uint8_t point[65] = { 4 };
	memcpy(point + 1 + 32 - p.unique.ecc.x.size, p.unique.ecc.x.buffer, p.unique.ecc.x.size);
	memcpy(point + 33 + 32 - p.unique.ecc.y.size, p.unique.ecc.y.buffer, p.unique.ecc.y.size);
	return p256_verifies(point, q->r, q->s, bytes, length);
}

static void quote_verifies_over_the_bytes_given(void **state)
{
	struct node *n = *state;
	uint8_t extra[32];
	struct ceno_tpm_quote q;
	memset(extra, 0x5a, sizeof(extra));
	for (enum ceno_tpm_key key = CENO_TPM_KEY_SEAL; key <= CENO_TPM_KEY_RAW; key++) {
		const struct ceno_tpm_ak *ak = ceno_tpm_ak(n->tpm, key), *other = ceno_tpm_ak(n->tpm, !key);
		assert_int_equal(ceno_tpm_quote(n->tpm, key, extra, &q), CENO_TPM_OK);
		assert_true(verifies(ak, &q, q.attest, q.attest_bytes));
		assert_false(verifies(other, &q, q.attest, q.attest_bytes));
		for (size_t i = 0; i < q.attest_bytes; i++) {
			q.attest[i] ^= 1;
			assert_false(verifies(ak, &q, q.attest, q.attest_bytes));
			q.attest[i] ^= 1;
		}
		q.s[31] ^= 1;
		assert_false(verifies(ak, &q, q.attest, q.attest_bytes));
	}
}

static void quote_carries_the_nonce_and_the_pcrs(void **state)
{
	struct node *n = *state;
	uint8_t extra[32], digest[32], ones[32], zeros[32] = { 0 };
	struct ceno_tpm_quote q;
	TPMS_ATTEST a;
	size_t offset = 0;
	memset(ones, 0xff, 32);
	randombytes_buf(extra, sizeof(extra));
	assert_int_equal(ceno_tpm_quote(n->tpm, CENO_TPM_KEY_SEAL, extra, &q), CENO_TPM_OK);
	assert_int_equal(Tss2_MU_TPMS_ATTEST_Unmarshal(q.attest, q.attest_bytes, &offset, &a), 0);
	assert_int_equal(a.magic, TPM2_GENERATED_VALUE);
	assert_int_equal(a.type, TPM2_ST_ATTEST_QUOTE);
	assert_int_equal(a.extraData.size, 32);
	assert_memory_equal(a.extraData.buffer, extra, 32);
	extra[0] ^= 1;
	assert_memory_not_equal(a.extraData.buffer, extra, 32);
	crypto_hash_sha256(digest, q.pcr[0], sizeof(q.pcr));
	assert_memory_equal(a.attested.quote.pcrDigest.buffer, digest, 32);
	/* Nobody extended anything: a fresh swtpm has zeros in PCR 0 to 15. */
	for (int i = 0; i < CENO_TPM_PCRS; i++)
		assert_memory_equal(q.pcr[i], zeros, 32);
	uint32_t reset, restart;
	assert_int_equal(ceno_tpm_clock(n->tpm, &reset, &restart), CENO_TPM_OK);
	assert_int_equal(q.reset_count, reset);
	assert_int_equal(q.restart_count, restart);
}

static void keys_differ_and_come_back_after_a_restart(void **state)
{
	struct node *n = *state;
	struct ceno_tpm_ak seal = *ceno_tpm_ak(n->tpm, CENO_TPM_KEY_SEAL), raw = *ceno_tpm_ak(n->tpm, CENO_TPM_KEY_RAW);
	assert_memory_not_equal(seal.name, raw.name, CENO_TPM_NAME_BYTES);
	node_close(n);
	node_open(n, true);
	assert_memory_equal(ceno_tpm_ak(n->tpm, CENO_TPM_KEY_SEAL)->name, seal.name, CENO_TPM_NAME_BYTES);
	assert_memory_equal(ceno_tpm_ak(n->tpm, CENO_TPM_KEY_RAW)->name, raw.name, CENO_TPM_NAME_BYTES);
}

static void another_tpm_has_other_keys(void **state)
{
	struct node *n = *state;
	void *second;
	assert_int_equal(setup(&second), 0);
	struct node *m = second;
	assert_memory_not_equal(ceno_tpm_ak(n->tpm, CENO_TPM_KEY_SEAL)->name,
	                        ceno_tpm_ak(m->tpm, CENO_TPM_KEY_SEAL)->name, CENO_TPM_NAME_BYTES);
	teardown(&second);
}

static void counter_rises_over_restarts_and_is_certified(void **state)
{
	struct node *n = *state;
	uint64_t first, next;
	uint8_t extra[32] = { 7 };
	struct ceno_tpm_quote q;
	assert_int_equal(ceno_tpm_counter_certify(n->tpm, extra, &q), CENO_TPM_REFUSED);
	assert_int_equal(ceno_tpm_counter_move(n->tpm, &first), CENO_TPM_OK);
	for (uint64_t i = 1; i < 4; i++) {
		node_close(n);
		node_open(n, true);
		assert_int_equal(ceno_tpm_counter_move(n->tpm, &next), CENO_TPM_OK);
		assert_int_equal(next, first + i);
		assert_int_equal(ceno_tpm_counter_certify(n->tpm, extra, &q), CENO_TPM_OK);
		assert_int_equal(q.counter, next);
		assert_true(verifies(ceno_tpm_ak(n->tpm, CENO_TPM_KEY_SEAL), &q, q.attest, q.attest_bytes));
	}
}

static void random_bytes_differ(void **state)
{
	struct node *n = *state;
	uint8_t a[32] = { 0 }, b[32] = { 0 };
	assert_int_equal(ceno_tpm_random(n->tpm, a, 32), CENO_TPM_OK);
	assert_int_equal(ceno_tpm_random(n->tpm, b, 32), CENO_TPM_OK);
	assert_memory_not_equal(a, b, 32);
}

static void properties_name_swtpm(void **state)
{
	struct node *n = *state;
	const struct ceno_tpm_properties *p = ceno_tpm_properties(n->tpm);
	assert_string_equal(p->manufacturer, "IBM");
	assert_int_equal(p->kind, CENO_TPM_KIND_SOFTWARE);
	assert_true(p->firmware_version != 0);
}

/* TPMS_ATTEST: magic, type, qualified signer (2 + 34), extraData (2 + 32), then the clock. */
static uint64_t clock_of(const struct ceno_tpm_quote *q)
{
	uint64_t v = 0;
	for (size_t i = 0; i < 8; i++)
		v = v << 8 | q->attest[4 + 2 + 36 + 34 + i];
	return v;
}

static void death_of_swtpm_is_gone_and_a_new_one_serves(void **state)
{
	struct node *n = *state;
	uint8_t extra[32] = { 1 };
	struct ceno_tpm_quote q;
	struct ceno_tpm_ak before = *ceno_tpm_ak(n->tpm, CENO_TPM_KEY_SEAL);
	kill(n->child.pid, SIGKILL);
	assert_int_equal(ceno_tpm_quote(n->tpm, CENO_TPM_KEY_SEAL, extra, &q), CENO_TPM_GONE);
	assert_int_equal(ceno_tpm_quote(n->tpm, CENO_TPM_KEY_SEAL, extra, &q), CENO_TPM_GONE);
	assert_int_equal(ceno_tpm_random(n->tpm, extra, 32), CENO_TPM_GONE);
	node_close(n);
	node_open(n, true);
	assert_int_equal(ceno_tpm_quote(n->tpm, CENO_TPM_KEY_SEAL, extra, &q), CENO_TPM_OK);
	assert_memory_equal(ceno_tpm_ak(n->tpm, CENO_TPM_KEY_SEAL)->name, before.name, CENO_TPM_NAME_BYTES);
}

/* Killed at any moment it resumes: same counts, a clock that went on, the counter where it was. */
static void a_killed_swtpm_resumes_and_only_a_start_resets(void **state)
{
	struct node *n = *state;
	uint8_t extra[32] = { 3 };
	struct ceno_tpm_quote before, after;
	uint64_t counter = 0, again = 0;
	assert_int_equal(ceno_tpm_counter_move(n->tpm, &counter), CENO_TPM_OK);
	assert_int_equal(ceno_tpm_quote(n->tpm, CENO_TPM_KEY_SEAL, extra, &before), CENO_TPM_OK);
	for (int i = 0; i < 3; i++) {
		kill(n->child.pid, SIGKILL);
		ceno_tpm_close(n->tpm);
		ceno_swtpm_stop(&n->child, 0);
		node_open(n, false);
		assert_int_equal(ceno_tpm_quote(n->tpm, CENO_TPM_KEY_SEAL, extra, &after), CENO_TPM_OK);
		assert_int_equal(after.reset_count, before.reset_count);
		assert_int_equal(after.restart_count, before.restart_count);
		assert_true(clock_of(&after) >= clock_of(&before));
		assert_int_equal(ceno_tpm_counter_move(n->tpm, &again), CENO_TPM_OK);
		assert_int_equal(again, ++counter);
		before = after;
	}
	node_close(n);
	node_open(n, true);
	assert_int_equal(ceno_tpm_quote(n->tpm, CENO_TPM_KEY_SEAL, extra, &after), CENO_TPM_OK);
	assert_int_equal(after.reset_count, before.reset_count + 1);
}

/* TPMS_CLOCK_INFO.safe, after clock, reset and restart count: no, if the TPM was not told before it lost its power. */
static bool clock_is_safe(struct node *n)
{
	uint8_t extra[32] = { 4 };
	struct ceno_tpm_quote q;
	assert_int_equal(ceno_tpm_quote(n->tpm, CENO_TPM_KEY_SEAL, extra, &q), CENO_TPM_OK);
	return q.attest[4 + 2 + 36 + 34 + 16];
}

static void closing_shuts_our_own_tpm_down_in_order(void **state)
{
	struct node *n = *state;
	node_close(n);
	node_open(n, true);
	assert_true(clock_is_safe(n));
	kill(n->child.pid, SIGKILL);
	node_close(n);
	node_open(n, true);
	assert_false(clock_is_safe(n));
}

/* What an earlier owner of the socket left in it: a whole response, and one of which it had read a part. */
static void responses_that_nobody_read_are_drained(void **state)
{
	struct node *n = *state;
	static const uint8_t get_random[12] = { 0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 20 };
	uint8_t extra[32] = { 4 }, part[7];
	struct ceno_tpm_quote q;
	for (size_t read_before = 0; read_before <= sizeof(part); read_before += sizeof(part)) {
		ceno_tpm_close(n->tpm);
		ceno_swtpm_stop(&n->child, 2000);
		assert_int_equal(ceno_swtpm_start(&n->child, n->dir, false), CENO_TPM_OK);
		assert_int_equal(send(n->child.data, get_random, sizeof(get_random), 0), sizeof(get_random));
		assert_int_equal(recv(n->child.data, part, read_before, read_before ? MSG_WAITALL : 0), read_before);
		int fd = n->child.data;
		n->child.data = -1;
		assert_int_equal(ceno_tpm_open_stream(&n->tpm, fd, true), CENO_TPM_OK);
		assert_int_equal(ceno_tpm_quote(n->tpm, CENO_TPM_KEY_SEAL, extra, &q), CENO_TPM_OK);
	}
}

/* A state directory serves one swtpm: the second is turned away, the first goes on. */
static void a_second_swtpm_on_the_directory_is_refused(void **state)
{
	struct node *n = *state;
	struct ceno_swtpm second;
	uint8_t extra[32] = { 2 };
	struct ceno_tpm_quote q;
	assert_int_equal(ceno_swtpm_start(&second, n->dir, true), CENO_TPM_SPAWN);
	assert_int_equal(second.pid, 0);
	assert_int_equal(ceno_tpm_quote(n->tpm, CENO_TPM_KEY_SEAL, extra, &q), CENO_TPM_OK);
}

/* The child must not outlive us: a process that opens a TPM and is killed takes swtpm with it. */
static void swtpm_dies_with_its_owner(void **state)
{
	struct node *n = *state;
	int pipe_fd[2];
	assert_int_equal(pipe(pipe_fd), 0);
	pid_t owner = fork();
	if (owner == 0) {
		struct ceno_swtpm child;
		char dir[sizeof(n->dir) + 8];
		snprintf(dir, sizeof(dir), "%s/second", n->dir);
		if (mkdir(dir, 0700) || ceno_swtpm_start(&child, dir, true))
			_exit(1);
		if (write(pipe_fd[1], &child.pid, sizeof(child.pid)) != sizeof(child.pid))
			_exit(1);
		pause();
	}
	pid_t swtpm = 0;
	assert_int_equal(read(pipe_fd[0], &swtpm, sizeof(swtpm)), sizeof(swtpm));
	kill(owner, SIGKILL);
	waitpid(owner, NULL, 0);
	bool gone = false;
	for (int i = 0; i < 200 && !gone; i++) {
		char path[64], line[256] = "";
		snprintf(path, sizeof(path), "/proc/%d/stat", swtpm);
		FILE *f = fopen(path, "r");
		gone = !f || !fgets(line, sizeof(line), f) || strstr(line, ") Z ");
		if (f)
			fclose(f);
		usleep(10000);
	}
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	assert_true(gone);
}

/* The RSA key: the caller's bytes as they are, the same key again, no slot of the TPM kept. */
static void a_report_is_of_the_bytes_given(void **state)
{
	struct node *n = *state;
	static struct ceno_tpm_report first, again;
	uint8_t data[64], extra[32] = { 0 };
	struct ceno_tpm_quote quote;
	randombytes_buf(data, sizeof(data));
	assert_int_equal(ceno_tpm_report(n->tpm, data, &first), CENO_TPM_OK);
	for (int i = 0; i < 5; i++) {
		data[0]++;
		assert_int_equal(ceno_tpm_report(n->tpm, data, &again), CENO_TPM_OK);
		assert_memory_equal(again.spki, first.spki, sizeof(first.spki));
		/* magic, type, signer (2+34), then extraData */
		assert_memory_equal(again.attest + 4 + 2 + 36, "\0\100", 2);
		assert_memory_equal(again.attest + 4 + 2 + 36 + 2, data, 64);
		assert_memory_not_equal(again.signature, first.signature, 256);
		assert_int_equal(ceno_tpm_quote(n->tpm, CENO_TPM_KEY_SEAL, extra, &quote), CENO_TPM_OK);
		assert_memory_equal(quote.pcr, again.pcr, sizeof(quote.pcr));
	}
}

static void a_missing_tpm_is_open_error(void **state)
{
	(void)state;
	struct ceno_tpm *tpm = NULL;
	assert_int_equal(ceno_tpm_open_tcti(&tpm, "device:/nonexistent/tpm"), CENO_TPM_OPEN);
	assert_int_equal(ceno_tpm_open_tcti(&tpm, "no-such-tcti:"), CENO_TPM_OPEN);
	assert_null(tpm);
}

int main(void)
{
	setenv("TSS2_LOG", "all+none", 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(quote_verifies_over_the_bytes_given, setup, teardown),
		cmocka_unit_test_setup_teardown(quote_carries_the_nonce_and_the_pcrs, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_differ_and_come_back_after_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(another_tpm_has_other_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(counter_rises_over_restarts_and_is_certified, setup, teardown),
		cmocka_unit_test_setup_teardown(a_report_is_of_the_bytes_given, setup, teardown),
		cmocka_unit_test_setup_teardown(random_bytes_differ, setup, teardown),
		cmocka_unit_test_setup_teardown(properties_name_swtpm, setup, teardown),
		cmocka_unit_test_setup_teardown(death_of_swtpm_is_gone_and_a_new_one_serves, setup, teardown),
		cmocka_unit_test_setup_teardown(a_killed_swtpm_resumes_and_only_a_start_resets, setup, teardown),
		cmocka_unit_test_setup_teardown(closing_shuts_our_own_tpm_down_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(responses_that_nobody_read_are_drained, setup, teardown),
		cmocka_unit_test_setup_teardown(a_second_swtpm_on_the_directory_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(swtpm_dies_with_its_owner, setup, teardown),
		cmocka_unit_test(a_missing_tpm_is_open_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
