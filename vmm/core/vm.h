/*
 * One virtual machine, built in two parts: what every session of a node has (VM,
 * firmware, trust page, bundle, interrupt routes, stdio's doorbell, vCPU and its thread), then
 * what one launch record adds (the other slots and doorbells, registers). The jailed role waits
 * for its session between the two; the --direct driver does not.
 *
 * Order: prepare, complete (everything fallible) -> seal (drop what set-up needed) -> run.
 */
#ifndef CENO_VMM_VM_H
#define CENO_VMM_VM_H

#include "vmm/core/vcpu.h"

struct ceno_vm {
	struct ceno_kvm kvm;
	struct ceno_slots slots;
	struct ceno_vcpu vcpu;
	uint32_t pledge_mask;
	int doorbell_fd[CENO_PLEDGE_COUNT]; /* owned eventfds; -1: not pledged */
	int irq_fd[CENO_PLEDGE_COUNT];
	bool msr_exits;     /* refused MSR accesses reach the vmm */
	const char *failed; /* static: which part of init failed */
};

/* Build the node's part. fd: descriptors by enum ceno_vmm_fd, borrowed; only those of the
 * node are looked at, and a slot is as long as its descriptor. parked(owner) is called on
 * the vCPU thread when it will not run again. step: NULL, or where to count instructions.
 * 0 or a negative errno with vm->failed set; on failure nothing stays open. The vCPU thread
 * exists but waits. */
int ceno_vm_prepare(struct ceno_vm *vm, const int fd[CENO_VMM_FD_END], void (*parked)(void *owner), void *owner,
                    struct ceno_step *step);

/* Add what a checked launch record says; once, after prepare. 0 or a negative errno with
 * vm->failed set (-EOVERFLOW: a slot of the node is not as long as the record says); on failure
 * nothing stays open. */
int ceno_vm_complete(struct ceno_vm *vm, const struct ceno_vmm_launch *launch, const int fd[CENO_VMM_FD_END]);

/* End the vCPU thread (parked, or never started) and give everything back. Not after lock. */
void ceno_vm_fini(struct ceno_vm *vm);

/* Close the VM's descriptor; KVM_RUN is all that remains possible. */
void ceno_vm_seal(struct ceno_vm *vm);

#endif
