/*
 * Stages 11 to 13: who the attestation key is, the pinned node's state, and what
 * the caller asked. Only from stage 10 on does the verdict depend on anything but
 * the file.
 */
#include "ladder.h"
#include "../proof/hash.h"

#include <string.h>

static bool revoked(const struct ceno_ladder *l)
{
	const struct ceno_verify_pins *pins = l->policy->pins;
	for (uint32_t i = 0; pins != NULL && i < pins->revoked_count; i++)
		if (memcmp(pins->revoked[i], l->result->ak, 32) == 0 && pins->revoked_since[i] <= l->policy->as_of)
			return true;
	return false;
}

/* Is it the word of an authority that the policy names, for at most what it may say? */
static bool authority_ok(const struct ceno_verify_rules *rules, const struct ceno_verify_enrolment *e)
{
	uint8_t message[15 + 1 + 8 + 64] = "CDP/v1/vouch";
	size_t tag = sizeof("CDP/v1/vouch");
	message[tag] = (uint8_t)e->key;
	ceno_store_be64(message + tag + 1, e->until);
	memcpy(message + tag + 9, e->ak, 32);
	memcpy(message + tag + 41, e->ek, 32);
	for (uint32_t i = 0; i < rules->authority_count; i++)
		if (memcmp(rules->authorities[i], e->authority, 32) == 0)
			return e->key <= rules->authority_key[i] &&
			    crypto_core_ed25519_is_valid_point(e->authority) == 1 &&
			    crypto_sign_ed25519_verify_detached(e->signature, message, tag + 73, e->authority) == 0;
	return false;
}

static bool enrolment_ok(const struct ceno_ladder *l, const struct ceno_verify_enrolment *e)
{
	static const uint8_t none[32];
	const uint8_t *stated = l->envelope.seal.node.ak_binding;
	bool ek = memcmp(e->ek, none, 32) == 0 || memcmp(stated, none, 32) == 0 || memcmp(e->ek, stated, 32) == 0;
	return ek && l->policy->as_of <= e->until && (!e->is_vouched || authority_ok(l->policy->rules, e));
}

/* Enrolled by this verifier, or by an authority it names: says how much, if it is said at all. */
static bool check_enrolments(struct ceno_ladder *l)
{
	const struct ceno_verify_rules *rules = l->policy->rules;
	uint32_t found = 0, key = CENO_KEY_NONE;
	bool ok = true;
	for (uint32_t i = 0; rules != NULL && i < rules->enrolment_count; i++) {
		const struct ceno_verify_enrolment *e = &rules->enrolments[i];
		if (memcmp(e->ak, l->result->ak, 32) != 0)
			continue;
		found++;
		ok = ok && enrolment_ok(l, e);
		key = e->key > key ? e->key : key;
	}
	if (found > 0 && ok)
		l->result->key = key;
	return ok;
}

/* The pin whose AK this is: of several, that of the proof's log key, else the first. */
static const struct ceno_verify_pin *find_pin(const struct ceno_ladder *l)
{
	const struct ceno_verify_pins *pins = l->policy->pins;
	const struct ceno_verify_pin *found = NULL;
	for (uint32_t i = 0; pins != NULL && i < pins->pin_count; i++) {
		const struct ceno_verify_pin *pin = &pins->pins[i];
		bool exact = memcmp(pin->log_pub, l->envelope.seal.node.log_pub, 32) == 0;
		if (memcmp(pin->ak, l->result->ak, 32) == 0 && (found == NULL || exact)) {
			l->result->pin = i;
			found = pin;
		}
	}
	return found;
}

/* Is the node's name or log key pinned, but with another AK? */
static bool ak_changed(const struct ceno_ladder *l)
{
	const struct ceno_verify_pins *pins = l->policy->pins;
	const struct ceno_proof_node *node = &l->envelope.seal.node;
	for (uint32_t i = 0; pins != NULL && i < pins->pin_count; i++)
		if ((strcmp(pins->pins[i].origin, node->origin) == 0 ||
		     memcmp(pins->pins[i].log_pub, node->log_pub, 32) == 0) &&
		    memcmp(pins->pins[i].ak, l->result->ak, 32) != 0)
			return true;
	return false;
}

/* A larger log with a lower counter or clock, or an equal one with another root. A smaller
 * log is an older proof: nothing can be said. */
static bool rolled_back(const struct ceno_ladder *l, const struct ceno_verify_pin *pin)
{
	const struct ceno_verify_result *r = l->result;
	if (pin->size == 0 || r->log_size < pin->size)
		return false;
	if (r->log_size == pin->size && memcmp(r->log_root, pin->root, 32) != 0)
		return true;
	if (l->envelope.seal.nv.value < pin->nv_value || r->reset_count < pin->reset_count)
		return true;
	return r->reset_count == pin->reset_count && r->clock_ms < pin->clock_ms;
}

/* One session, and one launch of one node, have one proof. */
static bool replayed(const struct ceno_ladder *l)
{
	const uint8_t *session = l->document.statement.core.session_id;
	for (uint32_t i = 0; i < l->policy->seen_count; i++) {
		const struct ceno_verify_seen *s = &l->policy->seen[i];
		bool launch =
		    s->launch_index == l->envelope.seal.step8.launch_index && memcmp(s->ak, l->result->ak, 32) == 0;
		if ((launch || memcmp(s->session_id, session, 16) == 0) && memcmp(s->c8, l->result->chain[8], 32) != 0)
			return true;
	}
	return false;
}

static bool facts_ok(const struct ceno_verify_rules *rules, const struct ceno_proof_host *h)
{
	const uint32_t facts[CENO_VERIFY_FACTS] = {
		h->npt,          h->swap,     h->zswap, h->ksm,         h->compact_unevictable, h->numa_balancing,
		h->init_on_free, h->dumpable, h->kdump, h->hibernation, h->huge_pages
	};
	for (uint32_t i = 0; i < CENO_VERIFY_FACTS; i++)
		if (rules->facts[i] != CENO_PROOF_FACT_UNKNOWN && facts[i] != rules->facts[i])
			return false;
	return true;
}

static bool facts_asked(const struct ceno_verify_rules *rules)
{
	uint32_t asked = 0;
	for (uint32_t i = 0; i < CENO_VERIFY_FACTS; i++)
		asked |= rules->facts[i];
	return asked != 0;
}

static bool platform_ok(const struct ceno_verify_rules *rules, const uint8_t platform[32])
{
	for (uint32_t i = 0; i < rules->platform_count; i++)
		if (memcmp(rules->platforms[i], platform, 32) == 0)
			return true;
	return rules->platform_count == 0;
}

static void check_rules(struct ceno_ladder *l, const struct ceno_verify_rules *rules)
{
	const struct ceno_proof_statement *s = &l->document.statement;
	if (rules->platform_count > 0)
		ceno_check(l, CENO_VERIFY_PLATFORM, platform_ok(rules, l->result->platform));
	if (l->policy->request != NULL)
		ceno_check(l, CENO_VERIFY_REQUEST, memcmp(s->core.request_commit, l->policy->request, 32) == 0);
	if (rules->causes != 0)
		ceno_check(l, CENO_VERIFY_CAUSE_RULE, (rules->causes >> s->isolation.cause & 1) != 0);
	if (facts_asked(rules))
		ceno_check(l, CENO_VERIFY_HOST_RULE, facts_ok(rules, &s->forensic.host));
	if (rules->classification != 0 || rules->jurisdiction != 0)
		ceno_check(l, CENO_VERIFY_DECLARED,
		           (rules->classification == 0 || rules->classification == s->core.classification) &&
		               (rules->jurisdiction == 0 || rules->jurisdiction == s->core.jurisdiction));
	if (rules->passes != 0)
		ceno_check(l, CENO_VERIFY_PASSES_RULE, s->overwrite.passes >= rules->passes);
}

static void check_policy(struct ceno_ladder *l)
{
	static const struct ceno_verify_rules nothing;
	const struct ceno_verify_policy *policy = l->policy;
	const struct ceno_proof_core *core = &l->document.statement.core;
	if (policy->rp_nonce != NULL)
		ceno_check(l, CENO_VERIFY_NONCE, memcmp(core->rp_nonce, policy->rp_nonce, 32) == 0);
	if (policy->seen_count > 0)
		ceno_check(l, CENO_VERIFY_REPLAY, !replayed(l));
	if (policy->refuse_test_key)
		ceno_check(l, CENO_VERIFY_TEST_KEY, core->platform.test_key == 0);
	if (policy->key_floor > CENO_KEY_SOFTWARE) /* a pinned one was asked for in stage 11 */
		ceno_check(l, CENO_VERIFY_ASSURANCE, l->result->key >= policy->key_floor);
	if (policy->code_floor > CENO_TRUST_NONE)
		ceno_check(l, CENO_VERIFY_CODE_ASSURANCE, l->result->code >= policy->code_floor);
	check_rules(l, policy->rules != NULL ? policy->rules : &nothing);
}

/* Pinned, or enrolled: then something says who made it. */
static void check_maker(struct ceno_ladder *l, const struct ceno_verify_pin *pin)
{
	bool enrolled = check_enrolments(l);
	if (l->policy->key_floor > CENO_KEY_NONE)
		ceno_check(l, CENO_VERIFY_AK_UNPINNED, pin != NULL || l->result->key > CENO_KEY_NONE);
	ceno_check(l, CENO_VERIFY_AK_VOUCH, enrolled);
	if (pin != NULL && l->result->key == CENO_KEY_NONE)
		l->result->key = CENO_KEY_SOFTWARE;
}

void ceno_stage_trust(struct ceno_ladder *l)
{
	const struct ceno_verify_pin *pin;
	if (l->stopped)
		return;
	ceno_check(l, CENO_VERIFY_AK_REVOKED, !revoked(l));
	pin = find_pin(l);
	ceno_check(l, CENO_VERIFY_AK_CHANGED, pin != NULL || !ak_changed(l));
	check_maker(l, pin);
	if (l->stopped)
		return;
	if (pin != NULL) {
		const struct ceno_proof_node *node = &l->envelope.seal.node;
		ceno_check(l, CENO_VERIFY_PIN_NODE,
		           strcmp(pin->origin, node->origin) == 0 && memcmp(pin->log_pub, node->log_pub, 32) == 0);
		ceno_check(l, CENO_VERIFY_ROLLBACK, !rolled_back(l, pin));
	}
	ceno_check_comparison(l);
	check_policy(l);
}
