/* Internal to attest/trail: the state of one audit, and the step that every check takes. */
#ifndef CENO_TRAIL_LADDER_H
#define CENO_TRAIL_LADDER_H

#include "audit.h"

struct ceno_audit_ladder {
	const uint8_t *file;
	size_t bytes;
	const struct ceno_audit_expect *expect;
	struct ceno_audit *audit;
	bool stopped; /* at the first failure, but for what only lowers assurance (exit 4) */
};

/* Records a check about a record (UINT32_MAX: none). Returns true if the ladder goes on. */
bool ceno_audit_check(struct ceno_audit_ladder *l, enum ceno_audit_code code, bool passed, uint32_t record);

/* Stages; each is called only if the ladder has not stopped. */
void ceno_audit_stage_form(struct ceno_audit_ladder *l);   /* 1, 2 */
void ceno_audit_stage_chain(struct ceno_audit_ladder *l);  /* 3 */
void ceno_audit_stage_seals(struct ceno_audit_ladder *l);  /* 4 */
void ceno_audit_stage_replay(struct ceno_audit_ladder *l); /* 5 */
void ceno_audit_stage_asked(struct ceno_audit_ladder *l);  /* 6 */

#ifdef CENO_AUDIT_TESTING
/* Test builds only: the check with this code always passes, as if compiled out. */
extern uint32_t ceno_audit_skip;
#endif

#endif
