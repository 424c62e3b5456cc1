/*
 * The captured vmm. See captured.h.
 *
 * ceno_jailed_main runs as it is shipped: jail, set-up, lock, LOCKED, GO. The linker
 * puts three functions of ours in front of its own (--wrap): one that reads what to
 * try, at the moment of the lock; and the two that the threads call after GO. An attempt is
 * one of captured.h, or behind those one of taken.h.
 */
#include "taken.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/core/jailed.h"
#include "vmm/sandbox/filter.h"

static struct captured captured;

static long (*const attempts[])(const struct captured *) = {
#define ATTEMPT_ENTRY(name, text, locked, open) captured_##name,
	CAPTURED_ATTEMPTS(ATTEMPT_ENTRY)
#undef ATTEMPT_ENTRY
#define ATTEMPT_ENTRY(name, text, locked, open) taken_##name,
	    TAKEN_ATTEMPTS(ATTEMPT_ENTRY)
#undef ATTEMPT_ENTRY
};

int __real_ceno_filter_install(void);
void __real_ceno_runner_go(struct ceno_runner *runner);
int __wrap_ceno_filter_install(void);
void __wrap_ceno_runner_go(struct ceno_runner *runner);
int __wrap_ceno_kvm_run(const struct ceno_kvm *kvm);

static void attempt(void)
{
	long result = attempts[captured.request.attempt](&captured);
	captured_call(SYS_write, STDOUT_FILENO, &result, sizeof(result));
}

int __wrap_ceno_filter_install(void)
{
	ssize_t n = read(STDIN_FILENO, &captured.request, sizeof(captured.request));
	if (n != (ssize_t)sizeof(captured.request) || captured.request.attempt >= TAKEN_END)
		_exit(99);
	return captured.request.unlocked ? 0 : __real_ceno_filter_install();
}

void __wrap_ceno_runner_go(struct ceno_runner *runner)
{
	captured.runner = runner;
	if (captured.request.threads & CAPTURED_VCPU)
		__real_ceno_runner_go(runner);
	if (captured.request.threads & CAPTURED_LOOP)
		attempt();
}

/* On the vCPU's thread: no guest ever runs. */
int __wrap_ceno_kvm_run(const struct ceno_kvm *kvm)
{
	uint64_t value;
	(void)kvm;
	attempt();
	for (;;)
		captured_call(SYS_read, captured.runner->vm.vcpu.gate_fd, &value, sizeof(value));
}

int main(void)
{
	return ceno_jailed_main();
}
