/*
 * Life of the one program. See process.h.
 *
 * A program that ended keeps its space until the next one starts: giving back page
 * tables takes long, and nobody should wait for that who waits for the result.
 *
 * Invariant: no program starts before the space, the descriptors and the areas of
 * the one before are gone; what it leaves is the tree of files and its report.
 */
#include "process.h"

#include "calls.h"
#include "fd.h"
#include "frames.h"
#include "pack.h"
#include "stdio.h"
#include "vm.h"
#include "../../abi/supervisor.h"

struct ceno_program ceno_program;

static void end_with(uint32_t status, uint32_t signal)
{
	if (ceno_program.ending)
		return;
	ceno_program.ending = 1;
	ceno_program.exit_status = status & 0xff;
	ceno_program.signal = signal;
}

void ceno_program_exit(uint32_t status)
{
	end_with(status, 0);
}
void ceno_program_kill(uint32_t signal)
{
	end_with(0, signal);
}

void ceno_program_out_of_memory(void)
{
	if (!ceno_program.ending)
		ceno_program.out_of_memory = 1;
	end_with(0, LX_SIGKILL);
}

static void reset(uint32_t seq)
{
	static const struct lx_rlimit unlimited = { UINT64_MAX, UINT64_MAX };

	memset(&ceno_program, 0, sizeof(ceno_program));
	ceno_program.seq = seq;
	ceno_program.umask = 022;
	ceno_program.dumpable = 1;
	for (unsigned i = 0; i < 16; i++)
		ceno_program.limit[i] = unlimited;
	ceno_program.limit[3] = (struct lx_rlimit){ CENO_STACK_MAX, CENO_STACK_MAX };
	ceno_program.limit[4] = (struct lx_rlimit){ 0, 0 }; /* no core files */
	ceno_program.limit[6] = (struct lx_rlimit){ 1, 1 }; /* one process */
	ceno_program.limit[7] = (struct lx_rlimit){ CENO_FDS, CENO_FDS };
	ceno_program.limit[8] = (struct lx_rlimit){ 0, 0 }; /* nothing is ever locked */
}

static void tear_down(void)
{
	ceno_pages_end();
	ceno_areas_reset();
	ceno_fd_end();
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
	int refusal = CENO_REFUSAL_ARGS;

	if (args)
		refusal = ceno_fd_start() ? CENO_REFUSAL_MEMORY : ceno_elf_load(args, bytes);
	if (frame != CENO_NO_FRAME)
		ceno_frames_free(frame, 4);
	return refusal;
}

static void run(void)
{
	ceno_fpu_reset();
	ceno_fs_base_set(0);
	ceno_gs_base_set(0);
	ceno_stdio_report(CENO_PROGRAM_RUNNING, CENO_REFUSAL_NONE);
	ceno_program.start_tsc = ceno_rdtsc();
	ceno_stdio_report_entry(ceno_program.start_tsc);
	ceno_process_enter(ceno_trap());
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
	uint32_t seq = ceno_program.seq;

	for (;;) {
		int refusal;

		while (!is_over(seq) && ceno_stdio_request_seq() <= seq)
			ceno_stdio_wait();
		if (is_over(seq))
			ceno_membrane_leave();
		tear_down();
		reset(++seq);
		ceno_frames_mark();
		refusal = load(seq);
		if (refusal == CENO_REFUSAL_NONE)
			run();
		ceno_stdio_report(CENO_PROGRAM_REFUSED, (uint32_t)refusal);
	}
}

void ceno_program_settle(void)
{
	if (!ceno_program.ending) {
		if (ceno_stdio_shutdown() == CENO_SHUTDOWN_NOW)
			ceno_membrane_leave();
		return;
	}
	ceno_stdio_report(CENO_PROGRAM_DONE, CENO_REFUSAL_NONE);
	ceno_program_next();
}

int64_t ceno_sys_exit(const uint64_t a[6])
{
	ceno_program_exit((uint32_t)a[0]);
	return 0;
}

int64_t ceno_sys_exit_group(const uint64_t a[6])
{
	return ceno_sys_exit(a);
}
