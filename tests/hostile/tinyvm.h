/*
 * A virtual machine of one page of code, on the vmm's own core: for guests that
 * attack, and for measuring what this KVM does.
 *
 * Guest-physical layout is the real one (layout.h): the code is the firmware slot,
 * page tables lie at the start of RAM and map everything below 5 GiB at gva = gpa,
 * writable, supervisor. There is no IDT: a fault is a triple fault.
 */
#ifndef CENO_TESTS_TINYVM_H
#define CENO_TESTS_TINYVM_H

#include "tinyvm_abi.h"
#include "vmm/core/loop.h"

#define TINY_RAM_BYTES CENO_RAM_MIN

struct tinyvm {
	struct ceno_vmm_launch launch;
	int fd[CENO_VMM_FD_END];
	struct ceno_runner runner;
	struct ceno_step *step; /* NULL, or set before tiny_run */
	uint8_t *ram;           /* mappings of the test's own */
	uint8_t *window;
	unsigned programs; /* program events seen */
	bool stopped;
	bool msr_exits; /* KVM reports refused MSRs */
};

/* Make the descriptors and the record. code: bytes of the guest, copied. */
void tiny_init(struct tinyvm *vm, const void *code, size_t bytes);

/* Give it a GDT, a TSS and an IDT whose vector 3 is at code + 0x100 (open to ring 3),
 * and map one large page for ring 3 with `user` at its start (TINY_USER). */
void tiny_add_ring3(struct tinyvm *vm, const void *user, size_t bytes);

/* Let ring 3 use the large page that holds gpa (below 2 GiB). */
void tiny_open_to_user(struct tinyvm *vm, uint64_t gpa);

/* Pledge one class more, with a window of one page. */
void tiny_add_window(struct tinyvm *vm, uint32_t class);

/* Run until it stops, or kick it after timeout_ms. Returns the stop; the runner is gone then. */
struct ceno_vcpu_stop tiny_run(struct tinyvm *vm, unsigned timeout_ms);

void tiny_fini(struct tinyvm *vm);

#endif
