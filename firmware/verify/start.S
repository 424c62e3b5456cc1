/*
 * Where the stub enters ring 3: call the verifier, hand its verdict to ring 0
 * by int3. It is never resumed; running on would be an undefined instruction,
 * which stops the boot.
 */
	.section .text.entry, "ax", @progbits
	.globl ceno_verifier_start
ceno_verifier_start:
	call	ceno_verifier_main
	int3
	ud2

	.section .note.GNU-stack, "", @progbits
