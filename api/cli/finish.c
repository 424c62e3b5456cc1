/* Proofs just received: see finish.h. */
#include "finish.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attest/trail/audit.h"
#include "cli.h"
#include "client.h"
#include "pins.h"
#include "policy/metadata.h"
#include "missing.h"
#include "policy/pledge.h"
#include "policy/units.h"
#include "quote.h"
#include "text.h"

static struct ceno_verify_pins pins; /* too large for the stack */

static int verify(struct ceno_finish *finish, const char *proof, size_t length)
{
	ceno_verify_policy_init(&finish->policy);
	finish->policy.pins = &pins;
	finish->policy.rp_nonce = finish->nonce;
	finish->checked = !ceno_verify(proof, length, &finish->policy, &finish->result);
	return finish->checked ? 0 : -1;
}

/* Does the node itself say that the proof's seal key is its own? Then its identity key, too. */
static bool node_confirms(const struct ceno_finish *finish, uint8_t identity[32])
{
	char error[CENO_NODE_QUOTE_ERROR_MAX], hex[65];
	struct ceno_node_quote quote;
	struct ceno_client client;
	uint8_t nonce[32], seal[32];
	json_t *reply = NULL;
	const char *answer;
	bool same = false;

	ceno_cli_random(nonce, sizeof nonce);
	ceno_units_format_hex(nonce, 32, hex);
	if (!ceno_client_open(&client, finish->socket))
		reply = ceno_client_call(&client, "node.attest", json_pack("{s:s}", "nonce", hex), NULL, 0);
	answer = json_string_value(json_object_get(reply, "node"));
	if (answer && !ceno_node_quote_check(answer, strlen(answer), nonce, &quote, error)) {
		ceno_verify_ak_digest(quote.seal_ak_public, quote.seal_ak_public_bytes, seal);
		same = !memcmp(seal, finish->result.ak, 32) && !strcmp(quote.origin, finish->result.seal.node.origin) &&
		    !memcmp(quote.log_pub, finish->result.seal.node.log_pub, 32);
		memcpy(identity, quote.identity_pub, 32);
	}
	json_decref(reply);
	ceno_client_close(&client);
	return same;
}

static bool origin_known(const char *origin)
{
	for (uint32_t i = 0; i < pins.pin_count; i++)
		if (!strcmp(pins.pins[i].origin, origin))
			return true;
	return false;
}

void ceno_finish_check(struct ceno_finish *finish, const char *proof, size_t length)
{
	char path[4096], error[CENO_PINS_ERROR_MAX] = "";
	uint8_t identity[32];
	int known;

	finish->note[0] = '\0';
	if (sodium_init() < 0)
		return;
	known = ceno_pins_path(path, sizeof path) ? -1 : ceno_pins_load(path, &pins, error);
	if (known < 0)
		snprintf(finish->note, sizeof finish->note, "%.250s",
		         error[0] ? error : "no HOME: nodes cannot be pinned");
	if (verify(finish, proof, length) || known < 0)
		return;
	if (finish->result.exit_status == 4 && finish->result.verdict == CENO_VERIFY_AK_UNPINNED &&
	    !origin_known(finish->result.seal.node.origin) && node_confirms(finish, identity)) {
		if (ceno_pins_learn(&pins, &finish->result)) /* a new node: the pin is the last */
			memcpy(pins.pins[pins.pin_count - 1].identity, identity, 32);
		if (verify(finish, proof, length))
			return;
		finish->newly_pinned = true;
	} else if (finish->result.exit_status || !ceno_pins_learn(&pins, &finish->result)) {
		return;
	}
	if (ceno_pins_save(path, &pins, error))
		snprintf(finish->note, sizeof finish->note, "%.250s", error);
	else if (finish->newly_pinned)
		snprintf(finish->note, sizeof finish->note, "node %s pinned in %.150s (first use)",
		         finish->result.seal.node.origin, path);
}

/* ---- the trail ------------------------------------------------------------------- */

static void say_trail(struct ceno_finish *finish, const struct ceno_audit *audit)
{
	uint32_t count[CENO_TRAIL_TYPE_COUNT] = { 0 };
	struct ceno_trail_record record;
	bool good = audit->exit_status == 0 || audit->exit_status == 4;

	for (uint32_t i = 0; i < audit->records; i++) {
		ceno_audit_record(finish->trail, audit, i, &record);
		count[record.head.type]++;
	}
	if (good)
		snprintf(finish->trail_line, sizeof finish->trail_line,
		         "%u records: %u module starts, %u crashes, %u restarts; %s", audit->records,
		         count[CENO_TRAIL_MODULE], count[CENO_TRAIL_FAULT], count[CENO_TRAIL_RESTART],
		         audit->verdict == CENO_AUDIT_CODE_COUNT ? "sealed to its end"
		                                                 : ceno_audit_code_info(audit->verdict)->text);
	else
		snprintf(finish->trail_line, sizeof finish->trail_line, "NOT GOOD: %s (reason %u)",
		         ceno_audit_code_info(audit->verdict)->text, ceno_audit_code_info(audit->verdict)->number);
}

void ceno_finish_trail(struct ceno_finish *finish, int fd)
{
	static struct ceno_audit audit;
	const struct ceno_proof_statement *s = &finish->result.statement;
	uint8_t sha256[32];
	ssize_t n = fd < 0 ? 0 : pread(fd, finish->trail, sizeof finish->trail, 0);

	finish->trail_line[0] = '\0';
	finish->trail_bytes = n > 0 ? (size_t)n : 0;
	crypto_hash_sha256(sha256, finish->trail, finish->trail_bytes);
	finish->trail_matches = finish->checked && finish->result.read &&
	    finish->trail_bytes == s->isolation.trail_bytes && !memcmp(sha256, s->isolation.trail_sha256, 32);
	if (!finish->trail_matches || !finish->trail_bytes)
		return;
	ceno_audit(finish->trail, finish->trail_bytes,
	           &(struct ceno_audit_expect){ .session_id = s->core.session_id, .sha256 = sha256 }, &audit);
	say_trail(finish, &audit);
}

/* ---- for people ------------------------------------------------------------------ */

/* Numbers as the machine that built this knows them (call_names.inc, from its headers). */
static const char *call_name(long long number)
{
	static const struct {
		int number;
		const char *name;
	} names[] = {
#include "call_names.inc"
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i].number == number)
			return names[i].name;
	return "unknown";
}

/* The guest's word: what programs asked for that is not there. */
static void print_enosys(const json_t *calls)
{
	enum { SHOWN = 5 };
	const json_t *call;
	size_t i;

	json_array_foreach(calls, i, call)
	{
		if (i == SHOWN) {
			fprintf(stderr, "             and %zu more\n", json_array_size(calls) - SHOWN);
			return;
		}
		ceno_text_line(stderr, "             not implemented: %s (call %lld) of %s, %lld times",
		               call_name(json_integer_value(json_array_get(call, 0))),
		               (long long)json_integer_value(json_array_get(call, 0)),
		               json_string_value(json_array_get(call, 2)),
		               (long long)json_integer_value(json_array_get(call, 1)));
	}
}

static void print_ran(const struct ceno_proof_statement *s, const json_t *program)
{
	static const char *const kinds[] = { "KVM", "VMX", "SVM", "KVM over paging" };
	char memory[CENO_UNITS_TEXT_MAX], id[33];
	uint64_t ms = (s->timing.stopped_us - s->timing.launched_us) / 1000;

	ceno_units_format_hex(s->core.session_id, 16, id);
	ceno_units_format_bytes(s->core.mem_total, memory);
	fprintf(stderr, "ran          session %s: one micro-VM (%s, %s) for %llu ms\n", id, memory,
	        kinds[s->forensic.host.kvm <= 3 ? s->forensic.host.kvm : 0], (unsigned long long)ms);
	if (program && json_integer_value(json_object_get(program, "end"))) {
		fprintf(stderr, "             program was given up after %lld restarts\n",
		        (long long)json_integer_value(json_object_get(program, "restarts")));
	} else if (program && json_integer_value(json_object_get(program, "refusal"))) {
		fprintf(stderr, "             program was never started\n");
	} else if (program) {
		int signal_number = (int)json_integer_value(json_object_get(program, "signal"));

		fprintf(stderr, "             program ended with %s %d after %lld system calls\n",
		        signal_number ? "signal" : "status",
		        signal_number ? signal_number
		                      : (int)json_integer_value(json_object_get(program, "exit_status")),
		        (long long)json_integer_value(json_object_get(program, "syscalls")));
		print_enosys(json_object_get(program, "enosys"));
		ceno_missing_print(program, "             ");
		if (json_is_true(json_object_get(program, "out_of_memory")))
			fprintf(stderr,
			        "             RAM ran out: whoever held most of it was killed (try --memory)\n");
	}
}

static void print_contained(const struct ceno_proof_statement *s)
{
	char pledges[CENO_PLEDGE_TEXT_MAX], dropped[CENO_PLEDGE_TEXT_MAX];
	unsigned writable = 0;

	for (uint32_t i = 0; i < s->isolation.slot_count; i++)
		writable += s->isolation.slots[i].rights == CENO_PROOF_READ_WRITE;
	ceno_pledge_format(s->core.pledge_mask, pledges);
	ceno_pledge_format(s->core.pledge_mask & ~s->isolation.pledge_mask, dropped);
	fprintf(
	    stderr,
	    "contained    pledged %s%s%s: %u memory slots, %u of them writable; no network, no device, no file of the "
	    "host\n",
	    pledges, dropped[0] ? ", of which it lost " : "", dropped, s->isolation.slot_count, writable);
	fprintf(stderr,
	        "             %u vmm threads under a locked system call filter, no privileges, own namespaces\n",
	        s->isolation.tasks);
}

static void print_destroyed(const struct ceno_proof_statement *s)
{
	char bytes[CENO_UNITS_TEXT_MAX], areas[CENO_UNITS_TEXT_MAX];
	uint64_t sum = 0;

	for (uint32_t i = 0; i < s->filesystem.area_count; i++)
		sum += s->filesystem.areas[i].bytes;
	ceno_units_format_bytes(s->overwrite.bytes, bytes);
	ceno_units_format_bytes(sum, areas);
	fprintf(stderr,
	        "destroyed    %s of guest memory: overwritten by a key stream, read back, zeroed, compared (%llu "
	        "mismatches)\n",
	        bytes, (unsigned long long)s->forensic.mismatches);
	fprintf(stderr, "             %s of windows, inputs and buffers; %u keys zeroized; %u credential%s\n", areas,
	        s->keys.key_count, s->tokens.token_count, s->tokens.token_count == 1 ? "" : "s");
}

void ceno_finish_print(const struct ceno_finish *finish, const json_t *program, const json_t *ended,
                       const char *proof_path)
{
	const struct ceno_verify_result *r = &finish->result;
	const char *cause = json_string_value(json_object_get(ended, "cause"));

	fprintf(stderr, "--\n");
	if (finish->checked && r->read) {
		print_ran(&r->statement, program);
		print_contained(&r->statement);
		ceno_text_line(stderr, "ended by     %s", cause ? cause : "?");
		print_destroyed(&r->statement);
	}
	if (finish->trail_line[0])
		fprintf(stderr, "trail        %s\n", finish->trail_line);
	if (proof_path)
		ceno_text_line(stderr, "proof        %s", proof_path);
	if (!finish->checked)
		fprintf(stderr, "verified     NOT CHECKED: out of memory\n");
	else if (r->exit_status == 0)
		fprintf(stderr, "verified     good: integrity, log, quote, and the node's key is the one you pinned\n");
	else
		fprintf(stderr, "verified     NO: %s (reason %u)\n",
		        r->verdict < CENO_VERIFY_CODE_COUNT ? ceno_verify_code_info(r->verdict)->text : "unknown",
		        r->verdict < CENO_VERIFY_CODE_COUNT ? ceno_verify_code_info(r->verdict)->number : 0);
	if (finish->note[0])
		ceno_text_line(stderr, "             %s", finish->note);
	if (finish->checked && r->key == CENO_KEY_SOFTWARE)
		fprintf(stderr,
		        "             key: software TPM or unknown kind: believe it as far as you trust the node's "
		        "operator\n");
}

json_t *ceno_finish_json(const struct ceno_finish *finish, json_t *program, json_t *ended, const char *proof_path,
                         int status)
{
	const struct ceno_verify_result *r = &finish->result;
	json_t *object = json_pack("{s:i,s:O?,s:O?,s:s?,s:b}", "exit_status", status, "program", program, "session",
	                           ended, "proof_file", proof_path, "newly_pinned", finish->newly_pinned);
	struct ceno_missing missing;
	json_t *copy;

	if (!object)
		return NULL;
	ceno_missing_read(program, &missing);
	if (missing.pledge[0])
		json_object_set_new(object, "hint", json_pack("s+", "--pledge ", missing.pledge));
	copy = json_copy(ended); /* the proof is in its file, not twice here */
	json_object_del(copy, "proof");
	json_object_set_new(object, "session", copy ? copy : json_null());
	if (finish->checked)
		json_object_set_new(
		    object, "verify",
		    json_pack("{s:i,s:i,s:s}", "status", (int)r->exit_status, "reason",
		              r->verdict < CENO_VERIFY_CODE_COUNT ? (int)ceno_verify_code_info(r->verdict)->number : 0,
		              "text",
		              r->verdict < CENO_VERIFY_CODE_COUNT ? ceno_verify_code_info(r->verdict)->text
		                                                  : "verified"));
	else
		json_object_set_new(object, "verify", json_null());
	return object;
}
