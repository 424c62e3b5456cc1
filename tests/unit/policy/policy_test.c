/*
 * The policy tables and checks: every boundary of a tier from both sides, every
 * word both ways, and quantities as people write them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/metadata.h"
#include "policy/pledge.h"
#include "policy/session.h"
#include "policy/tier.h"
#include "policy/units.h"

#define MIB (1ull << 20)

static void test_tiers(void **state)
{
	const struct {
		const char *name;
		uint64_t memory_mib;
		uint32_t rpm, concurrent;
		uint64_t ttl_min;
		uint32_t proofs;
	} want[] = {
		{ "free", 256, 60, 3, 5, 100 },
		{ "starter", 1024, 120, 20, 10, 0 },
		{ "business", 4096, 300, 100, 30, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		uint32_t tier = ceno_tier_parse(want[i].name);
		const struct ceno_tier_limits *row = ceno_tier_limits(tier);

		assert_non_null(row);
		assert_string_equal(row->name, want[i].name);
		assert_int_equal(row->memory_max_bytes, want[i].memory_mib * MIB);
		assert_int_equal(row->requests_per_minute, want[i].rpm);
		assert_int_equal(row->concurrent, want[i].concurrent);
		assert_int_equal(row->ttl_max_ms, want[i].ttl_min * 60000);
		assert_int_equal(row->proofs_per_month, want[i].proofs);
	}
	assert_null(ceno_tier_limits(0));
	assert_null(ceno_tier_limits(6));
	assert_null(ceno_tier_limits(UINT32_MAX));
	assert_int_equal(ceno_tier_parse("Free"), 0);
	assert_int_equal(ceno_tier_parse(""), 0);
	assert_int_equal(ceno_tier_for_uid(0), CENO_TIER_LOCAL);
	assert_int_equal(ceno_tier_for_uid(1000), CENO_TIER_FREE);
	assert_int_equal(ceno_tier_for_uid(UINT32_MAX), CENO_TIER_FREE);
}

static void test_pledges(void **state)
{
	uint32_t mask = 77;
	bool errors = true;
	char text[CENO_PLEDGE_TEXT_MAX];

	(void)state;
	assert_int_equal(ceno_pledge_parse("stdio,rw spawn", &mask, &errors), CENO_PLEDGE_OK);
	assert_int_equal(mask, 1u << CENO_PLEDGE_STDIO | 1u << CENO_PLEDGE_RW | 1u << CENO_PLEDGE_SPAWN);
	assert_false(errors);
	ceno_pledge_format(mask, text);
	assert_string_equal(text, "stdio,rw,spawn");
	assert_int_equal(ceno_pledge_parse("stdio error", &mask, &errors), CENO_PLEDGE_OK);
	assert_true(errors);
	assert_int_equal(mask, 1u << CENO_PLEDGE_STDIO);
	assert_int_equal(ceno_pledge_parse("error,stdio,error", &mask, &errors), CENO_PLEDGE_REPEATED);
	assert_int_equal(ceno_pledge_parse("errors", &mask, &errors), CENO_PLEDGE_UNKNOWN);
	mask = 77;
	assert_int_equal(ceno_pledge_parse("stdio,wifi", &mask, &errors), CENO_PLEDGE_UNKNOWN);
	assert_int_equal(ceno_pledge_parse("stdi", &mask, &errors), CENO_PLEDGE_UNKNOWN);
	assert_int_equal(ceno_pledge_parse("", &mask, &errors), CENO_PLEDGE_EMPTY);
	assert_int_equal(ceno_pledge_parse("stdio,", &mask, &errors), CENO_PLEDGE_EMPTY);
	assert_int_equal(ceno_pledge_parse("stdio,,rw", &mask, &errors), CENO_PLEDGE_EMPTY);
	assert_int_equal(ceno_pledge_parse("rw,rw", &mask, &errors), CENO_PLEDGE_REPEATED);
	assert_int_equal(mask, 77);
	ceno_pledge_format(UINT32_MAX, text);
	assert_string_equal(text, "stdio,rw,net,storage,spawn,audio,video,gpu");
	assert_int_equal(ceno_pledge_parse(text, &mask, &errors), CENO_PLEDGE_OK);
	assert_int_equal(mask, 0xff);
	assert_int_equal(ceno_pledge_unoffered(CENO_PLEDGE_OFFERED), -1);
	assert_int_equal(ceno_pledge_unoffered(1u << CENO_PLEDGE_GPU), CENO_PLEDGE_GPU);
	assert_int_equal(ceno_pledge_unoffered(1u << 31), CENO_PLEDGE_COUNT);
	assert_null(ceno_pledge_word(CENO_PLEDGE_COUNT));
}

static void test_metadata(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < CENO_CLASSIFICATION_COUNT; i++)
		assert_int_equal(ceno_classification_parse(ceno_classification_word(i)), i);
	for (uint32_t i = 0; i < CENO_JURISDICTION_COUNT; i++)
		assert_int_equal(ceno_jurisdiction_parse(ceno_jurisdiction_word(i)), i);
	assert_int_equal(ceno_classification_parse("phi"), -1);
	assert_int_equal(ceno_classification_parse(""), -1);
	assert_int_equal(ceno_jurisdiction_parse("other"), -1);
	assert_null(ceno_classification_word(CENO_CLASSIFICATION_COUNT));
	assert_null(ceno_jurisdiction_word(CENO_JURISDICTION_COUNT));
}

static const struct ceno_session_ask good = {
	.tier = CENO_TIER_FREE,
	.pledge_mask = 1u << CENO_PLEDGE_STDIO,
	.memory_bytes = 256 * MIB,
	.ttl_ms = 300000,
	.input_bytes = 256 * MIB,
	.file_count = CENO_SESSION_FILES_MAX,
};

static void test_session_check(void **state)
{
	struct ceno_session_ask ask;

	(void)state;
	assert_int_equal(ceno_session_check(&good), CENO_SESSION_POLICY_OK);
#define CHECK(field, value, reason) \
	do { \
		ask = good; \
		ask.field = (value); \
		assert_int_equal(ceno_session_check(&ask), CENO_SESSION_POLICY_##reason); \
	} while (0)
	CHECK(tier, 0, TIER);
	CHECK(tier, 99, TIER);
	CHECK(memory_bytes, 0, MEMORY_SHAPE);
	CHECK(memory_bytes, 30 * MIB, MEMORY_SHAPE);
	CHECK(memory_bytes, 32 * MIB, OK);
	CHECK(memory_bytes, 33 * MIB, MEMORY_SHAPE);
	CHECK(memory_bytes, 258 * MIB, MEMORY_TIER);
	CHECK(ttl_ms, 0, TTL);
	CHECK(ttl_ms, 99, TTL);
	CHECK(ttl_ms, 100, OK);
	CHECK(ttl_ms, 300001, TTL);
	CHECK(input_bytes, 256 * MIB + 1, INPUT);
	CHECK(input_bytes, UINT64_MAX, INPUT);
	CHECK(file_count, CENO_SESSION_FILES_MAX + 1, FILES);
	CHECK(pledge_mask, 0, PLEDGE_STDIO);
	CHECK(pledge_mask, 1u << CENO_PLEDGE_RW, PLEDGE_STDIO);
	CHECK(pledge_mask, 1u << CENO_PLEDGE_STDIO | 1u << CENO_PLEDGE_NET, PLEDGE_UNOFFERED);
	CHECK(pledge_mask, UINT32_MAX, PLEDGE_UNOFFERED);
	CHECK(classification, CENO_CLASSIFICATION_COUNT, METADATA);
	CHECK(jurisdiction, CENO_JURISDICTION_COUNT, METADATA);
#undef CHECK
	ask = good;
	ask.tier = CENO_TIER_LOCAL;
	ask.memory_bytes = CENO_RAM_MAX;
	assert_int_equal(ceno_session_check(&ask), CENO_SESSION_POLICY_OK);
	ask.memory_bytes += CENO_LARGE_PAGE;
	assert_int_equal(ceno_session_check(&ask), CENO_SESSION_POLICY_MEMORY_TIER);
}

static void test_units(void **state)
{
	const struct {
		const char *text;
		int rc;
		uint64_t value;
	} bytes[] = {
		{ "0", 0, 0 },
		{ "12", 0, 12 },
		{ "4K", 0, 4096 },
		{ "256M", 0, 256 * MIB },
		{ "1GiB", 0, 1024 * MIB },
		{ "", -1, 0 },
		{ "M", -1, 0 },
		{ "-1", -1, 0 },
		{ "1.5G", -1, 0 },
		{ "1T", -1, 0 },
		{ "1 M", -1, 0 },
		{ "1MB", -1, 0 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "9223372036854775808", -1, 0 },
		{ "18446744073709551617", -1, 0 },
		{ "9007199254740992K", -1, 0 },
	};
	const struct {
		const char *text;
		int rc;
		uint64_t value;
	} times[] = {
		{ "250ms", 0, 250 },  { "5", 0, 5000 }, { "5s", 0, 5000 }, { "5m", 0, 300000 },
		{ "2h", 0, 7200000 }, { "5d", -1, 0 },  { "ms", -1, 0 },   { "", -1, 0 },
	};
	uint64_t out;
	uint8_t raw[3];
	char text[CENO_UNITS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
		out = 0;
		assert_int_equal(ceno_units_parse_bytes(bytes[i].text, &out), bytes[i].rc);
		assert_int_equal(out, bytes[i].value);
	}
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		out = 0;
		assert_int_equal(ceno_units_parse_ms(times[i].text, &out), times[i].rc);
		assert_int_equal(out, times[i].value);
	}
	ceno_units_format_bytes(256 * MIB, text);
	assert_string_equal(text, "256 MiB");
	ceno_units_format_bytes(1536 * MIB, text);
	assert_string_equal(text, "1.5 GiB");
	ceno_units_format_bytes(12, text);
	assert_string_equal(text, "12 B");
	assert_int_equal(ceno_units_parse_hex("00ff1a", raw, 3), 0);
	assert_memory_equal(raw, "\x00\xff\x1a", 3);
	ceno_units_format_hex(raw, 3, text);
	assert_string_equal(text, "00ff1a");
	assert_int_equal(ceno_units_parse_hex("00FF1a", raw, 3), -1);
	assert_int_equal(ceno_units_parse_hex("00ff1", raw, 3), -1);
	assert_int_equal(ceno_units_parse_hex("00ff1a0", raw, 3), -1);
	assert_int_equal(ceno_units_parse_hex("00f 1a", raw, 3), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tiers),         cmocka_unit_test(test_pledges), cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_session_check), cmocka_unit_test(test_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
