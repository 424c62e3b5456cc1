/*
 * From a trap of the program to the function that serves it, and back.
 *
 * A system call changes rax and nothing else of the program's registers: rcx and
 * r11 hold its rip and rflags, which the way back needs (sdk/service.S).
 */
#include "calls.h"
#include "process.h"
#include "vm.h"

typedef int64_t (*call)(const uint64_t a[6]);

static const call calls[CENO_CALLS_END] = {
#define CENO_CALL_ENTRY(number, name, flags) [number] = ceno_sys_##name,
	CENO_CALLS(CENO_CALL_ENTRY)
#undef CENO_CALL_ENTRY
};

static void count_enosys(uint32_t number)
{
	for (uint32_t i = 0; i < ceno_program.enosys_distinct; i++) {
		if (ceno_program.enosys[i].number == number) {
			ceno_program.enosys[i].count++;
			return;
		}
	}
	if (ceno_program.enosys_distinct == CENO_ENOSYS_SLOTS) {
		ceno_program.enosys_other++;
		return;
	}
	ceno_program.enosys[ceno_program.enosys_distinct].number = number;
	ceno_program.enosys[ceno_program.enosys_distinct++].count = 1;
}

int64_t ceno_dispatch(uint64_t number, const uint64_t a[6])
{
	uint32_t index = (uint32_t)number;

	ceno_program.syscalls++;
	if (index >= CENO_CALLS_END || !calls[index]) {
		count_enosys(index);
		return -LX_ENOSYS;
	}
	return calls[index](a);
}

void ceno_service_syscall(struct ceno_trap_page *t)
{
	const uint64_t a[6] = { t->gpr[CENO_RDI], t->gpr[CENO_RSI], t->gpr[CENO_RDX],
		                t->gpr[CENO_R10], t->gpr[CENO_R8],  t->gpr[CENO_R9] };

	t->gpr[CENO_RAX] = (uint64_t)ceno_dispatch(t->gpr[CENO_RAX], a);
	if (ceno_program.signal_pending)
		ceno_program_deliver();
	ceno_program_settle();
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

static int access_of(uint64_t error)
{
	if (error & 1u << 4)
		return LX_PROT_EXEC;
	return error & 1u << 1 ? LX_PROT_WRITE : LX_PROT_READ;
}

static void page_fault(const struct ceno_trap_page *t)
{
	static uint32_t in_vain;
	int result = ceno_pages_fault(t->cr2, access_of(t->error));

	ceno_program.faults++;
	/* A page that is mapped already faults only if the two page tables disagree: give
	 * up before that becomes an endless loop. */
	in_vain = result == 1 ? in_vain + 1 : 0;
	if (result == 1)
		result = in_vain > 16 ? -LX_EFAULT : 0;
	if (result == -LX_ENOMEM)
		ceno_program_out_of_memory();
	else if (result == -LX_EIO)
		ceno_program_kill(LX_SIGBUS);
	else if (result)
		ceno_program_kill(LX_SIGSEGV);
}

void ceno_service_fault(struct ceno_trap_page *t)
{
	if (t->vector == 14)
		page_fault(t);
	else if (t->vector < 32)
		ceno_program_kill(signal_of(t->vector));
	else
		ceno_membrane_runs(); /* a tick */
	ceno_program_settle();
	t->resume_rip = t->rip;
	t->resume_rflags = t->rflags;
}
