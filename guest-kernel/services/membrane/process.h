/*
 * A request: how its first process starts, how it ends, what is reported of it.
 *
 *   main -> [wait for a request] -> load -> RUNNING -> (traps) -> end -> DONE -+
 *                 ^                   `-> REFUSED --------------------------+  |
 *                 +---------------------------------------------------------+--+
 */
#ifndef CENO_MEMBRANE_PROCESS_H
#define CENO_MEMBRANE_PROCESS_H

#include "task.h"

/* What the host is told of a request: its first process, and all that it started. */
struct ceno_run {
	struct ceno_process *first;
	uint32_t seq; /* of the request it answers */
	uint32_t enosys_distinct, enosys_other;
	uint64_t syscalls, faults;
	uint64_t start_tsc, idle_tsc; /* idle: spent waiting for the host or the clock */
	uint32_t exit_status, signal, out_of_memory;
	uint32_t error;   /* of a program that did not start: the errno; else 0 */
	uint32_t missing; /* 1 << enum ceno_pledge_class that somebody would have needed */
	struct ceno_enosys {
		uint32_t number, count;
		char program[CENO_PROGRAM_NAME];
	} * enosys; /* CENO_ENOSYS_SLOTS of them; kept from request to request */
};

extern struct ceno_run ceno_run;

/* Notes why the program of this request does not start, for its report. error: -errno. Returns why. */
static inline int ceno_refuse(enum ceno_refusal why, int error)
{
	ceno_run.error = (uint32_t)-error;
	return why;
}

/* Ends the current task or process if it is marked so. If it is the request's first process,
 * that is reported, all that is left of the request ends, and the next one starts: does not
 * return then, nor when the host wants us to stop now. */
void ceno_program_settle(void);

/* Waits for the next request and starts its program. */
_Noreturn void ceno_program_next(void);

/* Loads the program of an argument block. block: bytes of it, not changing meanwhile.
 * Returns enum ceno_refusal, and notes the errno (ceno_run.error); with CENO_REFUSAL_NONE the current task is in its first state. */
int ceno_elf_load(const uint8_t *block, uint64_t bytes);
#define CENO_SERVED (-1) /* it was a request for something else, and was served (abi/out.h) */

/* The processor, in ring 3 (cpu.c). */
uint64_t ceno_fpu_bytes(void); /* of an XSAVE area here */
/* areas: of ceno_fpu_bytes, 64-byte aligned. _initial: of zeros; becomes the state of a
 * new program. _save, _load: the processor's state to and from it. */
void ceno_fpu_initial(void *area);
/* What of it a signal frame holds: bytes (512: no more than FXSAVE), components; the bits
 * of MXCSR that may be set. */
uint64_t ceno_fpu_frame_bytes(void);
uint64_t ceno_fpu_frame_components(void);
uint32_t ceno_fpu_mxcsr_mask(void);
void ceno_fpu_save(void *area);
void ceno_fpu_load(const void *area);
uint32_t ceno_cpu_hwcap(void);
void ceno_fs_base_set(uint64_t value);
void ceno_gs_base_set(uint64_t value);
uint64_t ceno_fs_base(void);
uint64_t ceno_gs_base(void);
/* rdrand; returns 0 if the CPU has none or it failed. */
int ceno_cpu_random(uint64_t *value);

#endif
