/*
 * The node's NV counter: it goes up at every start of attest and never down, so
 * a verifier that remembers its value notices a node set back to an older state.
 *
 * Defined once with empty authorization. The index's attributes are part of its
 * name, which NV_Certify signs: an index that somebody else made in its place has
 * another name, and we refuse to use one that is not exactly ours.
 */
#include <string.h>
#include <tss2/tss2_mu.h>

#include "attest/tpm/tpm_internal.h"

#define COUNTER_ATTRIBUTES \
	(TPMA_NV_OWNERWRITE | TPMA_NV_AUTHWRITE | TPMA_NV_OWNERREAD | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA | \
	 (TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT))

static const TPM2B_NV_PUBLIC counter_public = {
	.nvPublic = {
		.nvIndex = CENO_TPM_COUNTER,
		.nameAlg = TPM2_ALG_SHA256,
		.attributes = COUNTER_ATTRIBUTES,
		.dataSize = 8,
	},
};

static int counter_define(struct ceno_tpm *tpm)
{
	const TPM2B_AUTH empty = { 0 };
	return ceno_tpm_class(Esys_NV_DefineSpace(tpm->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
	                                          ESYS_TR_NONE, &empty, &counter_public, &tpm->counter));
}

/* Is the index that exists the one we would have defined? */
static int counter_check(struct ceno_tpm *tpm)
{
	TPM2B_NV_PUBLIC *p = NULL;
	TSS2_RC rc = Esys_NV_ReadPublic(tpm->esys, tpm->counter, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &p, NULL);
	if (rc)
		return ceno_tpm_class(rc);
	bool ours = (p->nvPublic.attributes & ~TPMA_NV_WRITTEN) == COUNTER_ATTRIBUTES && p->nvPublic.dataSize == 8 &&
	    p->nvPublic.nameAlg == TPM2_ALG_SHA256 && p->nvPublic.authPolicy.size == 0;
	Esys_Free(p);
	return ours ? CENO_TPM_OK : CENO_TPM_REFUSED;
}

static int counter_find(struct ceno_tpm *tpm)
{
	if (tpm->counter != ESYS_TR_NONE)
		return CENO_TPM_OK;
	TSS2_RC rc =
	    Esys_TR_FromTPMPublic(tpm->esys, CENO_TPM_COUNTER, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &tpm->counter);
	int error = ceno_tpm_class(rc);
	if (error == CENO_TPM_REFUSED)
		error = counter_define(tpm);
	if (!error)
		error = counter_check(tpm);
	if (error)
		tpm->counter = ESYS_TR_NONE;
	return error;
}

static uint64_t load_be64(const uint8_t *b)
{
	uint64_t v = 0;
	for (int i = 0; i < 8; i++)
		v = v << 8 | b[i];
	return v;
}

int ceno_tpm_counter_move(struct ceno_tpm *tpm, uint64_t *value)
{
	int error = counter_find(tpm);
	if (error)
		return error;
	TSS2_RC rc =
	    Esys_NV_Increment(tpm->esys, tpm->counter, tpm->counter, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE);
	if (rc)
		return ceno_tpm_class(rc);
	TPM2B_MAX_NV_BUFFER *data = NULL;
	rc = Esys_NV_Read(tpm->esys, tpm->counter, tpm->counter, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, 8, 0,
	                  &data);
	if (rc)
		return ceno_tpm_class(rc);
	error = data->size == 8 ? CENO_TPM_OK : CENO_TPM_REPLY;
	if (!error)
		*value = load_be64(data->buffer);
	Esys_Free(data);
	return error;
}

int ceno_tpm_counter_certify(struct ceno_tpm *tpm, const uint8_t qualifying_data[32], struct ceno_tpm_quote *out)
{
	int error = counter_find(tpm);
	if (error)
		return error;
	TPM2B_DATA extra = { .size = 32 };
	const TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL };
	TPM2B_ATTEST *attest = NULL;
	TPMT_SIGNATURE *signature = NULL;
	TPMS_ATTEST parsed;
	memcpy(extra.buffer, qualifying_data, 32);
	TSS2_RC rc =
	    Esys_NV_Certify(tpm->esys, tpm->key[CENO_TPM_KEY_SEAL], tpm->counter, tpm->counter, ESYS_TR_PASSWORD,
	                    ESYS_TR_PASSWORD, ESYS_TR_NONE, &extra, &scheme, 8, 0, &attest, &signature);
	if (rc)
		return ceno_tpm_class(rc);
	error = ceno_tpm_take_signed(tpm, CENO_TPM_KEY_SEAL, attest, signature, TPM2_ST_ATTEST_NV, qualifying_data,
	                             &parsed, out);
	Esys_Free(attest);
	Esys_Free(signature);
	if (!error && (parsed.attested.nv.nvContents.size != 8 || parsed.attested.nv.offset != 0))
		error = CENO_TPM_REPLY;
	if (!error)
		out->counter = load_be64(parsed.attested.nv.nvContents.buffer);
	return error;
}
