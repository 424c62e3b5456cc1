/*
 * The firmware's ring-0 half: enter the verifier in ring 3, take its verdict,
 * jump to the nucleus or stop. Every instruction here costs up to a microsecond
 * where ring 0 is emulated, so there are as few as can be.
 *
 * At reset (abi/layout.h): rdi = handoff gva, rsi = nucleus entry gva, rsp = top
 * of the ring-0 stack, 16-byte aligned; GDT, IDT and TSS in place, interrupts off.
 *
 *     rsp at reset  ->  +-----------------+
 *                  -8   | handoff gva     |
 *                  -16  | nucleus entry   |
 *                       | (iretq frame)   |   gone once ring 3 runs
 *     TSS.rsp0 ->  -64  +-----------------+
 *                  -104 | frame of the    |   rip cs rflags rsp ss
 *                       | verdict's int3  |
 *
 * The only way on is an int3 from ring 3 with eax = 0. Anything else, an
 * exception of the verifier's or of the stub's own included, ends in one OUT of
 * the stop code and hlt.
 */
#include "abi/layout.h"

#define STACK_SAVED 64                 /* TSS.rsp0 below the reset rsp */
#define FRAME_BYTES 40
#define FRAME_CS    8
#define STOP_FIRMWARE_FAULT 0x008      /* these three: abi/bundle.h, asserted in header.c */
#define VECTORS      34
#define VECTOR_BYTES 32

	.section .stub.vectors, "ax", @progbits
	.balign VECTOR_BYTES
	.globl ceno_firmware_vectors
ceno_firmware_vectors:
	vector = 0
	.rept VECTORS
	.balign VECTOR_BYTES, 0xcc
	.if vector == 3
	jmp	verdict
	.else
	jmp	fault
	.endif
	vector = vector + 1
	.endr
	.balign VECTOR_BYTES, 0xcc

	.section .stub.text, "ax", @progbits
	.globl ceno_firmware_entry
ceno_firmware_entry:
	pushq	%rdi
	pushq	%rsi
	pushq	$CENO_SEL_USER_SS
	pushq	$(CENO_GVA_VERIFIER_STACK - 16)
	pushq	$2                             /* rflags: interrupts off, IOPL 0 */
	pushq	$CENO_SEL_USER_CS
	pushq	$ceno_verifier_start
	iretq

verdict:
	cmpq	$CENO_SEL_USER_CS, FRAME_CS(%rsp)
	jne	fault
	testl	%eax, %eax
	jnz	stop
	movq	(FRAME_BYTES + STACK_SAVED - 8)(%rsp), %rdi
	movq	(FRAME_BYTES + STACK_SAVED - 16)(%rsp), %rsi
	addq	$(FRAME_BYTES + STACK_SAVED), %rsp
	jmp	*%rsi

fault:
	movl	$STOP_FIRMWARE_FAULT, %eax
stop:
	movl	$CENO_PORT_STOP, %edx
	outl	%eax, %dx
1:	hlt
	jmp	1b

	.section .note.GNU-stack, "", @progbits
