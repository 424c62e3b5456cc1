/*
 * What kind of KVM this is, found by asking it: a virtual machine of three
 * instructions, run once at node start.
 *
 * The guest starts in ring 3, executes `syscall`, and the code at LSTAR stores
 * its CS to guest-physical memory that has no slot. On VMX and SVM that CS is
 * the ring-0 one; where ring 0 is emulated, the code runs still in ring 3.
 */
#ifndef CENO_VMM_PROBE_H
#define CENO_VMM_PROBE_H

#include <stdbool.h>
#include <stdint.h>

enum ceno_kvm_kind { CENO_KVM_VMX = 1, CENO_KVM_SVM = 2, CENO_KVM_PAGING = 3 };

struct ceno_probe {
	uint32_t kvm_kind;     /* enum ceno_kvm_kind */
	uint32_t syscall_mode; /* enum ceno_syscall_mode (boot.h) */
	uint64_t tsc_hz;       /* guest TSC frequency */
	uint32_t features;     /* enum ceno_cpu_feature: what a guest may have */
	bool npt;              /* nested or extended paging in use; false if the module does not say */
};

/* Probe the KVM behind sys_fd (an open /dev/kvm, borrowed). 0 or a negative errno;
 * -EPROTO if the probe guest did anything but its one store. */
int ceno_probe_run(int sys_fd, struct ceno_probe *probe);

#endif
