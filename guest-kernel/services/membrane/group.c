/* Who is who: process numbers, groups, sessions, and one user for all of them. */
#include "calls.h"
#include "process.h"
#include "vm.h"

static struct ceno_process *find(uint64_t pid)
{
	return (int32_t)pid ? ceno_process_find((int32_t)pid) : ceno_self();
}

int64_t ceno_sys_getpid(const uint64_t a[6])
{
	(void)a;
	return ceno_self()->pid;
}
int64_t ceno_sys_gettid(const uint64_t a[6])
{
	(void)a;
	return ceno_current->tid;
}
int64_t ceno_sys_getppid(const uint64_t a[6])
{
	(void)a;
	return ceno_self()->parent ? ceno_self()->parent->pid : 1;
}
int64_t ceno_sys_getpgrp(const uint64_t a[6])
{
	(void)a;
	return ceno_self()->pgid;
}

int64_t ceno_sys_getpgid(const uint64_t a[6])
{
	const struct ceno_process *process = find(a[0]);

	return process ? (int64_t)process->pgid : -LX_ESRCH;
}

int64_t ceno_sys_getsid(const uint64_t a[6])
{
	const struct ceno_process *process = find(a[0]);

	return process ? (int64_t)process->sid : -LX_ESRCH;
}

/* Of one process: which 0 is PRIO_PROCESS. */
static int64_t find_nice(const uint64_t a[6], struct ceno_process **process)
{
	if ((uint32_t)a[0] > 2)
		return -LX_EINVAL;
	*process = (uint32_t)a[0] == 0 ? find(a[1]) : NULL;
	return *process ? 0 : -LX_ESRCH;
}

int64_t ceno_sys_getpriority(const uint64_t a[6])
{
	struct ceno_process *process;
	int64_t error = find_nice(a, &process);

	return error ? error : 20 - process->nice;
}

/* Nicer is always allowed; less nice is not, to one who is not root. */
int64_t ceno_sys_setpriority(const uint64_t a[6])
{
	struct ceno_process *process;
	int64_t error = find_nice(a, &process);
	int32_t nice = (int32_t)a[2] < -20 ? -20 : (int32_t)a[2] > 19 ? 19 : (int32_t)a[2];

	if (error)
		return error;
	if (nice < process->nice)
		return -LX_EACCES;
	process->nice = nice;
	return 0;
}

int ceno_group_exists(uint32_t pgid, uint32_t sid)
{
	for (uint32_t i = 0; i < CENO_TASKS; i++) {
		const struct ceno_process *process = ceno_process_at(i);

		if (process && process->pgid == pgid && (!sid || process->sid == sid))
			return 1;
	}
	return 0;
}

int64_t ceno_sys_setpgid(const uint64_t a[6])
{
	struct ceno_process *process = find(a[0]);
	uint32_t pgid = (uint32_t)a[1];

	if ((int32_t)(pgid ? pgid : (uint32_t)a[0]) < 0)
		return -LX_EINVAL;
	if (!process || (process != ceno_self() && process->parent != ceno_self()))
		return -LX_ESRCH;
	if (process->sid != ceno_self()->sid)
		return -LX_EPERM;
	if (process != ceno_self() && process->executed)
		return -LX_EACCES;
	if (process->sid == process->pid)
		return -LX_EPERM;
	pgid = pgid ? pgid : process->pid;
	if (pgid != process->pid && !ceno_group_exists(pgid, process->sid))
		return -LX_EPERM;
	process->pgid = pgid;
	return 0;
}

int64_t ceno_sys_setsid(const uint64_t a[6])
{
	struct ceno_process *self = ceno_self();

	(void)a;
	if (ceno_group_exists(self->pid, 0))
		return -LX_EPERM;
	self->sid = self->pgid = self->pid;
	return self->sid;
}

/* ---- one unprivileged user and its group ------------------------------------------------ */

/* Of those arguments that set one: the own one, or -1 to leave it. */
static int64_t own_only(const uint64_t *ids, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if ((uint32_t)ids[i] != CENO_UID && (uint32_t)ids[i] != UINT32_MAX)
			return -LX_EPERM;
	return 0;
}

int64_t ceno_sys_getuid(const uint64_t a[6])
{
	(void)a;
	return CENO_UID;
}
int64_t ceno_sys_getgid(const uint64_t a[6])
{
	(void)a;
	return CENO_UID;
}
int64_t ceno_sys_geteuid(const uint64_t a[6])
{
	(void)a;
	return CENO_UID;
}
int64_t ceno_sys_getegid(const uint64_t a[6])
{
	(void)a;
	return CENO_UID;
}
int64_t ceno_sys_setuid(const uint64_t a[6])
{
	return (uint32_t)a[0] == UINT32_MAX ? -LX_EINVAL : own_only(a, 1);
}
int64_t ceno_sys_setgid(const uint64_t a[6])
{
	return ceno_sys_setuid(a);
}
int64_t ceno_sys_setreuid(const uint64_t a[6])
{
	return own_only(a, 2);
}
int64_t ceno_sys_setregid(const uint64_t a[6])
{
	return own_only(a, 2);
}
int64_t ceno_sys_setresuid(const uint64_t a[6])
{
	return own_only(a, 3);
}
int64_t ceno_sys_setresgid(const uint64_t a[6])
{
	return own_only(a, 3);
}
/* What it was; others are not taken, and that is no error. */
int64_t ceno_sys_setfsuid(const uint64_t a[6])
{
	(void)a;
	return CENO_UID;
}
int64_t ceno_sys_setfsgid(const uint64_t a[6])
{
	(void)a;
	return CENO_UID;
}
int64_t ceno_sys_setgroups(const uint64_t a[6])
{
	(void)a;
	return -LX_EPERM;
}
int64_t ceno_sys_getgroups(const uint64_t a[6])
{
	return (int32_t)a[0] < 0 ? -LX_EINVAL : 0;
}

int64_t ceno_sys_getresuid(const uint64_t a[6])
{
	const uint32_t own = CENO_UID;

	for (int i = 0; i < 3; i++)
		if (ceno_user_check_write(a[i], sizeof(own)))
			return -LX_EFAULT;
	for (int i = 0; i < 3; i++)
		if (ceno_user_write(a[i], &own, sizeof(own)))
			return -LX_EFAULT;
	return 0;
}

int64_t ceno_sys_getresgid(const uint64_t a[6])
{
	return ceno_sys_getresuid(a);
}
