/*
 * Memory slots: what of the guest-physical space exists, and how.
 *
 * A slot is absent, read-only or read-write (there is no stage-2 no-execute in
 * KVM). The host mapping has no more rights than the slot: a read-only slot is
 * mapped PROT_READ from a read-only descriptor. Slots are made once, the node's and
 * then the session's, before the first guest instruction, and never change.
 */
#ifndef CENO_VMM_SLOTS_H
#define CENO_VMM_SLOTS_H

#include "vmm/core/launch.h"
#include "vmm/kvm/kvm.h"

struct ceno_slot_map {
	void *host; /* owned mapping of `bytes` */
	uint64_t bytes;
	uint64_t gpa;
	uint32_t fd; /* enum ceno_vmm_fd it came from */
	bool read_only;
};

struct ceno_slots {
	uint32_t count;
	struct ceno_slot_map map[CENO_VMM_SLOTS_MAX];
};

/* Map one checked slot and give it to the VM. fd: its descriptor, borrowed. RAM is mapped
 * 2 MiB-aligned, with huge pages advised, kept out of core dumps and locked on fault where
 * the limit allows. 0 or a negative errno (-ENOSPC: CENO_VMM_SLOTS_MAX are there); on
 * failure slots is as it was. */
int ceno_slots_add(struct ceno_slots *slots, const struct ceno_kvm *kvm, const struct ceno_vmm_slot *slot, int fd);

/* The mapping that came from descriptor `fd`, or NULL. */
const struct ceno_slot_map *ceno_slots_find(const struct ceno_slots *slots, uint32_t fd);

/* Which violation an access to gpa is that KVM did not serve. gpa and is_write
 * are guest-controlled. Pure. */
enum ceno_vmm_stop ceno_slots_classify(const struct ceno_slots *slots, ceno_gpa_t gpa, bool is_write);

/* Make the mappings immutable where the kernel has mseal (Linux 6.10). 1 if it
 * has, 0 if it has not, else a negative errno. */
int ceno_slots_seal(const struct ceno_slots *slots);

void ceno_slots_unmap(struct ceno_slots *slots);

#endif
