/*
 * Which KVM exits end the run, and why.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/core/vcpu.h"

static const struct ceno_slots slots = {
	.count = 2,
	.map = { { .gpa = CENO_GPA_FIRMWARE, .bytes = CENO_PAGE, .read_only = true },
	         { .gpa = CENO_GPA_RAM, .bytes = CENO_RAM_MIN } },
};

union page {
	struct kvm_run run;
	uint8_t bytes[8192];
};

static void expect(const union page *page, int result, uint32_t reason, uint64_t value, uint64_t gpa)
{
	struct ceno_vcpu_stop stop;
	assert_true(ceno_vcpu_decode(&page->run, result, &slots, &stop));
	assert_int_equal(stop.reason, reason);
	assert_int_equal(stop.value, value);
	assert_int_equal(stop.gpa, gpa);
}

static union page out_exit(uint16_t port, uint8_t size, uint32_t count, uint8_t direction, uint32_t value)
{
	union page page;
	memset(&page, 0, sizeof(page));
	page.run.exit_reason = KVM_EXIT_IO;
	page.run.io.port = port;
	page.run.io.size = size;
	page.run.io.count = count;
	page.run.io.direction = direction;
	page.run.io.data_offset = 4096;
	memcpy(page.bytes + 4096, &value, sizeof(value));
	return page;
}

static void decodes_ports(void **state)
{
	(void)state;
	union page page = out_exit(CENO_PORT_STOP, 4, 1, KVM_EXIT_IO_OUT, 0x104);
	expect(&page, 0, CENO_VMM_STOP_GUEST_STOP, 0x104, 0);
	page = out_exit(CENO_PORT_STOP, 1, 1, KVM_EXIT_IO_OUT, 4);
	expect(&page, 0, CENO_VMM_STOP_PORT, CENO_PORT_STOP, 0);
	page = out_exit(CENO_PORT_STOP, 4, 2, KVM_EXIT_IO_OUT, 4);
	expect(&page, 0, CENO_VMM_STOP_PORT, CENO_PORT_STOP, 0);
	page = out_exit(CENO_PORT_STOP, 4, 1, KVM_EXIT_IO_IN, 4);
	expect(&page, 0, CENO_VMM_STOP_PORT, CENO_PORT_STOP, 0);
	page = out_exit(0x80, 4, 1, KVM_EXIT_IO_OUT, 4);
	expect(&page, 0, CENO_VMM_STOP_PORT, 0x80, 0);
}

static void decodes_memory(void **state)
{
	(void)state;
	union page page;
	memset(&page, 0, sizeof(page));
	page.run.exit_reason = KVM_EXIT_MMIO;
	page.run.mmio.is_write = 1;
	page.run.mmio.phys_addr = CENO_GPA_FIRMWARE + CENO_PAGE - 1;
	expect(&page, 0, CENO_VMM_STOP_READ_ONLY, 0, CENO_GPA_FIRMWARE + CENO_PAGE - 1);
	page.run.mmio.phys_addr = CENO_GPA_FIRMWARE + CENO_PAGE;
	expect(&page, 0, CENO_VMM_STOP_UNBACKED, 0, CENO_GPA_FIRMWARE + CENO_PAGE);
	page.run.mmio.phys_addr = CENO_GPA_FIRMWARE - 1;
	expect(&page, 0, CENO_VMM_STOP_UNBACKED, 0, CENO_GPA_FIRMWARE - 1);
	page.run.mmio.phys_addr = UINT64_MAX;
	page.run.mmio.is_write = 0;
	expect(&page, 0, CENO_VMM_STOP_UNBACKED, 0, UINT64_MAX);
}

static void decodes_the_rest(void **state)
{
	(void)state;
	union page page;
	struct ceno_vcpu_stop stop;
	memset(&page, 0, sizeof(page));
	page.run.exit_reason = KVM_EXIT_SHUTDOWN;
	expect(&page, 0, CENO_VMM_STOP_SHUTDOWN, 0, 0);
	page.run.exit_reason = KVM_EXIT_INTERNAL_ERROR;
	page.run.internal.suberror = 3;
	expect(&page, 0, CENO_VMM_STOP_EMULATION, 3, 0);
	page.run.exit_reason = KVM_EXIT_FAIL_ENTRY;
	page.run.fail_entry.hardware_entry_failure_reason = 0x80000021;
	expect(&page, 0, CENO_VMM_STOP_EMULATION, 0x80000021, 0);
	page.run.exit_reason = KVM_EXIT_X86_WRMSR;
	page.run.msr.index = 0x1b;
	expect(&page, 0, CENO_VMM_STOP_MSR, 0x1b, 0);
	/* What nobody expects ends the run too: there is no device to ask. */
	page.run.exit_reason = KVM_EXIT_HYPERCALL;
	expect(&page, 0, CENO_VMM_STOP_EMULATION, KVM_EXIT_HYPERCALL, 0);
	page.run.exit_reason = KVM_EXIT_DEBUG;
	expect(&page, 0, CENO_VMM_STOP_EMULATION, KVM_EXIT_DEBUG, 0);
	page.run.exit_reason = KVM_EXIT_INTR;
	assert_false(ceno_vcpu_decode(&page.run, 0, &slots, &stop));
	assert_false(ceno_vcpu_decode(&page.run, -EINTR, &slots, &stop));
	expect(&page, -EFAULT, CENO_VMM_STOP_REVOKED, EFAULT, 0);
	expect(&page, -ENOMEM, CENO_VMM_STOP_HOST_ERROR, ENOMEM, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_ports),
		cmocka_unit_test(decodes_memory),
		cmocka_unit_test(decodes_the_rest),
	};
	return cmocka_run_group_tests_name("exits", tests, NULL, NULL);
}
