/*
 * The launch record's rules: each kind of slot has one place, one set of rights
 * and a range of lengths; nothing else is accepted. See launch_check.h.
 */
#include "vmm/core/launch_check.h"

#include <stdbool.h>
#include <string.h>

#include "guest-kernel/abi/window.h"

#define CR0_NEEDED      0x80000001ull /* PG, PE */
#define CR4_NEEDED      0x20ull       /* PAE */
#define EFER_NEEDED     0x100ull      /* LME */
#define TABLE_LIMIT_MAX 0xffffu
#define NEEDED_FDS \
	(1u << CENO_VMM_FD_FIRMWARE | 1u << CENO_VMM_FD_TRUST | 1u << CENO_VMM_FD_BUNDLE | 1u << CENO_VMM_FD_BOOT | \
	 1u << CENO_VMM_FD_RAM | 1u << CENO_VMM_FD_TRAIL)

struct place {
	uint64_t gpa, min_bytes, max_bytes;
	uint32_t rights;
};

/* Where the slot of descriptor fd belongs; false: no slot has that descriptor. */
static bool find_place(uint32_t fd, struct place *place)
{
	static const struct place fixed[] = {
		[CENO_VMM_FD_FIRMWARE] = { CENO_GPA_FIRMWARE, CENO_PAGE, CENO_FIRMWARE_MAX, CENO_SLOT_READ_ONLY },
		[CENO_VMM_FD_TRUST] = { CENO_GPA_TRUST, CENO_PAGE, CENO_PAGE, CENO_SLOT_READ_ONLY },
		[CENO_VMM_FD_BUNDLE] = { CENO_GPA_BUNDLE, CENO_PAGE, CENO_BUNDLE_MAX, CENO_SLOT_READ_ONLY },
		[CENO_VMM_FD_BOOT] = { CENO_GPA_BOOT, CENO_PAGE, CENO_PAGE, CENO_SLOT_READ_ONLY },
		[CENO_VMM_FD_PACK] = { CENO_GPA_PACK, CENO_PAGE, CENO_PACK_MAX, CENO_SLOT_READ_ONLY },
		[CENO_VMM_FD_IMAGE] = { CENO_GPA_IMAGE, CENO_PAGE, CENO_PACK_MAX, CENO_SLOT_READ_ONLY },
		[CENO_VMM_FD_RAM] = { CENO_GPA_RAM, CENO_RAM_MIN, CENO_RAM_MAX, CENO_SLOT_READ_WRITE },
		[CENO_VMM_FD_TRAIL] = { CENO_GPA_TRAIL, CENO_TRAIL_BYTES, CENO_TRAIL_BYTES, CENO_SLOT_READ_WRITE },
	};
	if ((fd >= CENO_VMM_FD_FIRMWARE && fd <= CENO_VMM_FD_RAM) || fd == CENO_VMM_FD_TRAIL) {
		*place = fixed[fd];
		return true;
	}
	if (fd < CENO_VMM_FD_WINDOW || fd >= CENO_VMM_FD_TRAIL)
		return false;
	bool stdio = fd == CENO_VMM_FD_WINDOW + CENO_PLEDGE_STDIO;
	*place = (struct place){ CENO_GPA_WINDOW + (fd - CENO_VMM_FD_WINDOW) * CENO_WINDOW_STRIDE,
		                 stdio ? CENO_STDIO_BYTES : CENO_PAGE, stdio ? CENO_STDIO_BYTES : CENO_WINDOW_STRIDE,
		                 CENO_SLOT_READ_WRITE };
	return true;
}

static enum ceno_launch_fault check_slot(const struct ceno_vmm_slot *slot, uint32_t *seen)
{
	struct place place;
	if (!find_place(slot->fd, &place) || (*seen & 1u << slot->fd))
		return CENO_LAUNCH_SLOT_FD;
	*seen |= 1u << slot->fd;
	if (slot->gpa != place.gpa)
		return CENO_LAUNCH_SLOT_PLACE;
	uint64_t unit = slot->fd == CENO_VMM_FD_RAM ? CENO_LARGE_PAGE : CENO_PAGE;
	if (slot->bytes < place.min_bytes || slot->bytes > place.max_bytes || slot->bytes % unit)
		return CENO_LAUNCH_SLOT_BYTES;
	return slot->rights == place.rights ? CENO_LAUNCH_NONE : CENO_LAUNCH_SLOT_RIGHTS;
}

enum ceno_launch_fault ceno_launch_node_slot(uint32_t fd, uint64_t bytes, struct ceno_vmm_slot *slot)
{
	struct place place;
	uint32_t seen = 0;
	if (!ceno_vmm_fd_is_node(fd) || !find_place(fd, &place))
		return CENO_LAUNCH_SLOT_FD;
	*slot = (struct ceno_vmm_slot){ .gpa = place.gpa, .bytes = bytes, .fd = fd, .rights = place.rights };
	return check_slot(slot, &seen);
}

static enum ceno_launch_fault check_slots(const struct ceno_vmm_launch *launch)
{
	static const struct ceno_vmm_slot unused;
	uint32_t seen = 0;
	if (launch->slot_count == 0 || launch->slot_count > CENO_VMM_SLOTS_MAX)
		return CENO_LAUNCH_SLOTS;
	for (uint32_t i = 0; i < launch->slot_count; i++) {
		enum ceno_launch_fault fault = check_slot(&launch->slots[i], &seen);
		if (fault)
			return fault;
	}
	for (uint32_t i = launch->slot_count; i < CENO_VMM_SLOTS_MAX; i++)
		if (memcmp(&launch->slots[i], &unused, sizeof(unused)) != 0)
			return CENO_LAUNCH_UNUSED;
	if ((seen & NEEDED_FDS) != NEEDED_FDS)
		return CENO_LAUNCH_MISSING;
	uint32_t windows = (seen & ~(1u << CENO_VMM_FD_TRAIL)) >> CENO_VMM_FD_WINDOW;
	return launch->pledge_mask == windows ? CENO_LAUNCH_NONE : CENO_LAUNCH_PLEDGE;
}

static bool registers_ok(const struct ceno_vmm_registers *regs)
{
	return (regs->cr0 & CR0_NEEDED) == CR0_NEEDED && (regs->cr4 & CR4_NEEDED) == CR4_NEEDED &&
	    (regs->efer & EFER_NEEDED) == EFER_NEEDED && regs->gdt_limit <= TABLE_LIMIT_MAX &&
	    regs->idt_limit <= TABLE_LIMIT_MAX && regs->tss_limit <= TABLE_LIMIT_MAX;
}

enum ceno_launch_fault ceno_launch_check(const void *record, size_t bytes, uint32_t allowed_flags)
{
	struct ceno_vmm_launch launch;
	if (bytes != sizeof(launch))
		return CENO_LAUNCH_SIZE;
	memcpy(&launch, record, sizeof(launch));
	if (launch.magic != CENO_VMM_LAUNCH_MAGIC)
		return CENO_LAUNCH_MAGIC;
	if (launch.abi_version != CENO_ABI_VERSION)
		return CENO_LAUNCH_ABI;
	enum ceno_launch_fault fault = check_slots(&launch);
	if (fault)
		return fault;
	if (!registers_ok(&launch.regs))
		return CENO_LAUNCH_REGISTERS;
	if (launch.regs.reserved)
		return CENO_LAUNCH_UNUSED;
	for (size_t i = 0; i < sizeof(launch.reserved) / sizeof(launch.reserved[0]); i++)
		if (launch.reserved[i])
			return CENO_LAUNCH_UNUSED;
	if (launch.start_tsc)
		return CENO_LAUNCH_TSC;
	return launch.flags & ~allowed_flags ? CENO_LAUNCH_FLAGS : CENO_LAUNCH_NONE;
}

const char *ceno_launch_fault_text(enum ceno_launch_fault fault)
{
	switch (fault) {
#define FAULT_CASE(name, number, text) \
	case CENO_LAUNCH_##name: \
		return text;
		CENO_LAUNCH_FAULTS(FAULT_CASE)
#undef FAULT_CASE
	}
	return "unknown fault";
}

const char *ceno_vmm_stop_text(uint32_t reason)
{
	switch (reason) {
#define STOP_CASE(name, number, text) \
	case CENO_VMM_STOP_##name: \
		return text;
		CENO_VMM_STOP_REASONS(STOP_CASE)
#undef STOP_CASE
	default:
		return "unknown reason";
	}
}
