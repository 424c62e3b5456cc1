/*
 * The hand that makes things fail: a process that traces one warden from its first instruction, and
 * every process it starts, counts their system calls by site and their allocations, and makes one of
 * them fail, or ends the process there. It stops the warden before each state of destruction.h, too, and
 * looks at its memory from outside: what it saw done is what a proof may say.
 *
 * A site is "ROLE PHASE CALL": warden (start, setup, run, end), child (start: the vmm before its exec), vmm (start, setup,
 * run), recovery (start, end: a recovery warden); CALL is a system call, with ioctl its request. Phases end where the
 * process says so to its peers: PARKED, LOCKED, READY, LAUNCHED, the reaping of the vmm; a recovery's at its first state.
 */
#ifndef CENO_TESTS_FAULTS_TRACER_H
#define CENO_TESTS_FAULTS_TRACER_H

#include <stdint.h>
#include <sys/types.h>

#include "vmm/warden/destruction.h"

#define SITES_MAX 512
#define SITE_TEXT 48
#define STEPS     (CENO_DESTROY_STATE_COUNT + 1u) /* boundaries: before each state, and before the exit */

enum fault_kind {
	FAULT_NONE,  /* count only */
	FAULT_CALL,  /* the n-th call at a site returns -error */
	FAULT_ALLOC, /* the n-th allocation of a role gives nothing */
	FAULT_KILL,  /* SIGKILL at the n-th call at a site */
	FAULT_STEP,  /* faults.c kills and closes while the tracer holds the role before a state of destruction */
	FAULT_TIME,  /* not the tracer's: faults.c kills and closes at a random moment */
	FAULT_KINDS
};

enum role { ROLE_WARDEN, ROLE_CHILD, ROLE_VMM, ROLE_RECOVERY, ROLES };

struct fault {
	enum fault_kind kind;
	uint32_t site;  /* CALL, KILL */
	uint32_t role;  /* ALLOC, STEP; RECOVERY with CALL and KILL, too */
	uint32_t nth;   /* from 1 */
	int32_t error;  /* CALL */
	uint32_t set;   /* STEP, TIME: bits of enum victim */
	uint32_t at_us; /* TIME: since the session began */
	uint32_t step;  /* STEP: below STEPS */
	uint32_t fell;  /* RECOVERY: the boundary at which the warden before it was killed */
};

/* What was seen of the warden's destruction, in its memory. */
enum seen {
	SEEN_FILLED = 1, /* before READ_BACK: no page of RAM that is backed was left as it was, or zero */
	SEEN_SEALED = 2, /* before COMPARED: nobody can write RAM any more */
	SEEN_ZEROED = 4, /* before COMPARED: every backed byte is zero */
	SEEN_ALL = 7
};

enum held { HELD_NOT, HELD_HERE, HELD_LET_GO };

struct traced { /* shared by tracer and session */
	struct fault fault;
	uint32_t site_count; /* known ones; more are appended */
	char site[SITES_MAX][SITE_TEXT];
	uint32_t calls[SITES_MAX];
	uint32_t allocations[ROLES];
	uint32_t entered;      /* bit for each state the warden came to; a lower one after a higher: disordered */
	uint32_t seen;         /* bits of enum seen */
	int disordered, blind; /* blind: no boundary could be set */
	uint32_t held;         /* enum held, atomic: tracer and session take turns */
	int done;              /* the fault happened */
};

/* Traces `warden` (ROLE_WARDEN or ROLE_RECOVERY), which waits for a byte of `gate` before its exec, and lets it go.
 * Returns when nothing that it started is left. Called in a process of its own. */
void fault_trace(struct traced *traced, enum role role, pid_t warden, int gate);

#endif
