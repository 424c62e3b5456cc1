/*
 * ceno-attest under ptrace: every call that changes its state directory is an event,
 * counted; at one of them it is killed. And a model of what would be left had the power failed:
 *
 *   - bytes of a file are durable after fsync or fdatasync of it,
 *   - names (created, renamed, removed) after fsync of their folder.
 *
 * Checked at each event and each answer, whether it is killed or not (trace.failure says):
 *   a file is renamed into place only when its bytes are durable;
 *   a checkpoint gets its name only when all leaves under it are durable;
 *   LAUNCHED is sent only when the leaf is durable, STORED when the payload is, FILE when
 *   the checkpoint and the file are.
 */
#ifndef CENO_TESTS_ATTEST_TRACE_H
#define CENO_TESTS_ATTEST_TRACE_H

#include "attest/log/log.h"
#include "tests/e2e/attest/harness.h"

enum trace_death {
	TRACE_BEFORE, /* the call is not made */
	TRACE_HALF,   /* a write writes half; any other call: as BEFORE */
	TRACE_AFTER,  /* the call is made and its result not seen */
	TRACE_POWER,  /* the same, and what is not durable is gone */
	TRACE_DEATHS
};

#define TRACE_CHECKPOINTS 256
#define TRACE_EVENTS_MAX  1024

struct trace_checkpoint {
	uint64_t size;
	uint8_t root[32];
};

struct trace {
	/* in */
	struct node *node;
	unsigned kill_at; /* event, from 1; 0: never */
	enum trace_death death;
	/* out, whole after trace_join */
	unsigned events;
	uint8_t writes[TRACE_EVENTS_MAX]; /* by event: 0 no write, 1 a write, 2 of log/leaves */
	bool killed;
	char failure[256]; /* empty: every check held */
	char killed_in[64];
	struct trace_checkpoint
	    seen[TRACE_CHECKPOINTS]; /* every checkpoint that had the name, ever; the caller's to keep */
	unsigned seen_count;
	uint64_t answered; /* leaves whose index was answered: at least so many must be there */
	void *private;
};

/* Start node (not running) under the tracer: returns when it was started; the caller serves it. */
void trace_start(struct trace *t);
/* It has ended: by the kill, or in order after the caller closed its control channel. node->pid is 0. */
void trace_join(struct trace *t);

/* The leaves in node's log now, as a tree. Returns 0, or -1: not readable. */
int trace_tree(const struct node *n, struct ceno_log *tree);

#endif
