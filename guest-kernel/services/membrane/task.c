/*
 * The tables of tasks and processes. See task.h. Each lies in frames of RAM of its
 * own, which frames.c hands out as zeros: a task in front of its XSAVE area, a
 * process with the path of its program.
 */
#include "task.h"

#include "frames.h"
#include "process.h"

#define FPU_OFFSET 1024u
#define PID_MAX    32768u

_Static_assert(sizeof(struct ceno_task) <= FPU_OFFSET, "a task lies in front of its XSAVE area");

struct ceno_task *ceno_current;

static struct ceno_task **tasks; /* CENO_TASKS of them */
static struct ceno_process **processes;
static uint32_t last_pid;

void ceno_tasks_init(void)
{
	tasks = ceno_frames_table(2 * CENO_TASKS * sizeof(void *));
	processes = (struct ceno_process **)(void *)(tasks + CENO_TASKS);
	ceno_current = NULL;
	last_pid = CENO_PID - 1;
}

struct ceno_task *ceno_task_at(uint32_t i)
{
	return tasks[i];
}
struct ceno_process *ceno_process_at(uint32_t i)
{
	return processes[i];
}

uint32_t ceno_tasks_count(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < CENO_TASKS; i++)
		count += tasks[i] != NULL;
	return count;
}

struct ceno_task *ceno_task_find(int32_t tid)
{
	for (uint32_t i = 0; i < CENO_TASKS; i++)
		if (tasks[i] && tasks[i]->tid == (uint32_t)tid)
			return tasks[i];
	return NULL;
}

struct ceno_process *ceno_process_find(int32_t pid)
{
	for (uint32_t i = 0; i < CENO_TASKS; i++)
		if (processes[i] && processes[i]->pid == (uint32_t)pid)
			return processes[i];
	return NULL;
}

/* No task, process, group or session has this number. */
static int is_free(uint32_t pid)
{
	for (uint32_t i = 0; i < CENO_TASKS; i++) {
		const struct ceno_process *p = processes[i];

		if ((tasks[i] && tasks[i]->tid == pid) || (p && (p->pid == pid || p->pgid == pid || p->sid == pid)))
			return 0;
	}
	return 1;
}

static uint32_t next_pid(void)
{
	do
		last_pid = last_pid + 1 < PID_MAX ? last_pid + 1 : CENO_PID;
	while (!is_free(last_pid));
	return last_pid;
}

static unsigned order_of(uint64_t bytes)
{
	unsigned order = 0;

	while (CENO_PAGE << order < bytes)
		order++;
	return order;
}

static void *new (uint64_t bytes)
{
	uint64_t frame = ceno_frames_alloc(order_of(bytes));

	return frame == CENO_NO_FRAME ? NULL : ceno_ram(frame);
}

static void drop(void *object, uint64_t bytes)
{
	ceno_frames_free((uint64_t)(uintptr_t)object - CENO_RAM_GVA, order_of(bytes));
}

static uint64_t task_bytes(void)
{
	return FPU_OFFSET + ceno_fpu_bytes();
}

static int free_slot(void **table)
{
	for (uint32_t i = 0; i < CENO_TASKS; i++)
		if (!table[i])
			return (int)i;
	return -1;
}

static void empty_slot(void **table, const void *object)
{
	for (uint32_t i = 0; i < CENO_TASKS; i++)
		if (table[i] == object)
			table[i] = NULL;
}

struct ceno_task *ceno_task_new(struct ceno_process *process)
{
	int slot = free_slot((void **)tasks);
	struct ceno_task *task = slot < 0 ? NULL : new (task_bytes());

	if (!task)
		return NULL;
	task->tid = next_pid();
	task->process = process;
	task->fpu = (uint8_t *)task + FPU_OFFSET;
	ceno_fpu_initial(task->fpu);
	task->sibling = process->threads;
	process->threads = task;
	tasks[slot] = task;
	return task;
}

void ceno_task_free(struct ceno_task *task)
{
	struct ceno_task **at = &task->process->threads;

	while (*at != task)
		at = &(*at)->sibling;
	*at = task->sibling;
	ceno_sched_forget(task);
	empty_slot((void **)tasks, task);
	drop(task, task_bytes());
}

struct ceno_process *ceno_process_new(struct ceno_process *parent)
{
	int slot = free_slot((void **)processes);
	struct ceno_process *process = slot < 0 ? NULL : new (sizeof(*process));
	struct ceno_task *task;

	if (!process)
		return NULL;
	task = ceno_task_new(process);
	if (!task) {
		drop(process, sizeof(*process));
		return NULL;
	}
	process->pid = task->tid;
	process->parent = parent;
	process->start_tsc = ceno_rdtsc();
	processes[slot] = process;
	return process;
}

void ceno_process_free(struct ceno_process *process)
{
	uint32_t left = 0;

	empty_slot((void **)processes, process);
	drop(process, sizeof(*process));
	for (uint32_t i = 0; i < CENO_TASKS; i++)
		left += processes[i] != NULL;
	if (!left)
		last_pid = CENO_PID - 1;
}
