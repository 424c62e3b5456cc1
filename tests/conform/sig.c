/* Signals: delivery, masks, stacks, restarts, queues. */
#include "conform.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

static volatile sig_atomic_t count, last;
static siginfo_t noted;

static void note(int n)
{
	count++;
	last = n;
}

static void note_info(int n, siginfo_t *info, void *context)
{
	(void)context;
	count++;
	last = n;
	noted = *info;
}

static void catch_(int n, void (*fn)(int), int flags)
{
	struct sigaction a = { .sa_handler = fn, .sa_flags = flags };
	sigaction(n, &a, NULL);
}

static void catch_info(int n, int flags)
{
	struct sigaction a = { .sa_sigaction = note_info, .sa_flags = flags | SA_SIGINFO };
	sigaction(n, &a, NULL);
}

void subject_signals(void)
{
	struct sigaction a, old;
	sigset_t set, was;
	catch_(SIGUSR1, note, 0);
	OK(raise(SIGUSR1) == 0 && count == 1 && last == SIGUSR1);
	OK(kill(getpid(), SIGUSR1) == 0 && count == 2);
	OK(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == note);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	OK(sigprocmask(SIG_BLOCK, &set, &was) == 0 && !sigismember(&was, SIGUSR1));
	OK(raise(SIGUSR1) == 0 && raise(SIGUSR1) == 0 && count == 2);
	OK(sigpending(&was) == 0 && sigismember(&was, SIGUSR1));
	OK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0 && count == 3);
	FAILS(sigprocmask(99, &set, NULL), EINVAL);
	catch_(SIGUSR2, note, (int)SA_RESETHAND);
	OK(raise(SIGUSR2) == 0 && count == 4 && sigaction(SIGUSR2, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
	signal(SIGUSR2, SIG_IGN);
	OK(raise(SIGUSR2) == 0 && count == 4);
	a = (struct sigaction){ .sa_handler = note };
	FAILS(sigaction(SIGKILL, &a, NULL), EINVAL);
	FAILS(sigaction(SIGSTOP, &a, NULL), EINVAL);
	FAILS(sigaction(99, &a, NULL), EINVAL);
	sigfillset(&set);
	OK(sigprocmask(SIG_SETMASK, &set, &was) == 0 && sigprocmask(SIG_SETMASK, &was, &set) == 0 &&
	   !sigismember(&set, SIGKILL));
	/* a signal that is ignored while blocked is gone */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	catch_(SIGUSR1, note, 0);
	OK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0 && count == 4);
	/* sigsuspend: the mask for the wait, the old one after it */
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	sigemptyset(&was);
	FAILS(sigsuspend(&was), EINTR);
	OK(count == 5 && sigprocmask(SIG_BLOCK, NULL, &was) == 0 && sigismember(&was, SIGUSR1));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	catch_(SIGCHLD, note, 0);
	count = 0;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	OK(waitpid(pid, NULL, 0) == pid && count == 1 && last == SIGCHLD);
	OK(conform_child((void (*)(void))abort) == 128 + SIGABRT);
}

static volatile char *fault_at;
static sigjmp_buf back;

static void on_fault(int n, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	noted = *info;
	last = n;
	noted.si_value.sival_int = u->uc_mcontext.gregs[REG_RIP] != 0;
	siglongjmp(back, 1);
}

void subject_signal_info(void)
{
	catch_info(SIGUSR1, 0);
	OK(kill(getpid(), SIGUSR1) == 0 && noted.si_code == SI_USER && noted.si_pid == getpid() &&
	   noted.si_uid == getuid());
	union sigval v = { .sival_int = 77 };
	OK(sigqueue(getpid(), SIGUSR1, v) == 0 && noted.si_code == SI_QUEUE && noted.si_value.sival_int == 77);
	OK(raise(SIGUSR1) == 0 && noted.si_code == SI_TKILL);
	struct sigaction a = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	sigaction(SIGSEGV, &a, NULL);
	sigaction(SIGBUS, &a, NULL);
	sigaction(SIGFPE, &a, NULL);
	sigaction(SIGILL, &a, NULL);
	sigaction(SIGTRAP, &a, NULL);
	fault_at = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sigsetjmp(back, 1) == 0)
		fault_at[100] = 1;
	OK(last == SIGSEGV && noted.si_addr == (void *)(fault_at + 100) && noted.si_code == SEGV_ACCERR);
	if (sigsetjmp(back, 1) == 0)
		*(volatile char *)16 = 1;
	OK(last == SIGSEGV && noted.si_addr == (void *)16 && noted.si_code == SEGV_MAPERR);
	last = 0;
	if (sigsetjmp(back, 1) == 0)
		(void)*(volatile char *)0x8000000000000000;
	OK(last == SIGSEGV && noted.si_code == SI_KERNEL);
	if (sigsetjmp(back, 1) == 0)
		__asm__ volatile("ud2");
	OK(last == SIGILL && noted.si_code == ILL_ILLOPN);
	if (sigsetjmp(back, 1) == 0)
		__asm__ volatile("int3");
	OK(last == SIGTRAP);
	if (sigsetjmp(back, 1) == 0)
		__asm__ volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; div %%ecx" ::
		                     : "eax", "ecx", "edx");
	OK(last == SIGFPE && noted.si_code == FPE_INTDIV);
	sigset_t set;
	OK(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && !sigismember(&set, SIGSEGV));
}

static char alternate[65536];
static volatile int on_alternate;

static void where(int n)
{
	char here;
	(void)n;
	on_alternate = &here >= alternate && &here < alternate + sizeof(alternate);
	count++;
}

static int overflow(int depth)
{
	volatile char room[4096];
	room[0] = (char)depth;
	return depth > 1 << 24 ? room[0] : overflow(depth + 1) + room[0];
}

static void on_overflow(int n)
{
	(void)n;
	_exit(on_alternate + 40);
}

static void run_out_of_stack(void)
{
	stack_t s = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	sigaltstack(&s, NULL);
	catch_(SIGSEGV, on_overflow, SA_ONSTACK);
	_exit(overflow(1) & 1);
}

void subject_signal_stack(void)
{
	stack_t s = { .ss_sp = alternate, .ss_size = sizeof(alternate) }, old;
	OK(sigaltstack(NULL, &old) == 0 && (old.ss_flags & SS_DISABLE));
	OK(sigaltstack(&s, NULL) == 0);
	catch_(SIGUSR1, where, SA_ONSTACK);
	OK(raise(SIGUSR1) == 0 && count == 1 && on_alternate == 1);
	catch_(SIGUSR1, where, 0);
	OK(raise(SIGUSR1) == 0 && count == 2 && on_alternate == 0);
	s.ss_size = 100;
	FAILS(sigaltstack(&s, NULL), ENOMEM);
	s.ss_flags = 0x1000;
	FAILS(sigaltstack(&s, NULL), EINVAL);
	s = (stack_t){ .ss_flags = SS_DISABLE };
	OK(sigaltstack(&s, &old) == 0 && old.ss_sp == alternate && old.ss_size == sizeof(alternate));
	OK(conform_child(run_out_of_stack) == 40);
}

static pid_t later(int signal_, int to_pipe)
{
	pid_t parent = getpid(), pid = fork();
	if (pid == 0) {
		usleep(30000);
		kill(parent, signal_);
		usleep(60000);
		if (to_pipe >= 0)
			write(to_pipe, "x", 1);
		_exit(0);
	}
	return pid;
}

void subject_restarts(void)
{
	char c;
	int p[2];
	OK(pipe(p) == 0);
	catch_(SIGUSR1, note, 0);
	pid_t pid = later(SIGUSR1, p[1]);
	FAILS(read(p[0], &c, 1), EINTR);
	OK(count == 1 && read(p[0], &c, 1) == 1 && waitpid(pid, NULL, 0) == pid);
	catch_(SIGUSR1, note, SA_RESTART);
	pid = later(SIGUSR1, p[1]);
	OK(read(p[0], &c, 1) == 1 && count == 2 && waitpid(pid, NULL, 0) == pid);
	/* a sleep says what is left, whatever SA_RESTART says */
	struct timespec want = { 10, 0 }, left = { 0, 0 };
	pid = later(SIGUSR1, -1);
	FAILS(nanosleep(&want, &left), EINTR);
	OK(left.tv_sec == 9 && waitpid(pid, NULL, 0) == pid);
	pid = later(SIGUSR1, -1);
	FAILS(pause(), EINTR);
	OK(waitpid(pid, NULL, 0) == pid);
	pid = later(SIGUSR1, -1);
	OK(waitpid(pid, NULL, 0) == pid && count == 5); /* restarted */
	/* an ignored signal interrupts nothing */
	signal(SIGUSR1, SIG_IGN);
	pid = later(SIGUSR1, p[1]);
	OK(read(p[0], &c, 1) == 1 && waitpid(pid, NULL, 0) == pid);
}

void subject_queues(void)
{
	sigset_t set;
	siginfo_t info;
	struct timespec none = { 0, 0 };
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	FAILS(sigtimedwait(&set, &info, &none), EAGAIN);
	for (int i = 0; i < 3; i++)
		OK(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i }) == 0);
	raise(SIGUSR1);
	raise(SIGUSR1);
	OK(sigtimedwait(&set, &info, &none) == SIGUSR1);
	for (int i = 0; i < 3; i++)
		OK(sigtimedwait(&set, &info, &none) == SIGRTMIN && info.si_value.sival_int == i);
	FAILS(sigtimedwait(&set, &info, &none), EAGAIN);
	pid_t pid = later(SIGUSR1, -1);
	OK(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_pid == pid && waitpid(pid, NULL, 0) == pid);
}

void subject_timers(void)
{
	struct itimerval t = { { 0, 5000 }, { 0, 5000 } }, now;
	struct timespec wait = { 2, 0 };
	catch_(SIGALRM, note, 0);
	OK(setitimer(ITIMER_REAL, &t, NULL) == 0);
	while (count < 3)
		nanosleep(&wait, NULL);
	OK(getitimer(ITIMER_REAL, &now) == 0 && now.it_interval.tv_usec == 5000);
	t = (struct itimerval){ { 0, 0 }, { 0, 0 } };
	OK(setitimer(ITIMER_REAL, &t, &now) == 0);
	FAILS(setitimer(99, &t, NULL), EINVAL);
	OK(alarm(100) == 0 && alarm(0) == 100);
	timer_t id;
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 9 };
	catch_info(SIGUSR1, 0);
	OK(timer_create(CLOCK_MONOTONIC, &e, &id) == 0);
	struct itimerspec at = { { 0, 0 }, { 0, 5000000 } };
	count = 0;
	OK(timer_settime(id, 0, &at, NULL) == 0);
	while (count == 0)
		nanosleep(&wait, NULL);
	OK(noted.si_code == SI_TIMER && noted.si_value.sival_int == 9 && timer_delete(id) == 0);
}
