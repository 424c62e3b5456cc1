/*
 * The vCPU thread and its exit loop.
 *
 *   CREATED --go--> RUNNING --exit that cannot be resumed | kick--> PARKED
 *
 * The thread touches the run page, its own struct and nothing of the loop but one
 * callback (which writes an eventfd). It allocates nothing. PARKED it sleeps in read(2) of
 * an eventfd: a jailed process ends by exit_group, others by ceno_vcpu_end.
 *
 * Every exit but a kick ends the run: there is no device to emulate. Which exits
 * are violations is decided by ceno_vcpu_decode, which is pure.
 */
#ifndef CENO_VMM_VCPU_H
#define CENO_VMM_VCPU_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "vmm/kvm/kvm.h"
#include "vmm/slots/slots.h"

struct ceno_step; /* kvm/step.h: counting ring-0 instructions, direct mode only */

struct ceno_vcpu_stop {
	uint32_t reason; /* enum ceno_vmm_stop; NONE: still running */
	uint64_t value;  /* stop code, errno, port, MSR or KVM's own number */
	uint64_t gpa;    /* violations on memory */
};

struct ceno_vcpu {
	struct ceno_kvm *kvm;           /* borrowed */
	const struct ceno_slots *slots; /* borrowed */
	struct ceno_step *step;         /* borrowed; NULL: no counting */
	void (*parked)(void *owner);    /* called on the vCPU thread when `stop` is set */
	void *owner;
	pthread_t thread;
	_Atomic pid_t tid;
	pid_t pid; /* of the process; getpid is not admitted after lock */
	_Atomic bool kicked;
	int gate_fd;                /* owned eventfd: go, and where the thread parks */
	struct ceno_vcpu_stop stop; /* valid once parked() was called */
};

/* Start the thread; it waits for ceno_vcpu_go. Returns when its tid is known. All
 * fields up to `owner` are the caller's. 0 or a negative errno. */
int ceno_vcpu_start(struct ceno_vcpu *vcpu);

/* Let it run. Once. */
void ceno_vcpu_go(struct ceno_vcpu *vcpu);

/* Make it leave the guest and park with CENO_VMM_STOP_DRAINED. Any thread; idempotent. */
void ceno_vcpu_kick(struct ceno_vcpu *vcpu);

/* End the thread, which is parked or never went, and wait for it. Not possible after
 * lock (a thread's end needs calls that the filter refuses); a jailed vmm exits. */
void ceno_vcpu_end(struct ceno_vcpu *vcpu);

/* Decide about one exit. run: the run page (guest-influenced); result: of
 * ceno_kvm_run. True: the run ends, *stop says why; false: enter again. */
bool ceno_vcpu_decode(const struct kvm_run *run, int result, const struct ceno_slots *slots,
                      struct ceno_vcpu_stop *stop);

#endif
