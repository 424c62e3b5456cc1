/*
 * The chain c0..c8, the payload, its pre-authentication encoding, and the whole
 * file (proof.h). Pure; scratch lives on the stack.
 */
#include "schema.h"
#include "hash.h"

#include <stdio.h>
#include <string.h>

const char *ceno_proof_error_text(int error)
{
	switch (error) {
#define TEXT(name, number, text) \
	case number: \
		return text;
		CENO_PROOF_ERRORS(TEXT)
#undef TEXT
	default:
		return "no error";
	}
}

void ceno_hash_step(uint8_t i, const uint8_t previous[32], const uint8_t evidence[32], uint8_t out[32])
{
	crypto_hash_sha256_state s;
	ceno_hash_tag(&s, "CDP/v1/step");
	ceno_hash_add(&s, &i, 1);
	ceno_hash_add(&s, previous, 32);
	ceno_hash_add(&s, evidence, 32);
	crypto_hash_sha256_final(&s, out);
}

int ceno_proof_c0(const struct ceno_proof_core *core, uint8_t c0[32])
{
	char text[4096];
	struct ceno_json_writer w;
	crypto_hash_sha256_state s;
	ceno_json_writer_init(&w, text, sizeof(text));
	ceno_schema_write(&ceno_schema_core, core, &w);
	if (w.error != 0)
		return w.error;
	ceno_hash_tag(&s, "CDP/v1/core");
	ceno_hash_add(&s, text, w.length);
	crypto_hash_sha256_final(&s, c0);
	return 0;
}

/* chain[from] from chain[from - 1], up to and including chain[to]. */
static int extend(const struct ceno_proof_statement *statement, int from, int to, uint8_t chain[][32])
{
	for (int i = from; i <= to; i++) {
		uint8_t evidence[32];
		const char *step = (const char *)statement + ceno_schema_step_offset[i - 1];
		int rc = ceno_schema_hash(ceno_schema_steps[i - 1], step, evidence);
		if (rc != 0)
			return rc;
		ceno_hash_step((uint8_t)i, chain[i - 1], evidence, chain[i]);
	}
	return 0;
}

int ceno_proof_c2(const struct ceno_proof_statement *statement, uint8_t chain[3][32])
{
	int rc = ceno_proof_c0(&statement->core, chain[0]);
	return rc != 0 ? rc : extend(statement, 1, 2, chain);
}

void ceno_proof_challenge(const struct ceno_proof_statement *statement, const uint8_t c2[32], uint8_t challenge[32])
{
	crypto_hash_sha256_state s;
	ceno_hash_tag(&s, "CDP/v1/challenge");
	ceno_hash_add(&s, statement->core.session_id, 16);
	ceno_hash_add(&s, statement->core.rp_nonce, 32);
	ceno_hash_add(&s, statement->overwrite.destroy_nonce, 32);
	ceno_hash_add(&s, c2, 32);
	ceno_hash_add(&s, statement->overwrite.random, 32);
	crypto_hash_sha256_final(&s, challenge);
}

int ceno_proof_seal_steps(struct ceno_proof_statement *statement, uint8_t chain[8][32])
{
	int rc = ceno_proof_c0(&statement->core, chain[0]);
	if (rc == 0)
		rc = extend(statement, 1, 6, chain);
	if (rc == 0)
		rc = ceno_schema_hash(&ceno_schema_timing, &statement->timing, statement->chain.timing);
	if (rc == 0)
		rc = ceno_schema_hash(&ceno_schema_sanitization, &statement->sanitization,
		                      statement->chain.sanitization);
	if (rc != 0)
		return rc;
	memcpy(statement->chain.c6, chain[6], 32);
	return extend(statement, 7, 7, chain);
}

int ceno_proof_payload(const struct ceno_proof_statement *statement, uint8_t payload[CENO_PAYLOAD_MAX],
                       size_t *payload_bytes)
{
	struct ceno_proof_document document = { .statement = *statement };
	struct ceno_json_writer w;
	int rc = ceno_proof_c0(&statement->core, document.subject);
	*payload_bytes = 0;
	if (rc != 0)
		return rc;
	ceno_json_writer_init(&w, payload, CENO_PAYLOAD_MAX);
	ceno_schema_write(&ceno_schema_document, &document, &w);
	if (w.error == 0)
		*payload_bytes = w.length;
	return w.error;
}

size_t ceno_proof_pae(const uint8_t *payload, size_t payload_bytes, uint8_t pae[CENO_PROOF_PAE_MAX])
{
	if (payload_bytes > CENO_PAYLOAD_MAX)
		return 0;
	int n = snprintf((char *)pae, CENO_PROOF_PAE_MAX, "DSSEv1 %zu %s %zu ", strlen(CENO_PROOF_PAYLOAD_TYPE),
	                 CENO_PROOF_PAYLOAD_TYPE, payload_bytes);
	memcpy(pae + n, payload, payload_bytes);
	return (size_t)n + payload_bytes;
}

int ceno_proof_c8(const struct ceno_proof_step8 *step8, const uint8_t c7[32], uint8_t c8[32])
{
	uint8_t evidence[32];
	int rc = ceno_schema_hash(&ceno_schema_step8, step8, evidence);
	if (rc != 0)
		return rc;
	ceno_hash_step(8, c7, evidence, c8);
	return 0;
}

/* Order of P-256 and its half (SEC 2, 2.4.2). */
static const uint8_t p256_order[32] = { 0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0xff, 0xff, 0xff,
	                                0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
	                                0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };

/* s and n - s sign alike: the lower one is the spelling. A signature that is none stays as it is. */
static void lower_s(uint8_t signature[64])
{
	uint8_t *s = signature + 32, other[32];
	int borrow = 0;
	if (memcmp(s, p256_order, 32) >= 0)
		return;
	for (int i = 31; i >= 0; i--) {
		int d = p256_order[i] - s[i] - borrow;
		borrow = d < 0;
		other[i] = (uint8_t)d;
	}
	if (memcmp(other, s, 32) < 0)
		memcpy(s, other, 32);
}

int ceno_proof_file(const uint8_t *payload, size_t payload_bytes, const uint8_t signature[64],
                    const uint8_t signer_pub[32], const struct ceno_proof_seal *seal, uint8_t file[CENO_CDP_FILE_MAX],
                    size_t *file_bytes)
{
	struct ceno_proof_envelope envelope = { .seal = *seal };
	struct ceno_json_writer w;
	*file_bytes = 0;
	if (payload_bytes > CENO_PAYLOAD_MAX)
		return CENO_PROOF_E_SPACE;
	envelope.payload_bytes = (uint32_t)payload_bytes;
	memcpy(envelope.payload, payload, payload_bytes);
	memcpy(envelope.signature, signature, 64);
	crypto_hash_sha256(envelope.keyid, signer_pub, 32);
	lower_s(envelope.seal.quote.signature);
	lower_s(envelope.seal.nv.signature);
	ceno_json_writer_init(&w, file, CENO_CDP_FILE_MAX);
	ceno_schema_write(&ceno_schema_envelope, &envelope, &w);
	if (w.error == 0)
		*file_bytes = w.length;
	return w.error;
}
