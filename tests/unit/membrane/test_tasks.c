/*
 * Several tasks: who runs, who waits, who is woken; threads, children, their ends, and
 * what a program may not do with them.
 */
#include "test.h"

#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "guest-kernel/services/membrane/frames.h"
#include "guest-kernel/services/membrane/process.h"
#include "guest-kernel/services/membrane/task.h"
#include "guest-kernel/services/membrane/vm.h"
#include "vmm/warden/pack.h"

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static uint64_t page;

static int boot(void **state)
{
	(void)state;
	fake_start();
	page = fake_page();
	return 0;
}

static enum fake_outcome go_(uint64_t n, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	return fake_go(n, (const uint64_t[6]){ a, b, c, d, e, f });
}
#define GO_PICK(n, a, b, c, d, e, f, ...) \
	go_((uint64_t)(n), (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), (uint64_t)(f))
#define GO(...) GO_PICK(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

static int64_t rax(void)
{
	return (int64_t)ceno_trap()->gpr[CENO_RAX];
}

static uint32_t tid(void)
{
	return ceno_current->tid;
}

static uint32_t word(uint64_t gva)
{
	uint32_t value;

	fake_peek(&value, gva, sizeof(value));
	return value;
}

static void set_word(uint64_t gva, uint32_t value)
{
	fake_poke(gva, &value, sizeof(value));
}

/* Runs until the task of this number is the current one. */
static void switch_to(uint32_t wanted)
{
	for (int i = 0; i < 300 && tid() != wanted; i++)
		GO(SYS_sched_yield);
	assert_int_equal(tid(), wanted);
}

static uint32_t new_thread(void)
{
	assert_int_equal(GO(SYS_clone, THREAD, page + 2048), FAKE_RETURNED);
	assert_true(rax() > 2);
	return (uint32_t)rax();
}

static uint32_t new_child(void)
{
	assert_int_equal(GO(SYS_fork), FAKE_RETURNED);
	assert_true(rax() > 2);
	return (uint32_t)rax();
}

/* ---- threads ------------------------------------------------------------------------- */

static void test_thread(void **state)
{
	uint64_t flags = THREAD | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;

	(void)state;
	fake_fpu = 0x1111;
	ceno_trap()->gpr[CENO_RBX] = 77;
	assert_int_equal(GO(SYS_clone, flags, page + 2048, page, page + 4, 0x123000), FAKE_RETURNED);
	assert_int_equal(rax(), 3);
	assert_int_equal(word(page), 3);
	assert_int_equal(word(page + 4), 3);
	fake_fpu = 0x2222;
	assert_int_equal(GO(SYS_sched_yield), FAKE_ENTERED);
	assert_int_equal(tid(), 3);
	assert_int_equal(rax(), 0);
	assert_int_equal(ceno_trap()->gpr[CENO_RBX], 77);
	assert_int_equal(ceno_trap()->gpr[CENO_RSP], page + 2048);
	assert_int_equal(ceno_trap()->resume_rip, FAKE_RIP);
	assert_int_equal(ceno_fs_base(), 0x123000);
	assert_int_equal(fake_fpu, 0x1111); /* of when it was made, not what its maker did then */
	assert_int_equal(GO(SYS_getpid), FAKE_RETURNED);
	assert_int_equal(rax(), 2);
	assert_int_equal(GO(SYS_gettid), FAKE_RETURNED);
	assert_int_equal(rax(), 3);
	assert_int_equal(GO(SYS_exit, 5), FAKE_ENTERED); /* the thread, not the process */
	assert_int_equal(tid(), 2);
	assert_int_equal(rax(), 0);
	assert_int_equal(fake_fpu, 0x2222);
	assert_int_equal(word(page + 4), 0);
	assert_null(ceno_task_find(3));
	assert_int_equal(GO(SYS_exit, 9), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->exit_status, 9);
}

/* The first thread's status is the process's, whoever goes last; exit_group takes all. */
static void test_thread_ends(void **state)
{
	(void)state;
	new_thread();
	assert_int_equal(GO(SYS_exit, 4), FAKE_ENTERED);
	assert_int_equal(tid(), 3);
	assert_int_equal(GO(SYS_getpid), FAKE_RETURNED);
	assert_int_equal(rax(), 2);
	assert_int_equal(GO(SYS_exit, 8), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->exit_status, 4);
	boot(NULL);
	new_thread();
	new_thread();
	switch_to(4);
	assert_int_equal(GO(SYS_exit_group, 6), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->state, CENO_PROGRAM_DONE);
	assert_int_equal(fake_guest()->exit_status, 6);
}

static void test_refused(void **state)
{
	static const uint64_t bad[] = { CLONE_THREAD,  CLONE_THREAD | CLONE_VM,
		                        CLONE_SIGHAND, CLONE_SIGHAND | CLONE_VM,
		                        CLONE_PIDFD,   65 /* no such signal */ };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sys(SYS_clone, bad[i], 0), -EINVAL);
	assert_int_equal(sys(SYS_clone, CLONE_NEWPID | SIGCHLD, 0), -EPERM);
	assert_int_equal(sys(SYS_clone, CLONE_NEWUSER, 0), -EPERM);
	assert_int_equal(sys(SYS_clone, THREAD | CLONE_SETTLS, page, 0, 0, 1ull << 60), -EPERM);
	assert_int_equal(sys(SYS_clone3, page, 63), -EINVAL);
	assert_int_equal(sys(SYS_clone3, page, 4097), -E2BIG);
	assert_int_equal(sys(SYS_clone3, BAD, 88), -EFAULT);
	fake_poke(page, (const uint64_t[11]){ [0] = CLONE_DETACHED }, 88);
	assert_int_equal(sys(SYS_clone3, page, 88), -EINVAL);
	fake_poke(page, (const uint64_t[11]){ [5] = page }, 88); /* a stack without its size */
	assert_int_equal(sys(SYS_clone3, page, 88), -EINVAL);
	fake_poke(page, (const uint64_t[12]){ [11] = 1 }, 96); /* what a newer kernel would know */
	assert_int_equal(sys(SYS_clone3, page, 96), -E2BIG);
	assert_int_equal(ceno_tasks_count(), 1);
}

/* ---- futexes ---------------------------------------------------------------------------- */

static void test_futex_wake(void **state)
{
	(void)state;
	set_word(page, 1);
	new_thread();
	new_thread();
	assert_int_equal(GO(SYS_futex, page, FUTEX_WAIT, 1), FAKE_ENTERED);
	assert_int_equal(tid(), 3);
	assert_int_equal(GO(SYS_futex, page, FUTEX_WAIT_BITSET, 1, 0, 0, 4), FAKE_ENTERED);
	assert_int_equal(tid(), 4);
	assert_int_equal(GO(SYS_futex, page + 4, FUTEX_WAKE, 9), FAKE_RETURNED); /* another word */
	assert_int_equal(rax(), 0);
	assert_int_equal(GO(SYS_futex, page, FUTEX_WAKE_BITSET, 9, 0, 0, 4), FAKE_RETURNED);
	assert_int_equal(rax(), 2); /* plain waiters take every bit */
	assert_int_equal(GO(SYS_exit), FAKE_ENTERED);
	assert_int_equal(tid(), 2);
	assert_int_equal(rax(), 0);
	assert_int_equal(GO(SYS_futex, page, FUTEX_WAIT_BITSET, 1, 0, 0, 2), FAKE_ENTERED);
	assert_int_equal(tid(), 3);
	assert_int_equal(rax(), 0);
	assert_int_equal(GO(SYS_futex, page, FUTEX_WAKE_BITSET, 9, 0, 0, 4), FAKE_RETURNED);
	assert_int_equal(rax(), 0);
	assert_int_equal(GO(SYS_futex, page, FUTEX_WAKE_BITSET, 9, 0, 0, 0), FAKE_RETURNED);
	assert_int_equal(rax(), -EINVAL);
	assert_int_equal(GO(SYS_futex, page, FUTEX_WAKE, 0), FAKE_RETURNED);
	assert_int_equal(rax(), 1); /* as Linux: at least one */
}

static void test_futex_requeue(void **state)
{
	(void)state;
	set_word(page, 1);
	for (int i = 0; i < 3; i++)
		new_thread();
	for (uint32_t i = 3; i <= 5; i++) {
		switch_to(i);
		assert_int_equal(GO(SYS_futex, page, FUTEX_WAIT, 1), FAKE_ENTERED);
	}
	switch_to(2);
	assert_int_equal(GO(SYS_futex, page, FUTEX_CMP_REQUEUE, 1, 1, page + 8, 2), FAKE_RETURNED);
	assert_int_equal(rax(), -EAGAIN);
	assert_int_equal(GO(SYS_futex, page, FUTEX_CMP_REQUEUE, 1, 1, page + 8, 1), FAKE_RETURNED);
	assert_int_equal(rax(), 2); /* one woken, one moved */
	assert_int_equal(GO(SYS_futex, page + 8, FUTEX_WAKE, 9), FAKE_RETURNED);
	assert_int_equal(rax(), 1);
	assert_int_equal(GO(SYS_futex, page, FUTEX_WAKE, 9), FAKE_RETURNED);
	assert_int_equal(rax(), 1);
	assert_int_equal(GO(SYS_futex, page, FUTEX_REQUEUE, -1, 1, page + 8), FAKE_RETURNED);
	assert_int_equal(rax(), -EINVAL);
}

static void test_futex_op(void **state)
{
	(void)state;
	set_word(page + 8, 5);
	new_thread();
	switch_to(3);
	assert_int_equal(GO(SYS_futex, page + 8, FUTEX_WAIT, 5), FAKE_ENTERED);
	assert_int_equal(GO(SYS_futex, page, FUTEX_WAKE_OP, 1, 1, page + 8,
	                    FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_GT, 5)),
	                 FAKE_RETURNED);
	assert_int_equal(rax(), 0); /* 5 > 5: no */
	assert_int_equal(word(page + 8), 8);
	assert_int_equal(GO(SYS_futex, page, FUTEX_WAKE_OP, 1, 1, page + 8,
	                    FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 8)),
	                 FAKE_RETURNED);
	assert_int_equal(rax(), 1);
	assert_int_equal(word(page + 8), 1);
	assert_int_equal(GO(SYS_futex, page, FUTEX_WAKE_OP, 1, 1, page + 8, 15u << 24), FAKE_RETURNED);
	assert_int_equal(rax(), -ENOSYS);
	assert_int_equal(GO(SYS_futex, page, FUTEX_WAKE_OP, 1, 1, BAD, 0), FAKE_RETURNED);
	assert_int_equal(rax(), -EFAULT);
	assert_int_equal(GO(SYS_futex, page, FUTEX_LOCK_PI, 1), FAKE_RETURNED);
	assert_int_equal(rax(), -ENOSYS);
}

/* A thread that dies with a lock says so; a list that never ends does not hold it up. */
static void test_robust(void **state)
{
	const uint64_t lock = page + 128;

	(void)state;
	new_thread();
	switch_to(3);
	fake_poke(page + 64, (const uint64_t[3]){ page + 96, 32, 0 }, 24); /* head: entry, futex 32 behind it */
	fake_poke(page + 96, (const uint64_t[1]){ page + 64 }, 8);
	set_word(lock, 3 | FUTEX_WAITERS);
	assert_int_equal(GO(SYS_set_robust_list, page + 64, 24), FAKE_RETURNED);
	switch_to(2);
	assert_int_equal(GO(SYS_futex, lock, FUTEX_WAIT, 3 | FUTEX_WAITERS), FAKE_ENTERED);
	assert_int_equal(GO(SYS_exit), FAKE_ENTERED);
	assert_int_equal(tid(), 2);
	assert_int_equal(rax(), 0);
	assert_int_equal(word(lock), FUTEX_WAITERS | FUTEX_OWNER_DIED);

	new_thread();
	switch_to(4);
	fake_poke(page + 64, (const uint64_t[3]){ page + 96, 32, 0 }, 24);
	fake_poke(page + 96, (const uint64_t[1]){ page + 96 }, 8); /* itself */
	set_word(lock, 99);                                        /* another's */
	assert_int_equal(GO(SYS_set_robust_list, page + 64, 24), FAKE_RETURNED);
	assert_int_equal(GO(SYS_exit), FAKE_ENTERED);
	assert_int_equal(tid(), 2);
	assert_int_equal(word(lock), 99);
	assert_int_equal(sys(SYS_set_robust_list, page, 23), -EINVAL);
}

/* ---- turns --------------------------------------------------------------------------------- */

static void test_turns(void **state)
{
	(void)state;
	new_thread();
	fake_tsc += 2000000; /* 1 ms */
	assert_int_equal(fake_fault(CENO_VECTOR_TICK, 0, 0), FAKE_RETURNED);
	assert_int_equal(tid(), 2);
	fake_tsc += 16000000; /* 8 ms: its turn is over */
	assert_int_equal(fake_fault(CENO_VECTOR_TICK, 0, 0), FAKE_ENTERED);
	assert_int_equal(tid(), 3);
	fake_tsc += 20000000; /* also without a tick, after a call */
	assert_int_equal(GO(SYS_getpid), FAKE_ENTERED);
	assert_int_equal(tid(), 2);
	assert_int_equal(ceno_trap()->resume_rip, 0x401000);
	switch_to(3);
	assert_int_equal(rax(), 2);
}

static void test_sleepers(void **state)
{
	(void)state;
	fake_poke(page, (const uint64_t[2]){ 0, 5000000 }, 16);
	fake_poke(page + 16, (const uint64_t[2]){ 0, 1000000 }, 16);
	new_thread();
	assert_int_equal(GO(SYS_nanosleep, page), FAKE_ENTERED);
	assert_int_equal(tid(), 3);
	assert_int_equal(GO(SYS_nanosleep, page + 16), FAKE_RETURNED); /* its own time comes first */
	assert_int_equal(tid(), 3);
	assert_int_equal(rax(), 0);
	assert_int_equal(GO(SYS_exit), FAKE_ENTERED);
	assert_int_equal(tid(), 2);
	assert_int_equal(rax(), 0);
}

/* A deadline that is past when the task blocks: it never was on the list for long. */
static void test_past_deadline(void **state)
{
	(void)state;
	fake_poke(page + 16, (const uint64_t[2]){ 0, 1 }, 16);
	assert_int_equal(sys(SYS_futex, page, FUTEX_WAIT_BITSET, 0, page + 16, 0, -1), -ETIMEDOUT);
	assert_null(ceno_blocked_first());
	new_thread();
	assert_int_equal(sys(SYS_nanosleep, page + 16), 0);
	assert_null(ceno_blocked_first());
}

/* ---- children ---------------------------------------------------------------------------------- */

static void test_child(void **state)
{
	uint32_t status;

	(void)state;
	set_word(page, 1);
	assert_int_equal(sys(SYS_wait4, -1, 0, 0), -ECHILD);
	new_child();
	assert_int_equal(GO(SYS_wait4, -1, page + 8, WNOHANG), FAKE_RETURNED);
	assert_int_equal(rax(), 0);
	assert_int_equal(GO(SYS_wait4, 99, page + 8, 0), FAKE_RETURNED);
	assert_int_equal(rax(), -ECHILD);
	assert_int_equal(GO(SYS_wait4, 3, page + 8, 0), FAKE_ENTERED);
	assert_int_equal(tid(), 3);
	assert_int_equal(rax(), 0);
	set_word(page, 2);
	assert_int_equal(GO(SYS_getppid), FAKE_RETURNED);
	assert_int_equal(rax(), 2);
	assert_int_equal(GO(SYS_exit_group, 42), FAKE_ENTERED);
	assert_int_equal(tid(), 2);
	assert_int_equal(rax(), 3);
	status = word(page + 8);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	assert_int_equal(word(page), 1); /* its memory was its own */
	assert_int_equal(sys(SYS_wait4, -1, 0, 0), -ECHILD);
	new_child();
	switch_to(4);
	assert_int_equal(GO(SYS_kill, 4, SIGKILL), FAKE_ENTERED);
	assert_int_equal(GO(SYS_wait4, 0, page + 8, 0), FAKE_RETURNED);
	assert_int_equal(rax(), 4);
	status = word(page + 8);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(fake_guest()->state, CENO_PROGRAM_RUNNING);
}

static void test_waitid(void **state)
{
	siginfo_t info;

	(void)state;
	new_child();
	switch_to(3);
	assert_int_equal(GO(SYS_exit_group, 7), FAKE_ENTERED);
	assert_int_equal(GO(SYS_waitid, P_PID, 3, page, WEXITED | WNOWAIT), FAKE_RETURNED);
	assert_int_equal(rax(), 0);
	fake_peek(&info, page, sizeof(info));
	assert_int_equal(info.si_pid, 3);
	assert_int_equal(info.si_status, 7);
	assert_int_equal(info.si_code, CLD_EXITED);
	assert_int_equal(GO(SYS_waitid, P_ALL, 0, page, WEXITED), FAKE_RETURNED); /* it is still there */
	assert_int_equal(rax(), 0);
	assert_int_equal(sys(SYS_waitid, P_ALL, 0, page, WEXITED), -ECHILD);
	assert_int_equal(sys(SYS_waitid, P_ALL, 0, page, 0), -EINVAL);
	assert_int_equal(sys(SYS_waitid, 9, 0, page, WEXITED), -EINVAL);
	assert_int_equal(sys(SYS_waitid, P_ALL, 0, page, WEXITED | 0x100), -EINVAL);
	assert_int_equal(sys(SYS_wait4, -1, 0, 0x100), -EINVAL);
}

/* Children of one that ended are nobody's, and leave nothing. */
static void test_orphan(void **state)
{
	(void)state;
	new_child();
	switch_to(3);
	new_child();
	assert_int_equal(GO(SYS_exit_group, 0), FAKE_ENTERED);
	switch_to(4);
	assert_int_equal(GO(SYS_getppid), FAKE_RETURNED);
	assert_int_equal(rax(), 1);
	assert_int_equal(GO(SYS_exit_group, 0), FAKE_ENTERED);
	assert_int_equal(tid(), 2);
	assert_null(ceno_process_find(4));
	assert_int_equal(sys(SYS_wait4, -1, 0, 0), 3);
	assert_int_equal(sys(SYS_wait4, -1, 0, 0), -ECHILD);
}

static void test_ignored_children(void **state)
{
	(void)state;
	fake_poke(page, (const uint64_t[4]){ 1 }, 32); /* SIG_IGN */
	assert_int_equal(sys(SYS_rt_sigaction, SIGCHLD, page, 0, 8), 0);
	new_child();
	switch_to(3);
	assert_int_equal(GO(SYS_exit_group, 0), FAKE_ENTERED);
	assert_null(ceno_process_find(3));
	assert_int_equal(sys(SYS_wait4, -1, 0, 0), -ECHILD);
}

static void test_vfork(void **state)
{
	(void)state;
	set_word(page, 1);
	assert_int_equal(GO(SYS_vfork), FAKE_ENTERED);
	assert_int_equal(tid(), 3);
	assert_int_equal(rax(), 0);
	set_word(page, 2);
	for (int i = 0; i < 5; i++) /* the parent waits, whatever signals come */
		assert_int_equal(GO(SYS_kill, 2, SIGUSR2), i ? FAKE_RETURNED : FAKE_RETURNED);
	assert_int_equal(GO(SYS_sched_yield), FAKE_RETURNED);
	fake_poke(page + 64, (const uint64_t[4]){ 1 }, 32);
	assert_int_equal(GO(SYS_exit_group, 0), FAKE_BLOCKED); /* SIGUSR2 ends it now */
	assert_int_equal(fake_guest()->signal, SIGUSR2);
	boot(NULL);
	set_word(page, 1);
	assert_int_equal(GO(SYS_vfork), FAKE_ENTERED);
	set_word(page, 2);
	assert_int_equal(GO(SYS_exit_group, 0), FAKE_ENTERED);
	assert_int_equal(tid(), 2);
	assert_int_equal(rax(), 3);
	assert_int_equal(word(page), 2); /* the memory was shared */
}

/* A fork bomb: EAGAIN at the limit, everything is given back, the session goes on. */
static void test_bomb(void **state)
{
	uint64_t used;
	uint32_t made = 0, handed = 0;

	(void)state;
	new_child();
	switch_to(3);
	assert_int_equal(GO(SYS_exit_group, 0), FAKE_ENTERED);
	assert_int_equal(sys(SYS_wait4, -1, 0, 0), 3);
	used = ceno_frames_used();
	fake_poke(page, (const struct rlimit[1]){ { 20, 20 } }, sizeof(struct rlimit));
	assert_int_equal(sys(SYS_setrlimit, RLIMIT_NPROC, page), 0);
	for (;;) {
		if (GO(SYS_fork) != FAKE_RETURNED) {
			handed++;
			switch_to(2);
		}
		if (rax() < 0)
			break;
		made++;
	}
	assert_int_equal(handed, made - 7); /* from the eighth child on, each ends its parent's turn */
	assert_int_equal(rax(), -EAGAIN);
	assert_int_equal(made, 19);
	assert_int_equal(GO(SYS_kill, -1, SIGKILL), FAKE_RETURNED);
	for (uint32_t i = 0; i < made; i++) {
		while (GO(SYS_wait4, -1, 0, 0) != FAKE_RETURNED)
			;
		assert_true(rax() > 2);
	}
	assert_int_equal(sys(SYS_wait4, -1, 0, 0), -ECHILD);
	assert_int_equal(ceno_tasks_count(), 1);
	assert_in_range(ceno_frames_used(), used, used + 8); /* what 19 children had is many times that */
}

/* A group that kills itself while some of it sleep. */
static void test_kill_group(void **state)
{
	(void)state;
	fake_poke(page + 16, (const uint64_t[2]){ 0, 1000000 }, 16);
	new_child();
	switch_to(3);
	assert_int_equal(sys(SYS_setpgid, 0, 0), 0);
	new_child();
	new_child();
	switch_to(4);
	new_child();
	for (int i = 0; i < 4; i++) {
		while (tid() == 2)
			GO(SYS_sched_yield);
		GO(SYS_nanosleep, page + 16);
	}
	GO(SYS_wait4, 3, page, 0);
	for (int i = 0; i < 10 && tid() != 2; i++)
		GO(SYS_kill, 0, SIGKILL);
	assert_int_equal(tid(), 2);
	assert_int_equal(rax(), 3);
	assert_int_equal(ceno_tasks_count(), 1);
}

static void test_limit_of_tasks(void **state)
{
	uint32_t made = 1;

	(void)state;
	while (GO(SYS_clone, THREAD, page) == FAKE_RETURNED && rax() > 0)
		made++;
	assert_int_equal(rax(), -EAGAIN);
	assert_int_equal(made, CENO_TASKS);
	assert_int_equal(sys(SYS_fork), -EAGAIN);
	assert_int_equal(GO(SYS_exit_group, 1), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->exit_status, 1);
}

static int asked;

static int ask_next(void)
{
	static const char *const argv[] = { "/bin/p", NULL }, *const env[] = { NULL };

	if (asked++)
		return 0;
	fake_host()->request_bytes = (uint32_t)ceno_pack_args_format(fake_window() + CENO_STDIO_REQUEST_OFFSET,
	                                                             CENO_STDIO_REQUEST_MAX, "/bin/p", argv, env, "/");
	fake_host()->request_seq = 2;
	return 1;
}

/* With the first process everything of its request ends: who sleeps, waits for a child that
 * borrowed its memory, is stopped or a zombie. */
static void test_first_ends(void **state)
{
	uint64_t used = ceno_frames_used();

	(void)state;
	fake_poke(page + 16, (const uint64_t[2]){ 1000, 0 }, 16);
	new_thread();
	for (uint32_t child = 4; child <= 7; child++)
		new_child();
	assert_int_equal(sys(SYS_kill, 6, SIGSTOP), 0);
	assert_int_equal(sys(SYS_kill, 7, SIGKILL), 0);
	switch_to(4);
	GO(SYS_nanosleep, page + 16);
	switch_to(5);
	GO(SYS_vfork);
	switch_to(8);
	GO(SYS_nanosleep, page + 16);
	switch_to(3);
	GO(SYS_nanosleep, page + 16);
	assert_true(ceno_process_find(7)->zombie && ceno_process_find(6)->stopped && ceno_task_find(5)->vfork);
	asked = 0;
	fake_on_wait = ask_next;
	switch_to(2);
	assert_int_equal(GO(SYS_exit_group, 1), FAKE_ENTERED);
	fake_on_wait = NULL;
	assert_int_equal(fake_guest()->seq, 2);
	assert_int_equal(tid(), 2);
	assert_int_equal(ceno_tasks_count(), 1);
	while (ceno_husk_release())
		;
	assert_in_range(ceno_frames_used(), 1, used + 8);
	assert_int_equal(sys(SYS_wait4, -1, 0, 0), -ECHILD);
	page = fake_page();
	new_child(); /* and numbers begin again */
	assert_non_null(ceno_task_find(3));
}

/* ---- groups --------------------------------------------------------------------------------------- */

static void test_groups(void **state)
{
	(void)state;
	assert_int_equal(sys(SYS_getpgrp), 2);
	assert_int_equal(sys(SYS_getsid, 0), 2);
	assert_int_equal(sys(SYS_setsid), -EPERM);
	assert_int_equal(sys(SYS_setpgid, 0, 0), -EPERM); /* a session leader */
	assert_int_equal(sys(SYS_setpgid, 0, -1), -EINVAL);
	assert_int_equal(sys(SYS_setpgid, 99, 0), -ESRCH);
	assert_int_equal(sys(SYS_getpgid, 99), -ESRCH);
	assert_int_equal(sys(SYS_setpriority, 0, 0, 7), 0);
	assert_int_equal(sys(SYS_setpriority, 0, 0, 6), -EACCES); /* less nice */
	assert_int_equal(sys(SYS_setpriority, 3, 0, 8), -EINVAL);
	assert_int_equal(sys(SYS_setpriority, 0, 99, 8), -ESRCH);
	assert_int_equal(sys(SYS_getpriority, 0, 2), 20 - 7);
	new_child();
	assert_int_equal(sys(SYS_getpriority, 0, 3), 20 - 7); /* inherited */
	assert_int_equal(sys(SYS_setpgid, 3, 77), -EPERM);    /* no such group */
	assert_int_equal(sys(SYS_setpgid, 3, 0), 0);
	assert_int_equal(sys(SYS_getpgid, 3), 3);
	switch_to(3);
	assert_int_equal(sys(SYS_setsid), -EPERM); /* leads a group */
	assert_int_equal(sys(SYS_setpgid, 0, 2), 0);
	assert_int_equal(sys(SYS_setsid), 3);
	assert_int_equal(sys(SYS_getsid, 2), 2);
	assert_int_equal(sys(SYS_setpgid, 2, 2), -ESRCH);
	switch_to(2);
	assert_int_equal(sys(SYS_setpgid, 3, 2), -EPERM); /* in another session */
	new_child();
	switch_to(4);
	new_child();
	assert_int_equal(sys(SYS_setsid), 4);
	assert_int_equal(sys(SYS_setpgid, 5, 5), -EPERM); /* its child is still in the old one */
	switch_to(2);
	assert_int_equal(sys(SYS_kill, -3, 0), 0);
	assert_int_equal(sys(SYS_kill, -77, 0), -ESRCH);
	assert_int_equal(sys(SYS_kill, 1, 0), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_thread, boot),        cmocka_unit_test_setup(test_thread_ends, boot),
		cmocka_unit_test_setup(test_refused, boot),       cmocka_unit_test_setup(test_futex_wake, boot),
		cmocka_unit_test_setup(test_futex_requeue, boot), cmocka_unit_test_setup(test_futex_op, boot),
		cmocka_unit_test_setup(test_robust, boot),        cmocka_unit_test_setup(test_turns, boot),
		cmocka_unit_test_setup(test_sleepers, boot),      cmocka_unit_test_setup(test_past_deadline, boot),
		cmocka_unit_test_setup(test_child, boot),         cmocka_unit_test_setup(test_waitid, boot),
		cmocka_unit_test_setup(test_orphan, boot),        cmocka_unit_test_setup(test_ignored_children, boot),
		cmocka_unit_test_setup(test_vfork, boot),         cmocka_unit_test_setup(test_bomb, boot),
		cmocka_unit_test_setup(test_kill_group, boot),    cmocka_unit_test_setup(test_limit_of_tasks, boot),
		cmocka_unit_test_setup(test_first_ends, boot),    cmocka_unit_test_setup(test_groups, boot),
	};

	return cmocka_run_group_tests_name("membrane tasks", tests, NULL, NULL);
}
