/*
 * Every way into ring 0, and out again (SDM vol. 3, 6.14; vol. 2, IRETQ).
 *
 * Where ring 0 is emulated each instruction here costs about a microsecond, so
 * the two paths of a Linux system call (into the handler, back to the process)
 * touch no register and no stack but the CPU's own frame: 22 instructions
 * together. tests/guest keeps the counts.
 *
 * TSS.rsp0 points to the end of the running fiber's struct ceno_frame, so what
 * the CPU pushes is already where the fiber keeps it. rsp is 16-byte aligned.
 *
 *   int3 at a gate    SYSCALL: process -> handler    SYSRET, RESUME: back
 *                     VERB: C (verb.c)         FPU: C, if the switcher runs (fpu.c)
 *   syscall           LSTAR mode: process -> handler
 *   fault, interrupt  in a process: message in the trap page, then its handler
 *                     in a fiber's own code: C (fiber.c)
 *   tick              whoever runs pays for it first, and others that may run come next (energy.c)
 *
 * Is a process running? Exactly if CR3 is not the running fiber's own.
 */
#include "abi/layout.h"

#define HANDLER_CR3 ceno_cpu+0(%rip)
#define PROCESS_CR3 ceno_cpu+8(%rip)
#define TRAP        ceno_cpu+16(%rip)
#define CURRENT     ceno_cpu+24(%rip)
#define RSP0        ceno_cpu+32(%rip)
#define STACK_TOP   ceno_cpu+40(%rip)
#define TICK_TSC    ceno_cpu+48(%rip)
#define SIGNALS     ceno_cpu+56(%rip)
#define SCRATCH     ceno_cpu+64(%rip)
#define FPU_NEXT    ceno_cpu+72(%rip)

/* struct ceno_trap_page */
#define TRAP_VECTOR 0x00
#define TRAP_ERROR 0x08
#define TRAP_CR2 0x10
#define TRAP_RIP 0x18
#define TRAP_RFLAGS 0x20
#define TRAP_RESUME_RIP 0x40
#define TRAP_RESUME_RFLAGS 0x48

#define RFLAGS_USER 0x240cd5
#define RFLAGS_SET 0x202

#define VERB_MAP 3
#define VERB_GRANT 6                            /* and the last; SPAWN is 0 */
#define VERB_BLOCKED -0x80000000 /* CENO_VERB_BLOCKED */

#define FRAME_PARTIAL 48        /* callee-saved registers below the partial frame */

	.hidden ceno_cpu
	.hidden ceno_nucleus_main
	.hidden ceno_nucleus_verb
	.hidden ceno_verb_map_fast
	.hidden ceno_verb_grant
	.hidden ceno_verb_spawn
	.hidden ceno_nucleus_verb_full
	.hidden ceno_nucleus_wait
	.hidden ceno_nucleus_interrupt
	.hidden ceno_nucleus_process_tick
	.hidden ceno_energy_tick_fast
	.hidden ceno_nucleus_fault
	.hidden ceno_nucleus_service_fault
	.hidden ceno_fpu_switched

/* ---- vectors: 34 stubs, 32 bytes apart, 16-aligned ---- */

	.section .text.vectors, "ax"
	.globl ceno_vectors
	.balign 32
ceno_vectors:
	.macro fault vector, has_error
	.org ceno_vectors + 32 * \vector, 0xcc
	.if !\has_error
	push $0
	.endif
	push $\vector
	jmp fault_common
	.endm

	fault 0, 0
	fault 1, 0
	fault 2, 0
	.org ceno_vectors + 32 * 3, 0xcc              /* #BP: the system call paths come first */
	cmpq $CENO_GATE_SYSCALL + 1, (%rsp)
	je process_to_handler
	cmpq $CENO_GATE_SYSRET + 1, (%rsp)
	je handler_to_process
	jmp more_gates
	fault 4, 0
more_gates:                                     /* room left behind vector 4 */
	cmpq $CENO_GATE_VERB + 1, (%rsp)
	je verb
	jmp other_gates
	fault 5, 0
	fault 6, 0
	fault 7, 0
	fault 8, 1
	fault 9, 0
	fault 10, 1
	fault 11, 1
	fault 12, 1
	fault 13, 1
	fault 14, 1
	fault 15, 0
	fault 16, 0
	fault 17, 1
	fault 18, 0
	fault 19, 0
	fault 20, 0
	fault 21, 1
	fault 22, 0
	fault 23, 0
	fault 24, 0
	fault 25, 0
	fault 26, 0
	fault 27, 0
	fault 28, 0
	fault 29, 1
	fault 30, 1
	fault 31, 0
	.org ceno_vectors + 32 * 32, 0xcc
	push $0
	push $CENO_VECTOR_TICK
	jmp tick
	.org ceno_vectors + 32 * 33, 0xcc
	push $0
	push $CENO_VECTOR_WINDOW
	jmp window
	.org ceno_vectors + 32 * 34, 0xcc

/* ---- the entry from the firmware stub: rdi = handoff, its stack is ours ---- */

	.section .text.boot, "ax"
	.globl ceno_start
ceno_start:
	xor %ebp, %ebp
	call ceno_nucleus_main
	ud2

/* ---- system call: process -> handler, and back ---- */

	.section .text.paths, "ax"
process_to_handler:
	xchg %rax, HANDLER_CR3
	mov %rax, %cr3
	xchg %rax, HANDLER_CR3
	movq $CENO_GVA_HANDLER_SYSCALL, (%rsp)
	movl $RFLAGS_SET, 16(%rsp)
	iretq

handler_to_process:
	mov %rcx, (%rsp)
	cmpl $0x7fff, 4(%rsp)                   /* rip below 2^47 */
	ja bad_return
	mov %r11d, 16(%rsp)
	andl $RFLAGS_USER, 16(%rsp)
	orl $RFLAGS_SET, 16(%rsp)
	xchg %rax, PROCESS_CR3
	mov %rax, %cr3
	xchg %rax, PROCESS_CR3
	iretq

/* SYSRET to rcx or RESUME to (%rsp) beyond 2^47: a #GP message to the handler. */
bad_return:
	sub $16, %rsp
	movq $0, 8(%rsp)
	movq $13, (%rsp)
	push %rax
	push %rcx
	jmp message

	.globl ceno_syscall_entry
	.hidden ceno_syscall_entry
ceno_syscall_entry:                             /* LSTAR mode: rcx = rip, r11 = rflags, rsp still ring 3's */
	mov %rsp, SCRATCH
	mov RSP0, %rsp
	push $CENO_SEL_USER_SS
	push SCRATCH
	push $RFLAGS_SET
	push $CENO_SEL_USER_CS
	push $CENO_GVA_HANDLER_SYSCALL
	xchg %rax, HANDLER_CR3
	mov %rax, %cr3
	xchg %rax, HANDLER_CR3
	iretq

/* ---- RESUME and VERB ---- */

other_gates:
	cmpq $CENO_GATE_RESUME + 1, (%rsp)
	jne last_gate
	push %rax
	push %rcx
	mov TRAP, %rax
	mov TRAP_RESUME_RFLAGS(%rax), %ecx
	and $RFLAGS_USER, %ecx
	or $RFLAGS_SET, %ecx
	mov TRAP_RESUME_RIP(%rax), %rax
	mov %rax, 16(%rsp)
	shr $47, %rax
	jnz bad_resume
	mov %ecx, 32(%rsp)
	mov PROCESS_CR3, %rax
	mov %rax, %cr3
	pop %rcx
	pop %rax
	iretq

bad_resume:
	pop %rcx
	pop %rax
	jmp bad_return

last_gate:                                      /* whoever else jumps there has hit a breakpoint */
	cmpq $CENO_GATE_FPU + 1, (%rsp)
	jne breakpoint
	cmpq $0, FPU_NEXT
	je breakpoint
	mov STACK_TOP, %rsp
	call ceno_fpu_switched
	jmp ceno_nucleus_return

breakpoint:                                     /* the program's own int3 */
	push $0
	push $3
	jmp fault_common

/* A fault in a process becomes a message: vector, error, cr2, rip, rflags in the
 * trap page of its handler, which runs with the process's registers live. */
fault_common:                                   /* vector, error, rip, cs, rflags, rsp, ss */
	testb $3, 24(%rsp)
	jz nucleus_fault
	push %rax
	push %rcx
	mov %cr3, %rax
	cmp %rax, HANDLER_CR3
	je service_fault
message:                                        /* rcx, rax, vector, error, rip, ... */
	mov TRAP, %rax
	mov 16(%rsp), %rcx
	mov %rcx, TRAP_VECTOR(%rax)
	mov 24(%rsp), %rcx
	mov %rcx, TRAP_ERROR(%rax)
	mov %cr2, %rcx
	mov %rcx, TRAP_CR2(%rax)
	mov 32(%rsp), %rcx
	mov %rcx, TRAP_RIP(%rax)
	mov 48(%rsp), %rcx
	mov %rcx, TRAP_RFLAGS(%rax)
	mov HANDLER_CR3, %rax
	mov %rax, %cr3
	pop %rcx
	pop %rax
	add $16, %rsp
	movq $CENO_GVA_HANDLER_FAULT, (%rsp)
	movl $RFLAGS_SET, 16(%rsp)
	iretq

service_fault:
	mov STACK_TOP, %rsp
	call ceno_nucleus_service_fault
	jmp ceno_nucleus_return

nucleus_fault:
	pop %rdi
	and $-16, %rsp
	call ceno_nucleus_fault
	ud2

	.macro push_scratch                     /* from the top of struct ceno_frame down */
	push %rax
	push %rcx
	push %rdx
	.endm

	.macro push_caller_saved
	push %rdi
	push %rsi
	push %r8
	push %r9
	push %r10
	push %r11
	.endm

	.macro push_callee_saved
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	.endm

/* ---- interrupts: x2APIC, TSC deadline ---- */

	.macro end_of_interrupt
	push_scratch
	mov $0x80b, %ecx
	xor %eax, %eax
	xor %edx, %edx
	wrmsr
	.endm

tick:
	end_of_interrupt
	testb $3, 48(%rsp)
	jz interrupted_idle                     /* whoever idles sets the next deadline */
	rdtsc
	shl $32, %rdx
	or %rdx, %rax
	add TICK_TSC, %rax
	mov %rax, %rdx
	shr $32, %rdx
	mov $0x6e0, %ecx
	wrmsr
	mov %cr3, %rax
	cmp %rax, HANDLER_CR3
	je interrupted_fiber
	call ceno_energy_tick_fast              /* rax is all it changes */
	test %eax, %eax
	jz interrupted_process
	push_caller_saved
	push_callee_saved
	mov STACK_TOP, %rsp
	call ceno_nucleus_process_tick
	jmp ceno_nucleus_return

window:
	end_of_interrupt
	incq SIGNALS
	testb $3, 48(%rsp)
	jz interrupted_idle
	mov %cr3, %rax
	cmp %rax, HANDLER_CR3
	je interrupted_fiber
interrupted_process:
	pop %rdx
	jmp message                             /* rcx, rax, vector, error, ... */

interrupted_fiber:
	push_caller_saved
	push_callee_saved
	mov STACK_TOP, %rsp
	call ceno_nucleus_interrupt
	jmp ceno_nucleus_return

/* Emulated ring 0 lets an interrupt in between sti and hlt: going back to the hlt
 * would sleep through the signal that has just come. */
interrupted_idle:
	lea idle_hlt(%rip), %rax
	cmp %rax, 40(%rsp)                      /* rdx, rcx, rax, vector, error, rip */
	jne 1f
	incq 40(%rsp)
1:	pop %rdx
	pop %rcx
	pop %rax
	add $16, %rsp
	iretq

	.globl ceno_cpu_idle
	.hidden ceno_cpu_idle
ceno_cpu_idle:
	sti
idle_hlt:
	hlt
	cli
	ret

/* ---- verbs ---- */

verb:
	sub $16, %rsp
	push_scratch
	push_caller_saved
	mov %cr3, %rcx
	cmp %rcx, HANDLER_CR3
	jne verb_from_process
	cmp $VERB_MAP, %rax
	jne not_map
	mov STACK_TOP, %rsp
	mov %r10, %rcx                          /* the fourth argument, as C has it */
	call ceno_verb_map_fast
	test %eax, %eax
	jz verb_done
verb_long:
	call ceno_nucleus_verb
verb_result:
	cmp $VERB_BLOCKED, %rax
	je verb_waits
verb_done:
	mov CURRENT, %rsp
	add $FRAME_PARTIAL, %rsp
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rsi
	pop %rdi
	pop %rdx
	pop %rcx
	add $24, %rsp                           /* rax stays: the result; vector, error */
	iretq

verb_waits:                                     /* the rest of the frame: it leaves through another's */
	mov CURRENT, %rsp
	add $FRAME_PARTIAL, %rsp
	push_callee_saved
	mov STACK_TOP, %rsp
	call ceno_nucleus_wait
	jmp ceno_nucleus_return

not_map:
	cmp $VERB_GRANT, %rax
	ja no_verb
	je grant
	test %eax, %eax
	jnz verb_full                           /* SEND RECV MASK TICK */
	mov STACK_TOP, %rsp
	mov %r10, %rcx
	call ceno_verb_spawn
	jmp verb_result
grant:
	mov STACK_TOP, %rsp
	mov %r10, %rcx
	call ceno_verb_grant
	jmp verb_result
no_verb:
	mov STACK_TOP, %rsp
	jmp verb_long

verb_full:
	push_callee_saved
	mov STACK_TOP, %rsp
	call ceno_nucleus_verb_full
	.globl ceno_nucleus_return
	.hidden ceno_nucleus_return
ceno_nucleus_return:
	mov CURRENT, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rsi
	pop %rdi
	pop %rdx
	pop %rcx
	pop %rax
	add $16, %rsp
	iretq

/* The gate is mapped in every space, but a process may call no verb: for it the
 * int3 is its own. */
verb_from_process:
	mov 56(%rsp), %rcx
	add $72, %rsp                           /* past what verb: pushed, to vector and error */
	movq $3, (%rsp)
	movq $0, 8(%rsp)
	jmp fault_common

	.section .note.GNU-stack, "", @progbits
