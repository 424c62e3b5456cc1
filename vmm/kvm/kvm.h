/*
 * The KVM API, and the only place that issues its ioctls.
 *
 * One virtual machine, one vCPU, a local APIC in the kernel and nothing else:
 * no PIC, no IO-APIC, no PIT, no device model (split irqchip). After set-up the
 * vCPU descriptor alone is needed, and KVM_RUN is the only request made on it.
 *
 * Every function returns 0 or a negative errno, and blocks only in KVM_RUN.
 * Sources: Documentation/virt/kvm/api.rst of Linux; SDM and APM for registers.
 */
#ifndef CENO_VMM_KVM_H
#define CENO_VMM_KVM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest-kernel/abi/layout.h"
#include "vmm/core/launch.h"

struct ceno_kvm {
	int sys_fd;          /* /dev/kvm; borrowed */
	int vm_fd;           /* owned, -1 when closed */
	int vcpu_fd;         /* owned, -1 when closed */
	struct kvm_run *run; /* owned mapping, run_bytes long */
	size_t run_bytes;
	uint64_t xcr0_offered; /* CPUID leaf 0xd: asked once, KVM's answer takes most of a millisecond */
	uint32_t features;     /* enum ceno_cpu_feature: what the CPUID of the vCPU shows */
};

/* Create the VM with its split irqchip and x2APIC ids of 32 bits. sys_fd: an open
 * /dev/kvm, borrowed. Fails with -ENOTSUP if the API version or a needed
 * capability is missing, else with the errno of the ioctl. */
int ceno_kvm_vm_create(struct ceno_kvm *kvm, int sys_fd);

/* Give slot `index` the host memory [host, host + bytes) at gpa. host stays
 * mapped for as long as the VM lives. Not guest-controlled. */
int ceno_kvm_slot_set(const struct ceno_kvm *kvm, uint32_t index, ceno_gpa_t gpa, uint64_t bytes, void *host,
                      bool read_only);

/* Route global interrupts 0..count-1 as MSIs with CENO_VECTOR_WINDOW to APIC id 0. */
int ceno_kvm_route_windows(const struct ceno_kvm *kvm, uint32_t count);

/* Raise interrupt `gsi` whenever eventfd fd is written. fd is borrowed; KVM keeps
 * its own reference. */
int ceno_kvm_irqfd(const struct ceno_kvm *kvm, int fd, uint32_t gsi);

/* Signal eventfd fd on every 32-bit guest store to gpa (no exit to user space). */
int ceno_kvm_doorbell(const struct ceno_kvm *kvm, int fd, ceno_gpa_t gpa);
/* No more, of the same fd and gpa. */
int ceno_kvm_doorbell_end(const struct ceno_kvm *kvm, int fd, ceno_gpa_t gpa);

/* Create the vCPU, map its run page, set its CPUID. */
int ceno_kvm_vcpu_create(struct ceno_kvm *kvm);

/* Set the vCPU to 64-bit ring 0 as the record says: flat CS and SS, null data
 * segments, TSS, tables, control registers, x2APIC mode, TSC, XCR0 as the CPU
 * offers. regs are the launch record's (the warden's, not the guest's). */
int ceno_kvm_vcpu_reset(const struct ceno_kvm *kvm, const struct ceno_vmm_registers *regs);

/* How the vCPU will begin, as KVM has it. */
struct ceno_kvm_mode {
	uint64_t cr0, cr4, efer;
	uint32_t features; /* enum ceno_cpu_feature */
};
int ceno_kvm_vcpu_mode(const struct ceno_kvm *kvm, struct ceno_kvm_mode *mode);

/* Offer only the model-specific registers that the nucleus needs (and x2APIC, which
 * cannot be withheld); every other access, and every one that KVM refuses, goes to user
 * space (KVM_EXIT_X86_RDMSR and WRMSR) in place of #GP. -ENOTSUP where KVM cannot. */
int ceno_kvm_msr_restrict(const struct ceno_kvm *kvm);

/* Run until the next exit. 0, or the negative errno of KVM_RUN: -EINTR (signal or
 * immediate_exit), -EFAULT (backing gone; run->exit_reason may say where). */
int ceno_kvm_run(const struct ceno_kvm *kvm);

/* The set-up is over: sys_fd is the owner's to close. The VM's descriptor stays open, because
 * its irqfds live only as long; the filter admits no request on it. */
void ceno_kvm_seal(struct ceno_kvm *kvm);

/* Close what is open and unmap the run page. */
void ceno_kvm_fini(struct ceno_kvm *kvm);

#endif
