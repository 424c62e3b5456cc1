/*
 * The RSA-2048 raw key: for verifiers of other projects that know only RSASSA and take the caller's bytes as
 * extraData unhashed. It signs nothing else, and no verifier of ours takes it for anything: a third role, so
 * that bytes of a stranger's choice never come under a key of ours.
 *
 * Made when first asked for, which takes some seconds on a chip, and its context kept outside the TPM: it
 * takes one of the three transient slots only while it signs.
 */
#include <string.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <tss2/tss2_mu.h>

#include "attest/tpm/tpm_internal.h"

/* SubjectPublicKeyInfo of an RSA key of 2048 bits and exponent 65537 (RFC 8017 A.1.1): head, modulus, tail. */
static const uint8_t spki_head[33] = { 0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48,
	                               0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01,
	                               0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00 };
static const uint8_t spki_tail[5] = { 0x02, 0x03, 0x01, 0x00, 0x01 };

static void report_template(TPM2B_PUBLIC *t)
{
	static const char label[] = "CDP/v1/ak/report";
	memset(t, 0, sizeof(*t));
	TPMT_PUBLIC *p = &t->publicArea;
	p->type = TPM2_ALG_RSA;
	p->nameAlg = TPM2_ALG_SHA256;
	p->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
	    TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT;
	p->parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_NULL;
	p->parameters.rsaDetail.scheme.scheme = TPM2_ALG_RSASSA;
	p->parameters.rsaDetail.scheme.details.rsassa.hashAlg = TPM2_ALG_SHA256;
	p->parameters.rsaDetail.keyBits = 2048;
	p->unique.rsa.size = 256;
	memcpy(p->unique.rsa.buffer, label, sizeof(label));
}

/* Make the key and keep its context and its public key. */
static int report_make(struct ceno_tpm *tpm, ESYS_TR *key)
{
	TPM2B_PUBLIC template, *public_area = NULL;
	const TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	const TPM2B_DATA outside = { 0 };
	const TPML_PCR_SELECTION none = { 0 };
	report_template(&template);
	TSS2_RC rc = Esys_CreatePrimary(tpm->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
	                                &sensitive, &template, &outside, &none, key, &public_area, NULL, NULL, NULL);
	if (rc)
		return ceno_tpm_class(rc);
	const TPM2B_PUBLIC_KEY_RSA *modulus = &public_area->publicArea.unique.rsa;
	int error =
	    modulus->size == 256 && modulus->buffer[0] & 0x80 && !public_area->publicArea.parameters.rsaDetail.exponent
	    ? CENO_TPM_OK
	    : CENO_TPM_REPLY;
	memcpy(tpm->report_spki, spki_head, sizeof(spki_head));
	memcpy(tpm->report_spki + sizeof(spki_head), modulus->buffer, 256);
	memcpy(tpm->report_spki + sizeof(spki_head) + 256, spki_tail, sizeof(spki_tail));
	Esys_Free(public_area);
	if (!error)
		error = ceno_tpm_class(Esys_ContextSave(tpm->esys, *key, &tpm->report));
	if (error)
		Esys_FlushContext(tpm->esys, *key);
	return error;
}

static int report_load(struct ceno_tpm *tpm, ESYS_TR *key)
{
	return tpm->report ? ceno_tpm_class(Esys_ContextLoad(tpm->esys, tpm->report, key)) : report_make(tpm, key);
}

static bool signed_by(const uint8_t spki[CENO_TPM_REPORT_KEY], const struct ceno_tpm_report *r)
{
	const unsigned char *at = spki;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, CENO_TPM_REPORT_KEY);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good = key && md && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestVerify(md, r->signature, sizeof(r->signature), r->attest, r->attest_bytes) == 1;
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	return good;
}

/* What came back, checked as the other quotes are. */
static int take(const struct ceno_tpm *tpm, const TPM2B_ATTEST *attest, const TPMT_SIGNATURE *signature,
                const uint8_t data[64], TPMS_ATTEST *parsed, struct ceno_tpm_report *out)
{
	size_t offset = 0;
	if (attest->size > sizeof(out->attest) ||
	    Tss2_MU_TPMS_ATTEST_Unmarshal(attest->attestationData, attest->size, &offset, parsed) ||
	    offset != attest->size || parsed->magic != TPM2_GENERATED_VALUE || parsed->type != TPM2_ST_ATTEST_QUOTE ||
	    parsed->extraData.size != 64 || memcmp(parsed->extraData.buffer, data, 64) ||
	    !ceno_tpm_selects_ours(&parsed->attested.quote.pcrSelect) || parsed->attested.quote.pcrDigest.size != 32 ||
	    signature->sigAlg != TPM2_ALG_RSASSA || signature->signature.rsassa.hash != TPM2_ALG_SHA256 ||
	    signature->signature.rsassa.sig.size != sizeof(out->signature))
		return CENO_TPM_REPLY;
	memcpy(out->attest, attest->attestationData, attest->size);
	out->attest_bytes = attest->size;
	memcpy(out->signature, signature->signature.rsassa.sig.buffer, sizeof(out->signature));
	memcpy(out->spki, tpm->report_spki, sizeof(out->spki));
	return signed_by(out->spki, out) ? CENO_TPM_OK : CENO_TPM_REPLY;
}

static int report_once(struct ceno_tpm *tpm, ESYS_TR key, const uint8_t data[64], struct ceno_tpm_report *out)
{
	TPM2B_DATA extra = { .size = 64 };
	const TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL }; /* the key's own */
	const TPML_PCR_SELECTION ours = ceno_tpm_selection();
	TPM2B_ATTEST *attest = NULL;
	TPMT_SIGNATURE *signature = NULL;
	TPMS_ATTEST parsed;
	uint8_t digest[32];
	memcpy(extra.buffer, data, 64);
	TSS2_RC rc = Esys_Quote(tpm->esys, key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &extra, &scheme, &ours,
	                        &attest, &signature);
	if (rc)
		return ceno_tpm_class(rc);
	int error = take(tpm, attest, signature, data, &parsed, out);
	Esys_Free(attest);
	Esys_Free(signature);
	if (!error)
		error = ceno_tpm_pcrs(tpm, out->pcr);
	if (error)
		return error;
	crypto_hash_sha256(digest, out->pcr[0], sizeof(out->pcr));
	return memcmp(digest, parsed.attested.quote.pcrDigest.buffer, 32) ? CENO_TPM_CHANGED : CENO_TPM_OK;
}

int ceno_tpm_report(struct ceno_tpm *tpm, const uint8_t data[64], struct ceno_tpm_report *out)
{
	ESYS_TR key;
	int error = report_load(tpm, &key);
	if (error)
		return error;
	error = CENO_TPM_CHANGED;
	for (int attempt = 0; attempt < 3 && error == CENO_TPM_CHANGED; attempt++)
		error = report_once(tpm, key, data, out);
	Esys_FlushContext(tpm->esys, key);
	return error;
}
