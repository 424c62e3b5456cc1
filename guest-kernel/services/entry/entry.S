/*
 * The entry page: the int3s that are calls into the nucleus (abi/layout.h), and the stub
 * that switches FPU state. Mapped read-execute at the same address in every ring-3 space.
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

/* Plain XSAVE: it always writes every component, in the standard format. XSAVEOPT would
 * leave out what it takes for unmodified, which it tells by the address alone, not by the
 * space. Nothing here can fault: the areas are there, and only this writes them. */
	.org ceno_start + CENO_GVA_FPU_SAVE - CENO_GVA_ENTRY
	mov $CENO_FPU_MASK_LOW, %eax
	mov $-1, %edx
	xsave64 (%rdi)
	mov %ds, CENO_FPU_SEGMENTS+0(%rdi)
	mov %es, CENO_FPU_SEGMENTS+8(%rdi)
	mov %fs, CENO_FPU_SEGMENTS+16(%rdi)
	mov %gs, CENO_FPU_SEGMENTS+24(%rdi)
	rdfsbase %rax
	mov %rax, CENO_FPU_SEGMENTS+32(%rdi)
	rdgsbase %rax
	mov %rax, CENO_FPU_SEGMENTS+40(%rdi)

	.org ceno_start + CENO_GVA_FPU_LOAD - CENO_GVA_ENTRY, 0x90
	fnclex                                  /* AMD's XRSTOR may leave the addresses of the x87 */
	emms                                    /* instruction before, if no exception is pending: */
	fildl (%rsi)                            /* then they are this one's */
	mov $CENO_FPU_MASK_LOW, %eax
	mov $-1, %edx
	xrstor64 (%rsi)
	mov CENO_FPU_SEGMENTS+0(%rsi), %ds
	mov CENO_FPU_SEGMENTS+8(%rsi), %es
	mov CENO_FPU_SEGMENTS+16(%rsi), %fs     /* before the bases, which this clears */
	mov CENO_FPU_SEGMENTS+24(%rsi), %gs
	mov CENO_FPU_SEGMENTS+32(%rsi), %rax
	wrfsbase %rax
	mov CENO_FPU_SEGMENTS+40(%rsi), %rax
	wrgsbase %rax
	.org ceno_start + CENO_GATE_FPU - CENO_GVA_ENTRY, 0x90
	int3

	.section .note.GNU-stack, "", @progbits
