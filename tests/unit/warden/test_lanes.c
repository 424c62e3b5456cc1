/*
 * Lanes: each work is left by all before run returns, whoever came; signals stay the
 * caller's; a lane without the warden's filter does nothing once there has to be one; a wake that the kernel
 * refuses leaves nobody waiting.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "vmm/warden/lanes.h"

#define PIECES   64
#define ROUNDS   2000
#define HANGS_MS 20000 /* what takes some milliseconds */

/* While it is set no thread but the first gets a wake from the kernel. */
static atomic_int refused;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	long arg[6];
	va_list list;
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arg[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_futex && arg[1] == FUTEX_WAKE_PRIVATE && gettid() != getpid() && atomic_load(&refused)) {
		atomic_fetch_add(&refused, 1);
		errno = ENOMEM;
		return -1;
	}
	return __real_syscall(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

struct work {
	atomic_uint next, came, inside, seen; /* seen: bit for each lane */
	atomic_uint taken[PIECES];
	unsigned wait_for; /* lane 0 works only when that many came, or after a while */
	unsigned late_ms;  /* others leave that late */
};

static void sleep_ms(unsigned ms)
{
	nanosleep(&(struct timespec){ 0, (long)ms * 1000000 }, NULL);
}

static void work(void *context, unsigned lane)
{
	struct work *w = context;
	atomic_fetch_add(&w->inside, 1);
	atomic_fetch_add(&w->came, 1);
	atomic_fetch_or(&w->seen, 1u << lane);
	for (int ms = 0; lane == 0 && ms < 2000 && atomic_load(&w->came) < w->wait_for; ms++)
		sleep_ms(1);
	for (unsigned i; (i = atomic_fetch_add(&w->next, 1)) < PIECES;)
		atomic_fetch_add(&w->taken[i], 1);
	if (lane > 0 && w->late_ms)
		sleep_ms(w->late_ms);
	atomic_fetch_sub(&w->inside, 1);
}

static void expect_each_once(struct work *w)
{
	for (unsigned i = 0; i < PIECES; i++)
		assert_int_equal(atomic_load(&w->taken[i]), 1);
}

static void one_lane_does_it_all(void **state)
{
	struct work w = { 0 };
	(void)state;
	assert_int_equal(ceno_lanes_count(), 1);
	ceno_lanes_run(work, &w);
	expect_each_once(&w);
	assert_int_equal(w.seen, 1);
}

/* Made, and left, by lanes whose wakes are refused: first, in a child, for there lanes can be made again. */
static int without_wakes(void)
{
	struct work w = { .wait_for = CENO_LANES_MAX, .late_ms = 50 };
	atomic_store(&refused, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ceno_lanes_start(CENO_LANES_MAX);
	ceno_lanes_run(work, &w);
	return w.inside == 0 && atomic_load(&refused) >= CENO_LANES_MAX; /* each of the others at its start */
}

static void a_refused_wake_leaves_nobody_waiting(void **state)
{
	int status;
	(void)state;
	pid_t child = fork();
	if (child == 0)
		_exit(without_wakes() ? 0 : 1);
	pid_t ended = 0;
	for (int ms = 0; ms < HANGS_MS && (ended = waitpid(child, &status, WNOHANG)) == 0; ms += 10)
		sleep_ms(10); /* no alarm: it is blocked while lanes are made */
	if (ended == 0)
		kill(child, SIGKILL);
	assert_int_equal(ended, child);
	assert_int_equal(status, 0);
}

static void no_more_than_there_may_be_and_none_twice(void **state)
{
	(void)state;
	ceno_lanes_start(3);
	assert_int_equal(ceno_lanes_count(), 3);
	ceno_lanes_start(1000);
	assert_int_equal(ceno_lanes_count(), CENO_LANES_MAX);
	ceno_lanes_start(2);
	assert_int_equal(ceno_lanes_count(), CENO_LANES_MAX);
}

static void all_lanes_come(void **state)
{
	struct work w = { .wait_for = CENO_LANES_MAX };
	(void)state;
	ceno_lanes_run(work, &w);
	expect_each_once(&w);
	assert_int_equal(w.seen, (1u << CENO_LANES_MAX) - 1);
}

/* The work lies on the caller's stack: nobody may still be in it. */
static void nobody_is_inside_afterwards(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		struct work w = { .wait_for = i < 5 ? 2 : 0, .late_ms = i < 5 ? 20 : 0 };
		ceno_lanes_run(work, &w);
		assert_int_equal(w.inside, 0);
		expect_each_once(&w);
	}
}

static void signals_are_the_callers(void **state)
{
	DIR *folder = opendir("/proc/self/task");
	unsigned blocking = 0;
	(void)state;
	assert_non_null(folder);
	for (struct dirent *e; (e = readdir(folder));) {
		char path[300], line[256];
		snprintf(path, sizeof path, "/proc/self/task/%s/status", e->d_name);
		FILE *file = e->d_name[0] == '.' ? NULL : fopen(path, "re");
		unsigned long long mask = 0;
		while (file && fgets(line, sizeof line, file))
			(void)sscanf(line, "SigBlk: %llx", &mask);
		/* All but KILL, STOP and the two of the C library. */
		blocking += (mask | 0x100000100ull | 0x40000ull | 0x180000000ull) == ~0ull;
		if (file)
			fclose(file);
	}
	closedir(folder);
	assert_int_equal(blocking, CENO_LANES_MAX - 1);
}

/* As cenod's: every thread has it, and it is not the warden's. */
static void have_another_filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = { 1, &allow };
	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program), 0);
}

/* Last: it stays so. */
static void a_lane_without_the_wardens_filter_stays_out(void **state)
{
	struct work w = { .wait_for = 2 };
	(void)state;
	have_another_filter();
	ceno_lanes_filtered();
	ceno_lanes_run(work, &w);
	expect_each_once(&w);
	assert_int_equal(w.seen, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_lane_does_it_all),
		cmocka_unit_test(a_refused_wake_leaves_nobody_waiting),
		cmocka_unit_test(no_more_than_there_may_be_and_none_twice),
		cmocka_unit_test(all_lanes_come),
		cmocka_unit_test(nobody_is_inside_afterwards),
		cmocka_unit_test(signals_are_the_callers),
		cmocka_unit_test(a_lane_without_the_wardens_filter_stays_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
