/*
 * Life of a request. See process.h.
 *
 * A program that ended keeps its space until the next one starts: giving back page
 * tables takes long, and nobody should wait for that who waits for the result.
 *
 * Invariant: no program starts before the processes and the descriptors of the one before
 * are gone; what it leaves is the tree of files, its report, and husks (husk.c), of which
 * the next ones can have mappings, but not a byte.
 */
#include "process.h"

#include "calls.h"
#include "fd.h"
#include "frames.h"
#include "pack.h"
#include "stdio.h"
#include "vm.h"
#include "../../abi/supervisor.h"

struct ceno_run ceno_run;

static void set_limits(struct lx_rlimit limit[16])
{
	static const struct lx_rlimit unlimited = { UINT64_MAX, UINT64_MAX };

	for (unsigned i = 0; i < 16; i++)
		limit[i] = unlimited;
	limit[3] = (struct lx_rlimit){ CENO_STACK_MAX, CENO_STACK_MAX };
	limit[4] = (struct lx_rlimit){ 0, 0 }; /* no core files */
	limit[6] = (struct lx_rlimit){ CENO_TASKS, CENO_TASKS };
	limit[7] = (struct lx_rlimit){ CENO_FDS, CENO_FDS };
	limit[8] = (struct lx_rlimit){ 8 << 20, 8 << 20 };
}

/* The first process of request seq becomes the current one. */
static int reset(uint32_t seq)
{
	ceno_run = (struct ceno_run){ .seq = seq, .enosys = ceno_run.enosys };
	ceno_run.first = ceno_process_new(NULL);
	if (!ceno_run.first)
		return -LX_ENOMEM;
	ceno_run.first->pgid = ceno_run.first->sid = ceno_run.first->pid;
	ceno_run.first->umask = 022;
	ceno_run.first->dumpable = 1;
	set_limits(ceno_run.first->limit);
	ceno_current = ceno_run.first->threads;
	ceno_current->state = CENO_TASK_RUNNABLE;
	return 0;
}

static void tear_down(void)
{
	ceno_processes_end();
}

/* The argument block of request seq. *frame: to be freed, or CENO_NO_FRAME. */
static const uint8_t *find_args(uint32_t seq, uint64_t *bytes, uint64_t *frame)
{
	const struct ceno_pack_entry *entry;
	int64_t length;

	*frame = CENO_NO_FRAME;
	if (seq == 1) {
		entry = ceno_packs_find(CENO_PACK_ARGS);
		if (!entry || entry->length > CENO_ARGS_MAX)
			return NULL;
		*bytes = entry->length;
		return ceno_packs_data(entry->offset, entry->length);
	}
	*frame = ceno_frames_alloc(4);
	if (*frame == CENO_NO_FRAME)
		return NULL;
	length = ceno_stdio_request(ceno_ram(*frame));
	*bytes = (uint64_t)length;
	return length < 0 ? NULL : ceno_ram(*frame);
}

static int load(uint32_t seq)
{
	uint64_t bytes = 0, frame;
	const uint8_t *args = find_args(seq, &bytes, &frame);
	int refusal;

	if (!args)
		refusal = seq > 1 && frame == CENO_NO_FRAME ? ceno_refuse(CENO_REFUSAL_MEMORY, -LX_ENOMEM)
							    : ceno_refuse(CENO_REFUSAL_ARGS, -LX_EINVAL);
	else if (ceno_files_start(ceno_self()))
		refusal = ceno_refuse(CENO_REFUSAL_MEMORY, -LX_ENOMEM);
	else
		refusal = ceno_elf_load(args, bytes);
	if (frame != CENO_NO_FRAME)
		ceno_frames_free(frame, 4);
	return refusal;
}

static _Noreturn void run(void)
{
	ceno_stdio_report(CENO_PROGRAM_RUNNING, CENO_REFUSAL_NONE);
	ceno_run.start_tsc = ceno_rdtsc();
	ceno_stdio_report_entry(ceno_run.start_tsc);
	ceno_sched_start();
}

/* No program follows number seq. */
static int is_over(uint32_t seq)
{
	enum ceno_shutdown shutdown = ceno_stdio_shutdown();

	return shutdown == CENO_SHUTDOWN_NOW || (shutdown == CENO_SHUTDOWN_AFTER && ceno_stdio_request_seq() <= seq);
}

void ceno_membrane_runs(void)
{
	static const struct ceno_message runs = { { CENO_SUPERVISOR_RUNS } };
	static int told;

	if (!told)
		(void)ceno_send(CENO_SLOT_SUPERVISOR, -1, &runs); /* FULL: then init has enough to wake for */
	told = 1;
}

void ceno_membrane_leave(void)
{
	for (;;)
		ceno_mask(CENO_SLOT_SELF, 0, 0, 0, 0);
}

void ceno_program_next(void)
{
	uint32_t seq = ceno_run.seq;

	for (;;) {
		int refusal;

		while (!is_over(seq) && ceno_stdio_request_seq() <= seq)
			ceno_stdio_wait();
		if (is_over(seq))
			ceno_membrane_leave();
		tear_down();
		ceno_frames_mark();
		refusal = reset(++seq) ? ceno_refuse(CENO_REFUSAL_MEMORY, -LX_ENOMEM) : load(seq);
		if (refusal == CENO_REFUSAL_NONE)
			run();
		ceno_stdio_report(refusal < 0 ? CENO_PROGRAM_DONE : CENO_PROGRAM_REFUSED,
		                  refusal < 0 ? CENO_REFUSAL_NONE : (uint32_t)refusal);
	}
}

void ceno_program_settle(void)
{
	if (!ceno_current || ceno_self() != ceno_run.first || !ceno_self()->ending) {
		if (ceno_stdio_shutdown() == CENO_SHUTDOWN_NOW)
			ceno_membrane_leave();
		if (ceno_current)
			ceno_task_settle();
		return;
	}
	ceno_run.exit_status = ceno_self()->exit_status;
	ceno_run.signal = ceno_self()->signal;
	ceno_stdio_report(CENO_PROGRAM_DONE, CENO_REFUSAL_NONE);
	ceno_program_next();
}
