/*
 * The launch record: a good one passes, every field changed alone is refused with
 * its own fault, and no single flipped bit passes unless it lies in a register
 * value or a length that may vary.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "guest-kernel/abi/window.h"
#include "vmm/core/launch_check.h"

static struct ceno_vmm_launch good(void)
{
	struct ceno_vmm_launch launch;
	memset(&launch, 0, sizeof(launch));
	launch.magic = CENO_VMM_LAUNCH_MAGIC;
	launch.abi_version = CENO_ABI_VERSION;
	launch.pledge_mask = 1u << CENO_PLEDGE_STDIO;
	const struct ceno_vmm_slot slots[] = {
		{ CENO_GPA_FIRMWARE, 0x6000, CENO_VMM_FD_FIRMWARE, CENO_SLOT_READ_ONLY },
		{ CENO_GPA_TRUST, CENO_PAGE, CENO_VMM_FD_TRUST, CENO_SLOT_READ_ONLY },
		{ CENO_GPA_BUNDLE, 0x40000, CENO_VMM_FD_BUNDLE, CENO_SLOT_READ_ONLY },
		{ CENO_GPA_BOOT, CENO_PAGE, CENO_VMM_FD_BOOT, CENO_SLOT_READ_ONLY },
		{ CENO_GPA_PACK, 0x200000, CENO_VMM_FD_PACK, CENO_SLOT_READ_ONLY },
		{ CENO_GPA_RAM, 256u << 20, CENO_VMM_FD_RAM, CENO_SLOT_READ_WRITE },
		{ CENO_GPA_WINDOW, CENO_STDIO_BYTES, CENO_VMM_FD_WINDOW, CENO_SLOT_READ_WRITE },
		{ CENO_GPA_TRAIL, CENO_TRAIL_BYTES, CENO_VMM_FD_TRAIL, CENO_SLOT_READ_WRITE },
	};
	launch.slot_count = sizeof(slots) / sizeof(slots[0]);
	memcpy(launch.slots, slots, sizeof(slots));
	launch.regs = (struct ceno_vmm_registers){ .cr0 = 0x80050033u,
		                                   .cr4 = 0x620,
		                                   .efer = 0xd01,
		                                   .gdt_limit = 0x4f,
		                                   .idt_limit = 0x21f,
		                                   .tss_limit = 0x67 };
	return launch;
}

static void expect(const struct ceno_vmm_launch *launch, enum ceno_launch_fault fault)
{
	enum ceno_launch_fault found = ceno_launch_check(launch, sizeof(*launch), 0);
	if (found != fault)
		fail_msg("found \"%s\", expected \"%s\"", ceno_launch_fault_text(found), ceno_launch_fault_text(fault));
}

#define REFUSES(change, fault) \
	do { \
		struct ceno_vmm_launch l = good(); \
		change; \
		expect(&l, CENO_LAUNCH_##fault); \
	} while (0)

static void accepts_a_good_one(void **state)
{
	(void)state;
	struct ceno_vmm_launch launch = good();
	expect(&launch, CENO_LAUNCH_NONE);
	launch.flags = CENO_VMM_SINGLE_STEP;
	assert_int_equal(ceno_launch_check(&launch, sizeof(launch), CENO_VMM_SINGLE_STEP), CENO_LAUNCH_NONE);
}

static void refuses_each_field(void **state)
{
	(void)state;
	struct ceno_vmm_launch launch = good();
	assert_int_equal(ceno_launch_check(&launch, sizeof(launch) - 1, 0), CENO_LAUNCH_SIZE);
	assert_int_equal(ceno_launch_check(&launch, 0, 0), CENO_LAUNCH_SIZE);
	REFUSES(l.magic ^= 1, MAGIC);
	REFUSES(l.abi_version++, ABI);
	REFUSES(l.slot_count = 0, SLOTS);
	REFUSES(l.slot_count = CENO_VMM_SLOTS_MAX + 1, SLOTS);
	REFUSES(l.slot_count--, UNUSED);
	REFUSES(l.slots[9].bytes = 1, UNUSED);
	REFUSES(l.slots[0].fd = CENO_VMM_FD_CONTROL, SLOT_FD);
	REFUSES(l.slots[0].fd = CENO_VMM_FD_KVM, SLOT_FD);
	REFUSES(l.slots[0].fd = CENO_VMM_FD_END, SLOT_FD);
	REFUSES(l.slots[1] = l.slots[0], SLOT_FD);
	REFUSES(l.slots[0].gpa += CENO_PAGE, SLOT_PLACE);
	REFUSES(l.slots[6].gpa += CENO_WINDOW_STRIDE, SLOT_PLACE);
	REFUSES(l.slots[0].bytes = 0, SLOT_BYTES);
	REFUSES(l.slots[0].bytes = CENO_FIRMWARE_MAX + CENO_PAGE, SLOT_BYTES);
	REFUSES(l.slots[0].bytes += 1, SLOT_BYTES);
	REFUSES(l.slots[1].bytes += CENO_PAGE, SLOT_BYTES);
	REFUSES(l.slots[5].bytes += CENO_PAGE, SLOT_BYTES);
	REFUSES(l.slots[5].bytes = CENO_RAM_MAX + CENO_LARGE_PAGE, SLOT_BYTES);
	REFUSES(l.slots[5].bytes = UINT64_MAX & ~(CENO_LARGE_PAGE - 1), SLOT_BYTES);
	REFUSES(l.slots[6].bytes -= CENO_PAGE, SLOT_BYTES);
	REFUSES(l.slots[7].gpa += CENO_PAGE, SLOT_PLACE);
	REFUSES(l.slots[7].bytes -= CENO_PAGE, SLOT_BYTES);
	REFUSES(l.slots[7].bytes += CENO_PAGE, SLOT_BYTES);
	REFUSES(l.slots[7].rights = CENO_SLOT_READ_ONLY, SLOT_RIGHTS);
	REFUSES((l.slots[7] = (struct ceno_vmm_slot){ 0 }, l.slot_count--), MISSING);
	REFUSES(l.slots[0].rights = CENO_SLOT_READ_WRITE, SLOT_RIGHTS);
	REFUSES(l.slots[4].rights = CENO_SLOT_READ_WRITE, SLOT_RIGHTS);
	REFUSES(l.slots[5].rights = CENO_SLOT_READ_ONLY, SLOT_RIGHTS);
	REFUSES(l.slots[0].rights = 3, SLOT_RIGHTS);
	REFUSES((l.slots[2] = l.slots[7], l.slots[7] = (struct ceno_vmm_slot){ 0 }, l.slot_count--), MISSING);
	REFUSES(l.pledge_mask = 0, PLEDGE);
	REFUSES(l.pledge_mask |= 1u << CENO_PLEDGE_NET, PLEDGE);
	REFUSES(l.pledge_mask |= 1u << 31, PLEDGE);
	REFUSES(l.regs.cr0 &= ~1ull, REGISTERS);
	REFUSES(l.regs.cr0 &= ~0x80000000ull, REGISTERS);
	REFUSES(l.regs.cr4 = 0, REGISTERS);
	REFUSES(l.regs.efer = 0, REGISTERS);
	REFUSES(l.regs.gdt_limit = 0x10000, REGISTERS);
	REFUSES(l.regs.idt_limit = 0x10000, REGISTERS);
	REFUSES(l.regs.tss_limit = 0x10000, REGISTERS);
	REFUSES(l.regs.reserved = 1, UNUSED);
	REFUSES(l.reserved[5] = 1, UNUSED);
	REFUSES(l.flags = CENO_VMM_SINGLE_STEP, FLAGS);
	REFUSES(l.flags = 1u << 31, FLAGS);
}

/* A bit may vary only where the record carries a free value. */
static int may_vary(size_t byte)
{
	size_t slot = (byte - offsetof(struct ceno_vmm_launch, slots)) % sizeof(struct ceno_vmm_slot);
	if (byte >= offsetof(struct ceno_vmm_launch, slots) && byte < offsetof(struct ceno_vmm_launch, regs))
		return slot >= offsetof(struct ceno_vmm_slot, bytes) && slot < offsetof(struct ceno_vmm_slot, fd);
	return (byte >= offsetof(struct ceno_vmm_launch, regs) &&
	        byte < offsetof(struct ceno_vmm_launch, regs.reserved)) ||
	    (byte >= offsetof(struct ceno_vmm_launch, start_tsc) &&
	     byte < offsetof(struct ceno_vmm_launch, pledge_mask));
}

static void refuses_each_bit(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < sizeof(struct ceno_vmm_launch) * 8; bit++) {
		struct ceno_vmm_launch launch = good();
		((uint8_t *)&launch)[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (ceno_launch_check(&launch, sizeof(launch), 0) == CENO_LAUNCH_NONE && !may_vary(bit / 8))
			fail_msg("bit %zu of byte %zu may be flipped", bit % 8, bit / 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_a_good_one),
		cmocka_unit_test(refuses_each_field),
		cmocka_unit_test(refuses_each_bit),
	};
	return cmocka_run_group_tests_name("launch record", tests, NULL, NULL);
}
