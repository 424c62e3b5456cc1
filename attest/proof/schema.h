/*
 * The closed schema of a proof as tables: each object is a list of fields in
 * canonical key order, each bound to a member of a fixed struct. One table
 * writes and reads, so the two cannot differ, and tells who vouches for a field.
 *
 * Internal to attest (proof builds, verify reads).
 */
#ifndef CENO_ATTEST_SCHEMA_H
#define CENO_ATTEST_SCHEMA_H

#include "json.h"
#include "proof.h"

enum ceno_field_type {
	CENO_FIELD_NUMBER,       /* uint32_t or uint64_t, min to max */
	CENO_FIELD_DECIMAL,      /* uint64_t as a decimal string */
	CENO_FIELD_BOOL,         /* uint32_t 0 or 1 */
	CENO_FIELD_WORD,         /* uint32_t, index into a list of words (NULL entries are not words) */
	CENO_FIELD_TEXT,         /* char[max + 1], min to max characters of a set */
	CENO_FIELD_CONST,        /* a fixed string, no member */
	CENO_FIELD_VERSION,      /* a fixed string, judged before the schema is: any string is read */
	CENO_FIELD_FIXED,        /* a fixed number (min = max), no member */
	CENO_FIELD_HASH,         /* 32 bytes, "sha256:..." */
	CENO_FIELD_HASH_OR_NONE, /* zeros are "none" */
	CENO_FIELD_HEX,          /* size bytes, bare hex */
	CENO_FIELD_BASE64,       /* size bytes */
	CENO_FIELD_BYTES,        /* min to max bytes, length in a uint32_t member */
	CENO_FIELD_OBJECT,       /* aux: struct ceno_schema */
	CENO_FIELD_TUPLE,        /* array with one value per field of aux: struct ceno_schema */
	CENO_FIELD_LIST          /* array of min to max values described by aux: struct ceno_field, `size` apart */
};

#define CENO_FIELD_NO_COUNT UINT32_MAX /* LIST: exactly max values, no count member */

struct ceno_field {
	const char *key;       /* NULL in tuples and lists */
	uint32_t type;         /* enum ceno_field_type */
	char vouch;            /* 'R' recomputed, 'X' cross-checked, 'A' asserted, '-' constant or container */
	uint32_t offset;       /* of the member in the enclosing struct */
	uint32_t size;         /* bytes of the member, or of one element */
	uint32_t count_offset; /* uint32_t with the number of bytes or elements */
	uint64_t min, max;
	const void *aux;
};

struct ceno_schema {
	const struct ceno_field *fields;
	uint32_t count;
};

enum ceno_schema_error {
	CENO_SCHEMA_E_UNKNOWN = -1, /* a member that the format does not have */
	CENO_SCHEMA_E_MISSING = -2,
	CENO_SCHEMA_E_TYPE = -3,  /* another JSON type */
	CENO_SCHEMA_E_VALUE = -4, /* outside pattern, range, list of words, or another constant */
	CENO_SCHEMA_E_COUNT = -5  /* an array too short or too long */
};

/* Write the object at `from` (the struct the schema is bound to). Errors in writer->error. */
void ceno_schema_write(const struct ceno_schema *schema, const void *from, struct ceno_json_writer *writer);

/* Read token `token` into `to`, which the caller has zeroed. The document is hostile. Returns 0 or the
 * first ceno_schema_error, *bad its token; what could be read beside it is in `to`, the rest zeros. */
int ceno_schema_read(const struct ceno_schema *schema, const struct ceno_json *json, uint32_t token, void *to,
                     uint32_t *bad);

/* The payload: statement plus its subject. */
struct ceno_proof_document {
	struct ceno_proof_statement statement;
	uint8_t subject[32]; /* c0 */
};

struct ceno_proof_envelope {
	uint32_t payload_bytes;
	uint8_t payload[CENO_PAYLOAD_MAX];
	uint8_t keyid[32]; /* SHA-256 of the signer's key */
	uint8_t signature[64];
	struct ceno_proof_seal seal;
};

extern const struct ceno_schema ceno_schema_envelope; /* struct ceno_proof_envelope */
extern const struct ceno_schema ceno_schema_document; /* struct ceno_proof_document */
extern const struct ceno_schema ceno_schema_core;     /* struct ceno_proof_core */
extern const struct ceno_schema ceno_schema_platform;
extern const struct ceno_schema ceno_schema_timing;
extern const struct ceno_schema ceno_schema_sanitization;
extern const struct ceno_schema ceno_schema_node;
extern const struct ceno_schema ceno_schema_step8;
/* Evidence of steps 1 to 7, and the offset of its struct in ceno_proof_statement. */
extern const struct ceno_schema *const ceno_schema_steps[7];
extern const uint32_t ceno_schema_step_offset[7];

/* SHA-256 of the canonical form of one object. Returns 0, FIELD or SPACE. */
int ceno_schema_hash(const struct ceno_schema *schema, const void *from, uint8_t hash[32]);

#endif
