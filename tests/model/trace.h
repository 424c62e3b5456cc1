/*
 * One operation on the fake machine (guest-kernel/arch/fake/machine.h), as data:
 * parsed from a line, written as a line, applied. README.md has the format.
 */
#ifndef CENO_MODEL_TRACE_H
#define CENO_MODEL_TRACE_H

#include <stdint.h>
#include <stdio.h>

enum ceno_op_kind {
	CENO_OP_RESET,
	CENO_OP_SWITCH,
	CENO_OP_VERB,
	CENO_OP_SYSRET,
	CENO_OP_RESUME,
	CENO_OP_SYSCALL,
	CENO_OP_FAULT,
	CENO_OP_CLOCK,
	CENO_OP_TICK,
	CENO_OP_SIGNAL,
	CENO_OP_FPU,
	CENO_OP_DUMP,
	CENO_OP_COUNT
};

#define CENO_OP_ARGS 11

struct ceno_op {
	uint32_t kind;  /* enum ceno_op_kind */
	uint32_t fiber; /* VERB: who, or CENO_OP_CURRENT */
	uint64_t arg[CENO_OP_ARGS];
};
#define CENO_OP_CURRENT UINT32_MAX

/* RESET's arguments, in this order: ram pool trap pledge bundle pack image tick mode
 * (struct ceno_machine_config); 0 means the default's value, except pledge, pack and
 * image, where UINT64_MAX does. */
#define CENO_OP_RESET_ARGS 9

/* 0, or -1 if the line is no operation. line: borrowed, NUL-terminated. */
int ceno_op_parse(const char *line, struct ceno_op *op);
void ceno_op_print(FILE *to, const struct ceno_op *op);
/* Does it. 0; -1 if a RESET's number is out of range (the machine is as before);
 * 1 if the fiber of SWITCH or VERB was not ready (nothing else happened). */
int ceno_op_apply(const struct ceno_op *op);

#endif
