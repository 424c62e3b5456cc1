/*
 * Counts ring-0 instructions of a running guest, exactly, by single-stepping.
 *
 * A stretch is a maximal run of ring-0 instructions between two executions in
 * ring 3 (or from reset). While in ring 0 every instruction is stepped; in ring 3
 * the guest runs free, and breakpoints on the vector stubs catch the next entry.
 *
 *   STEPPING --an instruction ended in ring 3--> WATCHING --breakpoint--> STEPPING
 *
 * TF never reaches ring 3: stepping is switched off on the exit that arrives there.
 * Only the --direct driver uses this; it is slow and needs ioctls that a locked vmm
 * has not.
 */
#ifndef CENO_VMM_STEP_H
#define CENO_VMM_STEP_H

#include <stdio.h>

#include "vmm/kvm/kvm.h"

#define CENO_STEP_BREAKPOINTS 4

struct ceno_step {
	FILE *out;              /* borrowed: one JSON object a line */
	const uint8_t *ram;     /* borrowed: the session RAM's mapping, to read the IDT from */
	uint64_t ram_bytes;
	uint64_t breakpoint[CENO_STEP_BREAKPOINTS];
	bool stepping;
	uint64_t count;         /* instructions of this stretch so far */
	uint64_t first, last;   /* rip of its first and latest instruction */
	uint64_t stretches;
};

/* Start stepping at reset. 0 or a negative errno. */
int ceno_step_arm(struct ceno_step *step, const struct ceno_kvm *kvm);

/* Account for a KVM_EXIT_DEBUG. False: it was not ours (the run ends). vCPU thread. */
bool ceno_step_on_debug(struct ceno_step *step, const struct ceno_kvm *kvm);

/* Write the last, unfinished stretch (the guest stopped in ring 0). */
void ceno_step_finish(struct ceno_step *step);

#endif
