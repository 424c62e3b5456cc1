/* The calls of signals. See task.h. */
#include "calls.h"
#include "process.h"
#include "time.h"
#include "vm.h"

#define BIT(signal) CENO_SIGNAL_BIT(signal)
#define UNBLOCKABLE (BIT(LX_SIGKILL) | BIT(LX_SIGSTOP))
#define STACK_MIN   2048u
#define ACTION_FLAGS \
	((uint64_t)LX_SA_RESETHAND | LX_SA_NOCLDSTOP | LX_SA_NOCLDWAIT | LX_SA_SIGINFO | LX_SA_EXPOSE_TAGBITS | \
	 LX_SA_RESTORER | LX_SA_ONSTACK | LX_SA_RESTART | LX_SA_NODEFER)

/* ---- raising ------------------------------------------------------------------------ */

static struct lx_siginfo from_self(uint64_t signal, int32_t code)
{
	return (struct lx_siginfo){
		.signo = (int32_t)signal, .code = code, .pid = (int32_t)ceno_self()->pid, .uid = CENO_UID
	};
}

static int is_signal(int32_t signal)
{
	return (uint32_t)signal <= LX_SIGNALS;
}

/* To every process of a group, or with group 0 to all but the caller. */
static int64_t raise_many(uint32_t group, const struct lx_siginfo *info)
{
	int64_t found = -LX_ESRCH;

	for (uint32_t i = 0; i < CENO_TASKS; i++) {
		struct ceno_process *process = ceno_process_at(i);

		if (!process || (group ? process->pgid != group : process == ceno_self()))
			continue;
		found = is_signal(info->signo) ? 0 : -LX_EINVAL;
		if (info->signo && !found)
			(void)ceno_signal_process(process, info);
	}
	return found;
}

static int64_t raise_one(int32_t pid, const struct lx_siginfo *info)
{
	struct ceno_process *process = ceno_process_find(pid);
	const struct ceno_task *task = process ? NULL : ceno_task_find(pid);

	if (task)
		process = task->process;
	if (!process && pid != 1)
		return -LX_ESRCH;
	if (!is_signal(info->signo))
		return -LX_EINVAL;
	if (!process)
		return -LX_EPERM; /* 1 is nobody's to kill */
	return info->signo ? ceno_signal_process(process, info) : 0;
}

int64_t ceno_sys_kill(const uint64_t a[6])
{
	const struct lx_siginfo info = from_self(a[1], LX_SI_USER);
	int32_t pid = (int32_t)a[0];

	if (pid == INT32_MIN)
		return -LX_ESRCH;
	if (pid > 0)
		return raise_one(pid, &info);
	return raise_many(pid == 0 ? ceno_self()->pgid : pid == -1 ? 0 : (uint32_t)-pid, &info);
}

/* tgid 0: any. */
static int64_t raise_task(int32_t tgid, int32_t tid, const struct lx_siginfo *info)
{
	struct ceno_task *task = ceno_task_find(tid);

	if (!task || (tgid && task->process->pid != (uint32_t)tgid))
		return -LX_ESRCH;
	if (!is_signal(info->signo))
		return -LX_EINVAL;
	return info->signo ? ceno_signal_task(task, info) : 0;
}

int64_t ceno_sys_tkill(const uint64_t a[6])
{
	const struct lx_siginfo info = from_self(a[1], LX_SI_TKILL);

	return (int32_t)a[0] <= 0 ? -LX_EINVAL : raise_task(0, (int32_t)a[0], &info);
}

int64_t ceno_sys_tgkill(const uint64_t a[6])
{
	const struct lx_siginfo info = from_self(a[2], LX_SI_TKILL);

	if ((int32_t)a[0] <= 0 || (int32_t)a[1] <= 0)
		return -LX_EINVAL;
	return raise_task((int32_t)a[0], (int32_t)a[1], &info);
}

/* A siginfo of the program's own: it may not look like the kernel's, or kill's, to others. */
static int64_t read_info(struct lx_siginfo *info, uint64_t gva, uint64_t signal, int to_self)
{
	if (ceno_user_read(info, gva, sizeof(*info)))
		return -LX_EFAULT;
	info->signo = (int32_t)signal;
	return (info->code >= 0 || info->code == LX_SI_TKILL) && !to_self ? -LX_EPERM : 0;
}

int64_t ceno_sys_rt_sigqueueinfo(const uint64_t a[6])
{
	struct lx_siginfo info;
	int64_t error = read_info(&info, a[2], a[1], (uint32_t)a[0] == ceno_self()->pid);

	return error ? error : (int32_t)a[0] <= 0 ? -LX_ESRCH : raise_one((int32_t)a[0], &info);
}

int64_t ceno_sys_rt_tgsigqueueinfo(const uint64_t a[6])
{
	struct lx_siginfo info;
	int64_t error;

	error = read_info(&info, a[3], a[2], (uint32_t)a[1] == ceno_current->tid);
	if (error != -LX_EFAULT && ((int32_t)a[0] <= 0 || (int32_t)a[1] <= 0))
		return -LX_EINVAL;
	return error ? error : raise_task((int32_t)a[0], (int32_t)a[1], &info);
}

/* ---- actions and masks ------------------------------------------------------------------ */

/* What now ignores a signal does not get one that waits, either. */
static void forget_ignored(uint32_t signal)
{
	const uint64_t by_default = BIT(LX_SIGCHLD) | BIT(LX_SIGCONT) | BIT(LX_SIGURG) | BIT(LX_SIGWINCH);
	uint64_t handler = ceno_self()->action[signal].handler;

	if (handler > 1 || (handler == 0 && !(by_default & BIT(signal))))
		return;
	ceno_signal_flush(&ceno_self()->pending, BIT(signal));
	for (struct ceno_task *task = ceno_self()->threads; task; task = task->sibling)
		ceno_signal_flush(&task->pending, BIT(signal));
}

int64_t ceno_sys_rt_sigaction(const uint64_t a[6])
{
	uint32_t signal = (uint32_t)a[0];
	struct lx_sigaction new, old;

	if (a[3] != 8)
		return -LX_EINVAL;
	if (a[1] && ceno_user_read(&new, a[1], sizeof(new)))
		return -LX_EFAULT;
	if (signal == 0 || signal > LX_SIGNALS || (a[1] && (UNBLOCKABLE & BIT(signal))))
		return -LX_EINVAL;
	old = ceno_self()->action[signal];
	if (a[1]) {
		new.flags &= ACTION_FLAGS;
		new.mask &= ~UNBLOCKABLE;
		ceno_self()->action[signal] = new;
		forget_ignored(signal);
	}
	return a[2] ? ceno_user_write(a[2], &old, sizeof(old)) : 0;
}

int64_t ceno_sys_rt_sigprocmask(const uint64_t a[6])
{
	uint64_t old = ceno_current->mask, set = 0;

	if (a[3] != 8)
		return -LX_EINVAL;
	if (a[1] && ceno_user_read(&set, a[1], sizeof(set)))
		return -LX_EFAULT;
	if (a[1] && (uint32_t)a[0] > 2)
		return -LX_EINVAL;
	if (a[1])
		ceno_signal_mask((uint32_t)a[0] == 0 ? old | set : (uint32_t)a[0] == 1 ? old & ~set : set);
	return a[2] ? ceno_user_write(a[2], &old, sizeof(old)) : 0;
}

int64_t ceno_sys_rt_sigpending(const uint64_t a[6])
{
	uint64_t blocked = (ceno_self()->pending.set | ceno_current->pending.set) & ceno_current->mask;

	if (a[1] > 8)
		return -LX_EINVAL;
	return ceno_user_write(a[0], &blocked, a[1]);
}

int64_t ceno_sys_sigaltstack(const uint64_t a[6])
{
	struct lx_stack new, old = ceno_current->alt_stack;
	int on = ceno_sigframe_on_stack(&old, ceno_sched_regs()->gpr[CENO_RSP]);
	uint32_t mode;

	if (a[0] && ceno_user_read(&new, a[0], sizeof(new)))
		return -LX_EFAULT;
	mode = a[0] ? (uint32_t) new.flags & ~LX_SS_AUTODISARM : 0;
	if (a[0] && on)
		return -LX_EPERM;
	if (mode > LX_SS_DISABLE)
		return -LX_EINVAL;
	if (a[0] && mode != LX_SS_DISABLE && new.size < STACK_MIN)
		return -LX_ENOMEM;
	if (a[0] && mode == LX_SS_DISABLE)
		new = (struct lx_stack){ 0 };
	if (a[0]) {
		new.flags = (int32_t)((uint32_t) new.flags &LX_SS_AUTODISARM);
		ceno_current->alt_stack = new;
	}
	old.flags |= on ? LX_SS_ONSTACK : old.size ? 0 : LX_SS_DISABLE;
	old.pad = 0;
	return a[1] ? ceno_user_write(a[1], &old, sizeof(old)) : 0;
}

/* ---- waiting ------------------------------------------------------------------------------- */

int64_t ceno_sys_pause(const uint64_t a[6])
{
	(void)a;
	return ceno_block_once(&ceno_current->call, CENO_NEVER);
}

int64_t ceno_sys_rt_sigsuspend(const uint64_t a[6])
{
	uint64_t mask;

	if (a[1] != 8)
		return -LX_EINVAL;
	if (ceno_user_read(&mask, a[0], sizeof(mask)))
		return -LX_EFAULT;
	ceno_signal_mask_for_call(mask);
	return ceno_block_once(&ceno_current->call, CENO_NEVER);
}

int64_t ceno_sys_rt_sigtimedwait(const uint64_t a[6])
{
	struct ceno_task *task = ceno_current;
	struct lx_siginfo info;
	uint64_t set, ns = 0;
	uint32_t signal;
	int error = 0;

	task->wants = 0;
	if (a[3] != 8)
		return -LX_EINVAL;
	if (ceno_user_read(&set, a[0], sizeof(set)))
		return -LX_EFAULT;
	if (a[2])
		error = ceno_time_read(a[2], &ns);
	if (error)
		return error;
	set &= ~UNBLOCKABLE;
	signal = ceno_signal_take(set, &info);
	if (signal)
		return a[1] && ceno_user_write(a[1], &info, sizeof(info)) ? -LX_EFAULT : (int64_t)signal;
	if (task->call.timed_out || (a[2] && !ns))
		return -LX_EAGAIN;
	if (task->call.interrupted)
		return -LX_EINTR;
	task->wants = set;
	return ceno_block_once(&task->call, a[2] ? ceno_call_deadline(ns) : CENO_NEVER);
}
