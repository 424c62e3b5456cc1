/*
 * Enrolment: endorsement key, whom to trust for it, a credential made here, opened there.
 *
 *   ceno -> node   which keys?                 node -> ceno   EK, its certificate, seal AK
 *   ceno           is that EK one I trust? 32 random bytes -> credential for (EK, name of the AK)
 *   ceno -> node   open this                   node -> ceno   the bytes: only that TPM, holding that AK, has them
 *
 * A transcript of this proves nothing to anybody else; the line is for this user's own policy file.
 */
#include "enrol.h"

#include <jansson.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "attest/verify/verify.h"
#include "chain.h"
#include "cli.h"
#include "client.h"
#include "credential.h"
#include "policy/units.h"

static int take(json_t *object, const char *name, uint8_t *out, size_t capacity, size_t *bytes)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text &&
		!sodium_base642bin(out, capacity, text, strlen(text), NULL, bytes, NULL, sodium_base64_VARIANT_ORIGINAL)
	    ? 0
	    : -1;
}

int ceno_enrol_parse(const char *text, struct ceno_enrol_keys *keys, char *error)
{
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	int rc = -1;

	memset(keys, 0, sizeof *keys);
	if (json_is_object(object) && !take(object, "ek_public", keys->ek, sizeof keys->ek, &keys->ek_bytes) &&
	    !take(object, "ek_certificate", keys->certificate, sizeof keys->certificate, &keys->certificate_bytes) &&
	    !take(object, "ek_chain", keys->chain, sizeof keys->chain, &keys->chain_bytes) &&
	    !take(object, "seal_ak_public", keys->seal_ak, sizeof keys->seal_ak, &keys->seal_ak_bytes) &&
	    keys->ek_bytes && keys->seal_ak_bytes)
		rc = 0;
	else
		snprintf(error, CENO_ENROL_ERROR_MAX, "the node's answer names no keys");
	json_decref(object);
	return rc;
}

/* Is the certificate about this endorsement key? */
static bool about(X509 *certificate, const struct ceno_enrol_keys *keys)
{
	uint8_t spki[512];
	size_t n = ceno_credential_spki(keys->ek, keys->ek_bytes, spki);
	unsigned char *theirs = NULL;
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	int m = key ? i2d_PUBKEY(key, &theirs) : 0;
	bool same = n && m == (int)n && !memcmp(theirs, spki, n);

	OPENSSL_free(theirs);
	return same;
}

/* The way up: from the node, and from the caller's file. NULL or why not. */
static const char *chain_error(X509 *certificate, const struct ceno_enrol *ask, const struct ceno_enrol_keys *keys,
                               int64_t *until)
{
	STACK_OF(X509) *candidates = sk_X509_new_null();
	const char *why;

	if (!candidates)
		return "out of memory";
	ceno_chain_add_der(candidates, keys->chain, keys->chain_bytes);
	if (ask->intermediates && ceno_chain_add_pem(candidates, ask->intermediates) < 0)
		why = "the intermediates cannot be read";
	else
		why = ceno_chain_check(certificate, candidates, ask->roots, until);
	sk_X509_pop_free(candidates, X509_free);
	return why;
}

static int by_certificate(const struct ceno_enrol *ask, const struct ceno_enrol_keys *keys, int64_t *until, char *error)
{
	const unsigned char *at = keys->certificate;
	X509 *certificate = d2i_X509(NULL, &at, (long)keys->certificate_bytes);
	const char *why = NULL;

	if (!certificate)
		why = "it is not a certificate";
	else if (!about(certificate, keys))
		why = "it is about another key";
	else
		why = chain_error(certificate, ask, keys, until);
	if (why)
		snprintf(error, CENO_ENROL_ERROR_MAX, "the TPM's endorsement certificate: %s", why);
	X509_free(certificate);
	return why ? -1 : 0;
}

int ceno_enrol_trust(const struct ceno_enrol *ask, const struct ceno_enrol_keys *keys, int64_t *until, char *error)
{
	uint8_t digest[32];

	crypto_hash_sha256(digest, keys->ek, keys->ek_bytes);
	if (ask->has_ek && sodium_memcmp(digest, ask->ek, 32)) {
		snprintf(error, CENO_ENROL_ERROR_MAX,
		         "the TPM has another endorsement key than the one given with --ek");
		return -1;
	}
	if (ask->roots && keys->certificate_bytes)
		return by_certificate(ask, keys, until, error);
	if (ask->has_ek && !ask->roots)
		return 0;
	if (ask->roots)
		snprintf(error, CENO_ENROL_ERROR_MAX,
		         "this TPM has no endorsement certificate; --ek names a key that you know otherwise");
	else
		snprintf(error, CENO_ENROL_ERROR_MAX, "nobody vouches for this TPM: give --roots, or --ek");
	return -1;
}

static json_t *call(struct ceno_client *client, json_t *params)
{
	json_t *result = ceno_client_call(client, "node.enrol", params, NULL, 0);

	if (!result)
		ceno_cli_error("%s", client->error[0] ? client->error : "the node's answer is empty");
	return result;
}

static const char *text_of(json_t *result)
{
	const char *text = json_string_value(json_object_get(result, "text"));

	return text ? text : "";
}

/* The challenge: 0, or -1 after a line. */
static int challenge(struct ceno_client *client, const struct ceno_enrol_keys *keys)
{
	uint8_t name[32], value[32], back[32];
	char blob[2 * 68 + 1], secret[2 * 256 + 1];
	struct ceno_credential c;
	json_t *result;
	int rc = -1;

	ceno_verify_ak_digest(keys->seal_ak, keys->seal_ak_bytes, name);
	ceno_cli_random(value, sizeof value);
	if (ceno_credential_make(keys->ek, keys->ek_bytes, name, value, &c)) {
		ceno_cli_error("the node's endorsement key is not one of the default templates");
		return -1;
	}
	ceno_units_format_hex(c.blob, sizeof c.blob, blob);
	ceno_units_format_hex(c.secret, c.secret_bytes, secret);
	result = call(client, json_pack("{s:s,s:s}", "credential", blob, "secret", secret));
	if (result && (ceno_units_parse_hex(text_of(result), back, 32) || sodium_memcmp(back, value, 32)))
		ceno_cli_error("the TPM did not open the credential: its keys are not what the node says");
	else if (result)
		rc = 0;
	json_decref(result);
	return rc;
}

static int print_line(const struct ceno_enrol *ask, const struct ceno_enrol_keys *keys, int64_t until)
{
	uint8_t digest[32];
	char ak[65], certificate[72] = "none", hex[65];

	ceno_verify_ak_digest(keys->seal_ak, keys->seal_ak_bytes, digest);
	ceno_units_format_hex(digest, 32, ak);
	if (keys->certificate_bytes && ask->roots) {
		crypto_hash_sha256(digest, keys->certificate, keys->certificate_bytes);
		ceno_units_format_hex(digest, 32, hex);
		snprintf(certificate, sizeof certificate, "sha256:%s", hex);
	}
	printf("enrolled sha256:%s %s %s %lld\n", ak, ask->kind, certificate, (long long)until);
	return CENO_EXIT_OK;
}

int ceno_enrol_run(const struct ceno_enrol *ask)
{
	static struct ceno_enrol_keys keys;
	int64_t until = (int64_t)time(NULL) + (int64_t)ask->days * 86400;
	char error[CENO_ENROL_ERROR_MAX] = "";
	int status = CENO_EXIT_FAILURE;
	struct ceno_client client;
	json_t *result = NULL;

	if (ceno_client_open(&client, ask->socket))
		ceno_cli_error("%s", client.error);
	else
		result = call(&client, json_object());
	if (result && (ceno_enrol_parse(text_of(result), &keys, error) || ceno_enrol_trust(ask, &keys, &until, error)))
		ceno_cli_error("%s", error);
	else if (result && !challenge(&client, &keys))
		status = print_line(ask, &keys, until);
	json_decref(result);
	ceno_client_close(&client);
	return status;
}
