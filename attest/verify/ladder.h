/*
 * Internal to attest/verify: the state of one verification and the step that
 * every check takes. A stage calls ceno_check() for each of its codes in the
 * order of the list; ceno_check() says whether to go on.
 */
#ifndef CENO_VERIFY_LADDER_H
#define CENO_VERIFY_LADDER_H

#include <stdbool.h>
#include "verify.h"
#include "../proof/schema.h"

#define CENO_LADDER_TOKENS 2048u /* the largest proof has about 600 values */

struct ceno_ladder {
	const struct ceno_verify_policy *policy;
	struct ceno_verify_result *result;
	bool stopped; /* a failure, and no --explain */
	struct ceno_proof_envelope envelope;
	struct ceno_proof_document document;
	struct ceno_json_token tokens[CENO_LADDER_TOKENS];
	uint8_t chunk[CENO_PROOF_CHUNK];
	uint8_t text[CENO_CDP_FILE_MAX]; /* PAE; scratch */
};

/* Record a check. Returns true if the ladder goes on (it passed, or explain is asked). */
bool ceno_check(struct ceno_ladder *ladder, enum ceno_verify_code code, bool passed);

/* The same for a check that reads something: true only if there is something to go on with. */
bool ceno_need(struct ceno_ladder *ladder, enum ceno_verify_code code, bool passed);

/* Say more about the failure that was just recorded, if it is the verdict. */
__attribute__((format(printf, 3, 4))) void ceno_check_detail(struct ceno_ladder *ladder, enum ceno_verify_code code,
                                                             const char *format, ...);

/* Stages; each returns at once when the ladder has stopped. */
void ceno_stage_evidence(struct ceno_ladder *ladder);   /* 3, 4 */
void ceno_stage_signature(struct ceno_ladder *ladder);  /* 5 */
void ceno_stage_step8(struct ceno_ladder *ladder);      /* 6 */
void ceno_stage_memory(struct ceno_ladder *ladder);     /* 7 */
void ceno_stage_log(struct ceno_ladder *ladder);        /* 8 */
void ceno_stage_quote(struct ceno_ladder *ladder);      /* 9 */
void ceno_stage_reference(struct ceno_ladder *ladder);  /* 10 */
void ceno_check_comparison(struct ceno_ladder *ladder); /* of 12 */
void ceno_stage_trust(struct ceno_ladder *ladder);      /* 11 to 13 */

#ifdef CENO_VERIFY_TESTING
/* Test builds only: the check with this code always passes, as if compiled out. */
extern uint32_t ceno_verify_skip;
#endif

#endif
