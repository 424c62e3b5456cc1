/*
 * How processes end. See task.h: the end is marked where its reason is found, and comes
 * when the call or fault that found it is done (sched.c, process.c).
 */
#include "calls.h"
#include "process.h"

static void end_with(struct ceno_process *process, uint32_t status, uint32_t signal)
{
	if (process->ending)
		return;
	process->ending = 1;
	process->exit_status = status & 0xff;
	process->signal = signal;
	ceno_attention = 1;
	for (struct ceno_task *task = process->threads; task; task = task->sibling) {
		if (task->state == CENO_TASK_STOPPED)
			task->state = CENO_TASK_BLOCKED;
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

int64_t ceno_sys_exit(const uint64_t a[6])
{
	ceno_process_exit((uint32_t)a[0]);
	return CENO_NO_RESULT;
}

int64_t ceno_sys_exit_group(const uint64_t a[6])
{
	return ceno_sys_exit(a);
}
