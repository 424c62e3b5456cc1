/*
 * Waiting: the list of blocked tasks, and who takes them off it. See task.h.
 *
 * ceno_block only notes what the call would wait for; the task blocks when the call
 * returns CENO_BLOCKED (sched.c), so a call may still change its mind.
 */
#include "task.h"

#include "time.h"

const char ceno_poll_key, ceno_stdio_key;

int64_t ceno_block(const void *key, uint64_t deadline_tsc)
{
	ceno_current->wait_key = key;
	ceno_current->wait_deadline = deadline_tsc;
	ceno_current->killable = 0;
	return ceno_current->call.interrupted ? -LX_ERESTARTSYS : CENO_BLOCKED;
}

int64_t ceno_block_once(const void *key, uint64_t deadline_tsc)
{
	return ceno_block(key, deadline_tsc) == CENO_BLOCKED ? CENO_BLOCKED : -LX_ERESTARTNOHAND;
}

uint64_t ceno_call_deadline(uint64_t ns)
{
	struct ceno_call *call = &ceno_current->call;

	if (!call->deadline)
		call->deadline = ceno_time_deadline(ns);
	return call->deadline;
}

int64_t ceno_block_killable(const void *key)
{
	ceno_block(key, CENO_NEVER);
	ceno_current->killable = 1;
	return CENO_BLOCKED;
}

void ceno_wake_task(struct ceno_task *task, int woken)
{
	task->call.woken |= (uint8_t)woken;
	ceno_sched_ready(task);
}

void ceno_wake(const void *key)
{
	for (struct ceno_task *task = ceno_blocked_first(), *next; task; task = next) {
		next = task->next;
		if (task->wait_key == key)
			ceno_wake_task(task, 0);
	}
}

void ceno_wake_pollers(void)
{
	ceno_wake(&ceno_poll_key);
}
