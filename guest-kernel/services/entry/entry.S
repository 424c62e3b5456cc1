/*
 * The entry page: the int3s that are calls into the nucleus (abi/layout.h).
 * Mapped read-execute at the same address in every ring-3 space.
 */
#include "abi/layout.h"

	.section .text.entry, "ax"
	.globl ceno_start
ceno_start:
	int3                                    /* CENO_GATE_SYSCALL */
	.org ceno_start + CENO_GATE_SYSRET - CENO_GVA_ENTRY
	int3
	.org ceno_start + CENO_GATE_RESUME - CENO_GVA_ENTRY
	int3
	.org ceno_start + CENO_GATE_VERB - CENO_GVA_ENTRY
	int3
	ret

	.section .note.GNU-stack, "", @progbits
