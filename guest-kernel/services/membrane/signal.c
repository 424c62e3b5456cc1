/*
 * Signals: actions, mask and pending set are kept as Linux keeps them; of the
 * actions only the default ones and "ignore" are carried out. A signal that would
 * have to run a handler is refused with -ENOSYS, so no program believes that its
 * handler ran.
 */
#include "calls.h"
#include "process.h"
#include "vm.h"

#define BIT(signal)        (1ull << ((signal)-1))
#define IGNORED_BY_DEFAULT (BIT(LX_SIGCHLD) | BIT(LX_SIGCONT) | BIT(LX_SIGURG) | BIT(LX_SIGWINCH))
#define STOPS              (BIT(LX_SIGSTOP) | BIT(20) | BIT(21) | BIT(22))
#define UNBLOCKABLE        (BIT(LX_SIGKILL) | BIT(LX_SIGSTOP))

int ceno_signal_self(uint32_t signal)
{
	uint64_t handler = ceno_self()->action[signal].handler;

	if (handler == 1 || (handler == 0 && (IGNORED_BY_DEFAULT & BIT(signal))))
		return 0;
	if (ceno_current->mask & BIT(signal)) {
		ceno_self()->pending |= BIT(signal);
		return 0;
	}
	if (handler > 1 || (STOPS & BIT(signal)))
		return -LX_ENOSYS;
	ceno_process_kill(ceno_self(), signal);
	return 0;
}

int ceno_signal_due(const struct ceno_task *task)
{
	return ((task->pending | task->process->pending) & ~task->mask) != 0;
}

void ceno_signal_deliver(void)
{
	uint64_t due = ceno_self()->pending & ~ceno_current->mask;

	for (uint32_t signal = 1; due && signal <= LX_SIGNALS; signal++) {
		if (!(due & BIT(signal)))
			continue;
		ceno_self()->pending &= ~BIT(signal);
		if (ceno_signal_self(signal))
			ceno_process_kill(ceno_self(), signal);
	}
}

static int64_t raise_checked(int64_t pid, uint64_t signal)
{
	if ((int32_t)signal < 0 || (int32_t)signal > LX_SIGNALS)
		return -LX_EINVAL;
	if (pid != CENO_PID)
		return -LX_ESRCH;
	return (uint32_t)signal ? ceno_signal_self((uint32_t)signal) : 0;
}

int64_t ceno_sys_kill(const uint64_t a[6])
{
	int32_t pid = (int32_t)a[0];

	return raise_checked(pid == 0 || pid == -1 || pid == -CENO_PID ? CENO_PID : pid, a[1]);
}

int64_t ceno_sys_tkill(const uint64_t a[6])
{
	return (int32_t)a[0] <= 0 ? -LX_EINVAL : raise_checked((int32_t)a[0], a[1]);
}

int64_t ceno_sys_tgkill(const uint64_t a[6])
{
	if ((int32_t)a[0] <= 0 || (int32_t)a[1] <= 0)
		return -LX_EINVAL;
	return (int32_t)a[0] != CENO_PID ? -LX_ESRCH : raise_checked((int32_t)a[1], a[2]);
}

int64_t ceno_sys_rt_sigaction(const uint64_t a[6])
{
	uint32_t signal = (uint32_t)a[0];
	struct lx_sigaction new;

	if (a[3] != 8 || signal == 0 || signal > LX_SIGNALS)
		return -LX_EINVAL;
	if (a[1] && (UNBLOCKABLE & BIT(signal)))
		return -LX_EINVAL;
	if (a[1] && ceno_user_read(&new, a[1], sizeof(new)))
		return -LX_EFAULT;
	if (a[2] && ceno_user_write(a[2], &ceno_self()->action[signal], sizeof(new)))
		return -LX_EFAULT;
	if (a[1]) {
		ceno_self()->action[signal] = new;
		if (new.handler == 1)
			ceno_self()->pending &= ~BIT(signal);
	}
	return 0;
}

int64_t ceno_sys_rt_sigprocmask(const uint64_t a[6])
{
	uint64_t old = ceno_current->mask, set = 0;

	if (a[3] != 8 || (a[1] && (uint32_t)a[0] > 2))
		return -LX_EINVAL;
	if (a[1] && ceno_user_read(&set, a[1], sizeof(set)))
		return -LX_EFAULT;
	if (a[2] && ceno_user_write(a[2], &old, sizeof(old)))
		return -LX_EFAULT;
	if (!a[1])
		return 0;
	switch ((uint32_t)a[0]) {
	case 0:
		old |= set;
		break;
	case 1:
		old &= ~set;
		break;
	default:
		old = set;
		break;
	}
	ceno_current->mask = old & ~UNBLOCKABLE;
	ceno_attention |= (uint32_t)ceno_signal_due(ceno_current);
	return 0;
}

int64_t ceno_sys_rt_sigpending(const uint64_t a[6])
{
	uint64_t blocked = ceno_self()->pending & ceno_current->mask;

	if (a[1] == 0 || a[1] > 8)
		return -LX_EINVAL;
	return ceno_user_write(a[0], &blocked, a[1]);
}

int64_t ceno_sys_sigaltstack(const uint64_t a[6])
{
	enum { DISABLE = 2, MINIMUM = 2048 };
	struct lx_stack new,
	    old = { .sp = ceno_current->alt_stack[0],
		    .size = ceno_current->alt_stack[1],
		    .flags = ceno_current->alt_stack[1] ? (int32_t)ceno_current->alt_stack[2] : DISABLE };

	if (a[0] && ceno_user_read(&new, a[0], sizeof(new)))
		return -LX_EFAULT;
	if (a[0] && ((uint32_t) new.flags & ~0x80000003u))
		return -LX_EINVAL;
	if (a[0] && !(new.flags &DISABLE) && new.size < MINIMUM)
		return -LX_ENOMEM;
	if (a[1] && ceno_user_write(a[1], &old, sizeof(old)))
		return -LX_EFAULT;
	if (a[0]) {
		ceno_current->alt_stack[0] = new.flags &DISABLE ? 0 : new.sp;
		ceno_current->alt_stack[1] = new.flags &DISABLE ? 0 : new.size;
		ceno_current->alt_stack[2] = (uint32_t) new.flags & 0x80000000u;
	}
	return 0;
}

int64_t ceno_sys_pause(const uint64_t a[6])
{
	(void)a;
	return ceno_block_once(&ceno_current->call, CENO_NEVER);
}
