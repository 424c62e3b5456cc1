/* What the parts of ceno_tpm share: the context and how errors are classed. */
#ifndef CENO_TPM_INTERNAL_H
#define CENO_TPM_INTERNAL_H

#include <tss2/tss2_esys.h>
#include <tss2/tss2_tcti.h>

#include "attest/tpm/tpm.h"

struct ceno_tpm {
	ESYS_CONTEXT *esys;      /* owned */
	TSS2_TCTI_CONTEXT *tcti; /* owned */
	bool stream;             /* tcti is ours (stream.c), else tpm2-tss's loader made it */
	bool owned;              /* shut down at close */
	ESYS_TR key[2];          /* by enum ceno_tpm_key; ESYS_TR_NONE until made */
	struct ceno_tpm_ak ak[2];
	uint8_t point[2][64]; /* x | y of each key */
	ESYS_TR counter;      /* ESYS_TR_NONE until the first move */
	struct ceno_tpm_properties properties;
	TPMS_CONTEXT *report; /* owned: the RSA raw key, saved; NULL until first asked for */
	uint8_t report_spki[CENO_TPM_REPORT_KEY];
};

/* SHA-256 PCR 0 to 15, and whether that is what was selected. */
TPML_PCR_SELECTION ceno_tpm_selection(void);
bool ceno_tpm_selects_ours(const TPML_PCR_SELECTION *selection);

/* Their values. Errors as ceno_tpm_quote. */
int ceno_tpm_pcrs(struct ceno_tpm *tpm, uint8_t pcr[CENO_TPM_PCRS][32]);

/* The class of a TSS return code; OK for success. */
int ceno_tpm_class(TSS2_RC rc);

/* Make key and note its public area and name. Errors as ceno_tpm_open_tcti. */
int ceno_tpm_make_key(struct ceno_tpm *tpm, enum ceno_tpm_key key);

/* Does q's signature over q's bytes verify under this P-256 point (ECDSA, SHA-256)? */
bool ceno_tpm_signed_by(const uint8_t point[64], const struct ceno_tpm_quote *q);

/*
 * Copy a signed structure and its signature out, after checking magic, type, extraData
 * and the signature by key. Returns OK or REPLY.
 */
int ceno_tpm_take_signed(const struct ceno_tpm *tpm, enum ceno_tpm_key key, const TPM2B_ATTEST *attest,
                         const TPMT_SIGNATURE *signature, TPM2_ST type, const uint8_t extra_data[32],
                         TPMS_ATTEST *parsed, struct ceno_tpm_quote *out);

/*
 * Drain what an earlier user of the socket left in it, a response or the rest of one: send a
 * command whose answer nobody can have caused before, and read on until that answer. After it the next
 * byte is the first of our own first response. Returns false: no such answer within 5 s.
 */
bool ceno_tpm_stream_align(int fd);

/* A TCTI over a connected stream socket; see stream.c. fd moves in on success only. */
TSS2_TCTI_CONTEXT *ceno_tpm_stream_new(int fd);

/* Close the socket and free it. */
void ceno_tpm_stream_free(TSS2_TCTI_CONTEXT *tcti);

#endif
