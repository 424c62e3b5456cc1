/*
 * ceno proof show: what a proof says, for people, all of it. First whether anybody checked it; then the
 * session in a few lines, the eight steps as a timeline, and every field of the file by its own name.
 */
#include "proof_show.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "policy/metadata.h"
#include "policy/pledge.h"
#include "policy/units.h"
#include "text.h"

#define VALUE_SHOWN 100 /* characters of a value; longer ones are for --json */

static const char *const step_names[] = { "isolation_teardown", "filesystem_destruction",  "memory_overwrite",
	                                  "key_zeroization",    "credential_incineration", "forensic_verification",
	                                  "chain_seal",         "lifecycle_completion" };

/* ---- the file -------------------------------------------------------------------- */

/* The payload inside the envelope (new reference); the file went through the schema. */
static json_t *payload_of(json_t *file)
{
	const char *text = json_string_value(json_object_get(json_object_get(file, "dsse"), "payload"));
	size_t size = text ? strlen(text) : 0, length;
	unsigned char *bytes = malloc(size + 1);
	json_t *payload = NULL;

	if (bytes && text &&
	    !sodium_base642bin(bytes, size + 1, text, size, NULL, &length, NULL, sodium_base64_VARIANT_ORIGINAL))
		payload = json_loadb((const char *)bytes, length, JSON_REJECT_DUPLICATES, NULL);
	free(bytes);
	return payload;
}

/* The file with its payload opened (new reference), or NULL. */
static json_t *open_file(const char *bytes, size_t length)
{
	json_t *file = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, NULL), *payload = payload_of(file);

	if (!file || !payload || json_object_set_new(json_object_get(file, "dsse"), "payload", payload)) {
		json_decref(file);
		return NULL;
	}
	return file;
}

/* ---- for people -------------------------------------------------------------------- */

static void print_first(const struct ceno_verify_result *r, bool asked, const char *path)
{
	const struct ceno_verify_code_info *why =
	    r->verdict < CENO_VERIFY_CODE_COUNT ? ceno_verify_code_info(r->verdict) : NULL;

	if (asked && !r->exit_status)
		printf(
		    "VERIFIED under what was asked (memory roots: %u of %u passes); ceno verify says which checks were "
		    "made\n",
		    r->passes_checked, r->statement.overwrite.passes);
	else if (asked)
		ceno_text_line(stdout, "NOT VERIFIED under what was asked: %s (reason %u)", why ? why->text : "?",
		               why ? why->number : 0);
	else
		ceno_text_line(stdout,
		               "NOT VERIFIED: this is what the file says, and nobody checked it (ceno verify %s)",
		               path);
	if (!asked && r->exit_status == 1)
		ceno_text_line(stdout, "  and it cannot be good: %s (reason %u)", why ? why->text : "?",
		               why ? why->number : 0);
}

static const char *word(const char *declared)
{
	return declared && *declared ? declared : "not declared";
}

static void print_session(const struct ceno_verify_result *r)
{
	static const char *const causes[] = { "?", "exit", "request", "ttl", "oom", "violation", "crash" };
	static const char *const kinds[] = { "KVM", "VMX", "SVM", "KVM over paging" };
	const struct ceno_proof_statement *s = &r->statement;
	char id[33], memory[CENO_UNITS_TEXT_MAX], wiped[CENO_UNITS_TEXT_MAX], pledges[CENO_PLEDGE_TEXT_MAX], ak[65];
	char platform[65];

	ceno_units_format_hex(s->core.session_id, 16, id);
	ceno_units_format_hex(r->platform, 32, platform);
	ceno_units_format_hex(r->ak, 32, ak);
	ceno_units_format_bytes(s->core.mem_total, memory);
	ceno_units_format_bytes(s->overwrite.bytes, wiped);
	ceno_pledge_format(s->core.pledge_mask, pledges);
	ceno_text_line(stdout, "session      %s, ended by %s", id,
	               causes[s->isolation.cause <= 6 ? s->isolation.cause : 0]);
	ceno_text_line(stdout, "declared     %s, %s", word(ceno_classification_word(s->core.classification)),
	               word(ceno_jurisdiction_word(s->core.jurisdiction)));
	ceno_text_line(stdout, "pledged      %s", pledges);
	ceno_text_line(stdout, "platform     sha256:%s, key %s%s", platform, s->core.platform.trust_name,
	               s->core.platform.test_key ? " (a TEST key)" : "");
	ceno_text_line(stdout, "ran on       %s, kernel %s",
	               kinds[s->forensic.host.kvm <= 3 ? s->forensic.host.kvm : 0], s->forensic.host.kernel);
	ceno_text_line(stdout, "memory       %s, of which %s were ever backed; %u keyed pass%s, %llu mismatches",
	               memory, wiped, s->overwrite.passes, s->overwrite.passes == 1 ? "" : "es",
	               (unsigned long long)s->forensic.mismatches);
	ceno_text_line(stdout, "node         %s, seal AK sha256:%s", r->seal.node.origin, ak);
	ceno_text_line(stdout, "log          launch is leaf %llu, this proof leaf %llu of %llu",
	               (unsigned long long)r->seal.launch.inclusion.index, (unsigned long long)r->seal.batch.index,
	               (unsigned long long)r->log_size);
}

static void print_moment(uint64_t us, const char *what)
{
	printf("  %12.3f ms              %s\n", (double)us / 1000, what);
}

static void print_timeline(const struct ceno_verify_result *r)
{
	const struct ceno_proof_timing *t = &r->statement.timing;
	time_t started = (time_t)(t->started_unix_ms / 1000);
	char when[40] = "?", ended[96];
	struct tm utc;

	if (gmtime_r(&started, &utc))
		strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &utc);
	printf("\nTimeline, from when the session was accepted (%s, as declared)\n", when);
	print_moment(t->launched_us, "launched");
	print_moment(t->stopped_us, "stopped: the vmm was reaped");
	for (int i = 0; i < 6; i++)
		printf("  %12.3f ms  %7.3f ms  %d %s\n", (double)t->steps[i].begin_us / 1000,
		       (double)(t->steps[i].end_us - t->steps[i].begin_us) / 1000, i + 1, step_names[i]);
	print_moment(t->read_back_us, "    read back");
	print_moment(t->zeroed_us, "    zeroed");
	print_moment(t->compared_us, "    compared with zero");
	print_moment(r->statement.chain.sealed_us, "7 chain_seal: signed by the session's key");
	if (r->seal.step8.observer == CENO_PROOF_OBSERVER_LATER)
		snprintf(ended, sizeof ended,
		         "the warden's last word, found by the next supervisor; its end nobody saw");
	else
		snprintf(ended, sizeof ended, "warden ended with status %u, seen by supervisor and attest",
		         r->seal.step8.warden_status);
	printf("  %15s              8 %s: %s\n", "then", step_names[7], ended);
}

static void print_leaf(const char *path, const json_t *value)
{
	char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	const char *shown = text ? text : json_string_value(value);
	size_t length = shown ? strlen(shown) : 0;

	if (length > VALUE_SHOWN)
		ceno_text_line(stdout, "  %s  %.*s... (%zu characters)", path, VALUE_SHOWN, shown, length);
	else
		ceno_text_line(stdout, "  %s  %s", path, shown ? shown : "?");
	free(text);
}

/* Depth is the schema's: six at most. */
static void print_fields(const char *path, const json_t *value) // NOLINT(misc-no-recursion)
{
	char below[512];
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_object(value)) {
		json_object_foreach((json_t *)(uintptr_t)value, key, member)
		{
			snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", key);
			print_fields(below, member);
		}
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, member)
		{
			snprintf(below, sizeof below, "%s[%zu]", path, i);
			print_fields(below, member);
		}
	} else {
		print_leaf(path, value);
	}
}

static int print_json(json_t *file, const struct ceno_verify_result *r, bool asked)
{
	json_t *verdict = asked
	    ? json_pack("{s:i,s:i}", "exit_status", (int)r->exit_status, "reason",
	                r->verdict < CENO_VERIFY_CODE_COUNT ? (int)ceno_verify_code_info(r->verdict)->number : 0)
	    : json_null();

	return ceno_cli_print_json(
	    json_pack("{s:b,s:o,s:O}", "verified", asked && !r->exit_status, "verdict", verdict, "proof", file));
}

int ceno_proof_show_print(const char *path, const char *bytes, size_t length, const struct ceno_verify_result *r,
                          bool asked, bool json)
{
	json_t *file = r->read ? open_file(bytes, length) : NULL;
	int status = asked || r->exit_status == 1 ? (int)r->exit_status : CENO_EXIT_OK;

	if (!file) {
		ceno_cli_error("%s is no proof: %s", path,
		               r->verdict < CENO_VERIFY_CODE_COUNT ? ceno_verify_code_info(r->verdict)->text
		                                                   : "out of memory");
		return CENO_EXIT_FAILURE;
	}
	if (json) {
		int rc = print_json(file, r, asked);

		json_decref(file);
		return rc ? rc : status;
	}
	print_first(r, asked, path);
	print_session(r);
	print_timeline(r);
	printf("\nEvery field (--json: all of each)\n");
	print_fields("", file);
	json_decref(file);
	return status;
}
