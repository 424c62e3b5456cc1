/* Pledge words that a program lacked: see missing.h. */
#include "missing.h"

#include <stdio.h>

static uint32_t mask_of(const json_t *program, const char *key)
{
	const char *text = json_string_value(json_object_get(program, key));
	uint32_t mask = 0;
	bool errors;

	return text && !ceno_pledge_parse(text, &mask, &errors) ? mask : 0;
}

void ceno_missing_read(const json_t *program, struct ceno_missing *out)
{
	uint32_t had = mask_of(program, "pledge"), missing = mask_of(program, "missing");
	uint32_t given = had | (missing & CENO_PLEDGE_OFFERED);

	ceno_pledge_format(missing & ~had, out->words);
	ceno_pledge_format(missing & had, out->own);
	ceno_pledge_format(missing & ~had & ~CENO_PLEDGE_OFFERED, out->absent);
	ceno_pledge_format(given == had ? 0 : given, out->pledge);
}

void ceno_missing_print(const json_t *program, const char *indent)
{
	struct ceno_missing m;

	ceno_missing_read(program, &m);
	if (m.pledge[0])
		fprintf(stderr, "%snot pledged: it needed %s; try --pledge %s\n", indent, m.words, m.pledge);
	if (m.absent[0])
		fprintf(stderr, "%snot in any session: it asked for %s\n", indent, m.absent);
	if (m.own[0])
		fprintf(stderr, "%sit gave up itself, and then needed: %s\n", indent, m.own);
}
