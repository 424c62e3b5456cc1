/*
 * Counts ring-0 instructions of a running guest, exactly, by single-stepping.
 *
 * A stretch is a maximal run of ring-0 instructions between two executions in
 * ring 3 (or from reset). While in ring 0 every instruction is stepped; in ring 3
 * the guest runs free, and breakpoints on the vector stubs catch the next entry.
 *
 *   VMX, SVM:  STEPPING --an instruction ended in ring 3--> WATCHING --breakpoint--> STEPPING
 *   paging:    STEPPING for good: ring 3 runs natively and unstepped, no exit follows
 *              the iretq, so it is recognised before it executes
 *
 * TF never reaches ring 3. An entry other than #BP, #PF, tick and `syscall` (or #GP) is
 * missed while WATCHING. Only the --direct driver uses this; it is slow and needs ioctls
 * that a locked vmm has not.
 */
#ifndef CENO_VMM_STEP_H
#define CENO_VMM_STEP_H

#include <stdio.h>

#include "vmm/kvm/kvm.h"
#include "vmm/slots/slots.h"

#define CENO_STEP_BREAKPOINTS 4

struct ceno_step {
	FILE *out;                      /* borrowed: one JSON object a line; "cr3": the space that the stretch
	                                 * returns to, "us": the guest's clock (TSC) then */
	const struct ceno_slots *slots; /* borrowed: to read tables and code from */
	uint64_t breakpoint[CENO_STEP_BREAKPOINTS];
	bool stepping;
	bool fresh;           /* the next exit is the first of a stretch */
	char entry[16];       /* how this stretch began */
	uint64_t count;       /* instructions of this stretch so far */
	uint64_t first, last; /* rip at its first and its latest exit */
	uint64_t stretches;
};

/* Start stepping at reset. The caller set `out` and zero else; slots are borrowed. 0 or a negative errno. */
int ceno_step_arm(struct ceno_step *step, const struct ceno_kvm *kvm, const struct ceno_slots *slots);

/* Account for a KVM_EXIT_DEBUG. False: it was not ours (the run ends). vCPU thread. */
bool ceno_step_on_debug(struct ceno_step *step, const struct ceno_kvm *kvm);

/* Write the last, unfinished stretch (the guest stopped in ring 0). */
void ceno_step_finish(struct ceno_step *step);

#endif
