/* Threads, futexes, clocks; state of the CPU across all of it. */
#include "conform.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int total, turn;
static __thread int own = 5;
static atomic_int spins;

static void *adder(void *n)
{
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&mutex);
		total++;
		pthread_mutex_unlock(&mutex);
	}
	own = (int)(intptr_t)n;
	return (void *)(intptr_t)(own + 1);
}

static void *player(void *me)
{
	int mine = (int)(intptr_t)me;
	for (int i = 0; i < 100; i++) {
		pthread_mutex_lock(&mutex);
		while (turn % 2 != mine)
			pthread_cond_wait(&changed, &mutex);
		turn++;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void *spinner(void *unused)
{
	(void)unused;
	while (atomic_load(&spins) == 0)
		;
	return NULL;
}

static void exit_from_thread(void)
{
	pthread_t t;
	extern void *thread_that_exits(void *);
	pthread_create(&t, NULL, thread_that_exits, NULL);
	for (;;)
		pause();
}

void *thread_that_exits(void *unused)
{
	(void)unused;
	exit(21);
}

static atomic_int signalled;
static __thread int own_tid; /* set before any signal comes */

static void count_signal(int n)
{
	(void)n;
	atomic_store(&signalled, own_tid);
}

static void *sleeper(void *tid)
{
	own_tid = (int)syscall(SYS_gettid);
	*(atomic_int *)tid = own_tid;
	while (atomic_load(&signalled) == 0)
		usleep(1000);
	return NULL;
}

void subject_threads(void)
{
	pthread_t t[4];
	void *result;
	for (intptr_t i = 0; i < 4; i++)
		OK(pthread_create(&t[i], NULL, adder, (void *)i) == 0);
	for (intptr_t i = 0; i < 4; i++)
		OK(pthread_join(t[i], &result) == 0 && (intptr_t)result == i + 1);
	OK(total == 80000 && own == 5);
	for (intptr_t i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, player, (void *)i);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	OK(turn == 200);
	/* one that never lets go of the CPU does not keep others from it */
	OK(pthread_create(&t[0], NULL, spinner, NULL) == 0);
	usleep(20000);
	atomic_store(&spins, 1);
	OK(pthread_join(t[0], NULL) == 0);
	OK(conform_child(exit_from_thread) == 21);
	atomic_int tid = 0;
	signal(SIGUSR1, count_signal);
	pthread_create(&t[0], NULL, sleeper, &tid);
	while (atomic_load(&tid) == 0)
		usleep(1000);
	OK(pthread_kill(t[0], SIGUSR1) == 0 && pthread_join(t[0], NULL) == 0 &&
	   atomic_load(&signalled) == atomic_load(&tid));
	FAILS(syscall(SYS_tgkill, getpid(), 999999, SIGUSR1), ESRCH);
	FAILS(syscall(SYS_tgkill, -1, 1, SIGUSR1), EINVAL);
	/* a fork of a threaded process has one thread */
	pid_t pid = fork();
	if (pid == 0)
		_exit(getpid() == syscall(SYS_gettid) ? 3 : 4);
	int status;
	OK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
}

static long futex(void *word, int op, uint32_t value, const struct timespec *timeout, void *second, uint32_t third)
{
	return syscall(SYS_futex, word, op, value, timeout, second, third);
}

static void *waker(void *word)
{
	usleep(20000);
	atomic_store((_Atomic uint32_t *)word, 1);
	futex(word, FUTEX_WAKE, 1, NULL, NULL, 0);
	return NULL;
}

void subject_futexes(void)
{
	uint32_t word = 0, other = 0;
	struct timespec short_ = { 0, 5000000 }, now;
	FAILS(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0), EAGAIN);
	FAILS(futex(&word, FUTEX_WAIT, 0, &short_, NULL, 0), ETIMEDOUT);
	OK(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0) == 0);
	clock_gettime(CLOCK_MONOTONIC, &now);
	FAILS(futex(&word, FUTEX_WAIT_BITSET, 0, &now, NULL, FUTEX_BITSET_MATCH_ANY), ETIMEDOUT);
	FAILS(futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), EINVAL);
	FAILS(futex((char *)&word + 1, FUTEX_WAIT, 0, NULL, NULL, 0), EINVAL);
	FAILS(futex((void *)8, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
	FAILS(futex(&word, 99, 0, NULL, NULL, 0), ENOSYS);
	short_.tv_nsec = -1;
	FAILS(futex(&word, FUTEX_WAIT, 0, &short_, NULL, 0), EINVAL);
	pthread_t t;
	pthread_create(&t, NULL, waker, &word);
	while (atomic_load((_Atomic uint32_t *)&word) == 0)
		futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0);
	OK(pthread_join(t, NULL) == 0);
	OK(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1ul, &other, 1) == 0);
	FAILS(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1ul, &other, 7), EAGAIN);
	/* between processes, through shared memory */
	uint32_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	if (pid == 0) {
		waker(shared);
		_exit(0);
	}
	while (*(volatile uint32_t *)shared == 0)
		futex(shared, FUTEX_WAIT, 0, NULL, NULL, 0);
	OK(waitpid(pid, NULL, 0) == pid);
}

static int64_t ns(clockid_t clock)
{
	struct timespec t;
	return clock_gettime(clock, &t) == 0 ? (int64_t)t.tv_sec * 1000000000 + t.tv_nsec : -1;
}

void subject_clocks(void)
{
	struct timespec t;
	struct timeval v;
	int64_t real = ns(CLOCK_REALTIME), mono = ns(CLOCK_MONOTONIC);
	OK(real > 1600000000ll * 1000000000 && mono >= 0);
	OK(usleep(10000) == 0 && ns(CLOCK_MONOTONIC) - mono >= 10000000 && ns(CLOCK_REALTIME) - real >= 9000000);
	int64_t before = ns(CLOCK_MONOTONIC), rising = 1;
	for (int i = 0; i < 10000; i++) {
		int64_t now = ns(CLOCK_MONOTONIC);
		rising &= now >= before;
		before = now;
	}
	OK(rising == 1);
	OK(gettimeofday(&v, NULL) == 0 && v.tv_usec >= 0 && v.tv_usec < 1000000);
	int64_t gap = ns(CLOCK_REALTIME) - ((int64_t)v.tv_sec * 1000000000 + v.tv_usec * 1000ll);
	OK(gap >= 0 && gap < 1000000000);
	OK(clock_getres(CLOCK_MONOTONIC, &t) == 0 && t.tv_sec == 0 && t.tv_nsec > 0);
	OK(ns(CLOCK_BOOTTIME) >= 0 && ns(CLOCK_MONOTONIC_RAW) >= 0 && ns(CLOCK_MONOTONIC_COARSE) >= 0);
	OK(ns(CLOCK_PROCESS_CPUTIME_ID) >= 0 && ns(CLOCK_THREAD_CPUTIME_ID) >= 0);
	FAILS(clock_gettime(99, &t), EINVAL);
	FAILS(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8), EFAULT);
	OK(time(NULL) >= v.tv_sec - 1); /* of the last tick, which may lie before gettimeofday's second */
	t = (struct timespec){ 0, 1000000000 };
	FAILS(nanosleep(&t, NULL), EINVAL);
	t.tv_nsec = -1;
	FAILS(nanosleep(&t, NULL), EINVAL);
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec = 0;
	OK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == 0);
	OK(clock_nanosleep(99, 0, &t, NULL) == EINVAL);
}

/* Registers that a system call may not change. */
void subject_registers(void)
{
	uint64_t out[6], in[6] = { 0x1111222233334444, 0x5555666677778888, 0x99990000aaaabbbb,
		                   0xccccddddeeeeffff, 0x123456789abcdef0, 0x0fedcba987654321 };
	uint64_t result;
	for (int number = 0; number < 2; number++) {
		uint64_t call = number == 0 ? 5000 : SYS_getppid;
		__asm__ volatile(
		    "mov 0(%[in]), %%rbx; mov 8(%[in]), %%r12; mov 16(%[in]), %%r13; mov 24(%[in]), %%r14\n\t"
		    "mov 32(%[in]), %%r15; mov 40(%[in]), %%r8; syscall\n\t"
		    "mov %%rbx, 0(%[out]); mov %%r12, 8(%[out]); mov %%r13, 16(%[out]); mov %%r14, 24(%[out])\n\t"
		    "mov %%r15, 32(%[out]); mov %%r8, 40(%[out])"
		    : "=a"(result)
		    : "a"(call), [in] "S"(in), [out] "D"(out)
		    : "rbx", "rcx", "r8", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
		OK(memcmp(in, out, sizeof(in)) == 0);
		OK(number == 0 ? (int64_t)result == -ENOSYS : (pid_t)result == getppid());
	}
}

/* The vector registers belong to one process at a time. */
static int holds_its_pattern(uint64_t seed)
{
	uint64_t pattern[4] = { seed, ~seed, seed * 3, seed ^ 0x5555 }, seen[4];
	for (int i = 0; i < 300; i++) {
		__asm__ volatile("vmovdqu (%0), %%ymm7; vmovdqu (%0), %%ymm15"
		                 :
		                 : "r"(pattern)
		                 : "xmm7", "xmm15", "memory");
		if (i % 3 == 0)
			syscall(SYS_sched_yield);
		else
			for (volatile int j = 0; j < 20000; j++)
				;
		__asm__ volatile("vmovdqu %%ymm15, (%0)" : : "r"(seen) : "memory");
		if (memcmp(pattern, seen, sizeof(seen)) != 0)
			return 0;
	}
	return 1;
}

static void *pattern_thread(void *seed)
{
	return (void *)(intptr_t)holds_its_pattern((uintptr_t)seed * 0x0102030405060708);
}

static void clobber(int n)
{
	(void)n;
	__asm__ volatile("vpxor %%ymm15, %%ymm15, %%ymm15" : : : "xmm15");
}

void subject_vector_state(void)
{
	if (!__builtin_cpu_supports("avx2"))
		return;
	pid_t children[3];
	pthread_t t[2];
	void *good[2];
	for (uint64_t i = 0; i < 3; i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(holds_its_pattern(i * 0x1111111111111111) ? 0 : 1);
	}
	for (intptr_t i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, pattern_thread, (void *)(i + 1));
	for (int i = 0; i < 2; i++)
		OK(pthread_join(t[i], &good[i]) == 0 && good[i]);
	for (int i = 0; i < 3; i++) {
		int status;
		OK(waitpid(children[i], &status, 0) == children[i] && status == 0);
	}
	/* a handler has registers of its own */
	uint64_t pattern[4] = { 1, 2, 3, 4 }, seen[4];
	long result;
	signal(SIGUSR1, clobber);
	__asm__ volatile("vmovdqu (%[from]), %%ymm15; syscall; vmovdqu %%ymm15, (%[to])"
	                 : "=a"(result)
	                 : "a"(SYS_kill), "D"((long)getpid()), "S"((long)SIGUSR1), [from] "r"(pattern), [to] "r"(seen)
	                 : "rcx", "r11", "xmm15", "memory");
	OK(result == 0 && memcmp(pattern, seen, sizeof(seen)) == 0);
}
