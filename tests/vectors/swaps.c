/*
 * Two valid proofs of one node, each value of the one in the other's place: in the
 * file as text, so nothing is recomputed. None may verify.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "attest/verify/ladder.h"
#include "vectors.h"

static struct fixture a, b;
static struct ceno_json_token in_a[CENO_LADDER_TOKENS], in_b[CENO_LADDER_TOKENS];

/* Another session of the same node: every value that may differ does. */
static void second_session(void)
{
	struct ceno_proof_statement *s = &f.statement;
	uint8_t seed[32] = { 88 };
	crypto_sign_ed25519_seed_keypair(s->core.signer_pub, f.session_secret, seed);
	memset(s->core.session_id, 0x31, 16);
	memset(s->core.tenant_ref, 0x32, 32);
	memset(s->core.request_commit, 0x33, 32);
	memset(s->core.record_commit, 0x34, 32);
	memset(s->core.rp_nonce, 0x35, 32);
	memset(s->core.platform.firmware, 0x36, 32);
	memset(s->core.platform.bundle, 0x36, 32);
	memset(s->core.platform.trust, 0x36, 32);
	memset(s->core.platform.vmm, 0x36, 32);
	memset(s->core.platform.image, 0x36, 32);
	memset(s->core.platform.filter, 0x37, 32);
	memset(s->isolation.filter, 0x37, 32);
	strcpy(s->core.platform.trust_name, "another key");
	strcpy(s->core.version, "0.2.0");
	s->core.platform.abi_version++;
	s->core.platform.test_key = 1;
	s->core.classification = CENO_PROOF_CLASS_PII;
	s->core.jurisdiction = CENO_PROOF_LAND_UK;
	s->core.pledge_mask = s->isolation.pledge_mask = 0xff;
	s->isolation.cause = CENO_CAUSE_TTL;
	s->isolation.wait_status = 9;
	s->isolation.tasks = 3;
	s->isolation.trail_bytes = 20000;
	memset(s->isolation.trail_sha256, 0x38, 32);
	s->isolation.cpu = (struct ceno_proof_cpu){ 0x80010031, 0x350a20, 0xd00, 7 };
	s->filesystem.fds_closed = 11;
	memset(s->overwrite.random, 0x39, 32);
	memset(s->overwrite.destroy_nonce, 0x3a, 32);
	s->overwrite.random_source = CENO_PROOF_RANDOM_OS;
	for (uint32_t i = 0; i < 2; i++)
		memset(s->keys.keys[i].id, 0x3b + (int)i, 16);
	memset(s->tokens.key_id, 0x3d, 16);
	memset(s->tokens.ids[0], 0x3e, 16);
	s->forensic.host.kvm = CENO_PROOF_KVM_VMX;
	s->forensic.host.swap = CENO_PROOF_FACT_ON;
	strcpy(s->forensic.host.kernel, "6.9.1-other");
	s->timing.started_unix_ms += 12345;
	s->timing.launched_us += 77;
	s->timing.stopped_us += 50;
	for (uint32_t i = 0; i < 6; i++) {
		s->timing.steps[i].begin_us += 50;
		s->timing.steps[i].end_us += 60;
	}
	s->timing.read_back_us += 70;
	s->timing.zeroed_us += 80;
	s->timing.compared_us += 90;
	s->chain.sealed_us += 100;
	f.log_size = 8;
	f.launch_at = 1;
	f.cdp_at = 6;
	f.clock_ms += 1000;
	f.seal.step8.peak_bytes += 4096;
}

static bool differs(const struct ceno_json_token *x, const char *tx, const struct ceno_json_token *y, const char *ty)
{
	return x->length != y->length || memcmp(tx + x->start, ty + y->start, x->length) != 0;
}

/* Text `to` with its token k replaced by that of `from`. */
static size_t replaced(const char *to, size_t to_bytes, const struct ceno_json_token *x, const char *from,
                       const struct ceno_json_token *y, uint8_t *out)
{
	memcpy(out, to, x->start);
	memcpy(out + x->start, from + y->start, y->length);
	memcpy(out + x->start + y->length, to + x->start + x->length, to_bytes - x->start - x->length);
	return to_bytes - x->length + y->length;
}

enum swap { SWAP_FILE, SWAP_PAYLOAD, SWAP_SIGNED };

/* SWAP_PAYLOAD: the same inside the payload. SWAP_SIGNED: the session's own key signs it, and the node logs and quotes it. */
static void swap(enum swap where, const char *name)
{
	struct ceno_json ja, jb;
	bool file = where == SWAP_FILE;
	size_t bytes = file ? a.file_bytes : a.payload_bytes;
	MUST(ceno_json_read(&ja, file ? a.file : a.payload, bytes, in_a, CENO_LADDER_TOKENS) == 0);
	MUST(ceno_json_read(&jb, file ? b.file : b.payload, file ? b.file_bytes : b.payload_bytes, in_b,
	                    CENO_LADDER_TOKENS) == 0);
	MUST(ja.token_count == jb.token_count);
	for (uint32_t i = 1; i < ja.token_count; i++) {
		if (!differs(&in_a[i], ja.text, &in_b[i], jb.text))
			continue;
		start();
		f = a;
		policy.pins = &f.pins;
		*(file ? &f.file_bytes : &f.payload_bytes) =
		    replaced(ja.text, bytes, &in_a[i], jb.text, &in_b[i], file ? f.file : f.payload);
		if (where == SWAP_SIGNED) {
			fixture_sign_payload(&f);
			fixture_log(&f);
			fixture_quote(&f);
		}
		if (!file)
			fixture_write(&f);
		vector(ANY_REASON, "swap-%s-%u", name, i);
	}
}

void vectors_swaps(void)
{
	start();
	second_session();
	fixture_redo(&f);
	b = f;
	start();
	f.log_size = 8;
	f.launch_at = 2;
	f.cdp_at = 5;
	memset(f.statement.core.record_commit, 0x51, 32);
	memset(f.statement.core.platform.image, 0x52, 32);
	fixture_redo(&f);
	a = f;
	vector(OK, "swap-first");
	f = b;
	policy.pins = &f.pins;
	vector(OK, "swap-second");
	swap(SWAP_FILE, "file");
	swap(SWAP_PAYLOAD, "payload-text");
	swap(SWAP_SIGNED, "payload-signed");
}
