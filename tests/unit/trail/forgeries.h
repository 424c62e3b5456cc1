/* One forgery a code of the audit, each with whatever its forger can redo redone. */
#ifndef CENO_TRAIL_FORGERIES_H
#define CENO_TRAIL_FORGERIES_H

#include "attest/trail/audit.h"
#include "tests/lib/trail_fixture.h"

extern struct trail_fixture f;
extern struct ceno_audit_expect expect; /* of the honest trail: session, nonce, key, bundle */
extern size_t file_bytes;               /* 0: as the header says */

struct forgery {
	const char *name;
	enum ceno_audit_code code;
	void (*forge)(void);
};
extern const struct forgery forgeries[];
extern const size_t forgery_count;

/* The honest trail, and what its reader knows. */
void start(void);

#endif
