/*
 * Metadata a customer declares about a session: data classification and
 * jurisdiction. The proof carries both as declared, never as checked. Pure.
 */
#ifndef CENO_POLICY_METADATA_H
#define CENO_POLICY_METADATA_H

#include <stdint.h>

/* Numbers are stable: they travel in ceno_session_record. */
enum ceno_classification {
	CENO_CLASSIFICATION_NONE, /* not declared: "none" */
	CENO_CLASSIFICATION_GENERAL,
	CENO_CLASSIFICATION_PHI,
	CENO_CLASSIFICATION_PII,
	CENO_CLASSIFICATION_FINANCIAL,
	CENO_CLASSIFICATION_CREDENTIALS,
	CENO_CLASSIFICATION_COUNT
};

enum ceno_jurisdiction {
	CENO_JURISDICTION_NONE, /* not declared: "none" */
	CENO_JURISDICTION_US,
	CENO_JURISDICTION_EU,
	CENO_JURISDICTION_UK,
	CENO_JURISDICTION_CA,
	CENO_JURISDICTION_AU,
	CENO_JURISDICTION_IN,
	CENO_JURISDICTION_OTHER,
	CENO_JURISDICTION_COUNT
};

/* The word of a value, static; NULL when the number is not one of them. */
const char *ceno_classification_word(uint32_t value);
const char *ceno_jurisdiction_word(uint32_t value);

/* The value of `word` (client-controlled, NUL-terminated, exact case); -1 when
 * there is none. "none" is accepted and means not declared. */
int ceno_classification_parse(const char *word);
int ceno_jurisdiction_parse(const char *word);

#endif
