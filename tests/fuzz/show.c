/*
 * `ceno proof show` of a file that nobody vouches for: a file, or (byte 0: 1) a payload in an envelope that is made again
 * around it. Byte 1 of that: as JSON or for people. Properties: it returns, with a status of its own, whatever the
 * verifier said of the file.
 */
#include <stdio.h>

#include "api/cli/proof_show.h"
#include "tests/fuzz/property.h"
#include "tests/lib/proof_fixture.h"

static struct fixture base, f;
static struct ceno_verify_result result;

static void show(const uint8_t *file, size_t bytes, bool asked, bool json)
{
	struct ceno_verify_policy policy;
	char *text = malloc(bytes + 1);
	REQUIRE(text);
	memcpy(text, file, bytes);
	text[bytes] = 0;
	ceno_verify_policy_init(&policy);
	policy.memory = CENO_MEMORY_NONE;
	REQUIRE(ceno_verify(file, bytes, &policy, &result) == 0);
	int status = ceno_proof_show_print("file", text, bytes, &result, asked, json);
	REQUIRE(status >= 0 && status <= 6 && (result.read || status == 1));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (base.file_bytes == 0) {
		REQUIRE(freopen("/dev/null", "w", stdout));
		fixture_init(&base);
		fixture_redo(&base);
	}
	if (size < 2)
		return 0;
	if (data[0] != 1) {
		show(data, size, data[size - 1] & 1, data[size - 1] & 2);
		return 0;
	}
	if (size - 2 == 0 || size - 2 > CENO_PAYLOAD_MAX)
		return 0;
	f = base;
	memcpy(f.payload, data + 2, size - 2);
	f.payload_bytes = size - 2;
	fixture_sign_payload(&f);
	fixture_step8(&f);
	fixture_write(&f);
	show(f.file, f.file_bytes, data[1] & 1, data[1] & 2);
	return 0;
}
