/*
 * Who runs: one queue, taken in turns, and the way from one task to another.
 *
 * The current task is on no list. Its segment bases and vector registers stay in the
 * processor when membrane serves it, and also when another task's call is made in
 * between: they change hands only when another task is entered ("loaded"). A call of a
 * task that goes on itself comes here only if something needs attention.
 *
 * A tick may fall into membrane's own time, where nobody tells us: so the clock is also
 * looked at after a call, when ceno_event_tsc says that there is something to see.
 */
#include "ahead.h"
#include "calls.h"
#include "process.h"
#include "stdio.h"
#include "task.h"
#include "time.h"
#include "tty.h"
#include "vm.h"

#define TURN_NS  8000000u /* CENO_TICK_MS */
#define GIVE_MAX 32u      /* turns that a turn may be lengthened by */
#define VMS_FEW  8u       /* with more, who makes a process ends its turn */

enum { ON_NO_LIST, READY, BLOCKED };

struct list {
	struct ceno_task *first, *last;
};

/* A task may be stopped while it is BLOCKED: its call is made again when it continues. */

uint32_t ceno_attention;
uint64_t ceno_event_tsc;

static struct list ready, blocked;
enum ceno_trap_kind ceno_in_trap;
static struct ceno_task *loaded; /* whose fs, gs and FPU are in the processor */
static uint64_t entered_tsc, turn_end, given;
static int yields;

/* ---- lists -------------------------------------------------------------------- */

static void append(struct list *list, struct ceno_task *task, uint8_t which)
{
	task->next = NULL;
	task->previous = list->last;
	*(list->last ? &list->last->next : &list->first) = task;
	list->last = task;
	task->queued = which;
}

void ceno_sched_remove(struct ceno_task *task)
{
	struct list *list = task->queued == READY ? &ready : &blocked;

	if (task->queued == ON_NO_LIST)
		return;
	*(task->previous ? &task->previous->next : &list->first) = task->next;
	*(task->next ? &task->next->previous : &list->last) = task->previous;
	task->queued = ON_NO_LIST;
}

void ceno_sched_ready(struct ceno_task *task)
{
	if (task->queued == READY || task->state == CENO_TASK_STOPPED || task->state == CENO_TASK_ENDED)
		return;
	ceno_sched_remove(task); /* the current one, too: it may have blocked just now */
	task->state = CENO_TASK_RUNNABLE;
	ceno_sched_remove(task); /* the current one, too, may be on the list of the blocked already */
	if (task == ceno_current)
		return;
	append(&ready, task, READY);
	ceno_sched_at(turn_end);
}

struct ceno_task *ceno_blocked_first(void)
{
	return blocked.first;
}

void ceno_sched_at(uint64_t tsc)
{
	if (tsc < ceno_event_tsc)
		ceno_event_tsc = tsc;
}

void ceno_sched_stop(struct ceno_task *task)
{
	ceno_sched_remove(task);
	if (task->state != CENO_TASK_ENDED)
		task->state = CENO_TASK_STOPPED;
	if (task == ceno_current)
		ceno_attention = 1;
}

void ceno_sched_continue(struct ceno_task *task)
{
	if (task->state != CENO_TASK_STOPPED)
		return;
	task->state = CENO_TASK_BLOCKED;
	ceno_sched_ready(task);
}

void ceno_sched_yield(void)
{
	yields = ready.first != NULL;
	ceno_attention |= (uint32_t)yields;
}

void ceno_sched_forked(void)
{
	uint32_t count = 0;

	for (const struct ceno_vm *vm = ceno_vms_first(); vm; vm = vm->next)
		count++;
	if (count > VMS_FEW)
		ceno_sched_yield();
}

void ceno_sched_forget(const struct ceno_task *task)
{
	if (loaded == task)
		loaded = NULL;
	if (ceno_current == task)
		ceno_current = NULL;
}

/* ---- registers ------------------------------------------------------------------ */

struct ceno_regs *ceno_sched_regs(void)
{
	const struct ceno_trap_page *t = ceno_trap();
	struct ceno_regs *regs = &ceno_current->regs;

	if (ceno_in_trap == CENO_IN_NOTHING)
		return regs;
	memcpy(regs->gpr, t->gpr, sizeof(regs->gpr));
	regs->rip = ceno_in_trap == CENO_IN_CALL ? t->gpr[CENO_RCX] : t->rip;
	regs->rflags = ceno_in_trap == CENO_IN_CALL ? t->gpr[CENO_R11] : t->rflags;
	regs->fs_base = ceno_fs_base();
	regs->gs_base = ceno_gs_base();
	ceno_in_trap = CENO_IN_NOTHING;
	ceno_attention = 1;
	return regs;
}

static void load(struct ceno_task *task)
{
	if (loaded == task)
		return;
	if (loaded)
		ceno_fpu_save(loaded->fpu);
	ceno_fpu_load(task->fpu);
	ceno_ahead_enter(task->process->vm);
	loaded = task;
}

void *ceno_sched_fpu(void)
{
	if (loaded == ceno_current)
		ceno_fpu_save(ceno_current->fpu);
	return ceno_current->fpu;
}

void ceno_sched_fpu_reload(void)
{
	if (loaded == ceno_current)
		loaded = NULL;
}

/* The turn of the current task begins or goes on. */
static _Noreturn void enter(void)
{
	struct ceno_trap_page *t = ceno_trap();
	const struct ceno_regs *regs = &ceno_current->regs;

	load(ceno_current);
	ceno_fs_base_set(regs->fs_base);
	ceno_gs_base_set(regs->gs_base);
	memcpy(t->gpr, regs->gpr, sizeof(regs->gpr));
	t->resume_rip = regs->rip;
	t->resume_rflags = regs->rflags;
	ceno_attention = 0;
	ceno_process_enter(t);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- time ------------------------------------------------------------------------- */

/* Whose deadline has passed makes its call again; when the next one comes. */
static uint64_t expire(uint64_t now)
{
	uint64_t first = ceno_timers_expire(now);

	for (struct ceno_task *task = blocked.first, *next; task; task = next) {
		next = task->next;
		if (task->wait_deadline <= now)
			ceno_sched_ready(task);
		else if (task->wait_deadline < first)
			first = task->wait_deadline;
	}
	return first;
}

/* Of the current task's turn, not counted yet. */
static uint64_t spent(uint64_t now)
{
	return now > entered_tsc ? now - entered_tsc : 0;
}

uint64_t ceno_sched_task_tsc(const struct ceno_task *task)
{
	return task->run_tsc + (task == ceno_current ? spent(ceno_rdtsc()) : 0);
}

uint64_t ceno_sched_process_tsc(const struct ceno_process *process)
{
	uint64_t sum = process->ended_tsc;

	for (const struct ceno_task *task = process->threads; task; task = task->sibling)
		sum += ceno_sched_task_tsc(task);
	return sum;
}

/* ---- turns -------------------------------------------------------------------------- */

/* While others run, nobody sleeps for the host: those who wait for it look again
 * every turn. When that is due next. */
static uint64_t ask_host(uint64_t now)
{
	static uint64_t next;

	if (now < next && next - now <= ceno_time_cycles(TURN_NS))
		return next;
	next = now + ceno_time_cycles(TURN_NS);
	ceno_wake(&ceno_stdio_key);
	ceno_wake_pollers();
	return next;
}

/* Until somebody can run: the earliest deadline, or the host's signal. */
static void idle(uint64_t deadline)
{
	if (deadline == CENO_NEVER)
		ceno_stdio_wait();
	else
		ceno_stdio_sleep(deadline, 1);
	ceno_tty_pump();
	ceno_wake(&ceno_stdio_key);
	ceno_wake_pollers();
}

void ceno_sched_lengthen(uint64_t since_tsc)
{
	uint64_t spent_tsc = ceno_rdtsc() - since_tsc;

	if (given + spent_tsc > GIVE_MAX * ceno_time_cycles(TURN_NS))
		return;
	given += spent_tsc;
	turn_end += spent_tsc;
}

static void begin_turn(uint64_t now)
{
	entered_tsc = now;
	turn_end = now + ceno_time_cycles(TURN_NS);
	given = 0;
}

/* The current task's turn ends if it may not go on, or if it is over and another waits.
 * Sets ceno_current, NULL if nobody is ready. */
static void choose(uint64_t now)
{
	struct ceno_task *task = ceno_current;

	if (task) {
		task->run_tsc += spent(now);
		entered_tsc = now;
	}
	if (task && task->state == CENO_TASK_RUNNABLE) {
		if (!ready.first || (!yields && now < turn_end))
			return;
		append(&ready, task, READY);
	}
	ceno_current = ready.first;
	if (ceno_current) {
		ceno_sched_remove(ceno_current);
		ceno_vm_select(ceno_self()->vm);
	}
	yields = 0;
	begin_turn(now);
}

/* Stores what the current task's call came to. */
static void finish(int64_t result)
{
	struct ceno_task *task = ceno_current;

	switch (result) {
	case CENO_BLOCKED:
		task->call_again = 1;
		if (task->process->ending || task->state != CENO_TASK_RUNNABLE ||
		    (!task->killable && ceno_signal_due(task)))
			break; /* for a signal that came before it blocked, too */
		task->state = CENO_TASK_BLOCKED;
		append(&blocked, task, BLOCKED);
		break;
	case CENO_NO_RESULT:
		break;
	case -LX_ERESTARTSYS:
	case -LX_ERESTARTNOHAND:
		task->restart = (int32_t)result;
		break;
	default:
		task->regs.gpr[CENO_RAX] = (uint64_t)result;
		break;
	}
}

static void call_again(uint64_t now)
{
	struct ceno_task *task = ceno_current;

	task->call_again = 0;
	task->call.timed_out = task->call.timed_out || now >= task->wait_deadline;
	task->call.interrupted = (uint8_t)ceno_signal_due(task);
	finish(ceno_dispatch_regs(task->regs.gpr));
}

/* What stands before the current task's next instruction. Returns whether it executes it. */
static int serve(uint64_t now)
{
	struct ceno_task *task = ceno_current;

	if (task != loaded)
		ceno_rseq_interrupted();
	do {
		if (task->call_again && !task->process->ending)
			call_again(now);
		if (task->state == CENO_TASK_RUNNABLE && !task->process->ending)
			ceno_signal_deliver();
		ceno_program_settle();
		if (ceno_current != task || task->state != CENO_TASK_RUNNABLE)
			return 0;
		task->call_again = task->call_again || task->restart;
		task->restart = 0;
	} while (task->call_again);
	return 1;
}

/* A process whose memory no hardware tables can be had for ends. */
static int has_space(void)
{
	uint64_t since = ceno_rdtsc();

	if (ceno_vm_enter(ceno_self()->vm) == 0) {
		ceno_sched_lengthen(since);
		return 1;
	}
	ceno_process_out_of_memory();
	return 0;
}

_Noreturn void ceno_sched_run(void)
{
	for (;;) {
		uint64_t now = ceno_rdtsc(), deadline = expire(now);

		if (blocked.first && ((ceno_current && ceno_current->state == CENO_TASK_RUNNABLE) || ready.first))
			deadline = earlier(deadline, ask_host(now));
		ceno_program_settle();
		choose(now);
		if (!ceno_current) {
			idle(deadline);
		} else if (serve(now) && has_space()) {
			ceno_event_tsc = ready.first ? earlier(turn_end, deadline) : deadline;
			enter();
		}
	}
}

_Noreturn void ceno_sched_start(void)
{
	ready = blocked = (struct list){ NULL, NULL };
	loaded = NULL;
	yields = 0;
	ceno_in_trap = CENO_IN_NOTHING;
	begin_turn(ceno_rdtsc());
	ceno_sched_run();
}

_Noreturn void ceno_sched_after_call(int64_t result)
{
	ceno_sched_regs();
	finish(result);
	ceno_sched_run();
}

_Noreturn void ceno_sched_after_fault(void)
{
	ceno_sched_regs();
	ceno_sched_run();
}
