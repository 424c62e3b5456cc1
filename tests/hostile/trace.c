/*
 * Tracing a jailed vmm. See trace.h.
 */
#include "trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

static bool is_own_thread(pid_t pid, pid_t tid)
{
	char path[64], name[32] = "";
	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", pid, tid);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	bool own = fgets(name, sizeof(name), file) && strcmp(name, "ceno-vmm\n") == 0;
	fclose(file);
	return own;
}

/* The vCPU thread is the one that is not the process's first, nor KVM's own worker
 * (a thread of this process that never leaves the kernel). */
pid_t trace_find(pid_t pid, bool vcpu)
{
	char path[32];
	pid_t found = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *tasks = opendir(path);
	assert_non_null(tasks);
	for (struct dirent *entry = readdir(tasks); entry; entry = readdir(tasks)) {
		pid_t tid = atoi(entry->d_name);
		if (tid > 0 && (tid != pid) == vcpu && is_own_thread(pid, tid))
			found = tid;
	}
	closedir(tasks);
	assert_true(found > 0);
	return found;
}

void trace_seize(pid_t tid)
{
	int status;
	assert_int_equal(ptrace(PTRACE_SEIZE, tid, 0, 0), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, tid, 0, 0), 0);
	assert_int_equal(waitpid(tid, &status, __WALL), tid);
	assert_true(WIFSTOPPED(status));
}

static void next_stop(pid_t tid)
{
	int status;
	assert_int_equal(ptrace(PTRACE_SYSCALL, tid, 0, 0), 0);
	assert_int_equal(waitpid(tid, &status, __WALL), tid);
	assert_true(WIFSTOPPED(status));
}

void trace_put(pid_t tid, const struct injection *in)
{
	struct user_regs_struct regs;
	next_stop(tid);
	assert_int_equal(ptrace(PTRACE_GETREGS, tid, 0, &regs), 0);
	if (in->i386) {
		regs.orig_rax = (unsigned long long)-1;
		assert_int_equal(ptrace(PTRACE_SETREGS, tid, 0, &regs), 0);
		next_stop(tid);
		regs.rip -= 2;
		errno = 0;
		long code = ptrace(PTRACE_PEEKTEXT, tid, regs.rip, 0);
		assert_int_equal(errno, 0);
		assert_int_equal(code & 0xffff, 0x050f);
		assert_int_equal(ptrace(PTRACE_POKETEXT, tid, regs.rip, (code & ~0xffffl) | 0x80cd), 0);
	}
	regs.orig_rax = in->i386 ? (unsigned long long)-1 : in->number;
	regs.rax = in->number;
	regs.rdi = in->argument[0];
	regs.rsi = in->argument[1];
	regs.rdx = in->argument[2];
	regs.r10 = in->argument[3];
	regs.r8 = in->argument[4];
	regs.r9 = in->argument[5];
	assert_int_equal(ptrace(PTRACE_SETREGS, tid, 0, &regs), 0);
}

int trace_run(pid_t tid, bool i386, int *raised)
{
	int status;
	*raised = 0;
	for (int stops = i386 ? 0 : 1; stops < 3 && !*raised; stops++) {
		if (ptrace(PTRACE_SYSCALL, tid, 0, 0) < 0)
			break;
		assert_int_equal(waitpid(tid, &status, __WALL), tid);
		if (!WIFSTOPPED(status))
			return status;
		if (WSTOPSIG(status) != SIGTRAP)
			*raised = WSTOPSIG(status);
	}
	return -1;
}
