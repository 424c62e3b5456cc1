/*
 * Each hostile guest ends with its own reason, and an honest one is served.
 * Guests: guests.S. All run in ring 0, which is the worst case.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "tinyvm.h"

#define GUESTS(X) \
	X(stop_code, GUEST_STOP, 0x42, 0) \
	X(write_firmware, READ_ONLY, ANY, CENO_GPA_FIRMWARE + 0x800) \
	X(write_bundle, READ_ONLY, ANY, CENO_GPA_BUNDLE) \
	X(write_boot, READ_ONLY, ANY, CENO_GPA_BOOT) \
	X(unpledged, UNBACKED, ANY, CENO_GPA_WINDOW + 2 * CENO_WINDOW_STRIDE) \
	X(unpledged_bell, UNBACKED, ANY, CENO_GPA_DOORBELL + 2 * CENO_PAGE) \
	X(off_ram, UNBACKED, ANY, CENO_GPA_RAM + CENO_RAM_MIN) \
	X(hole, UNBACKED, ANY, CENO_GPA_TRUST + CENO_PAGE) \
	X(apic_page, UNBACKED, ANY, 0xfee00020) \
	X(other_port, PORT, 0x3f8, 0) \
	X(narrow_stop, PORT, CENO_PORT_STOP, 0) \
	X(read_port, PORT, CENO_PORT_STOP, 0) \
	X(triple_fault, SHUTDOWN, ANY, 0) \
	X(sleep_forever, DRAINED, 0, 0) \
	X(spin, DRAINED, 0, 0) \
	X(lie_stdout, RING_LIE, 0, 0) \
	X(lie_stdin, RING_LIE, 0, 0) \
	X(lie_report, RING_LIE, 0, 0)

#define ANY        UINT64_MAX
#define TIMEOUT_MS 300

struct expected {
	const uint8_t *code, *end;
	uint32_t reason;
	uint64_t value, gpa;
};

static void check(void **state)
{
	const struct expected *want = *state;
	struct tinyvm vm;
	tiny_init(&vm, want->code, (size_t)(want->end - want->code));
	struct ceno_vcpu_stop stop = tiny_run(&vm, TIMEOUT_MS);
	if (stop.reason != want->reason || (want->value != ANY && stop.value != want->value) || stop.gpa != want->gpa)
		fail_msg("reason %u value %#lx gpa %#lx; expected reason %u value %#lx gpa %#lx", stop.reason,
		         (unsigned long)stop.value, (unsigned long)stop.gpa, want->reason, (unsigned long)want->value,
		         (unsigned long)want->gpa);
	tiny_fini(&vm);
}

#define DECLARE(name, reason_, value_, gpa_) extern const uint8_t guest_##name[], guest_##name##_end[];
GUESTS(DECLARE)
DECLARE(hello, 0, 0, 0)
DECLARE(msr, 0, 0, 0)
DECLARE(clock_page, 0, 0, 0)
DECLARE(sysenter, 0, 0, 0)
DECLARE(touch_net, 0, 0, 0)
DECLARE(stepped, 0, 0, 0)
DECLARE(fetch_ram, 0, 0, 0)
DECLARE(stdio_bell, 0, 0, 0)

/* Six bytes of output reach the pipe, and one program is reported, once. */
static void serves_honest_guest(void **state)
{
	(void)state;
	struct tinyvm vm;
	int ends[2];
	char buffer[16];
	tiny_init(&vm, guest_hello, (size_t)(guest_hello_end - guest_hello));
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(vm.fd[1]);
	vm.fd[1] = ends[1];
	struct ceno_vcpu_stop stop = tiny_run(&vm, TIMEOUT_MS);
	assert_int_equal(stop.reason, CENO_VMM_STOP_DRAINED);
	assert_int_equal(read(ends[0], buffer, sizeof(buffer)), 6);
	assert_memory_equal(buffer, "hello\n", 6);
	assert_int_equal(vm.programs, 1);
	close(ends[0]);
	tiny_fini(&vm);
}

/* A refused MSR stops the VM: as its own reason where KVM can tell, else as the
 * triple fault that its #GP becomes. */
static void check_msr(const uint8_t *code, const uint8_t *end, uint64_t index)
{
	struct tinyvm vm;
	tiny_init(&vm, code, (size_t)(end - code));
	struct ceno_vcpu_stop stop = tiny_run(&vm, TIMEOUT_MS);
	if (vm.msr_exits && stop.reason == CENO_VMM_STOP_MSR)
		assert_int_equal(stop.value, index);
	else
		assert_int_equal(stop.reason, CENO_VMM_STOP_SHUTDOWN);
	print_message("  register %#lx: %s\n", (unsigned long)index,
	              stop.reason == CENO_VMM_STOP_MSR ? "told by KVM" : "triple fault");
	tiny_fini(&vm);
}

static void refuses_msrs(void **state)
{
	(void)state;
	check_msr(guest_msr, guest_msr_end, 0x4b564dff);
	check_msr(guest_clock_page, guest_clock_page_end, 0x4b564d01);
	check_msr(guest_sysenter, guest_sysenter_end, 0x176);
}

static void *drop_net(void *argument)
{
	const struct tinyvm *vm = argument;
	usleep(50000);
	assert_int_equal(ftruncate(vm->fd[CENO_VMM_FD_WINDOW + CENO_PLEDGE_NET], 0), 0);
	return NULL;
}

/* The warden drops a pledge by truncating its window while the guest runs: the guest
 * loses it at once. */
static void loses_a_dropped_window(void **state)
{
	(void)state;
	struct tinyvm vm;
	pthread_t dropper;
	/* From ring 3, where a real guest's windows are: `stepped` goes there at once. */
	tiny_init(&vm, guest_stepped, (size_t)(guest_stepped_end - guest_stepped));
	tiny_add_ring3(&vm, guest_touch_net, (size_t)(guest_touch_net_end - guest_touch_net));
	tiny_add_window(&vm, CENO_PLEDGE_NET);
	tiny_open_to_user(&vm, CENO_GPA_WINDOW + CENO_PLEDGE_NET * CENO_WINDOW_STRIDE);
	assert_int_equal(pthread_create(&dropper, NULL, drop_net, &vm), 0);
	assert_int_equal(tiny_run(&vm, 10 * TIMEOUT_MS).reason, CENO_VMM_STOP_REVOKED);
	pthread_join(dropper, NULL);
	tiny_fini(&vm);
}

/* Running off the end of RAM is a fetch that nothing backs; KVM reports it as an
 * instruction it cannot emulate, or as a triple fault. */
static void stops_fetch_off_ram(void **state)
{
	(void)state;
	struct tinyvm vm;
	tiny_init(&vm, guest_fetch_ram, (size_t)(guest_fetch_ram_end - guest_fetch_ram));
	uint32_t reason = tiny_run(&vm, TIMEOUT_MS).reason;
	if (reason != CENO_VMM_STOP_EMULATION && reason != CENO_VMM_STOP_UNBACKED && reason != CENO_VMM_STOP_SHUTDOWN)
		fail_msg("reason %u", reason);
	tiny_fini(&vm);
}

/* A vmm makes stdio's doorbell before it knows its session: one that does not pledge it has none. */
static void has_no_bell_without_pledge(void **state)
{
	(void)state;
	struct tinyvm vm;
	struct ceno_vmm_launch *launch = &vm.launch;
	tiny_init(&vm, guest_stdio_bell, (size_t)(guest_stdio_bell_end - guest_stdio_bell));
	uint32_t i = 0;
	while (launch->slots[i].fd != CENO_VMM_FD_WINDOW)
		i++;
	launch->slots[i] = launch->slots[--launch->slot_count];
	launch->pledge_mask = 0;
	struct ceno_vcpu_stop stop = tiny_run(&vm, TIMEOUT_MS);
	assert_int_equal(stop.reason, CENO_VMM_STOP_UNBACKED);
	assert_int_equal(stop.gpa, CENO_GPA_DOORBELL);
	tiny_fini(&vm);
}

int main(void)
{
	static struct expected expected[] = {
#define EXPECT(name, reason_, value_, gpa_) { guest_##name, guest_##name##_end, CENO_VMM_STOP_##reason_, value_, gpa_ },
		GUESTS(EXPECT)
	};
	const struct CMUnitTest tests[] = {
#define TEST(name_, reason_, value_, gpa_) { .name = #name_, .test_func = check },
		GUESTS(TEST) cmocka_unit_test(serves_honest_guest), cmocka_unit_test(refuses_msrs),
		cmocka_unit_test(loses_a_dropped_window),           cmocka_unit_test(stops_fetch_off_ram),
		cmocka_unit_test(has_no_bell_without_pledge),
	};
	struct CMUnitTest all[sizeof(tests) / sizeof(tests[0])];
	memcpy(all, tests, sizeof(tests));
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		all[i].initial_state = &expected[i];
	return cmocka_run_group_tests_name("hostile guests", all, NULL, NULL);
}
