/*
 * Into ring 0 and out of it, for hostile guests (kit.h). Every trap while a kit_try or
 * kit_ring3 is under way ends that call; any other is a fault of the guest's own and stops
 * with code 0x102, as the nucleus would.
 */
#include "abi/layout.h"

#define TRAP kit_trap
	.hidden kit_trap
	.hidden kit_saved
	.hidden kit_main

	.section .text.vectors, "ax"
	.globl ceno_vectors
	.balign 32
ceno_vectors:
	vector = 0
	.rept 34
	.org ceno_vectors + 32 * vector, 0xcc
	.if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
	push $0
	.endif
	push $vector
	jmp trapped
	vector = vector + 1
	.endr
	.org ceno_vectors + 32 * 34, 0xcc

trapped:                                        /* vector, error, rip, cs, rflags, rsp, ss */
	cmpq $0, kit_saved(%rip)
	je fatal
	mov %rax, TRAP + 32(%rip)
	pop %rax
	mov %rax, TRAP(%rip)
	pop %rax
	mov %rax, TRAP + 8(%rip)
	mov (%rsp), %rax
	mov %rax, TRAP + 16(%rip)
	mov 8(%rsp), %rax
	mov %rax, TRAP + 40(%rip)
	mov 16(%rsp), %rax
	mov %rax, TRAP + 48(%rip)
	mov %cr2, %rax
	mov %rax, TRAP + 24(%rip)
	mov TRAP(%rip), %rax
	jmp done
fatal:
	mov $0x102, %eax
	mov $CENO_PORT_STOP, %edx
	out %eax, %dx
1:	hlt
	jmp 1b

	.section .text.entry, "ax"
	.globl ceno_start
ceno_start:
	call kit_main
	jmp fatal

	.macro save
	push %rbp
	push %rbx
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, kit_saved(%rip)
	.endm

	.globl kit_try
	.hidden kit_try
kit_try:                                        /* rdi: function, rsi: argument */
	save
	mov %rdi, %rax
	mov %rsi, %rdi
	call *%rax
	mov %rax, TRAP + 32(%rip)
	mov $0xff, %eax
done:
	mov kit_saved(%rip), %rsp
	movq $0, kit_saved(%rip)
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbx
	pop %rbp
	cld
	ret

	.globl kit_enter3
	.hidden kit_enter3
kit_enter3:                                     /* rdi: where, rsi: argument, rdx: stack, rcx: flags */
	save
	pushq $CENO_SEL_USER_SS
	push %rdx
	push %rcx
	pushq $CENO_SEL_USER_CS
	push %rdi
	mov %rsi, %rdi
	iretq

	.globl kit_back3
	.hidden kit_back3
kit_back3:                                      /* ring 3: the function returned */
	int3
	jmp kit_back3

	.section .note.GNU-stack, "", @progbits
