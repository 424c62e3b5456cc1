/* A verifier's policy file (verify.h has the grammar): a line that is not exactly of the form is an error. */
#include "lines.h"
#include "verify.h"

#include <string.h>

static const char *const key_words[] = { "none", "software", "vtpm", "ftpm", "dtpm" };
static const char *const code_words[] = { "none", "boot", "runtime" };
static const char *const cause_words[] = { NULL, "exit", "request", "ttl", "oom", "violation", "crash" };
static const char *const class_words[] = { NULL, "general", "PHI", "PII", "financial", "credentials" };
static const char *const land_words[] = { NULL, "US", "EU", "UK", "CA", "AU", "IN", "OTHER" };
static const char *const switch_words[] = { NULL, "off", "on" };
static const char *const fact_words[CENO_VERIFY_FACTS] = {
	"npt",          "swap",     "zswap", "ksm",         "compact_unevictable", "numa_balancing",
	"init_on_free", "dumpable", "kdump", "hibernation", "huge_pages"
};

#define WORDS(list) list, sizeof(list) / sizeof((list)[0])

enum once { KEY = 1, CODE = 2, MEMORY = 4, REFUSE = 8, PASSES = 16, CLASS = 32, LAND = 64 };

struct reader {
	struct ceno_verify_rules *rules;
	const struct ceno_line *line;
	uint32_t had; /* enum once */
};

/* A line of `fields` fields that may be there once. */
static bool once(struct reader *r, enum once which, int fields)
{
	bool first = (r->had & which) == 0;
	r->had |= which;
	return first && r->line->fields == fields;
}

static bool take_memory(struct reader *r)
{
	const char *text = r->line->field[1];
	uint64_t n = 0;
	r->rules->has_memory = 1;
	if (strcmp(text, "full") == 0)
		r->rules->memory = CENO_MEMORY_FULL;
	else if (strcmp(text, "none") == 0)
		r->rules->memory = CENO_MEMORY_NONE;
	else if (strncmp(text, "sample:", 7) == 0 && ceno_line_number(text + 7, &n) && n >= 1 &&
	         n <= CENO_PROOF_PASSES_MAX)
		r->rules->memory = CENO_MEMORY_SAMPLE;
	else
		return false;
	r->rules->sample = (uint32_t)n;
	return true;
}

static bool take_passes(struct reader *r)
{
	uint64_t n;
	if (!ceno_line_number(r->line->field[1], &n) || n < 1 || n > CENO_PROOF_PASSES_MAX)
		return false;
	r->rules->passes = (uint32_t)n;
	return true;
}

static bool take_cause(struct reader *r)
{
	uint32_t cause;
	if (r->line->fields != 2 || !ceno_line_word(r->line->field[1], WORDS(cause_words), &cause) ||
	    (r->rules->causes >> cause & 1) != 0)
		return false;
	r->rules->causes |= 1u << cause;
	return true;
}

static bool take_host(struct reader *r)
{
	uint32_t fact;
	return r->line->fields == 3 && ceno_line_word(r->line->field[1], WORDS(fact_words), &fact) &&
	    r->rules->facts[fact] == 0 &&
	    ceno_line_word(r->line->field[2], WORDS(switch_words), &r->rules->facts[fact]);
}

static bool take_key(const char *text, uint8_t (*list)[32], uint32_t *count, bool digest)
{
	if (*count == CENO_VERIFY_LIST_MAX ||
	    !(digest ? ceno_line_digest(text, list[*count]) : ceno_line_base64(text, list[*count], 32)))
		return false;
	for (uint32_t i = 0; i < *count; i++)
		if (memcmp(list[i], list[*count], 32) == 0)
			return false;
	(*count)++;
	return true;
}

/* An assurance that only hardware or a hypervisor gives. */
static bool take_assurance(const char *text, uint32_t *key)
{
	return ceno_line_word(text, WORDS(key_words), key) && *key >= CENO_KEY_VTPM;
}

static bool take_authority(struct reader *r)
{
	struct ceno_verify_rules *rules = r->rules;
	uint32_t key;
	if (r->line->fields != 3 || !take_assurance(r->line->field[2], &key) ||
	    !take_key(r->line->field[1], rules->authorities, &rules->authority_count, false))
		return false;
	rules->authority_key[rules->authority_count - 1] = key;
	return true;
}

static bool take_enrolment(struct reader *r, bool vouched)
{
	const struct ceno_line *l = r->line;
	struct ceno_verify_enrolment e = { .is_vouched = vouched };
	if (r->rules->enrolment_count == CENO_VERIFY_LIST_MAX || l->fields != (vouched ? 7 : 5) ||
	    !ceno_line_digest(l->field[1], e.ak) || !take_assurance(l->field[2], &e.key) ||
	    (strcmp(l->field[3], "none") != 0 && !ceno_line_digest(l->field[3], e.ek)) ||
	    !ceno_line_number(l->field[4], &e.until) ||
	    (vouched &&
	     (!ceno_line_base64(l->field[5], e.authority, 32) || !ceno_line_base64(l->field[6], e.signature, 64))))
		return false;
	r->rules->enrolments[r->rules->enrolment_count++] = e;
	return true;
}

static bool take_line(struct reader *r)
{
	struct ceno_verify_rules *rules = r->rules;
	const char *word = r->line->field[0], *value = r->line->fields > 1 ? r->line->field[1] : "";
	if (strcmp(word, "key") == 0)
		return once(r, KEY, 2) && ceno_line_word(value, WORDS(key_words), &rules->key_floor);
	if (strcmp(word, "code") == 0)
		return once(r, CODE, 2) && ceno_line_word(value, WORDS(code_words), &rules->code_floor);
	if (strcmp(word, "memory") == 0)
		return once(r, MEMORY, 2) && take_memory(r);
	if (strcmp(word, "refuse") == 0) {
		rules->refuse_test_key = 1;
		return once(r, REFUSE, 2) && strcmp(value, "test-key") == 0;
	}
	if (strcmp(word, "passes") == 0)
		return once(r, PASSES, 2) && take_passes(r);
	if (strcmp(word, "classification") == 0)
		return once(r, CLASS, 2) && ceno_line_word(value, WORDS(class_words), &rules->classification);
	if (strcmp(word, "jurisdiction") == 0)
		return once(r, LAND, 2) && ceno_line_word(value, WORDS(land_words), &rules->jurisdiction);
	if (strcmp(word, "cause") == 0)
		return take_cause(r);
	if (strcmp(word, "host") == 0)
		return take_host(r);
	if (strcmp(word, "platform") == 0)
		return r->line->fields == 2 && take_key(value, rules->platforms, &rules->platform_count, true);
	if (strcmp(word, "signer") == 0)
		return r->line->fields == 2 && take_key(value, rules->signers, &rules->signer_count, false);
	if (strcmp(word, "authority") == 0)
		return take_authority(r);
	if (strcmp(word, "enrolled") == 0)
		return take_enrolment(r, false);
	return strcmp(word, "vouched") == 0 && take_enrolment(r, true);
}

int ceno_verify_rules_parse(const char *text, size_t bytes, struct ceno_verify_rules *rules, uint32_t *line_number)
{
	struct ceno_line line;
	struct reader r = { rules, &line, 0 };
	size_t at = 0, length;
	const char *start;
	memset(rules, 0, sizeof(*rules));
	rules->key_floor = CENO_KEY_SOFTWARE;
	*line_number = 1;
	if (bytes == 0)
		return CENO_VERIFY_PIN_E_EMPTY;
	if (!ceno_line_next(text, bytes, &at, &start, &length) || length != 13 ||
	    memcmp(start, "ceno-policy 1", 13) != 0)
		return CENO_VERIFY_PIN_E_FORM;
	for (*line_number = 2; at < bytes; (*line_number)++)
		if (!ceno_line_next(text, bytes, &at, &start, &length) || !ceno_line_cut(start, length, &line) ||
		    !take_line(&r))
			return CENO_VERIFY_PIN_E_FORM;
	return *line_number == 2 ? CENO_VERIFY_PIN_E_EMPTY : 0;
}

void ceno_verify_policy_apply(struct ceno_verify_policy *policy, const struct ceno_verify_rules *rules)
{
	policy->rules = rules;
	policy->key_floor = rules->key_floor;
	policy->code_floor = rules->code_floor;
	policy->refuse_test_key |= rules->refuse_test_key;
	if (rules->has_memory) {
		policy->memory = rules->memory;
		policy->sample = rules->sample;
	}
}
