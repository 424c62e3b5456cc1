/*
 * Claim 10: the ways back to ring 3. A handler resumes its process with addresses and
 * flags that are not a program's, by SYSRET and by RESUME; the process tries what only
 * ring 0 may. Each answer is a message to the handler, and nothing else happens.
 */
#include "world.h"

enum { PROCESS = FREE };

#define PAGE_RSP   (TARGET_GVA + CENO_PAGE)
#define STATUS     0xcd5ull /* what arithmetic changes */
#define BY_SYSCALL 0
#define ITS_OWN    (6 << 16) /* or by `syscall`: where ring 0 is emulated, the emulator refuses such a stack */

#define PROGRAM(name, code) \
	static __attribute__((naked, used)) void name(void) \
	{ \
		__asm__ volatile(code); \
	}

/* rax = flags, rbx = CS; each starts with the flags it was resumed with */
PROGRAM(flags, "pushfq; pop %rax; mov %cs, %ebx; syscall; ud2")
PROGRAM(calls, "syscall; ud2")
PROGRAM(pops, "pushq $0x47202; popfq; pushfq; pop %rax; mov %cs, %ebx; syscall; ud2")      /* NT IOPL AC */
PROGRAM(backwards, "pushq $0x47602; popfq; mov $0x202, %eax; mov %cs, %ebx; syscall; ud2") /* and DF */
PROGRAM(traced, "mov $0x202, %eax; mov %cs, %ebx; pushq $0x302; popfq; syscall; ud2")
PROGRAM(steps, "pushq $0x302; popfq; nop; nop; syscall; ud2")
PROGRAM(lost_stack, "mov $0x8000000000000000, %rsp; mov $0x202, %eax; mov %cs, %ebx; syscall; ud2")
PROGRAM(lost_stack_fault, "mov $0x8000000000000000, %rsp; ud2")
PROGRAM(interrupts_off, "cli; ud2")
PROGRAM(halts, "hlt; ud2")
PROGRAM(outputs, "mov $0xf4, %edx; xor %eax, %eax; outl %eax, %dx; ud2")
PROGRAM(loads_cr3, "mov %cr3, %rax; ud2")
PROGRAM(stores_cr3, "xor %eax, %eax; mov %rax, %cr3; ud2")
PROGRAM(writes_msr, "mov $0xc0000082, %ecx; xor %eax, %eax; xor %edx, %edx; wrmsr; ud2")
PROGRAM(reads_msr, "mov $0xc0000082, %ecx; rdmsr; ud2")
PROGRAM(asks_idt, "sidt -64(%rsp); ud2")
PROGRAM(asks_gdt, "sgdt -64(%rsp); ud2")
PROGRAM(loads_idt, "lidt -64(%rsp); ud2")
PROGRAM(swaps_gs, "swapgs; ud2")
PROGRAM(kernel_code, "pushq $0x08; lea 1f(%rip), %rax; push %rax; lretq; 1: ud2")
PROGRAM(returns_up,
        "mov %rsp, %rax; pushq $0x10; push %rax; pushq $2; pushq $8; lea 1f(%rip), %rax; push %rax; iretq; 1: ud2")
PROGRAM(gate_verb, "mov $0x7ffff030, %eax; mov $4, %edi; jmp *%rax")
PROGRAM(gate_fpu, "mov $0x7ffff0d0, %eax; jmp *%rax")
_Static_assert(CENO_GATE_VERB == 0x7ffff030 && CENO_GATE_FPU == 0x7ffff0d0, "as the programs have them");

enum how { RESUME, SYSRET };

struct step {
	const char *what;
	uint64_t rip, rflags;
	int64_t answer;      /* BY_SYSCALL, or vector << 16 | error */
	int64_t also;        /* another that is right on some CPUs, and not with UMIP if it is NO_UMIP; 0: none */
	uint64_t set, clear; /* BY_SYSCALL: of the flags then */
	enum how how;
};

#define IOPL 0x3000ull
#define TF   0x100ull
#define NT   0x4000ull
#define AC   0x40000ull
#define VM   0x20000ull
#define RF   0x10000ull
#define VI   0x180000ull
#define IF   0x200ull
#define DF   0x400ull

#define RETURN_TO(rip, answer) \
	{ "SYSRET to " #rip, rip, 0x202, answer, 0, 0, 0, SYSRET }, \
	{ \
		"RESUME to " #rip, rip, 0x202, answer, 0, 0, 0, RESUME \
	}
#define WITH(name, f) \
	{ \
		"SYSRET with " name, \
		(uint64_t)flags, \
		f, \
		BY_SYSCALL, \
		0, \
		IF | ((f)&AC), \
		(IOPL | TF | NT | VM | RF | VI), \
		SYSRET \
	}, \
	{ \
		"RESUME with " name, (uint64_t)flags, f, BY_SYSCALL, 0, IF | ((f)&AC), \
		    (IOPL | TF | NT | VM | RF | VI), RESUME \
	}
#define MAY(name, program, answer, also) \
	{ \
		name, (uint64_t)(program), 0x202, answer, also, IF, IOPL | TF, RESUME \
	}
#define RUNS(name, program, answer) MAY(name, program, answer, 0)

#define GP 13 << 16

/* Without UMIP they are allowed, and the ud2 behind them is met. */
#define NO_UMIP (6 << 16)
/* QEMU's CPU reads the stack as ring 0 would, which SMAP forbids: before it looks at the selector. */
#define OWN_STACK PAGE_FAULT(PF_PRESENT)

static const struct step step[] = {
	RETURN_TO(0x0000800000000000ull, GP),
	RETURN_TO(0x8000000000000000ull, GP),
	RETURN_TO(0xffff7fffffffffffull, GP),
	RETURN_TO(0xffff800000000000ull, GP),
	RETURN_TO(0xffffff8000000000ull, GP),
	RETURN_TO(0xffffffffffffffffull, GP),
	RETURN_TO(0x00007fffffffffffull, PAGE_FAULT(PF_USER | PF_FETCH)),
	RETURN_TO(0x7ffff030ull, 3 << 16), /* the gates: a process's breakpoint */
	RETURN_TO(0x7ffff0d0ull, 3 << 16),
	RETURN_TO(0x7ffff031ull, PAGE_FAULT(PF_USER | PF_FETCH)),              /* a ret, with a stack of zeros */
	RETURN_TO(0x7fffeffcull, PAGE_FAULT(PF_PRESENT | PF_USER | PF_FETCH)), /* the clock page */
	WITH("IOPL 3", IOPL),
	WITH("TF", TF),
	WITH("NT", NT),
	WITH("VM", VM),
	WITH("RF", RF),
	WITH("VIF and VIP", VI),
	WITH("AC", AC),
	WITH("interrupts off", 2),
	WITH("all bits", ~0ull & ~STATUS),
	RUNS("its own NT, AC, IOPL at `syscall`", pops, BY_SYSCALL),
	RUNS("its own DF, NT, AC, IOPL at `syscall`", backwards, BY_SYSCALL),
	MAY("its own TF at `syscall`", traced, BY_SYSCALL, 1 << 16),
	RUNS("its own TF", steps, 1 << 16),
	RUNS("a lost stack at `syscall`", lost_stack, ITS_OWN),
	RUNS("a lost stack at a fault", lost_stack_fault, 6 << 16),
	RUNS("cli", interrupts_off, GP),
	RUNS("hlt", halts, GP),
	RUNS("out to the stop port", outputs, GP),
	RUNS("read CR3", loads_cr3, GP),
	RUNS("write CR3", stores_cr3, GP),
	RUNS("write LSTAR", writes_msr, GP),
	RUNS("read LSTAR", reads_msr, GP),
	MAY("sidt", asks_idt, GP, NO_UMIP),
	MAY("sgdt", asks_gdt, GP, NO_UMIP),
	RUNS("lidt", loads_idt, GP),
	RUNS("swapgs", swaps_gs, GP),
	MAY("a far return to ring 0's code", kernel_code, GP | CENO_SEL_KERNEL_CS, OWN_STACK),
	MAY("iretq to ring 0's code", returns_up, GP | CENO_SEL_KERNEL_CS, OWN_STACK),
	RUNS("a verb from a process", gate_verb, 3 << 16),
	RUNS("the FPU's gate from a process", gate_fpu, 3 << 16),
};
#define STEPS (sizeof step / sizeof step[0])

static struct ceno_trap_page *trap(void)
{
	return (struct ceno_trap_page *)CENO_GVA_TRAP_PAGE;
}

enum { RAX, RCX, RBX = 3, RSP = 4, R11 = 11 };

/* word[0]: step, word[1]: 1 once the `syscall` before a SYSRET was made */
static _Noreturn void begin(void)
{
	const struct step *s = &step[world()->word[0]];

	if (world()->word[0] == STEPS) {
		conclude();
	}
	trap()->gpr[RSP] = PAGE_RSP - 128;
	world()->word[1] = s->how == RESUME;
	trap()->resume_rip = s->how == SYSRET ? (uint64_t)calls : s->rip;
	trap()->resume_rflags = s->how == SYSRET ? 0x202 : s->rflags;
	ceno_process_enter(trap());
}

static int has_umip(void)
{
	uint32_t a = 7, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c >> 2 & 1;
}

static int is_right_too(const struct step *s, int64_t answer)
{
	if (!s->also || answer != s->also)
		return 0;
	if (s->also == OWN_STACK)
		return trap()->cr2 - TARGET_GVA < CENO_PAGE;
	return s->also != NO_UMIP || !has_umip();
}

static _Noreturn void end(int64_t answer)
{
	const struct step *s = &step[world()->word[0]];

	tried(s->what, answer, is_right_too(s, answer) ? answer : s->answer);
	world()->word[0]++;
	begin();
}

static uint64_t own_flags(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; pop %0" : "=r"(flags));
	return flags;
}

void ceno_service_syscall(struct ceno_trap_page *t)
{
	const struct step *s = &step[world()->word[0]];

	tried_quietly("flags that a handler must not have", (int64_t)(own_flags() & (IOPL | TF | NT | AC | DF)), 0);
	if (!world()->word[1]) {
		world()->word[1] = 1;
		t->gpr[RCX] = s->rip;
		t->gpr[R11] = s->rflags;
		return; /* SYSRET */
	}
	if (s->answer == BY_SYSCALL) {
		tried_quietly("flags it must have", (int64_t)(t->gpr[RAX] & s->set), (int64_t)s->set);
		tried_quietly("flags it must not have",
		              (int64_t)(t->gpr[RAX] & s->clear & ~(s->rip == (uint64_t)pops ? NT : 0)), 0);
		tried_quietly("its code segment", (int64_t)(t->gpr[RBX] & 0xffff), CENO_SEL_USER_CS);
	}
	end(s->answer == ITS_OWN ? ITS_OWN : BY_SYSCALL);
}

void ceno_service_fault(struct ceno_trap_page *t)
{
	if (t->vector == CENO_VECTOR_TICK || t->vector == CENO_VECTOR_WINDOW) {
		t->resume_rip = t->rip;
		t->resume_rflags = t->rflags;
		return;
	}
	end((int64_t)(t->vector << 16 | t->error));
}

/* A fiber that runs no process and says `syscall` has called its own handler's entry, which has
 * no trap page here to write to. */
static _Noreturn void calls_itself(void)
{
	__asm__ volatile("syscall");
	leave();
}

static _Noreturn void calls_itself_lost(void)
{
	__asm__ volatile("mov $0x8000000000000000, %%rsp; mov $0x7ffff030, %%ecx; std; syscall" : : : "rcx", "memory");
	__builtin_unreachable();
}

static void from_fibers(void)
{
	const int page = ((const struct ceno_boot *)CENO_GVA_BOOT_PAGE)->syscall_mode == CENO_SYSCALL_PAGE;
	struct ceno_fiber_event e;

	for (uint32_t i = 0; i < 2; i++) {
		make(&(struct way){ .run = i ? calls_itself_lost : calls_itself, .own = ALL });
		(void)run(0, &e);
		tried(i ? "`syscall` by a fiber, with a lost stack" : "`syscall` by a fiber",
		      (int64_t)(e.a << 16 | e.b),
		      i && page ? ITS_OWN : PAGE_FAULT(PF_USER | PF_WRITE)); /* the stack came first */
		close_slot(FIBER);
	}
}

static const struct ceno_bundle_segment *own_text(void)
{
	const struct ceno_bundle_header *h = (const struct ceno_bundle_header *)CENO_GVA_BUNDLE;

	for (uint32_t i = 0; i < h->segment_count; i++)
		if (h->segments[i].module == CENO_MODULE_INIT && h->segments[i].kind == CENO_SEGMENT_TEXT)
			return &h->segments[i];
	return NULL;
}

void attack(void)
{
	const struct ceno_bundle_segment *t = own_text();
	int64_t rc = ceno_map(SELF, TRAPS, CENO_GVA_TRAP_PAGE, 0, CENO_PAGE, R | W);

	say("return: back to ring 3 with what is not ring 3's\n");
	MUST(t && (rc == 0 || rc == CENO_E_EXISTS));
	from_fibers();
	MUST(ceno_spawn_process(PROCESS, 64) == 0);
	MUST(ceno_map(PROCESS, BUNDLE, t->gva, t->offset, t->bytes, R | X) == 0);
	MUST(ceno_map(PROCESS, RAM, TARGET_GVA, RAM_FREE, CENO_PAGE, R | W) == 0);
	MUST(ceno_recv_signal(PROCESS, 0) == 0);
	begin();
}
