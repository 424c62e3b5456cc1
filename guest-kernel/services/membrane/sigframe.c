/*
 * The frame of a signal handler on the program's stack, laid out as Linux does on x86-64
 * (arch/x86 uapi: sigcontext.h, ucontext.h), and the way back out of it.
 *
 *   high   FPU state: XSAVE area in standard format, then FP_XSTATE_MAGIC2   64-byte aligned
 *          siginfo                                                           128 bytes
 *          ucontext: flags, link, stack, registers, mask                     304 bytes
 *   low    return address: the action's restorer                            rsp % 16 = 8
 *
 * The program may change all of it before it returns: rt_sigreturn takes nothing that the
 * processor would refuse (an XRSTOR that faults here would end membrane). Dynamic state
 * components (AMX tiles) are not in the frame: a program has to ask for them in Linux, and
 * here gets no.
 */
#include "calls.h"
#include "process.h"
#include "vm.h"

#define REDZONE       128u
#define MAGIC1        0x46505853u
#define MAGIC2        0x46505845u
#define SOFTWARE      464u /* of the legacy area: bytes that hardware leaves alone */
#define HEADER        512u
#define LEGACY_BYTES  512u
#define MXCSR         24u
#define UC_FLAGS      7u         /* FP_XSTATE, SIGCONTEXT_SS, STRICT_RESTORE_SS */
#define RFLAGS_CHANGE 0x50dd5ull /* AC RF OF DF TF SF ZF AF PF CF */
#define RFLAGS_CLEAR  0x10500ull /* RF DF TF */
#define SELECTOR_CS   0x33u
#define SELECTOR_SS   0x2bu

struct frame {
	uint64_t restorer;
	uint64_t flags, link;
	struct lx_stack stack;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	uint16_t cs, gs, fs, ss;
	uint64_t error, vector, old_mask, cr2, fpu, reserved[8];
	uint64_t mask;
	struct lx_siginfo info;
};
_Static_assert(sizeof(struct frame) == 440, "struct rt_sigframe");

/* What the program finds in the software bytes. */
struct software {
	uint32_t magic1, extended_bytes;
	uint64_t components;
	uint32_t state_bytes, padding[7];
};

int ceno_sigframe_on_stack(const struct lx_stack *stack, uint64_t rsp)
{
	return stack->size && !((uint32_t)stack->flags & LX_SS_AUTODISARM) && rsp > stack->sp &&
	    rsp - stack->sp <= stack->size;
}

/* ---- into the handler ---------------------------------------------------------------- */

static int push_fpu(uint64_t gva)
{
	uint64_t bytes = ceno_fpu_frame_bytes();
	const uint32_t magic2 = MAGIC2;
	struct software software = { .magic1 = MAGIC1,
		                     .extended_bytes = (uint32_t)bytes + 4,
		                     .components = ceno_fpu_frame_components(),
		                     .state_bytes = (uint32_t)bytes };
	uint8_t *area = ceno_sched_fpu();
	uint64_t present;

	if (ceno_user_write(gva, area, bytes))
		return -LX_EFAULT;
	if (bytes == LEGACY_BYTES)
		return 0;
	memcpy(&present, area + HEADER, sizeof(present));
	present &= software.components;
	if (ceno_user_write(gva + SOFTWARE, &software, sizeof(software)) ||
	    ceno_user_write(gva + HEADER, &present, sizeof(present)) ||
	    ceno_user_write(gva + bytes, &magic2, sizeof(magic2)))
		return -LX_EFAULT;
	return 0;
}

static void fill(struct frame *frame, const struct ceno_task *task)
{
	const uint64_t *gpr = task->regs.gpr;

	frame->r8 = gpr[CENO_R8];
	frame->r9 = gpr[CENO_R9];
	frame->r10 = gpr[CENO_R10];
	frame->r11 = gpr[CENO_R11];
	frame->r12 = gpr[CENO_R12];
	frame->r13 = gpr[CENO_R13];
	frame->r14 = gpr[CENO_R14];
	frame->r15 = gpr[CENO_R15];
	frame->rdi = gpr[CENO_RDI];
	frame->rsi = gpr[CENO_RSI];
	frame->rbp = gpr[CENO_RBP];
	frame->rbx = gpr[CENO_RBX];
	frame->rdx = gpr[CENO_RDX];
	frame->rax = gpr[CENO_RAX];
	frame->rcx = gpr[CENO_RCX];
	frame->rsp = gpr[CENO_RSP];
	frame->rip = task->regs.rip;
	frame->rflags = task->regs.rflags;
	frame->cs = SELECTOR_CS;
	frame->ss = SELECTOR_SS;
	frame->vector = task->fault_vector;
	frame->error = task->fault_error;
	frame->cr2 = task->fault_cr2;
}

/* Where the frame ends: below the red zone, or at the top of the alternate stack. 0: the
 * stack that the program is on has no room. */
static uint64_t place(const struct ceno_task *task, const struct lx_sigaction *action, uint64_t *fpu)
{
	const struct lx_stack *stack = &task->alt_stack;
	uint64_t rsp = task->regs.gpr[CENO_RSP], at = rsp - REDZONE;
	int on = ceno_sigframe_on_stack(stack, rsp);

	if ((action->flags & LX_SA_ONSTACK) && stack->size && !on) {
		at = stack->sp + stack->size;
		on = 1;
	}
	*fpu = (at - ceno_fpu_frame_bytes() - 4) & ~63ull;
	at = ((*fpu - sizeof(struct frame)) & ~15ull) - 8;
	return on && (at < stack->sp || at >= stack->sp + stack->size) ? 0 : at;
}

int ceno_sigframe_push(const struct lx_siginfo *info, const struct lx_sigaction *action, uint64_t mask)
{
	struct ceno_task *task = ceno_current;
	struct ceno_regs *regs = &task->regs;
	struct frame frame = { .restorer = action->restorer,
		               .flags = ceno_fpu_frame_bytes() == LEGACY_BYTES ? UC_FLAGS & ~1u : UC_FLAGS,
		               .stack = task->alt_stack,
		               .mask = mask,
		               .info = *info };
	uint64_t at = place(task, action, &frame.fpu);

	if (!at || !(action->flags & LX_SA_RESTORER))
		return -LX_EFAULT;
	if (!task->alt_stack.size)
		frame.stack.flags = LX_SS_DISABLE;
	fill(&frame, task);
	if (push_fpu(frame.fpu) || ceno_user_write(at, &frame, sizeof(frame)))
		return -LX_EFAULT;
	if ((uint32_t)task->alt_stack.flags & LX_SS_AUTODISARM)
		task->alt_stack = (struct lx_stack){ 0 };
	regs->gpr[CENO_RDI] = (uint64_t)info->signo;
	regs->gpr[CENO_RSI] = at + __builtin_offsetof(struct frame, info);
	regs->gpr[CENO_RDX] = at + __builtin_offsetof(struct frame, flags);
	regs->gpr[CENO_RAX] = 0;
	regs->gpr[CENO_RSP] = at;
	regs->rip = action->handler;
	regs->rflags &= ~RFLAGS_CLEAR;
	memset(task->fpu, 0, ceno_fpu_bytes());
	ceno_fpu_initial(task->fpu);
	ceno_sched_fpu_reload();
	return 0;
}

/* ---- and back --------------------------------------------------------------------------- */

static void take_registers(const struct frame *frame)
{
	struct ceno_regs *regs = &ceno_current->regs;
	uint64_t *gpr = regs->gpr;

	gpr[CENO_R8] = frame->r8;
	gpr[CENO_R9] = frame->r9;
	gpr[CENO_R10] = frame->r10;
	gpr[CENO_R11] = frame->r11;
	gpr[CENO_R12] = frame->r12;
	gpr[CENO_R13] = frame->r13;
	gpr[CENO_R14] = frame->r14;
	gpr[CENO_R15] = frame->r15;
	gpr[CENO_RDI] = frame->rdi;
	gpr[CENO_RSI] = frame->rsi;
	gpr[CENO_RBP] = frame->rbp;
	gpr[CENO_RBX] = frame->rbx;
	gpr[CENO_RDX] = frame->rdx;
	gpr[CENO_RAX] = frame->rax;
	gpr[CENO_RCX] = frame->rcx;
	gpr[CENO_RSP] = frame->rsp;
	regs->rip = frame->rip;
	regs->rflags = (regs->rflags & ~RFLAGS_CHANGE) | (frame->rflags & RFLAGS_CHANGE);
}

/* Reads the frame's FPU state into `area`, of zeros. Returns 0 or -LX_EFAULT: no program
 * that did not break it gets here. */
static int read_fpu(uint64_t gva, uint8_t *area)
{
	uint64_t bytes = ceno_fpu_frame_bytes(), header[8];
	const uint64_t legacy[8] = { 3 }; /* x87 and SSE */
	struct software software;
	uint32_t magic2 = 0, mxcsr;

	if (gva % 64 || ceno_user_read(area, gva, LEGACY_BYTES))
		return -LX_EFAULT;
	memcpy(&software, area + SOFTWARE, sizeof(software));
	memset(area + SOFTWARE, 0, sizeof(software));
	memcpy(&mxcsr, area + MXCSR, sizeof(mxcsr));
	if (mxcsr & ~ceno_fpu_mxcsr_mask())
		return -LX_EFAULT;
	if (bytes == LEGACY_BYTES)
		return 0;
	/* Without the marks it is a frame of the legacy part alone, as in Linux. */
	if (software.magic1 != MAGIC1 || software.state_bytes != bytes ||
	    ceno_user_read(&magic2, gva + bytes, sizeof(magic2)) || magic2 != MAGIC2) {
		memcpy(area + HEADER, legacy, sizeof(legacy));
		return 0;
	}
	if (ceno_user_read(area + LEGACY_BYTES, gva + LEGACY_BYTES, bytes - LEGACY_BYTES))
		return -LX_EFAULT;
	memcpy(header, area + HEADER, sizeof(header));
	for (unsigned i = 1; i < 8; i++)
		if (header[i])
			return -LX_EFAULT;
	return header[0] & ~ceno_fpu_frame_components() ? -LX_EFAULT : 0;
}

static int take_fpu(uint64_t gva)
{
	uint8_t *area = ceno_current->fpu;
	int error = 0;

	ceno_sched_fpu_reload();
	memset(area, 0, ceno_fpu_bytes());
	if (gva)
		error = read_fpu(gva, area);
	if (gva && !error)
		return 0;
	memset(area, 0, ceno_fpu_bytes());
	ceno_fpu_initial(area);
	return error;
}

/* The alternate stack of before the handler, which AUTODISARM took away. */
static void take_stack(const struct frame *frame)
{
	struct lx_stack *stack = &ceno_current->alt_stack;
	uint32_t mode = (uint32_t)frame->stack.flags & ~(LX_SS_AUTODISARM | LX_SS_ONSTACK);

	if (ceno_sigframe_on_stack(stack, frame->rsp))
		return;
	if (mode == LX_SS_DISABLE)
		*stack = (struct lx_stack){ 0 };
	if (mode || frame->stack.size < 2048)
		return;
	*stack = frame->stack;
	stack->flags = (int32_t)((uint32_t)stack->flags & LX_SS_AUTODISARM);
	stack->pad = 0;
}

int64_t ceno_sys_rt_sigreturn(const uint64_t a[6])
{
	struct ceno_task *task = ceno_current;
	uint64_t at = ceno_sched_regs()->gpr[CENO_RSP] - 8;
	struct frame frame;

	(void)a;
	if (ceno_user_read(&frame, at, sizeof(frame)) || take_fpu(frame.fpu)) {
		ceno_signal_fault(LX_SIGSEGV, LX_SI_KERNEL, 0);
		return CENO_NO_RESULT;
	}
	take_registers(&frame);
	task->restore_mask = 0;
	ceno_signal_mask(frame.mask);
	take_stack(&frame);
	return CENO_NO_RESULT;
}
