/*
 * What a test expects of the end of a session in the rig; see rig.h.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "attest/proof/proof.h"
#include "attest/verify/verify.h"

int ceno_rig_payload_has(const struct ceno_rig *rig, const char *fragment)
{
	return rig->have_payload && strstr(rig->payload.bytes, fragment) != NULL;
}

/* The root the warden signed, computed again from what it disclosed. */
static void recompute_root(const struct ceno_verify_result *result)
{
	static uint8_t chunk[CENO_PROOF_CHUNK];
	const struct ceno_proof_statement *s = &result->statement;
	uint8_t challenge[32], leaf[32], root[32];
	struct ceno_merkle tree;
	uint64_t at = 0, bytes;
	ceno_proof_challenge(s, result->chain[2], challenge);
	struct ceno_proof_pass *pass = ceno_proof_pass_new(s->core.session_id, challenge, 1);
	assert_non_null(pass);
	ceno_merkle_init(&tree);
	for (; ceno_proof_next_backed(s->overwrite.bitmap, s->core.mem_total, &at, &bytes); at += bytes)
		for (uint64_t done = 0; done < bytes; done += sizeof chunk) {
			uint64_t gpa = CENO_GPA_RAM + at + done;
			assert_int_equal(ceno_proof_pass_fill(pass, gpa, chunk, sizeof chunk), 0);
			assert_int_equal(ceno_proof_pass_leaf(pass, gpa, chunk, leaf), 0);
			ceno_merkle_add(&tree, leaf);
		}
	ceno_merkle_root(&tree, root);
	ceno_proof_pass_free(pass);
	assert_memory_equal(root, s->forensic.roots[0], sizeof root);
}

/* The verifier's own opinion of the payload: schema, evidence, chain, sums, times, signature, memory. */
void ceno_rig_verify_payload(const struct ceno_rig *rig)
{
	static struct ceno_verify_result result;
	assert_int_equal(ceno_verify_payload(rig->payload.bytes, rig->payload.head.payload_bytes,
	                                     rig->payload.head.signature, rig->leaf.signer_pub, &result),
	                 0);
	if (result.verdict != CENO_VERIFY_CODE_COUNT)
		fail_msg("the verifier refuses the payload: code %u: %s", result.verdict, result.detail);
	assert_memory_equal(result.chain[0], rig->payload.head.c0, 32);
	assert_memory_equal(result.chain[7], rig->payload.head.c7, 32);
	recompute_root(&result);
}

void ceno_rig_expect_proof(struct ceno_rig *rig, const char *cause)
{
	char fragment[64];
	ceno_rig_until(rig, &rig->exited, 20000);
	if (!rig->have_payload)
		fail_msg("no payload: failed %d code %u value %lu exit %#x", rig->failed, rig->failure.code,
		         (unsigned long)rig->failure.value, (unsigned)rig->exit_status);
	assert_true(rig->signature_ok);
	ceno_rig_verify_payload(rig);
	snprintf(fragment, sizeof fragment, "\"cause\":\"%s\"", cause);
	if (!ceno_rig_payload_has(rig, fragment))
		fail_msg(
		    "cause is not %s: ended with cause %u, stop reason %u, value %#lx, %u programs: %.40s ... %.24s",
		    cause, rig->ending.code, rig->ending.violation, (unsigned long)rig->ending.value, rig->programs,
		    strstr(rig->payload.bytes, "\"cause\""), strstr(rig->payload.bytes, "\"wait_status\""));
	assert_true(rig->done);
	assert_int_equal(rig->exit_status, 0);
}

void ceno_rig_expect_failure(struct ceno_rig *rig, uint32_t code)
{
	ceno_rig_until(rig, &rig->exited, 20000);
	assert_true(rig->failed);
	if (rig->failure.code != code)
		fail_msg("failed with code %u (value %lu), not %u", rig->failure.code,
		         (unsigned long)rig->failure.value, code);
	assert_false(rig->have_leaf);
	assert_false(rig->have_payload);
	assert_true(rig->done);
	assert_int_equal(rig->exit_status, 0);
}
