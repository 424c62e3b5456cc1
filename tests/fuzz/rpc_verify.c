/*
 * proof.verify: a request's parameters, then the answer. Properties: an answer is an object with a
 * status and every check; nothing is verified without pins, and no memory root is ever recomputed;
 * the parameters, written out and read again, get the same answer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/rpc/request.h"
#include "api/rpc/verify.h"
#include "tests/fuzz/property.h"

static json_t *answer(json_t *params, int *error)
{
	char message[CENO_RPC_MESSAGE_MAX] = "";
	struct ceno_rpc_verify ask;
	json_t *result = NULL;

	*error = ceno_rpc_verify_parse(params, &ask, message);
	if (!*error) {
		REQUIRE(ask.proof && ask.proof_bytes == strlen(ask.proof));
		*error = ceno_rpc_verify(&ask, 1800000000, &result, message);
	}
	REQUIRE(*error == CENO_RPC_OK || (*error == CENO_RPC_PARAMS && message[0] && !result));
	return result;
}

static void check(json_t *params, json_t *result)
{
	json_t *cdp = json_object_get(json_object_get(result, "submods"), "cdp");
	json_int_t status = json_integer_value(json_object_get(cdp, "exit_status"));

	REQUIRE(json_is_integer(json_object_get(cdp, "exit_status")) && status >= 0 && status <= 6);
	REQUIRE(json_array_size(json_object_get(cdp, "checks")) > 90);
	REQUIRE(status || json_object_get(params, "pins") || json_object_get(params, "policy"));
	REQUIRE(!json_integer_value(json_object_get(cdp, "passes_checked")));
	REQUIRE(!strcmp(json_string_value(json_object_get(cdp, "memory")), "none"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *params = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL), *result, *again, *copy;
	char *text;
	int error, same;

	if (!json_is_object(params)) {
		json_decref(params);
		return 0;
	}
	result = answer(params, &error);
	if (result)
		check(params, result);
	text = json_dumps(params, JSON_COMPACT);
	copy = text ? json_loads(text, 0, NULL) : NULL;
	REQUIRE(copy);
	again = answer(copy, &same);
	REQUIRE(same == error && json_equal(result, again) == (result != NULL));
	free(text);
	json_decref(copy);
	json_decref(again);
	json_decref(result);
	json_decref(params);
	return 0;
}
