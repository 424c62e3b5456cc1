/* What the two fibers of frozen.c run, from a page of their own each. */
#include "abi/layout.h"

#define SEND    1
#define CHANNEL 3 /* FROZEN_CHANNEL of frozen.c */

	.section .rodata
	.globl frozen_sender, frozen_hog, frozen_end

	/* SENDs for ever, 5 J each, whatever comes of it */
frozen_sender:
	mov $SEND, %eax
	mov $CHANNEL, %edi
	mov $-1, %rsi
	mov $CENO_GATE_VERB, %ecx
	call *%rcx
	jmp frozen_sender

	/* never calls anything: ticks take what it has */
frozen_hog:
	inc %rax
	jmp frozen_hog
frozen_end:
