/*
 * The entry page: the int3s that are calls into the nucleus (abi/layout.h), the stub
 * that switches FPU state, and reads that need no call (ahead.h). Mapped read-execute at the same address in every ring-3 space.
 */
#include "abi/layout.h"

#include "ahead.h"

	.section .text.entry, "ax"
	.globl ceno_start
ceno_start:
	int3                                    /* CENO_GATE_SYSCALL */
	test %eax, %eax                         /* CENO_GVA_SYSCALL: a read, */
	jnz ceno_start
	mov %ds, %eax                           /* in a program for which membrane reads ahead? (ahead.h) */
	test %eax, %eax
	jz ceno_start
	jmp ceno_ahead
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

/* read(2) out of CENO_GVA_AHEAD; see ahead.h for what membrane makes of an interruption in each of
 * the three parts. Only rax, which was 0, is another in the first. */
	.section .ahead, "ax"
	.globl ceno_ahead
ceno_ahead:
	xor %eax, %eax
	cmp %edi, CENO_AHEAD_FD
	jne 1f
	mov CENO_AHEAD_END, %rax
	sub CENO_AHEAD_AT, %rax
	cmp %rdx, %rax                          /* less than was asked for, or the end: membrane's */
	jb 1f
	mov %rdi, CENO_AHEAD_RDI
	mov %rsi, CENO_AHEAD_RSI
	mov %rcx, CENO_AHEAD_RCX
	mov %rsp, CENO_AHEAD_RSP
	jmp 2f
1:	xor %eax, %eax
	jmp ceno_start
	.org ceno_ahead + CENO_GVA_AHEAD_CHANGED - CENO_GVA_AHEAD_CODE, 0x90
2:	mov %rsi, %rdi
	mov CENO_AHEAD_AT, %rsi
	mov %rdx, %rcx
	cld
	rep movsb
	.org ceno_ahead + CENO_GVA_AHEAD_DONE - CENO_GVA_AHEAD_CODE - CENO_AHEAD_STORE, 0x90
3:	mov %rsi, CENO_AHEAD_AT                 /* now it is read, and nothing of this part is left: whoever */
4:	mov CENO_AHEAD_RDI, %rdi                /* is interrupted here must not read once more */
	.if 4b - 3b != CENO_AHEAD_STORE
	.error "the third part begins right behind the store"
	.endif
	mov CENO_AHEAD_RSI, %rsi
	mov $CENO_AHEAD_STACK, %esp             /* the program's own may lie at the end of what it has */
	push %r11
	popf
	mov CENO_AHEAD_RSP, %rsp
	mov CENO_AHEAD_RCX, %rcx
	mov %rdx, %rax
	jmp *%rcx
	.org ceno_ahead + CENO_GVA_AHEAD_STOP - CENO_GVA_AHEAD_CODE, 0xcc

	.section .note.GNU-stack, "", @progbits
