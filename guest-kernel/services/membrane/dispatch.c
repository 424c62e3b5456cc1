/*
 * From a trap of the program to the function that serves it, and back.
 *
 * A system call changes rax and nothing else of the program's registers: rcx and
 * r11 hold its rip and rflags, which the way back needs (sdk/service.S). Where the same
 * task does not simply go on, sched.c takes over.
 */
#include "ahead.h"
#include "calls.h"
#include "process.h"
#include "promise.h"
#include "stdio.h"
#include "tty.h"
#include "vm.h"

typedef int64_t (*call)(const uint64_t a[6]);

/* Without the numbers that no call has: 712 bytes less. */
#define SLOT(number) ((number) < CENO_CALLS_GAP ? (number) : (number) - (CENO_CALLS_GAP_END - CENO_CALLS_GAP))

static const call calls[SLOT(CENO_CALLS_END)] = {
#define CENO_CALL_ENTRY(number, name) [SLOT(number)] = ceno_sys_##name,
	CENO_CALLS(CENO_CALL_ENTRY)
#undef CENO_CALL_ENTRY
};

#define CENO_CALL_ENTRY(number, name) \
	_Static_assert((number) < CENO_CALLS_GAP || (number) >= CENO_CALLS_GAP_END, #name ": a number of the gap");
CENO_CALLS(CENO_CALL_ENTRY)
#undef CENO_CALL_ENTRY

/* NULL: not served. */
static call call_of(uint32_t number)
{
	if (number >= CENO_CALLS_END || (number >= CENO_CALLS_GAP && number < CENO_CALLS_GAP_END))
		return NULL;
	return calls[SLOT(number)];
}

static void count_enosys(uint32_t number)
{
	struct ceno_enosys *entry = ceno_run.enosys;

	for (uint32_t i = 0; i < ceno_run.enosys_distinct; i++, entry++) {
		if (entry->number == number && memcmp(entry->program, ceno_current->name, CENO_PROGRAM_NAME) == 0) {
			entry->count++;
			return;
		}
	}
	if (ceno_run.enosys_distinct == CENO_ENOSYS_SLOTS) {
		ceno_run.enosys_other++;
		return;
	}
	entry->number = number;
	entry->count = 1;
	memcpy(entry->program, ceno_current->name, CENO_PROGRAM_NAME);
	ceno_run.enosys_distinct++;
}

int64_t ceno_dispatch_regs(const uint64_t gpr[16])
{
	const uint64_t a[6] = {
		gpr[CENO_RDI], gpr[CENO_RSI], gpr[CENO_RDX], gpr[CENO_R10], gpr[CENO_R8], gpr[CENO_R9]
	};
	uint32_t number = (uint32_t)gpr[CENO_RAX];
	call serve = call_of(number);

	if (!serve) {
		count_enosys(number);
		return -LX_ENOSYS;
	}
	if (ceno_promise_call(number, a))
		return -LX_ENOSYS;
	return serve(a);
}

/* The result is not for rax. */
static int is_internal(int64_t result)
{
	return result <= -LX_ERESTARTSYS && result >= CENO_NO_RESULT;
}

static int event_came(void)
{
	return ceno_event_tsc != CENO_NEVER && ceno_rdtsc() >= ceno_event_tsc;
}

void ceno_service_syscall(struct ceno_trap_page *t)
{
	int64_t result;

	ceno_in_trap = CENO_IN_CALL;
	ceno_run.syscalls++;
	ceno_current->call = (struct ceno_call){ 0 };
	if (ceno_vm_current()->ahead)
		ceno_ahead_end();
	result = ceno_dispatch_regs(t->gpr);
	if (ceno_attention || is_internal(result) || event_came() || ceno_stdio_shutdown() == CENO_SHUTDOWN_NOW)
		ceno_sched_after_call(result);
	t->gpr[CENO_RAX] = (uint64_t)result;
}

/* ---- faults --------------------------------------------------------------------- */

static uint32_t signal_of(uint64_t vector)
{
	switch (vector) {
	case 0:
	case 16:
	case 19:
		return LX_SIGFPE;
	case 1:
	case 3:
		return LX_SIGTRAP;
	case 6:
		return LX_SIGILL;
	case 11:
	case 12:
	case 17:
		return LX_SIGBUS;
	default:
		return LX_SIGSEGV;
	}
}

static int32_t code_of(uint64_t vector)
{
	switch (vector) {
	case 0:
		return LX_FPE_INTDIV;
	case 1:
		return LX_TRAP_TRACE;
	case 6:
		return LX_ILL_ILLOPN;
	case 16:
	case 19:
		return LX_FPE_FLTINV;
	case 17:
		return LX_BUS_ADRALN;
	default:
		return LX_SI_KERNEL;
	}
}

static int access_of(uint64_t error)
{
	if (error & 1u << 4)
		return LX_PROT_EXEC;
	return error & 1u << 1 ? LX_PROT_WRITE : LX_PROT_READ;
}

static void page_fault(struct ceno_trap_page *t)
{
	static uint32_t in_vain;
	int result = ceno_vm_bring(ceno_vm_current(), t->cr2, access_of(t->error));

	ceno_run.faults++;
	/* A page that is mapped already faults only if the two page tables disagree: give
	 * up before that becomes an endless loop. */
	in_vain = result == 1 ? in_vain + 1 : 0;
	if (result == 1)
		result = in_vain > 16 ? -LX_EFAULT : 0;
	if (result == -LX_ENOMEM)
		(void)ceno_process_make_room(); /* with room, the program faults again */
	else if (result && ceno_ahead_leave(t->gpr, &t->rip, &t->rflags))
		; /* the call says EFAULT */
	else if (result == -LX_EIO)
		ceno_signal_fault(LX_SIGBUS, LX_BUS_ADRERR, t->cr2);
	else if (result)
		ceno_signal_fault(LX_SIGSEGV, result == -LX_EFAULT ? LX_SEGV_MAPERR : LX_SEGV_ACCERR, t->cr2);
}

static void program_fault(struct ceno_trap_page *t)
{
	int address = t->vector == 12 || t->vector == 13; /* one that is not canonical */
	int32_t code = code_of(t->vector);

	if (!address || !ceno_ahead_leave(t->gpr, &t->rip, &t->rflags))
		ceno_signal_fault(signal_of(t->vector), code, code == LX_SI_KERNEL ? 0 : t->rip);
}

static void note_fault(const struct ceno_trap_page *t)
{
	ceno_current->fault_vector = (uint32_t)t->vector;
	ceno_current->fault_error = t->error;
	ceno_current->fault_cr2 = t->vector == 14 ? t->cr2 : ceno_current->fault_cr2;
}

/* A program that only computes is interrupted from the terminal, too. */
static void tick(void)
{
	ceno_membrane_runs();
	ceno_tty_pump();
}

void ceno_service_fault(struct ceno_trap_page *t)
{
	ceno_in_trap = CENO_IN_FAULT;
	if (t->vector < 32)
		note_fault(t);
	if (t->vector == 14) {
		uint64_t since = ceno_rdtsc();

		page_fault(t);
		ceno_sched_lengthen(since);
	} else if (t->vector < 32) {
		program_fault(t);
	} else {
		tick();
	}
	if (ceno_attention || event_came() || ceno_stdio_shutdown() == CENO_SHUTDOWN_NOW)
		ceno_sched_after_fault();
	t->resume_rip = t->rip;
	t->resume_rflags = t->rflags;
}
