/* One proof, many verifiers: each rule of a policy met and not met, at its bounds. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "vectors.h"

static struct fixture base;
static char ak[65], platform[65];

static void again(void)
{
	start();
	f = base;
	policy.pins = &f.pins;
	policy.as_of = 1750000000;
}

static void asked_vector(uint32_t code, const char *what, uint32_t number)
{
	vector(code, "asked-%s-%u", what, number);
}

static const char *const causes[] = { "", "exit", "request", "ttl", "oom", "violation", "crash" };
static const char *const facts[] = {
	"npt",          "swap",     "zswap", "ksm",         "compact_unevictable", "numa_balancing",
	"init_on_free", "dumpable", "kdump", "hibernation", "huge_pages"
};
static const char *const classes[] = { "", "general", "PHI", "PII", "financial", "credentials" };
static const char *const lands[] = { "", "US", "EU", "UK", "CA", "AU", "IN", "OTHER" };

/* The fixture: exit; npt and init_on_free on, two unknown, the rest off; PHI, EU; one pass. */
static void rules(void)
{
	for (uint32_t i = 1; i <= 6; i++) {
		again();
		asked_rule(&policy, "cause %s\n", causes[i]);
		asked_vector(i == CENO_CAUSE_EXIT ? OK : CENO_VERIFY_CAUSE_RULE, "cause", i);
		again();
		if (i != CENO_CAUSE_EXIT)
			asked_rule(&policy, "cause %s\n", causes[i]);
		asked_rule(&policy, "cause exit\n");
		asked_vector(OK, "cause-or-exit", i);
	}
	for (uint32_t i = 0; i < 22; i++) {
		bool on = i % 2 == 1, is_on = i / 2 == 0 || i / 2 == 6, unknown = i / 2 == 4 || i / 2 == 5;
		again();
		asked_rule(&policy, "host %s %s\n", facts[i / 2], on ? "on" : "off");
		asked_vector(!unknown && on == is_on ? OK : CENO_VERIFY_HOST_RULE, "host", i);
	}
	for (uint32_t i = 1; i <= 5; i++) {
		again();
		asked_rule(&policy, "classification %s\n", classes[i]);
		asked_vector(i == CENO_PROOF_CLASS_PHI ? OK : CENO_VERIFY_DECLARED, "classification", i);
	}
	for (uint32_t i = 1; i <= 7; i++) {
		again();
		asked_rule(&policy, "jurisdiction %s\n", lands[i]);
		asked_vector(i == CENO_PROOF_LAND_EU ? OK : CENO_VERIFY_DECLARED, "jurisdiction", i);
		again();
		asked_rule(&policy, "passes %u\n", i);
		asked_vector(i == 1 ? OK : CENO_VERIFY_PASSES_RULE, "passes", i);
	}
	for (uint32_t i = 0; i < 64; i += 7) {
		again();
		char other[65];
		memcpy(other, platform, 65);
		other[i] = other[i] == 'a' ? 'b' : 'a';
		asked_rule(&policy, "platform sha256:%s\n", other);
		asked_vector(CENO_VERIFY_PLATFORM, "platform", i);
		asked_rule(&policy, "platform sha256:%s\n", platform);
		asked_vector(OK, "platform-or", i);
	}
	for (uint32_t i = 0; i < 2; i++) {
		static uint8_t request[32];
		again();
		memcpy(request, f.statement.core.request_commit, 32);
		request[31] ^= (uint8_t)i;
		policy.request = request;
		asked_vector(i == 0 ? OK : CENO_VERIFY_REQUEST, "request", i);
	}
}

static const char *const keys[] = { "none", "software", "vtpm", "ftpm", "dtpm" };

/* Each floor, against what is known of the key: nothing, a pin, an enrolment of each kind. */
static void key_floors(void)
{
	for (uint32_t floor = CENO_KEY_NONE; floor <= CENO_KEY_DTPM; floor++)
		for (uint32_t have = CENO_KEY_NONE; have <= CENO_KEY_DTPM; have++)
			for (uint32_t pinned = 0; pinned < 2; pinned++) {
				if (have == CENO_KEY_SOFTWARE && !pinned)
					continue;
				if (have == CENO_KEY_NONE && pinned)
					continue;
				again();
				if (!pinned)
					policy.pins = NULL;
				asked_rule(&policy, "key %s\n", keys[floor]);
				if (have >= CENO_KEY_VTPM)
					asked_rule(&policy, "enrolled sha256:%s %s none 1750000000\n", ak, keys[have]);
				asked_vector(floor > CENO_KEY_NONE && have == CENO_KEY_NONE  ? CENO_VERIFY_AK_UNPINNED
				                 : floor > CENO_KEY_SOFTWARE && have < floor ? CENO_VERIFY_ASSURANCE
				                                                             : OK,
				             "key", 100 * floor + 10 * have + pinned);
			}
}

static void vouched(void)
{
	char line[512];
	uint8_t secret[64];
	for (uint32_t most = CENO_KEY_VTPM; most <= CENO_KEY_DTPM; most++)
		for (uint32_t says = CENO_KEY_VTPM; says <= CENO_KEY_DTPM; says++)
			for (uint32_t late = 0; late < 2; late++) {
				again();
				asked_vouch(line, sizeof(line), 3, base.pins.pins[0].ak, says, NULL, 1750000000 - late);
				asked_rule(&policy, "authority %s %s\n%s", asked_key(3, secret), keys[most], line);
				asked_vector(says <= most && !late ? OK : CENO_VERIFY_AK_VOUCH, "vouched",
				             100 * most + 10 * says + late);
			}
}

/* Reference values of key 1, good for this proof but for what `lines` put in their place. */
static void reference(uint32_t signer, uint64_t from, uint64_t until, const char *more, uint32_t wrong_pcr)
{
	char text[4096], hex[65];
	size_t n = (size_t)snprintf(text, sizeof(text), "valid %llu %llu\n%splatform sha256:%s\n",
	                            (unsigned long long)from, (unsigned long long)until, more, platform);
	for (uint32_t i = 0; i < CENO_PROOF_PCRS; i++) {
		sodium_bin2hex(hex, sizeof(hex), f.seal.quote.pcrs[i], 32);
		if (i == wrong_pcr)
			hex[63] = hex[63] == '0' ? '1' : '0';
		n += (size_t)snprintf(text + n, sizeof(text) - n, "pcr %u sha256:%s\n", i, hex);
	}
	asked_reference(&policy, signer, text);
}

static void references(void)
{
	static const char *const floors[] = { "none", "boot", "runtime" };
	uint8_t secret[64];
	for (uint32_t i = 0; i < 6; i++) { /* floor, and what the file says */
		again();
		asked_rule(&policy, "signer %s\ncode %s\n", asked_key(1, secret), floors[i % 3]);
		reference(1, 0, UINT64_MAX, i / 3 ? "runtime\n" : "", 99);
		asked_vector(i == 2 ? CENO_VERIFY_CODE_ASSURANCE : OK, "code", i);
	}
	for (uint32_t pcr = 0; pcr < CENO_PROOF_PCRS; pcr++) {
		again();
		asked_rule(&policy, "signer %s\ncode boot\n", asked_key(1, secret));
		reference(1, 0, UINT64_MAX, "", pcr);
		asked_vector(CENO_VERIFY_REFERENCE_PCRS, "pcr", pcr);
		reference(1, 0, UINT64_MAX, "", 99); /* a second file that fits is enough */
		asked_vector(OK, "pcr-or", pcr);
	}
	for (uint32_t i = 0; i < 9; i++) { /* each end before, at and after the time asked for */
		again();
		asked_rule(&policy, "signer %s\n", asked_key(1, secret));
		reference(1, 1750000000 - 1 + i % 3, 1750000000 - 1 + i / 3, "", 99);
		asked_vector(i % 3 <= 1 && i / 3 >= 1 ? OK : CENO_VERIFY_REFERENCE, "valid", i);
	}
	for (uint32_t i = 0; i < 3; i++) { /* a stranger's file counts for nothing, beside a good one too */
		again();
		asked_rule(&policy, "signer %s\n", asked_key(1, secret));
		if (i > 0)
			reference(2, 0, UINT64_MAX, "", i == 1 ? 99 : 8);
		if (i < 2)
			reference(1, 0, UINT64_MAX, "", 99);
		asked_vector(i == 2 ? CENO_VERIFY_REFERENCE : OK, "signer", i);
	}
}

static void comparisons(void)
{
	for (uint32_t count = 1; count <= 40; count++) {
		again();
		compare_honest(count);
		asked_vector(OK, "compare", count);
	}
}

/* A node whose log key was changed: a pin for each key, in either order, each with its own state. */
static void log_keys(void)
{
	for (uint32_t i = 0; i < 8; i++) {
		bool first = i & 1, other_only = i >> 1 == 1, back = i >> 1 == 2, other_back = i >> 1 == 3;
		again();
		struct ceno_verify_pin *mine = &f.pins.pins[first], *other = &f.pins.pins[!first];
		*mine = *other = base.pins.pins[0];
		memset(other->log_pub, 0x11, 32);
		f.pins.pin_count = 2;
		if (other_only)
			memset(mine->log_pub, 0x22, 32);
		if (back || other_back) {
			struct ceno_verify_pin *newer = back ? mine : other;
			newer->size = 1;
			memset(newer->root, 0x33, 32);
			newer->reset_count = f.reset_count + 1;
		}
		asked_vector(other_only ? CENO_VERIFY_PIN_NODE : back ? CENO_VERIFY_ROLLBACK : OK, "log-keys", i);
	}
}

void vectors_asked(void)
{
	uint8_t digest[32];
	start();
	fixture_redo(&f);
	base = f;
	sodium_bin2hex(ak, sizeof(ak), f.pins.pins[0].ak, 32);
	MUST(ceno_proof_platform_digest(&f.statement.core.platform, digest) == 0);
	sodium_bin2hex(platform, sizeof(platform), digest, 32);
	rules();
	key_floors();
	vouched();
	references();
	comparisons();
	log_keys();
}
