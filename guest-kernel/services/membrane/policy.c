/*
 * What processes ask of scheduling, of memory that stays, and of barriers between processors. There is
 * one processor, no swap, and turns are all alike: it is checked as Linux checks it, kept where it can be
 * asked for, and changes nothing.
 */
#include "calls.h"
#include "process.h"
#include "vm.h"

enum { OTHER, FIFO, RR, BATCH, IDLE = 5, DEADLINE, RESET_ON_FORK = 0x40000000 };
#define PRIORITY_MAX 99u
#define TURN_NS      8000000 /* sched.c */

/* ---- scheduling ---------------------------------------------------------------------------- */

/* Of a number that may be 0 for the caller. */
static int64_t find(uint64_t pid, struct ceno_process **process)
{
	const struct ceno_task *task = (int32_t)pid ? ceno_task_find((int32_t)pid) : ceno_current;

	if ((int32_t)pid < 0)
		return -LX_EINVAL;
	*process = task ? task->process : NULL;
	return task ? 0 : -LX_ESRCH;
}

static int is_real_time(uint32_t policy)
{
	return policy == FIFO || policy == RR;
}

/* Sets policy and priority, which is read from gva; a policy of -1 is what it is already. */
static int64_t set_policy(uint64_t pid, int64_t policy, uint64_t gva)
{
	struct ceno_process *process;
	uint32_t priority, wanted;
	int64_t error;

	if (!gva || (int32_t)pid < 0)
		return -LX_EINVAL;
	if (ceno_user_read(&priority, gva, sizeof(priority)))
		return -LX_EFAULT;
	error = find(pid, &process);
	if (error)
		return error;
	wanted = policy < 0 ? process->policy : (uint32_t)policy;
	policy = wanted & ~(uint32_t)RESET_ON_FORK;
	if (policy > IDLE || policy == 4 || priority > PRIORITY_MAX ||
	    is_real_time((uint32_t)policy) != (priority != 0))
		return -LX_EINVAL;
	if (is_real_time((uint32_t)policy))
		return -LX_EPERM;
	process->policy = wanted;
	return 0;
}

int64_t ceno_sys_sched_setscheduler(const uint64_t a[6])
{
	return (int32_t)a[1] < 0 ? -LX_EINVAL : set_policy(a[0], (uint32_t)a[1], a[2]);
}

int64_t ceno_sys_sched_setparam(const uint64_t a[6])
{
	return set_policy(a[0], -1, a[1]);
}

int64_t ceno_sys_sched_getscheduler(const uint64_t a[6])
{
	struct ceno_process *process;
	int64_t error = find(a[0], &process);

	return error ? error : process->policy;
}

int64_t ceno_sys_sched_getparam(const uint64_t a[6])
{
	const uint32_t none = 0;
	struct ceno_process *process;
	int64_t error = a[1] ? find(a[0], &process) : -LX_EINVAL;

	return error ? error : ceno_user_write(a[1], &none, sizeof(none));
}

int64_t ceno_sys_sched_rr_get_interval(const uint64_t a[6])
{
	const struct lx_timespec turn = { 0, TURN_NS };
	struct ceno_process *process;
	int64_t error = find(a[0], &process);

	return error ? error : ceno_user_write(a[1], &turn, sizeof(turn));
}

static int64_t priority(uint64_t policy, int64_t real_time)
{
	if ((uint32_t)policy > DEADLINE || (uint32_t)policy == 4)
		return -LX_EINVAL;
	return is_real_time((uint32_t)policy) ? real_time : 0;
}

int64_t ceno_sys_sched_get_priority_max(const uint64_t a[6])
{
	return priority(a[0], PRIORITY_MAX);
}

int64_t ceno_sys_sched_get_priority_min(const uint64_t a[6])
{
	return priority(a[0], 1);
}

/* ---- memory that is never swapped ------------------------------------------------------------ */

static int64_t check_range(uint64_t gva, uint64_t bytes)
{
	uint64_t start = CENO_PAGE_DOWN(gva), end = start + CENO_PAGE_UP(bytes + (gva - start));

	if (end < start)
		return -LX_EINVAL;
	if (end == start)
		return 0;
	return end <= CENO_USER_END && ceno_areas_cover(ceno_vm_current(), start, end) ? 0 : -LX_ENOMEM;
}

static int64_t lock(uint64_t gva, uint64_t bytes)
{
	uint64_t limit = ceno_self()->limit[8].cur; /* RLIMIT_MEMLOCK, of each call by itself */

	if (!limit)
		return -LX_EPERM;
	return CENO_PAGE_UP(bytes + gva % CENO_PAGE) > limit ? -LX_ENOMEM : check_range(gva, bytes);
}

int64_t ceno_sys_mlock(const uint64_t a[6])
{
	return lock(a[0], a[1]);
}

int64_t ceno_sys_mlock2(const uint64_t a[6])
{
	return (uint32_t)a[2] > 1 ? -LX_EINVAL : lock(a[0], a[1]);
}

int64_t ceno_sys_munlock(const uint64_t a[6])
{
	return check_range(a[0], a[1]);
}

int64_t ceno_sys_mlockall(const uint64_t a[6])
{
	enum { ONFAULT = 4, ALL = 7 };

	if (!(uint32_t)a[0] || (uint32_t)a[0] > ALL || (uint32_t)a[0] == ONFAULT)
		return -LX_EINVAL;
	return ceno_self()->limit[8].cur ? 0 : -LX_EPERM;
}

int64_t ceno_sys_munlockall(const uint64_t a[6])
{
	(void)a;
	return 0;
}

/* ---- barriers -------------------------------------------------------------------------------- */

int64_t ceno_sys_membarrier(const uint64_t a[6])
{
	enum { QUERY, GLOBAL, GLOBAL_NOW, GLOBAL_REGISTER = 4, OWN_NOW = 8, OWN_REGISTER = 16, ALL = 31 };

	if ((uint32_t)a[1])
		return -LX_EINVAL;
	switch ((uint32_t)a[0]) {
	case QUERY:
		return ALL;
	case OWN_NOW:
		return ceno_self()->barriers ? 0 : -LX_EPERM;
	case OWN_REGISTER:
		ceno_self()->barriers = 1;
		return 0;
	case GLOBAL:
	case GLOBAL_NOW:
	case GLOBAL_REGISTER:
		return 0;
	default:
		return -LX_EINVAL;
	}
}
