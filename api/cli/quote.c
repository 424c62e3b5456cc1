/* The node's quote: see quote.h. */
#include "quote.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "attest/verify/tpm.h"
#include "policy/units.h"

static int fail(char *error, const char *what)
{
	snprintf(error, CENO_NODE_QUOTE_ERROR_MAX, "%s", what);
	return -1;
}

/* Base64 member of at most `max` bytes: its length, or -1. */
static long bytes_of(const json_t *object, const char *key, uint8_t *out, size_t max)
{
	const json_t *value = json_object_get(object, key);
	size_t length;

	if (!json_is_string(value) ||
	    sodium_base642bin(out, max, json_string_value(value), json_string_length(value), NULL, &length, NULL,
	                      sodium_base64_VARIANT_ORIGINAL))
		return -1;
	return (long)length;
}

static int text_of(const json_t *object, const char *key, char *out, size_t size)
{
	const char *value = json_string_value(json_object_get(object, key));

	if (!value || strlen(value) >= size)
		return -1;
	for (const char *p = value; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			return -1;
	snprintf(out, size, "%s", value);
	return 0;
}

static int read_pcrs(const json_t *array, uint8_t pcrs[16][32])
{
	if (json_array_size(array) != 16)
		return -1;
	for (size_t i = 0; i < 16; i++) {
		const char *value = json_string_value(json_array_get(array, i));

		if (!value || strncmp(value, "sha256:", 7) || ceno_units_parse_hex(value + 7, pcrs[i], 32))
			return -1;
	}
	return 0;
}

static int read_keys(const json_t *object, struct ceno_node_quote *out)
{
	const json_t *tpm = json_object_get(object, "tpm");
	long ak = bytes_of(object, "ak_public", out->ak_public, sizeof out->ak_public);
	long seal = bytes_of(object, "seal_ak_public", out->seal_ak_public, sizeof out->seal_ak_public);

	if (bytes_of(object, "identity_pub", out->identity_pub, 32) != 32)
		memset(out->identity_pub, 0, 32);
	if (ak <= 0 || seal <= 0 || bytes_of(object, "log_pub", out->log_pub, 32) != 32)
		return -1;
	out->ak_public_bytes = (size_t)ak;
	out->seal_ak_public_bytes = (size_t)seal;
	out->own_swtpm = json_is_true(json_object_get(tpm, "ours"));
	return text_of(object, "origin", out->origin, sizeof out->origin) ||
	    text_of(tpm, "kind", out->kind, sizeof out->kind) ||
	    text_of(tpm, "manufacturer", out->manufacturer, sizeof out->manufacturer) ||
	    text_of(tpm, "vendor", out->vendor, sizeof out->vendor);
}

/* extraData = SHA-256("CDP/v1/node"|0|nonce). */
static void expected_extra(const uint8_t nonce[32], uint8_t out[32])
{
	static const char domain[] = "CDP/v1/node"; /* with its NUL */
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const uint8_t *)domain, sizeof domain);
	crypto_hash_sha256_update(&state, nonce, 32);
	crypto_hash_sha256_final(&state, out);
}

/* The signer must be this key as a primary of the endorsement hierarchy: nameAlg |
 * SHA-256(handle | nameAlg | SHA-256(public)), TPM 2.0 part 1, 16.2. */
static bool signed_by(const struct ceno_tpm_attest *quote, const struct ceno_node_quote *node)
{
	uint8_t text[4 + 2 + 32] = { 0x40, 0, 0, 0x0b, 0, CENO_TPM_ALG_SHA256 }, name[34] = { 0, CENO_TPM_ALG_SHA256 };

	crypto_hash_sha256(text + 6, node->ak_public, node->ak_public_bytes);
	crypto_hash_sha256(name + 2, text, sizeof text);
	return quote->signer_bytes == sizeof name && !memcmp(quote->signer, name, sizeof name);
}

static bool all_sixteen(const struct ceno_tpm_attest *quote)
{
	bool good = quote->selection_hash == CENO_TPM_ALG_SHA256 && quote->selection_bytes >= 2;

	for (uint8_t i = 0; good && i < quote->selection_bytes; i++)
		good = quote->selection[i] == (i < 2 ? 0xff : 0);
	return good;
}

static int check_quote(const struct ceno_tpm_attest *quote, const struct ceno_node_quote *node, const uint8_t nonce[32],
                       char *error)
{
	uint8_t digest[32], extra[32];

	if (quote->magic != CENO_TPM_GENERATED || quote->type != CENO_TPM_ST_ATTEST_QUOTE)
		return fail(error, "the answer is not a quote made inside a TPM");
	if (!signed_by(quote, node))
		return fail(error, "the quote names another signer");
	expected_extra(nonce, extra);
	if (quote->extra_bytes != 32 || memcmp(quote->extra, extra, 32))
		return fail(error, "the quote answers another nonce");
	if (!all_sixteen(quote))
		return fail(error, "the quote is not over SHA-256 PCRs 0 to 15");
	crypto_hash_sha256(digest, node->pcrs[0], sizeof node->pcrs);
	if (quote->digest_bytes != 32 || memcmp(quote->digest, digest, 32))
		return fail(error, "the PCR values are not those that were quoted");
	return 0;
}

int ceno_node_quote_check(const char *text, size_t length, const uint8_t nonce[32], struct ceno_node_quote *out,
                          char *error)
{
	const uint32_t must = CENO_TPMA_FIXED_TPM | CENO_TPMA_FIXED_PARENT | CENO_TPMA_RESTRICTED | CENO_TPMA_SIGN;
	json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	uint8_t quoted[1024], signature[64];
	struct ceno_tpm_attest quote;
	struct ceno_tpm_public ak;
	long quoted_bytes, signature_bytes;
	int rc;

	memset(out, 0, sizeof *out);
	rc = read_keys(object, out) || read_pcrs(json_object_get(object, "pcrs"), out->pcrs);
	quoted_bytes = bytes_of(object, "quote", quoted, sizeof quoted);
	signature_bytes = bytes_of(object, "signature", signature, sizeof signature);
	json_decref(object);
	if (rc || quoted_bytes <= 0 || signature_bytes != 64)
		return fail(error, "the node's answer is malformed");
	if (ceno_tpm_public_parse(out->ak_public, out->ak_public_bytes, &ak) || (ak.attributes & must) != must ||
	    (ak.attributes & CENO_TPMA_DECRYPT) || ak.scheme != CENO_TPM_ALG_ECDSA ||
	    ak.scheme_hash != CENO_TPM_ALG_SHA256 || ak.name_alg != CENO_TPM_ALG_SHA256 ||
	    ak.curve != CENO_TPM_ECC_NIST_P256)
		return fail(error, "the attestation key is not a restricted ECDSA P-256 key");
	if (ceno_tpm_attest_parse(quoted, (size_t)quoted_bytes, CENO_TPM_ST_ATTEST_QUOTE, &quote))
		return fail(error, "the quote is malformed");
	if (!ceno_tpm_ecdsa_verify(&ak, quoted, (size_t)quoted_bytes, signature))
		return fail(error, "the quote's signature is wrong");
	out->clock_ms = quote.clock_ms;
	out->reset_count = quote.reset_count;
	out->restart_count = quote.restart_count;
	out->firmware = quote.firmware;
	return check_quote(&quote, out, nonce, error);
}
