/*
 * The two attestation keys and quotes.
 *
 * Both templates are the same but for 32 bytes of `unique`, which enter the
 * derivation from the endorsement seed: two keys, each with its one role. Neither
 * template may ever change: the names of every node's keys would change with it.
 */
#include <string.h>
#include <sodium.h>
#include <tss2/tss2_mu.h>

#include "attest/tpm/tpm_internal.h"

/* 32 bytes each, zero-padded. */
static const char key_label[2][33] = { "CDP/v1/ak/seal", "CDP/v1/ak/raw" };

static void key_template(TPM2B_PUBLIC *t, enum ceno_tpm_key key)
{
	memset(t, 0, sizeof(*t));
	TPMT_PUBLIC *p = &t->publicArea;
	p->type = TPM2_ALG_ECC;
	p->nameAlg = TPM2_ALG_SHA256;
	p->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
	    TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT;
	p->parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
	p->parameters.eccDetail.scheme.scheme = TPM2_ALG_ECDSA;
	p->parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
	p->parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
	p->parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
	p->unique.ecc.x.size = 32;
	memcpy(p->unique.ecc.x.buffer, key_label[key], 32);
	p->unique.ecc.y.size = 32;
}

/* A big-endian integer of at most 32 bytes, left-padded. */
static bool take_scalar(const TPM2B_ECC_PARAMETER *in, uint8_t out[32])
{
	if (in->size > 32)
		return false;
	memset(out, 0, 32);
	memcpy(out + 32 - in->size, in->buffer, in->size);
	return true;
}

/* Marshal the public area and compute its name; both must agree with the TPM's. */
static int key_note(struct ceno_tpm *tpm, enum ceno_tpm_key key, const TPM2B_PUBLIC *public_area)
{
	struct ceno_tpm_ak *ak = &tpm->ak[key];
	size_t offset = 0;
	if (Tss2_MU_TPMT_PUBLIC_Marshal(&public_area->publicArea, ak->public_area, sizeof(ak->public_area), &offset))
		return CENO_TPM_REPLY;
	const TPMS_ECC_POINT *point = &public_area->publicArea.unique.ecc;
	if (!take_scalar(&point->x, tpm->point[key]) || !take_scalar(&point->y, tpm->point[key] + 32))
		return CENO_TPM_REPLY;
	ak->public_bytes = offset;
	ak->name[0] = TPM2_ALG_SHA256 >> 8;
	ak->name[1] = TPM2_ALG_SHA256 & 0xff;
	crypto_hash_sha256(ak->name + 2, ak->public_area, ak->public_bytes);

	TPM2B_NAME *name = NULL;
	TSS2_RC rc = Esys_TR_GetName(tpm->esys, tpm->key[key], &name);
	if (rc)
		return ceno_tpm_class(rc);
	bool same = name->size == CENO_TPM_NAME_BYTES && !memcmp(name->name, ak->name, CENO_TPM_NAME_BYTES);
	Esys_Free(name);
	return same ? CENO_TPM_OK : CENO_TPM_REPLY;
}

int ceno_tpm_make_key(struct ceno_tpm *tpm, enum ceno_tpm_key key)
{
	TPM2B_PUBLIC template, *public_area = NULL;
	const TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	const TPM2B_DATA outside = { 0 };
	const TPML_PCR_SELECTION none = { 0 };
	key_template(&template, key);
	TSS2_RC rc =
	    Esys_CreatePrimary(tpm->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
	                       &sensitive, &template, &outside, &none, &tpm->key[key], &public_area, NULL, NULL, NULL);
	if (rc) {
		tpm->key[key] = ESYS_TR_NONE;
		return ceno_tpm_class(rc);
	}
	int error = key_note(tpm, key, public_area);
	Esys_Free(public_area);
	return error;
}

int ceno_tpm_take_signed(const struct ceno_tpm *tpm, enum ceno_tpm_key key, const TPM2B_ATTEST *attest,
                         const TPMT_SIGNATURE *signature, TPM2_ST type, const uint8_t extra_data[32],
                         TPMS_ATTEST *parsed, struct ceno_tpm_quote *out)
{
	size_t offset = 0;
	memset(out, 0, sizeof(*out));
	if (attest->size > sizeof(out->attest) ||
	    Tss2_MU_TPMS_ATTEST_Unmarshal(attest->attestationData, attest->size, &offset, parsed) ||
	    offset != attest->size)
		return CENO_TPM_REPLY;
	if (parsed->magic != TPM2_GENERATED_VALUE || parsed->type != type || parsed->extraData.size != 32 ||
	    memcmp(parsed->extraData.buffer, extra_data, 32))
		return CENO_TPM_REPLY;
	if (signature->sigAlg != TPM2_ALG_ECDSA || signature->signature.ecdsa.hash != TPM2_ALG_SHA256 ||
	    !take_scalar(&signature->signature.ecdsa.signatureR, out->r) ||
	    !take_scalar(&signature->signature.ecdsa.signatureS, out->s))
		return CENO_TPM_REPLY;
	memcpy(out->attest, attest->attestationData, attest->size);
	out->attest_bytes = attest->size;
	out->reset_count = parsed->clockInfo.resetCount;
	out->restart_count = parsed->clockInfo.restartCount;
	return ceno_tpm_signed_by(tpm->point[key], out) ? CENO_TPM_OK : CENO_TPM_REPLY;
}

static const TPML_PCR_SELECTION pcr_selection = {
	.count = 1,
	.pcrSelections = { { .hash = TPM2_ALG_SHA256, .sizeofSelect = 3, .pcrSelect = { 0xff, 0xff, 0 } } },
};

TPML_PCR_SELECTION ceno_tpm_selection(void)
{
	return pcr_selection;
}

/* Read PCR 0 to 15: a TPM gives at most eight at a time, so ask for the rest. */
int ceno_tpm_pcrs(struct ceno_tpm *tpm, uint8_t pcr[CENO_TPM_PCRS][32])
{
	TPML_PCR_SELECTION want = pcr_selection;
	uint32_t missing = 0xffff;
	while (missing) {
		want.pcrSelections[0].pcrSelect[0] = (BYTE)(missing & 0xff);
		want.pcrSelections[0].pcrSelect[1] = (BYTE)(missing >> 8);
		TPML_PCR_SELECTION *got = NULL;
		TPML_DIGEST *values = NULL;
		TSS2_RC rc =
		    Esys_PCR_Read(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &want, NULL, &got, &values);
		if (rc)
			return ceno_tpm_class(rc);
		uint32_t given = 0, taken = 0;
		if (got->count == 1 && got->pcrSelections[0].hash == TPM2_ALG_SHA256 &&
		    got->pcrSelections[0].sizeofSelect >= 2)
			given = missing &
			    (got->pcrSelections[0].pcrSelect[0] | (uint32_t)got->pcrSelections[0].pcrSelect[1] << 8);
		for (uint32_t i = 0; i < CENO_TPM_PCRS; i++) {
			if (!(given >> i & 1) || taken >= values->count || values->digests[taken].size != 32)
				continue;
			memcpy(pcr[i], values->digests[taken++].buffer, 32);
			missing &= ~(1u << i);
		}
		Esys_Free(got);
		Esys_Free(values);
		if (!taken)
			return CENO_TPM_REPLY; /* no sha256 bank, or no progress */
	}
	return CENO_TPM_OK;
}

bool ceno_tpm_selects_ours(const TPML_PCR_SELECTION *s)
{
	const TPMS_PCR_SELECTION *p = &s->pcrSelections[0];
	if (s->count != 1 || p->hash != TPM2_ALG_SHA256 || p->sizeofSelect < 2 || p->sizeofSelect > 4)
		return false;
	for (uint32_t i = 2; i < p->sizeofSelect; i++)
		if (p->pcrSelect[i])
			return false;
	return p->pcrSelect[0] == 0xff && p->pcrSelect[1] == 0xff;
}

/* One quote and the values; CHANGED if they do not belong together. */
static int quote_once(struct ceno_tpm *tpm, enum ceno_tpm_key key, const uint8_t extra_data[32],
                      struct ceno_tpm_quote *out)
{
	TPM2B_DATA extra = { .size = 32 };
	const TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL }; /* the key's own */
	TPM2B_ATTEST *attest = NULL;
	TPMT_SIGNATURE *signature = NULL;
	TPMS_ATTEST parsed;
	memcpy(extra.buffer, extra_data, 32);
	TSS2_RC rc = Esys_Quote(tpm->esys, tpm->key[key], ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &extra, &scheme,
	                        &pcr_selection, &attest, &signature);
	if (rc)
		return ceno_tpm_class(rc);
	int error = ceno_tpm_take_signed(tpm, key, attest, signature, TPM2_ST_ATTEST_QUOTE, extra_data, &parsed, out);
	Esys_Free(attest);
	Esys_Free(signature);
	if (!error &&
	    (!ceno_tpm_selects_ours(&parsed.attested.quote.pcrSelect) || parsed.attested.quote.pcrDigest.size != 32))
		error = CENO_TPM_REPLY;
	if (!error)
		error = ceno_tpm_pcrs(tpm, out->pcr);
	if (error)
		return error;
	uint8_t digest[32];
	crypto_hash_sha256(digest, out->pcr[0], sizeof(out->pcr));
	return memcmp(digest, parsed.attested.quote.pcrDigest.buffer, 32) ? CENO_TPM_CHANGED : CENO_TPM_OK;
}

int ceno_tpm_quote(struct ceno_tpm *tpm, enum ceno_tpm_key key, const uint8_t extra_data[32],
                   struct ceno_tpm_quote *out)
{
	int error = CENO_TPM_CHANGED;
	for (int attempt = 0; attempt < 3 && error == CENO_TPM_CHANGED; attempt++)
		error = quote_once(tpm, key, extra_data, out);
	return error;
}
