/*
 * Signals: the frame of a handler as Linux lays it out and what a program may put into it
 * before it returns, who is told and who is interrupted, stopping, timers.
 */
#include "test.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

#include "guest-kernel/services/membrane/process.h"

#define THREAD   (0x100 | 0x200 | 0x400 | 0x800 | 0x10000)
#define HANDLER  0x400500ull
#define RESTORER 0x400600ull
#define FRAME_UC 8

static uint64_t page, stack;

static int boot(void **state)
{
	int64_t at;

	(void)state;
	fake_start();
	page = fake_page();
	at = sys(SYS_mmap, 0, 16 * PAGE, 3, 0x22, -1, 0);
	assert_true(at > 0);
	stack = (uint64_t)at + 16 * PAGE - 64;
	ceno_trap()->gpr[CENO_RSP] = stack;
	return 0;
}

static enum fake_outcome go_(uint64_t n, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	return fake_go(n, (const uint64_t[6]){ a, b, c, d, e, f });
}
#define GO_PICK(n, a, b, c, d, e, f, ...) \
	go_((uint64_t)(n), (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), (uint64_t)(f))
#define GO(...) GO_PICK(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

static int64_t call_(uint64_t n, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	assert_int_equal(GO(n, a, b, c, d), FAKE_RETURNED);
	return (int64_t)ceno_trap()->gpr[CENO_RAX];
}
#define CALL_PICK(n, a, b, c, d, ...) call_((uint64_t)(n), (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d))
#define CALL(...)                     CALL_PICK(__VA_ARGS__, 0, 0, 0, 0, 0)

static uint64_t gpr(enum ceno_gpr which)
{
	return ceno_trap()->gpr[which];
}

static int in_handler(void)
{
	return ceno_trap()->resume_rip == HANDLER;
}

static void action(int signal, uint64_t handler, uint64_t flags, uint64_t mask)
{
	fake_poke(page, (const uint64_t[4]){ handler, flags | 0x04000000, RESTORER, mask }, 32);
	assert_int_equal(CALL(SYS_rt_sigaction, signal, page, 0, 8), 0);
}

static void set_mask(uint64_t mask)
{
	fake_poke(page, &mask, 8);
	assert_int_equal(CALL(SYS_rt_sigprocmask, SIG_SETMASK, page, 0, 8), 0);
}

static uint64_t mask_now(void)
{
	uint64_t mask;

	CALL(SYS_rt_sigprocmask, 0, 0, page + 8, 8);
	fake_peek(&mask, page + 8, 8);
	return mask;
}

#define BIT(signal) (1ull << ((signal)-1))

/* The kernel's ucontext: glibc's is larger only in its mask and behind it. */
struct frame {
	uint64_t restorer;
	uint8_t context[304];
	siginfo_t info;
};

static ucontext_t context_of(const struct frame *frame)
{
	ucontext_t uc;

	memset(&uc, 0, sizeof(uc));
	memcpy(&uc, frame->context, sizeof(frame->context));
	return uc;
}

static struct frame frame_now(void)
{
	struct frame frame;

	fake_peek(&frame, gpr(CENO_RSP), sizeof(frame));
	return frame;
}

static enum fake_outcome go_back(void)
{
	ceno_trap()->gpr[CENO_RSP] += 8; /* the handler's ret took the address of the restorer */
	return GO(SYS_rt_sigreturn);
}

/* ---- the frame ------------------------------------------------------------------------ */

static void test_frame(void **state)
{
	struct frame frame;
	ucontext_t uc;
	uint32_t words[5];

	(void)state;
	action(SIGUSR1, HANDLER, SA_SIGINFO, BIT(SIGUSR2));
	set_mask(BIT(SIGHUP));
	ceno_trap()->gpr[CENO_RBX] = 0xbbbb;
	ceno_trap()->gpr[CENO_R15] = 0xf15;
	fake_fpu = 0x77;
	assert_int_equal(GO(SYS_kill, 2, SIGUSR1), FAKE_RETURNED);
	assert_true(in_handler());
	assert_int_equal(gpr(CENO_RDI), SIGUSR1);
	assert_int_equal(gpr(CENO_RSP) % 16, 8);
	assert_int_equal(gpr(CENO_RDX), gpr(CENO_RSP) + FRAME_UC);
	assert_int_equal(gpr(CENO_RSI), gpr(CENO_RSP) + offsetof(struct frame, info));
	assert_int_equal(gpr(CENO_RAX), 0);
	assert_int_equal(fake_fpu, 0); /* a handler begins with a clean FPU */
	frame = frame_now();
	uc = context_of(&frame);
	assert_int_equal(frame.restorer, RESTORER);
	assert_int_equal(frame.info.si_signo, SIGUSR1);
	assert_int_equal(frame.info.si_code, SI_USER);
	assert_int_equal(frame.info.si_pid, 2);
	assert_int_equal(uc.uc_mcontext.gregs[REG_RIP], FAKE_RIP);
	assert_int_equal(uc.uc_mcontext.gregs[REG_RSP], stack);
	assert_int_equal(uc.uc_mcontext.gregs[REG_RBX], 0xbbbb);
	assert_int_equal(uc.uc_mcontext.gregs[REG_R15], 0xf15);
	assert_int_equal(uc.uc_mcontext.gregs[REG_RAX], 0); /* kill's result */
	assert_int_equal(uc.uc_stack.ss_flags, SS_DISABLE);
	assert_int_equal(frame.context[296] & 1, 1); /* the mask: SIGHUP alone */
	assert_int_equal((uint64_t)uc.uc_mcontext.fpregs % 64, 0);
	assert_true((uint64_t)uc.uc_mcontext.fpregs > gpr(CENO_RSP) &&
	            (uint64_t)uc.uc_mcontext.fpregs + 2688 + 4 <= stack - 128); /* the red zone is whole */
	fake_peek(words, (uint64_t)uc.uc_mcontext.fpregs, 4);
	assert_int_equal(words[0], 0x77);
	fake_peek(words, (uint64_t)uc.uc_mcontext.fpregs + 464, 20);
	assert_int_equal(words[0], 0x46505853);
	assert_int_equal(words[1], 2692);
	assert_int_equal(words[2], 0xe7);
	assert_int_equal(words[4], 2688);
	fake_peek(words, (uint64_t)uc.uc_mcontext.fpregs + 2688, 4);
	assert_int_equal(words[0], 0x46505845);
	assert_int_equal(mask_now(), BIT(SIGHUP) | BIT(SIGUSR1) | BIT(SIGUSR2));
	ceno_trap()->gpr[CENO_RBX] = 0;
	fake_fpu = 0x99;
	assert_int_equal(go_back(), FAKE_RETURNED);
	assert_int_equal(ceno_trap()->resume_rip, FAKE_RIP);
	assert_int_equal(gpr(CENO_RSP), stack);
	assert_int_equal(gpr(CENO_RBX), 0xbbbb);
	assert_int_equal(gpr(CENO_RAX), 0);
	assert_int_equal(fake_fpu, 0x77);
	assert_int_equal(mask_now(), BIT(SIGHUP));
}

/* What the handler left in the frame may be anything: the program ends by SIGSEGV or goes
 * on, membrane goes on in any case. */
static void test_hostile_return(void **state)
{
	static const struct {
		int64_t offset; /* of the frame, or with `fpu` of the FPU state */
		uint64_t value;
		unsigned bytes, fpu, fatal;
	} bad[] = {
		{ 512, 1ull << 63, 8, 1, 1 },   /* XSTATE_BV of a component that there is not */
		{ 512, 1ull << 18, 8, 1, 1 },   /* nor this one in a frame */
		{ 520, 1ull << 63, 8, 1, 1 },   /* XCOMP_BV: compacted */
		{ 560, 1, 8, 1, 1 },            /* reserved */
		{ 24, 0xffff0000, 4, 1, 1 },    /* MXCSR */
		{ 464, 0, 4, 1, 0 },            /* no magic: the legacy part counts */
		{ 2688, 0, 4, 1, 0 },           /* nor at its end */
		{ 480, 1u << 30, 4, 1, 0 },     /* a size that is not ours */
		{ 8 + 40 + 184, 1, 8, 0, 1 },   /* the pointer to it: not aligned */
		{ 8 + 40 + 184, BAD, 8, 0, 1 }, /* not there */
		{ 8 + 40 + 184, 0, 8, 0, 0 },   /* none: a clean FPU */
		{ 8 + 40 + 184, 1ull << 63, 8, 0, 1 },
		{ 8 + 40 + 136, UINT64_MAX, 8, 0, 0 }, /* rflags: only the harmless ones */
		{ 8 + 40 + 128, 1ull << 63, 8, 0, 0 }, /* rip: the nucleus refuses it */
		{ 8 + 296, UINT64_MAX, 8, 0, 0 },      /* mask: never KILL and STOP */
		{ 8 + 16, UINT64_MAX, 8, 0, 0 },       /* alternate stack */
	};

	uint64_t fpu;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct frame frame;
		uint64_t at;
		enum fake_outcome outcome;

		boot(NULL);
		action(SIGUSR1, HANDLER, SA_SIGINFO, 0);
		assert_int_equal(GO(SYS_kill, 2, SIGUSR1), FAKE_RETURNED);
		frame = frame_now();
		at = bad[i].fpu ? (uint64_t)context_of(&frame).uc_mcontext.fpregs : gpr(CENO_RSP);
		fake_poke(at + (uint64_t)bad[i].offset, &bad[i].value, bad[i].bytes);
		outcome = go_back();
		if (bad[i].fatal) {
			assert_int_equal(outcome, FAKE_BLOCKED);
			assert_int_equal(fake_guest()->signal, SIGSEGV);
			continue;
		}
		assert_int_equal(outcome, FAKE_RETURNED);
		assert_false(ceno_current->mask & (BIT(SIGKILL) | BIT(SIGSTOP)));
		assert_false(ceno_current->regs.rflags & ~0x250fd7ull);
	}
	boot(NULL); /* inside the program, but not where XRSTOR could take it from */
	action(SIGUSR1, HANDLER, SA_SIGINFO, 0);
	assert_int_equal(GO(SYS_kill, 2, SIGUSR1), FAKE_RETURNED);
	fake_peek(&fpu, gpr(CENO_RSP) + 8 + 40 + 184, 8);
	fpu += 16;
	fake_poke(gpr(CENO_RSP) + 8 + 40 + 184, &fpu, 8);
	assert_int_equal(go_back(), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->signal, SIGSEGV);
	boot(NULL);
	ceno_trap()->gpr[CENO_RSP] = BAD;
	assert_int_equal(GO(SYS_rt_sigreturn), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->signal, SIGSEGV);
}

static void test_no_room(void **state)
{
	(void)state;
	action(SIGUSR1, HANDLER, SA_SIGINFO, 0);
	ceno_trap()->gpr[CENO_RSP] = BAD;
	assert_int_equal(GO(SYS_kill, 2, SIGUSR1), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->signal, SIGSEGV);
	boot(NULL);
	fake_poke(page, (const uint64_t[4]){ HANDLER, SA_SIGINFO, 0, 0 }, 32); /* without a restorer */
	assert_int_equal(CALL(SYS_rt_sigaction, SIGUSR1, page, 0, 8), 0);
	assert_int_equal(GO(SYS_kill, 2, SIGUSR1), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->signal, SIGSEGV);
}

static void test_alternate_stack(void **state)
{
	const uint64_t alt = (stack & ~(PAGE - 1)) - 10 * PAGE;
	uint64_t seen[3];

	(void)state;
	fake_poke(page, (const uint64_t[3]){ alt, 0, 1024 }, 24);
	assert_int_equal(CALL(SYS_sigaltstack, page, 0), -ENOMEM);
	fake_poke(page, (const uint64_t[3]){ alt, 5, 8192 }, 24);
	assert_int_equal(CALL(SYS_sigaltstack, page, 0), -EINVAL);
	fake_poke(page, (const uint64_t[3]){ alt, 0, 8192 }, 24);
	assert_int_equal(CALL(SYS_sigaltstack, page, page + 64), 0);
	fake_peek(seen, page + 64, 24);
	assert_int_equal(seen[1], SS_DISABLE);
	action(SIGUSR1, HANDLER, SA_SIGINFO | SA_ONSTACK, 0);
	assert_int_equal(GO(SYS_kill, 2, SIGUSR1), FAKE_RETURNED);
	assert_in_range(gpr(CENO_RSP), alt, alt + 8192);
	assert_int_equal(CALL(SYS_sigaltstack, 0, page + 64), 0);
	fake_peek(seen, page + 64, 24);
	assert_int_equal(seen[1], SS_ONSTACK);
	assert_int_equal(CALL(SYS_sigaltstack, page, 0), -EPERM); /* while it is on it */
	assert_int_equal(go_back(), FAKE_RETURNED);
	assert_int_equal(gpr(CENO_RSP), stack);
	fake_poke(page, (const uint64_t[3]){ alt, 0, 2048 }, 24); /* too small for a frame: SIGSEGV */
	assert_int_equal(CALL(SYS_sigaltstack, page, 0), 0);
	assert_int_equal(GO(SYS_kill, 2, SIGUSR1), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->signal, SIGSEGV);
}

/* ---- interrupted calls -------------------------------------------------------------------- */

static void new_thread(void)
{
	assert_int_equal(GO(SYS_clone, THREAD, stack - 4096), FAKE_RETURNED);
	assert_int_equal(gpr(CENO_RAX), 3);
}

static void test_restart(void **state)
{
	(void)state;
	new_thread();
	action(SIGUSR1, HANDLER, SA_SIGINFO | SA_RESTART, 0);
	fake_poke(page + 64, (const uint32_t[1]){ 1 }, 4);
	assert_int_equal(GO(SYS_futex, page + 64, 0, 1), FAKE_ENTERED);
	assert_int_equal(GO(SYS_tgkill, 2, 2, SIGUSR1), FAKE_RETURNED);
	assert_int_equal(GO(SYS_sched_yield), FAKE_ENTERED);
	assert_true(in_handler());
	assert_int_equal(go_back(), FAKE_RETURNED);
	assert_int_equal(ceno_trap()->resume_rip, FAKE_RIP - 2); /* the call is made again */
	assert_int_equal(gpr(CENO_RAX), SYS_futex);
	assert_int_equal(gpr(CENO_RDI), page + 64);

	boot(NULL);
	new_thread();
	action(SIGUSR1, HANDLER, SA_SIGINFO, 0); /* without SA_RESTART */
	fake_poke(page + 64, (const uint32_t[1]){ 1 }, 4);
	assert_int_equal(GO(SYS_futex, page + 64, 0, 1), FAKE_ENTERED);
	assert_int_equal(GO(SYS_tgkill, 2, 2, SIGUSR1), FAKE_RETURNED);
	assert_int_equal(GO(SYS_sched_yield), FAKE_ENTERED);
	assert_true(in_handler());
	assert_int_equal(go_back(), FAKE_RETURNED);
	assert_int_equal(ceno_trap()->resume_rip, FAKE_RIP);
	assert_int_equal(gpr(CENO_RAX), -EINTR);
}

/* An ignored signal does not end a wait, and pause is never made again. */
static void test_pause(void **state)
{
	(void)state;
	new_thread();
	action(SIGUSR1, HANDLER, SA_SIGINFO | SA_RESTART, 0);
	assert_int_equal(GO(SYS_pause), FAKE_ENTERED);
	assert_int_equal(ceno_current->tid, 3);
	assert_int_equal(GO(SYS_tgkill, 2, 2, SIGWINCH), FAKE_RETURNED);
	assert_int_equal(GO(SYS_sched_yield), FAKE_RETURNED);
	assert_int_equal(GO(SYS_tgkill, 2, 2, SIGUSR1), FAKE_RETURNED);
	assert_int_equal(GO(SYS_sched_yield), FAKE_ENTERED);
	assert_true(in_handler());
	assert_int_equal(go_back(), FAKE_RETURNED);
	assert_int_equal(gpr(CENO_RAX), -EINTR);
}

static void test_sigsuspend(void **state)
{
	(void)state;
	action(SIGUSR1, HANDLER, SA_SIGINFO, 0);
	set_mask(BIT(SIGUSR1) | BIT(SIGUSR2));
	assert_int_equal(CALL(SYS_kill, 2, SIGUSR1), 0);
	fake_poke(page, (const uint64_t[1]){ BIT(SIGUSR2) }, 8);
	assert_int_equal(GO(SYS_rt_sigsuspend, page, 8), FAKE_RETURNED);
	assert_true(in_handler());
	assert_int_equal(mask_now(), BIT(SIGUSR1) | BIT(SIGUSR2));
	assert_int_equal(go_back(), FAKE_RETURNED);
	assert_int_equal(gpr(CENO_RAX), -EINTR);
	assert_int_equal(mask_now(), BIT(SIGUSR1) | BIT(SIGUSR2)); /* what it was before the call */
	assert_int_equal(CALL(SYS_rt_sigsuspend, page, 4), -EINVAL);
}

static void test_nanosleep_rest(void **state)
{
	uint64_t rest[2];

	(void)state;
	new_thread();
	action(SIGUSR1, HANDLER, SA_SIGINFO, 0);
	fake_poke(page + 64, (const uint64_t[2]){ 100, 0 }, 16);
	assert_int_equal(GO(SYS_nanosleep, page + 64, page + 80), FAKE_ENTERED);
	fake_tsc += 2000000000ull * 40;
	assert_int_equal(GO(SYS_tgkill, 2, 2, SIGUSR1), FAKE_ENTERED); /* its turn is over, too */
	assert_true(in_handler());
	fake_peek(rest, page + 80, 16);
	assert_int_equal(rest[0], 59);
	assert_int_equal(go_back(), FAKE_RETURNED);
	assert_int_equal(gpr(CENO_RAX), -EINTR);
}

/* ---- waiting for signals --------------------------------------------------------------------- */

static void test_sigtimedwait(void **state)
{
	siginfo_t info;

	(void)state;
	set_mask(BIT(SIGUSR1) | BIT(40));
	fake_poke(page, (const uint64_t[1]){ BIT(SIGUSR1) | BIT(40) }, 8);
	fake_poke(page + 16, (const uint64_t[2]){ 0, 1000000 }, 16);
	assert_int_equal(CALL(SYS_rt_sigtimedwait, page, page + 64, page + 16, 8), -EAGAIN);
	for (uint64_t i = 1; i <= 2; i++) {
		memset(&info, 0, sizeof(info));
		info.si_code = SI_QUEUE;
		info.si_value.sival_ptr = (void *)i;
		fake_poke(page + 64, &info, sizeof(info));
		assert_int_equal(CALL(SYS_rt_sigqueueinfo, 2, 40, page + 64), 0);
	}
	for (uint64_t i = 1; i <= 2; i++) {
		assert_int_equal(CALL(SYS_rt_sigtimedwait, page, page + 64, page + 16, 8), 40);
		fake_peek(&info, page + 64, sizeof(info));
		assert_int_equal((uint64_t)info.si_value.sival_ptr, i);
		assert_int_equal(info.si_code, SI_QUEUE);
	}
	assert_int_equal(GO(SYS_clone, SIGCHLD, 0), FAKE_RETURNED);
	assert_int_equal(GO(SYS_rt_sigtimedwait, page, page + 64, 0, 8), FAKE_ENTERED);
	assert_int_equal(GO(SYS_kill, 2, SIGUSR1), FAKE_RETURNED);
	assert_int_equal(GO(SYS_sched_yield), FAKE_ENTERED);
	assert_int_equal(gpr(CENO_RAX), SIGUSR1);
	info.si_code = SI_USER; /* forged: only to oneself */
	fake_poke(page + 64, &info, sizeof(info));
	assert_int_equal(CALL(SYS_rt_sigqueueinfo, 3, 40, page + 64), -EPERM);
	assert_int_equal(CALL(SYS_rt_sigqueueinfo, 2, 40, page + 64), 0);
	assert_int_equal(CALL(SYS_rt_sigqueueinfo, 2, 65, page + 64), -EINVAL);
	assert_int_equal(CALL(SYS_rt_sigtimedwait, BAD, 0, 0, 8), -EFAULT);
}

/* A storm of queued signals ends with EAGAIN; then it is taken back. */
static void test_storm(void **state)
{
	siginfo_t info = { .si_code = SI_QUEUE };
	unsigned sent = 0, taken = 0;

	(void)state;
	set_mask(BIT(40));
	fake_poke(page + 64, &info, sizeof(info));
	while (CALL(SYS_rt_sigqueueinfo, 2, 40, page + 64) == 0)
		assert_true(++sent < 100000);
	assert_int_equal(gpr(CENO_RAX), -EAGAIN);
	assert_true(sent >= 500);
	fake_poke(page, (const uint64_t[3]){ BIT(40) }, 24);
	while (CALL(SYS_rt_sigtimedwait, page, 0, page + 8, 8) == 40)
		taken++;
	assert_int_equal(taken, sent);
	assert_int_equal(CALL(SYS_rt_sigqueueinfo, 2, 40, page + 64), 0);
}

/* ---- children and stopping ----------------------------------------------------------------------- */

static void switch_to(uint32_t wanted)
{
	for (int i = 0; i < 100 && ceno_current->tid != wanted; i++)
		GO(SYS_sched_yield);
	assert_int_equal(ceno_current->tid, wanted);
}

static void test_sigchld(void **state)
{
	struct frame frame;

	(void)state;
	action(SIGCHLD, HANDLER, SA_SIGINFO, 0);
	assert_int_equal(GO(SYS_clone, SIGCHLD, 0), FAKE_RETURNED);
	switch_to(3);
	assert_int_equal(GO(SYS_exit_group, 9), FAKE_ENTERED);
	assert_true(in_handler());
	frame = frame_now();
	assert_int_equal(frame.info.si_signo, SIGCHLD);
	assert_int_equal(frame.info.si_code, CLD_EXITED);
	assert_int_equal(frame.info.si_pid, 3);
	assert_int_equal(frame.info.si_status, 9);
}

static void test_stop(void **state)
{
	uint32_t status;

	(void)state;
	assert_int_equal(GO(SYS_clone, SIGCHLD, 0), FAKE_RETURNED);
	assert_int_equal(CALL(SYS_kill, 3, SIGSTOP), 0);
	assert_int_equal(GO(SYS_wait4, 3, page, WUNTRACED), FAKE_RETURNED);
	assert_int_equal(gpr(CENO_RAX), 3);
	fake_peek(&status, page, 4);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	assert_int_equal(CALL(SYS_wait4, 3, page, WUNTRACED | WNOHANG), 0); /* told once */
	assert_int_equal(GO(SYS_sched_yield), FAKE_RETURNED);               /* it does not run */
	assert_int_equal(CALL(SYS_kill, 3, SIGTERM), 0);
	assert_int_equal(GO(SYS_sched_yield), FAKE_RETURNED); /* nor ends */
	assert_int_equal(CALL(SYS_wait4, 3, page, WNOHANG), 0);
	assert_int_equal(CALL(SYS_kill, 3, SIGCONT), 0);
	assert_int_equal(CALL(SYS_wait4, 3, page, WCONTINUED | WNOHANG), 3);
	fake_peek(&status, page, 4);
	assert_true(WIFCONTINUED(status));
	assert_int_equal(GO(SYS_wait4, 3, page, 0), FAKE_RETURNED);
	fake_peek(&status, page, 4);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(CALL(SYS_kill, 2, SIGTSTP), 0); /* an orphaned group does not stop */
	assert_int_equal(GO(SYS_getpid), FAKE_RETURNED);
}

static void test_killed_while_stopped(void **state)
{
	(void)state;
	assert_int_equal(GO(SYS_clone, SIGCHLD, 0), FAKE_RETURNED);
	assert_int_equal(CALL(SYS_kill, 3, SIGSTOP), 0);
	assert_int_equal(GO(SYS_sched_yield), FAKE_RETURNED);
	assert_int_equal(CALL(SYS_kill, 3, SIGKILL), 0);
	assert_int_equal(GO(SYS_wait4, 3, page, 0), FAKE_RETURNED);
	assert_int_equal(gpr(CENO_RAX), 3);
}

/* ---- restartable sequences ----------------------------------------------------------------------- */

#define SIGNATURE 0x53053053u

/* A sequence of 16 bytes before FAKE_RIP, which aborts to 0x4000f0; the program is in it. */
static void enter_sequence(uint64_t start, uint64_t bytes, uint64_t abort_at)
{
	const uint64_t section[4] = { 0, start, bytes, abort_at }, at = page + 512;

	fake_poke(page + 512, section, sizeof(section));
	fake_poke(page + 256 + 8, &at, 8);
}

static uint64_t sequence_now(void)
{
	uint64_t at;

	fake_peek(&at, page + 256 + 8, 8);
	return at;
}

static void test_rseq(void **state)
{
	const uint64_t abort_at = page + 1024 + 4;
	uint32_t cpu[2];

	(void)state;
	assert_int_equal(CALL(SYS_rseq, page + 8, 32, 0, SIGNATURE), -EINVAL);
	assert_int_equal(CALL(SYS_rseq, page + 256, 31, 0, SIGNATURE), -EINVAL);
	assert_int_equal(CALL(SYS_rseq, page + 256, 32, 2, SIGNATURE), -EINVAL);
	assert_int_equal(CALL(SYS_rseq, BAD, 32, 0, SIGNATURE), -EFAULT);
	fake_poke(page + 256, (const uint32_t[2]){ 9, 9 }, 8);
	assert_int_equal(CALL(SYS_rseq, page + 256, 32, 0, SIGNATURE), 0);
	fake_peek(cpu, page + 256, 8);
	assert_int_equal(cpu[0] | cpu[1], 0);
	assert_int_equal(CALL(SYS_rseq, page + 256, 32, 0, SIGNATURE), -EBUSY);
	assert_int_equal(CALL(SYS_rseq, page + 256, 32, 0, 1), -EPERM);
	assert_int_equal(CALL(SYS_rseq, page + 320, 32, 0, SIGNATURE), -EINVAL);
	fake_poke(page + 1024, (const uint32_t[1]){ SIGNATURE }, 4);
	action(SIGUSR1, HANDLER, SA_SIGINFO, 0);
	enter_sequence(FAKE_RIP - 8, 16, abort_at);
	assert_int_equal(GO(SYS_kill, 2, SIGUSR1), FAKE_RETURNED);
	assert_true(in_handler());
	assert_int_equal(sequence_now(), 0);
	assert_int_equal(go_back(), FAKE_RETURNED);
	assert_int_equal(ceno_trap()->resume_rip, abort_at); /* not where it was */
	enter_sequence(FAKE_RIP + 100, 16, abort_at);        /* not in it */
	assert_int_equal(GO(SYS_kill, 2, SIGUSR1), FAKE_RETURNED);
	assert_int_equal(go_back(), FAKE_RETURNED);
	assert_int_equal(ceno_trap()->resume_rip, FAKE_RIP);
	assert_int_equal(sequence_now(), 0);
	new_thread();
	assert_int_equal(GO(SYS_sched_yield), FAKE_ENTERED); /* the other one, without a sequence */
	enter_sequence(FAKE_RIP - 8, 16, abort_at);
	assert_int_equal(GO(SYS_sched_yield), FAKE_ENTERED);
	assert_int_equal(ceno_trap()->resume_rip, abort_at);
	assert_int_equal(CALL(SYS_rseq, page + 256, 32, 1, 7), -EPERM);
	assert_int_equal(CALL(SYS_rseq, page + 256, 32, 1, SIGNATURE), 0);
	assert_int_equal(CALL(SYS_rseq, page + 256, 32, 1, SIGNATURE), -EINVAL);
}

/* Whatever the program left there, it harms itself. */
static void test_rseq_hostile(void **state)
{
	static const uint64_t bad[][3] = {
		{ FAKE_RIP - 8, 16, FAKE_RIP },    /* aborts into itself */
		{ FAKE_RIP - 8, 16, 0x400000 },    /* without the signature */
		{ FAKE_RIP - 8, 16, 1ull << 60 },  /* nowhere */
		{ FAKE_RIP - 8, UINT64_MAX, BAD }, /* without an end */
		{ 1ull << 63, 16, BAD },
	};
	const uint64_t nowhere = BAD;

	(void)state;
	for (size_t i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++) {
		boot(NULL);
		assert_int_equal(CALL(SYS_rseq, page + 256, 32, 0, SIGNATURE), 0);
		action(SIGUSR1, HANDLER, SA_SIGINFO, 0);
		if (i < sizeof(bad) / sizeof(bad[0]))
			enter_sequence(bad[i][0], bad[i][1], bad[i][2]);
		else
			fake_poke(page + 256 + 8, &nowhere, 8);
		assert_int_equal(GO(SYS_kill, 2, SIGUSR1), FAKE_BLOCKED);
		assert_int_equal(fake_guest()->signal, SIGSEGV);
	}
}

/* ---- faults and timers ------------------------------------------------------------------------------ */

static void test_fault(void **state)
{
	struct frame frame;
	ucontext_t uc;

	(void)state;
	action(SIGSEGV, HANDLER, SA_SIGINFO, 0);
	assert_int_equal(fake_fault(14, 6, BAD), FAKE_RETURNED);
	assert_true(in_handler());
	frame = frame_now();
	uc = context_of(&frame);
	assert_int_equal(frame.info.si_code, SEGV_MAPERR);
	assert_int_equal((uint64_t)frame.info.si_addr, BAD);
	assert_int_equal(uc.uc_mcontext.gregs[REG_CR2], BAD);
	assert_int_equal(uc.uc_mcontext.gregs[REG_TRAPNO], 14);
	assert_int_equal(uc.uc_mcontext.gregs[REG_ERR], 6);
	assert_int_equal(uc.uc_mcontext.gregs[REG_RIP], 0x401000);
	assert_int_equal(fake_fault(14, 6, BAD), FAKE_BLOCKED); /* in its own handler: the end */
	assert_int_equal(fake_guest()->signal, SIGSEGV);
}

static void test_timers(void **state)
{
	struct itimerval timer = { { 0, 0 }, { 2, 0 } };
	uint32_t id;

	(void)state;
	action(SIGALRM, HANDLER, SA_SIGINFO, 0);
	assert_int_equal(CALL(SYS_alarm, 5), 0);
	assert_int_equal(CALL(SYS_alarm, 0), 5);
	fake_poke(page, &timer, sizeof(timer));
	assert_int_equal(CALL(SYS_setitimer, ITIMER_REAL, page, 0), 0);
	assert_int_equal(GO(SYS_pause), FAKE_RETURNED);
	assert_true(in_handler());
	assert_int_equal(go_back(), FAKE_RETURNED);
	assert_int_equal(gpr(CENO_RAX), -EINTR);
	assert_int_equal(CALL(SYS_getitimer, ITIMER_REAL, page), 0);
	fake_peek(&timer, page, sizeof(timer));
	assert_int_equal(timer.it_value.tv_sec + timer.it_value.tv_usec, 0);
	assert_int_equal(CALL(SYS_setitimer, 3, page, 0), -EINVAL);
	timer = (struct itimerval){ { 0, 0 }, { 0, 1000000 } };
	fake_poke(page, &timer, sizeof(timer));
	assert_int_equal(CALL(SYS_setitimer, ITIMER_REAL, page, 0), -EINVAL);
	assert_int_equal(CALL(SYS_timer_create, CLOCK_MONOTONIC, 0, page), 0);
	fake_peek(&id, page, 4);
	fake_poke(page + 64, (const uint64_t[4]){ 0, 0, 1, 0 }, 32);
	assert_int_equal(CALL(SYS_timer_settime, id, 0, page + 64, 0), 0);
	assert_int_equal(GO(SYS_pause), FAKE_RETURNED);
	assert_true(in_handler());
	assert_int_equal(go_back(), FAKE_RETURNED);
	assert_int_equal(CALL(SYS_timer_delete, id), 0);
	assert_int_equal(CALL(SYS_timer_delete, id), -EINVAL);
	assert_int_equal(CALL(SYS_timer_create, 77, 0, page), -EINVAL);
	for (int i = 0; CALL(SYS_timer_create, CLOCK_MONOTONIC, 0, page) == 0; i++)
		assert_true(i < 100);
	assert_int_equal(gpr(CENO_RAX), -EAGAIN);
	timer = (struct itimerval){ { 0, 0 }, { 0, 20000 } };
	fake_poke(page, &timer, sizeof(timer));
	assert_int_equal(CALL(SYS_setitimer, ITIMER_VIRTUAL, page, 0), 0);
	fake_tsc += 2000000ull * 30; /* 30 ms of its turn: SIGVTALRM, and nobody handles it */
	assert_int_equal(GO(SYS_getpid), FAKE_BLOCKED);
	assert_int_equal(fake_guest()->signal, SIGVTALRM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_frame, boot),
		cmocka_unit_test_setup(test_hostile_return, boot),
		cmocka_unit_test_setup(test_no_room, boot),
		cmocka_unit_test_setup(test_alternate_stack, boot),
		cmocka_unit_test_setup(test_restart, boot),
		cmocka_unit_test_setup(test_pause, boot),
		cmocka_unit_test_setup(test_sigsuspend, boot),
		cmocka_unit_test_setup(test_nanosleep_rest, boot),
		cmocka_unit_test_setup(test_sigtimedwait, boot),
		cmocka_unit_test_setup(test_storm, boot),
		cmocka_unit_test_setup(test_sigchld, boot),
		cmocka_unit_test_setup(test_stop, boot),
		cmocka_unit_test_setup(test_killed_while_stopped, boot),
		cmocka_unit_test_setup(test_rseq, boot),
		cmocka_unit_test_setup(test_rseq_hostile, boot),
		cmocka_unit_test_setup(test_fault, boot),
		cmocka_unit_test_setup(test_timers, boot),
	};

	return cmocka_run_group_tests_name("membrane signals", tests, NULL, NULL);
}
