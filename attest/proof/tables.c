/*
 * The fields of a proof, in canonical key order, with who vouches for each:
 * R recomputed from the file, X cross-checked against another signed value,
 * A asserted by the measured warden (seal: by attest). docs/proof-format.md lists
 * the same fields; tests/unit/proof keeps the two equal.
 */
#include "schema.h"
#include "../../guest-kernel/abi/layout.h"

/* Tables, one field a line. */
/* clang-format off */

#define MEMBER(type, member) (uint32_t)offsetof(type, member), (uint32_t)sizeof(((type *)0)->member)
#define NUMBER(key, v, type, member, min, max) { key, CENO_FIELD_NUMBER, v, MEMBER(type, member), 0, min, max, NULL }
#define COUNT(key, v, type, member) NUMBER(key, v, type, member, 0, CENO_JSON_NUMBER_MAX)
#define WORD32(key, v, type, member) NUMBER(key, v, type, member, 0, UINT32_MAX)
#define BOOL(key, v, type, member) { key, CENO_FIELD_BOOL, v, MEMBER(type, member), 0, 0, 1, NULL }
#define WORD(key, v, type, member, words) \
	{ key, CENO_FIELD_WORD, v, MEMBER(type, member), 0, 0, sizeof(words) / sizeof((words)[0]) - 1, words }
#define TEXT(key, v, type, member, min, set) \
	{ key, CENO_FIELD_TEXT, v, MEMBER(type, member), 0, min, sizeof(((type *)0)->member) - 1, set }
#define CONST(key, text) { key, CENO_FIELD_CONST, '-', 0, 0, 0, 0, 0, text }
#define HASH(key, v, type, member) { key, CENO_FIELD_HASH, v, MEMBER(type, member), 0, 0, 0, NULL }
#define HASH_OR_NONE(key, v, type, member) { key, CENO_FIELD_HASH_OR_NONE, v, MEMBER(type, member), 0, 0, 0, NULL }
#define HEX(key, v, type, member) { key, CENO_FIELD_HEX, v, MEMBER(type, member), 0, 0, 0, NULL }
#define BASE64(key, v, type, member) { key, CENO_FIELD_BASE64, v, MEMBER(type, member), 0, 0, 0, NULL }
#define BYTES(key, v, type, member, length, min) \
	{ key, CENO_FIELD_BYTES, v, MEMBER(type, member), (uint32_t)offsetof(type, length), min, \
	  sizeof(((type *)0)->member), NULL }
#define OBJECT(key, type, member, schema) { key, CENO_FIELD_OBJECT, '-', MEMBER(type, member), 0, 0, 0, schema }
#define HERE(key, schema) { key, CENO_FIELD_OBJECT, '-', 0, 0, 0, 0, 0, schema }
#define LIST(key, v, type, member, number, min, element) \
	{ key, CENO_FIELD_LIST, v, (uint32_t)offsetof(type, member), (uint32_t)sizeof(((type *)0)->member[0]), number, \
	  min, sizeof(((type *)0)->member) / sizeof(((type *)0)->member[0]), element }
#define COUNTED(type, number) (uint32_t)offsetof(type, number)
#define SCHEMA(name) const struct ceno_schema name = { name##_fields, sizeof(name##_fields) / sizeof(name##_fields[0]) }

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static const char *const cause_words[] = { NULL, "exit", "request", "ttl", "oom", "violation", "crash" };
static const char *const slot_words[] = { "firmware", "trust", "bundle", "boot", "window", "ram", "pack", "image" };
static const char *const rights_words[] = { "read-only", "read-write" };
static const char *const area_words[] = { "window", "pack", "boot", "args", "output" };
static const char *const key_words[] = { "opening", "seed", "fill", "guest" };
static const char *const random_words[] = { "os", "tpm" };
static const char *const fact_words[] = { "unknown", "off", "on" };
static const char *const kvm_words[] = { "unknown", "vmx", "svm", "paging" };
static const char *const cgroup_words[] = { "left", "removed", "none", "unknown" };
static const char *const observer_words[] = { "supervisor and attest", "next supervisor and attest" };
static const char *const nv_words[] = { "none", "certified" };
static const char *const class_words[] = { "none", "general", "PHI", "PII", "financial", "credentials" };
static const char *const land_words[] = { "none", "US", "EU", "UK", "CA", "AU", "IN", "OTHER" };

static const struct ceno_field hash_element = { NULL, CENO_FIELD_HASH, 'R', 0, 32, 0, 0, 0, NULL };
static const struct ceno_field id_element = { NULL, CENO_FIELD_HEX, 'A', 0, 16, 0, 0, 0, NULL };

/* ---- core ---- */
#define T struct ceno_proof_platform
static const struct ceno_field ceno_schema_platform_fields[] = {
	WORD32("abi", 'A', T, abi_version),
	HASH("bundle", 'A', T, bundle),
	HASH("filter", 'X', T, filter),
	HASH("firmware", 'A', T, firmware),
	HASH_OR_NONE("image", 'A', T, image),
	BOOL("test_key", 'A', T, test_key),
	HASH("trust", 'A', T, trust),
	TEXT("trust_name", 'A', T, trust_name, 0, LETTERS DIGITS " ._:()-"),
	HASH("vmm", 'A', T, vmm),
};
SCHEMA(ceno_schema_platform);
#undef T
#define T struct ceno_proof_core
static const struct ceno_field ceno_schema_core_fields[] = {
	WORD("classification", 'A', T, classification, class_words),
	WORD("jurisdiction", 'A', T, jurisdiction, land_words),
	NUMBER("mem_total", 'X', T, mem_total, CENO_PROOF_CHUNK, CENO_PROOF_MEM_MAX),
	NUMBER("page_bytes", 'A', T, page_bytes, 4096, 4096),
	OBJECT("platform", T, platform, &ceno_schema_platform),
	NUMBER("pledge_mask", 'X', T, pledge_mask, 0, 255),
	HASH_OR_NONE("record_commit", 'A', T, record_commit),
	HASH("request_commit", 'X', T, request_commit),
	BASE64("rp_nonce", 'X', T, rp_nonce),
	HEX("session_id", 'X', T, session_id),
	BASE64("signer_pub", 'X', T, signer_pub),
	HASH_OR_NONE("tenant_ref", 'A', T, tenant_ref),
	TEXT("version", 'A', T, version, 1, LETTERS DIGITS ".+-"),
};
SCHEMA(ceno_schema_core);
#undef T

/* ---- step 1 ---- */
#define T struct ceno_proof_slot
static const struct ceno_field slot_schema_fields[] = {
	NUMBER("bytes", 'A', T, bytes, 1, CENO_JSON_NUMBER_MAX),
	COUNT("gpa", 'A', T, gpa),
	WORD("kind", 'A', T, kind, slot_words),
	WORD("rights", 'A', T, rights, rights_words),
};
static SCHEMA(slot_schema);
static const struct ceno_field slot_element = HERE(NULL, &slot_schema);
#undef T
#define T struct ceno_proof_cpu
static const struct ceno_field cpu_schema_fields[] = {
	COUNT("cr0", 'A', T, cr0),
	COUNT("cr4", 'A', T, cr4),
	COUNT("efer", 'A', T, efer),
	WORD32("offered", 'A', T, offered),
};
static SCHEMA(cpu_schema);
#undef T
#define T struct ceno_proof_isolation
static const struct ceno_field step1_schema_fields[] = {
	COUNT("cap_eff", 'A', T, cap_eff),
	WORD("cause", 'A', T, cause, cause_words),
	OBJECT("cpu", T, cpu, &cpu_schema),
	HASH("filter", 'X', T, filter),
	BOOL("no_new_privs", 'A', T, no_new_privs),
	NUMBER("pledge_mask", 'X', T, pledge_mask, 0, 255),
	WORD32("seccomp_mode", 'A', T, seccomp_mode),
	LIST("slots", 'R', T, slots, COUNTED(T, slot_count), 1, &slot_element),
	WORD32("tasks", 'A', T, tasks),
	WORD32("tasks_left", 'A', T, tasks_left),
	NUMBER("trail_bytes", 'A', T, trail_bytes, 0, CENO_TRAIL_BYTES),
	HASH("trail_sha256", 'A', T, trail_sha256),
	WORD32("violation", 'A', T, violation),
	WORD32("wait_status", 'A', T, wait_status),
};
static SCHEMA(step1_schema);
#undef T

/* ---- step 2 ---- */
#define T struct ceno_proof_area
static const struct ceno_field area_schema_fields[] = {
	COUNT("bytes", 'X', T, bytes),
	WORD("kind", 'X', T, kind, area_words),
	COUNT("mismatches", 'A', T, mismatches),
	COUNT("overwritten", 'A', T, overwritten),
	NUMBER("pledge_class", 'A', T, pledge_class, 0, 8),
	COUNT("read_back", 'A', T, read_back),
	BOOL("unmapped", 'A', T, unmapped),
};
static SCHEMA(area_schema);
static const struct ceno_field area_element = HERE(NULL, &area_schema);
#undef T
#define T struct ceno_proof_filesystem
static const struct ceno_field step2_schema_fields[] = {
	LIST("areas", 'X', T, areas, COUNTED(T, area_count), 0, &area_element),
	WORD32("fds_closed", 'A', T, fds_closed),
	BOOL("mount_ns_gone", 'A', T, mount_ns_gone),
};
static SCHEMA(step2_schema);
#undef T

/* ---- step 3 ---- */
#define T struct ceno_proof_overwrite
static const struct ceno_field step3_schema_fields[] = {
	BYTES("bitmap", 'A', T, bitmap, bitmap_bytes, 1),
	COUNT("bytes", 'R', T, bytes),
	BASE64("destroy_nonce", 'R', T, destroy_nonce),
	COUNT("ms", 'X', T, ms),
	NUMBER("passes", 'X', T, passes, 1, CENO_PROOF_PASSES_MAX),
	BASE64("random", 'R', T, random),
	WORD("random_source", 'A', T, random_source, random_words),
	COUNT("st_blocks", 'X', T, st_blocks),
};
static SCHEMA(step3_schema);
#undef T

/* ---- steps 4 and 5 ---- */
#define T struct ceno_proof_key
static const struct ceno_field key_schema_fields[] = {
	NUMBER("bytes", 'A', T, bytes, 1, UINT32_MAX),
	HEX("id", 'A', T, id),
	WORD("kind", 'A', T, kind, key_words),
};
static SCHEMA(key_schema);
static const struct ceno_field key_element = HERE(NULL, &key_schema);
#undef T
#define T struct ceno_proof_keys
static const struct ceno_field step4_schema_fields[] = {
	LIST("keys", 'A', T, keys, COUNTED(T, key_count), 0, &key_element),
	BOOL("read_back", 'A', T, read_back),
};
static SCHEMA(step4_schema);
#undef T
#define T struct ceno_proof_tokens
static const struct ceno_field step5_schema_fields[] = {
	LIST("ids", 'A', T, ids, COUNTED(T, id_count), 0, &id_element),
	HEX("key_id", 'A', T, key_id),
	WORD32("tokens", 'R', T, token_count),
	BOOL("zeroized", 'A', T, zeroized),
};
static SCHEMA(step5_schema);
#undef T

/* ---- step 6 ---- */
#define T struct ceno_proof_host
static const struct ceno_field host_schema_fields[] = {
	NUMBER("cgroup_version", 'A', T, cgroup_version, 0, 2),
	WORD("compact_unevictable", 'A', T, compact_unevictable, fact_words),
	WORD("dumpable", 'A', T, dumpable, fact_words),
	WORD("hibernation", 'A', T, hibernation, fact_words),
	WORD("huge_pages", 'A', T, huge_pages, fact_words),
	WORD("init_on_free", 'A', T, init_on_free, fact_words),
	WORD("kdump", 'A', T, kdump, fact_words),
	TEXT("kernel", 'A', T, kernel, 1, LETTERS DIGITS ".+_~-"),
	WORD("ksm", 'A', T, ksm, fact_words),
	WORD("kvm", 'A', T, kvm, kvm_words),
	WORD("npt", 'A', T, npt, fact_words),
	WORD("numa_balancing", 'A', T, numa_balancing, fact_words),
	WORD("swap", 'A', T, swap, fact_words),
	WORD("zswap", 'A', T, zswap, fact_words),
};
static SCHEMA(host_schema);
#undef T
#define T struct ceno_proof_forensic
static const struct ceno_field step6_schema_fields[] = {
	COUNT("compared_bytes", 'R', T, compared_bytes),
	OBJECT("host", T, host, &host_schema),
	COUNT("mismatches", 'A', T, mismatches),
	LIST("roots", 'R', T, roots, COUNTED(T, root_count), 1, &hash_element),
	CONST("vcpu_state", "freed by kernel"),
	BOOL("write_sealed", 'A', T, write_sealed),
};
static SCHEMA(step6_schema);
#undef T

/* ---- step 7, timing, sanitization ---- */
#define T struct ceno_proof_chain_seal
static const struct ceno_field step7_schema_fields[] = {
	HASH("c6", 'R', T, c6),
	HASH("sanitization", 'R', T, sanitization),
	COUNT("sealed_us", 'A', T, sealed_us),
	HASH("timing", 'R', T, timing),
};
static SCHEMA(step7_schema);
#undef T
#define T struct ceno_proof_span
static const struct ceno_field span_schema_fields[] = {
	COUNT("begin_us", 'A', T, begin_us),
	COUNT("end_us", 'A', T, end_us),
};
static SCHEMA(span_schema);
static const struct ceno_field span_element = HERE(NULL, &span_schema);
#undef T
#define T struct ceno_proof_timing
static const struct ceno_field ceno_schema_timing_fields[] = {
	CONST("clock", "CLOCK_MONOTONIC"),
	COUNT("compared_us", 'A', T, compared_us),
	COUNT("launched_us", 'A', T, launched_us),
	COUNT("read_back_us", 'A', T, read_back_us),
	COUNT("started_unix_ms", 'A', T, started_unix_ms),
	LIST("steps", 'A', T, steps, CENO_FIELD_NO_COUNT, 6, &span_element),
	COUNT("stopped_us", 'A', T, stopped_us),
	COUNT("zeroed_us", 'A', T, zeroed_us),
};
SCHEMA(ceno_schema_timing);
#undef T
#define T struct ceno_proof_sanitization
static const struct ceno_field ceno_schema_sanitization_fields[] = {
	CONST("category", "clear"),
	CONST("keys", "zeroization"),
	NUMBER("passes", 'X', T, passes, 1, CENO_PROOF_PASSES_MAX),
	CONST("standard", "NIST SP 800-88r2"),
	CONST("technique", "keyed overwrite, read-back, zero, compare"),
};
SCHEMA(ceno_schema_sanitization);
#undef T

/* ---- statement ---- */
#define T struct ceno_proof_statement
#define STEP(n, op, member) \
	static const struct ceno_field step##n##_entry_fields[] = { \
		OBJECT("evidence", T, member, &step##n##_schema), \
		CONST("op", op), \
		{ "step", CENO_FIELD_FIXED, '-', 0, 0, 0, n, n, NULL }, \
	}; \
	static SCHEMA(step##n##_entry)
STEP(1, "isolation_teardown", isolation);
STEP(2, "filesystem_destruction", filesystem);
STEP(3, "memory_overwrite", overwrite);
STEP(4, "key_zeroization", keys);
STEP(5, "credential_incineration", tokens);
STEP(6, "forensic_verification", forensic);
STEP(7, "chain_seal", chain);
static const struct ceno_field steps_fields[] = {
	HERE(NULL, &step1_entry), HERE(NULL, &step2_entry), HERE(NULL, &step3_entry), HERE(NULL, &step4_entry),
	HERE(NULL, &step5_entry), HERE(NULL, &step6_entry), HERE(NULL, &step7_entry),
};
static SCHEMA(steps);
static const struct ceno_field predicate_fields[] = {
	OBJECT("core", T, core, &ceno_schema_core),
	OBJECT("sanitization", T, sanitization, &ceno_schema_sanitization),
	{ "steps", CENO_FIELD_TUPLE, '-', 0, 0, 0, 0, 0, &steps },
	OBJECT("timing", T, timing, &ceno_schema_timing),
};
static SCHEMA(predicate);
#undef T
static const struct ceno_field digest_fields[] = { HEX("sha256", 'R', struct ceno_proof_document, subject) };
static SCHEMA(digest);
static const struct ceno_field subject_fields[] = {
	HERE("digest", &digest),
	CONST("name", CENO_PROOF_SUBJECT_NAME),
};
static SCHEMA(subject);
static const struct ceno_field subjects_fields[] = { HERE(NULL, &subject) };
static SCHEMA(subjects);
static const struct ceno_field ceno_schema_document_fields[] = {
	CONST("_type", CENO_PROOF_STATEMENT_TYPE),
	OBJECT("predicate", struct ceno_proof_document, statement, &predicate),
	CONST("predicateType", CENO_PROOF_PREDICATE_TYPE),
	{ "subject", CENO_FIELD_TUPLE, '-', 0, 0, 0, 0, 0, &subjects },
};
SCHEMA(ceno_schema_document);

const struct ceno_schema *const ceno_schema_steps[7] = {
	&step1_schema, &step2_schema, &step3_schema, &step4_schema, &step5_schema, &step6_schema, &step7_schema,
};
const uint32_t ceno_schema_step_offset[7] = {
	offsetof(struct ceno_proof_statement, isolation), offsetof(struct ceno_proof_statement, filesystem),
	offsetof(struct ceno_proof_statement, overwrite), offsetof(struct ceno_proof_statement, keys),
	offsetof(struct ceno_proof_statement, tokens), offsetof(struct ceno_proof_statement, forensic),
	offsetof(struct ceno_proof_statement, chain),
};

/* ---- seal ---- */
#define T struct ceno_proof_step8
static const struct ceno_field ceno_schema_step8_fields[] = {
	WORD("cgroup", 'A', T, cgroup, cgroup_words),
	NUMBER("launch_index", 'X', T, launch_index, 0, 1ull << CENO_PROOF_INCLUSION_MAX),
	WORD("observer", 'A', T, observer, observer_words),
	HASH("payload_sha256", 'R', T, payload_sha256),
	COUNT("peak_bytes", 'A', T, peak_bytes),
	HASH("signature_sha256", 'R', T, signature_sha256),
	WORD32("warden_status", 'A', T, warden_status),
};
SCHEMA(ceno_schema_step8);
#undef T
#define T struct ceno_proof_seal
static const struct ceno_field batch_schema_fields[] = {
	BYTES("checkpoint", 'X', T, checkpoint, checkpoint_bytes, 1),
	NUMBER("index", 'R', T, batch.index, 0, 1ull << CENO_PROOF_INCLUSION_MAX),
	LIST("proof", 'R', T, batch.path, COUNTED(T, batch.count), 0, &hash_element),
};
static SCHEMA(batch_schema);
#undef T
#define T struct ceno_proof_launch
static const struct ceno_field launch_schema_fields[] = {
	NUMBER("index", 'R', T, inclusion.index, 0, 1ull << CENO_PROOF_INCLUSION_MAX),
	LIST("proof", 'R', T, inclusion.path, COUNTED(T, inclusion.count), 0, &hash_element),
	WORD32("reset_count", 'X', T, reset_count),
	WORD32("restart_count", 'X', T, restart_count),
};
static SCHEMA(launch_schema);
#undef T
#define T struct ceno_proof_node
static const struct ceno_field ceno_schema_node_fields[] = {
	HASH_OR_NONE("ak_binding", 'X', T, ak_binding),
	BYTES("ak_public", 'X', T, ak_public, ak_public_bytes, 1),
	HASH_OR_NONE("epoch_log_sha256", 'A', T, epoch_log_sha256),
	BASE64("log_pub", 'X', T, log_pub),
	TEXT("origin", 'X', T, origin, 1, LETTERS DIGITS "./_-"),
};
SCHEMA(ceno_schema_node);
#undef T
#define T struct ceno_proof_nv
static const struct ceno_field nv_schema_fields[] = {
	BYTES("attest", 'R', T, attest, attest_bytes, 0),
	WORD("kind", 'A', T, certified, nv_words),
	BASE64("signature", 'R', T, signature),
	{ "value", CENO_FIELD_DECIMAL, 'X', MEMBER(T, value), 0, 0, UINT64_MAX, NULL },
};
static SCHEMA(nv_schema);
#undef T
#define T struct ceno_proof_quote
static const struct ceno_field quote_schema_fields[] = {
	BYTES("attest", 'R', T, attest, attest_bytes, 1),
	LIST("pcrs", 'R', T, pcrs, CENO_FIELD_NO_COUNT, CENO_PROOF_PCRS, &hash_element),
	BASE64("signature", 'R', T, signature),
};
static SCHEMA(quote_schema);
#undef T
#define T struct ceno_proof_seal
static const struct ceno_field seal_schema_fields[] = {
	HERE("batch", &batch_schema),
	OBJECT("launch", T, launch, &launch_schema),
	OBJECT("node", T, node, &ceno_schema_node),
	OBJECT("nv", T, nv, &nv_schema),
	OBJECT("quote", T, quote, &quote_schema),
	OBJECT("step8", T, step8, &ceno_schema_step8),
};
static SCHEMA(seal_schema);
#undef T

/* ---- file ---- */
#define T struct ceno_proof_envelope
static const struct ceno_field signature_schema_fields[] = {
	HASH("keyid", 'R', T, keyid),
	BASE64("sig", 'R', T, signature),
};
static SCHEMA(signature_schema);
static const struct ceno_field signatures_fields[] = { HERE(NULL, &signature_schema) };
static SCHEMA(signatures);
static const struct ceno_field dsse_schema_fields[] = {
	BYTES("payload", 'R', T, payload, payload_bytes, 1),
	CONST("payloadType", CENO_PROOF_PAYLOAD_TYPE),
	{ "signatures", CENO_FIELD_TUPLE, '-', 0, 0, 0, 0, 0, &signatures },
};
static SCHEMA(dsse_schema);
static const struct ceno_field ceno_schema_envelope_fields[] = {
	{ "cdp", CENO_FIELD_VERSION, '-', 0, 0, 0, 0, 0, CENO_PROOF_CDP_VERSION },
	HERE("dsse", &dsse_schema),
	OBJECT("seal", T, seal, &seal_schema),
};
SCHEMA(ceno_schema_envelope);
#undef T
