/*
 * Forges a real proof as far as its author can: forge MODE IN OUT [ARGUMENT]
 *
 *   field         the cause changed, every later hash recomputed; no key at all
 *   fresh-key     the same, and signed again by a fresh session key
 *   nonce HEX     the nonce changed to HEX, signed again by a fresh session key
 *   requote DIR   the quote made again by another TPM (swtpm with its state in DIR)
 *   impostor DIR  everything made again: fresh session key, own log, that TPM
 *
 * Exit status 0: OUT was written.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "attest/tpm/swtpm.h"
#include "attest/tpm/tpm.h"
#include "tests/lib/proof_fixture.h"

static struct fixture f;

static int die(const char *what)
{
	fprintf(stderr, "forge: %s\n", what);
	return 1;
}

/* The real proof's parts into the fixture. */
static int load(const char *path)
{
	static uint8_t text[CENO_CDP_FILE_MAX];
	static struct ceno_json_token tokens[2048];
	static struct ceno_proof_envelope envelope;
	static struct ceno_proof_document document;
	struct ceno_json json;
	uint32_t bad;
	FILE *in = fopen(path, "rb");
	size_t n = in != NULL ? fread(text, 1, sizeof(text), in) : 0;
	if (in != NULL)
		fclose(in);
	if (ceno_json_read(&json, text, n, tokens, 2048) != 0 ||
	    ceno_schema_read(&ceno_schema_envelope, &json, 0, &envelope, &bad) != 0 ||
	    ceno_json_read(&json, envelope.payload, envelope.payload_bytes, tokens, 2048) != 0 ||
	    ceno_schema_read(&ceno_schema_document, &json, 0, &document, &bad) != 0)
		return die("not a proof");
	fixture_init(&f);
	f.statement = document.statement;
	f.seal = envelope.seal;
	memcpy(f.payload, envelope.payload, envelope.payload_bytes);
	f.payload_bytes = envelope.payload_bytes;
	memcpy(f.signature, envelope.signature, 64);
	return 0;
}

static int save(const char *path)
{
	FILE *out = fopen(path, "wb");
	fixture_write(&f);
	if (out == NULL || fwrite(f.file, 1, f.file_bytes, out) != f.file_bytes || fclose(out) != 0)
		return die("cannot write");
	return 0;
}

static void other_cause(void)
{
	f.statement.isolation.cause = f.statement.isolation.cause == CENO_CAUSE_TTL ? CENO_CAUSE_EXIT : CENO_CAUSE_TTL;
	f.statement.isolation.violation = 0;
}

static void fresh_session_key(void)
{
	crypto_sign_ed25519_keypair(f.statement.core.signer_pub, f.session_secret);
}

/* Hashes, roots, and step 8 again; the signature only if asked. */
static void redo(int sign)
{
	uint8_t signature[64];
	memcpy(signature, f.signature, 64);
	fixture_roots(&f);
	fixture_sign(&f);
	if (!sign)
		memcpy(f.signature, signature, 64);
	fixture_step8(&f);
}

/* A quote over the file's checkpoint by the seal key of another TPM. */
static int quote_with(struct ceno_tpm *tpm)
{
	const struct ceno_tpm_ak *ak = ceno_tpm_ak(tpm, CENO_TPM_KEY_SEAL);
	struct ceno_proof_seal *seal = &f.seal;
	static struct ceno_tpm_quote quote;
	uint8_t extra[32];
	memcpy(seal->node.ak_public, ak->public_area, ak->public_bytes);
	seal->node.ak_public_bytes = (uint32_t)ak->public_bytes;
	memset(&seal->nv, 0, sizeof(seal->nv));
	if (ceno_proof_quote_data(seal->checkpoint, seal->checkpoint_bytes, &seal->node, 0, extra) != 0 ||
	    ceno_tpm_quote(tpm, CENO_TPM_KEY_SEAL, extra, &quote) != CENO_TPM_OK)
		return die("the TPM does not quote");
	memcpy(seal->quote.attest, quote.attest, quote.attest_bytes);
	seal->quote.attest_bytes = (uint32_t)quote.attest_bytes;
	memcpy(seal->quote.signature, quote.r, 32);
	memcpy(seal->quote.signature + 32, quote.s, 32);
	memcpy(seal->quote.pcrs, quote.pcr, sizeof(seal->quote.pcrs));
	seal->launch.reset_count = quote.reset_count;
	seal->launch.restart_count = quote.restart_count;
	return 0;
}

static int requote(const char *state)
{
	struct ceno_swtpm child;
	struct ceno_tpm *tpm;
	if (ceno_swtpm_start(&child, state, true) != CENO_TPM_OK)
		return die("swtpm did not start");
	int fd = child.data;
	child.data = -1;
	if (ceno_tpm_open_stream(&tpm, fd, true) != CENO_TPM_OK)
		return die("swtpm does not answer");
	int rc = quote_with(tpm);
	ceno_tpm_close(tpm);
	ceno_swtpm_stop(&child, 1000);
	return rc;
}

static int impostor(const char *state)
{
	fresh_session_key();
	crypto_sign_ed25519_keypair(f.seal.node.log_pub, f.log_secret);
	fixture_roots(&f);
	fixture_sign(&f);
	fixture_log(&f);
	return requote(state);
}

int main(int argc, char **argv)
{
	const char *mode = argc >= 4 ? argv[1] : "", *argument = argc == 5 ? argv[4] : NULL;
	int rc = 0;
	if (argc < 4 || load(argv[2]) != 0)
		return 2;
	if (strcmp(mode, "field") == 0) {
		other_cause();
		redo(0);
	} else if (strcmp(mode, "fresh-key") == 0) {
		other_cause();
		fresh_session_key();
		redo(1);
	} else if (strcmp(mode, "nonce") == 0 && argument != NULL) {
		if (sodium_hex2bin(f.statement.core.rp_nonce, 32, argument, strlen(argument), NULL, NULL, NULL) != 0)
			return die("not a nonce");
		fresh_session_key();
		redo(1);
	} else if (strcmp(mode, "requote") == 0 && argument != NULL) {
		rc = requote(argument);
	} else if (strcmp(mode, "impostor") == 0 && argument != NULL) {
		rc = impostor(argument);
	} else {
		return die("usage: forge field|fresh-key|nonce|requote|impostor IN OUT [ARGUMENT]");
	}
	return rc != 0 ? rc : save(argv[3]);
}
