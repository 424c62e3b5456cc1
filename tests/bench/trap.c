/*
 * What one trap costs on this KVM, whatever the guest: int3 in ring 3, iretq in
 * ring 0, back. A system call of a Linux program is two of them and 20 instructions.
 *
 * Prints the mean in nanoseconds, the VM's making and end included (a thousandth).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <time.h>

#include "tests/hostile/tinyvm.h"

#define TRAPS 40000u

extern const uint8_t guest_trapping[], guest_trapping_end[], guest_trapping_user[], guest_trapping_user_end[];

static void measure(void **state)
{
	struct tinyvm vm;
	struct timespec begin, end;
	(void)state;
	tiny_init(&vm, guest_trapping, (size_t)(guest_trapping_end - guest_trapping));
	tiny_add_ring3(&vm, guest_trapping_user, (size_t)(guest_trapping_user_end - guest_trapping_user));
	vm.launch.regs.rdi = TRAPS;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	struct ceno_vcpu_stop stop = tiny_run(&vm, 60000);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_int_equal(stop.reason, CENO_VMM_STOP_GUEST_STOP);
	double ns = (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
	printf("trap_ns %.0f\n", ns / TRAPS);
	tiny_fini(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(measure) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
