/*
 * What binds our keys to this TPM: its endorsement key, with the maker's certificate
 * if it has one, and TPM2_ActivateCredential, which only the TPM that holds both
 * the endorsement key and the attestation key can do.
 *
 * The endorsement key is made from the default templates of the TCG EK Credential Profile (L-2:
 * ECC P-256, L-1: RSA 2048) and flushed again: three transient slots are all that a TPM must have.
 */
#include <string.h>
#include <tss2/tss2_mu.h>

#include "attest/tpm/tpm_internal.h"

#define EK_CERTIFICATE_ECC 0x01c0000au
#define EK_CERTIFICATE_RSA 0x01c00002u
#define EK_CHAIN_FIRST     0x01c00100u
#define EK_CHAIN_LAST      0x01c001ffu
#define NV_CHUNK           512u

/* PolicyA_SHA256 of the profile: TPM2_PolicySecret(TPM_RH_ENDORSEMENT). */
static const uint8_t ek_policy[32] = { 0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
	                               0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
	                               0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa };

static const TPMT_SYM_DEF_OBJECT aes = { .algorithm = TPM2_ALG_AES,
	                                 .keyBits = { .aes = 128 },
	                                 .mode = { .aes = TPM2_ALG_CFB } };

static void ek_template(TPM2B_PUBLIC *t, bool rsa)
{
	memset(t, 0, sizeof(*t));
	TPMT_PUBLIC *p = &t->publicArea;
	p->nameAlg = TPM2_ALG_SHA256;
	p->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
	    TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
	p->authPolicy.size = sizeof(ek_policy);
	memcpy(p->authPolicy.buffer, ek_policy, sizeof(ek_policy));
	if (rsa) {
		p->type = TPM2_ALG_RSA;
		p->parameters.rsaDetail.symmetric = aes;
		p->parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
		p->parameters.rsaDetail.keyBits = 2048;
		p->unique.rsa.size = 256;
		return;
	}
	p->type = TPM2_ALG_ECC;
	p->parameters.eccDetail.symmetric = aes;
	p->parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
	p->parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
	p->parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
	p->unique.ecc.x.size = p->unique.ecc.y.size = 32;
}

/* One certificate index; *bytes 0: there is none, or none that we could hold. */
static int certificate_read(struct ceno_tpm *tpm, uint32_t index, uint8_t *out, size_t *bytes)
{
	ESYS_TR nv;
	TPM2B_NV_PUBLIC *public_area = NULL;
	*bytes = 0;
	TSS2_RC rc = Esys_TR_FromTPMPublic(tpm->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &nv);
	if (ceno_tpm_class(rc) == CENO_TPM_REFUSED)
		return CENO_TPM_OK;
	if (!rc)
		rc = Esys_NV_ReadPublic(tpm->esys, nv, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &public_area, NULL);
	if (rc)
		return ceno_tpm_class(rc);
	size_t size = public_area->nvPublic.dataSize, have = 0;
	Esys_Free(public_area);
	while (size <= CENO_TPM_CERTIFICATE_MAX && have < size) {
		TPM2B_MAX_NV_BUFFER *data = NULL;
		size_t want = size - have < NV_CHUNK ? size - have : NV_CHUNK;
		rc = Esys_NV_Read(tpm->esys, nv, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, (UINT16)want,
		                  (UINT16)have, &data);
		if (rc)
			return ceno_tpm_class(rc) == CENO_TPM_REFUSED ? CENO_TPM_OK : ceno_tpm_class(rc);
		bool right = data->size == want;
		memcpy(out + have, data->buffer, right ? want : 0);
		Esys_Free(data);
		if (!right)
			return CENO_TPM_REPLY;
		have += want;
	}
	*bytes = have == size ? have : 0;
	return CENO_TPM_OK;
}

int ceno_tpm_ek_certificate(struct ceno_tpm *tpm, struct ceno_tpm_ek *ek)
{
	memset(ek, 0, sizeof(*ek));
	int error = certificate_read(tpm, EK_CERTIFICATE_ECC, ek->certificate, &ek->certificate_bytes);
	if (!error && !ek->certificate_bytes) {
		error = certificate_read(tpm, EK_CERTIFICATE_RSA, ek->certificate, &ek->certificate_bytes);
		ek->rsa = ek->certificate_bytes > 0;
	}
	return error;
}

/* The indexes of the chain that exist, ascending. */
static int chain_indexes(struct ceno_tpm *tpm, uint32_t out[TPM2_MAX_CAP_HANDLES], uint32_t *count)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	*count = 0;
	TSS2_RC rc = Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES,
	                                EK_CHAIN_FIRST, TPM2_MAX_CAP_HANDLES, &more, &data);
	if (rc)
		return ceno_tpm_class(rc);
	for (uint32_t i = 0; i < data->data.handles.count; i++)
		if (data->data.handles.handle[i] >= EK_CHAIN_FIRST && data->data.handles.handle[i] <= EK_CHAIN_LAST)
			out[(*count)++] = data->data.handles.handle[i];
	Esys_Free(data);
	return CENO_TPM_OK;
}

/* A chain is a convenience: what is too long for us the verifier must bring itself. */
static int chain_read(struct ceno_tpm *tpm, struct ceno_tpm_ek *ek)
{
	uint32_t index[TPM2_MAX_CAP_HANDLES], count;
	uint8_t part[CENO_TPM_CERTIFICATE_MAX];
	size_t bytes = 0;
	int error = chain_indexes(tpm, index, &count);
	for (uint32_t i = 0; i < count && !error; i++) {
		error = certificate_read(tpm, index[i], part, &bytes);
		if (!error && (!bytes || bytes > sizeof(ek->chain) - ek->chain_bytes)) {
			ek->chain_bytes = 0;
			break;
		}
		memcpy(ek->chain + ek->chain_bytes, part, error ? 0 : bytes);
		ek->chain_bytes += error ? 0 : bytes;
	}
	return error;
}

static int ek_make(struct ceno_tpm *tpm, bool rsa, ESYS_TR *key, TPM2B_PUBLIC **public_area)
{
	TPM2B_PUBLIC template;
	const TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	const TPM2B_DATA outside = { 0 };
	const TPML_PCR_SELECTION none = { 0 };
	ek_template(&template, rsa);
	return ceno_tpm_class(Esys_CreatePrimary(tpm->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE,
	                                         ESYS_TR_NONE, &sensitive, &template, &outside, &none, key, public_area,
	                                         NULL, NULL, NULL));
}

int ceno_tpm_ek_read(struct ceno_tpm *tpm, struct ceno_tpm_ek *ek)
{
	ESYS_TR key;
	TPM2B_PUBLIC *public_area = NULL;
	int error = ceno_tpm_ek_certificate(tpm, ek);
	if (!error)
		error = chain_read(tpm, ek);
	if (!error)
		error = ek_make(tpm, ek->rsa, &key, &public_area);
	if (error)
		return error;
	Esys_FlushContext(tpm->esys, key);
	if (Tss2_MU_TPMT_PUBLIC_Marshal(&public_area->publicArea, ek->public_area, sizeof(ek->public_area),
	                                &ek->public_bytes))
		error = CENO_TPM_REPLY;
	Esys_Free(public_area);
	return error;
}

/* A session that may use the endorsement key. */
static int ek_session(struct ceno_tpm *tpm, ESYS_TR *session)
{
	const TPMT_SYM_DEF none = { .algorithm = TPM2_ALG_NULL };
	TSS2_RC rc = Esys_StartAuthSession(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
	                                   ESYS_TR_NONE, NULL, TPM2_SE_POLICY, &none, TPM2_ALG_SHA256, session);
	if (rc)
		return ceno_tpm_class(rc);
	rc = Esys_PolicySecret(tpm->esys, ESYS_TR_RH_ENDORSEMENT, *session, ESYS_TR_PASSWORD, ESYS_TR_NONE,
	                       ESYS_TR_NONE, NULL, NULL, NULL, 0, NULL, NULL);
	if (rc)
		Esys_FlushContext(tpm->esys, *session);
	return ceno_tpm_class(rc);
}

int ceno_tpm_activate(struct ceno_tpm *tpm, enum ceno_tpm_key key, bool rsa, const uint8_t *credential,
                      size_t credential_bytes, const uint8_t *secret, size_t secret_bytes, uint8_t out[32])
{
	TPM2B_ID_OBJECT blob = { .size = (UINT16)credential_bytes };
	TPM2B_ENCRYPTED_SECRET seed = { .size = (UINT16)secret_bytes };
	TPM2B_DIGEST *opened = NULL;
	TPM2B_PUBLIC *public_area = NULL;
	ESYS_TR ek, session;
	if (credential_bytes > sizeof(blob.credential) || secret_bytes > sizeof(seed.secret))
		return CENO_TPM_REFUSED;
	memcpy(blob.credential, credential, credential_bytes);
	memcpy(seed.secret, secret, secret_bytes);
	int error = ek_make(tpm, rsa, &ek, &public_area);
	if (error)
		return error;
	Esys_Free(public_area);
	error = ek_session(tpm, &session);
	if (!error) {
		error = ceno_tpm_class(Esys_ActivateCredential(tpm->esys, tpm->key[key], ek, ESYS_TR_PASSWORD, session,
		                                               ESYS_TR_NONE, &blob, &seed, &opened));
		Esys_FlushContext(tpm->esys, session);
	}
	Esys_FlushContext(tpm->esys, ek);
	if (!error) {
		error = opened->size == 32 ? CENO_TPM_OK : CENO_TPM_REPLY;
		memcpy(out, opened->buffer, error ? 0 : 32);
		Esys_Free(opened);
	}
	return error;
}
