/*
 * What a locked vmm may ask of the kernel, found by making it ask: a tracer puts
 * one system call into one thread of a fresh, running vmm. The process must die of
 * SIGSYS, unless the documented table (sandbox/filter_table.h) admits the call.
 *
 *   every number 0 to 470, arguments zero                       each thread
 *   every rule with conditions: matching, and just outside      each thread
 *   the x32 numbers of the table's calls; the i386 gate          each thread
 *   every KVM request on every descriptor                        alternating threads
 *
 * Argument: optionally N, to do every Nth case only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jailed.h"
#include "trace.h"
#include "vmm/sandbox/filter.h"
#include "vmm/sandbox/filter_table.h"

#define NUMBERS         471
#define X32_BIT         0x40000000u
#define WORKERS         2
#define DESCRIPTORS_MAX 64

extern const uint8_t guest_sleep_forever[], guest_sleep_forever_end[];

static const struct {
	const char *name;
	uint64_t request;
} kvm_requests[] = {
#include <kvm_requests.inc>
};
#define KVM_REQUESTS (sizeof(kvm_requests) / sizeof(kvm_requests[0]))

/* Linux 6.14 and 6.18 let these two past every filter. Outside a trampoline that the
 * kernel itself maps they do nothing but raise SIGILL or return ENXIO. */
#define CALL_URETPROBE 335
#define CALL_UPROBE    336

static bool exempt(const struct injection *in)
{
	return !in->i386 && (in->number == CALL_URETPROBE || in->number == CALL_UPROBE);
}

static bool admitted(const struct injection *in)
{
	return !in->i386 && ceno_filter_admits(in->number, in->argument);
}

/* Whether the whole process dies of it, by SIGSYS. */
static bool dies(const struct injection *in)
{
	struct jailed_vmm vmm;
	int status, raised;
	jailed_lock(&vmm, guest_sleep_forever, (size_t)(guest_sleep_forever_end - guest_sleep_forever), true);
	pid_t tid = trace_find(vmm.child.pid, in->vcpu_thread);
	trace_seize(tid);
	trace_put(tid, in);
	int end = trace_run(tid, in->i386, &raised);
	bool died = end >= 0 && WIFSIGNALED(end) && WTERMSIG(end) == SIGSYS;
	if (end >= 0 && !in->vcpu_thread) {
		close(vmm.child.pidfd); /* the first thread's end is the process's: reaped above */
		vmm.child.pidfd = -1;
	} else {
		if (end < 0) {
			ceno_child_kill(&vmm.child);
			if (in->vcpu_thread) /* a traced thread stays until its tracer has seen its end */
				assert_int_equal(waitpid(tid, &status, __WALL), tid);
		}
		uint32_t whole = jailed_reap(&vmm);
		died = died && (whole & 0x7f) == SIGSYS;
	}
	jailed_fini(&vmm);
	return died || exempt(in);
}

/* ---- the cases -------------------------------------------------------------- */

static struct injection *cases;
static size_t case_count;

static void add(struct injection in, bool vcpu)
{
	in.vcpu_thread = vcpu;
	cases = realloc(cases, (case_count + 1) * sizeof(*cases));
	assert_non_null(cases);
	cases[case_count++] = in;
}

static void add_both(struct injection in)
{
	add(in, false);
	add(in, true);
}

/* Just outside of one condition of a rule whose others hold: beside its ends, and one bit off in each half. */
static void add_off(struct injection in, const struct ceno_filter_condition *condition)
{
	const uint64_t off[] = { condition->first - 1, condition->last + 1, condition->first ^ 1ull << 31,
		                 condition->first ^ 1ull << 62 };
	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
		in.argument[condition->argument] = off[i];
		if (in.number != SYS_ioctl || !admitted(&in))
			add_both(in);
	}
}

static void add_rules(void)
{
	size_t count;
	const struct ceno_filter_rule *rules = ceno_filter_rules(&count);
	for (size_t i = 0; i < count; i++) {
		struct injection in = { .number = rules[i].number };
		add_both((struct injection){ .number = rules[i].number | X32_BIT });
		add_both((struct injection){ .number = rules[i].number, .i386 = true });
		for (uint32_t j = 0; j < rules[i].condition_count; j++)
			in.argument[rules[i].conditions[j].argument] = rules[i].conditions[j].first;
		if (rules[i].number != SYS_ioctl) /* a second KVM_RUN would not come back */
			add_both(in);
		for (uint32_t j = 0; j < rules[i].condition_count; j++)
			add_off(in, &rules[i].conditions[j]);
	}
}

static void add_requests(void)
{
	static const int descriptors[] = { 0, 1, 2, 3, 20, 21, 25, 26, 27, 28, 29, 30, CENO_VMM_FD_VCPU };
	bool vcpu = false;
	for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++)
		for (size_t j = 0; j < KVM_REQUESTS; j++) {
			const struct injection in = {
				.number = SYS_ioctl, .argument = { (uint64_t)descriptors[i], kvm_requests[j].request }
			};
			vcpu = !vcpu;
			if (!admitted(&in)) /* KVM_RUN on the vCPU would not come back */
				add(in, vcpu);
		}
}

struct share {
	size_t first, step;
};

static void inject_share(void **state)
{
	const struct share *share = *state;
	int wrong = 0;
	for (size_t i = share->first; i < case_count; i += share->step) {
		const struct injection *in = &cases[i];
		bool died = dies(in);
		if (died != admitted(in))
			continue;
		wrong++;
		print_error("call %lu (%#lx, %#lx, %#lx)%s in the %s thread: %s\n", (unsigned long)in->number,
		            (unsigned long)in->argument[0], (unsigned long)in->argument[1],
		            (unsigned long)in->argument[2], in->i386 ? " by int 0x80" : "",
		            in->vcpu_thread ? "vCPU" : "loop", died ? "killed, though in the table" : "not killed");
	}
	assert_int_equal(wrong, 0);
}

static int worker(size_t first, size_t step)
{
	struct share share = { first, step };
	const struct CMUnitTest tests[] = { cmocka_unit_test_prestate(inject_share, &share) };
	return cmocka_run_group_tests_name("injected calls", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	int wrong = 0, status;
	if (geteuid() != 0) {
		puts("SKIP: needs root");
		return 77;
	}
	size_t stride = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	if (stride == 0)
		return 2;
	jailed_use(NULL);
	for (uint64_t number = 0; number < NUMBERS; number++)
		add_both((struct injection){ .number = number });
	add_rules();
	add_requests();
	printf("%zu cases, every %zu of them\n", case_count, stride);
	fflush(stdout);
	for (size_t i = 0; i < WORKERS; i++)
		if (fork() == 0)
			_exit(worker(i * stride, WORKERS * stride));
	for (size_t i = 0; i < WORKERS; i++)
		wrong |= wait(&status) < 0 || status != 0;
	puts(wrong ? "FAILED" : "every call outside the table killed the vmm, every call in it did not");
	return wrong;
}
