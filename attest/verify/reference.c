/*
 * Signed reference values (verify.h has the grammar) and stage 10: do the quoted
 * PCRs, the platform and the host event log have values that someone whom the
 * policy names stands for, and do the host's own logs explain the PCRs?
 */
#include "ladder.h"
#include "lines.h"
#include "measured.h"
#include "../proof/hash.h"

#include <stdlib.h>
#include <string.h>

static bool take_hash(const struct ceno_line *l, uint8_t (*list)[32], uint32_t *count, uint32_t max)
{
	if (l->fields != 2 || *count == max || !ceno_line_digest(l->field[1], list[*count]))
		return false;
	(*count)++;
	return true;
}

static bool take_pcr(const struct ceno_line *l, struct ceno_verify_reference *r)
{
	uint64_t number;
	if (l->fields != 3 || r->pcr_count == sizeof(r->pcrs) / sizeof(r->pcrs[0]) ||
	    !ceno_line_number(l->field[1], &number) || number >= CENO_PROOF_PCRS ||
	    !ceno_line_digest(l->field[2], r->pcrs[r->pcr_count].value))
		return false;
	r->pcrs[r->pcr_count++].number = (uint32_t)number;
	return true;
}

static bool take_line(const struct ceno_line *l, struct ceno_verify_reference *r)
{
	if (strcmp(l->field[0], "platform") == 0)
		return take_hash(l, r->platforms, &r->platform_count, CENO_VERIFY_LIST_MAX);
	if (strcmp(l->field[0], "event-log") == 0)
		return take_hash(l, r->event_logs, &r->event_log_count, CENO_VERIFY_LIST_MAX);
	if (strcmp(l->field[0], "executable") == 0)
		return take_hash(l, r->executables, &r->executable_count, CENO_VERIFY_EXECUTABLES_MAX);
	if (strcmp(l->field[0], "pcr") == 0)
		return take_pcr(l, r);
	if (strcmp(l->field[0], "runtime") != 0 || l->fields != 1 || r->runtime)
		return false;
	r->runtime = 1;
	return true;
}

/* The signature's line, which must be the last: over everything before it. */
static bool take_signature(const struct ceno_line *l, const char *text, size_t before, struct ceno_verify_reference *r)
{
	static const char tag[] = "CDP/v1/reference"; /* with its zero byte */
	static const size_t limit = 1u << 16;
	uint8_t signature[64], *message = before <= limit ? malloc(sizeof(tag) + before) : NULL;
	bool ok = message != NULL && l->fields == 3 && ceno_line_base64(l->field[1], r->signer, 32) &&
	    ceno_line_base64(l->field[2], signature, 64);
	if (ok) {
		memcpy(message, tag, sizeof(tag));
		memcpy(message + sizeof(tag), text, before);
		ok = crypto_core_ed25519_is_valid_point(r->signer) == 1 &&
		    crypto_sign_ed25519_verify_detached(signature, message, sizeof(tag) + before, r->signer) == 0;
	}
	free(message);
	return ok;
}

int ceno_verify_reference_parse(const char *text, size_t bytes, struct ceno_verify_reference *reference,
                                uint32_t *line_number)
{
	struct ceno_line line;
	size_t at = 0, length, before;
	const char *start;
	memset(reference, 0, sizeof(*reference));
	*line_number = 1;
	if (bytes == 0)
		return CENO_VERIFY_PIN_E_EMPTY;
	for (;; (*line_number)++) {
		bool ok;
		before = at;
		if (!ceno_line_next(text, bytes, &at, &start, &length) || !ceno_line_cut(start, length, &line))
			return CENO_VERIFY_PIN_E_FORM;
		if (*line_number == 1)
			ok = line.fields == 2 && strcmp(line.field[0], "ceno-reference") == 0 &&
			    strcmp(line.field[1], "1") == 0;
		else if (*line_number == 2)
			ok = line.fields == 3 && strcmp(line.field[0], "valid") == 0 &&
			    ceno_line_number(line.field[1], &reference->from) &&
			    ceno_line_number(line.field[2], &reference->until);
		else if (strcmp(line.field[0], "signature") == 0)
			return at == bytes && reference->platform_count > 0 && reference->pcr_count > 0 &&
				take_signature(&line, text, before, reference)
			    ? 0
			    : CENO_VERIFY_PIN_E_FORM;
		else
			ok = take_line(&line, reference);
		if (!ok)
			return CENO_VERIFY_PIN_E_FORM;
	}
}

/* ---- stage 10 ----------------------------------------------------------------------------- */

static bool listed(const uint8_t (*list)[32], uint32_t count, const uint8_t hash[32])
{
	for (uint32_t i = 0; i < count; i++)
		if (memcmp(list[i], hash, 32) == 0)
			return true;
	return false;
}

static bool usable(const struct ceno_ladder *l, const struct ceno_verify_reference *r)
{
	const struct ceno_verify_rules *rules = l->policy->rules;
	uint64_t now = l->policy->as_of;
	return rules != NULL && listed(rules->signers, rules->signer_count, r->signer) && r->from <= now &&
	    now <= r->until;
}

/* Each PCR that the file names has one of its values. */
static bool pcrs_match(const struct ceno_ladder *l, const struct ceno_verify_reference *r)
{
	uint32_t named = 0, met = 0;
	for (uint32_t i = 0; i < r->pcr_count; i++) {
		uint32_t bit = 1u << r->pcrs[i].number;
		named |= bit;
		if (memcmp(r->pcrs[i].value, l->envelope.seal.quote.pcrs[r->pcrs[i].number], 32) == 0)
			met |= bit;
	}
	return named == met;
}

static bool event_log_matches(const struct ceno_ladder *l, const struct ceno_verify_reference *r)
{
	return r->event_log_count == 0 ||
	    listed(r->event_logs, r->event_log_count, l->envelope.seal.node.epoch_log_sha256);
}

/* Platform, PCRs and event log are what this file says: one signer's word for all of it. */
static bool stands_for(const struct ceno_ladder *l, const struct ceno_verify_reference *r)
{
	return usable(l, r) && listed(r->platforms, r->platform_count, l->result->platform) && pcrs_match(l, r) &&
	    event_log_matches(l, r);
}

static void check_references(struct ceno_ladder *l)
{
	bool any = false, platform = false, pcrs = false, event_log = false;
	for (uint32_t i = 0; i < l->policy->reference_count; i++) {
		const struct ceno_verify_reference *r = &l->policy->references[i];
		if (!usable(l, r))
			continue;
		any = true;
		platform |= listed(r->platforms, r->platform_count, l->result->platform);
		pcrs |= pcrs_match(l, r);
		event_log |= event_log_matches(l, r);
		if (stands_for(l, r) && l->result->code < (r->runtime ? CENO_TRUST_RUNTIME : CENO_TRUST_BOOT))
			l->result->code = r->runtime ? CENO_TRUST_RUNTIME : CENO_TRUST_BOOT;
	}
	if (!ceno_check(l, CENO_VERIFY_REFERENCE, any) || !any)
		return;
	ceno_check(l, CENO_VERIFY_REFERENCE_PLATFORM, platform);
	ceno_check(l, CENO_VERIFY_REFERENCE_PCRS, pcrs);
	ceno_check(l, CENO_VERIFY_EVENT_LOG, event_log);
}

/* PCRs 0 to 9 are firmware's and loader's, and in the log; the others are extended by the running system. */
static void check_event_log(struct ceno_ladder *l)
{
	const struct ceno_verify_policy *policy = l->policy;
	uint8_t digest[32], pcrs[CENO_PROOF_PCRS][32];
	crypto_hash_sha256(digest, policy->event_log, policy->event_log_bytes);
	if (!ceno_need(l, CENO_VERIFY_EVENT_LOG_OTHER,
	               memcmp(digest, l->envelope.seal.node.epoch_log_sha256, 32) == 0) ||
	    !ceno_need(l, CENO_VERIFY_EVENT_LOG_FORM,
	               ceno_event_log_replay(policy->event_log, policy->event_log_bytes, pcrs)))
		return;
	for (uint32_t i = 0; i < CENO_IMA_PCR; i++) {
		if (memcmp(pcrs[i], l->envelope.seal.quote.pcrs[i], 32) == 0)
			continue;
		ceno_check(l, CENO_VERIFY_EVENT_LOG_PCRS, false);
		ceno_check_detail(l, CENO_VERIFY_EVENT_LOG_PCRS, "PCR %u", i);
		return;
	}
	ceno_check(l, CENO_VERIFY_EVENT_LOG_PCRS, true);
}

/* How many of the list's entries the quoted PCR 10 was extended with; 0: it is none of its values, or malformed. */
static uint32_t ima_quoted(const struct ceno_ladder *l, bool *formed)
{
	const struct ceno_verify_policy *policy = l->policy;
	struct ceno_ima_entry entry;
	uint8_t pcr[32] = { 0 };
	uint32_t count = 0, quoted = 0;
	size_t at = 0;
	int rc;
	while ((rc = ceno_ima_next(policy->ima, policy->ima_bytes, &at, &entry)) > 0) {
		count++;
		ceno_pcr_extend(pcr, entry.extend);
		if (memcmp(pcr, l->envelope.seal.quote.pcrs[CENO_IMA_PCR], 32) == 0)
			quoted = count;
	}
	*formed = rc == 0;
	return quoted;
}

/* Each of the quoted entries is one that the file lists; the first may be the kernel's digest of PCRs 0 to 9. */
static bool executables_listed(const struct ceno_ladder *l, const struct ceno_verify_reference *r, uint32_t quoted)
{
	const struct ceno_verify_policy *policy = l->policy;
	struct ceno_ima_entry entry;
	uint8_t aggregate[32];
	size_t at = 0;
	crypto_hash_sha256(aggregate, l->envelope.seal.quote.pcrs[0], CENO_IMA_PCR * 32);
	for (uint32_t i = 0; i < quoted && ceno_ima_next(policy->ima, policy->ima_bytes, &at, &entry) > 0; i++)
		if (!entry.has_digest ||
		    (!listed(r->executables, r->executable_count, entry.digest) &&
		     (i > 0 || memcmp(entry.digest, aggregate, 32) != 0)))
			return false;
	return true;
}

static void check_ima(struct ceno_ladder *l)
{
	bool formed, asked = false, all = false;
	uint32_t quoted = ima_quoted(l, &formed);
	if (!ceno_need(l, CENO_VERIFY_IMA_FORM, formed) || !ceno_need(l, CENO_VERIFY_IMA_PCR, quoted > 0))
		return;
	for (uint32_t i = 0; i < l->policy->reference_count; i++) {
		const struct ceno_verify_reference *r = &l->policy->references[i];
		if (r->executable_count == 0 || !usable(l, r))
			continue;
		asked = true;
		if (!executables_listed(l, r, quoted))
			continue;
		all = true;
		if (stands_for(l, r))
			l->result->code = CENO_TRUST_RUNTIME;
	}
	if (asked)
		ceno_check(l, CENO_VERIFY_IMA_PROGRAM, all);
}

void ceno_stage_reference(struct ceno_ladder *l)
{
	if (!l->stopped && (l->policy->reference_count > 0 || l->policy->code_floor != CENO_TRUST_NONE))
		check_references(l);
	if (!l->stopped && l->policy->event_log != NULL)
		check_event_log(l);
	if (!l->stopped && l->policy->ima != NULL)
		check_ima(l);
}
