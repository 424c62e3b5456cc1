/*
 * Invariants of the nucleus, looked at from outside after every operation on the
 * fake machine. Each is stated once, in check.c (the state as it is), steps.c (what
 * one operation may change) or view.c (the state can be read at all).
 */
#ifndef CENO_TEST_NUCLEUS_CHECK_H
#define CENO_TEST_NUCLEUS_CHECK_H

#include <stdarg.h>
#include "machine.h"
#include "tests/model/trace.h"

#define ONE_MORE(name, number, text) +1
/* Errors are numbered from -1 down without a gap. */
#define VERB_ERRORS (0 CENO_VERB_ERRORS(ONE_MORE))

#define VIEW_CAPS   8192
#define VIEW_SPACES 160
#define VIEW_RUNS   16384

/* A capability and where it lies. */
struct view_cap {
	struct ceno_cap cap;
	uint32_t fiber;  /* index, or UINT32_MAX: in a message */
	uint32_t slot;   /* or number of the message in its ring */
	uint64_t holder; /* message: serial of its channel */
};

struct view_space {
	const struct ceno_space *space;
	uint64_t cr3;
	uint64_t pages, quota;
	uint32_t ending;                /* of a fiber or process that is being taken apart, or restarted */
	const struct ceno_fiber *fiber; /* whose it is, or NULL: a process's */
	uint32_t tables;                /* counted by the walk, the layout's own left out */
	int first, runs;                /* in run[] */
};

/* What the checks look at, read out of the machine once an operation. */
struct view {
	struct ceno_machine_mapping run[VIEW_RUNS];
	struct view_cap cap[VIEW_CAPS];
	struct view_space space[VIEW_SPACES];
	int runs, caps, spaces;
	int free_pages;
	const struct ceno_fiber *fiber[CENO_FIBERS_MAX];
	uint64_t serial[CENO_MACHINE_POOL_MAX];
	uint32_t holders[CENO_MACHINE_POOL_MAX + CENO_SLOT_FIRST_FREE + 1]; /* counted, by object */
	uint32_t live[CENO_MACHINE_POOL_MAX + CENO_SLOT_FIRST_FREE + 1];    /* those with its epoch */
	const struct ceno_region *region[CENO_REGIONS_MAX];
	const struct ceno_fiber *gone[CENO_MACHINE_POOL_MAX]; /* by page: fibers that are apart */
	uint8_t owners[CENO_MACHINE_POOL_MAX];                /* of each pool page */
	uint8_t listed[CENO_MACHINE_POOL_MAX];                /* objects that some fiber is taking apart */
};

/* NULL if all is well, else what is broken (static text). view_read also checks
 * that the state can be read: pages, tables, capabilities. */
const char *view_read(struct view *v);
const char *check_state(const struct view *v);

/* Forgets the past: call after a reset. */
const char *check_begin(void);
/* After ceno_op_apply: everything, against the state after the operation before. */
const char *check_after(const struct ceno_op *op);

/* Makes the text of a broken invariant; `broken` in all three files. */
const char *broken(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Index into holders[], or -1 if the pointer is no live object. */
int view_object(const struct view *v, const struct ceno_object *o);

#endif
