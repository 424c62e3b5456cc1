/*
 * A whole node set back to an earlier copy of its state: log, keys and software TPM, counter included. What
 * each verifier then sees: who remembers the node's newest state, who has a checkpoint from a witness, and
 * who meets the node for the first time.
 */
#include "tests/e2e/attest/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t file[CENO_CDP_FILE_MAX + 1];
static char witness[CENO_CDP_FILE_MAX + 1], text[65536];
static size_t witness_bytes;
static struct ceno_verify_pins pins;
static struct ceno_verify_result result;

/* The whole state, to or from a copy beside it. */
static void copy(const struct node *n, bool back)
{
	char command[512];
	const char *from = back ? ".copy" : "", *to = back ? "" : ".copy";
	snprintf(command, sizeof(command), "rm -rf %s%s && cp -a %s%s %s%s", n->dir, to, n->dir, from, n->dir, to);
	assert_int_equal(system(command), 0);
}

/* One more session; its file in `file`. Returns its length. */
static size_t proof_of(struct node *n)
{
	struct session *s = session_new();
	session_run(n, s);
	size_t bytes = api_file(n, s, file);
	session_free(s);
	return bytes;
}

enum { PIN = 1, WITNESS = 2 };

static uint32_t seen_by(size_t bytes, unsigned who)
{
	struct ceno_verify_policy policy;
	ceno_verify_policy_init(&policy);
	struct ceno_verify_pins stateless = pins;
	stateless.pins[0].size = 0;
	policy.pins = who & PIN ? &pins : who & WITNESS ? &stateless : NULL;
	policy.compare = who & WITNESS ? witness : NULL;
	policy.compare_bytes = who & WITNESS ? witness_bytes : 0;
	assert_int_equal(ceno_verify(file, bytes, &policy, &result), 0);
	ceno_verify_render_text(&result, &policy, text, sizeof(text));
	return result.verdict;
}

static void remember(void)
{
	struct ceno_verify_pin *pin = &pins.pins[0];
	pins.pin_count = 1;
	strcpy(pin->origin, result.seal.node.origin);
	memcpy(pin->ak, result.ak, 32);
	memcpy(pin->log_pub, result.seal.node.log_pub, 32);
	pin->size = result.log_size;
	memcpy(pin->root, result.log_root, 32);
	pin->nv_value = result.seal.nv.value;
	pin->clock_ms = result.clock_ms;
	pin->reset_count = result.reset_count;
}

static void ask_witness(struct node *n)
{
	struct ceno_attest_text_request ask = { .type = CENO_ATTEST_TEXT, .what = CENO_ATTEST_TEXT_CONSISTENCY };
	send_record(n->api, &ask, sizeof(ask));
	struct ceno_attest_file head = api_receive(n, (uint8_t *)witness);
	assert_int_equal(head.type, CENO_ATTEST_TEXT);
	witness_bytes = head.file_bytes;
}

static void a_restored_software_tpm(void **state)
{
	struct node *n = *state;
	proof_of(n);
	assert_int_equal(node_stop(n), 0);
	copy(n, false);
	for (int i = 0; i < 3; i++) {
		node_start(n);
		if (i < 2)
			assert_int_equal(node_stop(n), 0);
	}
	size_t bytes = proof_of(n);
	assert_int_equal(seen_by(bytes, 0), CENO_VERIFY_AK_UNPINNED);
	remember();
	ask_witness(n);
	uint64_t newest = result.log_size;
	assert_int_equal(seen_by(bytes, PIN), CENO_VERIFY_CODE_COUNT);
	assert_int_equal(seen_by(bytes, WITNESS), CENO_VERIFY_CODE_COUNT);
	assert_int_equal(node_stop(n), 0);

	/* The same keys, the same AK: nothing in a proof alone says that it was set back. */
	copy(n, true);
	node_start(n);
	unsigned smaller = 0, equal = 0, greater = 0;
	while (!greater) {
		bytes = proof_of(n);
		assert_int_equal(seen_by(bytes, 0), CENO_VERIFY_AK_UNPINNED);
		assert_non_null(strstr(text, "rollback: not checked"));
		assert_non_null(strstr(text, "fork: not checked"));
		uint64_t size = result.log_size;
		uint32_t pinned = seen_by(bytes, PIN);
		if (size < newest) { /* an older proof, for all that anybody can tell */
			assert_int_equal(pinned, CENO_VERIFY_CODE_COUNT);
			smaller++;
			continue;
		}
		assert_int_equal(pinned, CENO_VERIFY_ROLLBACK);
		assert_int_equal(result.exit_status, 5);
		assert_non_null(strstr(text, "rollback: FOUND"));
		/* At its own size the witness shows the fork; at another nobody can make the proof that it asks for. */
		assert_int_equal(seen_by(bytes, WITNESS), size == newest ? CENO_VERIFY_FORK : CENO_VERIFY_COMPARISON);
		*(size == newest ? &equal : &greater) += 1;
	}
	assert_true(smaller && equal && greater);
}

static int teardown(void **state)
{
	const struct node *n = *state;
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s.copy", n->dir);
	return system(command) | node_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_restored_software_tpm, node_setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
