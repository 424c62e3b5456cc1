/*
 * The three places of replay.c that must be where they are: the start of init, of each
 * child (the rip with which the trace spawns it), and the two instructions at which a
 * child faults on request. And the call of a verb with exactly the registers of the trace.
 */
#include "abi/layout.h"

	.section .text.entry, "ax"
	.globl ceno_start
ceno_start:
	mov $CENO_GVA_SERVICE_STACK, %esp
	xor %ebp, %ebp
	call ceno_service_main
	ud2

	.org 0x40
	xor %ebp, %ebp
	call replay_child                       /* on the stack in its page */
	ud2

	.org 0x80
	.globl replay_fault
replay_fault:
	ud2

	.org 0x90
	.globl replay_peek
replay_peek:
	mov (%rdi), %rax
	ret

	/* rdi: eleven registers, in the order of the trace; they are overwritten by what comes back. */
	.text
	.globl replay_call
replay_call:
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rdi, %rbx
	mov (%rbx), %rax
	mov 16(%rbx), %rsi
	mov 24(%rbx), %rdx
	mov 32(%rbx), %r10
	mov 40(%rbx), %r8
	mov 48(%rbx), %r9
	mov 56(%rbx), %r12
	mov 64(%rbx), %r13
	mov 72(%rbx), %r14
	mov 80(%rbx), %r15
	mov 8(%rbx), %rdi
	mov $CENO_GATE_VERB, %r11d
	call *%r11
	mov %rax, (%rbx)
	mov %rdi, 8(%rbx)
	mov %rsi, 16(%rbx)
	mov %rdx, 24(%rbx)
	mov %r10, 32(%rbx)
	mov %r8, 40(%rbx)
	mov %r9, 48(%rbx)
	mov %r12, 56(%rbx)
	mov %r13, 64(%rbx)
	mov %r14, 72(%rbx)
	mov %r15, 80(%rbx)
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	ret

	.section .note.GNU-stack, "", @progbits
