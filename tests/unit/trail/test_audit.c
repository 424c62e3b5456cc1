/*
 * The verifier of trails. Every forgery must fail at its own check with nothing before
 * it; with that one check left out the same file must get past it. Every byte of a trail
 * counts; every truncation is seen; what a trail is cut down to honestly is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attest/trail/ladder.h"
#include "forgeries.h"

static struct ceno_audit audit;

static void run(void)
{
	ceno_audit(f.area, file_bytes ? file_bytes : trail_bytes(&f), &expect, &audit);
}

static const char *name_of(uint32_t code)
{
	return code < CENO_AUDIT_CODE_COUNT ? ceno_audit_code_info(code)->name : "none";
}

static void honest_trails_verify(void **state)
{
	(void)state;
	start();
	run();
	if (audit.exit_status != 0)
		fail_msg("an honest trail: %s, record %u", name_of(audit.verdict), audit.record);
	assert_true(audit.finished && audit.unsealed == 0 && audit.lost == 0 && audit.refused == 0);
	assert_int_equal(audit.sealed, audit.records);
	for (uint32_t code = 0; code < CENO_AUDIT_CODE_COUNT; code++)
		assert_int_equal(audit.status[code], CENO_AUDIT_PASS);
	expect = (struct ceno_audit_expect){ 0 };
	run();
	assert_int_equal(audit.verdict, CENO_AUDIT_KEY_UNKNOWN);
	assert_int_equal(audit.exit_status, 4);
	ceno_audit(f.area, trail_bytes(&f), NULL, &audit);
	assert_int_equal(audit.verdict, CENO_AUDIT_KEY_UNKNOWN);
}

static void each_forgery_fails_at_its_own_check(void **state)
{
	size_t count = 0;

	(void)state;
	for (const struct forgery *it; (it = forgery(count)) != NULL; count++) {
		start();
		it->forge();
		run();
		if (audit.verdict != it->code)
			fail_msg("%s: verdict %s, record %u", it->name, name_of(audit.verdict), audit.record);
		assert_int_equal(audit.exit_status, ceno_audit_code_info(it->code)->exit_status);
		for (uint32_t code = 0; code < CENO_AUDIT_CODE_COUNT; code++)
			if (code != it->code && audit.status[code] == CENO_AUDIT_FAIL &&
			    (ceno_audit_code_info(code)->exit_status != 4 || code < it->code))
				fail_msg("%s: also %s", it->name, name_of(code));
	}
	print_message("%zu forgeries\n", count);
}

static void each_check_is_what_catches_it(void **state)
{
	size_t verified = 0, count = 0;

	(void)state;
	for (const struct forgery *it; (it = forgery(count)) != NULL; count++) {
		start();
		it->forge();
		ceno_audit_skip = it->code;
		run();
		ceno_audit_skip = CENO_AUDIT_CODE_COUNT;
		if (audit.verdict == it->code)
			fail_msg("%s: still %s", it->name, name_of(audit.verdict));
		verified += audit.exit_status == 0;
	}
	print_message("%zu of %zu would verify without their one check; another one catches the rest\n", verified,
	              count);
}

static void every_code_has_a_vector(void **state)
{
	(void)state;
	for (uint32_t code = 0; code < CENO_AUDIT_CODE_COUNT; code++) {
		size_t i = 0;

		while (forgery(i) && forgery(i)->code != code)
			i++;
		if (!forgery(i))
			fail_msg("%s has no vector", name_of(code));
		for (uint32_t other = 0; other < code; other++)
			assert_true(ceno_audit_code_info(other)->number < ceno_audit_code_info(code)->number);
	}
}

/* Byte by byte, three changes each: none may leave a verdict of 0. */
static void every_byte_counts(void **state)
{
	static const uint8_t changes[] = { 0x01, 0x80, 0xff };
	size_t bytes, quiet = 0;

	(void)state;
	start();
	bytes = trail_bytes(&f);
	for (size_t at = 0; at < bytes; at++)
		for (unsigned i = 0; i < sizeof changes; i++) {
			f.area[at] ^= changes[i];
			ceno_audit(f.area, bytes, &expect, &audit);
			quiet += audit.exit_status == 0;
			if (audit.exit_status != 1)
				fail_msg("byte %zu: %s", at, name_of(audit.verdict));
			f.area[at] ^= changes[i];
		}
	assert_int_equal(quiet, 0);
	print_message("%zu bytes, all of them count\n", bytes);
}

/* After the last seal: a change is seen or the record is told to be unsealed; before it, always seen. */
static void an_unsealed_tail_is_told(void **state)
{
	size_t bytes, sealed_end, unseen = 0;
	uint32_t unsealed;

	(void)state;
	trail_boot(&f, 1);
	trail_do(&f, 0, CENO_PROV_SEAL, 0, 0, 0);
	sealed_end = trail_bytes(&f);
	trail_do(&f, FIBER_MEMBRANE, CENO_PROV_CHECKPOINT, 1, 2, 3);
	trail_do(&f, FIBER_MEMBRANE, CENO_PROV_CHECKPOINT, 4, 5, 6);
	bytes = trail_bytes(&f);
	run();
	assert_int_equal(audit.verdict, CENO_AUDIT_UNSEALED);
	assert_int_equal(unsealed = audit.unsealed, 2);
	assert_int_equal(audit.record, audit.sealed);
	for (size_t at = CENO_TRAIL_OFFSET; at < bytes; at++) {
		f.area[at] ^= 1;
		ceno_audit(f.area, bytes, &expect, &audit);
		assert_int_not_equal(audit.exit_status, 0);
		if (audit.exit_status == 4) {
			assert_true(at >= sealed_end);
			assert_int_equal(audit.unsealed, unsealed);
			unseen++;
		}
		f.area[at] ^= 1;
	}
	assert_true(unseen > 0);
	print_message("%zu of %zu bytes of the tail may change unseen, and the verdict says so\n", unseen,
	              bytes - sealed_end);
}

/* At every length: with the header as it was never, with an honest header only between records, and then
 * it is unfinished. */
static void every_truncation_is_seen(void **state)
{
	size_t bytes, whole = 0;
	struct ceno_trail_header *header = (struct ceno_trail_header *)f.area;

	(void)state;
	start();
	bytes = trail_bytes(&f);
	for (size_t n = 0; n < bytes; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		assert_non_null(copy);
		memcpy(copy, f.area, n);
		ceno_audit(copy, n, &expect, &audit);
		assert_int_equal(audit.exit_status, 1);
		free(copy);
		if (n < CENO_TRAIL_OFFSET)
			continue;
		header->bytes = n - CENO_TRAIL_OFFSET;
		ceno_audit(f.area, n, &expect, &audit);
		header->bytes = bytes - CENO_TRAIL_OFFSET;
		assert_int_not_equal(audit.exit_status, 0);
		if (audit.exit_status == 4) {
			assert_int_equal(audit.status[CENO_AUDIT_UNFINISHED], CENO_AUDIT_FAIL);
			whole++;
		}
	}
	run();
	assert_int_equal(whole, audit.records - 1);
}

/* What the nucleus does not tell may have happened: none of it makes an honest trail invalid. */
static void what_may_be_is_let_pass(void **state)
{
	const uint64_t spawn = CENO_FIBER_EVENT_SPAWN, grant = CENO_FIBER_EVENT_GRANT;

	(void)state;
	trail_boot(&f, 1);
	/* membrane may have sent frames to prov, over a channel; prov passes them on, two steps deeper */
	trail_do(&f, FIBER_PROV, grant, FIBER_MEMBRANE, CENO_OBJECT_FRAMES, CENO_RIGHT_READ | 3u << 8);
	/* objects that anybody can make are not asked for */
	trail_do(&f, FIBER_PROV, grant, FIBER_MEMBRANE, CENO_OBJECT_CHANNEL, CENO_RIGHTS_ALL | 1u << 8);
	/* a maker closes its fiber, makes another in the same index, restarts it, twice unseen */
	trail_do(&f, FIBER_MEMBRANE, spawn, FIBER_NATIVE, 0x11, 9);
	trail_do(&f, FIBER_MEMBRANE, spawn, FIBER_NATIVE, 0x11, 9);
	trail_do(&f, FIBER_NATIVE, CENO_FIBER_EVENT_FAULT, 6, 0, 0);
	trail_do(&f, FIBER_NATIVE, CENO_FIBER_EVENT_FAULT, 6, 0, 0);
	trail_do(&f, FIBER_NATIVE, CENO_PROV_RESTART, 3, 0, 0);
	trail_do(&f, FIBER_NATIVE, grant, FIBER_NATIVE, CENO_OBJECT_CHANNEL, 1 | 1u << 8);
	trail_do(&f, FIBER_NATIVE, CENO_PROV_RESTART, 5, 0, 0);
	trail_do(&f, FIBER_MEMBRANE, spawn, FIBER_NATIVE, 0x13, 9);
	trail_do(&f, FIBER_NATIVE, CENO_FIBER_EVENT_FAULT, 6, 0, 0);
	assert_int_equal(trail_record(&f, trail_find(&f, CENO_TRAIL_FAULT, 2))->fault.count, 1);
	/* its maker closes it unseen, and init starts a module there */
	trail_do(&f, FIBER_MEMBRANE, spawn, FIBER_NATIVE, 0x11, 9);
	trail_module(&f, FIBER_NATIVE, CENO_MODULE_MEMBRANE, 0x1f, 1u << CENO_SLOT_RAM, 1u << CENO_SLOT_RAM);
	/* of two capabilities it passes on the better one */
	trail_do(&f, FIBER_MEMBRANE, grant, FIBER_NATIVE, CENO_OBJECT_FRAMES,
	         CENO_RIGHT_READ | CENO_RIGHT_GRANT | 9u << 8);
	trail_do(&f, FIBER_NATIVE, grant, FIBER_MEMBRANE, CENO_OBJECT_FRAMES, CENO_RIGHT_READ | 2u << 8);
	/* a module in an index that was free again: fresh counts, any pledge of init's */
	trail_do(&f, FIBER_MEMBRANE, CENO_FIBER_EVENT_EXIT, 0, 0, 0);
	trail_module(&f, FIBER_MEMBRANE, CENO_MODULE_MEMBRANE, 0x1f, 2, 0);
	trail_do(&f, FIBER_MEMBRANE, CENO_FIBER_EVENT_EXIT, 0, 0, 0);
	trail_do(&f, FIBER_INIT, CENO_FIBER_EVENT_PLEDGE, FIBER_MEMBRANE, 0x1f, 0x1f);
	trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0);
	expect = (struct ceno_audit_expect){ f.session_id, f.nonce, f.chain.public_key, f.bundle, NULL, NULL };
	run();

	if (audit.exit_status != 0)
		fail_msg("record %u: %s", audit.record, name_of(audit.verdict));
}

/* A trail that was filled up: everything before the loss verifies, and the number is right. */
static void a_full_area_is_counted(void **state)
{
	uint64_t taken = 4, lost = 0;

	(void)state;
	trail_boot(&f, 1);
	for (uint32_t i = 0; i < 4000; i++)
		*(trail_do(&f, FIBER_MEMBRANE, CENO_PROV_CHECKPOINT, i, 2, 3) ? &lost : &taken) += 1;
	assert_true(lost > 100);
	run();
	assert_int_equal(audit.lost, 1);
	assert_int_equal(audit.unsealed, 0);
	assert_int_equal(trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0), 0);
	run();
	assert_int_equal(audit.verdict, CENO_AUDIT_LOST);
	assert_int_equal(audit.lost, lost);
	assert_true(audit.finished && !audit.lost_more);
	assert_true(trail_bytes(&f) <= CENO_TRAIL_BYTES);
	assert_int_equal(audit.records, taken + taken / (CENO_TRAIL_SEAL_EVERY) + 4);
}

/* A message is a message whatever reads it: nothing in the two renderings depends on luck. */
static void renderings_are_whole(void **state)
{
	static char text[1 << 20], again[1 << 20];

	(void)state;
	for (size_t i = 0; i == 0 || forgery(i - 1); i++) { /* the honest one, then each */
		size_t need;

		start();
		if (i)
			forgery(i - 1)->forge();
		run();
		need = ceno_audit_render_json(f.area, &audit, text, sizeof text);
		assert_true(need < sizeof text && strlen(text) == need);
		assert_int_equal(ceno_audit_render_json(f.area, &audit, again, 100), need);
		assert_memory_equal(again, text, 99);
		for (const char *c = text; *c; c++)
			assert_true((*c >= 0x20 && *c < 0x7f) || (*c == '\n' && !c[1]));
		need = ceno_audit_render_text(f.area, &audit, text, sizeof text);
		assert_true(need < sizeof text && strlen(text) == need);
		assert_int_equal(ceno_audit_render_text(f.area, &audit, NULL, 0), need);
		for (const char *c = text; *c; c++)
			assert_true((*c >= 0x20 && *c < 0x7f) || *c == '\n');
	}
}

static int set_up(void **state)
{
	(void)state;
	return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(honest_trails_verify),
		cmocka_unit_test(each_forgery_fails_at_its_own_check),
		cmocka_unit_test(each_check_is_what_catches_it),
		cmocka_unit_test(every_code_has_a_vector),
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(an_unsealed_tail_is_told),
		cmocka_unit_test(every_truncation_is_seen),
		cmocka_unit_test(what_may_be_is_let_pass),
		cmocka_unit_test(a_full_area_is_counted),
		cmocka_unit_test(renderings_are_whole),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
