/*
 * Leaves that change a key, and leaves that commit to a record: who may have them written, that
 * proofs on either side of a change verify, and what is left when it is cut off at each of its steps.
 */
#include "tests/e2e/attest/harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sodium.h>

static uint8_t file[CENO_CDP_FILE_MAX + 1];
static char line[1024];

/* ceno-attest --rotate NAME on the stopped node: its exit status, what it printed in line. */
static int rotate(const struct node *n, const char *name)
{
	char command[256];
	snprintf(command, sizeof(command), CENO_BIN "/ceno-attest --state %s --rotate %s 2>/dev/null", n->dir, name);
	FILE *p = popen(command, "r");
	assert_non_null(p);
	line[0] = 0;
	if (!fgets(line, sizeof(line), p))
		line[0] = 0;
	int status = pclose(p);
	return status < 0 ? -1 : status >> 8;
}

static size_t bytes_of(const char *key, uint8_t *out, size_t max)
{
	char name[32];
	size_t n = 0;
	snprintf(name, sizeof(name), "\"%s\":\"", key);
	const char *at = strstr(line, name);
	assert_non_null(at);
	at += strlen(name);
	assert_int_equal(sodium_base642bin(out, max, at, strcspn(at, "\""), NULL, &n, NULL,
	                                   sodium_base64_VARIANT_ORIGINAL),
	                 0);
	return n;
}

static uint64_t index_of(void)
{
	const char *at = strstr(line, "\"index\":");
	assert_non_null(at);
	return strtoull(at + 8, NULL, 10);
}

static void key_path(const struct node *n, const char *name, char path[128])
{
	snprintf(path, 128, "%s/keys/%s", n->dir, name);
}

static void read_seed(const struct node *n, const char *name, uint8_t seed[32])
{
	char path[128];
	key_path(n, name, path);
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0 && read(fd, seed, 32) == 32);
	close(fd);
}

static void write_seed(const struct node *n, const char *name, const uint8_t seed[32])
{
	char path[128];
	key_path(n, name, path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && write(fd, seed, 32) == 32);
	close(fd);
}

static bool seed_exists(const struct node *n, const char *name)
{
	char path[128];
	key_path(n, name, path);
	return !access(path, F_OK);
}

/* Is the printed change signed as docs/proof-format.md says, by the identity key that it names, and is exactly
 * that leaf in the log under a checkpoint of the log key pub? */
static void change_is_in_the_log(struct node *n, uint8_t purpose, const uint8_t pub[32])
{
	uint8_t identity[32], old[32], new[32], signature[64], body[CENO_PROOF_LEAF_MAX], hash[32];
	assert_int_equal(bytes_of("identity", identity, 32), 32);
	assert_int_equal(bytes_of("old", old, 32), 32);
	assert_int_equal(bytes_of("new", new, 32), 32);
	assert_int_equal(bytes_of("signature", signature, 64), 64);
	size_t body_bytes = ceno_proof_leaf_keychange(purpose, old, new, signature, body);
	assert_int_equal(crypto_sign_verify_detached(signature, body, body_bytes - 64, identity), 0);
	struct ceno_attest_text_request ask = { .type = CENO_ATTEST_TEXT,
		                                .what = CENO_ATTEST_TEXT_LEAF,
		                                .size = index_of() };
	send_record(n->api, &ask, sizeof(ask));
	struct ceno_attest_file head = api_receive(n, file);
	assert_int_equal(head.type, CENO_ATTEST_TEXT);
	assert_int_equal(head.error, 0);
	file[head.file_bytes] = 0;
	struct ceno_proof_inclusion proof = { .index = index_of() };
	char *at = strchr(strchr((char *)file, '\n') + 1, '\n') + 1;
	for (; *at != '\n'; at = strchr(at, '\n') + 1)
		assert_int_equal(sodium_base642bin(proof.path[proof.count++], 32, at, strcspn(at, "\n"), NULL, NULL,
		                                   NULL, sodium_base64_VARIANT_ORIGINAL),
		                 0);
	struct ceno_checkpoint c;
	assert_int_equal(ceno_checkpoint_parse(at + 1, head.file_bytes - (size_t)(at + 1 - (char *)file), &c), 0);
	assert_int_equal(ceno_checkpoint_verify(&c, at + 1, pub), 0);
	ceno_merkle_leaf(body, body_bytes, hash);
	assert_int_equal(ceno_log_check_inclusion(hash, &proof, c.size, c.root), 0);
	hash[0] ^= 1;
	assert_int_not_equal(ceno_log_check_inclusion(hash, &proof, c.size, c.root), 0);
}

/* Launched under one log key, its payload stored, sealed under the next. */
static void a_proof_that_spans_a_change_verifies(void **state)
{
	static const char *const names[] = { "log", "export", "identity" };
	struct node *n = *state;
	uint8_t before[32], new[32];
	node_works(n);
	for (uint8_t purpose = 1; purpose <= 3; purpose++) {
		struct session *s = session_new();
		session_channel(n, s);
		assert_int_equal(session_launch(s), 0);
		assert_int_equal(session_payload(s), 0);
		assert_int_equal(node_stop(n), 0);
		read_seed(n, names[purpose - 1], before);
		assert_int_equal(rotate(n, names[purpose - 1]), 0);
		assert_int_equal(bytes_of("new", new, 32), 32);
		node_start(n);
		session_step8(n, s);
		assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_CODE_COUNT);
		session_free(s);
		uint8_t seed[32], pub[32], secret[64];
		read_seed(n, "log", seed);
		crypto_sign_seed_keypair(pub, secret, seed);
		if (purpose == CENO_PROOF_PURPOSE_LOG)
			assert_memory_equal(pub, new, 32);
		change_is_in_the_log(n, purpose, pub);
		node_works(n);
		/* An older copy of keys/ put back is noticed, and the right one still works. */
		assert_int_equal(node_stop(n), 0);
		read_seed(n, names[purpose - 1], seed);
		write_seed(n, names[purpose - 1], before);
		assert_int_equal(node_start_fails(n), 1);
		assert_int_equal(rotate(n, names[purpose - 1]), 1);
		write_seed(n, names[purpose - 1], seed);
		node_start(n);
		node_works(n);
	}
}

/* Twice in a row without a start in between, and again after one. */
static void changes_follow_one_another(void **state)
{
	struct node *n = *state;
	uint8_t old[32], new[32];
	node_works(n);
	assert_int_equal(node_stop(n), 0);
	assert_int_equal(rotate(n, "log"), 0);
	bytes_of("new", new, 32);
	assert_int_equal(rotate(n, "log"), 0);
	bytes_of("old", old, 32);
	assert_memory_equal(old, new, 32);
	node_start(n);
	node_works(n);
	assert_int_equal(node_stop(n), 0);
	assert_int_equal(rotate(n, "identity"), 0);
	assert_int_equal(rotate(n, "log"), 0); /* signed by the new identity */
	bytes_of("identity", old, 32);
	uint8_t seed[32], pub[32], secret[64];
	read_seed(n, "identity", seed);
	crypto_sign_seed_keypair(pub, secret, seed);
	assert_memory_equal(old, pub, 32);
	node_start(n);
	bytes_of("new", new, 32);
	node_works(n);
	change_is_in_the_log(n, CENO_PROOF_PURPOSE_LOG, new);
}

/* Cut off before its leaf: nothing happened. After its leaf: the next start finishes it. */
static void a_change_that_was_cut_off(void **state)
{
	struct node *n = *state;
	uint8_t seed[32], next[32], now[32];
	char command[512];
	node_works(n);
	assert_int_equal(node_stop(n), 0);
	read_seed(n, "log", seed);
	randombytes_buf(next, 32);
	write_seed(n, "log.next", next);
	node_start(n);
	node_works(n);
	assert_int_equal(node_stop(n), 0);
	assert_false(seed_exists(n, "log.next"));
	read_seed(n, "log", now);
	assert_memory_equal(now, seed, 32);
	/* With its leaf, before and after the checkpoint of the old key. */
	for (int checkpoint = 0; checkpoint < 2; checkpoint++) {
		snprintf(command, sizeof(command), "cp -p %s/log/checkpoint %s/log.saved", n->dir, n->dir);
		assert_int_equal(system(command), 0);
		read_seed(n, "log", seed);
		assert_int_equal(rotate(n, "log"), 0);
		read_seed(n, "log", next);
		write_seed(n, "log", seed);
		write_seed(n, "log.next", next);
		snprintf(command, sizeof(command), "mv %s/log.saved %s/log/checkpoint", n->dir, n->dir);
		if (!checkpoint)
			assert_int_equal(system(command), 0);
		node_start(n);
		node_works(n);
		assert_int_equal(node_stop(n), 0);
		assert_false(seed_exists(n, "log.next"));
		read_seed(n, "log", now);
		assert_memory_equal(now, next, 32);
	}
	node_start(n);
}

static void who_may_not(void **state)
{
	struct node *n = *state;
	node_works(n);
	assert_int_equal(rotate(n, "log"), 1); /* an attest runs: its state is locked */
	assert_string_equal(line, "");
	node_works(n);
	assert_int_equal(node_stop(n), 0);
	assert_int_equal(rotate(n, "seal"), 2);
	assert_int_equal(rotate(n, "''"), 2);
	node_start(n);
	node_works(n);
}

static void no_log_yet(void **state)
{
	struct node *n = *state;
	assert_int_equal(rotate(n, "log"), 1);
	node_start(n);
	node_works(n);
}

static struct ceno_attest_file ask_record(struct node *n, const uint8_t id[16], uint32_t number,
                                          const uint8_t commitment[32])
{
	struct ceno_attest_record_request ask = { .type = CENO_ATTEST_RECORD, .number = number };
	memcpy(ask.session_id, id, 16);
	memcpy(ask.commitment, commitment, 32);
	send_record(n->api, &ask, sizeof(ask));
	struct ceno_attest_file head = api_receive(n, file);
	assert_int_equal(head.type, CENO_ATTEST_RECORD);
	assert_int_equal(head.number, number);
	assert_memory_equal(head.session_id, id, 16);
	file[head.file_bytes] = 0;
	return head;
}

static void one_record_a_session(void **state)
{
	struct node *n = *state;
	uint8_t commitment[32], other[32];
	struct session *s = session_new(), *stranger = session_new();
	const uint8_t *id = s->f.statement.core.session_id;
	randombytes_buf(commitment, 32);
	randombytes_buf(other, 32);
	assert_int_equal(ask_record(n, stranger->f.statement.core.session_id, 7, commitment).error,
	                 CENO_ATTEST_ERROR_UNKNOWN);
	session_channel(n, s);
	assert_int_equal(session_launch(s), 0);
	assert_int_equal(ask_record(n, id, 8, commitment).error, 0);
	uint64_t index = strtoull((char *)file, NULL, 10);
	assert_int_equal(index, s->launch_index + 1);
	assert_int_equal(ask_record(n, id, 9, other).error, CENO_ATTEST_ERROR_RECORDED);
	assert_int_equal(session_payload(s), 0);
	session_step8(n, s);
	assert_int_equal(verdict(file, api_file(n, s, file), s), CENO_VERIFY_CODE_COUNT);
	/* After a restart it is known, and another session gets its own after its end. */
	assert_int_equal(node_stop(n), 0);
	node_start(n);
	assert_int_equal(ask_record(n, id, 10, other).error, CENO_ATTEST_ERROR_RECORDED);
	session_run(n, stranger);
	api_file(n, stranger, file);
	assert_int_equal(ask_record(n, stranger->f.statement.core.session_id, 11, other).error, 0);
	struct ceno_attest_text_request ask = { .type = CENO_ATTEST_TEXT,
		                                .what = CENO_ATTEST_TEXT_LEAF,
		                                .size = 1u << 30 };
	send_record(n->api, &ask, sizeof(ask));
	assert_int_equal(api_receive(n, file).error, CENO_ATTEST_ERROR_RANGE);
	session_free(s);
	session_free(stranger);
}

/* A TPM that outlives attest, as with cenod: what was launched before a stop is sealed after it. */
static int setup(void **state)
{
	if (node_setup_stopped(state))
		return -1;
	node_keep_tpm(*state);
	node_start(*state);
	return 0;
}

/* Asked for while the launch leaf is on its way to the disk, where it may yet fail. */
static void no_record_before_the_launch_is_durable(void **state)
{
	struct node *n = *state;
	for (int i = 0; i < 5; i++) {
		struct session *s = session_new();
		struct ceno_attest_launch launch = { .type = CENO_ATTEST_LAUNCH };
		struct ceno_attest_record_request ask = { .type = CENO_ATTEST_RECORD, .number = 1 };
		struct ceno_attest_launched answer;
		session_channel(n, s);
		node_works(n); /* it has the channel */
		memcpy(launch.session_id, s->f.statement.core.session_id, 16);
		memcpy(launch.signer_pub, s->f.statement.core.signer_pub, 32);
		memcpy(ask.session_id, launch.session_id, 16);
		kill(n->pid, SIGSTOP);
		send_record(s->warden, &launch, sizeof(launch));
		send_record(n->api, &ask, sizeof(ask));
		kill(n->pid, SIGCONT);
		struct ceno_attest_file head = api_receive(n, file);
		assert_int_equal(head.type, CENO_ATTEST_RECORD);
		assert_int_equal(head.error, CENO_ATTEST_ERROR_UNKNOWN);
		assert_int_equal(receive(s->warden, &answer, sizeof(answer)), sizeof(answer));
		assert_int_equal(answer.error, 0);
		session_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, node_teardown)
		TEST(a_proof_that_spans_a_change_verifies),
		TEST(changes_follow_one_another),
		TEST(a_change_that_was_cut_off),
		TEST(who_may_not),
		TEST(one_record_a_session),
		TEST(no_record_before_the_launch_is_durable),
		cmocka_unit_test_setup_teardown(no_log_yet, node_setup_stopped, node_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
