/*
 * Strict reading of the launch record. Pure.
 */
#ifndef CENO_VMM_LAUNCH_CHECK_H
#define CENO_VMM_LAUNCH_CHECK_H

#include <stddef.h>

#include "vmm/core/launch.h"

/* What is wrong with a record, by field. */
#define CENO_LAUNCH_FAULTS(X) \
	X(NONE, 0, "no fault") \
	X(SIZE, 1, "the launch record has the wrong size") \
	X(MAGIC, 2, "the launch record does not start with its magic") \
	X(ABI, 3, "the launch record is of another ABI version") \
	X(SLOTS, 4, "the launch record has no slot or too many") \
	X(UNUSED, 5, "an unused slot or reserved field is not zero") \
	X(SLOT_FD, 6, "a slot names an unknown descriptor, or one twice") \
	X(SLOT_PLACE, 7, "a slot lies where its kind does not belong") \
	X(SLOT_BYTES, 8, "a slot's length is zero, too long or not a page multiple") \
	X(SLOT_RIGHTS, 9, "a slot's rights are not those of its kind") \
	X(MISSING, 10, "firmware, trust page, bundle, boot page, RAM or trail has no slot") \
	X(PLEDGE, 11, "the pledge mask and the windows differ") \
	X(REGISTERS, 12, "the registers are not those of 64-bit mode with paging") \
	X(TSC, 13, "the first TSC value is not zero") \
	X(FLAGS, 14, "a flag is unknown or not allowed here")

enum ceno_launch_fault {
#define CENO_LAUNCH_FAULT_ENUM(name, number, text) CENO_LAUNCH_##name = number,
	CENO_LAUNCH_FAULTS(CENO_LAUNCH_FAULT_ENUM)
#undef CENO_LAUNCH_FAULT_ENUM
};

/* Check a record of `bytes` bytes as received. allowed_flags: enum ceno_vmm_flag bits
 * this role accepts. Returns CENO_LAUNCH_NONE or the first fault. */
enum ceno_launch_fault ceno_launch_check(const void *record, size_t bytes, uint32_t allowed_flags);

/* The slot of firmware, trust page or bundle (fd: enum ceno_vmm_fd) with `bytes` bytes. Returns
 * CENO_LAUNCH_NONE with *slot filled, or the fault of that length or descriptor. */
enum ceno_launch_fault ceno_launch_node_slot(uint32_t fd, uint64_t bytes, struct ceno_vmm_slot *slot);

/* One line for people; static. */
const char *ceno_launch_fault_text(enum ceno_launch_fault fault);

/* One line for a stop reason; static. */
const char *ceno_vmm_stop_text(uint32_t reason);

#endif
