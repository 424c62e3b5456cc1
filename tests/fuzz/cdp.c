/*
 * The whole verifier on hostile bytes. The first byte chooses where they go: a
 * file, or one part of a valid proof whose later hashes and signatures are made
 * again around it, so that the fuzzer gets past the checks it could never guess.
 *
 *   0 file   1 payload   2 TPMS_ATTEST of the quote   3 TPMT_PUBLIC   4 checkpoint   5 NV attestation
 *
 * Properties: it returns, both renderings fit, an unpinned file never gets status
 * 0, and a payload that is accepted in form is what the writer writes of it.
 */
#include <stdlib.h>
#include <string.h>
#include "attest/proof/schema.h"
#include "attest/verify/verify.h"
#include "tests/lib/proof_fixture.h"
#include "tests/fuzz/property.h"

static struct fixture base, f;
static struct ceno_verify_result result;
static const uint8_t *part;
static size_t part_bytes;

static void run(const uint8_t *file, size_t bytes, const struct ceno_verify_pins *pins, uint32_t memory)
{
	static char text[1 << 16];
	struct ceno_verify_policy policy;
	ceno_verify_policy_init(&policy);
	policy.pins = pins;
	policy.explain = 1;
	policy.memory = memory;
	REQUIRE(ceno_verify(file, bytes, &policy, &result) == 0);
	REQUIRE(ceno_verify_render_text(&result, &policy, text, sizeof(text)) < sizeof(text));
	REQUIRE(ceno_verify_render_json(&result, &policy, text, sizeof(text)) < sizeof(text));
	REQUIRE((result.exit_status == 0) == (result.verdict == CENO_VERIFY_CODE_COUNT));
	REQUIRE(pins != NULL || result.exit_status != 0);
}

static void run_payload(void)
{
	static uint8_t again[CENO_PAYLOAD_MAX];
	size_t n;
	if (part_bytes == 0 || part_bytes > CENO_PAYLOAD_MAX)
		return;
	memcpy(f.payload, part, part_bytes);
	f.payload_bytes = part_bytes;
	fixture_sign_payload(&f);
	fixture_step8(&f);
	fixture_write(&f);
	run(f.file, f.file_bytes, &f.pins, CENO_MEMORY_NONE); /* memory could be 64 GiB here */
	if (result.read && result.status[CENO_VERIFY_SUBJECT] == CENO_CHECK_PASS) {
		REQUIRE(ceno_proof_payload(&result.statement, again, &n) == 0);
		REQUIRE(n == part_bytes && memcmp(again, part, n) == 0);
	}
}

static void put_ak(struct fixture *x)
{
	memcpy(x->seal.node.ak_public, part, part_bytes);
	x->seal.node.ak_public_bytes = (uint32_t)part_bytes;
}

static void run_part(uint8_t kind)
{
	if (kind == 3 && part_bytes > 0 && part_bytes <= CENO_PROOF_AK_PUBLIC_MAX) {
		f.on_node = put_ak;
		fixture_quote(&f);
	} else if (kind == 4 && part_bytes > 0 && part_bytes <= CENO_PROOF_CHECKPOINT_MAX) {
		memcpy(f.seal.checkpoint, part, part_bytes);
		f.seal.checkpoint_bytes = (uint32_t)part_bytes;
		fixture_quote(&f);
	} else if ((kind == 2 || kind == 5) && part_bytes > 0 && part_bytes <= CENO_PROOF_ATTEST_MAX) {
		memcpy(kind == 2 ? f.seal.quote.attest : f.seal.nv.attest, part, part_bytes);
		*(kind == 2 ? &f.seal.quote.attest_bytes : &f.seal.nv.attest_bytes) = (uint32_t)part_bytes;
		fixture_sign_quote(&f);
	} else {
		return;
	}
	fixture_write(&f);
	run(f.file, f.file_bytes, &f.pins, CENO_MEMORY_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (base.file_bytes == 0) {
		fixture_init(&base);
		base.with_nv = 1;
		fixture_redo(&base);
		run(base.file, base.file_bytes, &base.pins, CENO_MEMORY_FULL);
		REQUIRE(result.exit_status == 0);
	}
	if (size == 0)
		return 0;
	f = base;
	part = data + 1;
	part_bytes = size - 1;
	if (data[0] == 0 || data[0] == '{')
		run(data[0] == 0 ? part : data, data[0] == 0 ? part_bytes : size, NULL, CENO_MEMORY_NONE);
	else if (data[0] == 1)
		run_payload();
	else
		run_part(data[0]);
	return 0;
}
