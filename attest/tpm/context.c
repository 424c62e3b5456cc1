/*
 * Opening and closing a TPM, what it says of itself, random bytes.
 *
 * Open flushes every transient object it finds: behind a resource manager these
 * are only our own, and without one we are the TPM's single owner, so whatever is
 * there was left by a run that was killed.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <tss2/tss2_tctildr.h>

#include "attest/tpm/tpm_internal.h"

const char *ceno_tpm_error_text(int error)
{
	switch (error) {
#define CENO_TPM_ERROR_TEXT(name, number, text) \
	case number: \
		return text;
		CENO_TPM_ERRORS(CENO_TPM_ERROR_TEXT)
#undef CENO_TPM_ERROR_TEXT
	default:
		return "unknown TPM error";
	}
}

/* A TPM that was reset behind our back has none of our objects any more, and no connection broke: a TCTI may connect
 * anew for each command (swtpm), or a resource manager be between (TCG TPM 2.0 part 2, 6.6.3). */
static bool knows_us_no_more(TSS2_RC rc)
{
	TSS2_RC layer = rc & TSS2_RC_LAYER_MASK, code = rc & ~TSS2_RC_LAYER_MASK;
	return (layer == TSS2_TPM_RC_LAYER || layer == TSS2_RESMGR_TPM_RC_LAYER) &&
	    (code == TPM2_RC_INITIALIZE || (code >= TPM2_RC_REFERENCE_H0 && code <= TPM2_RC_REFERENCE_H6));
}

int ceno_tpm_class(TSS2_RC rc)
{
	if (rc == TSS2_RC_SUCCESS)
		return CENO_TPM_OK;
	TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;
	if ((rc & ~TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_MEMORY && layer != TSS2_TPM_RC_LAYER)
		return CENO_TPM_MEMORY;
	/* ESYS answers BAD_SEQUENCE after a command was cut off: the connection is of no more use. */
	if (layer == TSS2_TCTI_RC_LAYER || rc == TSS2_ESYS_RC_BAD_SEQUENCE || rc == TSS2_SYS_RC_BAD_SEQUENCE ||
	    knows_us_no_more(rc))
		return CENO_TPM_GONE;
	if (layer == TSS2_TPM_RC_LAYER || layer == TSS2_RESMGR_TPM_RC_LAYER || layer == TSS2_RESMGR_RC_LAYER)
		return CENO_TPM_REFUSED;
	return CENO_TPM_REPLY;
}

static int tpm_flush_transient(struct ceno_tpm *tpm)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	/* Not TPM2_TRANSIENT_FIRST: the header's macro shifts 0x80 into an int's sign bit. */
	TPM2_HANDLE first = (TPM2_HANDLE)TPM2_HT_TRANSIENT << TPM2_HR_SHIFT;
	TSS2_RC rc = Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES, first,
	                                TPM2_MAX_CAP_HANDLES, &more, &data);
	if (rc)
		return ceno_tpm_class(rc);
	for (uint32_t i = 0; i < data->data.handles.count && !rc; i++) {
		ESYS_TR object;
		rc = Esys_TR_FromTPMPublic(tpm->esys, data->data.handles.handle[i], ESYS_TR_NONE, ESYS_TR_NONE,
		                           ESYS_TR_NONE, &object);
		if (!rc)
			rc = Esys_FlushContext(tpm->esys, object);
	}
	Esys_Free(data);
	return ceno_tpm_class(rc);
}

/* Four characters of a property value, unprintable ones as '.', zeros dropped. */
static size_t property_text(uint32_t value, char *out)
{
	size_t n = 0;
	for (int shift = 24; shift >= 0; shift -= 8) {
		char c = (char)(value >> shift & 0xff);
		if (c)
			out[n++] = c >= 0x20 && c < 0x7f && c != '"' && c != '\\' ? c : '.';
	}
	return n;
}

static enum ceno_tpm_kind kind_of(const struct ceno_tpm_properties *p)
{
	static const struct {
		const char *manufacturer;
		enum ceno_tpm_kind kind;
	} known[] = {
		{ "IBM", CENO_TPM_KIND_SOFTWARE }, { "MSFT", CENO_TPM_KIND_VIRTUAL },
		{ "GOOG", CENO_TPM_KIND_VIRTUAL }, { "AMZN", CENO_TPM_KIND_VIRTUAL },
		{ "VMW", CENO_TPM_KIND_VIRTUAL },  { "INTC", CENO_TPM_KIND_FIRMWARE },
		{ "AMD", CENO_TPM_KIND_FIRMWARE }, { "QCOM", CENO_TPM_KIND_FIRMWARE },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(p->manufacturer, known[i].manufacturer))
			return known[i].kind;
	return CENO_TPM_KIND_DISCRETE;
}

static void trim(char *text)
{
	for (size_t n = strlen(text); n && text[n - 1] == ' '; n--)
		text[n - 1] = 0;
}

static int tpm_read_properties(struct ceno_tpm *tpm)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	TSS2_RC rc = Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_TPM_PROPERTIES,
	                                TPM2_PT_MANUFACTURER, TPM2_PT_FIRMWARE_VERSION_2 - TPM2_PT_MANUFACTURER + 1,
	                                &more, &data);
	if (rc)
		return ceno_tpm_class(rc);
	struct ceno_tpm_properties *p = &tpm->properties;
	size_t vendor = 0;
	for (uint32_t i = 0; i < data->data.tpmProperties.count; i++) {
		TPMS_TAGGED_PROPERTY t = data->data.tpmProperties.tpmProperty[i];
		if (t.property == TPM2_PT_MANUFACTURER)
			property_text(t.value, p->manufacturer);
		else if (t.property >= TPM2_PT_VENDOR_STRING_1 && t.property <= TPM2_PT_VENDOR_STRING_4 && vendor <= 12)
			vendor += property_text(t.value, p->vendor + vendor);
		else if (t.property == TPM2_PT_FIRMWARE_VERSION_1)
			p->firmware_version |= (uint64_t)t.value << 32;
		else if (t.property == TPM2_PT_FIRMWARE_VERSION_2)
			p->firmware_version |= t.value;
	}
	Esys_Free(data);
	trim(p->manufacturer);
	trim(p->vendor);
	p->kind = kind_of(p);
	return CENO_TPM_OK;
}

/* Everything after the connection; closes tpm on failure. */
static int tpm_set_up(struct ceno_tpm **out, struct ceno_tpm *tpm)
{
	TSS2_RC rc = Esys_Initialize(&tpm->esys, tpm->tcti, NULL);
	int error = rc ? CENO_TPM_OPEN : tpm_flush_transient(tpm);
	if (!error)
		error = tpm_read_properties(tpm);
	if (!error)
		error = ceno_tpm_make_key(tpm, CENO_TPM_KEY_SEAL);
	if (!error)
		error = ceno_tpm_make_key(tpm, CENO_TPM_KEY_RAW);
	if (error)
		ceno_tpm_close(tpm);
	else
		*out = tpm;
	return error;
}

static struct ceno_tpm *tpm_new(void)
{
	struct ceno_tpm *tpm = calloc(1, sizeof(*tpm));
	if (tpm)
		tpm->key[0] = tpm->key[1] = tpm->counter = ESYS_TR_NONE;
	return tpm;
}

int ceno_tpm_open_tcti(struct ceno_tpm **out, const char *tcti)
{
	struct ceno_tpm *tpm = tpm_new();
	if (!tpm)
		return CENO_TPM_MEMORY;
	if (Tss2_TctiLdr_Initialize(tcti, &tpm->tcti)) {
		free(tpm);
		return CENO_TPM_OPEN;
	}
	return tpm_set_up(out, tpm);
}

int ceno_tpm_open_stream(struct ceno_tpm **out, int fd, bool owned)
{
	if (!ceno_tpm_stream_align(fd)) {
		close(fd);
		return CENO_TPM_GONE;
	}
	struct ceno_tpm *tpm = tpm_new();
	if (tpm)
		tpm->tcti = ceno_tpm_stream_new(fd);
	if (!tpm || !tpm->tcti) {
		free(tpm);
		close(fd);
		return CENO_TPM_MEMORY;
	}
	tpm->stream = true;
	tpm->owned = owned;
	return tpm_set_up(out, tpm);
}

void ceno_tpm_close(struct ceno_tpm *tpm)
{
	if (!tpm)
		return;
	if (tpm->esys) {
		for (int i = 0; i < 2; i++)
			if (tpm->key[i] != ESYS_TR_NONE)
				Esys_FlushContext(tpm->esys, tpm->key[i]);
		if (tpm->owned)
			Esys_Shutdown(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_SU_CLEAR);
		Esys_Free(tpm->report);
		Esys_Finalize(&tpm->esys);
	}
	if (tpm->stream)
		ceno_tpm_stream_free(tpm->tcti);
	else
		Tss2_TctiLdr_Finalize(&tpm->tcti);
	free(tpm);
}

const struct ceno_tpm_ak *ceno_tpm_ak(const struct ceno_tpm *tpm, enum ceno_tpm_key key)
{
	return &tpm->ak[key];
}

const struct ceno_tpm_properties *ceno_tpm_properties(const struct ceno_tpm *tpm)
{
	return &tpm->properties;
}

int ceno_tpm_clock(struct ceno_tpm *tpm, uint32_t *reset_count, uint32_t *restart_count)
{
	TPMS_TIME_INFO *info = NULL;
	TSS2_RC rc = Esys_ReadClock(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &info);
	if (rc)
		return ceno_tpm_class(rc);
	*reset_count = info->clockInfo.resetCount;
	*restart_count = info->clockInfo.restartCount;
	Esys_Free(info);
	return CENO_TPM_OK;
}

int ceno_tpm_random(struct ceno_tpm *tpm, uint8_t *out, size_t bytes)
{
	TPM2B_DIGEST *digest = NULL;
	/* A TPM may give fewer than asked, so ask until it is enough. */
	for (size_t have = 0; have < bytes;) {
		TSS2_RC rc = Esys_GetRandom(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, (UINT16)(bytes - have),
		                            &digest);
		if (rc)
			return ceno_tpm_class(rc);
		size_t n = digest->size;
		if (n && n <= bytes - have)
			memcpy(out + have, digest->buffer, n);
		explicit_bzero(digest, sizeof(*digest));
		Esys_Free(digest);
		if (!n || n > bytes - have)
			return CENO_TPM_REPLY;
		have += n;
	}
	return CENO_TPM_OK;
}
