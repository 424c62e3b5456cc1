/*
 * How tasks and processes end. See task.h: the end is marked where its reason is found,
 * and comes when the call or fault that found it is done (sched.c).
 *
 * Orphans have no parent: nobody waits for them, so they leave no zombie.
 */
#include "ahead.h"
#include "calls.h"
#include "fd.h"
#include "promise.h"
#include "process.h"
#include "stdio.h"
#include "time.h"
#include "vm.h"

static void end_with(struct ceno_process *process, uint32_t status, uint32_t signal)
{
	if (process->ending)
		return;
	process->ending = 1;
	process->exit_status = status & 0xff;
	process->signal = signal;
	ceno_attention = 1;
	for (struct ceno_task *task = process->threads; task; task = task->sibling) {
		ceno_sched_continue(task);
		ceno_sched_ready(task);
	}
}

void ceno_process_exit(uint32_t status)
{
	end_with(ceno_self(), status, 0);
}

void ceno_process_kill(struct ceno_process *process, uint32_t signal)
{
	end_with(process, 0, signal);
}

void ceno_process_out_of_memory(void)
{
	if (!ceno_self()->ending)
		ceno_run.out_of_memory = 1;
	ceno_process_kill(ceno_self(), LX_SIGKILL);
}

int ceno_process_make_room(void)
{
	struct ceno_process *most = ceno_self();

	if (ceno_ahead_release())
		return 1;
	for (uint32_t i = 0; i < CENO_TASKS; i++) {
		struct ceno_process *process = ceno_process_at(i);

		if (process && process->vm && process->vm != ceno_vm_current() && process->vm->pages > most->vm->pages)
			most = process;
	}
	if (most == ceno_self() || ceno_self()->vm != ceno_vm_current()) {
		ceno_process_out_of_memory();
		return 0;
	}
	ceno_run.out_of_memory = 1;
	for (uint32_t i = 0; i < CENO_TASKS; i++) { /* all that live in it: it is empty after */
		struct ceno_process *process = ceno_process_at(i);

		if (process && process->vm == most->vm)
			ceno_process_kill(process, LX_SIGKILL);
	}
	ceno_pages_discard(most->vm, 0, CENO_USER_END);
	return 1;
}

int64_t ceno_sys_exit_group(const uint64_t a[6])
{
	ceno_process_exit((uint32_t)a[0]);
	return CENO_NO_RESULT;
}

/* The status of a process without exit_group is that of its first thread. */
int64_t ceno_sys_exit(const uint64_t a[6])
{
	if (ceno_current->tid == ceno_self()->pid)
		ceno_self()->exit_status = (uint32_t)a[0] & 0xff;
	if (!ceno_self()->threads->sibling) {
		ceno_process_exit(ceno_self()->exit_status);
		return CENO_NO_RESULT;
	}
	ceno_current->state = CENO_TASK_ENDED;
	ceno_attention = 1;
	return CENO_NO_RESULT;
}

/* ---- tasks ---------------------------------------------------------------------- */

void ceno_vfork_done(struct ceno_process *process)
{
	struct ceno_task *parent = process->vfork;

	if (!parent)
		return;
	process->vfork = NULL;
	parent->vfork = NULL;
	ceno_wake_task(parent, 0);
}

/* Others of the process, or a parent that lent its memory, may look at what it leaves there. */
static void leave_marks(struct ceno_task *task)
{
	const uint32_t zero = 0;

	ceno_futex_robust(task);
	if (!task->clear_child_tid)
		return;
	if (ceno_user_write(task->clear_child_tid, &zero, sizeof(zero)) == 0)
		ceno_futex_wake_one(task->clear_child_tid);
}

/* memory: its process's is current and still wanted. */
static void end_task(struct ceno_task *task, int memory)
{
	struct ceno_process *process = task->process;

	if (memory)
		leave_marks(task);
	if (task->vfork)
		task->vfork->vfork = NULL;
	process->ended_tsc += ceno_sched_task_tsc(task);
	ceno_signal_flush(&task->pending, UINT64_MAX);
	ceno_sched_remove(task);
	ceno_task_free(task);
}

/* The caller's other threads end, and it is the first one from now on (execve); its old
 * memory, which others may share, is told. */
void ceno_task_alone(void)
{
	struct ceno_process *process = ceno_self();
	struct ceno_task *self = ceno_current, *next;

	for (struct ceno_task *task = process->threads; task; task = next) {
		next = task->sibling;
		if (task != self)
			end_task(task, 1);
	}
	leave_marks(self);
	self->clear_child_tid = self->robust_list = 0;
	self->tid = process->pid;
}

/* ---- processes -------------------------------------------------------------------- */

static void give_back(struct ceno_process *process)
{
	ceno_timers_forget(process, 1);
	ceno_signal_flush(&process->pending, UINT64_MAX);
	ceno_promise_end(process);
	if (process->files)
		ceno_files_put(process->files);
	if (process->cwd) {
		process->cwd->uses--;
		ceno_inode_settle(process->cwd);
	}
	if (process->vm)
		ceno_vm_drop(process->vm);
	process->files = NULL;
	process->cwd = NULL;
	process->vm = NULL;
}

static void lose_children(struct ceno_process *process)
{
	for (uint32_t i = 0; i < CENO_TASKS; i++) {
		struct ceno_process *child = ceno_process_at(i);

		if (!child || child->parent != process)
			continue;
		child->parent = NULL;
		if (child->zombie)
			ceno_process_free(child);
		else if (child->death_signal)
			ceno_signal_kernel(child, child->death_signal);
	}
}

/* Returns whether the parent's wait will find it. */
static int tell_parent(struct ceno_process *process)
{
	struct ceno_process *parent = process->parent;
	const struct lx_sigaction *action;
	struct lx_siginfo info = { .signo = (int32_t)process->exit_signal,
		                   .code = process->signal ? LX_CLD_KILLED : LX_CLD_EXITED,
		                   .child_pid = (int32_t)process->pid,
		                   .child_uid = CENO_UID,
		                   .child_status = (int32_t)(process->signal ? process->signal : process->exit_status),
		                   .child_utime = (int64_t)ceno_time_ticks(process->ended_tsc) };
	int ignored;

	if (!parent || parent->ending)
		return 0;
	action = &parent->action[LX_SIGCHLD];
	ignored = process->exit_signal == LX_SIGCHLD && (action->handler == 1 || (action->flags & LX_SA_NOCLDWAIT));
	if (process->exit_signal && !(ignored && action->handler == 1))
		(void)ceno_signal_process(parent, &info);
	ceno_wake(parent);
	return !ignored;
}

static void end_process(struct ceno_process *process)
{
	process->ending = 1;
	while (process->threads)
		end_task(process->threads, 1);
	ceno_vfork_done(process);
	give_back(process);
	lose_children(process);
	process->zombie = 1;
	if (!tell_parent(process))
		ceno_process_free(process);
}

void ceno_task_settle(void)
{
	if (ceno_self()->ending)
		end_process(ceno_self());
	else if (ceno_current->state == CENO_TASK_ENDED)
		end_task(ceno_current, 1);
}

void ceno_processes_end(void)
{
	for (uint32_t i = 0; i < CENO_TASKS; i++) {
		struct ceno_process *process = ceno_process_at(i);

		if (!process)
			continue;
		ceno_vfork_done(process);
		while (process->threads)
			end_task(process->threads, 0);
		give_back(process);
		ceno_process_free(process);
	}
	ceno_sockets_end();
}
