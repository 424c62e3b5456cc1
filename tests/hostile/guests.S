/*
 * Guests of a few instructions, each one attack, entered in ring 0 at the start of
 * the firmware slot (tinyvm.h). Position-independent bytes, copied into the slot.
 */
#include "guest-kernel/abi/layout.h"
#include "tinyvm_abi.h"

	.section .rodata
	.code64
.macro guest name
	.globl guest_\name, guest_\name\()_end
	.balign 16
guest_\name:
.endm
.macro enter_ring3        /* at TINY_USER, with a stack */
	mov $CENO_SEL_USER_SS, %eax
	push %rax
	movabs $TINY_USER + 0x1000, %rax
	push %rax
	mov $0x2, %eax
	push %rax
	mov $CENO_SEL_USER_CS, %eax
	push %rax
	movabs $TINY_USER, %rax
	push %rax
	iretq
.endm
.macro end name
guest_\name\()_end:
.endm

guest stop_code          /* honest: stop with code 0x42 */
	mov $0x42, %eax
	mov $CENO_PORT_STOP, %edx
	out %eax, %dx
1:	hlt
	jmp 1b
end stop_code

guest write_firmware     /* write to a read-only slot: its own text */
	movabs $CENO_GPA_FIRMWARE + 0x800, %rax
	movl $0xdeadbeef, (%rax)
1:	jmp 1b
end write_firmware

guest write_bundle
	movabs $CENO_GPA_BUNDLE, %rax
	movl $1, (%rax)
1:	jmp 1b
end write_bundle

guest write_boot
	movabs $CENO_GPA_BOOT, %rax
	movl $1, (%rax)
1:	jmp 1b
end write_boot

guest rehash             /* hash the read-only slots for ever; results at RAM + 0x300000 */
	movabs $CENO_GPA_RAM + 0x300000, %r9   /* rounds, rounds that differed from the first */
1:	xor %eax, %eax
	mov $CENO_GPA_FIRMWARE, %esi
	call 3f
	mov $CENO_GPA_TRUST, %esi
	call 3f
	mov $CENO_GPA_BUNDLE, %esi
	call 3f
	mov $CENO_GPA_BOOT, %esi
	call 3f
	cmpq $0, (%r9)
	jne 2f
	mov %rax, %r8
2:	cmp %rax, %r8
	je 4f
	incq 8(%r9)
4:	incq (%r9)
	jmp 1b
3:	mov $512, %ecx                          /* one page */
5:	rol $1, %rax
	xor (%rsi), %rax
	add $8, %rsi
	dec %ecx
	jnz 5b
	ret
end rehash

guest unpledged          /* read the window of a class that was not pledged (net) */
	movabs $CENO_GPA_WINDOW + 2 * CENO_WINDOW_STRIDE, %rax
	mov (%rax), %eax
1:	jmp 1b
end unpledged

guest unpledged_bell     /* ring its doorbell */
	movabs $CENO_GPA_DOORBELL + 2 * 4096, %rax
	movl $1, (%rax)
1:	jmp 1b
end unpledged_bell

guest stdio_bell         /* ring stdio's doorbell, which this session did not pledge */
	movabs $CENO_GPA_DOORBELL, %rax
	movl $1, (%rax)
1:	jmp 1b
end stdio_bell

guest off_ram            /* first byte behind RAM */
	movabs $CENO_GPA_RAM + CENO_RAM_MIN, %rax
	movb $1, (%rax)
1:	jmp 1b
end off_ram

guest hole               /* a gap between firmware and trust page */
	movabs $CENO_GPA_TRUST + 0x1000, %rax
	mov (%rax), %eax
1:	jmp 1b
end hole

guest apic_page          /* the xAPIC page: not there in x2APIC mode */
	mov $0xfee00020, %eax
	mov (%rax), %eax
1:	jmp 1b
end apic_page

guest other_port
	mov $0x3f8, %edx
	mov $0x41, %al
	out %al, %dx
1:	jmp 1b
end other_port

guest narrow_stop        /* the stop port, but one byte */
	mov $CENO_PORT_STOP, %edx
	mov $0x41, %al
	out %al, %dx
1:	jmp 1b
end narrow_stop

guest read_port
	mov $CENO_PORT_STOP, %edx
	in %dx, %eax
1:	jmp 1b
end read_port

guest triple_fault       /* no IDT: any fault is three */
	ud2
end triple_fault

guest msr                /* a register nobody offers */
	mov $0x4b564dff, %ecx
	rdmsr
1:	jmp 1b
end msr

guest clock_page        /* make KVM write a clock into a page of its choice */
	mov $0x4b564d01, %ecx
	mov $0x00200001, %eax
	mov $1, %edx
	wrmsr
	mov $0x5, %eax
	mov $CENO_PORT_STOP, %edx
	out %eax, %dx
end clock_page

guest sysenter          /* an entry point that the nucleus does not use */
	mov $0x176, %ecx
	xor %eax, %eax
	xor %edx, %edx
	wrmsr
	mov $0x5, %eax
	mov $CENO_PORT_STOP, %edx
	out %eax, %dx
end sysenter

guest sleep_forever      /* hlt with interrupts off */
	cli
1:	hlt
	jmp 1b
end sleep_forever

guest spin
1:	jmp 1b
end spin

guest fetch_ram          /* run what it wrote into RAM, up to and over the end */
	movabs $CENO_GPA_RAM + CENO_RAM_MIN - 4, %rax
	movl $0x90909090, (%rax)
	jmp *%rax
end fetch_ram

guest lie_stdout         /* claim more output than the ring holds, then ring */
	movabs $CENO_GPA_WINDOW + 0x1000, %rax
	movl $0x20001, 16(%rax)
	movabs $CENO_GPA_DOORBELL, %rax
	movl $1, (%rax)
1:	jmp 1b
end lie_stdout

guest lie_stdin          /* claim to have consumed input that never came */
	movabs $CENO_GPA_WINDOW + 0x1000, %rax
	movl $7, 12(%rax)
	movabs $CENO_GPA_DOORBELL, %rax
	movl $1, (%rax)
1:	jmp 1b
end lie_stdin

guest lie_report         /* a program state that does not exist */
	movabs $CENO_GPA_WINDOW + 0x1000, %rax
	movl $99, 24(%rax)
	movabs $CENO_GPA_DOORBELL, %rax
	movl $1, (%rax)
1:	jmp 1b
end lie_report

guest touch_net          /* read the net window for ever: it is pledged, until it is not */
	movabs $CENO_GPA_WINDOW + 2 * CENO_WINDOW_STRIDE, %rax
1:	mov (%rax), %ecx
	jmp 1b
end touch_net

guest flood              /* a full ring of output at once, more than a pipe holds */
	movabs $CENO_GPA_WINDOW + 0x1000, %rax
	movl $0x20000, 16(%rax)
	movabs $CENO_GPA_DOORBELL, %rax
	movl $1, (%rax)
	cli
1:	hlt
	jmp 1b
end flood

guest hello              /* honest: six bytes of output, a report, the bell, then sleep */
	movabs $CENO_GPA_WINDOW + 0x40000, %rax
	movl $0x6c6c6568, (%rax)
	movw $0x0a6f, 4(%rax)
	movabs $CENO_GPA_WINDOW + 0x1000, %rax
	movl $6, 16(%rax)
	movl $1, 28(%rax)
	movl $7, 32(%rax)
	movl $2, 24(%rax)
	movabs $CENO_GPA_DOORBELL, %rax
	movl $1, (%rax)
	cli
1:	hlt
	jmp 1b
end hello

/* For the instruction counter: reset to ring 3 in 11 instructions, then three int3,
 * each 4 instructions in ring 0, the third of which stops. The ring-3 part is copied
 * to TINY_USER by the test; vector 3 is at +0x100. */
guest stepped
	enter_ring3
	.org guest_stepped + 0x100
	inc %rbx
	cmp $3, %rbx
	je 2f
	iretq
2:	lea 7(%rdx), %eax        /* 0x107: ring 3 saw TF */
	mov $CENO_PORT_STOP, %edx
	out %eax, %dx
end stepped

guest stepped_user
1:	mov $1000, %ecx
2:	dec %ecx
	jnz 2b
	pushfq
	pop %rdx
	and $0x100, %edx
	int3
	jmp 1b
end stepped_user

guest trapping           /* rdi int3s from ring 3, each answered by one iretq: what a trap costs */
	enter_ring3
	.org guest_trapping + 0x100
	dec %edi
	jz 2f
	iretq
2:	xor %eax, %eax
	mov $CENO_PORT_STOP, %edx
	out %eax, %dx
end trapping

guest trapping_user
1:	int3
	jmp 1b
end trapping_user

	.section .note.GNU-stack, "", @progbits
