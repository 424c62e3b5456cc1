/*
 * A result for people and for machines. Everything printed of the proof went
 * through the schema (printable ASCII, no quotes or backslashes), so neither
 * form can be broken or dressed up by a hostile file.
 */
#include "verify.h"

#include "attest/proof/out.h"

static const char *const key_names[] = { "none", "software", "vtpm", "ftpm", "dtpm" };
static const char *const code_names[] = { "none", "boot", "runtime" };
static const char *const status_names[] = { "not_run", "pass", "fail" };
static const char *const status_words[] = { "not checked", "none seen", "FOUND" };
static const char *const cause_names[] = { "", "exit", "request", "ttl", "oom", "violation", "crash" };
static const char *const fact_names[] = { "unknown", "off", "on" };
static const char *const kvm_names[] = { "unknown", "vmx", "svm", "paging" };

static const char *const stage_names[] = { "",
	                                   "bytes",
	                                   "version and schema",
	                                   "subject",
	                                   "evidence",
	                                   "session signature",
	                                   "completion",
	                                   "memory roots",
	                                   "log",
	                                   "quote",
	                                   "reference values",
	                                   "attestation key",
	                                   "pins",
	                                   "policy" };

/* Words of the EAT Attestation Result's status (IETF RATS, AR4SI trustworthiness tiers). */
static const char *ear_status(const struct ceno_verify_result *r)
{
	switch (r->exit_status) {
	case 0:
		return "affirming";
	case 3:
	case 4:
		return "warning";
	case 2:
		return "none";
	default:
		return "contraindicated";
	}
}

static void put_verdict(struct out *o, const struct ceno_verify_result *r)
{
	static const char *const words[] = {
		"VERIFIED",           "INVALID", "NOT CHECKED", "NOT CHECKED", "BELOW ASKED ASSURANCE",
		"ROLLBACK OR REPLAY", "REVOKED"
	};
	put(o, "%s", words[r->exit_status <= 6 ? r->exit_status : 1]);
	if (r->verdict < CENO_VERIFY_CODE_COUNT) {
		const struct ceno_verify_code_info *info = ceno_verify_code_info(r->verdict);
		put(o, ": %s\n  stage %u (%s), reason %u %s", info->text, info->stage, stage_names[info->stage],
		    info->number, info->name);
		if (r->detail[0] != '\0')
			put(o, ", %s", r->detail);
	}
	put(o, "\n");
}

static void put_claims(struct out *o, const struct ceno_verify_result *r)
{
	const struct ceno_proof_statement *s = &r->statement;
	const struct ceno_proof_timing *t = &s->timing;
	char text[65];
	put(o, "What the proof says (R recomputed here, X cross-checked, A asserted by the measured warden)\n");
	put(o, "  session       %s\n", hex(s->core.session_id, 16, text));
	put(o, "  ended by      %s%s (A)\n", cause_names[s->isolation.cause],
	    s->isolation.cause == CENO_CAUSE_VIOLATION ? ", stopped by its memory slots" : "");
	if (s->isolation.violation != 0)
		put(o, "  violation     code %u (A)\n", s->isolation.violation);
	put(o,
	    "  memory        %llu bytes, of which %llu were ever backed, overwritten and read back in %u keyed pass%s "
	    "(R),\n"
	    "                then zeroed and compared: %llu bytes, %llu mismatches (A)\n",
	    (unsigned long long)s->core.mem_total, (unsigned long long)s->overwrite.bytes, s->overwrite.passes,
	    s->overwrite.passes == 1 ? "" : "es", (unsigned long long)s->forensic.compared_bytes,
	    (unsigned long long)s->forensic.mismatches);
	put(o, "  isolation     %u slots (R), %u tasks under filter sha256:%.16s... (X)\n", s->isolation.slot_count,
	    s->isolation.tasks, hex(s->isolation.filter, 32, text));
	put(o, "  destroyed     %u areas, %u keys, %u tokens (A)\n", s->filesystem.area_count, s->keys.key_count,
	    s->tokens.token_count);
	put(o, "  trail         %u bytes, sha256:%.16s..., to be checked by ceno audit (A)\n", s->isolation.trail_bytes,
	    hex(s->isolation.trail_sha256, 32, text));
	put(o, "  ring 0        cr0 %#llx, cr4 %#llx, efer %#llx at the guest's first instruction (A)\n",
	    (unsigned long long)s->isolation.cpu.cr0, (unsigned long long)s->isolation.cpu.cr4,
	    (unsigned long long)s->isolation.cpu.efer);
	put(o, "  took          %llu us from stop to compared (A)\n",
	    (unsigned long long)(t->compared_us > t->stopped_us ? t->compared_us - t->stopped_us : 0));
	put(o, "  host          kvm %s, nested paging %s, swap %s, init_on_free %s, kernel %s (A)\n",
	    kvm_names[s->forensic.host.kvm], fact_names[s->forensic.host.npt], fact_names[s->forensic.host.swap],
	    fact_names[s->forensic.host.init_on_free], s->forensic.host.kernel);
	put(o, "  guest signed  %s key \"%s\" (A)\n", s->core.platform.test_key ? "by a TEST" : "by the",
	    s->core.platform.trust_name);
	put(o, "  log           %s, launch at %llu, proof at %llu of %llu (R)\n", r->seal.node.origin,
	    (unsigned long long)r->seal.launch.inclusion.index, (unsigned long long)r->seal.batch.index,
	    (unsigned long long)r->log_size);
	put(o, "  platform      sha256:%s (A)\n", hex(r->platform, 32, text));
	put(o, "  sealed by     TPM key sha256:%s\n", hex(r->ak, 32, text));
}

static void put_stages(struct out *o, const struct ceno_verify_result *r)
{
	put(o, "Checks\n");
	for (uint32_t stage = 1; stage <= 13; stage++) {
		uint32_t counts[3] = { 0 };
		for (uint32_t i = 0; i < CENO_VERIFY_CODE_COUNT; i++)
			if (ceno_verify_code_info(i)->stage == stage)
				counts[r->status[i]]++;
		put(o, "  %2u %-20s %2u passed", stage, stage_names[stage], counts[CENO_CHECK_PASS]);
		if (counts[CENO_CHECK_FAIL] > 0)
			put(o, ", %u FAILED", counts[CENO_CHECK_FAIL]);
		if (counts[CENO_CHECK_NOT_RUN] > 0)
			put(o, ", %u not run", counts[CENO_CHECK_NOT_RUN]);
		put(o, "\n");
		for (uint32_t i = 0; i < CENO_VERIFY_CODE_COUNT; i++)
			if (ceno_verify_code_info(i)->stage == stage && r->status[i] == CENO_CHECK_FAIL)
				put(o, "       %u %s: %s\n", ceno_verify_code_info(i)->number,
				    ceno_verify_code_info(i)->name, ceno_verify_code_info(i)->text);
	}
}

static const char limits[] =
    "What it does not say\n"
    "  It does not say that no copy exists. Trusted and unproven: root and the kernel of the host and all beneath it.\n"
    "  Outside the overwrite: memory the kernel freed (pipe and socket buffers, vCPU registers, moved pages; zeroed\n"
    "  only with init_on_free=1, the host line says which), the caller's own file, outputs given out, what the "
    "workload\n"
    "  sent, leaks through shared caches. Exit status, outputs and record are the guest's and the vmm's word. "
    "Wall-clock\n"
    "  times and declared fields are declared. A hardware TPM says which machine, firmware and kernel; which cenod "
    "only\n"
    "  with IMA or a verified root. With a software TPM whoever runs the node can write any proof.\n"
    "  Structural facts, not a compliance verdict.\n";

/* What the two axes mean together, in one sentence. */
static const char *axes_text(const struct ceno_verify_result *r)
{
	if (r->key == CENO_KEY_NONE)
		return "nothing says who made this proof";
	if (r->code == CENO_TRUST_RUNTIME)
		return "known firmware and kernel, and every executable that can open the TPM, says the signer of the "
		       "reference values";
	if (r->code == CENO_TRUST_BOOT)
		return "known firmware and kernel, unknown programs: root on that host can write any proof";
	return r->key == CENO_KEY_SOFTWARE
	    ? "a node you pinned, unknown software: root on that host can write any proof"
	    : "genuine TPM, unknown software: root on that host can write any proof";
}

static void put_axes(struct out *o, const struct ceno_verify_result *r, const struct ceno_verify_policy *policy)
{
	put(o, "Assurance\n  key %s, code %s: %s\n", key_names[r->key], code_names[r->code], axes_text(r));
	put(o, "  memory roots: ");
	if (r->status[CENO_VERIFY_MEMORY_ROOT] == CENO_CHECK_NOT_RUN)
		put(o, "not checked%s\n", policy->memory == CENO_MEMORY_NONE ? " (--mem none)" : "");
	else
		put(o, "%u of %u passes recomputed\n", r->passes_checked, r->statement.overwrite.passes);
	put(o, "  replay: %s; rollback: %s\n", status_words[r->status[CENO_VERIFY_REPLAY]],
	    status_words[r->status[CENO_VERIFY_ROLLBACK]]);
	put(o, "  fork: %s\n",
	    r->status[CENO_VERIFY_FORK] == CENO_CHECK_FAIL ? "FOUND"
	        : r->fork_checked                          ? "compared with another checkpoint, one log"
	                                                   : "not checked");
}

size_t ceno_verify_render_text(const struct ceno_verify_result *result, const struct ceno_verify_policy *policy,
                               char *text, size_t capacity)
{
	struct out o = { text, 0, capacity };
	put_verdict(&o, result);
	if (result->read && result->status[CENO_VERIFY_CHAIN] != CENO_CHECK_NOT_RUN)
		put_claims(&o, result);
	put_axes(&o, result, policy);
	put_stages(&o, result);
	put(&o, "%s", limits);
	return o.length;
}

static void put_checks(struct out *o, const struct ceno_verify_result *r)
{
	put(o, "\"checks\":[");
	for (uint32_t i = 0; i < CENO_VERIFY_CODE_COUNT; i++) {
		const struct ceno_verify_code_info *info = ceno_verify_code_info(i);
		put(o, "%s{\"code\":%u,\"name\":\"%s\",\"stage\":%u,\"status\":\"%s\"}", i == 0 ? "" : ",",
		    info->number, info->name, info->stage, status_names[r->status[i]]);
	}
	put(o, "]");
}

static void put_proof(struct out *o, const struct ceno_verify_result *r)
{
	char session[33], ak[65], c0[65], c8[65], root[65], platform[65];
	put(o,
	    ",\"proof\":{\"session_id\":\"%s\",\"cause\":\"%s\",\"violation\":%u,\"mem_total\":%llu,\"bytes\":%llu,"
	    "\"passes\":%u,\"c0\":\"sha256:%s\",\"c8\":\"sha256:%s\",\"origin\":\"%s\",\"launch_index\":%llu,"
	    "\"index\":%llu,\"log_size\":%llu,\"log_root\":\"sha256:%s\",\"nv_value\":\"%llu\",\"clock_ms\":\"%llu\","
	    "\"reset_count\":%u,\"ak\":\"sha256:%s\",\"platform\":\"sha256:%s\",\"test_key\":%s}",
	    hex(r->statement.core.session_id, 16, session), cause_names[r->statement.isolation.cause],
	    r->statement.isolation.violation, (unsigned long long)r->statement.core.mem_total,
	    (unsigned long long)r->statement.overwrite.bytes, r->statement.overwrite.passes, hex(r->chain[0], 32, c0),
	    hex(r->chain[8], 32, c8), r->seal.node.origin, (unsigned long long)r->seal.launch.inclusion.index,
	    (unsigned long long)r->seal.batch.index, (unsigned long long)r->log_size, hex(r->log_root, 32, root),
	    (unsigned long long)r->seal.nv.value, (unsigned long long)r->clock_ms, r->reset_count, hex(r->ak, 32, ak),
	    hex(r->platform, 32, platform), r->statement.core.platform.test_key ? "true" : "false");
}

/* A detail quotes one key of a hostile file at most, but keep the output JSON whatever it holds. */
static void put_string(struct out *o, const char *text)
{
	put(o, "\"");
	for (; *text != '\0'; text++)
		if (*text == '"' || *text == '\\')
			put(o, "\\%c", *text);
		else
			put(o, "%c", *text >= 0x20 && *text < 0x7f ? *text : '?');
	put(o, "\"");
}

/* AR4SI: 2 affirming, 32 warning, 96 contraindicated, 0 no claim. */
static int claim(const struct ceno_verify_result *r, enum ceno_verify_code from, enum ceno_verify_code to, int affirmed)
{
	int value = 0;
	for (uint32_t i = from; i <= (uint32_t)to; i++) {
		if (r->status[i] == CENO_CHECK_FAIL)
			return ceno_verify_code_info(i)->exit_status == 1 ? 96 : 32;
		if (r->status[i] == CENO_CHECK_PASS)
			value = affirmed;
	}
	return value;
}

static void put_vector(struct out *o, const struct ceno_verify_result *r)
{
	put(o,
	    "\"ear.trustworthiness-vector\":{\"instance-identity\":%d,\"executables\":%d,\"hardware\":%d,"
	    "\"runtime-opaque\":%d,\"sourced-data\":%d},",
	    claim(r, CENO_VERIFY_AK_REVOKED, CENO_VERIFY_PIN_NODE, r->key > CENO_KEY_NONE ? 2 : 0),
	    claim(r, CENO_VERIFY_REFERENCE, CENO_VERIFY_IMA_PROGRAM, r->code > CENO_TRUST_NONE ? 2 : 0),
	    claim(r, CENO_VERIFY_AK_FORM, CENO_VERIFY_NV_VALUE, r->key >= CENO_KEY_VTPM ? 2 : 0),
	    claim(r, CENO_VERIFY_SLOT_SUM, CENO_VERIFY_MEMORY_ROOT, 2),
	    claim(r, CENO_VERIFY_CHECKPOINT, CENO_VERIFY_LOG_ORDER, 2));
}

static void put_reason(struct out *o, const struct ceno_verify_result *r)
{
	if (r->verdict == CENO_VERIFY_CODE_COUNT) {
		put(o, "\"reason\":null,");
		return;
	}
	const struct ceno_verify_code_info *info = ceno_verify_code_info(r->verdict);
	put(o, "\"reason\":{\"code\":%u,\"name\":\"%s\",\"stage\":%u,\"text\":\"%s\",\"detail\":", info->number,
	    info->name, info->stage, info->text);
	put_string(o, r->detail);
	put(o, "},");
}

size_t ceno_verify_render_json(const struct ceno_verify_result *result, const struct ceno_verify_policy *policy,
                               char *text, size_t capacity)
{
	static const char *const memory_names[] = { "full", "sample", "none" };
	struct out o = { text, 0, capacity };
	put(&o,
	    "{\"eat_profile\":\"urn:cenotaph:ear:v1\",\"ear.verifier-id\":{\"developer\":\"cenotaph\",\"build\":\"%s\"}"
	    ",",
	    CENO_VERSION);
	if (policy->as_of != CENO_VERIFY_NO_TIME)
		put(&o, "\"iat\":%llu,", (unsigned long long)policy->as_of);
	put(&o, "\"submods\":{\"cdp\":{\"ear.status\":\"%s\",", ear_status(result));
	put_vector(&o, result);
	put(&o,
	    "\"exit_status\":%u,\"key\":\"%s\",\"code\":\"%s\",\"memory\":\"%s\",\"passes_checked\":%u,\"fork\":\"%"
	    "s\",",
	    result->exit_status, key_names[result->key], code_names[result->code],
	    memory_names[policy->memory <= CENO_MEMORY_NONE ? policy->memory : CENO_MEMORY_NONE],
	    result->passes_checked, status_names[result->status[CENO_VERIFY_FORK]]);
	put_reason(&o, result);
	put_checks(&o, result);
	if (result->read)
		put_proof(&o, result);
	put(&o, "}}}\n");
	return o.length;
}
