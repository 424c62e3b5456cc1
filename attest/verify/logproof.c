/*
 * Stage 8: launch and proof are leaves of one signed tree, the launch first. The
 * leaves are rebuilt from the payload, so that whoever logged them saw the same
 * core, platform, commitment, key and nonce.
 */
#include "ladder.h"
#include "../log/log.h"

#include <string.h>

static bool launch_included(struct ceno_ladder *l)
{
	const struct ceno_proof_core *core = &l->document.statement.core;
	struct ceno_attest_launch launch = { 0 };
	uint8_t body[CENO_PROOF_LEAF_MAX], leaf[32];
	memcpy(launch.session_id, core->session_id, 16);
	memcpy(launch.request_commit, core->request_commit, 32);
	memcpy(launch.signer_pub, core->signer_pub, 32);
	memcpy(launch.rp_nonce, core->rp_nonce, 32);
	if (ceno_proof_platform_digest(&core->platform, launch.platform_digest) != 0)
		return false;
	ceno_merkle_leaf(body, ceno_proof_leaf_launch(&launch, body), leaf);
	return ceno_log_check_inclusion(leaf, &l->envelope.seal.launch.inclusion, l->result->log_size,
	                                l->result->log_root) == 0;
}

static bool cdp_included(struct ceno_ladder *l)
{
	const struct ceno_proof_core *core = &l->document.statement.core;
	uint8_t body[CENO_PROOF_LEAF_MAX], leaf[32];
	ceno_merkle_leaf(body,
	                 ceno_proof_leaf_cdp(core->session_id, l->envelope.seal.step8.launch_index, l->result->chain[0],
	                                     l->result->chain[8], body),
	                 leaf);
	return ceno_log_check_inclusion(leaf, &l->envelope.seal.batch, l->result->log_size, l->result->log_root) == 0;
}

void ceno_stage_log(struct ceno_ladder *l)
{
	const struct ceno_proof_seal *seal = &l->envelope.seal;
	struct ceno_checkpoint c;
	if (l->stopped)
		return;
	int form = ceno_checkpoint_parse(seal->checkpoint, seal->checkpoint_bytes, &c);
	if (!ceno_need(l, CENO_VERIFY_CHECKPOINT, form == 0))
		return;
	l->result->log_size = c.size;
	memcpy(l->result->log_root, c.root, 32);
	ceno_check(l, CENO_VERIFY_CHECKPOINT_ORIGIN, strcmp(c.origin, seal->node.origin) == 0);
	ceno_check(l, CENO_VERIFY_CHECKPOINT_KEY,
	           ceno_checkpoint_verify(&c, seal->checkpoint, seal->node.log_pub) == 0);
	ceno_check(l, CENO_VERIFY_LAUNCH_INCLUSION, launch_included(l));
	ceno_check(l, CENO_VERIFY_CDP_INCLUSION, cdp_included(l));
	ceno_check(l, CENO_VERIFY_LOG_ORDER, seal->launch.inclusion.index < seal->batch.index);
}
