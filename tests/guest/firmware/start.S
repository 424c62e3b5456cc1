/*
 * A nucleus that only looks at how the firmware hands over: its arguments are
 * passed on to C, whose answer goes to the stop port.
 */
#include "abi/layout.h"

	.section .text.vectors, "ax", @progbits
	.balign 32
	.globl ceno_vectors
ceno_vectors:
	.rept 34
	.balign 32, 0xcc
	jmp	stop
	.endr
	.balign 32, 0xcc

	.section .text.entry, "ax", @progbits
	.globl ceno_start
ceno_start:
	movq	%rsp, %rdx
	pushfq
	popq	%rcx
	call	handover_main
stop:
	movl	$CENO_PORT_STOP, %edx
	outl	%eax, %dx
1:	hlt
	jmp	1b

	.section .note.GNU-stack, "", @progbits
