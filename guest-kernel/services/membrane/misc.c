/*
 * Calls about the program and its machine: identity, limits, processor, names,
 * and futex for a lone thread.
 */
#include "calls.h"
#include "frames.h"
#include "process.h"
#include "stdio.h"
#include "time.h"
#include "vm.h"

/* ---- identity: one process, one user, user 0 of a machine that holds nothing else -- */

static int64_t own_pid(uint64_t pid)
{
	return (int32_t)pid == 0 || (int32_t)pid == CENO_PID ? 0 : -LX_ESRCH;
}

static int64_t zero_only(uint64_t id)
{
	return (uint32_t)id == 0 ? 0 : -LX_EPERM;
}

int64_t ceno_sys_getpid(const uint64_t a[6])
{
	(void)a;
	return CENO_PID;
}
int64_t ceno_sys_gettid(const uint64_t a[6])
{
	(void)a;
	return CENO_PID;
}
int64_t ceno_sys_getppid(const uint64_t a[6])
{
	(void)a;
	return 1;
}
int64_t ceno_sys_getpgrp(const uint64_t a[6])
{
	(void)a;
	return CENO_PID;
}
int64_t ceno_sys_getuid(const uint64_t a[6])
{
	(void)a;
	return 0;
}
int64_t ceno_sys_getgid(const uint64_t a[6])
{
	(void)a;
	return 0;
}
int64_t ceno_sys_geteuid(const uint64_t a[6])
{
	(void)a;
	return 0;
}
int64_t ceno_sys_getegid(const uint64_t a[6])
{
	(void)a;
	return 0;
}
int64_t ceno_sys_setuid(const uint64_t a[6])
{
	return zero_only(a[0]);
}
int64_t ceno_sys_setgid(const uint64_t a[6])
{
	return zero_only(a[0]);
}
int64_t ceno_sys_setsid(const uint64_t a[6])
{
	(void)a;
	return -LX_EPERM;
}
int64_t ceno_sys_getgroups(const uint64_t a[6])
{
	return (int32_t)a[0] < 0 ? -LX_EINVAL : 0;
}
int64_t ceno_sys_wait4(const uint64_t a[6])
{
	(void)a;
	return -LX_ECHILD;
}
int64_t ceno_sys_sched_yield(const uint64_t a[6])
{
	(void)a;
	ceno_sched_yield();
	return 0;
}

int64_t ceno_sys_getpgid(const uint64_t a[6])
{
	int64_t error = own_pid(a[0]);

	return error ? error : CENO_PID;
}

int64_t ceno_sys_getsid(const uint64_t a[6])
{
	return ceno_sys_getpgid(a);
}

int64_t ceno_sys_setpgid(const uint64_t a[6])
{
	return own_pid(a[0]) ? -LX_ESRCH : own_pid(a[1]) ? -LX_EPERM : 0;
}

int64_t ceno_sys_getresuid(const uint64_t a[6])
{
	const uint32_t zero = 0;

	for (int i = 0; i < 3; i++)
		if (ceno_user_check_write(a[i], sizeof(zero)))
			return -LX_EFAULT;
	for (int i = 0; i < 3; i++)
		if (ceno_user_write(a[i], &zero, sizeof(zero)))
			return -LX_EFAULT;
	return 0;
}

int64_t ceno_sys_getresgid(const uint64_t a[6])
{
	return ceno_sys_getresuid(a);
}

int64_t ceno_sys_umask(const uint64_t a[6])
{
	uint32_t old = ceno_self()->umask;

	ceno_self()->umask = (uint32_t)a[0] & 0777;
	return old;
}

int64_t ceno_sys_set_tid_address(const uint64_t a[6])
{
	ceno_current->clear_child_tid = a[0];
	return CENO_PID;
}

int64_t ceno_sys_set_robust_list(const uint64_t a[6])
{
	if (a[1] != 24)
		return -LX_EINVAL;
	ceno_current->robust_list = a[0];
	return 0;
}

/* ---- limits ----------------------------------------------------------------------- */

static int64_t limit(uint32_t which, uint64_t new_gva, uint64_t old_gva)
{
	struct lx_rlimit new, *now;

	if (which >= 16)
		return -LX_EINVAL;
	now = &ceno_self()->limit[which];
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
	return a[1] ? limit((uint32_t)a[0], 0, a[1]) : -LX_EFAULT;
}

int64_t ceno_sys_setrlimit(const uint64_t a[6])
{
	return a[1] ? limit((uint32_t)a[0], a[1], 0) : -LX_EFAULT;
}

int64_t ceno_sys_prlimit64(const uint64_t a[6])
{
	int64_t error = own_pid(a[0]);

	return error ? error : limit((uint32_t)a[1], a[2], a[3]);
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
		.freeram = (ceno_frames_total() - ceno_frames_used()) * CENO_PAGE,
		.procs = 1,
		.mem_unit = 1,
	};

	return ceno_user_write(a[0], &info, sizeof(info));
}

int64_t ceno_sys_sched_getaffinity(const uint64_t a[6])
{
	const uint64_t mask = 1;
	int64_t error = own_pid(a[0]);

	if (error)
		return error;
	if ((uint32_t)a[1] < sizeof(mask) || (uint32_t)a[1] % 8)
		return -LX_EINVAL;
	return ceno_user_write(a[2], &mask, sizeof(mask)) ? -LX_EFAULT : (int64_t)sizeof(mask);
}

int64_t ceno_sys_sched_setaffinity(const uint64_t a[6])
{
	uint8_t mask;
	int64_t error = own_pid(a[0]);

	if (error)
		return error;
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
	case 1: /* PR_SET_PDEATHSIG: the parent never dies first */
		return a[1] <= LX_SIGNALS ? 0 : -LX_EINVAL;
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
		return -LX_EINVAL;
	}
}

/* ---- futex ---------------------------------------------------------------------------- */

/* Nobody else can wake a lone thread: a wait ends by its timeout, or not at all. */
static int64_t futex_wait(const uint64_t a[6], int absolute)
{
	uint64_t ns = 0, at, deadline = CENO_NEVER;
	uint32_t value;
	int error = a[3] ? ceno_time_read(a[3], &ns) : 0;

	if (error)
		return error;
	if (a[0] % 4)
		return -LX_EINVAL;
	if (ceno_user_read(&value, a[0], sizeof(value)))
		return -LX_EFAULT;
	if (ceno_current->call.timed_out)
		return -LX_ETIMEDOUT;
	if (value != (uint32_t)a[2])
		return -LX_EAGAIN;
	if (a[3] && absolute) {
		at = ceno_time_ns(a[1] & 256 ? LX_CLOCK_REALTIME : LX_CLOCK_MONOTONIC);
		ns = ns > at ? ns - at : 0;
	}
	if (a[3])
		deadline = ceno_call_deadline(ns);
	return ceno_block(&ceno_current->call, deadline);
}

int64_t ceno_sys_futex(const uint64_t a[6])
{
	switch ((uint32_t)a[1] & ~(128u | 256u)) {
	case 0:
		return futex_wait(a, 0);
	case 9:
		return (uint32_t)a[5] ? futex_wait(a, 1) : -LX_EINVAL;
	case 10:
		if (!(uint32_t)a[5])
			return -LX_EINVAL;
		/* fallthrough */
	case 1:
		return a[0] % 4 ? -LX_EINVAL : a[0] >= CENO_USER_END ? -LX_EFAULT : 0;
	default:
		return -LX_ENOSYS;
	}
}
