/* Quotes in the form of Confidential Containers' Trustee: see coco.h. */
#include "coco.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "attest/verify/tpm.h"
#include "cli.h"
#include "client.h"
#include "policy/units.h"
#include "text.h"

struct evidence {
	uint8_t spki[294], message[1024], signature[262], pcrs[16][32];
	size_t message_bytes;
};

static int fail(char *error, const char *what)
{
	snprintf(error, CENO_COCO_ERROR_MAX, "%s", what);
	return -1;
}

/* Base64 member of at most max bytes: its length, or 0. */
static size_t take(const json_t *object, const char *key, uint8_t *out, size_t max)
{
	const char *text = json_string_value(json_object_get(object, key));
	size_t n = 0;

	return text && !sodium_base642bin(out, max, text, strlen(text), NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL)
	    ? n
	    : 0;
}

static int read_evidence(const json_t *object, struct evidence *e)
{
	const json_t *quote = json_object_get(object, "tpm_quote"), *pcrs = json_object_get(quote, "pcrs");

	if (json_object_size(object) != 2 || json_object_size(quote) != 3 || json_array_size(pcrs) != 16 ||
	    take(object, "ak_public", e->spki, sizeof e->spki) != sizeof e->spki ||
	    take(quote, "signature", e->signature, sizeof e->signature) != sizeof e->signature)
		return -1;
	e->message_bytes = take(quote, "message", e->message, sizeof e->message);
	for (size_t i = 0; i < 16; i++) {
		const char *value = json_string_value(json_array_get(pcrs, i));

		if (!value || ceno_units_parse_hex(value, e->pcrs[i], 32))
			return -1;
	}
	return e->message_bytes ? 0 : -1;
}

/* RSA of 2048 bits, and TPMT_SIGNATURE of RSASSA with SHA-256 by it. */
static bool signature_good(const struct evidence *e)
{
	static const uint8_t head[6] = { 0, 0x14, 0, 0x0b, 1, 0 };
	const unsigned char *at = e->spki;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, sizeof e->spki);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good = key && md && at == e->spki + sizeof e->spki && EVP_PKEY_base_id(key) == EVP_PKEY_RSA &&
	    EVP_PKEY_bits(key) == 2048 && !memcmp(e->signature, head, sizeof head) &&
	    EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestVerify(md, e->signature + sizeof head, 256, e->message, e->message_bytes) == 1;

	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return good;
}

static bool all_sixteen(const struct ceno_tpm_attest *quote)
{
	bool good = quote->selection_hash == CENO_TPM_ALG_SHA256 && quote->selection_bytes >= 2;

	for (uint8_t i = 0; good && i < quote->selection_bytes; i++)
		good = quote->selection[i] == (i < 2 ? 0xff : 0);
	return good;
}

int ceno_coco_check(const char *text, size_t length, const uint8_t data[64], uint8_t spki[294], char *error)
{
	json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	struct ceno_tpm_attest quote;
	struct evidence e;
	uint8_t digest[32];
	int rc = read_evidence(object, &e);

	json_decref(object);
	if (rc)
		return fail(error, "the node's answer is malformed");
	if (!signature_good(&e))
		return fail(error, "the quote's signature is wrong");
	if (ceno_tpm_attest_parse(e.message, e.message_bytes, CENO_TPM_ST_ATTEST_QUOTE, &quote) ||
	    quote.magic != CENO_TPM_GENERATED || quote.type != CENO_TPM_ST_ATTEST_QUOTE)
		return fail(error, "the answer is not a quote made inside a TPM");
	if (quote.extra_bytes != 64 || memcmp(quote.extra, data, 64))
		return fail(error, "the quote answers other data");
	if (!all_sixteen(&quote))
		return fail(error, "the quote is not over SHA-256 PCRs 0 to 15");
	crypto_hash_sha256(digest, e.pcrs[0], sizeof e.pcrs);
	if (quote.digest_bytes != 32 || memcmp(quote.digest, digest, 32))
		return fail(error, "the PCR values are not those that were quoted");
	memcpy(spki, e.spki, sizeof e.spki);
	return 0;
}

static int print_key(const uint8_t spki[294])
{
	const unsigned char *at = spki;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, 294);
	int rc = key && PEM_write_PUBKEY(stdout, key) == 1 ? CENO_EXIT_OK : CENO_EXIT_FAILURE;

	EVP_PKEY_free(key);
	return rc;
}

int ceno_coco_run(const char *socket, const uint8_t data[64], size_t bytes, bool key)
{
	char hex[129], error[CENO_COCO_ERROR_MAX];
	int status = CENO_EXIT_FAILURE;
	struct ceno_client client;
	json_t *result = NULL;
	const char *text;
	uint8_t spki[294];

	ceno_units_format_hex(data, bytes, hex);
	if (!ceno_client_open(&client, socket))
		result = ceno_client_call(&client, "node.report", json_pack("{s:s}", "report_data", hex), NULL, 0);
	text = json_string_value(json_object_get(result, "text"));
	if (!text) {
		ceno_cli_error("%s", client.error[0] ? client.error : "the node's answer has no quote");
	} else if (ceno_coco_check(text, strlen(text), data, spki, error)) {
		ceno_cli_error("the node's quote is not good: %s", error);
	} else if (key) {
		status = print_key(spki);
	} else {
		ceno_text_line(stdout, "%s", text);
		status = CENO_EXIT_OK;
	}
	json_decref(result);
	ceno_client_close(&client);
	return status;
}
