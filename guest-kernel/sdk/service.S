/*
 * Runtime of a service: the three entries at the fixed offsets of layout.h, and
 * the way back into a process.
 *
 * The nucleus jumps to the handler entries with the process's sixteen registers
 * live (for `syscall` rcx and r11 hold its rip and rflags), so the first store
 * addresses the trap page absolutely and only then is there a register to use.
 * The stack is the service's own and empty: a handler runs to its end.
 */
#include "abi/layout.h"

#define TRAP_GPR (CENO_GVA_TRAP_PAGE + CENO_TRAP_GPR_OFFSET)

	.section .text.entry, "ax"
	.globl ceno_start
ceno_start:
	mov $CENO_GVA_SERVICE_STACK, %esp
	xor %ebp, %ebp
	call ceno_service_main
1:	ud2                                     /* main never returns */
	jmp 1b

	.macro save_registers
	mov %rax, TRAP_GPR + 0x00
	mov %rcx, TRAP_GPR + 0x08
	mov %rdx, TRAP_GPR + 0x10
	mov %rbx, TRAP_GPR + 0x18
	mov %rsp, TRAP_GPR + 0x20
	mov %rbp, TRAP_GPR + 0x28
	mov %rsi, TRAP_GPR + 0x30
	mov %rdi, TRAP_GPR + 0x38
	mov $CENO_GVA_TRAP_PAGE, %edi
	mov %r8,  CENO_TRAP_GPR_OFFSET + 0x40(%rdi)
	mov %r9,  CENO_TRAP_GPR_OFFSET + 0x48(%rdi)
	mov %r10, CENO_TRAP_GPR_OFFSET + 0x50(%rdi)
	mov %r11, CENO_TRAP_GPR_OFFSET + 0x58(%rdi)
	mov %r12, CENO_TRAP_GPR_OFFSET + 0x60(%rdi)
	mov %r13, CENO_TRAP_GPR_OFFSET + 0x68(%rdi)
	mov %r14, CENO_TRAP_GPR_OFFSET + 0x70(%rdi)
	mov %r15, CENO_TRAP_GPR_OFFSET + 0x78(%rdi)
	mov $CENO_GVA_SERVICE_STACK, %esp
	xor %ebp, %ebp
	.endm

	.macro load_registers
	mov $CENO_GVA_TRAP_PAGE, %edi
	mov CENO_TRAP_GPR_OFFSET + 0x00(%rdi), %rax
	mov CENO_TRAP_GPR_OFFSET + 0x08(%rdi), %rcx
	mov CENO_TRAP_GPR_OFFSET + 0x10(%rdi), %rdx
	mov CENO_TRAP_GPR_OFFSET + 0x18(%rdi), %rbx
	mov CENO_TRAP_GPR_OFFSET + 0x20(%rdi), %rsp
	mov CENO_TRAP_GPR_OFFSET + 0x28(%rdi), %rbp
	mov CENO_TRAP_GPR_OFFSET + 0x30(%rdi), %rsi
	mov CENO_TRAP_GPR_OFFSET + 0x40(%rdi), %r8
	mov CENO_TRAP_GPR_OFFSET + 0x48(%rdi), %r9
	mov CENO_TRAP_GPR_OFFSET + 0x50(%rdi), %r10
	mov CENO_TRAP_GPR_OFFSET + 0x58(%rdi), %r11
	mov CENO_TRAP_GPR_OFFSET + 0x60(%rdi), %r12
	mov CENO_TRAP_GPR_OFFSET + 0x68(%rdi), %r13
	mov CENO_TRAP_GPR_OFFSET + 0x70(%rdi), %r14
	mov CENO_TRAP_GPR_OFFSET + 0x78(%rdi), %r15
	mov CENO_TRAP_GPR_OFFSET + 0x38(%rdi), %rdi
	.endm

	.org CENO_GVA_HANDLER_SYSCALL - CENO_GVA_SERVICE
	.globl ceno_handler_syscall
ceno_handler_syscall:
	jmp handle_syscall
	.org CENO_GVA_HANDLER_FAULT - CENO_GVA_SERVICE
	.globl ceno_handler_fault
ceno_handler_fault:
	jmp handle_fault

	.weak ceno_service_syscall
	.weak ceno_service_fault

	.section .text.handlers, "ax"
handle_syscall:
	cld
	save_registers
	call ceno_service_syscall
	load_registers
	jmp CENO_GATE_SYSRET

handle_fault:
	cld
	save_registers
	call ceno_service_fault
resume:
	load_registers
	jmp CENO_GATE_RESUME

	.globl ceno_process_enter
ceno_process_enter:
	jmp resume

	.section .note.GNU-stack, "", @progbits
