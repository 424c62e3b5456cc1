/*
 * The table of modules: every column with its words, and each thing that is no
 * table, refused with its own sentence and line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "images/table.h"

static struct ceno_manifest table[CENO_TABLE_MODULES];

static void expect_good(const char *text)
{
	unsigned line;

	assert_null(ceno_table_read(table, text, strlen(text), &line));
}

static void expect_bad(const char *text, const char *sentence, unsigned where)
{
	unsigned line;
	const char *problem = ceno_table_read(table, text, strlen(text), &line);

	assert_non_null(problem);
	assert_string_equal(problem, sentence);
	assert_int_equal(line, where);
}

static void test_good(void **state)
{
	const struct ceno_manifest *m = &table[CENO_MODULE_PROV];

	(void)state;
	expect_good("");
	for (unsigned i = 0; i < CENO_TABLE_MODULES; i++)
		assert_int_equal(table[i].listed, 0);
	expect_good("# nothing\n\n \t\nprov\tstdio,gpu 4294967295 void essential,lazy 65535 4294967294 8192 "
	            "self,window-gpu # x");
	assert_int_equal(m->listed, 1);
	assert_int_equal(m->pledge_mask, 1u << CENO_PLEDGE_STDIO | 1u << CENO_PLEDGE_GPU);
	assert_int_equal(m->budget, UINT32_MAX);
	assert_int_equal(m->spectrum, CENO_SPECTRUM_VOID);
	assert_int_equal(m->flags, CENO_MODULE_ESSENTIAL | CENO_MODULE_LAZY);
	assert_int_equal(m->restarts_max, UINT16_MAX);
	assert_int_equal(m->pool_pages, UINT32_MAX - 1);
	assert_int_equal(m->state_bytes, 8192);
	assert_int_equal(m->grants, 1ull << CENO_SLOT_SELF | 1ull << (CENO_SLOT_WINDOW + CENO_PLEDGE_GPU));
	expect_good("prov all 0 photon - 0 rest 0 windows,clock\nvault - 0 matter - 0 0 0 -\n");
	assert_int_equal(m->pledge_mask, 0xff);
	assert_int_equal(m->flags, 0);
	assert_int_equal(m->pool_pages, CENO_MODULE_POOL_REST);
	assert_int_equal(m->grants, CENO_MODULE_WINDOWS | 1ull << CENO_SLOT_CLOCK);
	assert_int_equal(table[CENO_MODULE_VAULT].listed, 1);
	assert_int_equal(table[CENO_MODULE_VAULT].grants, 0);
}

/* Each boot slot has its own word, and the word means that slot. */
static void test_words(void **state)
{
	char text[100];
	uint32_t slots = 0;

	(void)state;
	for (uint32_t slot = 1; ceno_table_grant(slot); slot++, slots++) {
		snprintf(text, sizeof text, "prov - 1 void - 0 1 0 %s", ceno_table_grant(slot));
		expect_good(text);
		assert_int_equal(table[CENO_MODULE_PROV].grants, 1ull << slot);
	}
	assert_int_equal(slots, CENO_SLOT_TRAIL_END - 1);
	assert_string_equal(ceno_table_pledge(CENO_PLEDGE_SPAWN), "spawn");
	assert_null(ceno_table_pledge(CENO_PLEDGE_COUNT));
	assert_string_equal(ceno_table_spectrum(CENO_SPECTRUM_GRAVITY), "gravity");
	assert_null(ceno_table_spectrum(CENO_SPECTRUM_COUNT));
	assert_string_equal(ceno_table_flag(1), "lazy");
	assert_string_equal(ceno_table_flag(2), "integer");
	assert_string_equal(ceno_table_flag(3), "prepared");
	assert_null(ceno_table_flag(4));
}

static void test_refused(void **state)
{
	(void)state;
	expect_bad("prov", "not nine columns", 1);
	expect_bad("\n\nprov - 1 void - 0 1 0\n", "not nine columns", 3);
	expect_bad("prov - 1 void - 0 1 0 - -", "not nine columns", 1);
	expect_bad("kernel - 1 void - 0 1 0 -", "not a module", 1);
	expect_bad("prov - 1 void - 0 1 0 -\nprov - 1 void - 0 1 0 -", "the module is in the table twice", 2);
	expect_bad("prov root 1 void - 0 1 0 -", "not a list of pledge classes", 1);
	expect_bad("prov stdio, 1 void - 0 1 0 -", "not a list of pledge classes", 1);
	expect_bad("prov ,stdio 1 void - 0 1 0 -", "not a list of pledge classes", 1);
	expect_bad("prov stdio,- 1 void - 0 1 0 -", "not a list of pledge classes", 1);
	expect_bad("prov - 4294967296 void - 0 1 0 -", "not a budget in joules", 1);
	expect_bad("prov - -1 void - 0 1 0 -", "not a budget in joules", 1);
	expect_bad("prov - 0x10 void - 0 1 0 -", "not a budget in joules", 1);
	expect_bad("prov - 99999999999999999999 void - 0 1 0 -", "not a budget in joules", 1);
	expect_bad("prov - 1 light - 0 1 0 -", "not a spectrum", 1);
	expect_bad("prov - 1 - - 0 1 0 -", "not a spectrum", 1);
	expect_bad("prov - 1 void all 0 1 0 -", "not a list of flags", 1);
	expect_bad("prov - 1 void - 65536 1 0 -", "not a number of restarts", 1);
	expect_bad("prov - 1 void - 0 4294967295 0 -", "not a number of pool pages", 1);
	expect_bad("prov - 1 void - 0 1 x -", "not a number of bytes of state", 1);
	expect_bad("prov - 1 void - 0 1 0 root", "not a list of grants", 1);
	expect_bad("prov - 1 void - 0 1 0 self,,clock", "not a list of grants", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_good), cmocka_unit_test(test_words),
		                            cmocka_unit_test(test_refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
