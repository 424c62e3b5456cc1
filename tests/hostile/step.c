/*
 * The instruction counter counts exactly, leaves ring 3 unstepped, and does not
 * change what the guest does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tinyvm.h"
#include "vmm/kvm/step.h"

extern const uint8_t guest_stepped[], guest_stepped_end[], guest_stepped_user[], guest_stepped_user_end[];

static uint64_t field(const char *line, const char *name)
{
	const char *at = strstr(line, name);
	assert_non_null(at);
	return strtoull(at + strlen(name), NULL, 0);
}

static void run_stepped(struct tinyvm *vm, struct ceno_step *step)
{
	tiny_init(vm, guest_stepped, (size_t)(guest_stepped_end - guest_stepped));
	tiny_add_ring3(vm, guest_stepped_user, (size_t)(guest_stepped_user_end - guest_stepped_user));
	vm->step = step;
	struct ceno_vcpu_stop stop = tiny_run(vm, 2000);
	if (stop.reason != CENO_VMM_STOP_GUEST_STOP || stop.value != 7)
		fail_msg("reason %u value %#lx gpa %#lx", stop.reason, (unsigned long)stop.value,
		         (unsigned long)stop.gpa);
}

static void runs_unstepped(void **state)
{
	(void)state;
	struct tinyvm vm;
	run_stepped(&vm, NULL);
	tiny_fini(&vm);
}

static void counts_exactly(void **state)
{
	(void)state;
	static const uint64_t counts[] = { 11, 4, 4 };
	struct tinyvm vm;
	char *text = NULL;
	size_t bytes = 0;
	struct ceno_step step = { .out = open_memstream(&text, &bytes) };
	run_stepped(&vm, &step);
	ceno_step_finish(&step);
	fclose(step.out);
	print_message("%s", text);
	char *line = strtok(text, "\n");
	for (size_t i = 0; i < 3; i++, line = strtok(NULL, "\n")) {
		assert_non_null(line);
		assert_int_equal(field(line, "\"count\":"), counts[i]);
	}
	assert_non_null(line); /* the unfinished stretch that ends in OUT */
	free(text);
	tiny_fini(&vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_unstepped),
		cmocka_unit_test(counts_exactly),
	};
	return cmocka_run_group_tests_name("instruction counter", tests, NULL, NULL);
}
