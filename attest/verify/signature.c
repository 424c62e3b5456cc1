/*
 * Stages 5 to 7: the session's one signature, what step 8 observed, and the
 * memory roots recomputed from the challenge.
 */
#include "ladder.h"
#include "../../guest-kernel/abi/layout.h"

#include <sodium.h>
#include <string.h>

/* The session key signs one payload and nothing else: it may not be a log key, this node's or a pinned one. */
static bool role_ok(const struct ceno_ladder *l)
{
	const uint8_t *signer = l->document.statement.core.signer_pub;
	const struct ceno_verify_pins *pins = l->policy->pins;
	if (memcmp(signer, l->envelope.seal.node.log_pub, 32) == 0)
		return false;
	for (uint32_t i = 0; pins != NULL && i < pins->pin_count; i++)
		if (memcmp(signer, pins->pins[i].log_pub, 32) == 0)
			return false;
	return true;
}

void ceno_stage_signature(struct ceno_ladder *l)
{
	const struct ceno_proof_envelope *e = &l->envelope;
	const uint8_t *signer = l->document.statement.core.signer_pub;
	uint8_t keyid[32];
	if (l->stopped)
		return;
	/* Canonical, on the curve, of the prime-order group: no small-order key. */
	ceno_check(l, CENO_VERIFY_SIGNER_KEY, crypto_core_ed25519_is_valid_point(signer) == 1);
	crypto_hash_sha256(keyid, signer, 32);
	ceno_check(l, CENO_VERIFY_KEYID, memcmp(keyid, e->keyid, 32) == 0);
	size_t pae = ceno_proof_pae(e->payload, e->payload_bytes, l->text);
	/* libsodium refuses S >= L, small-order or non-canonical R and A. */
	ceno_check(l, CENO_VERIFY_SIGNATURE,
	           crypto_sign_ed25519_verify_detached(e->signature, l->text, pae, signer) == 0);
	ceno_check(l, CENO_VERIFY_KEY_ROLE, role_ok(l));
}

void ceno_stage_step8(struct ceno_ladder *l)
{
	const struct ceno_proof_envelope *e = &l->envelope;
	const struct ceno_proof_step8 *step8 = &e->seal.step8;
	uint8_t hash[32];
	if (l->stopped)
		return;
	crypto_hash_sha256(hash, e->payload, e->payload_bytes);
	ceno_check(l, CENO_VERIFY_STEP8_PAYLOAD, memcmp(hash, step8->payload_sha256, 32) == 0);
	crypto_hash_sha256(hash, e->signature, 64);
	ceno_check(l, CENO_VERIFY_STEP8_SIGNATURE, memcmp(hash, step8->signature_sha256, 32) == 0);
	ceno_check(l, CENO_VERIFY_STEP8_LAUNCH, step8->launch_index == e->seal.launch.inclusion.index);
	ceno_check(l, CENO_VERIFY_STEP8_STATUS, step8->warden_status == 0);
	const bool later = step8->observer == CENO_PROOF_OBSERVER_LATER;
	ceno_check(l, CENO_VERIFY_STEP8_OBSERVER,
	           later == (step8->cgroup == CENO_PROOF_CGROUP_UNKNOWN) && (!later || step8->peak_bytes == 0));
	/* c8 is stored nowhere: it is what the cdp leaf of stage 8 must contain. */
	(void)ceno_proof_c8(step8, l->result->chain[7], l->result->chain[8]);
}

/* Root of one keyed pass over memory that held exactly the key stream. */
static bool expected_root(struct ceno_ladder *l, const uint8_t challenge[32], uint32_t number, uint8_t root[32])
{
	const struct ceno_proof_statement *s = &l->document.statement;
	const uint64_t backed = ceno_proof_backed_bytes(s->overwrite.bitmap, s->core.mem_total);
	uint64_t offset = 0, bytes, done = 0, ram = CENO_GPA_RAM; /* stage 4 checked the slot */
	struct ceno_merkle tree;
	bool ok = true;
	struct ceno_proof_pass *pass = ceno_proof_pass_new_portable(s->core.session_id, challenge, (uint8_t)number);
	if (pass == NULL)
		return false;
	ceno_merkle_init(&tree);
	while (ok && ceno_proof_next_backed(s->overwrite.bitmap, s->core.mem_total, &offset, &bytes)) {
		for (uint64_t end = offset + bytes; ok && offset < end; offset += CENO_PROOF_CHUNK) {
			uint8_t leaf[32];
			ok = ceno_proof_pass_fill(pass, ram + offset, l->chunk, CENO_PROOF_CHUNK) == 0 &&
			    ceno_proof_pass_leaf(pass, ram + offset, l->chunk, leaf) == 0;
			ceno_merkle_add(&tree, leaf);
			done += CENO_PROOF_CHUNK;
			if (done % CENO_VERIFY_PROGRESS == 0 && l->policy->progress)
				l->policy->progress(l->policy->progress_arg, number, done, backed);
		}
	}
	ceno_proof_pass_free(pass);
	ceno_merkle_root(&tree, root);
	return ok;
}

void ceno_stage_memory(struct ceno_ladder *l)
{
	const struct ceno_proof_statement *s = &l->document.statement;
	uint32_t passes = s->overwrite.passes, wanted = passes;
	uint8_t challenge[32], root[32];
	bool ok = true;
	if (l->stopped || l->policy->memory == CENO_MEMORY_NONE)
		return;
	/* Bad geometry was reported in stage 4; with --explain do not compute on it. */
	if (s->core.mem_total % CENO_PROOF_CHUNK != 0 || s->forensic.root_count != passes ||
	    s->overwrite.bitmap_bytes != ceno_proof_bitmap_bytes(s->core.mem_total))
		return;
	if (l->policy->memory == CENO_MEMORY_SAMPLE && l->policy->sample < passes)
		wanted = l->policy->sample;
	ceno_proof_challenge(s, l->result->chain[2], challenge);
	for (uint32_t i = 0; i < wanted && ok; i++) {
		uint32_t p = (l->policy->sample_start % passes + i) % passes;
		ok = expected_root(l, challenge, p + 1, root) && memcmp(root, s->forensic.roots[p], 32) == 0;
		l->result->passes_checked += ok;
	}
	if (wanted > 0)
		ceno_check(l, CENO_VERIFY_MEMORY_ROOT, ok);
}
