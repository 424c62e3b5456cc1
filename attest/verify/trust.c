/*
 * Stages 10 to 13: what the quoted PCRs mean, who the attestation key is, the
 * pinned node's state, and what the caller asked. Only here does the verdict
 * depend on anything but the file.
 */
#include "ladder.h"

#include <string.h>

static bool revoked(const struct ceno_verify_pins *pins, const uint8_t ak[32])
{
	for (uint32_t i = 0; pins != NULL && i < pins->revoked_count; i++)
		if (memcmp(pins->revoked[i], ak, 32) == 0)
			return true;
	return false;
}

/* The pin whose AK this is. */
static const struct ceno_verify_pin *find_pin(const struct ceno_ladder *l)
{
	const struct ceno_verify_pins *pins = l->policy->pins;
	for (uint32_t i = 0; pins != NULL && i < pins->pin_count; i++) {
		if (memcmp(pins->pins[i].ak, l->result->ak, 32) == 0) {
			l->result->pin = i;
			return &pins->pins[i];
		}
	}
	return NULL;
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

static void check_policy(struct ceno_ladder *l)
{
	const struct ceno_verify_policy *policy = l->policy;
	const struct ceno_proof_core *core = &l->document.statement.core;
	if (policy->rp_nonce != NULL)
		ceno_check(l, CENO_VERIFY_NONCE, memcmp(core->rp_nonce, policy->rp_nonce, 32) == 0);
	if (policy->seen_count > 0)
		ceno_check(l, CENO_VERIFY_REPLAY, !replayed(l));
	if (policy->refuse_test_key)
		ceno_check(l, CENO_VERIFY_TEST_KEY, core->platform.test_key == 0);
	ceno_check(l, CENO_VERIFY_ASSURANCE, l->result->key >= policy->key_floor);
}

void ceno_stage_trust(struct ceno_ladder *l)
{
	const struct ceno_verify_pin *pin;
	if (l->stopped)
		return;
	/* No reference values exist in version 0: the Code axis stays at none. */
	if (l->policy->code_floor > CENO_TRUST_NONE)
		ceno_check(l, CENO_VERIFY_REFERENCE, false);
	ceno_check(l, CENO_VERIFY_AK_REVOKED, !revoked(l->policy->pins, l->result->ak));
	pin = find_pin(l);
	ceno_check(l, CENO_VERIFY_AK_CHANGED, pin != NULL || !ak_changed(l));
	if (l->policy->key_floor > CENO_KEY_NONE)
		ceno_check(l, CENO_VERIFY_AK_UNPINNED, pin != NULL);
	if (l->stopped)
		return;
	if (pin != NULL) {
		const struct ceno_proof_node *node = &l->envelope.seal.node;
		l->result->key = CENO_KEY_SOFTWARE;
		ceno_check(l, CENO_VERIFY_PIN_NODE,
		           strcmp(pin->origin, node->origin) == 0 && memcmp(pin->log_pub, node->log_pub, 32) == 0);
		ceno_check(l, CENO_VERIFY_ROLLBACK, !rolled_back(l, pin));
	}
	check_policy(l);
}
