/* The ladder, its list of codes, and the last stage (audit.h). */
#include "ladder.h"

#include <string.h>
#include "guest-kernel/lib/bundle.h"
#include "guest-kernel/lib/content_id.h"

#ifdef CENO_AUDIT_TESTING
uint32_t ceno_audit_skip = CENO_AUDIT_CODE_COUNT;
#endif

const struct ceno_audit_code_info *ceno_audit_code_info(uint32_t code)
{
	static const struct ceno_audit_code_info infos[] = {
#define INFO(name, number, stage, exit, text) { #name, text, number, stage, exit },
		CENO_AUDIT_CODES(INFO)
#undef INFO
	};

	return &infos[code];
}

bool ceno_audit_check(struct ceno_audit_ladder *l, enum ceno_audit_code code, bool passed, uint32_t record)
{
	struct ceno_audit *a = l->audit;

#ifdef CENO_AUDIT_TESTING
	passed = passed || code == ceno_audit_skip;
#endif
	if (passed) {
		if (a->status[code] == CENO_AUDIT_NOT_RUN)
			a->status[code] = CENO_AUDIT_PASS;
		return true;
	}
	a->status[code] = CENO_AUDIT_FAIL;
	if (a->verdict == CENO_AUDIT_CODE_COUNT) {
		a->verdict = code;
		a->exit_status = ceno_audit_code_info(code)->exit_status;
		a->record = record;
	}
	l->stopped = l->stopped || ceno_audit_code_info(code)->exit_status != 4;
	return !l->stopped;
}

void ceno_audit_record(const void *file, const struct ceno_audit *audit, uint32_t index,
                       struct ceno_trail_record *record)
{
	const uint8_t *from = (const uint8_t *)file + audit->offset[index];
	uint32_t bytes;

	memset(record, 0, sizeof *record);
	memcpy(&bytes, from, sizeof bytes);
	memcpy(record, from, bytes);
}

/* Does the record name a module as it is in the bundle, with no more than it may have there?
 * The id is made from the module's bytes, not taken from its manifest. */
static bool check_module(struct ceno_audit_ladder *l, const struct ceno_trail_module *module, uint32_t index)
{
	const struct ceno_bundle_header *bundle = l->expect->bundle;
	const struct ceno_bundle_module *row = NULL;
	struct ceno_content_id id;
	struct ceno_blake3 hash;
	bool same;

	for (uint32_t i = 0; i < bundle->module_count; i++)
		if (bundle->modules[i].id == module->module)
			row = &bundle->modules[i];
	ceno_bundle_content(&hash, bundle, module->module);
	ceno_content_id_finish(&id, CENO_CONTENT_SERVICE, &hash);
	same = row && !memcmp(&id, module->content_id, sizeof id) && !memcmp(row->name, module->name, sizeof row->name);
	return ceno_audit_check(l, CENO_AUDIT_BUNDLE_MODULE, same, index) &&
	    ceno_audit_check(l, CENO_AUDIT_BUNDLE_PLEDGE, !row || (module->pledge & ~row->pledge_mask) == 0, index);
}

/* Every native program that ran is the one asked for, and one did, as far as the trail goes. */
static bool check_program(struct ceno_audit_ladder *l)
{
	uint32_t ran = 0;
	struct ceno_trail_record r;

	for (uint32_t i = 0; i < l->audit->records; i++) {
		ceno_audit_record(l->file, l->audit, i, &r);
		if (r.head.type != CENO_TRAIL_MODULE || r.module.module != CENO_TRAIL_NATIVE)
			continue;
		ran++;
		if (!ceno_audit_check(l, CENO_AUDIT_PROGRAM, !memcmp(r.module.content_id + 3, l->expect->program, 32),
		                      i))
			return false;
	}
	return ceno_audit_check(l, CENO_AUDIT_PROGRAM, ran > 0 || !l->audit->finished, UINT32_MAX);
}

void ceno_audit_stage_asked(struct ceno_audit_ladder *l)
{
	const struct ceno_audit_expect *e = l->expect;
	const struct ceno_audit *a = l->audit;
	struct ceno_trail_record r;

	if (!a->records)
		return;
	ceno_audit_record(l->file, a, 0, &r);
	if (e->session_id &&
	    !ceno_audit_check(l, CENO_AUDIT_SESSION, memcmp(e->session_id, r.boot.session_id, 16) == 0, 0))
		return;
	if (e->nonce && !ceno_audit_check(l, CENO_AUDIT_NONCE, memcmp(e->nonce, r.boot.nonce, 32) == 0, 0))
		return;
	if (e->public_key && !ceno_audit_check(l, CENO_AUDIT_KEY, memcmp(e->public_key, r.boot.public_key, 32) == 0, 0))
		return;
	for (uint32_t i = 0; e->bundle && i < a->records; i++) {
		ceno_audit_record(l->file, a, i, &r);
		if (r.head.type == CENO_TRAIL_MODULE && r.module.module != CENO_TRAIL_NATIVE &&
		    !check_module(l, &r.module, i))
			return;
	}
	if (e->program && !check_program(l))
		return;
	ceno_audit_check(l, CENO_AUDIT_LOST, a->lost == 0 && a->refused == 0, UINT32_MAX);
	ceno_audit_check(l, CENO_AUDIT_UNSEALED, a->unsealed == 0, a->sealed);
	ceno_audit_check(l, CENO_AUDIT_UNFINISHED, a->finished, UINT32_MAX);
	ceno_audit_check(l, CENO_AUDIT_KEY_UNKNOWN, e->public_key || e->sha256, UINT32_MAX);
}

void ceno_audit(const void *file, size_t bytes, const struct ceno_audit_expect *expect, struct ceno_audit *audit)
{
	static const struct ceno_audit_expect nothing;
	static void (*const stages[])(struct ceno_audit_ladder *) = { ceno_audit_stage_form, ceno_audit_stage_chain,
		                                                      ceno_audit_stage_seals, ceno_audit_stage_replay,
		                                                      ceno_audit_stage_asked };
	struct ceno_audit_ladder l = {
		.file = file, .bytes = bytes, .expect = expect ? expect : &nothing, .audit = audit
	};

	memset(audit, 0, sizeof *audit);
	audit->verdict = CENO_AUDIT_CODE_COUNT;
	audit->record = UINT32_MAX;
	for (size_t i = 0; i < sizeof stages / sizeof stages[0] && !l.stopped; i++)
		stages[i](&l);
}
