/*
 * Attacks on a node's proofs, each seen by three verifiers: one who has pinned the
 * node (and remembers its newest state and the proofs it took), one who has also a
 * checkpoint from a witness, and one who meets the node for the first time. What a
 * verifier cannot see it must not call checked: the text says "not checked".
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "asked.h"
#include "forgeries.h"

enum verifier { PIN, WITNESS, FIRST, VERIFIERS };

static const char *const verifier_names[] = { "pin", "witness", "first contact" };
static struct ceno_verify_result result;
static struct ceno_verify_seen seen;
static char text[65536];

/* The honest session, what its verifiers keep of it, and a witness's checkpoint of its log. */
static void honest(enum verifier who)
{
	start();
	f.log_size = 12;
	f.launch_at = 2;
	f.cdp_at = 5;
	fixture_redo(&f);
	struct ceno_checkpoint c;
	assert_int_equal(ceno_checkpoint_parse(f.seal.checkpoint, f.seal.checkpoint_bytes, &c), 0);
	if (who == FIRST)
		policy.pins = NULL;
	if (who == WITNESS)
		compare_honest(12);
	if (who != PIN)
		return;
	f.pins.pins[0].size = c.size;
	memcpy(f.pins.pins[0].root, c.root, 32);
	f.pins.pins[0].clock_ms = f.clock_ms;
	f.pins.pins[0].reset_count = f.reset_count;
	memcpy(seen.ak, f.pins.pins[0].ak, 32);
	memcpy(seen.session_id, f.statement.core.session_id, 16);
	seen.launch_index = f.seal.step8.launch_index;
	memcpy(seen.c8, f.chain[8], 32);
	policy.seen = &seen;
	policy.seen_count = 1;
}

/* A forgery of the table, under the pins that `honest` keeps or not. */
static void forge(const char *name)
{
	struct ceno_verify_policy asked_now = policy;
	struct ceno_verify_pins pins = f.pins;
	size_t i = 0;
	while (i < forgery_count && strcmp(forgeries[i].name, name) != 0)
		i++;
	assert_true(i < forgery_count);
	uint32_t size = f.log_size, launch = f.launch_at, cdp = f.cdp_at;
	fixture_init(&f);
	f.log_size = size;
	f.launch_at = launch;
	f.cdp_at = cdp;
	forgeries[i].forge();
	f.pins = pins;
	policy = asked_now;
}

static void none(void) {}
static void tampering(void)
{
	forge("v_recomputed_unsigned");
}
static void manipulated_payload(void)
{
	forge("v_evidence_edited");
}
static void leaked_session_key(void)
{
	forge("v_second_story");
}
static void impersonation(void)
{
	forge("v_second_tpm");
}
static void unpinned_maker(void)
{
	forge("v_second_tpm_own_name");
}

/* The operator logs and quotes a second proof of the same session. */
static void replay(void)
{
	f.statement.isolation.cause = CENO_CAUSE_TTL;
	fixture_redo(&f);
}

/* The swtpm's state of before the session is put back, and another history follows, of the same length. */
static void rollback(void)
{
	memset(f.statement.core.session_id, 0x66, 16);
	f.launch_at = 7;
	f.cdp_at = 9;
	f.clock_ms -= 1000;
	fixture_redo(&f);
}

/* The same without touching the TPM: the log alone has a second end, longer than the first. */
static void log_fork(void)
{
	memset(f.statement.core.session_id, 0x67, 16);
	f.launch_at = 7;
	f.cdp_at = 9;
	f.clock_ms += 1000;
	fixture_redo(&f);
}

/* A quote and counter of another proof of the same node. */
static void quote_splice(void)
{
	struct ceno_proof_seal seal = f.seal;
	memset(f.statement.core.session_id, 0x68, 16);
	fixture_redo(&f);
	f.seal.quote = seal.quote;
	f.seal.nv = seal.nv;
	fixture_write(&f);
}

/* The log key is stolen: a checkpoint of a forged log under an old quote. */
static void leaked_log_key(void)
{
	f.statement.isolation.cause = CENO_CAUSE_TTL;
	fixture_roots(&f);
	fixture_sign(&f);
	fixture_log(&f);
	fixture_write(&f);
}

/* The seal key itself is stolen, out of a copied software TPM, and whoever pinned it was told: the proof is whole. */
static void stolen_seal_key(void)
{
	memcpy(f.pins.revoked[0], f.pins.pins[0].ak, 32);
	f.pins.revoked_since[0] = 1700000000;
	f.pins.revoked_count = 1;
}

/* extraData that a forged seal needs, asked for as a nonce of `ceno attest`: the tag makes it another. */
static void nonce_as_extra_data(void)
{
	uint8_t want[32], got[32];
	f.statement.isolation.cause = CENO_CAUSE_TTL;
	fixture_roots(&f);
	fixture_sign(&f);
	fixture_log(&f);
	assert_int_equal(ceno_proof_quote_data(f.seal.checkpoint, f.seal.checkpoint_bytes, &f.seal.node, 0, want), 0);
	ceno_proof_node_data(want, got);
	memcpy(f.seal.quote.attest + 44, got, 32); /* extraData: 4 + 2 + 2 + 34 + 2 */
	fixture_sign_quote(&f);
	fixture_write(&f);
}

/* The same by the raw key, which signs over a caller's nonce, named as the seal's key. */
static void raw_key_in_seal_role(void)
{
	f.signing_ak = f.second_ak;
	fixture_redo(&f);
}

/* The node names a genuine EK certificate and calls itself activated: the key's axis does not move. */
static void own_transcript(struct fixture *x)
{
	memset(x->seal.node.ak_binding, 0x99, 32);
}
static void self_activation(void)
{
	f.on_node = own_transcript;
	fixture_redo(&f);
	asked_rule(&policy, "key dtpm\n");
	policy.seen_count = 0;
	f.pins.pins[0].size = 0;
	policy.compare = NULL;
}

/* PCR 8 (what the boot loader was told) differs from what the release says. */
static void changed_pcr_8(void)
{
	char lines[4096], hex[65];
	uint8_t platform[32], secret[64];
	assert_int_equal(ceno_proof_platform_digest(&f.statement.core.platform, platform), 0);
	size_t n = (size_t)snprintf(lines, sizeof(lines), "valid 0 18446744073709551615\nplatform sha256:%s\n",
	                            sodium_bin2hex(hex, 65, platform, 32));
	for (uint32_t i = 0; i < CENO_PROOF_PCRS; i++)
		n += (size_t)snprintf(lines + n, sizeof(lines) - n, "pcr %u sha256:%s\n", i,
		                      sodium_bin2hex(hex, 65, f.seal.quote.pcrs[i], 32));
	memset(f.seal.quote.pcrs[8], 0x0b, 32);
	fixture_quote(&f);
	fixture_write(&f);
	asked_rule(&policy, "signer %s\n", asked_key(1, secret));
	asked_reference(&policy, 1, lines);
}

#define V(code) CENO_VERIFY_##code
#define OK      CENO_VERIFY_CODE_COUNT

static const struct {
	const char *name;
	void (*attack)(void);
	uint32_t code[VERIFIERS];
	const char *says[VERIFIERS]; /* in the text; NULL: not looked at */
} attacks[] = {
	{ "honest",
	  none,
	  { OK, OK, V(AK_UNPINNED) },
	  { "replay: none seen; rollback: none seen", "fork: compared", "fork: not checked" } },
	{ "tampering", tampering, { V(SIGNATURE), V(SIGNATURE), V(SIGNATURE) }, { "INVALID", "INVALID", "INVALID" } },
	{ "payload manipulation", manipulated_payload, { V(CHAIN), V(CHAIN), V(CHAIN) }, { NULL } },
	{ "leaked session key",
	  leaked_session_key,
	  { V(CDP_INCLUSION), V(CDP_INCLUSION), V(CDP_INCLUSION) },
	  { NULL } },
	{ "leaked log key", leaked_log_key, { V(QUOTE_DATA), V(QUOTE_DATA), V(QUOTE_DATA) }, { NULL } },
	{ "stolen seal key, revoked",
	  stolen_seal_key,
	  { V(AK_REVOKED), V(AK_REVOKED), V(AK_UNPINNED) },
	  { NULL, NULL, "nothing says who made" } },
	{ "replay",
	  replay,
	  { V(ROLLBACK), V(FORK), V(AK_UNPINNED) },
	  { "ROLLBACK OR REPLAY", NULL, "replay: not checked" } },
	{ "rollback",
	  rollback,
	  { V(ROLLBACK), V(FORK), V(AK_UNPINNED) },
	  { "rollback: FOUND", "fork: FOUND", "rollback: not checked" } },
	{ "log fork",
	  log_fork,
	  { V(ROLLBACK), V(FORK), V(AK_UNPINNED) },
	  { NULL, "fork: FOUND", "fork: not checked" } },
	{ "quote splice", quote_splice, { V(QUOTE_DATA), V(QUOTE_DATA), V(QUOTE_DATA) }, { NULL } },
	{ "node impersonation",
	  impersonation,
	  { V(AK_CHANGED), V(AK_CHANGED), V(AK_UNPINNED) },
	  { NULL, NULL, "nothing says who made this proof" } },
	{ "a nonce that is a forged extraData",
	  nonce_as_extra_data,
	  { V(QUOTE_DATA), V(QUOTE_DATA), V(QUOTE_DATA) },
	  { NULL } },
	{ "raw key in the seal's role",
	  raw_key_in_seal_role,
	  { V(AK_CHANGED), V(AK_CHANGED), V(AK_UNPINNED) },
	  { NULL } },
	{ "self-made activation",
	  self_activation,
	  { V(ASSURANCE), V(ASSURANCE), V(AK_UNPINNED) },
	  { "key software", "key software", "key none" } },
	{ "changed PCR 8",
	  changed_pcr_8,
	  { V(REFERENCE_PCRS), V(REFERENCE_PCRS), V(REFERENCE_PCRS) },
	  { "code none", "code none", "code none" } },
	{ "unpinned maker",
	  unpinned_maker,
	  { V(AK_UNPINNED), V(AK_UNPINNED), V(AK_UNPINNED) },
	  { "nothing says who made", NULL, NULL } },
};

static const char *name_of(uint32_t code)
{
	return code < OK ? ceno_verify_code_info(code)->name : "verified";
}

static void each_attack_by_three_verifiers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
		for (enum verifier who = PIN; who < VERIFIERS; who++) {
			honest(who);
			policy.as_of = 1750000000;
			attacks[i].attack();
			assert_int_equal(ceno_verify(f.file, f.file_bytes, &policy, &result), 0);
			ceno_verify_render_text(&result, &policy, text, sizeof(text));
			if (result.verdict != attacks[i].code[who])
				fail_msg("%s, %s: %s, expected %s", attacks[i].name, verifier_names[who],
				         name_of(result.verdict), name_of(attacks[i].code[who]));
			if (attacks[i].says[who] != NULL && strstr(text, attacks[i].says[who]) == NULL)
				fail_msg("%s, %s: does not say \"%s\"", attacks[i].name, verifier_names[who],
				         attacks[i].says[who]);
			if (i > 0)
				assert_int_not_equal(result.exit_status, 0);
		}
}

/* A replay in a log that goes on: only who remembers the first proof sees it. */
static void replay_in_a_longer_log(void **state)
{
	(void)state;
	for (enum verifier who = PIN; who < VERIFIERS; who++) {
		honest(who);
		f.pins.pins[0].size = 0; /* no state kept, so that only the replay is there to see */
		policy.compare = NULL;
		f.log_size = 20;
		f.cdp_at = 15;
		f.statement.isolation.cause = CENO_CAUSE_TTL;
		fixture_redo(&f);
		assert_int_equal(ceno_verify(f.file, f.file_bytes, &policy, &result), 0);
		ceno_verify_render_text(&result, &policy, text, sizeof(text));
		assert_int_equal(result.verdict, who == PIN ? V(REPLAY) : who == WITNESS ? OK : V(AK_UNPINNED));
		assert_non_null(strstr(text, who == PIN ? "replay: FOUND" : "replay: not checked"));
	}
}

/* Another session's proof, given for a nonce. */
static void nonce_not_asked_for(void **state)
{
	uint8_t nonce[32] = { 1 };
	(void)state;
	honest(PIN);
	policy.rp_nonce = nonce;
	assert_int_equal(ceno_verify(f.file, f.file_bytes, &policy, &result), 0);
	assert_int_equal(result.verdict, V(NONCE));
	assert_int_equal(result.exit_status, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_attack_by_three_verifiers),
		cmocka_unit_test(replay_in_a_longer_log),
		cmocka_unit_test(nonce_not_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
