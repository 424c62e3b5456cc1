/* Calls about the program and its machine: limits, processor, names. */
#include "calls.h"
#include "frames.h"
#include "process.h"
#include "promise.h"
#include "stdio.h"
#include "time.h"
#include "vm.h"

static struct ceno_process *process_of(uint64_t pid)
{
	const struct ceno_task *task = (int32_t)pid ? ceno_task_find((int32_t)pid) : ceno_current;

	return task ? task->process : NULL;
}

int64_t ceno_sys_sched_yield(const uint64_t a[6])
{
	(void)a;
	ceno_sched_yield();
	return 0;
}

int64_t ceno_sys_umask(const uint64_t a[6])
{
	uint32_t old = ceno_self()->umask;

	ceno_self()->umask = (uint32_t)a[0] & 0777;
	return old;
}

/* ---- limits ----------------------------------------------------------------------- */

static int64_t limit(struct ceno_process *process, uint32_t which, uint64_t new_gva, uint64_t old_gva)
{
	struct lx_rlimit new, *now;

	if (which >= 16)
		return -LX_EINVAL;
	now = &process->limit[which];
	if (new_gva) {
		if (ceno_user_read(&new, new_gva, sizeof(new)))
			return -LX_EFAULT;
		if (new.cur > new.max)
			return -LX_EINVAL;
		if (new.max > now->max)
			return -LX_EPERM;
	}
	if (old_gva && ceno_user_write(old_gva, now, sizeof(*now)))
		return -LX_EFAULT;
	if (new_gva)
		*now = new;
	return 0;
}

int64_t ceno_sys_getrlimit(const uint64_t a[6])
{
	return a[1] ? limit(ceno_self(), (uint32_t)a[0], 0, a[1]) : -LX_EFAULT;
}

int64_t ceno_sys_setrlimit(const uint64_t a[6])
{
	return a[1] ? limit(ceno_self(), (uint32_t)a[0], a[1], 0) : -LX_EFAULT;
}

int64_t ceno_sys_prlimit64(const uint64_t a[6])
{
	struct ceno_process *process = process_of(a[0]);

	return process ? limit(process, (uint32_t)a[1], a[2], a[3]) : -LX_ESRCH;
}

/* ---- machine ------------------------------------------------------------------------ */

int64_t ceno_sys_uname(const uint64_t a[6])
{
	static const struct lx_utsname names = {
		.sysname = "Linux",
		.nodename = "cenotaph",
		.release = "6.1.0-cenotaph",
		.version = "#1 membrane",
		.machine = "x86_64",
		.domainname = "(none)",
	};

	return ceno_user_write(a[0], &names, sizeof(names));
}

int64_t ceno_sys_sysinfo(const uint64_t a[6])
{
	struct lx_sysinfo info = {
		.uptime = (int64_t)(ceno_time_ns(LX_CLOCK_BOOTTIME) / 1000000000u),
		.totalram = ceno_frames_total() * CENO_PAGE,
		.freeram = ceno_frames_unused() * CENO_PAGE,
		.procs = (uint16_t)ceno_tasks_count(),
		.mem_unit = 1,
	};

	return ceno_user_write(a[0], &info, sizeof(info));
}

int64_t ceno_sys_sched_getaffinity(const uint64_t a[6])
{
	const uint64_t mask = 1;

	if (!process_of(a[0]))
		return -LX_ESRCH;
	if ((uint32_t)a[1] < sizeof(mask) || (uint32_t)a[1] % 8)
		return -LX_EINVAL;
	return ceno_user_write(a[2], &mask, sizeof(mask)) ? -LX_EFAULT : (int64_t)sizeof(mask);
}

int64_t ceno_sys_sched_setaffinity(const uint64_t a[6])
{
	uint8_t mask;

	if (!process_of(a[0]))
		return -LX_ESRCH;
	if (a[1] == 0)
		return -LX_EINVAL;
	if (ceno_user_read(&mask, a[2], 1))
		return -LX_EFAULT;
	return mask & 1 ? 0 : -LX_EINVAL;
}

int64_t ceno_sys_getcpu(const uint64_t a[6])
{
	const uint32_t zero = 0;

	if ((a[0] && ceno_user_check_write(a[0], sizeof(zero))) || (a[1] && ceno_user_check_write(a[1], sizeof(zero))))
		return -LX_EFAULT;
	if (a[0] && ceno_user_write(a[0], &zero, sizeof(zero)))
		return -LX_EFAULT;
	return a[1] && ceno_user_write(a[1], &zero, sizeof(zero)) ? -LX_EFAULT : 0;
}

int64_t ceno_sys_arch_prctl(const uint64_t a[6])
{
	enum { SET_GS = 0x1001, SET_FS = 0x1002, GET_FS = 0x1003, GET_GS = 0x1004 };
	uint64_t base;

	switch ((uint32_t)a[0]) {
	case SET_FS:
	case SET_GS:
		if (a[1] >= CENO_USER_END)
			return -LX_EPERM;
		if ((uint32_t)a[0] == SET_FS)
			ceno_fs_base_set(a[1]);
		else
			ceno_gs_base_set(a[1]);
		return 0;
	case GET_FS:
	case GET_GS:
		base = (uint32_t)a[0] == GET_FS ? ceno_fs_base() : ceno_gs_base();
		return ceno_user_write(a[1], &base, sizeof(base));
	default:
		return -LX_EINVAL;
	}
}

int64_t ceno_sys_prctl(const uint64_t a[6])
{
	char name[16] = { 0 };

	switch ((uint32_t)a[0]) {
	case 1: /* PR_SET_PDEATHSIG */
		if (a[1] > LX_SIGNALS)
			return -LX_EINVAL;
		ceno_self()->death_signal = (uint32_t)a[1];
		return 0;
	case 2:
		return ceno_user_write(a[1], &ceno_self()->death_signal, 4);
	case 3:
		return ceno_self()->dumpable;
	case 4:
		if (a[1] > 1)
			return -LX_EINVAL;
		ceno_self()->dumpable = (uint32_t)a[1];
		return 0;
	case 15:
		for (uint64_t i = 0; i < 15; i++) {
			if (ceno_user_read(&name[i], a[1] + i, 1))
				return -LX_EFAULT;
			if (!name[i])
				break;
		}
		memcpy(ceno_current->name, name, sizeof(name));
		return 0;
	case 16:
		return ceno_user_write(a[1], ceno_current->name, sizeof(name));
	case 38:
		if (a[1] != 1 || a[2] || a[3] || a[4])
			return -LX_EINVAL;
		ceno_self()->no_new_privs = 1;
		return 0;
	case 39:
		return a[1] || a[2] || a[3] || a[4] ? -LX_EINVAL : (int64_t)ceno_self()->no_new_privs;
	default:
		return ceno_promise_prctl(a);
	}
}
