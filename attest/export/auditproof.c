/* AuditProof 2.1: see auditproof.h. Members are written in JCS order; every string is plain ASCII. */
#include "auditproof.h"
#include "attest/proof/out.h"
#include "attest/proof/schema.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define STEPS     8u
#define TIME_MAX  32u
#define PARTS_MAX 8192u

/* The format's names of its steps, which every verifier has as constants too; and what we did. */
static const struct {
	const char *subsystem, *method, *operation;
} steps[STEPS] = {
	{ "eee_namespace", "procfs_verification", "isolation_teardown" },
	{ "eee_tmpfs", "mountinfo_verification", "filesystem_destruction" },
	{ "eee_memory", "dod_5220_multipass_wipe", "memory_overwrite" },
	{ "dire_keys", "ed25519_key_destruction", "key_zeroization" },
	{ "dire_identity", "credential_incineration", "credential_incineration" },
	{ "fgx_forensic", "merkle_tree_verification", "forensic_verification" },
	{ "rzl_audit", "hash_chain_validation", "chain_seal" },
	{ "capsule_destroy", "capsule_lifecycle_verification", "lifecycle_completion" },
};

static void sha512_hex(const void *bytes, size_t length, char text[129])
{
	uint8_t digest[64];
	crypto_hash_sha512(digest, bytes, length);
	hex(digest, sizeof(digest), text);
}

/* SHA-512 of the evidence of a step, 0 to 7, as it stands in the proof. Returns 0 or -1. */
static int evidence_hash(const struct ceno_verify_result *r, uint32_t step, char hash[129])
{
	static char text[CENO_PAYLOAD_MAX];
	struct ceno_json_writer w;
	ceno_json_writer_init(&w, text, sizeof(text));
	if (step < 7)
		ceno_schema_write(ceno_schema_steps[step],
		                  (const uint8_t *)&r->statement + ceno_schema_step_offset[step], &w);
	else
		ceno_schema_write(&ceno_schema_step8, &r->seal.step8, &w);
	sha512_hex(text, w.length, hash);
	return w.error ? -1 : 0;
}

/* One link; hash: the one before, then this one. */
static void link_hash(uint32_t step, const char *at, char hash[129])
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%s%c%s%cdestroy%c%s%c%s", hash, 0, steps[step].subsystem, 0, 0,
	                 steps[step].method, 0, at);
	sha512_hex(text, (size_t)n, hash);
}

/* The chain as an array, and its last link. Returns 0 or -1. */
static int put_chain(struct out *o, const struct ceno_verify_result *r, const char *at, char last[129])
{
	char evidence[129];
	sha512_hex("", 0, last);
	put(o, "[");
	for (uint32_t i = 0; i < STEPS; i++) {
		if (evidence_hash(r, i, evidence))
			return -1;
		link_hash(i, at, last);
		put(o,
		    "%s{\"chain_hash\":\"sha512:%s\",\"evidence_hash\":\"sha512:%s\",\"operation\":\"%s\",\"step\":%u,"
		    "\"subsystem\":\"%s\"}",
		    i ? "," : "", last, evidence, steps[i].operation, i + 1, steps[i].subsystem);
	}
	put(o, "]");
	return is_whole(o) ? 0 : -1;
}

/* What it was made from, and what it is not: the one entry of the activity trail, and so signed. */
static void put_activity(struct out *o, const struct ceno_verify_result *r, const void *file, size_t bytes)
{
	uint8_t digest[32];
	char proof[65], c8[65], platform[65];
	crypto_hash_sha256(digest, file, bytes);
	put(o,
	    "[{\"c8\":\"sha256:%s\",\"labels\":\"subsystem and method words are constants of the AuditProof format, "
	    "not "
	    "claims of this node; what was done is in the Cenotaph proof of this SHA-256, and evidence_hash is the "
	    "SHA-512 "
	    "of each step's evidence "
	    "there\",\"platform\":\"sha256:%s\",\"proof\":\"sha256:%s\",\"type\":\"cenotaph_proof\"}]",
	    hex(r->chain[8], 32, c8), hex(r->platform, 32, platform), hex(digest, 32, proof));
}

static int format_time(uint64_t unix_ms, char text[TIME_MAX])
{
	time_t at = (time_t)(unix_ms / 1000);
	struct tm tm;
	return gmtime_r(&at, &tm) && tm.tm_year < 8000 && strftime(text, TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) ? 0 : -1;
}

struct document {
	char activity[1024], chain[PARTS_MAX], last[129], capsule[37], authority[96], started[TIME_MAX],
	    ended[TIME_MAX];
	const char *jurisdiction;
};

/* The 15 fields that are signed, hashed: hex of SHA-512, which is the message. */
static int message_of(const struct document *d, char hash[129])
{
	static char text[PARTS_MAX + 4096];
	struct out o = { text, 0, sizeof(text) };
	put(&o,
	    "{\"activity_trail\":%s,\"attestation\":{\"attestation_chain_fingerprint\":null,\"timestamp_attestation\":"
	    "null},"
	    "\"authority_id\":\"%s\",\"capsule_id\":\"%s\",\"destruction_chain\":%s,\"destruction_failure_step\":null,"
	    "\"destruction_state\":\"complete\",\"hash_algorithm\":\"SHA-512\",\"jurisdiction\":\"%s\",\"org_id\":\"\","
	    "\"runtime_attestation\":null,\"signature_algorithm\":\"Ed25519\",\"signing_key_version\":1,"
	    "\"signing_mode\":\"nanorix_only\",\"version\":\"2.1\"}",
	    d->activity, d->authority, d->capsule, d->chain, d->jurisdiction);
	if (!is_whole(&o))
		return -1;
	sha512_hex(text, o.length, hash);
	return 0;
}

static int prepare(struct document *d, const struct ceno_verify_result *r, const void *file, size_t bytes)
{
	static const char *const lands[] = { "none", "US", "EU", "UK", "CA", "AU", "IN", "OTHER" };
	const struct ceno_proof_core *core = &r->statement.core;
	const struct ceno_proof_timing *t = &r->statement.timing;
	struct out activity = { d->activity, 0, sizeof(d->activity) }, chain = { d->chain, 0, sizeof(d->chain) };
	uint64_t ended = t->started_unix_ms + r->statement.chain.sealed_us / 1000;
	char id[33];
	d->jurisdiction = lands[core->jurisdiction];
	snprintf(d->capsule, sizeof(d->capsule), "cap_%s", hex(core->session_id, 16, id));
	snprintf(d->authority, sizeof(d->authority), "cenotaph:%s", r->seal.node.origin);
	put_activity(&activity, r, file, bytes);
	if (format_time(t->started_unix_ms, d->started) || format_time(ended, d->ended))
		return -1;
	return put_chain(&chain, r, d->ended, d->last) || !is_whole(&activity) ? -1 : 0;
}

size_t ceno_export_auditproof(const struct ceno_verify_result *result, const void *file, size_t bytes,
                              const uint8_t secret[64], char *text, size_t capacity)
{
	static const char *const causes[] = { "", "exit", "request", "ttl", "oom", "violation", "crash" };
	static struct document d;
	struct out o = { text, 0, capacity };
	uint8_t signature[64];
	char message[129], sig[sodium_base64_ENCODED_LEN(64, sodium_base64_VARIANT_ORIGINAL)],
	    pub[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL)];
	if (!result->read || prepare(&d, result, file, bytes) || message_of(&d, message))
		return 0;
	crypto_sign_ed25519_detached(signature, NULL, (const uint8_t *)message, 128, secret);
	sodium_bin2base64(sig, sizeof(sig), signature, 64, sodium_base64_VARIANT_ORIGINAL);
	sodium_bin2base64(pub, sizeof(pub), secret + 32, 32, sodium_base64_VARIANT_ORIGINAL);
	put(&o,
	    "{\"activity\":%s,\"attestation\":{\"algorithm\":\"Ed25519\",\"key_id\":\"cenotaph export key\","
	    "\"public_key\":\"base64:%s\",\"signature\":\"base64:%s\"},\"authority_id\":\"%s\",\"capsule_id\":\"%s\","
	    "\"cdp_version\":\"2.1\",\"chain\":%s,\"destroyed_at\":\"%s\",\"destruction_state\":\"complete\","
	    "\"destruction_trigger\":\"%s\",\"final_hash\":\"sha512:%s\",\"hash_algorithm\":\"SHA-512\","
	    "\"jurisdiction\":\"%s\",\"org_id\":\"\",\"residency\":{\"destroyed\":\"%s\",\"started\":\"%s\","
	    "\"total_seconds\":%" PRIu64 "},\"signature_algorithm\":\"Ed25519\",\"signing_key_version\":\"1\","
	    "\"signing_mode\":\"nanorix_only\"}",
	    d.activity, pub, sig, d.authority, d.capsule, d.chain, d.ended, causes[result->statement.isolation.cause],
	    d.last, d.jurisdiction, d.ended, d.started, result->statement.chain.sealed_us / 1000000);
	return is_whole(&o) ? o.length : 0;
}
