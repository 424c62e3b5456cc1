/*
 * The hand that makes things fail: a process that traces one warden from its first instruction, and
 * every process it starts, counts their system calls by site and their allocations, and makes one of
 * them fail, or ends the process there.
 *
 * A site is "ROLE PHASE CALL": warden (start, setup, run, end), child (start: the vmm before its exec), vmm (start, setup,
 * run); CALL is a system call, with ioctl its request. Phases end where the process says so to
 * its peers: PARKED, LOCKED, READY, LAUNCHED, the reaping of the vmm.
 */
#ifndef CENO_TESTS_FAULTS_TRACER_H
#define CENO_TESTS_FAULTS_TRACER_H

#include <stdint.h>
#include <sys/types.h>

#define SITES_MAX 512
#define SITE_TEXT 48

enum fault_kind {
	FAULT_NONE,  /* count only */
	FAULT_CALL,  /* the n-th call at a site returns -error */
	FAULT_ALLOC, /* the n-th allocation of a role gives nothing */
	FAULT_KILL,  /* SIGKILL at the n-th call at a site */
	FAULT_TIME   /* not the tracer's: faults.c kills and closes at a random moment */
};

enum role { ROLE_WARDEN, ROLE_CHILD, ROLE_VMM, ROLES };

struct fault {
	enum fault_kind kind;
	uint32_t site;  /* CALL, KILL */
	uint32_t role;  /* ALLOC */
	uint32_t nth;   /* from 1 */
	int32_t error;  /* CALL */
	uint32_t set;   /* TIME: bits of enum victim */
	uint32_t at_us; /* TIME: since the session began */
};

struct traced { /* shared by tracer and session */
	struct fault fault;
	uint32_t site_count; /* known ones; more are appended */
	char site[SITES_MAX][SITE_TEXT];
	uint32_t calls[SITES_MAX];
	uint32_t allocations[ROLES];
	int done; /* the fault happened */
};

/* Traces `warden`, which waits for a byte of `gate` before its exec, and lets it go. Returns when nothing
 * that it started is left. Called in a process of its own. */
void fault_trace(struct traced *traced, pid_t warden, int gate);

#endif
