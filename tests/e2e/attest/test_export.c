/* Records in foreign formats: made of this node's own proofs alone, and only if it was told to. */
#include "harness.h"

#include <sodium.h>
#include <string.h>

static uint8_t proof[CENO_CDP_FILE_MAX + 1], answer[CENO_CDP_FILE_MAX + 1];

/* Ask for a record of these bytes, said to be `said`: the error; UINT32_MAX: the channel was closed. */
static uint32_t ask(struct node *n, const uint8_t *file, size_t bytes, uint32_t said)
{
	static uint8_t record[sizeof(struct ceno_attest_export_request) + sizeof(proof)];
	const struct ceno_attest_export_request request = { .type = CENO_ATTEST_EXPORT, .file_bytes = said };
	memcpy(record, &request, sizeof(request));
	memcpy(record + sizeof(request), file, bytes);
	send_record(n->api, record, sizeof(request) + bytes);
	if (said != bytes || bytes > CENO_CDP_FILE_MAX) {
		assert_ended(n->api);
		node_api(n);
		return UINT32_MAX;
	}
	struct ceno_attest_file head = api_receive(n, answer);
	assert_int_equal(head.type, CENO_ATTEST_EXPORT);
	assert_true(head.error ? head.file_bytes == 0 : head.file_bytes > 4000);
	return head.error;
}

static void only_of_own_proofs_and_if_told_to(void **state)
{
	struct node *n = *state;
	static struct fixture other;
	struct session *s = session_new();
	session_run(n, s);
	size_t bytes = api_file(n, s, proof);
	assert_int_equal(ask(n, proof, bytes, (uint32_t)bytes), CENO_ATTEST_ERROR_EXPORT);
	assert_int_equal(node_stop(n), 0);
	n->exports = true;
	node_start(n);
	assert_int_equal(ask(n, proof, bytes, (uint32_t)bytes), CENO_ATTEST_ERROR_NONE);
	for (size_t i = 0; i < bytes; i += 997) {
		proof[i] ^= 1;
		assert_int_equal(ask(n, proof, bytes, (uint32_t)bytes), CENO_ATTEST_ERROR_FOREIGN);
		proof[i] ^= 1;
	}
	/* Another node's proof is good, and not ours to put a name to. */
	fixture_init(&other);
	fixture_redo(&other);
	assert_int_equal(ask(n, other.file, other.file_bytes, (uint32_t)other.file_bytes), CENO_ATTEST_ERROR_FOREIGN);
	assert_int_equal(ask(n, proof, 0, 0), CENO_ATTEST_ERROR_FOREIGN);
	assert_int_equal(ask(n, proof, bytes, (uint32_t)bytes - 1), UINT32_MAX);
	assert_int_equal(ask(n, proof, bytes, UINT32_MAX), UINT32_MAX);
	assert_int_equal(ask(n, proof, sizeof(proof), sizeof(proof)), UINT32_MAX);
	assert_int_equal(ask(n, proof, bytes, (uint32_t)bytes), CENO_ATTEST_ERROR_NONE);
	session_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(only_of_own_proofs_and_if_told_to,
		                                                            node_setup, node_teardown) };
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
