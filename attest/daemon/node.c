/*
 * The answer to `ceno attest`: one line of JSON, keys in canonical order, about
 * this node's TPM, keys and log, with a quote by the raw AK over
 * SHA-256("CDP/v1/node"|0|nonce). "tpm" is what the TPM says of itself; only what
 * the quote signs is evidence. ak_* is the raw AK that signed, seal_ak_* the one
 * that seals proofs. Bytes are base64, hashes "sha256:" and hex. For an enrolment:
 * the endorsement key, its certificate and those above it (empty: none), and the seal AK. "epoch" is the leaf
 * that opened this run: its parts are the AKs' names, the three keys, the event log and the counter at start.
 */
#include <string.h>

#include "attest/daemon/attestd.h"
#include "attest/proof/out.h"

static void put_base64(struct out *o, const void *bytes, size_t n)
{
	size_t need = sodium_base64_ENCODED_LEN(n, sodium_base64_VARIANT_ORIGINAL);
	if (is_whole(o) && need <= o->capacity - o->length)
		sodium_bin2base64(o->text + o->length, need, bytes, n, sodium_base64_VARIANT_ORIGINAL);
	o->length += need - 1;
}

static void put_bytes(struct out *o, const char *key, const void *bytes, size_t n)
{
	put(o, "\"%s\":\"", key);
	put_base64(o, bytes, n);
	put(o, "\",");
}

static const char *kind_word(enum ceno_tpm_kind kind)
{
	switch (kind) {
	case CENO_TPM_KIND_SOFTWARE:
		return "software";
	case CENO_TPM_KIND_VIRTUAL:
		return "vtpm";
	case CENO_TPM_KIND_FIRMWARE:
		return "ftpm";
	default:
		return "dtpm";
	}
}

size_t ceno_attestd_node_json(const struct ceno_attestd *d, const uint8_t nonce[32], const struct ceno_tpm_quote *quote,
                              char *out, size_t size)
{
	struct out o = { out, 0, size };
	const struct ceno_tpm_ak *raw = &d->tpm.ak[CENO_TPM_KEY_RAW], *seal = &d->tpm.ak[CENO_TPM_KEY_SEAL];
	const struct ceno_tpm_properties *p = &d->tpm.properties;
	uint8_t signature[64];
	char text[2 * 34 + 1];
	memcpy(signature, quote->r, 32);
	memcpy(signature + 32, quote->s, 32);
	put(&o, "{\"ak_name\":\"%s\",", hex(raw->name, CENO_TPM_NAME_BYTES, text));
	put_bytes(&o, "ak_public", raw->public_area, raw->public_bytes);
	put_bytes(&o, "checkpoint", d->checkpoint, d->checkpoint_bytes);
	bool measured = !sodium_is_zero(d->node.epoch_log_sha256, 32);
	put(&o, "\"epoch\":{\"event_log\":\"%s%s\",\"index\":%llu,\"nv\":\"%llu\"},", measured ? "sha256:" : "none",
	    measured ? hex(d->node.epoch_log_sha256, 32, text) : "", (unsigned long long)d->epoch_index,
	    (unsigned long long)d->epoch_nv);
	put_bytes(&o, "export_pub", d->export_secret + 32, 32);
	put_bytes(&o, "identity_pub", d->identity_secret + 32, 32);
	put_bytes(&o, "log_pub", d->node.log_pub, 32);
	put_bytes(&o, "nonce", nonce, 32);
	put(&o, "\"origin\":\"%s\",\"pcrs\":[", d->node.origin);
	for (int i = 0; i < CENO_TPM_PCRS; i++)
		put(&o, "%s\"sha256:%s\"", i ? "," : "", hex(quote->pcr[i], 32, text));
	put(&o, "],");
	put_bytes(&o, "quote", quote->attest, quote->attest_bytes);
	put(&o, "\"seal_ak_name\":\"%s\",", hex(seal->name, CENO_TPM_NAME_BYTES, text));
	put_bytes(&o, "seal_ak_public", seal->public_area, seal->public_bytes);
	put_bytes(&o, "signature", signature, 64);
	put(&o,
	    "\"tpm\":{\"firmware\":\"%016llx\",\"kind\":\"%s\",\"manufacturer\":\"%s\",\"nv_counter\":\"%llu\","
	    "\"ours\":%s,\"vendor\":\"%s\"}}",
	    (unsigned long long)p->firmware_version, kind_word(p->kind), p->manufacturer,
	    (unsigned long long)(d->tpm.counted ? d->tpm.counter : 0), d->tpm.tcti ? "false" : "true", p->vendor);
	return is_whole(&o) ? o.length : 0;
}

/*
 * The evidence that the TPM verifier of Confidential Containers' Trustee takes: key as SubjectPublicKeyInfo,
 * TPMS_ATTEST, TPMT_SIGNATURE as marshalled, PCRs in hex in the order of their numbers.
 */
size_t ceno_attestd_report_json(const struct ceno_tpm_report *report, char *out, size_t size)
{
	struct out o = { out, 0, size };
	uint8_t signature[6 + sizeof(report->signature)] = { 0, 0x14, 0, 0x0b, 1, 0 }; /* RSASSA, SHA-256, 256 bytes */
	char text[65];
	memcpy(signature + 6, report->signature, sizeof(report->signature));
	put(&o, "{");
	put_bytes(&o, "ak_public", report->spki, sizeof(report->spki));
	put(&o, "\"tpm_quote\":{");
	put_bytes(&o, "message", report->attest, report->attest_bytes);
	put(&o, "\"pcrs\":[");
	for (int i = 0; i < CENO_TPM_PCRS; i++)
		put(&o, "%s\"%s\"", i ? "," : "", hex(report->pcr[i], 32, text));
	put(&o, "],\"signature\":\"");
	put_base64(&o, signature, sizeof(signature));
	put(&o, "\"}}");
	return is_whole(&o) ? o.length : 0;
}

size_t ceno_attestd_enrol_json(const struct ceno_attestd *d, const struct ceno_tpm_ek *ek, char *out, size_t size)
{
	struct out o = { out, 0, size };
	const struct ceno_tpm_ak *seal = &d->tpm.ak[CENO_TPM_KEY_SEAL];
	put(&o, "{");
	put_bytes(&o, "ek_certificate", ek->certificate, ek->certificate_bytes);
	put_bytes(&o, "ek_chain", ek->chain, ek->chain_bytes);
	put_bytes(&o, "ek_public", ek->public_area, ek->public_bytes);
	put(&o, "\"origin\":\"%s\",\"seal_ak_public\":\"", d->node.origin);
	put_base64(&o, seal->public_area, seal->public_bytes);
	put(&o, "\"}");
	return is_whole(&o) ? o.length : 0;
}
