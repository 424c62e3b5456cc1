/*
 * Signals: who gets them, which wait, what they do. See task.h; action.c has the calls,
 * sigframe.c the way into a handler and back.
 *
 *   raised -> ignored: gone
 *          -> waits (of the process, or of a task) -> taken by a task that does not block it:
 *                                                     handler, stop, end, or nothing
 *
 * A signal that waits wakes a task that would take it: its call is then finished with EINTR
 * or made again, as the handler's SA_RESTART and the kind of call say (sched.c).
 *
 * Signals below LX_SIGRTMIN wait once, the others as often as they were raised, each with
 * its siginfo from a pool that grows by pages of RAM and is kept.
 */
#include "fd.h"
#include "frames.h"
#include "process.h"
#include "stdio.h"

#define BIT(signal)        CENO_SIGNAL_BIT(signal)
#define IGNORED_BY_DEFAULT (BIT(LX_SIGCHLD) | BIT(LX_SIGCONT) | BIT(LX_SIGURG) | BIT(LX_SIGWINCH))
#define STOPS              (BIT(LX_SIGSTOP) | BIT(LX_SIGTSTP) | BIT(LX_SIGTTIN) | BIT(LX_SIGTTOU))
#define UNBLOCKABLE        (BIT(LX_SIGKILL) | BIT(LX_SIGSTOP))
#define FAULTS             (BIT(LX_SIGSEGV) | BIT(LX_SIGBUS) | BIT(LX_SIGILL) | BIT(LX_SIGTRAP) | BIT(LX_SIGFPE) | BIT(LX_SIGSYS))
#define QUEUE_PAGES        32u /* of siginfos at most, for all processes */

enum { DEFAULT, IGNORE };

static struct ceno_queued_signal *unused;
static uint32_t pages;

void ceno_signals_init(void)
{
	unused = NULL;
	pages = 0;
}

/* ---- the queue ---------------------------------------------------------------------- */

static struct ceno_queued_signal *take_unused(void)
{
	struct ceno_queued_signal *entry = unused;

	if (!entry && pages < QUEUE_PAGES) {
		uint64_t frame = ceno_frames_alloc(0);

		if (frame == CENO_NO_FRAME)
			return NULL;
		pages++;
		entry = ceno_ram(frame);
		for (uint64_t i = 0; i < CENO_PAGE / sizeof(*entry); i++) {
			entry[i].next = unused;
			unused = &entry[i];
		}
		entry = unused;
	}
	if (entry)
		unused = entry->next;
	return entry;
}

static int enqueue(struct ceno_pending *pending, const struct lx_siginfo *info)
{
	struct ceno_queued_signal *entry;
	int queued = info->signo >= LX_SIGRTMIN;

	if (!queued && (pending->set & BIT(info->signo)))
		return 0;
	entry = take_unused();
	if (!entry && queued && info->code != LX_SI_USER)
		return -LX_EAGAIN;
	pending->set |= BIT(info->signo);
	if (!entry) /* it arrives without its details */
		return 0;
	entry->info = *info;
	entry->next = NULL;
	*(pending->last ? &pending->last->next : &pending->first) = entry;
	pending->last = entry;
	return 0;
}

/* Takes the first entry of a signal out, if it has one; *more: there is another. */
static void dequeue(struct ceno_pending *pending, uint32_t signal, struct lx_siginfo *info, int *more)
{
	struct ceno_queued_signal **at = &pending->first, *entry, *previous = NULL, *found = NULL;

	*info = (struct lx_siginfo){ .signo = (int32_t)signal };
	*more = 0;
	while ((entry = *at)) {
		if (entry->info.signo != (int32_t)signal || found) {
			*more |= entry->info.signo == (int32_t)signal;
			previous = entry;
			at = &entry->next;
			continue;
		}
		found = entry;
		*info = entry->info;
		*at = entry->next;
		if (pending->last == entry)
			pending->last = previous;
	}
	if (found) {
		found->next = unused;
		unused = found;
	}
}

void ceno_signal_flush(struct ceno_pending *pending, uint64_t set)
{
	struct lx_siginfo info;
	int more;

	for (uint32_t signal = 1; signal <= LX_SIGNALS; signal++) {
		if (!(pending->set & set & BIT(signal)))
			continue;
		do
			dequeue(pending, signal, &info, &more);
		while (more);
		pending->set &= ~BIT(signal);
	}
}

/* Faults first, then the lowest number. */
static uint32_t first_of(uint64_t set)
{
	if (set & FAULTS)
		set &= FAULTS;
	return set ? (uint32_t)__builtin_ctzll(set) + 1 : 0;
}

uint32_t ceno_signal_take(uint64_t set, struct lx_siginfo *info)
{
	struct ceno_pending *pending = &ceno_current->pending;
	uint32_t signal = first_of(pending->set & set);
	int more;

	if (!signal) {
		pending = &ceno_self()->pending;
		signal = first_of(pending->set & set);
	}
	if (!signal)
		return 0;
	dequeue(pending, signal, info, &more);
	if (!more)
		pending->set &= ~BIT(signal);
	return signal;
}

int ceno_signal_due(const struct ceno_task *task)
{
	return ((task->pending.set | task->process->pending.set) & ~task->mask) != 0;
}

/* ---- raising --------------------------------------------------------------------------- */

static int is_ignored(const struct ceno_process *process, uint32_t signal)
{
	uint64_t handler = process->action[signal].handler;

	return handler == IGNORE || (handler == DEFAULT && (IGNORED_BY_DEFAULT & BIT(signal)));
}

static void flush_all(struct ceno_process *process, uint64_t set)
{
	ceno_signal_flush(&process->pending, set);
	for (struct ceno_task *task = process->threads; task; task = task->sibling)
		ceno_signal_flush(&task->pending, set);
}

/* SIGCHLD to the parent of a process that stopped or went on. */
static void tell_parent(const struct ceno_process *process, int32_t code, uint32_t status)
{
	const struct lx_siginfo info = { .signo = LX_SIGCHLD,
		                         .code = code,
		                         .child_pid = (int32_t)process->pid,
		                         .child_uid = CENO_UID,
		                         .child_status = (int32_t)status };

	if (!process->parent)
		return;
	if (!(process->parent->action[LX_SIGCHLD].flags & LX_SA_NOCLDSTOP))
		(void)ceno_signal_process(process->parent, &info);
	ceno_wake(process->parent);
}

static void go_on(struct ceno_process *process)
{
	if (!process->stopped)
		return;
	process->stopped = process->tell_stop = 0;
	process->tell_continue = 1;
	for (struct ceno_task *task = process->threads; task; task = task->sibling)
		ceno_sched_continue(task);
	tell_parent(process, LX_CLD_CONTINUED, LX_SIGCONT);
}

static void stop(struct ceno_process *process, uint32_t signal)
{
	process->stopped = process->tell_stop = 1;
	process->tell_continue = 0;
	process->stop_signal = signal;
	for (struct ceno_task *task = process->threads; task; task = task->sibling)
		ceno_sched_stop(task);
	tell_parent(process, LX_CLD_STOPPED, signal);
}

/* The task would take the signal now: it makes its call again, which ends its wait. */
static void notify(struct ceno_task *task)
{
	if (task == ceno_current)
		ceno_attention = 1;
	else if (task->state == CENO_TASK_BLOCKED && !task->killable)
		ceno_sched_ready(task);
}

static int takes(const struct ceno_task *task, uint32_t signal)
{
	return ((~task->mask | task->wants) & BIT(signal)) != 0;
}

/* task: NULL for any of the process. */
static int raise(struct ceno_process *process, struct ceno_task *task, const struct lx_siginfo *info)
{
	uint32_t signal = (uint32_t)info->signo;
	const struct ceno_task *asked = task ? task : process->threads;
	int error;

	if (process->ending || process->zombie)
		return 0;
	if (signal == LX_SIGKILL) {
		ceno_process_kill(process, LX_SIGKILL);
		return 0;
	}
	if (STOPS & BIT(signal))
		flush_all(process, BIT(LX_SIGCONT));
	if (signal == LX_SIGCONT) {
		flush_all(process, STOPS);
		go_on(process);
	}
	if (is_ignored(process, signal) && !(asked->mask & BIT(signal)) && !(asked->wants & BIT(signal)))
		return 0;
	error = enqueue(task ? &task->pending : &process->pending, info);
	if (error)
		return error;
	ceno_signalfds_changed();
	if (task && takes(task, signal))
		notify(task);
	for (struct ceno_task *t = process->threads; !task && t; t = t->sibling) {
		if (takes(t, signal)) {
			notify(t);
			break;
		}
	}
	return 0;
}

int ceno_signal_process(struct ceno_process *process, const struct lx_siginfo *info)
{
	return raise(process, NULL, info);
}

int ceno_signal_task(struct ceno_task *task, const struct lx_siginfo *info)
{
	return raise(task->process, task, info);
}

void ceno_signal_self(uint32_t signal)
{
	const struct lx_siginfo info = { .signo = (int32_t)signal, .code = LX_SI_KERNEL };

	(void)raise(ceno_self(), ceno_current, &info);
}

void ceno_signal_kernel(struct ceno_process *process, uint32_t signal)
{
	const struct lx_siginfo info = { .signo = (int32_t)signal, .code = LX_SI_KERNEL };

	(void)raise(process, NULL, &info);
}

void ceno_signal_fault(uint32_t signal, int32_t code, uint64_t address)
{
	const struct lx_siginfo info = { .signo = (int32_t)signal, .code = code, .address = address };
	struct lx_sigaction *action = &ceno_self()->action[signal];

	if (action->handler <= IGNORE || (ceno_current->mask & BIT(signal))) {
		ceno_process_kill(ceno_self(), signal);
		return;
	}
	(void)raise(ceno_self(), ceno_current, &info);
}

/* ---- delivery -------------------------------------------------------------------------------- */

/* Nobody in the session but outside the group is the parent of one in it: who stops there
 * stays stopped (POSIX), so the terminal's stop signals do nothing. */
static int is_orphaned(uint32_t pgid, uint32_t sid)
{
	for (uint32_t i = 0; i < CENO_TASKS; i++) {
		const struct ceno_process *process = ceno_process_at(i);

		if (process && process->pgid == pgid && !process->zombie && process->parent &&
		    process->parent->pgid != pgid && process->parent->sid == sid)
			return 0;
	}
	return 1;
}

/* The call that the handler interrupts is over, or is made again after it. */
static void settle_call(struct ceno_task *task, const struct lx_sigaction *action)
{
	if (!task->restart)
		return;
	if (task->restart == -LX_ERESTARTSYS && (action->flags & LX_SA_RESTART))
		task->regs.rip -= 2; /* the syscall instruction; rax still holds the number */
	else
		task->regs.gpr[CENO_RAX] = (uint64_t)(int64_t)-LX_EINTR;
	task->restart = 0;
}

static void handle(uint32_t signal, const struct lx_siginfo *info)
{
	struct ceno_task *task = ceno_current;
	struct lx_sigaction *slot = &ceno_self()->action[signal];
	const struct lx_sigaction action = *slot;
	uint64_t mask = task->restore_mask ? task->saved_mask : task->mask;

	settle_call(task, &action);
	ceno_rseq_interrupted();
	if (action.flags & LX_SA_RESETHAND)
		slot->handler = DEFAULT;
	if (ceno_sigframe_push(info, &action, mask)) {
		ceno_process_kill(ceno_self(), LX_SIGSEGV); /* nowhere to run even a handler of that */
		return;
	}
	task->restore_mask = 0;
	task->mask |= action.mask & ~UNBLOCKABLE;
	if (!(action.flags & LX_SA_NODEFER))
		task->mask |= BIT(signal);
}

/* Whether the task may go on to the next signal. */
static int act(uint32_t signal, const struct lx_siginfo *info)
{
	struct ceno_process *process = ceno_self();

	if (is_ignored(process, signal))
		return 1;
	if (process->action[signal].handler > IGNORE) {
		handle(signal, info);
		return !process->ending;
	}
	if (!(STOPS & BIT(signal))) {
		ceno_process_kill(process, signal);
		return 0;
	}
	if (signal != LX_SIGSTOP && is_orphaned(process->pgid, process->sid))
		return 1;
	stop(process, signal);
	return 0;
}

void ceno_signal_deliver(void)
{
	struct ceno_task *task = ceno_current;
	struct lx_siginfo info;
	uint32_t signal;

	do {
		while ((signal = ceno_signal_take(~task->mask, &info)))
			if (!act(signal, &info))
				return;
		if (!task->restore_mask)
			return;
		task->restore_mask = 0;
		task->mask = task->saved_mask;
	} while (ceno_signal_due(task));
}

void ceno_signal_mask(uint64_t mask)
{
	ceno_current->mask = mask & ~UNBLOCKABLE;
	ceno_attention |= (uint32_t)ceno_signal_due(ceno_current);
}

void ceno_signal_mask_for_call(uint64_t mask)
{
	struct ceno_task *task = ceno_current;

	if (!task->restore_mask)
		task->saved_mask = task->mask;
	task->restore_mask = 1;
	ceno_attention = 1;
	ceno_signal_mask(mask);
}

void ceno_signal_exec(void)
{
	struct lx_sigaction *action = ceno_self()->action;

	for (uint32_t signal = 1; signal <= LX_SIGNALS; signal++)
		action[signal] = (struct lx_sigaction){ .handler = action[signal].handler == IGNORE };
	ceno_current->alt_stack = (struct lx_stack){ 0 };
}
