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
#define F(function, code) \
	{ \
#function, CENO_AUDIT_##code, function \
	}

/* The i-th forgery, NULL behind the last. */
const struct forgery *forgery(size_t i);
extern const struct forgery replay_forgeries[]; /* forgeries_replay.c: events that cannot follow one another */
extern const size_t replay_forgery_count;

/* The honest trail, and what its reader knows. */
void start(void);

#define NATIVE 5 /* the MODULE of the native program's first start */

/* ---- what forgers do ---- */

static inline struct ceno_trail_header *header(void)
{
	return (struct ceno_trail_header *)f.area;
}

static inline struct ceno_trail_record *first(uint32_t type)
{
	return trail_record(&f, trail_find(&f, type, 0));
}

static inline struct ceno_trail_record *nth(uint32_t type, uint32_t n)
{
	return trail_record(&f, trail_find(&f, type, n));
}

static inline void redo(void)
{
	trail_redo(&f, f.seed);
}

/* A record of a type, its payload zero, written right before record i. */
static inline struct ceno_trail_record *make(uint32_t i, uint32_t type)
{
	struct ceno_trail_record r = { .head = { .bytes = ceno_trail_record_bytes(type),
		                                 .type = (uint16_t)type,
		                                 .version = CENO_TRAIL_VERSION,
		                                 .tsc = trail_record(&f, i - 1)->head.tsc,
		                                 .at = trail_record(&f, i - 1)->head.tsc } };

	trail_insert(&f, i, &r);
	return trail_record(&f, i);
}

#endif
