/*
 * Stages 3 and 4: the subject, and everything the evidence of steps 1 to 7 must
 * agree with inside the payload: sums, covers, orders, hashes. All values are
 * the file's; arithmetic cannot overflow because the schema bounds each number
 * by 2^53 (sums of at most 16 of them fit 64 bits).
 */
#include "ladder.h"
#include "../proof/hash.h"
#include "../../guest-kernel/abi/cpu.h"
#include "../../guest-kernel/abi/trail.h"

#include <sodium.h>
#include <string.h>

static bool slot_sum_ok(const struct ceno_proof_statement *s)
{
	uint32_t found = 0;
	for (uint32_t i = 0; i < s->isolation.slot_count; i++) {
		const struct ceno_proof_slot *slot = &s->isolation.slots[i];
		if (slot->kind == CENO_PROOF_SLOT_RAM)
			found += slot->bytes == s->core.mem_total && slot->gpa == CENO_GPA_RAM ? 1 : 2;
	}
	return found == 1;
}

static bool slots_overlap(const struct ceno_proof_slot *a, const struct ceno_proof_slot *b)
{
	return a->gpa < b->gpa + b->bytes && b->gpa < a->gpa + a->bytes;
}

static bool slot_form_ok(const struct ceno_proof_isolation *e)
{
	for (uint32_t i = 0; i < e->slot_count; i++) {
		const struct ceno_proof_slot *s = &e->slots[i];
		bool writable = s->kind == CENO_PROOF_SLOT_RAM || s->kind == CENO_PROOF_SLOT_WINDOW;
		if (s->gpa % CENO_PAGE != 0 || s->bytes % CENO_PAGE != 0 ||
		    (s->rights == CENO_PROOF_READ_WRITE) != writable)
			return false;
		for (uint32_t j = 0; j < i; j++)
			if (slots_overlap(s, &e->slots[j]))
				return false;
	}
	return true;
}

static bool is_trail(const struct ceno_proof_slot *s)
{
	return s->kind == CENO_PROOF_SLOT_WINDOW && s->gpa == CENO_GPA_TRAIL && s->bytes == CENO_TRAIL_BYTES;
}

/* Windows lie at their class's place, and only pledged classes have one. The trail's is no class's. */
static bool slot_pledge_ok(const struct ceno_proof_statement *s)
{
	const struct ceno_proof_isolation *e = &s->isolation;
	if ((e->pledge_mask & ~s->core.pledge_mask) != 0)
		return false;
	for (uint32_t i = 0; i < e->slot_count; i++) {
		uint64_t offset = e->slots[i].gpa - CENO_GPA_WINDOW;
		if (e->slots[i].kind == CENO_PROOF_SLOT_WINDOW && !is_trail(&e->slots[i]) &&
		    (e->slots[i].gpa < CENO_GPA_WINDOW || offset >= CENO_PLEDGE_COUNT * CENO_WINDOW_STRIDE ||
		     (s->core.pledge_mask >> (offset / CENO_WINDOW_STRIDE) & 1) == 0))
			return false;
	}
	return true;
}

static bool confined_ok(const struct ceno_proof_isolation *e)
{
	return e->tasks > 0 && e->seccomp_mode == 2 && e->no_new_privs == 1 && e->cap_eff == 0;
}

static bool cause_ok(const struct ceno_proof_isolation *e)
{
	bool violation = e->violation >= 16 && e->violation <= 63;
	return e->cause == CENO_CAUSE_VIOLATION ? violation : e->violation == 0;
}

/* Every session has the window; nothing left in it has the hash of nothing. */
static bool trail_ok(const struct ceno_proof_isolation *e)
{
	uint8_t nothing[32];
	uint32_t found = 0;
	for (uint32_t i = 0; i < e->slot_count; i++)
		found += is_trail(&e->slots[i]);
	crypto_hash_sha256(nothing, NULL, 0);
	bool empty = memcmp(e->trail_sha256, nothing, 32) == 0;
	return found == 1 && empty == (e->trail_bytes == 0) &&
	    (e->trail_bytes == 0 || e->trail_bytes > CENO_TRAIL_OFFSET);
}

static bool cpu_ok(const struct ceno_proof_cpu *cpu)
{
	return (cpu->offered & ~CENO_CPU_FEATURE_MASK) == 0 &&
	    ceno_cpu_protected(cpu->cr0, cpu->cr4, cpu->efer, cpu->offered);
}

static void check_isolation(struct ceno_ladder *l, const struct ceno_proof_statement *s)
{
	const struct ceno_proof_isolation *e = &s->isolation;
	ceno_check(l, CENO_VERIFY_SLOT_SUM, slot_sum_ok(s));
	ceno_check(l, CENO_VERIFY_SLOT_FORM, slot_form_ok(e));
	ceno_check(l, CENO_VERIFY_SLOT_PLEDGE, slot_pledge_ok(s));
	ceno_check(l, CENO_VERIFY_FILTER, memcmp(e->filter, s->core.platform.filter, 32) == 0);
	ceno_check(l, CENO_VERIFY_CONFINED, confined_ok(e));
	ceno_check(l, CENO_VERIFY_CAUSE, cause_ok(e));
	ceno_check(l, CENO_VERIFY_TASKS_LEFT, e->tasks_left == 0);
}

/* Every slot that held session content outside RAM has an area of its own. */
static bool area_cover_ok(const struct ceno_proof_statement *s)
{
	uint32_t used = 0;
	for (uint32_t i = 0; i < s->isolation.slot_count; i++) {
		const struct ceno_proof_slot *slot = &s->isolation.slots[i];
		uint32_t kind, j;
		switch (slot->kind) {
		case CENO_PROOF_SLOT_WINDOW:
			kind = CENO_PROOF_AREA_WINDOW;
			break;
		case CENO_PROOF_SLOT_PACK:
			kind = CENO_PROOF_AREA_PACK;
			break;
		case CENO_PROOF_SLOT_BOOT:
			kind = CENO_PROOF_AREA_BOOT;
			break;
		default:
			continue;
		}
		for (j = 0; j < s->filesystem.area_count; j++) {
			const struct ceno_proof_area *a = &s->filesystem.areas[j];
			uint64_t class_gpa = CENO_GPA_WINDOW + a->pledge_class * CENO_WINDOW_STRIDE;
			if ((used >> j & 1) == 0 && a->kind == kind && a->bytes == slot->bytes &&
			    (kind != CENO_PROOF_AREA_WINDOW || class_gpa == slot->gpa))
				break;
		}
		if (j == s->filesystem.area_count)
			return false;
		used |= 1u << j;
	}
	return true;
}

static bool area_wipe_ok(const struct ceno_proof_filesystem *e)
{
	for (uint32_t i = 0; i < e->area_count; i++) {
		const struct ceno_proof_area *a = &e->areas[i];
		if (a->overwritten != a->bytes || a->read_back != a->bytes || a->mismatches != 0 || a->unmapped != 1)
			return false;
	}
	return true;
}

static bool bitmap_ok(const struct ceno_proof_statement *s)
{
	uint64_t granule = ceno_proof_granule(s->core.mem_total), mem = s->core.mem_total;
	const struct ceno_proof_overwrite *e = &s->overwrite;
	/* The schema's bounds leave no size without granules; do not rely on them here. */
	if (granule == 0 || mem % CENO_PROOF_CHUNK != 0 || e->bitmap_bytes != ceno_proof_bitmap_bytes(mem))
		return false;
	uint64_t count = (mem + granule - 1) / granule;
	return count % 8 == 0 || e->bitmap[e->bitmap_bytes - 1] >> (count % 8) == 0;
}

static void check_overwrite(struct ceno_ladder *l, const struct ceno_proof_statement *s)
{
	const struct ceno_proof_overwrite *e = &s->overwrite;
	ceno_check(l, CENO_VERIFY_AREA_COVER, area_cover_ok(s));
	ceno_check(l, CENO_VERIFY_AREA_WIPE, area_wipe_ok(&s->filesystem));
	ceno_check(l, CENO_VERIFY_NAMESPACE, s->filesystem.mount_ns_gone == 1);
	ceno_check(l, CENO_VERIFY_BITMAP, bitmap_ok(s));
	ceno_check(l, CENO_VERIFY_BACKED_BYTES, e->bytes == ceno_proof_backed_bytes(e->bitmap, s->core.mem_total));
	ceno_check(l, CENO_VERIFY_BLOCKS, e->st_blocks * 512 == e->bytes);
	ceno_check(l, CENO_VERIFY_PASSES, e->passes == s->sanitization.passes && e->passes == s->forensic.root_count);
}

static bool keys_ok(const struct ceno_proof_keys *e)
{
	for (uint32_t i = 0; i < e->key_count; i++)
		for (uint32_t j = 0; j < i; j++)
			if (memcmp(e->keys[i].id, e->keys[j].id, 16) == 0)
				return false;
	return e->read_back == 1;
}

static bool times_ok(const struct ceno_proof_timing *t, uint64_t sealed_us)
{
	uint64_t last = t->launched_us;
	if (t->stopped_us < last)
		return false;
	last = t->stopped_us;
	for (int i = 0; i < 6; i++) {
		if (t->steps[i].begin_us < last || t->steps[i].end_us < t->steps[i].begin_us)
			return false;
		last = t->steps[i].end_us;
	}
	return t->steps[5].begin_us <= t->read_back_us && t->read_back_us <= t->zeroed_us &&
	    t->zeroed_us <= t->compared_us && t->compared_us <= t->steps[5].end_us && last <= sealed_us;
}

static void check_rest(struct ceno_ladder *l, const struct ceno_proof_statement *s)
{
	const struct ceno_proof_span *fill = &s->timing.steps[2];
	ceno_check(l, CENO_VERIFY_KEYS, keys_ok(&s->keys));
	ceno_check(l, CENO_VERIFY_TOKENS, s->tokens.token_count == s->tokens.id_count && s->tokens.zeroized == 1);
	ceno_check(l, CENO_VERIFY_COMPARED, s->forensic.compared_bytes == s->overwrite.bytes);
	ceno_check(l, CENO_VERIFY_MISMATCHES, s->forensic.mismatches == 0);
	ceno_check(l, CENO_VERIFY_WRITE_SEAL, s->forensic.write_sealed == 1);
	ceno_check(l, CENO_VERIFY_TIMES, times_ok(&s->timing, s->chain.sealed_us));
	ceno_check(l, CENO_VERIFY_DURATION, s->overwrite.ms == (fill->end_us - fill->begin_us) / 1000);
}

/* Recompute the chain into the result, and compare what step 7 states of it. */
static void check_chain(struct ceno_ladder *l, const struct ceno_proof_statement *s)
{
	uint8_t(*chain)[32] = l->result->chain;
	uint8_t timing[32] = { 0 }, sanitization[32] = { 0 };
	int rc = ceno_schema_hash(&ceno_schema_timing, &s->timing, timing);
	rc |= ceno_schema_hash(&ceno_schema_sanitization, &s->sanitization, sanitization);
	for (uint8_t i = 1; i <= 7; i++) {
		uint8_t evidence[32] = { 0 };
		rc |= ceno_schema_hash(ceno_schema_steps[i - 1], (const char *)s + ceno_schema_step_offset[i - 1],
		                       evidence);
		ceno_hash_step(i, chain[i - 1], evidence, chain[i]);
	}
	ceno_check(l, CENO_VERIFY_TIMING_HASH, rc == 0 && memcmp(timing, s->chain.timing, 32) == 0);
	ceno_check(l, CENO_VERIFY_SANITIZATION_HASH, rc == 0 && memcmp(sanitization, s->chain.sanitization, 32) == 0);
	ceno_check(l, CENO_VERIFY_CHAIN, rc == 0 && memcmp(chain[6], s->chain.c6, 32) == 0);
}

void ceno_stage_evidence(struct ceno_ladder *l)
{
	const struct ceno_proof_statement *s = &l->document.statement;
	int rc = ceno_proof_c0(&s->core, l->result->chain[0]);
	(void)ceno_proof_platform_digest(&s->core.platform, l->result->platform);
	ceno_check(l, CENO_VERIFY_SUBJECT, rc == 0 && memcmp(l->result->chain[0], l->document.subject, 32) == 0);
	check_isolation(l, s);
	check_overwrite(l, s);
	check_rest(l, s);
	check_chain(l, s);
	ceno_check(l, CENO_VERIFY_TRAIL, trail_ok(&s->isolation));
	ceno_check(l, CENO_VERIFY_CPU, cpu_ok(&s->isolation.cpu));
}
