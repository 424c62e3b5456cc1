/*
 * Where the fibers of a native program start. The first one: rsp is the stack init
 * gave it. One made by ceno_fiber_make: its function and argument lie on its stack.
 */
#include "abi/layout.h"

	.section .text.entry, "ax"
	.globl ceno_start
ceno_start:
	xor %ebp, %ebp
	call ceno_native_start
	ud2                                     /* it never returns */

	.globl ceno_fiber_start
ceno_fiber_start:
	xor %ebp, %ebp
	pop %rax
	pop %rdi
	call *%rax
	call ceno_fiber_end
	ud2

	.section .note.GNU-stack, "", @progbits
