/*
 * A guest hashes its read-only slots (firmware, trust page, bundle, boot page) again
 * and again while the vmm around it, taken over, tries to change them: by every call
 * that could change a mapping, each of which must kill it, and by the calls the filter
 * admits, pointed at the slots. The guest must never see a difference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "jailed.h"
#include "trace.h"

#define RESULTS 0x300000u /* in RAM; guests.S */
#define SLOTS   4

extern const uint8_t guest_rehash[], guest_rehash_end[];

static uint64_t result(const struct jailed_vmm *vmm, size_t which)
{
	const uint64_t *at = (const void *)(vmm->tiny.ram + RESULTS);
	return __atomic_load_n(&at[which], __ATOMIC_ACQUIRE);
}

/* Two more rounds at least: whatever happened before is in the second. */
static void wait_rounds(const struct jailed_vmm *vmm)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	uint64_t until = result(vmm, 0) + 2;
	for (int i = 0; i < 10000 && result(vmm, 0) < until; i++)
		nanosleep(&moment, NULL);
	assert_true(result(vmm, 0) >= until);
}

/* Where the vmm has the read-only slots: its mappings of memfds that cannot be written. */
static size_t find_slots(pid_t pid, uint64_t at[SLOTS])
{
	char path[64], line[512], rights[8], name[256];
	size_t count = 0;
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	FILE *maps = fopen(path, "re");
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start;
		if (sscanf(line, "%lx-%*x %7s %*s %*s %*s %255s", &start, rights, name) == 3 &&
		    strncmp(name, "/memfd:", 7) == 0 && rights[1] == '-' && count < SLOTS)
			at[count++] = start;
	}
	fclose(maps);
	return count;
}

static pid_t begin(struct jailed_vmm *vmm, uint64_t at[SLOTS])
{
	jailed_lock(vmm, guest_rehash, (size_t)(guest_rehash_end - guest_rehash), true);
	wait_rounds(vmm);
	assert_int_equal(find_slots(vmm->child.pid, at), SLOTS);
	pid_t tid = trace_find(vmm->child.pid, false);
	trace_seize(tid);
	return tid;
}

static void expect_death(uint64_t number, uint64_t a1, uint64_t a2, uint64_t a3)
{
	struct jailed_vmm vmm;
	uint64_t at[SLOTS];
	int raised;
	pid_t tid = begin(&vmm, at);
	const struct injection in = { .number = number, .argument = { at[0], a1, a2, a3, (uint64_t)-1, 0 } };
	trace_put(tid, &in);
	int end = trace_run(tid, false, &raised);
	assert_true(end >= 0 && WIFSIGNALED(end) && WTERMSIG(end) == SIGSYS);
	close(vmm.child.pidfd);
	vmm.child.pidfd = -1;
	assert_int_equal(result(&vmm, 1), 0);
	jailed_fini(&vmm);
}

static void calls_that_change_mappings_kill(void **state)
{
	(void)state;
	expect_death(SYS_mmap, CENO_PAGE, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS);
	expect_death(SYS_mprotect, CENO_PAGE, PROT_READ | PROT_WRITE, 0);
	expect_death(SYS_munmap, CENO_PAGE, 0, 0);
	expect_death(SYS_mremap, CENO_PAGE, 2 * CENO_PAGE, MREMAP_MAYMOVE);
	expect_death(SYS_madvise, CENO_PAGE, MADV_DONTNEED, 0);
	expect_death(SYS_madvise, CENO_PAGE, MADV_REMOVE, 0);
	expect_death(SYS_remap_file_pages, CENO_PAGE, 0, 1);
}

/* The call is admitted; its result, and whether the guest still sees what it saw. */
static int64_t run_admitted(uint64_t number, uint64_t first, unsigned pointer_argument, uint64_t last)
{
	struct jailed_vmm vmm;
	struct user_regs_struct regs;
	uint64_t at[SLOTS];
	int status;
	pid_t tid = begin(&vmm, at);
	struct injection in = { .number = number, .argument = { first, 0, last, 0, 0, 0 } };
	in.argument[pointer_argument] = at[0];
	assert_int_equal(write(vmm.input, "overwritten", 11), 11);
	trace_put(tid, &in);
	assert_int_equal(ptrace(PTRACE_SYSCALL, tid, 0, 0), 0);
	assert_int_equal(waitpid(tid, &status, __WALL), tid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_GETREGS, tid, 0, &regs), 0);
	int64_t returned = (int64_t)regs.rax;
	regs.rax = (unsigned long long)-EINTR; /* the loop waits again, as if nothing had been */
	assert_int_equal(ptrace(PTRACE_SETREGS, tid, 0, &regs), 0);
	assert_int_equal(ptrace(PTRACE_DETACH, tid, 0, 0), 0);
	wait_rounds(&vmm);
	assert_int_equal(result(&vmm, 1), 0);
	ceno_child_kill(&vmm.child);
	jailed_reap(&vmm);
	jailed_fini(&vmm);
	return returned;
}

static void calls_that_are_admitted_do_not_write_there(void **state)
{
	(void)state;
	assert_int_equal(run_admitted(SYS_read, 0, 1, 11), -EFAULT);
	assert_int_equal(run_admitted(SYS_clock_gettime, 1, 1, 0), -EFAULT);
}

int main(void)
{
	if (geteuid() != 0) {
		printf("skipped: needs root to make the jail\n");
		return 77;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_that_change_mappings_kill),
		cmocka_unit_test(calls_that_are_admitted_do_not_write_there),
	};
	jailed_use(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
