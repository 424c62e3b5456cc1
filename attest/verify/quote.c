/*
 * Stage 9: the quote and the counter. The scheme comes from the attestation key
 * alone; nothing the signature's container says is believed.
 */
#include "ladder.h"
#include "tpm.h"
#include "../proof/hash.h"

#include <string.h>

/* Name of an object: nameAlg | SHA-256(TPMT_PUBLIC). */
void ceno_verify_ak_digest(const uint8_t *ak_public, size_t bytes, uint8_t ak[32])
{
	crypto_hash_sha256(ak, ak_public, bytes);
}

/* Qualified name of a primary of the endorsement hierarchy (part 1, 16.2): nameAlg |
 * SHA-256(handle | name). An AK of another hierarchy has obfuscated counters. */
static void qualified_name(const uint8_t ak[32], uint8_t name[34])
{
	uint8_t text[4 + 2 + 32] = { 0x40, 0, 0, 0x0b, 0, CENO_TPM_ALG_SHA256 };
	memcpy(text + 6, ak, 32);
	name[0] = 0;
	name[1] = CENO_TPM_ALG_SHA256;
	crypto_hash_sha256(name + 2, text, sizeof(text));
}

static bool attributes_ok(uint32_t attributes)
{
	uint32_t must = CENO_TPMA_FIXED_TPM | CENO_TPMA_FIXED_PARENT | CENO_TPMA_SENSITIVE_DATA_ORIGIN |
	    CENO_TPMA_RESTRICTED | CENO_TPMA_SIGN;
	return (attributes & must) == must && (attributes & CENO_TPMA_DECRYPT) == 0;
}

static bool check_key(struct ceno_ladder *l, struct ceno_tpm_public *ak)
{
	const struct ceno_proof_node *node = &l->envelope.seal.node;
	int form = ceno_tpm_public_parse(node->ak_public, node->ak_public_bytes, ak);
	ceno_verify_ak_digest(node->ak_public, node->ak_public_bytes, l->result->ak);
	if (!ceno_need(l, CENO_VERIFY_AK_FORM, form == 0))
		return false;
	ceno_check(l, CENO_VERIFY_AK_ATTRIBUTES, attributes_ok(ak->attributes));
	ceno_check(l, CENO_VERIFY_AK_SCHEME,
	           ak->name_alg == CENO_TPM_ALG_SHA256 && ak->scheme == CENO_TPM_ALG_ECDSA &&
	               ak->scheme_hash == CENO_TPM_ALG_SHA256 && ak->curve == CENO_TPM_ECC_NIST_P256);
	return true;
}

static bool selection_ok(const struct ceno_tpm_attest *q)
{
	if (q->selection_hash != CENO_TPM_ALG_SHA256 || q->selection_bytes < 2)
		return false;
	for (uint8_t i = 0; i < q->selection_bytes; i++)
		if (q->selection[i] != (i < 2 ? 0xff : 0)) /* PCR 0 to 15, no other */
			return false;
	return true;
}

static bool pcrs_ok(const struct ceno_ladder *l, const struct ceno_tpm_attest *q)
{
	uint8_t digest[32];
	crypto_hash_sha256(digest, l->envelope.seal.quote.pcrs[0], sizeof(l->envelope.seal.quote.pcrs));
	return q->digest_bytes == 32 && memcmp(q->digest, digest, 32) == 0;
}

/* What both attestations of one node must share. */
static bool signer_ok(const struct ceno_ladder *l, const struct ceno_tpm_attest *a)
{
	uint8_t name[34];
	qualified_name(l->result->ak, name);
	return a->signer_bytes == sizeof(name) && memcmp(a->signer, name, sizeof(name)) == 0;
}

static bool extra_ok(const struct ceno_tpm_attest *a, const uint8_t want[32])
{
	return a->extra_bytes == 32 && memcmp(a->extra, want, 32) == 0;
}

static void check_nv(struct ceno_ladder *l, const struct ceno_tpm_public *ak, const struct ceno_tpm_attest *quote,
                     const uint8_t extra_data[32])
{
	static const uint8_t zeros[64];
	const struct ceno_proof_nv *nv = &l->envelope.seal.nv;
	struct ceno_tpm_attest a;
	uint8_t want[32], value[8];
	if (!nv->certified) {
		ceno_check(l, CENO_VERIFY_NV_FORM,
		           nv->attest_bytes == 0 && nv->value == 0 && memcmp(nv->signature, zeros, sizeof(zeros)) == 0);
		return;
	}
	int form = ceno_tpm_attest_parse(nv->attest, nv->attest_bytes, CENO_TPM_ST_ATTEST_NV, &a);
	bool shape = form == 0 && a.magic == CENO_TPM_GENERATED && a.type == CENO_TPM_ST_ATTEST_NV &&
	    a.contents_bytes == 8 && a.offset == 0;
	if (!ceno_need(l, CENO_VERIFY_NV_FORM, shape))
		return;
	ceno_check(l, CENO_VERIFY_NV_SIGNATURE,
	           ceno_tpm_ecdsa_verify_low(ak, nv->attest, nv->attest_bytes, nv->signature));
	ceno_proof_nv_data(extra_data, want);
	ceno_check(l, CENO_VERIFY_NV_DATA,
	           extra_ok(&a, want) && signer_ok(l, &a) && a.reset_count == quote->reset_count &&
	               a.restart_count == quote->restart_count);
	ceno_store_be64(value, nv->value);
	ceno_check(l, CENO_VERIFY_NV_VALUE, a.contents_bytes == 8 && memcmp(a.contents, value, 8) == 0);
}

static void check_quote(struct ceno_ladder *l, const struct ceno_tpm_public *ak)
{
	const struct ceno_proof_seal *seal = &l->envelope.seal;
	struct ceno_tpm_attest q;
	uint8_t want[32] = { 0 };
	int form = ceno_tpm_attest_parse(seal->quote.attest, seal->quote.attest_bytes, CENO_TPM_ST_ATTEST_QUOTE, &q);
	if (!ceno_need(l, CENO_VERIFY_QUOTE_FORM, form == 0))
		return;
	ceno_check(l, CENO_VERIFY_QUOTE_MAGIC, q.magic == CENO_TPM_GENERATED);
	ceno_check(l, CENO_VERIFY_QUOTE_TYPE, q.type == CENO_TPM_ST_ATTEST_QUOTE);
	ceno_check(l, CENO_VERIFY_QUOTE_SIGNATURE,
	           ceno_tpm_ecdsa_verify_low(ak, seal->quote.attest, seal->quote.attest_bytes, seal->quote.signature));
	ceno_check(l, CENO_VERIFY_QUOTE_SIGNER, signer_ok(l, &q));
	(void)ceno_proof_quote_data(seal->checkpoint, seal->checkpoint_bytes, &seal->node, seal->nv.value, want);
	ceno_check(l, CENO_VERIFY_QUOTE_DATA, extra_ok(&q, want));
	ceno_check(l, CENO_VERIFY_QUOTE_SELECTION, selection_ok(&q));
	ceno_check(l, CENO_VERIFY_QUOTE_PCRS, pcrs_ok(l, &q));
	ceno_check(l, CENO_VERIFY_RESET,
	           q.reset_count == seal->launch.reset_count && q.restart_count == seal->launch.restart_count);
	l->result->clock_ms = q.clock_ms;
	l->result->reset_count = q.reset_count;
	l->result->restart_count = q.restart_count;
	check_nv(l, ak, &q, want);
}

void ceno_stage_quote(struct ceno_ladder *l)
{
	struct ceno_tpm_public ak;
	if (!l->stopped && check_key(l, &ak))
		check_quote(l, &ak);
}
