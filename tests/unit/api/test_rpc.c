/*
 * The pure parts of ceno-api: every transition of the state table, the token
 * bucket over time, what parses and what does not, what a proof tells.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/rpc/limit.h"
#include "api/rpc/proof_read.h"
#include "api/rpc/request.h"
#include "api/rpc/session_json.h"
#include "api/rpc/state.h"
#include "attest/proof/wire.h"
#include "policy/pledge.h"

static void test_states(void **state)
{
	(void)state;
	for (int s = 0; s < CENO_STATE_COUNT; s++) {
		assert_int_equal(ceno_state_parse(ceno_state_word(s)), s);
		assert_int_equal(ceno_state_final((enum ceno_state)s), s >= CENO_STATE_DESTROYED);
		for (int e = 0; e < CENO_STATE_EVENT_COUNT; e++) {
			int next = ceno_state_next((enum ceno_state)s, (enum ceno_state_event)e);

			/* nothing leaves a final state; every other one can end in each way */
			if (ceno_state_final((enum ceno_state)s))
				assert_int_equal(next, -1);
			else if (e == CENO_EVENT_ENDED)
				assert_int_equal(next, CENO_STATE_DESTROYED);
			else if (e == CENO_EVENT_ENDED_TTL)
				assert_int_equal(next, CENO_STATE_EXPIRED);
			else if (e == CENO_EVENT_UNCLEAN)
				assert_int_equal(next, CENO_STATE_EXPIRED_UNCLEAN);
			else if (e == CENO_EVENT_DESTROYING)
				assert_int_equal(next, CENO_STATE_DESTROYING);
		}
	}
	/* a session that is being destroyed runs nothing any more */
	assert_int_equal(ceno_state_next(CENO_STATE_DESTROYING, CENO_EVENT_RUNNING), -1);
	assert_int_equal(ceno_state_next((enum ceno_state)99, CENO_EVENT_RUNNING), -1);
	assert_int_equal(ceno_state_next(CENO_STATE_ACTIVE, (enum ceno_state_event)99), -1);
	assert_null(ceno_state_word(CENO_STATE_COUNT));
	assert_int_equal(ceno_state_parse("gone"), -1);
	assert_string_equal(ceno_cause_word(CENO_CAUSE_VIOLATION), "violation");
	assert_string_equal(ceno_cause_word(77), "none");
}

static unsigned burst(struct ceno_limit *limit, uint32_t uid, uint32_t rate, uint64_t now)
{
	unsigned taken = 0;

	while (ceno_limit_take(limit, uid, rate, now))
		taken++;
	return taken;
}

static void test_limit(void **state)
{
	static struct ceno_limit limit;

	(void)state;
	assert_int_equal(burst(&limit, 7, 60, 1000), 60);
	assert_int_equal(burst(&limit, 7, 60, 1999), 0);
	assert_int_equal(burst(&limit, 7, 60, 2000), 1);
	assert_int_equal(burst(&limit, 7, 60, 32000), 30);
	assert_int_equal(burst(&limit, 7, 60, 10000000), 60);
	assert_int_equal(burst(&limit, 8, 60, 10000000), 60);
	/* asking all the time must not keep the fractions from adding up */
	memset(&limit, 0, sizeof limit);
	assert_int_equal(burst(&limit, 7, 60, 0), 60);
	unsigned taken = 0;
	for (uint64_t now = 0; now <= 10000; now++)
		taken += ceno_limit_take(&limit, 7, 60, now);
	assert_int_equal(taken, 10);
	/* a full table says no, and recovers when buckets are full again */
	memset(&limit, 0, sizeof limit);
	for (uint32_t uid = 0; uid < CENO_LIMIT_ACCOUNTS; uid++)
		assert_true(ceno_limit_take(&limit, uid, 60, 1));
	assert_false(ceno_limit_take(&limit, 99999, 60, 2));
	assert_true(ceno_limit_take(&limit, 99999, 60, 60001));
}

static int parse(const char *text, struct ceno_rpc_request *request)
{
	return ceno_rpc_request_parse(text, strlen(text), request);
}

static void test_envelope(void **state)
{
	const struct {
		const char *text;
		int want;
	} cases[] = {
		{ "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"m\"}", CENO_RPC_OK },
		{ "{\"jsonrpc\":\"2.0\",\"id\":9007199254740991,\"method\":\"m\"}", CENO_RPC_OK },
		{ "{\"jsonrpc\":\"2.0\",\"id\":9007199254740992,\"method\":\"m\"}", CENO_RPC_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"m\",\"params\":{}}", CENO_RPC_OK },
		{ "{\"jsonrpc\":\"2.0\",\"id\":\"\\u0001\",\"method\":\"m\"}", CENO_RPC_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":null}", CENO_RPC_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"} x", CENO_RPC_PARSE },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"method\":\"n\"}", CENO_RPC_PARSE },
		{ "", CENO_RPC_PARSE },
		{ "\"x\"", CENO_RPC_PARSE },
		{ "[{}]", CENO_RPC_REQUEST },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ceno_rpc_request request;
		int got = parse(cases[i].text, &request);

		ceno_rpc_request_fini(&request);
		if (got != cases[i].want)
			fail_msg("%s: %d, not %d", cases[i].text, got, cases[i].want);
	}
}

static int run_of(const char *params, struct ceno_rpc_run *run, char *message)
{
	json_t *object = json_loads(params, JSON_REJECT_DUPLICATES, NULL);
	int rc;

	assert_non_null(object);
	rc = ceno_rpc_run_parse(object, run, message);
	json_decref(object);
	return rc;
}

static void test_run(void **state)
{
	static struct ceno_rpc_run run;
	char message[CENO_RPC_MESSAGE_MAX];

	(void)state;
	assert_int_equal(
	    run_of("{\"args_bytes\":9,\"files\":[{\"path\":\"/bin/a\",\"bytes\":5,\"mode\":493,\"program\":true},"
	           "{\"path\":\"/in/b\",\"bytes\":6,\"mode\":420}]}",
	           &run, message),
	    0);
	assert_int_equal(run.file_count, 2);
	assert_int_equal(run.files_bytes, 11);
	assert_int_equal(run.files[0].mode, 0755 | CENO_PACK_PROGRAM);
	assert_int_equal(run.files[1].mode, 0644 | CENO_PACK_INPUT);
	assert_string_equal(run.files[1].path, "/in/b");
	assert_int_equal(run.pledge_mask, CENO_PLEDGE_DEFAULT);
	assert_int_equal(
	    run_of("{\"args_bytes\":9,\"files\":[{\"path\":\"/bin/a\",\"bytes\":5,\"mode\":493,\"program\":true},"
	           "{\"path\":\"/bin/a\",\"bytes\":6,\"mode\":420}]}",
	           &run, message),
	    CENO_RPC_PARAMS);
	assert_string_equal(message, "files: two files of one path");
	assert_false(run.native);
	assert_int_equal(
	    run_of("{\"args_bytes\":9,\"native\":true,\"files\":[{\"path\":\"/bin/a\",\"bytes\":5,\"mode\":493,"
	           "\"program\":true}]}",
	           &run, message),
	    0);
	assert_true(run.native);
	assert_int_equal(
	    run_of("{\"args_bytes\":9,\"native\":true,\"hold\":true,\"files\":[{\"path\":\"/bin/a\",\"bytes\":5,"
	           "\"mode\":493,\"program\":true}]}",
	           &run, message),
	    CENO_RPC_PARAMS);
	assert_string_equal(message, "hold: a native session runs one program");
	assert_int_equal(run.terminal, 0);
	assert_int_equal(
	    run_of("{\"args_bytes\":9,\"rows\":24,\"columns\":80,\"files\":[{\"path\":\"/bin/a\",\"bytes\":5,"
	           "\"mode\":493,\"program\":true}]}",
	           &run, message),
	    0);
	assert_int_equal(run.terminal, 24 << 16 | 80);
	assert_int_equal(run_of("{\"args_bytes\":9,\"native\":1}", &run, message), CENO_RPC_PARAMS);
	assert_int_equal(run_of("{\"args_bytes\":9}", &run, message), CENO_RPC_PARAMS);
	assert_string_equal(message, "files: missing");
	assert_int_equal(run_of("{\"args_bytes\":9,\"files\":[7]}", &run, message), CENO_RPC_PARAMS);
	assert_int_equal(
	    run_of("{\"args_bytes\":9,\"files\":[{\"path\":\"/bin/a\",\"bytes\":5,\"mode\":493,\"program\":true},"
	           "{\"path\":\"/in/b/\",\"bytes\":0,\"mode\":493}]}",
	           &run, message),
	    0);
	assert_string_equal(run.files[1].path, "/in/b/");
	assert_int_equal(
	    run_of("{\"args_bytes\":9,\"files\":[{\"path\":\"/bin/a\",\"bytes\":5,\"mode\":493,\"program\":true},"
	           "{\"path\":\"/in/b/\",\"bytes\":1,\"mode\":493}]}",
	           &run, message),
	    CENO_RPC_PARAMS);
	assert_string_equal(message, "files: a directory has no bytes, and is not the program");
	assert_int_equal(
	    run_of("{\"args_bytes\":9,\"files\":[{\"path\":\"/bin/a//\",\"bytes\":0,\"mode\":493,\"program\":true}]}",
	           &run, message),
	    CENO_RPC_PARAMS);
	assert_string_equal(message, "files: path is not absolute and plain, or is too long");
	assert_int_equal(
	    run_of("{\"args_bytes\":9,\"files\":[{\"path\":\"/a/..\",\"bytes\":5,\"mode\":493,\"program\":true}]}",
	           &run, message),
	    CENO_RPC_PARAMS);
}

static void test_json(void **state)
{
	static const uint8_t id[16] = { 0xab };
	struct ceno_session_end end = { .id = id,
		                        .state = CENO_STATE_DESTROYED,
		                        .cause = CENO_CAUSE_EXIT,
		                        .violation = 2,
		                        .launched = true,
		                        .wiped = true,
		                        .fail_path = "",
		                        .file = (const uint8_t *)"{}",
		                        .file_bytes = 2 };
	struct ceno_session_record record = { .program_seq = 1,
		                              .exit_status = 3,
		                              .enosys_distinct = 99,
		                              .missing = 1u << CENO_PLEDGE_RW | 1u << CENO_PLEDGE_NET };
	json_t *object = ceno_session_end_json(&end);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(object, "proof")), "{}");
	assert_string_equal(json_string_value(json_object_get(object, "session")), "ab000000000000000000000000000000");
	assert_int_equal(json_integer_value(json_object_get(object, "violation")), 0); /* a drain is no violation */
	json_decref(object);
	end.file = NULL;
	end.proof_error = CENO_ATTEST_ERROR_LOG;
	object = ceno_session_end_json(&end);
	assert_string_equal(json_string_value(json_object_get(object, "proof_error")), "the log could not be written");
	json_decref(object);
	/* the guest's count never leads beyond the record's table */
	object = ceno_session_program_json(id, &record, 1u << CENO_PLEDGE_STDIO);
	assert_int_equal(json_array_size(json_object_get(object, "enosys")), 16);
	assert_string_equal(json_string_value(json_object_get(object, "pledge")), "stdio");
	assert_string_equal(json_string_value(json_object_get(object, "missing")), "rw,net");
	json_decref(object);
	assert_string_equal(ceno_session_failure_text(CENO_SESSION_ERROR_NOT_REGULAR), "not a regular file");
	assert_string_equal(ceno_session_failure_text(12345), "unknown failure");
}

static void test_proof_read(void **state)
{
	/* {"predicate":{"core":{"signer_pub":base64 of 32 times 'A'},"steps":[{"evidence":{"cause":"ttl"}}]}} */
	static const char file[] =
	    "{\"dsse\":{\"payload\":\"eyJwcmVkaWNhdGUiOnsiY29yZSI6eyJzaWduZXJfcHViIjoiUVVGQlFVRkJRVUZCUVVGQlFVRkJRVUZC"
	    "UVVGQlFVRkJRVUZCUVVGQlFVRT0ifSwic3RlcHMiOlt7ImV2aWRlbmNlIjp7ImNhdXNlIjoidHRsIn19XX19\"}}";
	struct ceno_proof_facts facts = { 0 };

	(void)state;
	assert_int_equal(ceno_proof_read(file, sizeof file - 1, &facts), 0);
	assert_int_equal(facts.cause, CENO_CAUSE_TTL);
	assert_memory_equal(facts.signer, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 32);
	for (size_t n = 0; n < sizeof file - 1; n++)
		assert_int_equal(ceno_proof_read(file, n, &facts), -1);
	assert_int_equal(ceno_proof_read("{}", 2, &facts), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states), cmocka_unit_test(test_limit), cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_run),    cmocka_unit_test(test_json),  cmocka_unit_test(test_proof_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
