/*
 * Which faults a run injects, and what came of them. The fault of a number is the same whoever draws it, and when: of
 * twenty in a row six are allocations, three system calls, one a kill at a call, one a kill at a step boundary, nine
 * kills or closed sockets at random moments; allocations, sites, boundaries, processes and pairs go round, so that a long run has
 * each of them, and pieces of a run (--first) make the whole.
 */
#ifndef CENO_TESTS_FAULTS_PLAN_H
#define CENO_TESTS_FAULTS_PLAN_H

#include "tracer.h"

/* Who dies, or hangs up. The recovery warden has one to recover from: KILL_WARDEN goes with it. */
enum victim {
	KILL_WARDEN = 1,
	KILL_VMM = 2,
	KILL_RECOVERY = 4,
	CLOSE_SUPERVISOR = 8,
	CLOSE_API = 16,
	CLOSE_ATTEST = 32
};
#define VICTIMS 6

enum verdict {
	PROVEN,      /* with a payload */
	REFUSED,     /* before its launch, nothing left */
	RECOVERED,   /* wiped by a recovery warden */
	UNPROVEN,    /* warden and supervisor both gone: said so */
	MISSED,      /* the fault's moment never came */
	BAD_RUNNING, /* something of the session is left running */
	BAD_CANARY,  /* a canary in memory that was returned */
	BAD_PROOF,   /* a proof that says what was not done */
	BAD,         /* anything else that must not be */
	VERDICTS
};

struct shared {
	struct traced traced;
	enum verdict verdict;
	char why[160];
	uint32_t took_us;
	uint32_t number;
	unsigned tries;
};

struct plan {
	struct traced
	    known;         /* sites as listed; calls and allocations of a session without a fault, and of a recovery */
	uint32_t listed;   /* of known's sites, those of the list */
	uint32_t usual_us; /* a session without a fault, not stopped at its allocations */
	unsigned seed;
};

/* The fault of this number, of this try. */
struct fault plan_fault(const struct plan *plan, uint32_t number, unsigned try);

struct tally {
	uint32_t faults, verdicts[VERDICTS], kinds[FAULT_KINDS];
	uint32_t moments[VICTIMS], pairs[VICTIMS][VICTIMS];
	uint32_t call_hit[SITES_MAX], kill_hit[SITES_MAX], step_hit[2][STEPS][1u << VICTIMS];
	uint8_t alloc_hit[ROLES][65536 / 8];
};

/* Counts one, and prints it if it is bad. */
void tally_count(struct tally *t, const struct shared *s);
/* The last lines. 1 if anything was bad. */
int tally_print(const struct tally *t, const struct plan *plan);

/* One fault in one line, in the words that --one takes. */
void say_fault(const struct shared *s);

#endif
