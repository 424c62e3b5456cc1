/*
 * Signals on the host and in the guest: handlers, what they are told, where they run, what
 * they interrupt and what is made again after them, and what the program had in its
 * registers before. Prints what it found, the same everywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <immintrin.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static int failures;
static volatile sig_atomic_t count, last;
static siginfo_t told;
static volatile uintptr_t handler_sp;
static uint64_t mask_in_handler;

#define CHECK(x) \
	do { \
		if (!(x)) { \
			printf("signals.c:%d: " #x " (errno %d)\n", __LINE__, errno); \
			failures++; \
		} \
	} while (0)

static void note(int signal, siginfo_t *info, void *context)
{
	(void)context;
	count++;
	last = signal;
	told = *info;
	handler_sp = (uintptr_t)__builtin_frame_address(0);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask_in_handler, 8);
}

static void handle(int signal, int flags)
{
	struct sigaction action = { .sa_sigaction = note, .sa_flags = SA_SIGINFO | flags };

	CHECK(sigaction(signal, &action, NULL) == 0);
}

#define BIT(signal) (1ull << ((signal)-1))

static void test_handler(void)
{
	union sigval value = { .sival_int = 4711 };

	handle(SIGUSR1, 0);
	count = 0;
	CHECK(raise(SIGUSR1) == 0);
	CHECK(count == 1 && last == SIGUSR1 && told.si_signo == SIGUSR1 && told.si_code == SI_TKILL);
	CHECK(told.si_pid == getpid());
	CHECK(mask_in_handler == BIT(SIGUSR1));
	CHECK(kill(getpid(), SIGUSR1) == 0);
	CHECK(count == 2 && told.si_code == SI_USER);
	handle(SIGUSR1, SA_NODEFER);
	CHECK(kill(getpid(), SIGUSR1) == 0);
	CHECK(count == 3 && mask_in_handler == 0);
	handle(SIGRTMIN, 0);
	CHECK(sigqueue(getpid(), SIGRTMIN, value) == 0);
	CHECK(count == 4 && told.si_code == SI_QUEUE && told.si_value.sival_int == 4711);
	handle(SIGUSR2, (int)SA_RESETHAND);
	CHECK(raise(SIGUSR2) == 0 && count == 5);
	{
		struct sigaction now;

		CHECK(sigaction(SIGUSR2, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
	}
	printf("handlers ran\n");
}

static void test_queue(void)
{
	sigset_t block, pending;
	union sigval value;
	struct timespec none = { 0, 0 };
	siginfo_t info;
	int sum = 0;

	sigemptyset(&block);
	sigaddset(&block, SIGRTMIN + 1);
	sigaddset(&block, SIGUSR1);
	CHECK(sigprocmask(SIG_BLOCK, &block, NULL) == 0);
	handle(SIGUSR1, 0);
	count = 0;
	for (int i = 1; i <= 3; i++) {
		value.sival_int = i;
		CHECK(sigqueue(getpid(), SIGRTMIN + 1, value) == 0);
		CHECK(raise(SIGUSR1) == 0);
	}
	CHECK(count == 0);
	CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) && sigismember(&pending, SIGRTMIN + 1));
	sigdelset(&block, SIGUSR1);
	while (sigtimedwait(&block, &info, &none) == SIGRTMIN + 1)
		sum = sum * 10 + info.si_value.sival_int;
	CHECK(errno == EAGAIN);
	sigaddset(&block, SIGUSR1);
	CHECK(sigprocmask(SIG_UNBLOCK, &block, NULL) == 0);
	CHECK(count == 1);
	printf("queued: real-time in order %d, the other once\n", sum);
}

/* ---- alternate stack ----------------------------------------------------------------- */

static sigjmp_buf out;

static void leave(int signal, siginfo_t *info, void *context)
{
	note(signal, info, context);
	siglongjmp(out, 1);
}

static int __attribute__((noinline)) overflow(volatile char *above)
{
	volatile char here[4096];

	here[0] = above[0];
	return overflow(here) + here[1];
}

static void test_stack(void)
{
	size_t bytes = 1 << 16;
	char *stack = malloc(bytes);
	stack_t alt = { .ss_sp = stack, .ss_size = bytes }, old;
	struct sigaction action = { .sa_sigaction = leave, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	char byte = 1;

	CHECK(sigaltstack(&alt, &old) == 0 && (old.ss_flags & SS_DISABLE));
	handle(SIGUSR1, SA_ONSTACK);
	CHECK(raise(SIGUSR1) == 0);
	CHECK(handler_sp > (uintptr_t)stack && handler_sp <= (uintptr_t)stack + bytes);
	CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
	if (sigsetjmp(out, 1) == 0)
		overflow(&byte);
	CHECK(last == SIGSEGV && handler_sp > (uintptr_t)stack && handler_sp <= (uintptr_t)stack + bytes);
	alt.ss_flags = SS_DISABLE;
	CHECK(sigaltstack(&alt, NULL) == 0);
	handle(SIGUSR1, SA_ONSTACK);
	CHECK(raise(SIGUSR1) == 0);
	CHECK(!(handler_sp > (uintptr_t)stack && handler_sp <= (uintptr_t)stack + bytes));
	printf("alternate stack: used, and a stack that overflowed was survived\n");
}

/* ---- faults ------------------------------------------------------------------------------ */

static void fault_at(volatile char *at, int write, int code)
{
	struct sigaction action = { .sa_sigaction = leave, .sa_flags = SA_SIGINFO };

	CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
	if (sigsetjmp(out, 1) == 0) {
		if (write)
			*at = 1;
		else
			(void)*at;
		CHECK(0);
	}
	CHECK(told.si_signo == SIGSEGV && told.si_addr == (void *)(uintptr_t)at && told.si_code == code);
}

static void skip(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	note(signal, info, context);
	uc->uc_mcontext.gregs[REG_RIP] += 2; /* ud2, or a division of two bytes */
	uc->uc_mcontext.gregs[REG_RBX] = 0x1234;
}

static void test_faults(void)
{
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sigaction action = { .sa_sigaction = skip, .sa_flags = SA_SIGINFO };
	uint64_t rbx = 7;

	fault_at(page, 1, SEGV_ACCERR);
	munmap(page, 4096);
	fault_at(page, 0, SEGV_MAPERR);
	CHECK(sigaction(SIGILL, &action, NULL) == 0 && sigaction(SIGFPE, &action, NULL) == 0);
	__asm__ volatile("ud2" : "+b"(rbx) : : "memory");
	CHECK(rbx == 0x1234 && told.si_signo == SIGILL && told.si_code == ILL_ILLOPN);
	rbx = 7;
	__asm__ volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; div %%ecx"
	                 : "+b"(rbx)
	                 :
	                 : "rax", "rcx", "rdx", "memory");
	CHECK(rbx == 0x1234 && told.si_signo == SIGFPE && told.si_code == FPE_INTDIV);
	printf("faults: told where, and left behind\n");
}

/* ---- registers -------------------------------------------------------------------------------- */

__attribute__((target("avx"))) static void spoil(int signal)
{
	uint8_t ones[32];

	(void)signal;
	memset(ones, 0xff, sizeof(ones));
	__asm__ volatile("vmovdqu %0, %%ymm3\n\tfldpi" : : "m"(ones) : "xmm3");
	count++;
}

__attribute__((target("avx"))) static void test_vectors(void)
{
	struct sigaction action = { .sa_handler = spoil };
	uint8_t pattern[32], seen[32];
	uint16_t status;
	long result;

	memset(pattern, 0x5a, sizeof(pattern));
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	count = 0;
	__asm__ volatile("fninit\n\tvmovdqu %2, %%ymm3\n\tsyscall\n\tvmovdqu %%ymm3, %1"
	                 : "=a"(result), "=m"(seen)
	                 : "m"(pattern), "a"(SYS_tkill), "D"(syscall(SYS_gettid)), "S"(SIGUSR1)
	                 : "rcx", "r11", "xmm3", "memory");
	__asm__ volatile("fnstsw %0" : "=m"(status));
	CHECK(count == 1 && memcmp(seen, pattern, 32) == 0);
	CHECK((status >> 11 & 7) == 0);
	printf("vector registers came back\n");
}

/* ---- calls that are interrupted ------------------------------------------------------------------ */

static int ends[2];

static void write_one(int signal)
{
	(void)signal;
	count++;
	if (count == 2)
		CHECK(write(ends[1], "x", 1) == 1);
}

static void every(int ms)
{
	struct itimerval timer = { { 0, ms * 1000 }, { 0, ms * 1000 } };

	CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static void test_interrupted(void)
{
	struct sigaction action = { .sa_handler = write_one };
	struct timespec hour = { 3600, 0 }, rest = { 0, 0 };
	struct pollfd entry;
	sigset_t empty;
	char byte;

	CHECK(pipe(ends) == 0);
	entry = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	sigemptyset(&empty);
	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	every(10);
	count = 0;
	CHECK(nanosleep(&hour, &rest) == -1 && errno == EINTR && rest.tv_sec >= 3598);
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &hour, &rest) == EINTR);
	CHECK(read(ends[0], &byte, 1) == 1);
	CHECK(pause() == -1 && errno == EINTR);
	CHECK(sigsuspend(&empty) == -1 && errno == EINTR);
	CHECK(poll(&entry, 1, -1) == -1 && errno == EINTR);
	CHECK(read(ends[0], &byte, 1) == -1 && errno == EINTR);
	action.sa_flags = SA_RESTART;
	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	CHECK(poll(&entry, 1, -1) == -1 && errno == EINTR);
	count = 0;
	CHECK(read(ends[0], &byte, 1) == 1 && byte == 'x');
	CHECK(count >= 2);
	every(0);
	CHECK(alarm(0) == 0);
	printf("interrupted: as SA_RESTART says\n");
}

static void test_pipe(void)
{
	CHECK(close(ends[0]) == 0);
	handle(SIGPIPE, 0);
	count = 0;
	CHECK(write(ends[1], "x", 1) == -1 && errno == EPIPE);
	CHECK(count == 1);
	CHECK(close(ends[1]) == 0);
	printf("broken pipe: told\n");
}

static void *sleeper(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static volatile pthread_t ran_in;

static void where(int signal)
{
	(void)signal;
	ran_in = pthread_self();
	count++;
}

static void test_threads(void)
{
	struct sigaction action = { .sa_handler = where };
	sigset_t block;
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, sleeper, NULL) == 0);
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	count = 0;
	CHECK(pthread_kill(thread, SIGUSR1) == 0);
	while (count == 0)
		sched_yield();
	CHECK(pthread_equal(ran_in, thread));
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &block, NULL);
	CHECK(kill(getpid(), SIGUSR1) == 0);
	while (count == 1)
		sched_yield();
	CHECK(pthread_equal(ran_in, thread));
	CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, NULL) == 0);
	printf("threads: the right one was told\n");
}

static void test_timer(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
		                  .sigev_signo = SIGRTMIN + 2,
		                  .sigev_value.sival_int = 5 };
	struct itimerspec when = { { 0, 0 }, { 0, 5000000 } }, now;
	timer_t timer;
	sigset_t set;
	siginfo_t info;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 2);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	CHECK(timer_settime(timer, 0, &when, NULL) == 0);
	CHECK(sigwaitinfo(&set, &info) == SIGRTMIN + 2);
	CHECK(info.si_code == SI_TIMER && info.si_value.sival_int == 5);
	CHECK(timer_gettime(timer, &now) == 0 && now.it_value.tv_sec == 0 && now.it_value.tv_nsec == 0);
	CHECK(timer_delete(timer) == 0);
	CHECK(timer_delete(timer) == -1 && errno == EINVAL);
	printf("timer: told once\n");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	test_handler();
	test_queue();
	test_stack();
	test_faults();
	if (__builtin_cpu_supports("avx"))
		test_vectors();
	else
		printf("vector registers came back\n");
	test_interrupted();
	test_pipe();
	test_threads();
	test_timer();
	printf("%d failures\n", failures);
	return failures != 0;
}
