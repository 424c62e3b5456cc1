/*
 * arch/x86_64/entry.S in C, path by path under the same names: what is pushed
 * where, which C function is called when, which registers come back. Whoever
 * changes one changes the other.
 *
 * The nucleus never returns from ceno_nucleus_return, ceno_cpu_stop or (with
 * nothing pending) ceno_cpu_idle: they leave by longjmp to `enter`.
 */
#include <setjmp.h>
#include <stdlib.h>

#include "machine.h"
#include "entry.h"

#define VERBS_FULL (1u << CENO_VERB_SEND | 1u << CENO_VERB_RECV | 1u << CENO_VERB_MASK | 1u << CENO_VERB_TICK)
#define RIP_END    (1ull << 47)

struct ceno_fake_cpu ceno_fake_cpu;
extern const char ceno_syscall_entry[];
const char ceno_syscall_entry[1]; /* only its address is taken, for LSTAR */

enum left { LEFT_RETURN = 1, LEFT_STOP, LEFT_IDLE };
static jmp_buf leave;

void ceno_cpu_wrmsr(uint32_t msr, uint64_t value)
{
	struct ceno_fake_cpu *c = &ceno_fake_cpu;

	switch (msr) {
	case CENO_MSR_STAR:
		c->star = value;
		break;
	case CENO_MSR_LSTAR:
		c->lstar = value;
		break;
	case CENO_MSR_SFMASK:
		c->sfmask = value;
		break;
	case CENO_MSR_TSC_DEADLINE:
		c->deadline = value;
		break;
	case CENO_MSR_X2APIC_EOI:
		c->eois++;
		break;
	case CENO_MSR_X2APIC_SVR:
		c->svr = value;
		break;
	case CENO_MSR_X2APIC_LVT_TIMER:
		c->lvt_timer = value;
		break;
	default:
		abort();
	}
}

void ceno_cpu_stop(enum ceno_stop code)
{
	ceno_machine.stop = code;
	_longjmp(leave, LEFT_STOP);
}

/* A deadline that is past fires at once, in ring 0: end of interrupt, no more. */
void ceno_cpu_idle(void)
{
	if (!ceno_fake_cpu.deadline || ceno_fake_cpu.deadline > ceno_fake_cpu.tsc)
		_longjmp(leave, LEFT_IDLE);
	ceno_fake_cpu.deadline = 0;
	ceno_cpu_wrmsr(CENO_MSR_X2APIC_EOI, 0);
}

void ceno_nucleus_return(void)
{
	_longjmp(leave, LEFT_RETURN);
}

/* ceno_nucleus_return's pops, and iretq. */
static void load_frame(void)
{
	ceno_machine.regs = ceno_cpu.current->frame;
}

static void fpu_stub(void);

/* Runs C code of the nucleus until it leaves. 1 if the code itself returned. */
static int enter(void (*path)(void *), void *arg)
{
	ceno_machine.state = CENO_MACHINE_RUNNING;
	switch (_setjmp(leave)) {
	case 0:
		path(arg);
		return 1;
	case LEFT_RETURN:
		load_frame();
		if (ceno_machine.regs.rip == CENO_GVA_FPU_SAVE || ceno_machine.regs.rip == CENO_GVA_FPU_LOAD)
			fpu_stub();
		return 0;
	case LEFT_STOP:
		ceno_machine.state = CENO_MACHINE_STOPPED;
		return 0;
	default:
		ceno_machine.state = CENO_MACHINE_IDLE;
		return 0;
	}
}

static void boot_path(void *handoff)
{
	ceno_nucleus_main(handoff);
}

static void service_fault_path(void *unused)
{
	(void)unused;
	ceno_nucleus_service_fault();
	ceno_nucleus_return();
}

static void interrupt_path(void *unused)
{
	(void)unused;
	ceno_nucleus_interrupt();
	ceno_nucleus_return();
}

static void idle_path(void *unused)
{
	(void)unused;
	ceno_fiber_schedule();
	ceno_nucleus_return();
}

static void verb_full_path(void *unused)
{
	(void)unused;
	ceno_nucleus_verb_full();
	ceno_nucleus_return();
}

static void process_tick_path(void *unused)
{
	(void)unused;
	ceno_nucleus_process_tick();
	ceno_nucleus_return();
}

static void fpu_switched_path(void *unused)
{
	(void)unused;
	ceno_fpu_switched();
	ceno_nucleus_return();
}

static struct ceno_frame *rsp0_frame(void)
{
	return (struct ceno_frame *)(*ceno_cpu.tss_rsp0 - sizeof(struct ceno_frame));
}

static void push_callee_saved(struct ceno_frame *f)
{
	const struct ceno_frame *r = &ceno_machine.regs;

	f->rbx = r->rbx;
	f->rbp = r->rbp;
	f->r12 = r->r12;
	f->r13 = r->r13;
	f->r14 = r->r14;
	f->r15 = r->r15;
}

/* SPAWN, MAP, GRANT, and numbers that are no verb: the registers are the arguments. */
static void verb_short_path(void *unused)
{
	const struct ceno_frame *r = &ceno_machine.regs;
	uint64_t rax = r->rax;

	(void)unused;
	if (rax == CENO_VERB_SPAWN)
		rax = (uint64_t)ceno_verb_spawn(r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9);
	else if (rax == CENO_VERB_GRANT)
		rax = (uint64_t)ceno_verb_grant(r->rdi, r->rsi, r->rdx, r->r10);
	else if (rax == CENO_VERB_MAP &&
	         (uint32_t)ceno_verb_map_fast(r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9) == 0)
		rax = 0;
	else
		rax = (uint64_t)ceno_nucleus_verb();
	if (rax == (uint64_t)CENO_VERB_BLOCKED) {
		push_callee_saved(rsp0_frame());
		ceno_nucleus_wait();
		ceno_nucleus_return();
	}
	ceno_machine.regs.rax = rax;
}

/* What the CPU pushes at TSS.rsp0, and the two words of the stub below. */
static struct ceno_frame *push_interrupt(uint64_t vector, uint64_t error)
{
	struct ceno_frame *f = rsp0_frame(), *r = &ceno_machine.regs;

	f->ss = r->ss;
	f->rsp = r->rsp;
	f->rflags = r->rflags;
	f->cs = r->cs;
	f->rip = r->rip;
	f->error = error;
	f->vector = vector;
	return f;
}

static void push_caller_saved(struct ceno_frame *f)
{
	const struct ceno_frame *r = &ceno_machine.regs;

	f->rax = r->rax;
	f->rcx = r->rcx;
	f->rdx = r->rdx;
	f->rdi = r->rdi;
	f->rsi = r->rsi;
	f->r8 = r->r8;
	f->r9 = r->r9;
	f->r10 = r->r10;
	f->r11 = r->r11;
}

int ceno_machine_in_process(void)
{
	return ceno_fake_cpu.cr3 != ceno_cpu.handler_cr3;
}

/* message: to the handler, with every register live but rip and rflags. */
static void message(uint64_t vector, uint64_t error)
{
	struct ceno_frame *r = &ceno_machine.regs;

	ceno_cpu.trap->vector = vector;
	ceno_cpu.trap->error = error;
	ceno_cpu.trap->cr2 = ceno_fake_cpu.cr2;
	ceno_cpu.trap->rip = r->rip;
	ceno_cpu.trap->rflags = r->rflags;
	ceno_cpu_set_cr3(ceno_cpu.handler_cr3);
	r->rip = CENO_GVA_HANDLER_FAULT;
	r->rflags = CENO_RFLAGS_SET;
}

/* ---- the stub of the entry page that switches FPU state ---- */

/* What XSAVE and XRSTOR use of an area, and one word for all registers. */
struct fpu_area {
	uint8_t x87[24];
	uint32_t mxcsr;
	uint8_t legacy[484];
	uint64_t xstate_bv, header[7], registers;
};
_Static_assert(offsetof(struct fpu_area, xstate_bv) == 512, "SDM vol. 1, 13.4");

/* The CPU would fault, and the session be over, for less than this. */
static void need(int holds)
{
	if (!holds)
		abort();
}

static struct fpu_area *find_area(uint64_t gva)
{
	uint64_t table = ceno_fake_cpu.cr3;

	for (int level = 3; level >= 0; level--) {
		const uint64_t *entries = ceno_machine_page(table);
		uint64_t entry = entries ? entries[gva >> (12 + 9 * level) & 511] : 0;

		need((entry & 7) == 7); /* present, writable, ring 3's */
		table = entry & 0x000ffffffffff000ull;
	}
	return ceno_machine_page(table);
}

static void fpu_stub(void)
{
	struct ceno_frame *r = &ceno_machine.regs;
	struct fpu_area *area;

	need(!(r->rflags & 0x200));
	if (r->rip == CENO_GVA_FPU_SAVE) {
		area = find_area(r->rdi);
		area->xstate_bv = 1;
		area->mxcsr = 0x1f80;
		area->registers = ceno_fake_cpu.fpu;
	}
	area = find_area(r->rsi);
	need(area->mxcsr == 0x1f80);
	ceno_fake_cpu.fpu = area->xstate_bv ? area->registers : 0;
	r->rip = CENO_GATE_FPU + 1;
	push_interrupt(3, 0);
	(void)enter(fpu_switched_path, NULL);
}

static void fault_common(uint64_t vector, uint64_t error)
{
	push_interrupt(vector, error);
	if (ceno_machine_in_process())
		message(vector, error);
	else
		(void)enter(service_fault_path, NULL);
}

static struct ceno_machine_event *note_verb(void)
{
	struct ceno_machine_event *e;

	if (ceno_machine.events == CENO_MACHINE_EVENTS_MAX)
		abort(); /* fibers that wake each other for ever */
	e = &ceno_machine.event[ceno_machine.events++];
	e->fiber = ceno_cpu.current->index;
	e->verb = ceno_machine.regs.rax;
	e->before = ceno_machine.regs;
	return e;
}

static void note_outcome(struct ceno_machine_event *e, const struct ceno_fiber *f)
{
	e->after = *ceno_machine_frame(f);
	if (f->state == CENO_FIBER_DEAD)
		e->outcome = CENO_MACHINE_EXITED;
	else if (e->after.rip == CENO_GATE_VERB)
		e->outcome = CENO_MACHINE_BLOCKED;
	else
		e->outcome = ceno_machine.state == CENO_MACHINE_STOPPED ? CENO_MACHINE_HALTED : CENO_MACHINE_DONE;
}

/* The object that a SPAWN put into its slot gets the next serial number. */
static void note_spawn(const struct ceno_machine_event *e, const struct ceno_fiber *f)
{
	const struct ceno_cap *cap = &f->cspace[e->before.rdx & (CENO_CSPACE_SLOTS - 1)];

	if (e->verb == CENO_VERB_SPAWN && e->outcome == CENO_MACHINE_DONE && (int64_t)e->after.rax >= 0 &&
	    cap->type != CENO_OBJECT_NULL && cap->type != CENO_OBJECT_FIBER)
		ceno_machine.serial[((uint64_t)cap->object - ceno_cpu.handoff->pool_gva) / CENO_PAGE] =
		    ++ceno_machine.spawned;
}

/* int3 at the verb gate. */
static void verb(void)
{
	struct ceno_fiber *f = ceno_cpu.current;
	struct ceno_machine_event *e;
	struct ceno_frame *frame;

	ceno_machine.regs.rip = CENO_GATE_VERB + 1;
	if (ceno_machine_in_process()) {
		fault_common(3, 0);
		return;
	}
	e = note_verb();
	frame = push_interrupt(0, 0);
	push_caller_saved(frame);
	if (ceno_machine.regs.rax < CENO_VERB_COUNT && (VERBS_FULL >> ceno_machine.regs.rax & 1)) {
		push_callee_saved(frame);
		(void)enter(verb_full_path, NULL);
	} else {
		(void)enter(verb_short_path, NULL);
	}
	note_outcome(e, f);
	note_spawn(e, f);
}

/* Whoever runs now may stand on the verb gate. */
static void settle(void)
{
	while (ceno_machine.state == CENO_MACHINE_RUNNING && ceno_machine.regs.rip == CENO_GATE_VERB &&
	       !ceno_machine_in_process())
		verb();
}

static int begin(void)
{
	ceno_machine.events = ceno_machine.ticks = 0;
	return ceno_machine.state == CENO_MACHINE_RUNNING;
}

void ceno_machine_verb(const uint64_t a[11])
{
	struct ceno_frame *r = &ceno_machine.regs;

	if (!begin())
		return;
	r->rax = a[0];
	r->rdi = a[1];
	r->rsi = a[2];
	r->rdx = a[3];
	r->r10 = a[4];
	r->r8 = a[5];
	r->r9 = a[6];
	r->r12 = a[7];
	r->r13 = a[8];
	r->r14 = a[9];
	r->r15 = a[10];
	verb();
	settle();
}

void ceno_machine_fpu(uint64_t value)
{
	if (begin() && ceno_cpu.current->fpu)
		ceno_fake_cpu.fpu = value;
}

/* handler_to_process, and RESUME past its loads: rip and rflags are taken, or
 * become a #GP message. */
static void to_process(uint64_t rip, uint64_t rflags)
{
	ceno_machine.regs.rip = rip;
	if (rip >= RIP_END) {
		message(13, 0);
	} else {
		ceno_machine.regs.rflags = (rflags & CENO_RFLAGS_USER) | CENO_RFLAGS_SET;
		ceno_cpu_set_cr3(ceno_cpu.process_cr3);
	}
	settle();
}

void ceno_machine_sysret(uint64_t rip, uint64_t rflags)
{
	if (!begin())
		return;
	ceno_machine.regs.rcx = rip;
	ceno_machine.regs.r11 = rflags;
	to_process(rip, rflags);
}

void ceno_machine_resume(uint64_t rip, uint64_t rflags)
{
	if (!begin())
		return;
	if (!ceno_machine_in_process()) { /* only the handler has its trap page mapped */
		ceno_cpu.trap->resume_rip = rip;
		ceno_cpu.trap->resume_rflags = rflags;
	}
	to_process(ceno_cpu.trap->resume_rip, ceno_cpu.trap->resume_rflags);
}

void ceno_machine_syscall(uint64_t rip)
{
	struct ceno_frame *r = &ceno_machine.regs;

	if (!begin())
		return;
	r->rcx = rip;
	r->r11 = r->rflags;
	ceno_cpu_set_cr3(ceno_cpu.handler_cr3);
	r->rip = CENO_GVA_HANDLER_SYSCALL;
	r->rflags = CENO_RFLAGS_SET;
	settle();
}

void ceno_machine_fault(uint32_t vector, uint64_t error, uint64_t cr2)
{
	if (!begin())
		return;
	if (vector == 14)
		ceno_fake_cpu.cr2 = cr2;
	fault_common(vector, error);
	settle();
}

/* interrupted: as a message to the handler of a process, or to the scheduler. */
static void interrupted(uint64_t vector)
{
	struct ceno_frame *f = push_interrupt(vector, 0);

	if (ceno_machine_in_process() && !(vector == CENO_VECTOR_TICK && ceno_energy_tick_fast())) {
		message(vector, 0);
	} else {
		push_caller_saved(f);
		push_callee_saved(f);
		(void)enter(ceno_machine_in_process() ? process_tick_path : interrupt_path, NULL);
	}
	settle();
}

/* interrupted_idle: ceno_cpu_idle returns into the scheduler's loop. That frame is
 * gone (longjmp), so the loop is entered anew: it holds nothing but that it slept,
 * which is why it arms the next tick when it finds somebody; here that is done for
 * it, so a scheduler that forgot to would not be noticed. */
static void interrupted_idle(void)
{
	(void)enter(idle_path, NULL);
	if (ceno_machine.state == CENO_MACHINE_RUNNING)
		ceno_cpu_wrmsr(CENO_MSR_TSC_DEADLINE, ceno_fake_cpu.tsc + ceno_cpu.tick_tsc);
	settle();
}

static void note_tick(void)
{
	if (ceno_machine.ticks == CENO_MACHINE_EVENTS_MAX)
		abort();
	ceno_machine.tick[ceno_machine.ticks++] =
	    (struct ceno_machine_tick){ .fiber = ceno_cpu.current->index, .before = ceno_machine.events };
}

static void deliver_tick(void)
{
	int running = ceno_machine.state == CENO_MACHINE_RUNNING;

	if (ceno_machine.state == CENO_MACHINE_STOPPED)
		return;
	ceno_cpu_wrmsr(CENO_MSR_X2APIC_EOI, 0);
	ceno_fake_cpu.deadline = 0;
	if (!running) {
		interrupted_idle();
		return;
	}
	ceno_cpu_wrmsr(CENO_MSR_TSC_DEADLINE, ceno_fake_cpu.tsc + ceno_cpu.tick_tsc);
	note_tick();
	interrupted(CENO_VECTOR_TICK);
}

void ceno_machine_tick(void)
{
	(void)begin();
	deliver_tick();
}

void ceno_machine_signal(void)
{
	int running = begin();

	if (ceno_machine.state == CENO_MACHINE_STOPPED)
		return;
	ceno_cpu_wrmsr(CENO_MSR_X2APIC_EOI, 0);
	ceno_cpu.signal_count++;
	if (running)
		interrupted(CENO_VECTOR_WINDOW);
	else
		interrupted_idle();
}

void ceno_machine_clock(uint64_t tsc)
{
	(void)begin();
	if (ceno_machine.state == CENO_MACHINE_STOPPED)
		return;
	ceno_fake_cpu.tsc = tsc;
	if (ceno_fake_cpu.deadline && ceno_fake_cpu.deadline <= tsc)
		deliver_tick();
}

int ceno_machine_switch(uint32_t index)
{
	struct ceno_fiber *f = index < CENO_FIBERS_MAX ? ceno_cpu.fiber[index] : NULL;

	(void)begin();
	for (unsigned n = 0; n < CENO_FIBERS_MAX + 2; n++) {
		if (ceno_machine.state != CENO_MACHINE_RUNNING || !f || f->state != CENO_FIBER_READY)
			return 0;
		if (ceno_cpu.current == f && !ceno_machine_in_process())
			return 1;
		deliver_tick();
	}
	return 0;
}

void ceno_fake_boot(const struct ceno_handoff *h)
{
	(void)enter(boot_path, (void *)h);
	settle();
}
