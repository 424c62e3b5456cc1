/*
 * Forgeries that only a verifier can see who knows something: reference values, who
 * made it, what was before, what a policy asks (forgeries.h).
 */
#include "asked.h"
#include "forgeries.h"
#include "forgeries_trust.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ceno_verify_seen seen;

#define MUST(condition) \
	do { \
		if (!(condition)) \
			abort(); \
	} while (0)

/* One forgery a line. */
/* clang-format off */
/* ---- stages 10 to 13 ------------------------------------------------------------------------ */

static const char *reference_lines(uint32_t pcr, const char *event_log, const char *more)
{
	static char text[8192];
	uint8_t digest[32];
	char hex[65];
	MUST(ceno_proof_platform_digest(&f.statement.core.platform, digest) == 0);
	size_t n = (size_t)snprintf(text, sizeof(text), "valid 1700000000 1800000000\n%splatform sha256:%s\n", more,
	                            sodium_bin2hex(hex, sizeof(hex), digest, 32));
	for (uint32_t i = 0; i < CENO_PROOF_PCRS; i += 4) {
		sodium_bin2hex(hex, sizeof(hex), f.seal.quote.pcrs[i], 32);
		hex[0] = (char)(i == pcr ? (hex[0] == '0' ? '1' : '0') : hex[0]);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "pcr %u sha256:%s\n", i, hex);
	}
	if (event_log == NULL)
		event_log = sodium_bin2hex(hex, sizeof(hex), f.seal.node.epoch_log_sha256, 32);
	snprintf(text + n, sizeof(text) - n, "event-log sha256:%s\n", event_log);
	return text;
}

/* A verifier at this time who takes the word of key 1. */
static void with_signer(void)
{
	uint8_t secret[64];
	policy.as_of = 1750000000;
	asked_rule(&policy, "signer %s\n", asked_key(1, secret));
}

#define NO_PCR 99
static const char other_hash[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

void v_reference(void) { fixture_redo(&f); policy.code_floor = CENO_TRUST_BOOT; }
void v_reference_signer(void) { with_signer(); fixture_redo(&f); asked_reference(&policy, 2, reference_lines(NO_PCR, NULL, "")); }
void v_reference_nobody(void) { policy.as_of = 1750000000; fixture_redo(&f); asked_reference(&policy, 1, reference_lines(NO_PCR, NULL, "")); }
void v_reference_old(void) { with_signer(); policy.as_of = 1800000001; fixture_redo(&f); asked_reference(&policy, 1, reference_lines(NO_PCR, NULL, "")); }
void v_reference_early(void) { with_signer(); policy.as_of = 1699999999; fixture_redo(&f); asked_reference(&policy, 1, reference_lines(NO_PCR, NULL, "")); }
void v_reference_timeless(void) { with_signer(); policy.as_of = CENO_VERIFY_NO_TIME; fixture_redo(&f); asked_reference(&policy, 1, reference_lines(NO_PCR, NULL, "")); }
void v_reference_pcr_8(void) { with_signer(); fixture_redo(&f); asked_reference(&policy, 1, reference_lines(8, NULL, "")); }
void v_reference_pcr_0(void) { with_signer(); fixture_redo(&f); asked_reference(&policy, 1, reference_lines(0, NULL, "")); }
void v_reference_event_log(void) { with_signer(); fixture_redo(&f); asked_reference(&policy, 1, reference_lines(NO_PCR, other_hash, "")); }

void v_reference_platform(void)
{
	with_signer();
	fixture_redo(&f);
	const char *lines = reference_lines(NO_PCR, NULL, "");
	f.statement.core.platform.vmm[3] ^= 1; /* after the reference values were made */
	fixture_redo(&f);
	asked_reference(&policy, 1, lines);
}

/* One file has the platform, another the PCRs: no signer stands for both together. */
void v_reference_mixed(void)
{
	char text[8192];
	with_signer();
	asked_rule(&policy, "code boot\n");
	fixture_redo(&f);
	asked_reference(&policy, 1, reference_lines(8, NULL, ""));
	strcpy(text, reference_lines(NO_PCR, NULL, ""));
	memcpy(strstr(text, "platform sha256:") + 16, other_hash, 64);
	asked_reference(&policy, 1, text);
}

void v_reference_boot_only(void)
{
	with_signer();
	asked_rule(&policy, "code runtime\n");
	fixture_redo(&f);
	asked_reference(&policy, 1, reference_lines(NO_PCR, NULL, ""));
}

void v_revoked(void) { fixture_redo(&f); f.pins.revoked_count = 1; memcpy(f.pins.revoked[0], f.pins.pins[0].ak, 32); }

/* Everything made again by another TPM, in the pinned node's name and with its log key. */
void v_second_tpm(void) { f.signing_ak = f.second_ak; fixture_redo(&f); }

/* The same by someone who has neither: another name, another log. */
static void other_node(void)
{
	uint8_t seed[32] = { 99 };
	f.signing_ak = f.second_ak;
	crypto_sign_ed25519_seed_keypair(f.seal.node.log_pub, f.log_secret, seed);
	strcpy(f.seal.node.origin, "somebody.test/node");
}

void v_second_tpm_any_key(void) { policy.key_floor = CENO_KEY_NONE; f.signing_ak = f.second_ak; fixture_redo(&f); }
void v_second_tpm_own_name(void) { other_node(); fixture_redo(&f); }
void v_no_pins(void) { fixture_redo(&f); policy.pins = NULL; }
void v_pin_log(void) { fixture_redo(&f); f.pins.pins[0].log_pub[0] ^= 1; }
void v_pin_origin(void) { fixture_redo(&f); strcpy(f.pins.pins[0].origin, "renamed.test/node"); }

void v_log_forked(void) { fixture_redo(&f); f.pins.pins[0].size = f.log_count; f.pins.pins[0].root[0] = 1; f.pins.pins[0].reset_count = 7; }

void v_clock_back(void)
{
	fixture_redo(&f);
	f.pins.pins[0].size = f.log_count - 1;
	f.pins.pins[0].reset_count = 7;
	f.pins.pins[0].clock_ms = f.clock_ms + 1;
}

void v_resets_back(void) { fixture_redo(&f); f.pins.pins[0].size = f.log_count - 1; f.pins.pins[0].reset_count = 8; }
void v_counter_back(void) { f.with_nv = 1; fixture_redo(&f); f.pins.pins[0].size = 1; f.pins.pins[0].nv_value = 43; }

static uint8_t wanted[32];
void v_nonce(void) { fixture_redo(&f); memset(wanted, 3, 32); policy.rp_nonce = wanted; }
void v_request(void) { fixture_redo(&f); memset(wanted, 4, 32); policy.request = wanted; }

static void seen_before(void)
{
	fixture_redo(&f);
	memset(&seen, 0, sizeof(seen));
	memset(seen.c8, 1, 32);
	policy.seen = &seen;
	policy.seen_count = 1;
}
void v_replay_session(void) { seen_before(); memcpy(seen.session_id, f.statement.core.session_id, 16); seen.launch_index = 999; }
void v_replay_launch(void) { seen_before(); seen.launch_index = f.seal.step8.launch_index; memcpy(seen.ak, f.pins.pins[0].ak, 32); }
void v_test_key(void) { f.statement.core.platform.test_key = 1; fixture_redo(&f); policy.refuse_test_key = 1; }
void v_assurance(void) { fixture_redo(&f); policy.key_floor = CENO_KEY_VTPM; }
void v_rule_platform(void) { fixture_redo(&f); asked_rule(&policy, "platform sha256:%s\n", other_hash); }
void v_rule_cause(void) { fixture_redo(&f); asked_rule(&policy, "cause ttl\ncause request\n"); }
void v_rule_host(void) { fixture_redo(&f); asked_rule(&policy, "host swap off\nhost ksm on\n"); }
void v_rule_host_unknown(void) { fixture_redo(&f); asked_rule(&policy, "host numa_balancing off\n"); }
void v_rule_class(void) { fixture_redo(&f); asked_rule(&policy, "classification PII\njurisdiction EU\n"); }
void v_rule_land(void) { fixture_redo(&f); asked_rule(&policy, "classification PHI\njurisdiction US\n"); }
void v_rule_passes(void) { fixture_redo(&f); asked_rule(&policy, "passes 3\n"); }
void v_rule_key(void) { fixture_redo(&f); asked_rule(&policy, "key ftpm\n"); }

static const char *hex_of(const uint8_t bytes[32])
{
	static char text[2][65];
	static int next;
	return sodium_bin2hex(text[next++ % 2], 65, bytes, 32);
}

/* The EK certificate that the node states. */
static void stated_ek(struct fixture *x) { memset(x->seal.node.ak_binding, 0x44, 32); }

static void enrolled(const char *ek, uint64_t until)
{
	f.on_node = stated_ek;
	fixture_redo(&f);
	policy.as_of = 1750000000;
	asked_rule(&policy, "enrolled sha256:%s dtpm %s %llu\n", hex_of(f.pins.pins[0].ak), ek, (unsigned long long)until);
}

void v_enrolment_over(void) { enrolled("none", 1749999999); }
void v_enrolment_other_ek(void) { char ek[72]; snprintf(ek, sizeof(ek), "sha256:%s", other_hash); enrolled(ek, 1800000000); }

/* The word of key `by` for a dtpm, where the policy names key 3 for at most `most`. `spoil`: changed afterwards. */
static void vouched(uint32_t by, const char *most, bool spoil)
{
	char line[512];
	uint8_t secret[64];
	fixture_redo(&f);
	policy.as_of = 1750000000;
	asked_vouch(line, sizeof(line), by, f.pins.pins[0].ak, CENO_KEY_DTPM, NULL, spoil ? 1700000000 : 1800000000);
	if (spoil)
		memcpy(strstr(line, "1700000000"), "1800000000", 10);
	asked_rule(&policy, "authority %s %s\n%s", asked_key(3, secret), most, line);
}

void v_vouch_stranger(void) { vouched(4, "dtpm", false); }
void v_vouch_too_much(void) { vouched(3, "vtpm", false); }
void v_vouch_prolonged(void) { vouched(3, "dtpm", true); }

/* ---- comparison: the fixture's log, and what the node showed elsewhere ------------------------- */

/* The tree of the fixture continued by `more` leaves, its first leaf changed if forked. */
static void other_tree(struct ceno_log *log, uint32_t count, bool forked)
{
	ceno_log_init(log);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t leaf[32], body[8] = { (uint8_t)i, 0xc0, forked };
		if (i < f.log_count)
			memcpy(leaf, f.leaves[i], 32);
		else
			ceno_merkle_leaf(body, sizeof(body), leaf);
		leaf[7] ^= forked && i == 0;
		MUST(ceno_log_append(log, leaf, NULL) == 0);
	}
}

/* A comparison text: the nodes from `old` to `size` of a tree, then the checkpoint of `shown` leaves. */
static void compare_with(struct ceno_log *log, uint64_t old, uint64_t size, uint64_t shown, const char *origin,
                         const uint8_t secret[64])
{
	static uint8_t path[CENO_LOG_PATH_MAX][32];
	char text[16384], checkpoint[CENO_PROOF_CHECKPOINT_MAX];
	uint8_t root[32];
	uint32_t nodes = 0;
	MUST(ceno_log_root(log, old, root) == 0);
	size_t n = (size_t)snprintf(text, sizeof(text), "ceno-consistency 1\nold %llu sha256:%s\n", (unsigned long long)old, hex_of(root)), m;
	MUST(ceno_log_consistency(log, old, size, path, &nodes) == 0 && ceno_log_root(log, shown, root) == 0);
	for (uint32_t i = 0; i < nodes; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "node sha256:%s\n", hex_of(path[i]));
	MUST(ceno_checkpoint_make(origin, shown, root, secret, checkpoint, &m) == 0);
	text[n++] = '\n';
	memcpy(text + n, checkpoint, m);
	asked_compare(&policy, text, n + m);
	ceno_log_fini(log);
}

void compare_honest(uint32_t count)
{
	struct ceno_log log;
	uint32_t size = f.log_count;
	other_tree(&log, count > size ? count : size, false);
	compare_with(&log, count < size ? count : size, count < size ? size : count, count, f.seal.node.origin, f.log_secret);
}

static void compare_at(uint32_t more) { fixture_redo(&f); compare_honest(f.log_count + more); }

/* The node showed a longer log with another beginning: its proof leads to that, from another old root. */
void v_fork_longer(void)
{
	struct ceno_log log;
	f.foreign_leaves = 6;
	fixture_redo(&f);
	other_tree(&log, f.log_count + 5, true);
	compare_with(&log, f.log_count, f.log_count + 5, f.log_count + 5, f.seal.node.origin, f.log_secret);
}

void v_fork_same_size(void)
{
	struct ceno_log log;
	fixture_redo(&f);
	other_tree(&log, f.log_count, true);
	compare_with(&log, f.log_count, f.log_count, f.log_count, f.seal.node.origin, f.log_secret);
}

void v_compare_empty(void) { fixture_redo(&f); asked_compare(&policy, "", 0); }
void v_compare_words(void) { fixture_redo(&f); asked_compare(&policy, "ceno-consistency 1\nroot 7\n", 26); }
void v_compare_other_old(void)
{
	compare_at(5);
	char *old = strstr(asked.compare, "\nold ") + 5; /* another size, the rest as it is */
	*old = (char)(*old == '9' ? '1' : *old + 1);
}
void v_compare_other_root(void)
{
	compare_at(5);
	char *root = strstr(asked.compare, " sha256:") + 8;
	*root = (char)(*root == '9' ? '1' : '9');
}

void v_compare_other_log(void)
{
	struct ceno_log log;
	fixture_redo(&f);
	other_tree(&log, f.log_count, false);
	compare_with(&log, f.log_count, f.log_count, f.log_count, "another.test/node", f.log_secret);
}

void v_compare_other_key(void)
{
	struct ceno_log log;
	uint8_t secret[64];
	fixture_redo(&f);
	asked_key(5, secret);
	other_tree(&log, f.log_count, false);
	compare_with(&log, f.log_count, f.log_count, f.log_count, f.seal.node.origin, secret);
}

/* A good proof of another beginning than the smaller of the two logs says nothing of these. */
void v_compare_other_from(void)
{
	struct ceno_log log;
	fixture_redo(&f);
	other_tree(&log, f.log_count + 5, false);
	compare_with(&log, f.log_count - 3, f.log_count + 5, f.log_count + 5, f.seal.node.origin, f.log_secret);
}

/* Equal sizes need no nodes: what has some is not of this form. */
void v_compare_more_nodes(void)
{
	char text[16384], *end;
	compare_at(0);
	end = strchr(strchr(asked.compare, '\n') + 1, '\n') + 1;
	size_t head = (size_t)(end - asked.compare);
	size_t n = (size_t)snprintf(text, sizeof(text), "%.*snode sha256:%s\n%s", (int)head, asked.compare, hex_of(f.leaves[0]), end);
	asked_compare(&policy, text, n);
}

/* A proof between other sizes leads nowhere: that is no fork. */
void v_compare_other_path(void)
{
	struct ceno_log log;
	fixture_redo(&f);
	other_tree(&log, f.log_count + 9, false);
	compare_with(&log, f.log_count - 1, f.log_count + 9, f.log_count + 5, f.seal.node.origin, f.log_secret);
}
