/*
 * The trail's writer: what it refuses, what it does when the area is full, and that it can be
 * ended after any record and go on from there, or not at all if a byte was changed.
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
#include "attest/trail/audit.h"
#include "guest-kernel/abi/bundle.h"
#include "tests/lib/trail_fixture.h"

static struct trail_fixture f, other;
static struct ceno_audit audit;

static void check_trail(uint32_t exit_status)
{
	struct ceno_audit_expect expect = { f.session_id, f.nonce, f.chain.public_key, f.bundle, NULL, NULL };

	ceno_audit(f.area, trail_bytes(&f), &expect, &audit);
	if (audit.exit_status != exit_status)
		fail_msg("record %u: %s", audit.record,
		         audit.verdict < CENO_AUDIT_CODE_COUNT ? ceno_audit_code_info(audit.verdict)->name : "none");
}

/* Both sides against the same bytes: whoever changes either must change the version. */
static void golden_bytes(void **state)
{
	static uint8_t golden[CENO_TRAIL_BYTES];
	FILE *file = fopen(CENO_GOLDEN, "rb");
	size_t n;

	(void)state;
	trail_story(&f, 1);
	if (getenv("CENO_WRITE_GOLDEN")) {
		FILE *out = fopen(getenv("CENO_WRITE_GOLDEN"), "wb");

		assert_non_null(out);
		fwrite(f.area, 1, trail_bytes(&f), out);
		fclose(out);
	}
	assert_non_null(file);
	n = fread(golden, 1, sizeof golden, file);
	fclose(file);
	assert_int_equal(n, trail_bytes(&f));
	assert_memory_equal(golden, f.area, n);
	ceno_audit(golden, n,
	           &(struct ceno_audit_expect){ f.session_id, f.nonce, f.chain.public_key, f.bundle, NULL, NULL },
	           &audit);
	assert_int_equal(audit.verdict, CENO_AUDIT_LOST); /* its one refused message */
	assert_int_equal(audit.refused, 1);
}

static void a_key_is_the_seeds(void **state)
{
	uint8_t key[32], secret[64];

	(void)state;
	trail_begin(&f, 1);
	trail_begin(&other, 2);
	assert_memory_not_equal(f.seed, f.boot_seed, 32);
	assert_memory_not_equal(f.chain.public_key, other.chain.public_key, 32);
	crypto_sign_seed_keypair(key, secret, f.seed);
	assert_memory_equal(key, f.chain.public_key, 32);
	assert_memory_equal(key, trail_record(&f, 0)->boot.public_key, 32);
	trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0);
	assert_true(sodium_is_zero(f.chain.seed, 32));
	for (size_t at = 0; at + 32 <= trail_bytes(&f); at++)
		assert_memory_not_equal(f.area + at, f.seed, 32);
}

static void an_area_must_be_fresh(void **state)
{
	struct ceno_trail_boot boot = { .tsc_hz = 1, .abi_version = 1 };
	static uint8_t before[CENO_TRAIL_BYTES];
	struct ceno_chain chain;

	(void)state;
	trail_begin(&f, 1);
	memcpy(before, f.area, sizeof before);
	ceno_chain_key(&chain, f.boot_seed);
	assert_int_equal(ceno_chain_start(&chain, f.area, sizeof f.area, &boot, 1), CENO_CHAIN_E_AREA);
	assert_memory_equal(before, f.area, sizeof before);
	memset(f.area, 0, sizeof f.area);
	assert_int_equal(ceno_chain_start(&chain, f.area, CENO_TRAIL_OFFSET + 800, &boot, 1), CENO_CHAIN_E_AREA);
	assert_true(sodium_is_zero(f.area, sizeof f.area));
	assert_int_equal(ceno_chain_resume(&chain, f.area, sizeof f.area, 1), CENO_CHAIN_E_AREA);
	assert_true(sodium_is_zero(f.area, sizeof f.area));
}

static void every_type_has_a_length(void **state)
{
	(void)state;
#define LENGTH(name, number, payload, text) assert_int_equal(ceno_trail_record_bytes(number), 64 + sizeof(payload));
	CENO_TRAIL_TYPES(LENGTH)
#undef LENGTH
	assert_int_equal(ceno_trail_record_bytes(0), 0);
	assert_int_equal(ceno_trail_record_bytes(CENO_TRAIL_TYPE_COUNT), 0);
	assert_int_equal(ceno_trail_record_bytes(65535), 0);
}

/* Messages that make no sense: each leaves one LOSS and nothing else. */
static void senseless_messages_are_counted(void **state)
{
	static const struct ceno_prov_message bad[] = {
		{ .fiber = 64, .what = CENO_FIBER_EVENT_EXIT },
		{ .fiber = 1, .what = 0 },
		{ .fiber = 1, .what = 1u << 7 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_SPAWN | CENO_FIBER_EVENT_EXIT, .a = 2 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_SPAWN | CENO_FIBER_EVENT_GRANT, .a = 2 },
		{ .fiber = 1, .what = CENO_PROV_SEAL | CENO_PROV_FINISH },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_SPAWN, .a = 64 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_SPAWN, .a = 2, .b = 256 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_SPAWN, .a = 2, .c = 1ull << 32 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_GRANT, .a = 64, .b = 1, .c = 0x101 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_GRANT, .a = 2, .b = 0, .c = 0x101 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_GRANT, .a = 2, .b = 8, .c = 0x101 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_GRANT, .a = 2, .b = 1, .c = 0x180 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_GRANT, .a = 2, .b = 1, .c = 0x001 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_GRANT, .a = 2, .b = 1, .c = 41u << 8 | 1 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_GRANT, .a = 2, .b = 1, .c = 1ull << 40 | 0x101 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_PLEDGE, .a = 64, .b = 1, .c = 1 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_PLEDGE, .a = 2, .b = 256, .c = 1 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_PLEDGE, .a = 2, .b = 1, .c = 256 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_STRIKE, .root3 = 0x0000 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_STRIKE, .root3 = 0x0401 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_FAULT, .a = 32 },
		{ .fiber = 1, .what = CENO_FIBER_EVENT_FAULT, .a = 14, .b = 1ull << 32 },
		{ .fiber = 1, .what = CENO_PROV_MODULE, .a = CENO_MODULE_VAULT }, /* not in this bundle */
		{ .fiber = 1, .what = CENO_PROV_MODULE, .a = 6 },
		{ .fiber = 1, .what = CENO_PROV_MODULE, .a = 1ull << 32 | CENO_MODULE_INIT },
		{ .fiber = 1, .what = CENO_PROV_MODULE, .a = CENO_MODULE_INIT, .root3 = 256 },
		{ .fiber = 1, .what = CENO_PROV_MODULE, .a = CENO_MODULE_INIT, .b = 2, .c = 4 },
		{ .fiber = 1, .what = CENO_PROV_MODULE, .a = CENO_MODULE_INIT, .b = 1 },
		{ .fiber = 1, .what = CENO_PROV_MODULE, .a = CENO_MODULE_INIT, .b = 1ull << CENO_SLOT_TRAIL_END },
		{ .fiber = 1, .what = CENO_PROV_MODULE, .a = CENO_MODULE_INIT, .root3 = 1ull << 32 },
		{ .fiber = 1, .what = CENO_PROV_NATIVE, .spent = CENO_PROV_START(2ull, 0ull, 256) },
		{ .fiber = 1, .what = CENO_PROV_NATIVE, .spent = CENO_PROV_START(2ull, 4ull, 0) },
		{ .fiber = 1, .what = CENO_PROV_NATIVE, .spent = CENO_PROV_START(1ull, 0ull, 0) },
		{ .fiber = 1, .what = CENO_PROV_NATIVE | CENO_PROV_MODULE, .spent = 2 },
		{ .fiber = 1, .what = CENO_PROV_RESTART, .a = 0 },
		{ .fiber = 1, .what = CENO_PROV_RESTART, .a = 1ull << 32 },
		{ .fiber = 1, .what = CENO_PROV_RESTART, .a = 1, .b = 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		trail_boot(&f, 1);
		if (trail_tell(&f, &bad[i]) != CENO_CHAIN_E_MESSAGE)
			fail_msg("message %zu was taken", i);
		assert_int_equal(trail_record(&f, 4)->head.type, CENO_TRAIL_LOSS);
		assert_int_equal(trail_record(&f, 4)->loss.cause, CENO_TRAIL_REFUSED);
		assert_null(trail_record(&f, 5));
		assert_int_equal(trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0), 0);
		check_trail(4);
		assert_int_equal(audit.refused, 1);
	}
}

/* A rip outside the code of services may be anything a program computed. */
static void only_a_services_rip_is_kept(void **state)
{
	static const uint64_t rips[][2] = { { 0x7fffdeadbeef, 0 },
		                            { CENO_GVA_SERVICE - 1, 0 },
		                            { CENO_GVA_SERVICE, CENO_GVA_SERVICE },
		                            { CENO_GVA_WINDOW - 1, CENO_GVA_WINDOW - 1 },
		                            { CENO_GVA_WINDOW, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof rips / sizeof rips[0]; i++) {
		trail_boot(&f, 1);
		assert_int_equal(trail_do(&f, FIBER_MEMBRANE, CENO_FIBER_EVENT_FAULT, 13, 0, rips[i][0]), 0);
		assert_int_equal(trail_record(&f, 4)->fault.rip, rips[i][1]);
	}
}

static void an_end_is_told_once(void **state)
{
	static const struct {
		uint64_t what;
		uint32_t type, cause;
	} ends[] = { { 2, CENO_TRAIL_FAULT, CENO_TRAIL_KILLED },
		     { 4, CENO_TRAIL_FAULT, CENO_TRAIL_FAULTED },
		     { 8, CENO_TRAIL_EXIT, 0 },
		     { 2 | 4, CENO_TRAIL_FAULT, CENO_TRAIL_FAULTED },
		     { 2 | 8, CENO_TRAIL_FAULT, CENO_TRAIL_KILLED } };

	(void)state;
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		trail_boot(&f, 1);
		assert_int_equal(trail_do(&f, FIBER_MEMBRANE, ends[i].what, 0, 0, 0), 0);
		assert_int_equal(trail_record(&f, 4)->head.type, ends[i].type);
		if (ends[i].cause)
			assert_int_equal(trail_record(&f, 4)->fault.cause, ends[i].cause);
		assert_null(trail_record(&f, 5));
	}
}

static void nothing_follows_the_last_seal(void **state)
{
	size_t bytes;

	(void)state;
	trail_boot(&f, 1);
	assert_int_equal(trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0), 0);
	bytes = trail_bytes(&f);
	assert_int_equal(trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0), CENO_CHAIN_E_CLOSED);
	assert_int_equal(trail_do(&f, FIBER_MEMBRANE, CENO_FIBER_EVENT_EXIT, 0, 0, 0), CENO_CHAIN_E_CLOSED);
	assert_int_equal(trail_do(&f, 0, CENO_PROV_SEAL, 0, 0, 0), CENO_CHAIN_E_CLOSED);
	assert_int_equal(trail_do(&f, 64, 0, 0, 0, 0), CENO_CHAIN_E_CLOSED);
	assert_int_equal(trail_bytes(&f), bytes);
	ceno_chain_key(&f.chain, f.boot_seed);
	assert_int_equal(ceno_chain_resume(&f.chain, f.area, sizeof f.area, 1), CENO_CHAIN_E_CLOSED);
	assert_true(sodium_is_zero(f.chain.seed, 32));
	assert_int_equal(trail_bytes(&f), bytes);
	check_trail(0);
}

static void a_seal_seals_something(void **state)
{
	size_t bytes;

	(void)state;
	trail_boot(&f, 1);
	assert_int_equal(trail_do(&f, 0, CENO_PROV_SEAL, 0, 0, 0), 0);
	bytes = trail_bytes(&f);
	assert_int_equal(trail_do(&f, 0, CENO_PROV_SEAL, 0, 0, 0), 0);
	assert_int_equal(trail_bytes(&f), bytes);
	for (uint32_t i = 0; i < 40; i++)
		trail_do(&f, FIBER_MEMBRANE, CENO_PROV_CHECKPOINT, i, 0, 0);
	assert_int_equal(trail_record(&f, 5 + CENO_TRAIL_SEAL_EVERY)->head.type, CENO_TRAIL_SEAL);
}

/* Time as given goes back or ahead: the trail's does not. */
static void time_never_goes_back(void **state)
{
	struct ceno_prov_message m = { FIBER_MEMBRANE, CENO_PROV_CHECKPOINT, 0, 0, 0, 0, 0, UINT64_MAX };
	uint64_t before;

	(void)state;
	trail_boot(&f, 1);
	before = trail_record(&f, 3)->head.tsc;
	assert_int_equal(ceno_chain_take(&f.chain, &m, (const void *)f.bundle, 1), 0);
	assert_int_equal(trail_record(&f, 4)->head.tsc, before);
	assert_int_equal(trail_record(&f, 4)->head.at, before);
	m.tsc = 7;
	assert_int_equal(ceno_chain_take(&f.chain, &m, (const void *)f.bundle, before + 9), 0);
	assert_int_equal(trail_record(&f, 5)->head.at, 7);
	trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0);
	check_trail(0);
}

/* Ended after any record, with rubbish behind it where it was just writing: it goes on. */
static void it_resumes_after_any_record(void **state)
{
	static struct trail_fixture whole;
	struct ceno_trail_record *r;

	(void)state;
	trail_story(&whole, 1);
	for (uint32_t i = 0; (r = trail_record(&whole, i)) && !(r->head.type == CENO_TRAIL_SEAL && r->seal.final);
	     i++) {
		uint64_t used = (uint64_t)((uint8_t *)r - whole.area) - CENO_TRAIL_OFFSET + r->head.bytes;

		f = whole;
		((struct ceno_trail_header *)f.area)->bytes = used;
		memset(f.area + CENO_TRAIL_OFFSET + used, 0xee, 500);
		ceno_chain_key(&f.chain, f.boot_seed);
		assert_int_equal(ceno_chain_resume(&f.chain, f.area, sizeof f.area, f.tsc), 0);
		assert_int_equal(trail_record(&f, i + 1)->head.type, CENO_TRAIL_RESUME);
		assert_int_equal(trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0), 0);
		ceno_audit(f.area, trail_bytes(&f), NULL, &audit);
		assert_int_equal(audit.exit_status, 4);
		assert_int_equal(audit.status[CENO_AUDIT_UNFINISHED], CENO_AUDIT_PASS);
		assert_int_equal(audit.unsealed, 0);
	}
}

/* What it counts, it counts on after a restart: crashes, checkpoints. */
static void counts_survive_a_restart(void **state)
{
	(void)state;
	trail_boot(&f, 1);
	trail_do(&f, FIBER_MEMBRANE, CENO_PROV_CHECKPOINT, 1, 2, 3);
	trail_do(&f, FIBER_MEMBRANE, CENO_FIBER_EVENT_FAULT, 14, 0, 0);
	trail_do(&f, FIBER_MEMBRANE, CENO_PROV_RESTART, 1, 0, 0);
	ceno_chain_key(&f.chain, f.boot_seed);
	assert_int_equal(ceno_chain_resume(&f.chain, f.area, sizeof f.area, f.tsc), 0);
	trail_module(&f, FIBER_MEMBRANE, CENO_MODULE_MEMBRANE, 0x13, 2, 0);
	trail_do(&f, FIBER_MEMBRANE, CENO_FIBER_EVENT_FAULT, 14, 0, 0);
	assert_int_equal(trail_record(&f, trail_find(&f, CENO_TRAIL_FAULT, 1))->fault.count, 2);
	trail_do(&f, FIBER_MEMBRANE, CENO_PROV_RESTART, 2, 1, 0);
	assert_int_equal(trail_record(&f, trail_find(&f, CENO_TRAIL_RESTART, 1))->restart.checkpoint, 4);
	trail_module(&f, FIBER_MEMBRANE, CENO_MODULE_MEMBRANE, 0x13, 2, 0);
	/* Another life in the same index begins at nothing. */
	trail_do(&f, FIBER_MEMBRANE, CENO_FIBER_EVENT_EXIT, 0, 0, 0);
	trail_module(&f, FIBER_MEMBRANE, CENO_MODULE_MEMBRANE, 0x13, 2, 0);
	trail_do(&f, FIBER_MEMBRANE, CENO_FIBER_EVENT_FAULT, 14, 0, 0);
	assert_int_equal(trail_record(&f, trail_find(&f, CENO_TRAIL_FAULT, 2))->fault.count, 1);
	trail_do(&f, FIBER_MEMBRANE, CENO_PROV_RESTART, 1, 1, 0);
	assert_int_equal(trail_record(&f, trail_find(&f, CENO_TRAIL_RESTART, 2))->restart.checkpoint, 0);
	trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0);
	check_trail(0);
}

/* A trail in which a byte was changed is not continued, and nothing is written. */
static void it_does_not_continue_a_changed_trail(void **state)
{
	static uint8_t before[CENO_TRAIL_BYTES];
	size_t bytes;

	(void)state;
	trail_boot(&f, 1);
	trail_do(&f, 0, CENO_PROV_SEAL, 0, 0, 0);
	bytes = trail_bytes(&f);
	for (size_t at = 0; at < bytes; at++) {
		int result;

		if (at >= 12 && at < CENO_TRAIL_OFFSET && (at < 16 || at >= 24))
			continue; /* reserved bytes of the header: the verifier's */
		f.area[at] ^= 1;
		memcpy(before, f.area, sizeof before);
		ceno_chain_key(&f.chain, f.boot_seed);
		result = ceno_chain_resume(&f.chain, f.area, sizeof f.area, f.tsc);
		if (result != CENO_CHAIN_E_AREA)
			fail_msg("byte %zu changed: %d", at, result);
		assert_memory_equal(before, f.area, sizeof before);
		f.area[at] ^= 1;
	}
	ceno_chain_key(&f.chain, (const uint8_t[32]){ 9 });
	assert_int_equal(ceno_chain_resume(&f.chain, f.area, sizeof f.area, f.tsc), CENO_CHAIN_E_AREA);
}

static void no_change(void) {}
static void cut_in_payload(void)
{
	((struct ceno_trail_header *)f.area)->bytes -= 8;
}
static void cut_in_head(void)
{
	((struct ceno_trail_header *)f.area)->bytes -= 136 - 60;
}
static void no_bytes(void)
{
	((struct ceno_trail_header *)f.area)->bytes = 0;
}
static void other_version(void)
{
	trail_record(&f, 2)->head.version = CENO_TRAIL_VERSION - 1;
	trail_rehash(&f, f.seed);
}
static void other_sequence(void)
{
	trail_record(&f, 4)->head.sequence = 9;
	trail_rehash(&f, f.seed);
}
static void time_back(void)
{
	trail_record(&f, 2)->head.tsc = 1;
	trail_rehash(&f, f.seed);
}
static void no_boot(void)
{
	trail_remove(&f, 0);
	trail_redo(&f, f.seed);
}
static void other_key(void)
{
	trail_record(&f, 0)->boot.public_key[0] ^= 1;
	trail_rehash(&f, f.seed);
}
static void two_boots(void)
{
	struct ceno_trail_record boot = *trail_record(&f, 0);

	boot.head.tsc = trail_record(&f, 3)->head.tsc;
	trail_insert(&f, 4, &boot);
	trail_redo(&f, f.seed);
}
static void seal_within(void) /* a final seal, and something after it */
{
	trail_record(&f, 4)->seal.final = 1;
	trail_insert(&f, 5, trail_record(&f, 3));
	trail_record(&f, 5)->head.tsc = trail_record(&f, 4)->head.tsc;
	trail_redo(&f, f.seed);
}
/* A record with a fiber that there is none of: it would be taken as an index. */
static void fiber_of(uint32_t type, size_t at)
{
	struct ceno_trail_record r = { .head = { .bytes = ceno_trail_record_bytes(type),
		                                 .type = (uint16_t)type,
		                                 .version = CENO_TRAIL_VERSION,
		                                 .tsc = trail_record(&f, 4)->head.tsc } };
	uint32_t fiber = CENO_TRAIL_FIBERS;

	memcpy((uint8_t *)&r + sizeof r.head + at, &fiber, sizeof fiber);
	trail_insert(&f, 5, &r);
	trail_redo(&f, f.seed);
}
static void fiber_module(void)
{
	fiber_of(CENO_TRAIL_MODULE, offsetof(struct ceno_trail_module, fiber));
}
static void fiber_restart(void)
{
	fiber_of(CENO_TRAIL_RESTART, 0);
}
static void fiber_spawn(void)
{
	fiber_of(CENO_TRAIL_SPAWN, offsetof(struct ceno_trail_spawn, child));
}
static void fiber_fault(void)
{
	fiber_of(CENO_TRAIL_FAULT, 0);
}
static void fiber_checkpoint(void)
{
	fiber_of(CENO_TRAIL_CHECKPOINT, offsetof(struct ceno_trail_checkpoint, fiber));
}

/* Even under the right key it goes on only with what it could have written itself. */
static void it_does_not_continue_a_misshapen_trail(void **state)
{
	static void (*const changes[])(void) = {
		cut_in_payload, cut_in_head, no_bytes,         other_version, other_sequence, time_back,
		no_boot,        other_key,   two_boots,        seal_within,   fiber_module,   fiber_restart,
		fiber_spawn,    fiber_fault, fiber_checkpoint, no_change,
	};
	const size_t count = sizeof changes / sizeof changes[0];
	static uint8_t before[CENO_TRAIL_BYTES];

	(void)state;
	for (size_t i = 0; i < count; i++) {
		int result;

		trail_boot(&f, 1);
		trail_do(&f, 0, CENO_PROV_SEAL, 0, 0, 0);
		changes[i]();
		memcpy(before, f.area, sizeof before);
		ceno_chain_key(&f.chain, f.boot_seed);
		result = ceno_chain_resume(&f.chain, f.area, sizeof f.area, f.tsc);
		if (result != (i + 1 == count ? 0 : CENO_CHAIN_E_AREA))
			fail_msg("change %zu: %d", i, result);
		if (result)
			assert_memory_equal(before, f.area, sizeof before);
	}
	trail_boot(&f, 1); /* one that says it was full: it stays so, whatever room there is */
	trail_do(&f, 64, 0, 0, 0, 0);
	trail_record(&f, 4)->loss = (struct ceno_trail_loss){ 1, 2, CENO_TRAIL_FULL };
	trail_redo(&f, f.seed);
	ceno_chain_key(&f.chain, f.boot_seed);
	assert_int_equal(ceno_chain_resume(&f.chain, f.area, sizeof f.area, f.tsc), CENO_CHAIN_E_FULL);
	assert_null(trail_record(&f, 5));
	trail_story(&f, 1); /* a trail longer than the area */
	((struct ceno_trail_header *)f.area)->bytes =
	    (uint64_t)((uint8_t *)trail_record(&f, 40) - f.area) - CENO_TRAIL_OFFSET;
	ceno_chain_key(&f.chain, f.boot_seed);
	assert_int_equal(ceno_chain_resume(&f.chain, f.area, trail_bytes(&f) - 8, f.tsc), CENO_CHAIN_E_AREA);
	ceno_chain_key(&f.chain, f.boot_seed);
	assert_int_equal(ceno_chain_resume(&f.chain, f.area, trail_bytes(&f), f.tsc), CENO_CHAIN_E_FULL);
}

/* Ended just before a seal that was due: it comes after the RESUME. */
static void a_due_seal_is_made_up_for(void **state)
{
	struct ceno_trail_header *header = (struct ceno_trail_header *)f.area;
	uint32_t i;

	(void)state;
	trail_boot(&f, 1);
	do
		trail_do(&f, FIBER_MEMBRANE, CENO_PROV_CHECKPOINT, 0, 0, 0);
	while (f.chain.sealed == 0);
	i = (uint32_t)f.chain.sealed;
	header->bytes -= 64 + sizeof(struct ceno_trail_seal);
	ceno_chain_key(&f.chain, f.boot_seed);
	assert_int_equal(ceno_chain_resume(&f.chain, f.area, sizeof f.area, f.tsc), 0);
	assert_int_equal(trail_record(&f, i)->head.type, CENO_TRAIL_RESUME);
	assert_int_equal(trail_record(&f, i + 1)->head.type, CENO_TRAIL_SEAL);
	trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0);
	check_trail(0);
}

/* Once full it stays full, though a shorter record would fit; ended between LOSS and SEAL, the last SEAL still does. */
static void full_is_full(void **state)
{
	struct ceno_trail_header *header = (struct ceno_trail_header *)f.area;
	size_t bytes;

	(void)state;
	trail_boot(&f, 1);
	for (int result = 0; result == 0;) {
		result = trail_do(&f, FIBER_MEMBRANE, CENO_FIBER_EVENT_EXIT, 0, 0, 0);
		if (!result)
			result = trail_module(&f, FIBER_MEMBRANE, CENO_MODULE_MEMBRANE, 0x13, 2, 0);
	}
	bytes = trail_bytes(&f);
	assert_int_equal(trail_do(&f, FIBER_MEMBRANE, CENO_FIBER_EVENT_EXIT, 0, 0, 0), CENO_CHAIN_E_FULL);
	assert_int_equal(trail_bytes(&f), bytes);
	header->bytes -= 64 + sizeof(struct ceno_trail_seal);
	ceno_chain_key(&f.chain, f.boot_seed);
	assert_int_equal(ceno_chain_resume(&f.chain, f.area, sizeof f.area, f.tsc), CENO_CHAIN_E_FULL);
	bytes = trail_bytes(&f);
	assert_int_equal(trail_do(&f, 0, CENO_PROV_SEAL, 0, 0, 0), 0);
	assert_int_equal(trail_bytes(&f), bytes);
	trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0);
	check_trail(4);
	assert_true(audit.finished && audit.lost_more);
}

/* Full: the first loss is told and sealed at once, the rest at the end; a restart in between is admitted. */
static void a_full_area_is_told(void **state)
{
	uint32_t last = 0;

	(void)state;
	for (uint32_t cut = 0; cut < 160; cut += 8) { /* where in the reserve it ends */
		struct ceno_trail_boot boot = { .tsc_hz = 1, .abi_version = 1 };
		size_t bytes = 8192 + cut;
		uint64_t lost = 0;

		trail_begin(&f, 1);
		memset(f.area, 0, sizeof f.area);
		memset(f.area + bytes, 0xcc, 64);
		ceno_chain_key(&f.chain, f.boot_seed);
		assert_int_equal(ceno_chain_start(&f.chain, f.area, bytes, &boot, 1), 0);
		trail_module(&f, FIBER_MEMBRANE, CENO_MODULE_MEMBRANE, 0, 2, 0);
		for (uint32_t i = 0; i < 100; i++)
			lost += trail_do(&f, FIBER_MEMBRANE, CENO_PROV_CHECKPOINT, i, 0, 0) == CENO_CHAIN_E_FULL;
		assert_true(lost > 30);
		ceno_audit(f.area, trail_bytes(&f), NULL, &audit);
		assert_int_equal(audit.lost, 1);
		assert_int_equal(audit.unsealed, 0);
		if (cut & 8) {
			ceno_chain_key(&f.chain, f.boot_seed);
			assert_int_equal(ceno_chain_resume(&f.chain, f.area, bytes, f.tsc), CENO_CHAIN_E_FULL);
		}
		assert_int_equal(trail_do(&f, 64, 0, 0, 0, 0), CENO_CHAIN_E_MESSAGE);
		assert_int_equal(trail_do(&f, 0, CENO_PROV_SEAL, 0, 0, 0), 0);
		assert_int_equal(trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0), 0);
		ceno_audit(f.area, trail_bytes(&f), NULL, &audit);
		assert_int_equal(audit.verdict, CENO_AUDIT_LOST);
		assert_true(audit.finished);
		assert_int_equal(audit.lost_more, (cut & 8) != 0);
		assert_int_equal(audit.lost, cut & 8 ? 3 : lost + 1);
		last = trail_record(&f, audit.records - 2)->loss.types;
		assert_int_equal(last & (1u << CENO_TRAIL_LOSS), 1u << CENO_TRAIL_LOSS);
		for (size_t i = 0; i < 64; i++)
			assert_int_equal(f.area[bytes + i], 0xcc);
	}
}

/* Restarted again and again at the worst place, it still writes nothing beyond its area. */
static void restarts_cannot_overrun_the_area(void **state)
{
	struct ceno_trail_boot boot = { .tsc_hz = 1, .abi_version = 1 };
	struct ceno_trail_header *header = (struct ceno_trail_header *)f.area;
	size_t bytes = 8192;

	(void)state;
	trail_begin(&f, 1);
	memset(f.area, 0, sizeof f.area);
	memset(f.area + bytes, 0xcc, 512);
	ceno_chain_key(&f.chain, f.boot_seed);
	assert_int_equal(ceno_chain_start(&f.chain, f.area, bytes, &boot, 1), 0);
	while (trail_do(&f, 1, CENO_PROV_CHECKPOINT, 0, 0, 0) == 0)
		;
	for (unsigned i = 0; i < 12; i++) {
		ceno_chain_key(&f.chain, f.boot_seed);
		assert_int_equal(ceno_chain_resume(&f.chain, f.area, bytes, f.tsc), CENO_CHAIN_E_FULL);
		assert_int_equal(trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0), 0);
		assert_true(sodium_is_zero(f.chain.seed, 32));
		assert_int_equal(trail_do(&f, 0, CENO_PROV_FINISH, 0, 0, 0), CENO_CHAIN_E_CLOSED);
		if (trail_record(&f, (uint32_t)f.chain.sequence - 1)->head.type == CENO_TRAIL_SEAL)
			header->bytes -= 64 + sizeof(struct ceno_trail_seal); /* as if ended before its SEAL */
		assert_true(header->bytes <= bytes - CENO_TRAIL_OFFSET);
	}
	for (size_t i = 0; i < 512; i++)
		assert_int_equal(f.area[bytes + i], 0xcc);
}

static int set_up(void **state)
{
	(void)state;
	return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_bytes),
		cmocka_unit_test(a_key_is_the_seeds),
		cmocka_unit_test(an_area_must_be_fresh),
		cmocka_unit_test(every_type_has_a_length),
		cmocka_unit_test(senseless_messages_are_counted),
		cmocka_unit_test(only_a_services_rip_is_kept),
		cmocka_unit_test(an_end_is_told_once),
		cmocka_unit_test(nothing_follows_the_last_seal),
		cmocka_unit_test(a_seal_seals_something),
		cmocka_unit_test(time_never_goes_back),
		cmocka_unit_test(it_resumes_after_any_record),
		cmocka_unit_test(counts_survive_a_restart),
		cmocka_unit_test(it_does_not_continue_a_changed_trail),
		cmocka_unit_test(it_does_not_continue_a_misshapen_trail),
		cmocka_unit_test(a_due_seal_is_made_up_for),
		cmocka_unit_test(full_is_full),
		cmocka_unit_test(a_full_area_is_told),
		cmocka_unit_test(restarts_cannot_overrun_the_area),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
