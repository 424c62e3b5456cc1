/*
 * The table of destruction: whatever fails, nothing is claimed, everything that can still be wiped
 * is wiped, and every key goes. And docs/destruction.md shows this very table.
 *
 *   unit_warden_destruction [DOC | --print]
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vmm/warden/destruction.h"

#define COUNT      CENO_DESTROY_STATE_COUNT
#define BIT(state) (1u << CENO_DESTROY_##state)

static const char *doc_path;
static uint32_t made, failing; /* transitions that were made; those that fail */

#define RECORD(name, step, ways, needs, does, evidence, failure) \
	static int record_##name(struct ceno_destruction *d) \
	{ \
		(void)d; \
		made |= BIT(name); \
		return failing & BIT(name) ? -EIO : 0; \
	}
CENO_DESTROY_STATES(RECORD)

static const struct ceno_destroy_rule rules[COUNT] = {
#define RULE(name, step, ways, needs, does, evidence, failure) { #name, step, ways, needs, record_##name },
	CENO_DESTROY_STATES(RULE)
};

static const unsigned ways[] = { CENO_WAY_LAUNCHED, CENO_WAY_UNLAUNCHED, CENO_WAY_RECOVERY };

static uint32_t all_of(unsigned way)
{
	uint32_t all = 0;
	for (unsigned i = 0; i < COUNT; i++)
		all |= rules[i].ways & way ? 1u << i : 0;
	return all;
}

static int walk(unsigned way, uint32_t fails, struct ceno_destruction *d)
{
	memset(d, 0, sizeof *d);
	d->way = (enum ceno_destroy_way)way;
	failing = fails;
	made = 0;
	return ceno_destroy_walk(d, rules, COUNT);
}

static void the_real_table_is_the_one_of_the_header(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNT; i++) {
		assert_string_equal(ceno_destroy_rules[i].name, rules[i].name);
		assert_int_equal(ceno_destroy_rules[i].ways, rules[i].ways);
		assert_int_equal(ceno_destroy_rules[i].needs, rules[i].needs);
		assert_non_null(ceno_destroy_rules[i].action);
		assert_true(i == 0 || rules[i].step >= rules[i - 1].step); /* time order is the steps' order */
	}
}

static void without_a_failure_every_transition_is_made(void **state)
{
	struct ceno_destruction d;
	(void)state;
	for (unsigned w = 0; w < 3; w++) {
		assert_int_equal(walk(ways[w], 0, &d), 0);
		assert_int_equal(made, all_of(ways[w]));
		assert_int_equal(d.reached, made);
	}
	assert_true(all_of(CENO_WAY_RECOVERY) & BIT(CLEARED));
	assert_false(all_of(CENO_WAY_RECOVERY | CENO_WAY_UNLAUNCHED) & BIT(SIGNED));
}

/* Any one failure, and any two. */
static void after_a_failure_nothing_is_claimed_and_all_that_can_be_is_wiped(void **state)
{
	struct ceno_destruction d;
	(void)state;
	for (unsigned w = 0; w < 3; w++)
		for (unsigned a = 0; a < COUNT; a++)
			for (unsigned b = 0; b <= a; b++) {
				uint32_t fails = (1u << a | 1u << b) & all_of(ways[w]);
				int rc = walk(ways[w], fails, &d);
				if (!fails)
					continue;
				assert_int_equal(rc, -EIO);
				assert_true(fails & 1u << d.failed);
				/* a signature only where all before it was reached, delivery only of that */
				uint32_t before = (BIT(SIGNED) - 1) & all_of(ways[w]);
				assert_true(!(made & BIT(SIGNED)) || (d.reached & before) == before);
				assert_true(!(made & BIT(DELIVERED)) || d.reached & BIT(SIGNED));
				/* wiping goes on: areas always, zeros wherever RAM is mapped */
				assert_true(made & BIT(CLEARED));
				assert_true(made & BIT(MAPPED));
				assert_true(made & BIT(RELEASED));
				assert_int_equal(!!(made & BIT(ZEROED)), !!(d.reached & BIT(MAPPED)));
				if (ways[w] == CENO_WAY_LAUNCHED)
					assert_true(made & BIT(KEYLESS) && made & BIT(TOKENLESS));
				/* nothing is compared that somebody may still write */
				assert_true(!(made & BIT(COMPARED)) || d.reached & BIT(SEALED));
			}
}

/* ---- the document ------------------------------------------------------------------- */

static void put_needs(char *out, size_t size, uint32_t needs)
{
	size_t n = 0;
	out[0] = 0;
	if (needs == CENO_AFTER_ALL)
		snprintf(out, size, "all before");
	else
		for (unsigned i = 0; i < COUNT; i++)
			if (needs & 1u << i)
				n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", rules[i].name);
	if (!out[0])
		snprintf(out, size, "nothing");
}

static size_t put_table(char *out, size_t size)
{
	static const struct {
		unsigned step;
		const char *does, *evidence, *failure;
	} text[COUNT] = {
#define TEXT(name, step, ways, needs, does, evidence, failure) { step, does, evidence, failure },
		CENO_DESTROY_STATES(TEXT)
	};
	size_t n = (size_t)snprintf(out, size,
	                            "| state | step | who | needs | what is done | evidence | its failure |\n"
	                            "|---|---|---|---|---|---|---|\n");
	for (unsigned i = 0; i < COUNT; i++) {
		char needs[200];
		put_needs(needs, sizeof needs, rules[i].needs);
		n += (size_t)snprintf(out + n, size - n, "| %s | %u | %s%s%s | %s | %s | %s | %s |\n", rules[i].name,
		                      text[i].step, rules[i].ways & CENO_WAY_LAUNCHED ? "L" : "",
		                      rules[i].ways & CENO_WAY_UNLAUNCHED ? "U" : "",
		                      rules[i].ways & CENO_WAY_RECOVERY ? "R" : "", needs, text[i].does,
		                      text[i].evidence, text[i].failure);
	}
	return n;
}

static void the_document_shows_this_table(void **state)
{
	static char want[16384], have[65536];
	(void)state;
	put_table(want, sizeof want);
	FILE *file = fopen(doc_path, "re");
	assert_non_null(file);
	have[fread(have, 1, sizeof have - 1, file)] = 0;
	fclose(file);
	if (!strstr(have, want))
		fail_msg("%s has another table; unit_warden_destruction --print prints this one", doc_path);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_real_table_is_the_one_of_the_header),
		cmocka_unit_test(without_a_failure_every_transition_is_made),
		cmocka_unit_test(after_a_failure_nothing_is_claimed_and_all_that_can_be_is_wiped),
		cmocka_unit_test(the_document_shows_this_table),
	};
	static char table[16384];
	if (argc > 1 && strcmp(argv[1], "--print") == 0)
		return fwrite(table, 1, put_table(table, sizeof table), stdout) ? 0 : 1;
	doc_path = argc > 1 ? argv[1] : CENO_DESTRUCTION_DOC;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
