/*
 * The one program: how it starts, how it ends, what is reported of it.
 *
 *   main -> [wait for a request] -> load -> RUNNING -> (traps) -> end -> DONE -+
 *                 ^                   `-> REFUSED --------------------------+  |
 *                 +---------------------------------------------------------+--+
 */
#ifndef CENO_MEMBRANE_PROCESS_H
#define CENO_MEMBRANE_PROCESS_H

#include "membrane.h"
#include "vfs.h"

struct ceno_program {
	uint32_t seq; /* of the request it answers */
	uint32_t enosys_distinct, enosys_other;
	uint64_t syscalls, faults;
	uint64_t start_tsc, idle_tsc; /* idle: spent waiting for the host or the clock */
	uint64_t signal_mask, signal_pending;
	uint64_t clear_child_tid, robust_list;
	uint64_t alt_stack[3];
	uint32_t umask;
	uint32_t ending; /* non-zero: the program ends after this trap */
	uint32_t exit_status, signal, out_of_memory;
	uint32_t dumpable, no_new_privs;
	char name[16];            /* prctl PR_SET_NAME */
	char path[CENO_PATH_MAX]; /* of the program's file */
	struct {
		uint32_t number, count;
	} enosys[CENO_ENOSYS_SLOTS];
	struct lx_sigaction action[LX_SIGNALS + 1];
	struct lx_rlimit limit[16];
};

extern struct ceno_program ceno_program;

/* Marks the program for its end; takes effect when the current trap is done. The
 * first call wins. */
void ceno_program_exit(uint32_t status);
void ceno_program_kill(uint32_t signal);
void ceno_program_out_of_memory(void);

/* Raises a signal: ends the program, is remembered, or is ignored, as its action
 * and mask say. Returns 0, or -LX_ENOSYS if it would run a handler of the program. */
int ceno_program_raise(uint32_t signal);
/* Acts on remembered signals that are no longer blocked. */
void ceno_program_deliver(void);

/* If the program is marked: frees everything it held, reports, starts the next one;
 * does not return then, nor when the host wants us to stop now. */
void ceno_program_settle(void);

/* Waits for the next request and starts its program. */
_Noreturn void ceno_program_next(void);

/* Loads the program of an argument block. block: bytes of it, not changing meanwhile.
 * Returns enum ceno_refusal; with CENO_REFUSAL_NONE the trap page holds its first state. */
int ceno_elf_load(const uint8_t *block, uint64_t bytes);

/* The processor, in ring 3 (cpu.c). */
void ceno_fpu_reset(void);
uint32_t ceno_cpu_hwcap(void);
void ceno_fs_base_set(uint64_t value);
void ceno_gs_base_set(uint64_t value);
uint64_t ceno_fs_base(void);
uint64_t ceno_gs_base(void);
/* rdrand; returns 0 if the CPU has none or it failed. */
int ceno_cpu_random(uint64_t *value);

#endif
