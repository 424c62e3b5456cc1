/*
 * Trails: raw bytes, and (where most of the verifier lies) an honest trail of which the
 * input changes bytes, with lengths, hashes and seals redone, so that forged events reach the
 * replay. Whatever is accepted must keep what the verdict promises, both renderings must be
 * whole, and the writer must not run over its area when it is asked to resume there.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "attest/trail/audit.h"
#include "tests/lib/trail_fixture.h"
#include "tests/fuzz/property.h"

static struct trail_fixture honest, f;
static struct ceno_audit audit;
static char text[1 << 21];

static void check(const uint8_t *file, size_t bytes, const struct ceno_audit_expect *expect)
{
	size_t need;

	ceno_audit(file, bytes, expect, &audit);
	REQUIRE(audit.exit_status == 0 || audit.exit_status == 1 || audit.exit_status == 4 || audit.exit_status == 5);
	REQUIRE((audit.exit_status == 0) == (audit.verdict == CENO_AUDIT_CODE_COUNT));
	REQUIRE(audit.records <= CENO_AUDIT_RECORDS_MAX);
	if (audit.exit_status == 0)
		REQUIRE(expect && expect->public_key && audit.finished && audit.unsealed == 0 && audit.lost == 0);
	need = ceno_audit_render_json(file, &audit, text, sizeof text);
	REQUIRE(need < sizeof text && strlen(text) == need);
	need = ceno_audit_render_text(file, &audit, text, sizeof text);
	REQUIRE(need < sizeof text && strlen(text) == need);
}

static void resume(uint8_t *area, size_t bytes)
{
	uint8_t after[64];
	uint64_t used;

	memset(area + bytes, 0x5a, sizeof after);
	memcpy(after, area + bytes, sizeof after);
	ceno_chain_key(&f.chain, honest.boot_seed);
	if (ceno_chain_resume(&f.chain, area, bytes, UINT64_MAX) != CENO_CHAIN_E_AREA && !f.chain.closed) {
		(void)trail_do(&f, 1, CENO_FIBER_EVENT_EXIT, 0, 0, 0);
		(void)trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0);
		memcpy(&used, area + offsetof(struct ceno_trail_header, bytes), sizeof used);
		REQUIRE(used <= bytes - CENO_TRAIL_OFFSET);
	}
	REQUIRE(!memcmp(after, area + bytes, sizeof after));
}

static void run_raw(const uint8_t *data, size_t size)
{
	check(data, size, NULL);
	if (size > CENO_TRAIL_BYTES - 64)
		return;
	memset(f.area, 0, sizeof f.area);
	memcpy(f.area, data, size);
	resume(f.area, size > CENO_TRAIL_OFFSET + 2048 ? size : CENO_TRAIL_OFFSET + 2048);
}

/* Each four bytes: a record, a byte of its payload or times, its new value. */
static void run_patched(const uint8_t *data, size_t size)
{
	struct ceno_audit_expect expect = { honest.session_id, honest.nonce, honest.chain.public_key,
		                            honest.bundle,     NULL,         honest.program };

	memcpy(&f, &honest, sizeof f);
	for (; size >= 4; data += 4, size -= 4) {
		struct ceno_trail_record *r = trail_record(&f, data[0]);
		uint32_t at = data[1] | (uint32_t)data[2] << 8;

		if (!r)
			continue;
		at = 16 + at % (r->head.bytes - 16);
		((uint8_t *)r)[at] = data[3];
	}
	trail_redo(&f, honest.seed);
	check(f.area, trail_bytes(&f), &expect);
	resume(f.area, sizeof f.area - 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!honest.chain.area) {
		REQUIRE(sodium_init() >= 0);
		trail_story(&honest, 1);
		trail_remove(&honest, trail_find(&honest, CENO_TRAIL_LOSS, 0));
		trail_redo(&honest, honest.seed);
	}
	if (size && data[0] == 'P')
		run_patched(data + 1, size - 1);
	else
		run_raw(data, size);
	return 0;
}
