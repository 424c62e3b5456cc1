/* What a node says of its TPM, read, checked, printed: see tpm.h. */
#include "tpm.h"

#include <inttypes.h>
#include <jansson.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/proof/merkle.h"
#include "attest/proof/proof.h"
#include "chain.h"
#include "cli.h"
#include "credential.h"
#include "policy/units.h"
#include "text.h"

#define COUNTER 0x018ce170u /* attest/tpm/tpm.h, CENO_TPM_COUNTER */

static int key_of(const json_t *object, const char *name, uint8_t out[32])
{
	const char *text = json_string_value(json_object_get(object, name));
	size_t n = 0;

	return text &&
		!sodium_base642bin(out, 32, text, strlen(text), NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) &&
		n == 32
	    ? 0
	    : -1;
}

static int read_epoch(const json_t *epoch, struct ceno_tpm_facts *facts)
{
	const char *log = json_string_value(json_object_get(epoch, "event_log"));
	const char *nv = json_string_value(json_object_get(epoch, "nv"));
	const json_t *index = json_object_get(epoch, "index");

	if (!log || !nv || !json_is_integer(index) || json_integer_value(index) < 0 || !*nv || strlen(nv) > 20 ||
	    strspn(nv, "0123456789") != strlen(nv))
		return -1;
	facts->epoch_index = (uint64_t)json_integer_value(index);
	facts->epoch_nv = strtoull(nv, NULL, 10);
	return strcmp(log, "none") &&
		(strncmp(log, "sha256:", 7) || ceno_units_parse_hex(log + 7, facts->event_log, 32))
	    ? -1
	    : 0;
}

/* As docs/proof-format.md puts it together. */
static void make_leaf(struct ceno_tpm_facts *facts)
{
	uint8_t parts[6][32], body[CENO_PROOF_LEAF_MAX], name[34] = { 0, 0x0b };

	ceno_verify_ak_digest(facts->quote.seal_ak_public, facts->quote.seal_ak_public_bytes, name + 2);
	crypto_hash_sha256(parts[0], name, sizeof name);
	ceno_verify_ak_digest(facts->quote.ak_public, facts->quote.ak_public_bytes, name + 2);
	crypto_hash_sha256(parts[1], name, sizeof name);
	crypto_hash_sha256(parts[2], facts->quote.log_pub, 32);
	crypto_hash_sha256(parts[3], facts->export_pub, 32);
	crypto_hash_sha256(parts[4], facts->identity_pub, 32);
	memcpy(parts[5], facts->event_log, 32);
	ceno_merkle_leaf(body, ceno_proof_leaf_epoch((const uint8_t(*)[32])parts, facts->epoch_nv, body),
	                 facts->epoch_leaf);
}

int ceno_tpm_facts_read(const char *node, const char *endorsement, const uint8_t nonce[32],
                        struct ceno_tpm_facts *facts, char *error)
{
	json_t *object = json_loads(node, JSON_REJECT_DUPLICATES, NULL);
	char why[CENO_NODE_QUOTE_ERROR_MAX > CENO_ENROL_ERROR_MAX ? CENO_NODE_QUOTE_ERROR_MAX : CENO_ENROL_ERROR_MAX];
	int rc = -1;

	memset(facts, 0, sizeof *facts);
	if (key_of(object, "export_pub", facts->export_pub) || key_of(object, "identity_pub", facts->identity_pub) ||
	    read_epoch(json_object_get(object, "epoch"), facts))
		snprintf(error, CENO_TPM_FACTS_ERROR_MAX, "the node's answer is malformed");
	else if (ceno_node_quote_check(node, strlen(node), nonce, &facts->quote, why))
		snprintf(error, CENO_TPM_FACTS_ERROR_MAX, "the node's quote is not good: %.200s", why);
	else if (ceno_enrol_parse(endorsement, &facts->keys, why))
		snprintf(error, CENO_TPM_FACTS_ERROR_MAX, "%.200s", why);
	else if (facts->keys.seal_ak_bytes != facts->quote.seal_ak_public_bytes ||
	         memcmp(facts->keys.seal_ak, facts->quote.seal_ak_public, facts->keys.seal_ak_bytes))
		snprintf(error, CENO_TPM_FACTS_ERROR_MAX, "the node names two seal keys");
	else
		rc = 0;
	json_decref(object);
	if (!rc)
		make_leaf(facts);
	return rc;
}

enum ceno_tpm_pinned ceno_tpm_facts_pin(struct ceno_verify_pins *pins, const struct ceno_tpm_facts *facts, bool replace)
{
	struct ceno_verify_pin pin = { 0 };
	uint32_t kept = 0;
	bool conflict = false;

	snprintf(pin.origin, sizeof pin.origin, "%s", facts->quote.origin);
	ceno_verify_ak_digest(facts->quote.seal_ak_public, facts->quote.seal_ak_public_bytes, pin.ak);
	memcpy(pin.log_pub, facts->quote.log_pub, 32);
	memcpy(pin.identity, facts->identity_pub, 32);
	for (uint32_t i = 0; i < pins->pin_count; i++) {
		const struct ceno_verify_pin *p = &pins->pins[i];
		bool origin = !strcmp(p->origin, pin.origin), ak = !memcmp(p->ak, pin.ak, 32);
		bool log = !memcmp(p->log_pub, pin.log_pub, 32);

		if (origin && ak && log)
			return CENO_TPM_PIN_KNOWN; /* beside pins of its earlier log keys, perhaps */
		conflict = conflict || origin || ak || log;
	}
	if (conflict && !replace)
		return CENO_TPM_PIN_CONFLICT;
	for (uint32_t i = 0; i < pins->pin_count; i++)
		if (strcmp(pins->pins[i].origin, pin.origin) && memcmp(pins->pins[i].ak, pin.ak, 32) &&
		    memcmp(pins->pins[i].log_pub, pin.log_pub, 32))
			pins->pins[kept++] = pins->pins[i];
	pins->pin_count = kept;
	if (pins->pin_count == CENO_VERIFY_PINS_MAX)
		return CENO_TPM_PIN_CONFLICT;
	pins->pins[pins->pin_count++] = pin;
	return CENO_TPM_PIN_NEW;
}

/* ---- rows: label and value, printed or made members ------------------------------------- */

struct rows {
	json_t *object; /* NULL: for people */
};

static void row(struct rows *rows, const char *key, const char *label, const char *value)
{
	if (rows->object)
		json_object_set_new(rows->object, key, json_string(value));
	else
		ceno_text_line(stdout, "%-13s %s", label, value);
}

static void hash_row(struct rows *rows, const char *key, const char *label, const uint8_t hash[32])
{
	char text[72] = "none";

	if (!sodium_is_zero(hash, 32)) {
		snprintf(text, sizeof text, "sha256:");
		ceno_units_format_hex(hash, 32, text + 7);
	}
	row(rows, key, label, text);
}

static void key_row(struct rows *rows, const char *key, const char *label, const uint8_t pub[32])
{
	char text[sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_ORIGINAL)];

	row(rows, key, label, sodium_bin2base64(text, sizeof text, pub, 32, sodium_base64_VARIANT_ORIGINAL));
}

/* TPM name: 0x000b and the digest of the public area. */
static void name_row(struct rows *rows, const char *key, const char *label, const uint8_t *area, size_t bytes)
{
	uint8_t name[34] = { 0, 0x0b };
	char text[69];

	ceno_verify_ak_digest(area, bytes, name + 2);
	ceno_units_format_hex(name, sizeof name, text);
	row(rows, key, label, text);
}

static void certificate_row(struct rows *rows, json_t *list, const char *label, X509 *certificate)
{
	char subject[256], issuer[256], until[32] = "?";
	time_t end = (time_t)ceno_chain_until(certificate);
	struct tm day;

	ceno_chain_name(certificate, 1, subject, sizeof subject);
	ceno_chain_name(certificate, 0, issuer, sizeof issuer);
	if (end >= 0 && gmtime_r(&end, &day))
		strftime(until, sizeof until, "%Y-%m-%d", &day);
	if (rows->object)
		json_array_append_new(list,
		                      json_pack("{s:s,s:s,s:s}", "subject", subject, "issuer", issuer, "until", until));
	else
		ceno_text_line(stdout, "%-13s %s, by %s, until %s", label, subject, issuer, until);
}

static void certificate_rows(struct rows *rows, const struct ceno_enrol_keys *keys)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	json_t *list = rows->object ? json_array() : NULL;
	uint8_t digest[32] = { 0 };

	if (chain) {
		ceno_chain_add_der(chain, keys->certificate, keys->certificate_bytes);
		ceno_chain_add_der(chain, keys->chain, keys->chain_bytes);
	}
	for (int i = 0; i < sk_X509_num(chain); i++)
		certificate_row(rows, list, i ? "  above it" : "certificate", sk_X509_value(chain, i));
	if (rows->object)
		json_object_set_new(rows->object, "ek_chain", list);
	else if (sk_X509_num(chain) <= 0)
		ceno_text_line(stdout, "%-13s none: nobody but you can say which TPM this is", "certificate");
	if (keys->certificate_bytes)
		crypto_hash_sha256(digest, keys->certificate, keys->certificate_bytes);
	if (rows->object || keys->certificate_bytes)
		hash_row(rows, "ek_certificate", "  its hash", digest);
	sk_X509_pop_free(chain, X509_free);
}

static void pcr_rows(struct rows *rows, const struct ceno_node_quote *quote)
{
	json_t *list = rows->object ? json_array() : NULL;
	char hex[65], label[16];

	for (int i = 0; i < 16; i++) {
		ceno_units_format_hex(quote->pcrs[i], 32, hex);
		snprintf(label, sizeof label, "PCR %d", i);
		if (rows->object)
			json_array_append_new(list, json_string(hex));
		else
			ceno_text_line(stdout, "%-13s %s", label, sodium_is_zero(quote->pcrs[i], 32) ? "zeros" : hex);
	}
	if (rows->object)
		json_object_set_new(rows->object, "pcrs", list);
}

static void epoch_rows(struct rows *rows, const struct ceno_tpm_facts *facts)
{
	char text[64] = "none: the owner hierarchy is locked", hex[65];

	if (facts->epoch_nv && rows->object)
		snprintf(text, sizeof text, "%" PRIu64, facts->epoch_nv);
	else if (facts->epoch_nv)
		snprintf(text, sizeof text, "NV 0x%08x, %" PRIu64 " at this epoch", COUNTER, facts->epoch_nv);
	row(rows, "counter", "counter", text);
	ceno_units_format_hex(facts->epoch_leaf, 32, hex);
	if (rows->object) {
		json_object_set_new(rows->object, "epoch_index", json_integer((json_int_t)facts->epoch_index));
		json_object_set_new(rows->object, "epoch_leaf", json_string(hex));
	} else {
		printf("%-13s leaf %" PRIu64 " of the log, %s\n", "epoch", facts->epoch_index, hex);
	}
	hash_row(rows, "event_log", "event log", facts->event_log);
}

int ceno_tpm_facts_print(const struct ceno_tpm_facts *facts, const char *pin, bool json)
{
	const struct ceno_node_quote *q = &facts->quote;
	struct rows rows = { json ? json_object() : NULL };
	uint8_t ek[32];
	char tpm[256];

	row(&rows, "origin", "node", q->origin);
	snprintf(tpm, sizeof tpm, "%s (%s%s%s%s)", q->kind, q->manufacturer, *q->vendor ? " " : "", q->vendor,
	         q->own_swtpm ? ", the node's own swtpm: whoever runs the node can write any proof" : "");
	row(&rows, "tpm", "TPM", json ? q->kind : tpm);
	crypto_hash_sha256(ek, facts->keys.ek, facts->keys.ek_bytes);
	hash_row(&rows, "ek", "EK", ek);
	certificate_rows(&rows, &facts->keys);
	name_row(&rows, "seal_ak_name", "seal AK", q->seal_ak_public, q->seal_ak_public_bytes);
	name_row(&rows, "raw_ak_name", "raw AK", q->ak_public, q->ak_public_bytes);
	key_row(&rows, "log_pub", "log key", q->log_pub);
	key_row(&rows, "export_pub", "export key", facts->export_pub);
	key_row(&rows, "identity_pub", "identity key", facts->identity_pub);
	epoch_rows(&rows, facts);
	pcr_rows(&rows, q);
	row(&rows, "pin", "pin", pin);
	if (json)
		return ceno_cli_print_json(rows.object);
	return CENO_EXIT_OK;
}
