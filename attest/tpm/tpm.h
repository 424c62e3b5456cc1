/*
 * The TPM, as attest uses it: two attestation keys, quotes, a counter, random
 * bytes. The only user of tpm2-tss in the tree.
 *
 * One ceno_tpm is one ESYS context over one connection, used by one thread at a
 * time (no locks here). Calls block until the TPM answered: 0.4 ms for a quote
 * on swtpm, up to 600 ms on a chip; never call them on an event loop.
 *
 * A third key, RSA, is made on request (ceno_tpm_report).
 *
 * Both keys are restricted ECDSA P-256 primaries of the endorsement hierarchy,
 * made anew from fixed templates at open and never persisted: the same TPM and
 * the same endorsement seed always give the same two names. No command here
 * extends a PCR.
 *
 * After CENO_TPM_GONE the connection is dead: close and open again.
 */
#ifndef CENO_TPM_H
#define CENO_TPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CENO_TPM_PCRS            16 /* sha256 bank, PCR 0 to 15; 16 and 23 are never evidence */
#define CENO_TPM_NAME_BYTES      34 /* TPM_ALG_ID of the name hash, then SHA-256 of the public area */
#define CENO_TPM_PUBLIC_MAX      256
#define CENO_TPM_ATTEST_MAX      512
#define CENO_TPM_CERTIFICATE_MAX 4096
#define CENO_TPM_CHAIN_MAX       8192
#define CENO_TPM_COUNTER         0x018ce170u /* NV index of our counter, in the owner's range */

#define CENO_TPM_ERRORS(X) \
	X(OK, 0, "no error") \
	X(OPEN, -1, "the TPM could not be opened") \
	X(GONE, -2, "the TPM's connection ended, or it did not answer in time") \
	X(REFUSED, -3, "the TPM refused a command") \
	X(REPLY, -4, "the TPM answered something other than what was asked") \
	X(CHANGED, -5, "the PCRs changed again and again while they were being quoted") \
	X(SPAWN, -6, "swtpm could not be started") \
	X(MEMORY, -7, "out of memory") \
	X(OTHER, -8, "the TPM is another one than this log's")

enum ceno_tpm_error {
#define CENO_TPM_ERROR_ENUM(name, number, text) CENO_TPM_##name = number,
	CENO_TPM_ERRORS(CENO_TPM_ERROR_ENUM)
#undef CENO_TPM_ERROR_ENUM
};

struct ceno_tpm; /* opaque */

enum ceno_tpm_key {
	CENO_TPM_KEY_SEAL, /* signs only extraData that attest itself computed */
	CENO_TPM_KEY_RAW   /* signs quotes over a caller's nonce */
};

struct ceno_tpm_ak {
	uint8_t name[CENO_TPM_NAME_BYTES];
	uint8_t public_area[CENO_TPM_PUBLIC_MAX]; /* TPMT_PUBLIC as marshalled */
	size_t public_bytes;
};

struct ceno_tpm_quote {                      /* of Quote and of NV_Certify */
	uint8_t attest[CENO_TPM_ATTEST_MAX]; /* TPMS_ATTEST as signed */
	size_t attest_bytes;
	uint8_t r[32], s[32];                /* ECDSA, big-endian, left-padded */
	uint8_t pcr[CENO_TPM_PCRS][32];      /* Quote only: values whose hash is the quoted digest */
	uint64_t counter;                    /* NV_Certify only: the certified value */
	uint32_t reset_count, restart_count; /* as signed */
};

enum ceno_tpm_kind { /* a guess from the properties; nobody's evidence */
	             CENO_TPM_KIND_SOFTWARE = 1,
	             CENO_TPM_KIND_VIRTUAL,
	             CENO_TPM_KIND_FIRMWARE,
	             CENO_TPM_KIND_DISCRETE
};

struct ceno_tpm_properties {
	char manufacturer[5];      /* four printable characters, others as '.' */
	char vendor[17];           /* vendor strings 1 to 4, trailing blanks dropped */
	uint64_t firmware_version; /* FIRMWARE_VERSION_1 << 32 | FIRMWARE_VERSION_2 */
	enum ceno_tpm_kind kind;
};

/* Text of an error code; never NULL. */
const char *ceno_tpm_error_text(int error);

/*
 * Open a TPM named by a TCTI string of tpm2-tss ("device:/dev/tpmrm0",
 * "swtpm:path=/run/t.sock") and make both keys. Blocks.
 * out: set on success only; the caller closes it. tcti: borrowed.
 * Returns OK; OPEN (no such TCTI, device or socket); GONE; REFUSED (a hierarchy
 * has an authorization, or the TPM lacks P-256); REPLY; MEMORY.
 */
int ceno_tpm_open_tcti(struct ceno_tpm **out, const char *tcti);

/*
 * The same over a connected stream socket that speaks raw TPM commands (our own
 * swtpm), perhaps with a response in it that an earlier user did not read. fd: moved, closed by close
 * and on failure. owned: the TPM at the other
 * end is ours alone, so close sends TPM2_Shutdown(CLEAR).
 */
int ceno_tpm_open_stream(struct ceno_tpm **out, int fd, bool owned);

/* Flush our keys, shut an owned TPM down, free everything. NULL is allowed. */
void ceno_tpm_close(struct ceno_tpm *tpm);

/* The two public keys, as read at open. Borrowed until close; never fails. */
const struct ceno_tpm_ak *ceno_tpm_ak(const struct ceno_tpm *tpm, enum ceno_tpm_key key);

/* What the TPM says of itself, as read at open. Borrowed until close. */
const struct ceno_tpm_properties *ceno_tpm_properties(const struct ceno_tpm *tpm);

/*
 * Quote sha256 PCR 0 to 15 with extra_data, and read the values it covers.
 * Checked before returning: magic, type, extraData, signature, selection, and that the
 * values hash to the quoted digest (retried if a PCR was extended meanwhile).
 * Returns OK, GONE, REFUSED, REPLY, CHANGED; out is undefined on failure.
 */
int ceno_tpm_quote(struct ceno_tpm *tpm, enum ceno_tpm_key key, const uint8_t extra_data[32],
                   struct ceno_tpm_quote *out);

#define CENO_TPM_REPORT_KEY 294 /* SubjectPublicKeyInfo of RSA-2048, exponent 65537 */

struct ceno_tpm_report {
	uint8_t attest[CENO_TPM_ATTEST_MAX]; /* TPMS_ATTEST as signed */
	size_t attest_bytes;
	uint8_t signature[256];            /* RSASSA-PKCS1-v1_5, SHA-256 */
	uint8_t spki[CENO_TPM_REPORT_KEY]; /* of the key that signed */
	uint8_t pcr[CENO_TPM_PCRS][32];    /* values whose hash is the quoted digest */
};

/*
 * Quote sha256 PCR 0 to 15 by the RSA-2048 raw key, with the caller's 64 bytes as extraData, as they are. The
 * first call makes the key (a second, many on a chip). Checked as ceno_tpm_quote.
 * Returns OK, GONE, REFUSED (no RSA, or it takes less than 64 bytes: its largest digest is shorter), REPLY, CHANGED.
 */
int ceno_tpm_report(struct ceno_tpm *tpm, const uint8_t data[64], struct ceno_tpm_report *out);

/* TPM2_ReadClock: resets and restarts the TPM has seen (unsigned; the quotes carry them signed).
 * Returns OK, GONE, REFUSED, REPLY. */
int ceno_tpm_clock(struct ceno_tpm *tpm, uint32_t *reset_count, uint32_t *restart_count);

/* bytes (at most 32) random bytes from TPM2_GetRandom. Returns OK, GONE, REFUSED, REPLY. */
int ceno_tpm_random(struct ceno_tpm *tpm, uint8_t *out, size_t bytes);

struct ceno_tpm_ek {
	bool rsa;                 /* RSA 2048; else ECC P-256 */
	uint8_t public_area[512]; /* TPMT_PUBLIC as marshalled */
	size_t public_bytes;
	uint8_t certificate[CENO_TPM_CERTIFICATE_MAX]; /* DER, as the TPM's maker stored it */
	size_t certificate_bytes;                      /* 0: the TPM has none */
	/* Certificates above it that the maker stored too (EK Credential Profile 2.2.1.5: NV 0x01c00100 to
	 * 0x01c001ff), DER one behind the other as found; unchecked, like the certificate. */
	uint8_t chain[CENO_TPM_CHAIN_MAX];
	size_t chain_bytes; /* 0: none, or more than fit */
};

/* The EK certificate alone (the ECC one before the RSA one); public_area and chain stay empty. Returns OK, GONE, REPLY. */
int ceno_tpm_ek_certificate(struct ceno_tpm *tpm, struct ceno_tpm_ek *ek);

/* The certificate, its chain and the EK that it is about; without one, the ECC EK. Returns OK, GONE, REFUSED (the
 * endorsement hierarchy has an authorization), REPLY. Up to a second, some seconds for RSA on a chip. */
int ceno_tpm_ek_read(struct ceno_tpm *tpm, struct ceno_tpm_ek *ek);

/*
 * TPM2_ActivateCredential: open what somebody made for our key and this TPM's EK (rsa: which).
 * credential: TPM2B_ID_OBJECT's bytes, secret: TPM2B_ENCRYPTED_SECRET's; hostile, borrowed.
 * out: the 32 bytes in it. Returns OK, GONE, REFUSED (made for another key or another EK, or damaged), REPLY.
 */
int ceno_tpm_activate(struct ceno_tpm *tpm, enum ceno_tpm_key key, bool rsa, const uint8_t *credential,
                      size_t credential_bytes, const uint8_t *secret, size_t secret_bytes, uint8_t out[32]);

/*
 * Make sure our NV counter exists (defined once in the owner hierarchy, empty
 * authorization), move it up by one, and give its value.
 * Returns OK, GONE, REPLY, or REFUSED (the owner hierarchy has an authorization,
 * or something else lives at that index): the node then has no counter.
 */
int ceno_tpm_counter_move(struct ceno_tpm *tpm, uint64_t *value);

/*
 * TPM2_NV_Certify of the counter by the seal key, with qualifying_data.
 * Returns OK, GONE, REFUSED (as counter_move, or the counter never moved), REPLY
 * (including: the certified value has the wrong length).
 */
int ceno_tpm_counter_certify(struct ceno_tpm *tpm, const uint8_t qualifying_data[32], struct ceno_tpm_quote *out);

#endif
