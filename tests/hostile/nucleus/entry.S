/*
 * Entry of a hostile nucleus: signed, so the firmware starts it in ring 0, with
 * everything the honest one has. What it does is in attack.c.
 */
#include "abi/layout.h"

	.section .text.vectors, "ax"
	.globl ceno_vectors
	.balign 32
ceno_vectors:                                   /* any fault of its own: stop code 0x102 */
	.rept 34
	.balign 32
	jmp stop
	.endr
stop:
	mov $0x102, %eax
	mov $CENO_PORT_STOP, %edx
	out %eax, %dx
	hlt
	jmp stop

	.section .text.entry, "ax"
	.globl ceno_start
ceno_start:
	call ceno_hostile_main
	jmp stop

	.section .note.GNU-stack, "", @progbits
