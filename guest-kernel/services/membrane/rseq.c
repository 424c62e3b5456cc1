/*
 * Restartable sequences (rseq(2)): a thread registers 32 bytes, in which it finds its
 * processor's number, and may name a piece of code that must not be interrupted: if another
 * task ran in between, or a handler is to run, it goes on at the piece's abort address.
 * There is one processor, so its number never changes.
 */
#include "ahead.h"
#include "calls.h"
#include "process.h"
#include "vm.h"

#define BYTES      32u
#define UNREGISTER 1u
#define SECTION_AT 8u

static int write_cpu(uint64_t gva, uint32_t cpu)
{
	const uint32_t both[2] = { 0, cpu };
	const uint32_t node_and_id[2] = { 0, 0 };

	return ceno_user_write(gva, both, sizeof(both)) || ceno_user_write(gva + 20, node_and_id, sizeof(node_and_id));
}

static int64_t unregister(struct ceno_task *task, const uint64_t a[6])
{
	if (!task->rseq || task->rseq != a[0] || (uint32_t)a[1] != BYTES)
		return -LX_EINVAL;
	if (task->rseq_signature != (uint32_t)a[3])
		return -LX_EPERM;
	if (write_cpu(a[0], UINT32_MAX))
		return -LX_EFAULT;
	task->rseq = 0;
	return 0;
}

int64_t ceno_sys_rseq(const uint64_t a[6])
{
	struct ceno_task *task = ceno_current;

	if ((uint32_t)a[2] == UNREGISTER)
		return unregister(task, a);
	if ((uint32_t)a[2])
		return -LX_EINVAL;
	if (task->rseq && (task->rseq != a[0] || (uint32_t)a[1] != BYTES))
		return -LX_EINVAL;
	if (task->rseq)
		return task->rseq_signature == (uint32_t)a[3] ? -LX_EBUSY : -LX_EPERM;
	if (a[0] % BYTES || (uint32_t)a[1] != BYTES)
		return -LX_EINVAL;
	if (write_cpu(a[0], 0))
		return -LX_EFAULT;
	task->rseq = a[0];
	task->rseq_signature = (uint32_t)a[3];
	return 0;
}

/* Returns 0, or -LX_EFAULT if what the program left there is nonsense. */
static int leave_section(struct ceno_task *task, uint64_t section)
{
	struct {
		uint32_t version, flags;
		uint64_t start, bytes, abort;
	} code;
	const uint64_t none = 0;
	uint32_t signature;

	if (ceno_user_read(&code, section, sizeof(code)) || code.version || code.abort >= CENO_USER_END ||
	    code.start >= CENO_USER_END || code.bytes > CENO_USER_END - code.start)
		return -LX_EFAULT;
	if (code.abort - code.start < code.bytes) /* would begin it again for ever */
		return -LX_EFAULT;
	if (task->regs.rip - code.start >= code.bytes)
		return ceno_user_write(task->rseq + SECTION_AT, &none, sizeof(none));
	if (ceno_user_read(&signature, code.abort - sizeof(signature), sizeof(signature)) ||
	    signature != task->rseq_signature)
		return -LX_EFAULT;
	if (ceno_user_write(task->rseq + SECTION_AT, &none, sizeof(none)))
		return -LX_EFAULT;
	task->regs.rip = code.abort;
	return 0;
}

void ceno_rseq_interrupted(void)
{
	struct ceno_task *task = ceno_current;
	uint64_t section;

	(void)ceno_ahead_leave(task->regs.gpr, &task->regs.rip, &task->regs.rflags);
	if (!task->rseq)
		return;
	if (ceno_user_read(&section, task->rseq + SECTION_AT, sizeof(section)) ||
	    (section && leave_section(task, section)))
		ceno_signal_fault(LX_SIGSEGV, LX_SI_KERNEL, 0);
}
