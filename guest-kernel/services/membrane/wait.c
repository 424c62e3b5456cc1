/*
 * Waiting for children: wait4 and waitid. A child is found in its parent's way through
 * the table of processes; who finds none that changed waits for its own process (key),
 * which exit.c and signal.c wake.
 */
#include "calls.h"
#include "process.h"
#include "time.h"
#include "vm.h"

enum { P_ALL, P_PID, P_PGID, P_PIDFD };

struct wait {
	uint32_t type, id, options;
	struct ceno_process *child; /* what was found */
	int32_t code, status;       /* of siginfo: CLD_*, signal or exit status */
};

static int is_meant(const struct wait *wait, const struct ceno_process *child)
{
	int is_clone = child->exit_signal != LX_SIGCHLD;

	if (child->parent != ceno_self())
		return 0;
	if (!(wait->options & LX_WALL) && is_clone != ((wait->options & LX_WCLONE) != 0))
		return 0;
	return wait->type == P_ALL || (wait->type == P_PID ? child->pid : child->pgid) == wait->id;
}

/* Whether the child has something to report of what the options ask for. */
static int has_changed(struct wait *wait, const struct ceno_process *child)
{
	if (child->zombie && (wait->options & LX_WEXITED)) {
		wait->code = child->signal ? LX_CLD_KILLED : LX_CLD_EXITED;
		wait->status = (int32_t)(child->signal ? child->signal : child->exit_status);
		return 1;
	}
	if (child->tell_stop && (wait->options & LX_WUNTRACED)) {
		wait->code = LX_CLD_STOPPED;
		wait->status = (int32_t)child->stop_signal;
		return 1;
	}
	if (child->tell_continue && (wait->options & LX_WCONTINUED)) {
		wait->code = LX_CLD_CONTINUED;
		wait->status = LX_SIGCONT;
		return 1;
	}
	return 0;
}

/* 1: wait->child; 0: no child changed; -LX_ECHILD: there is none. */
static int find(struct wait *wait)
{
	int any = 0;

	for (uint32_t i = 0; i < CENO_TASKS; i++) {
		struct ceno_process *child = ceno_process_at(i);

		if (!child || !is_meant(wait, child))
			continue;
		any = 1;
		wait->child = child;
		if (has_changed(wait, child))
			return 1;
	}
	wait->child = NULL;
	return any ? 0 : -LX_ECHILD;
}

static void write_usage(uint64_t gva, uint64_t tsc, int *error)
{
	uint64_t us = ceno_time_us(tsc);
	int64_t usage[18] = { (int64_t)(us / 1000000), (int64_t)(us % 1000000) };

	if (gva && ceno_user_write(gva, usage, sizeof(usage)))
		*error = -LX_EFAULT;
}

/* What was found is reported: not again, and a zombie is gone. */
static void consume(const struct wait *wait)
{
	struct ceno_process *child = wait->child;

	if (wait->options & LX_WNOWAIT)
		return;
	child->tell_stop = child->tell_continue = 0;
	if (!child->zombie)
		return;
	ceno_self()->children_tsc += child->ended_tsc + child->children_tsc;
	ceno_process_free(child);
}

static int64_t block(const struct wait *wait)
{
	return wait->options & LX_WNOHANG ? 0 : ceno_block(ceno_self(), CENO_NEVER);
}

int64_t ceno_sys_wait4(const uint64_t a[6])
{
	int32_t pid = (int32_t)a[0], status, error = 0;
	struct wait wait = { .type = P_ALL, .options = (uint32_t)a[2] | LX_WEXITED };
	uint32_t found;
	int64_t result;

	if ((uint32_t)a[2] &
	    ~(uint32_t)(LX_WNOHANG | LX_WUNTRACED | LX_WCONTINUED | LX_WNOTHREAD | LX_WALL | LX_WCLONE))
		return -LX_EINVAL;
	if (pid == INT32_MIN)
		return -LX_ESRCH;
	if (pid != -1) {
		wait.type = pid > 0 ? P_PID : P_PGID;
		wait.id = pid > 0 ? (uint32_t)pid : pid == 0 ? ceno_self()->pgid : (uint32_t)-pid;
	}
	result = find(&wait);
	if (result <= 0)
		return result ? result : block(&wait);
	status = wait.code == LX_CLD_EXITED ? wait.status << 8
	    : wait.code == LX_CLD_KILLED    ? wait.status
	    : wait.code == LX_CLD_STOPPED   ? wait.status << 8 | 0x7f
					    : 0xffff;
	found = wait.child->pid;
	write_usage(a[3], wait.child->ended_tsc + wait.child->children_tsc, &error);
	consume(&wait);
	if (a[1] && ceno_user_write(a[1], &status, sizeof(status)))
		error = -LX_EFAULT;
	return error ? error : (int64_t)found;
}

int64_t ceno_sys_waitid(const uint64_t a[6])
{
	struct wait wait = { .type = (uint32_t)a[0], .id = (uint32_t)a[1], .options = (uint32_t)a[3] };
	const uint32_t events = LX_WEXITED | LX_WUNTRACED | LX_WCONTINUED;
	struct lx_siginfo info = { .signo = 0 };
	int error = 0;
	int64_t result;

	if (wait.options & ~(events | LX_WNOHANG | LX_WNOWAIT | LX_WNOTHREAD | LX_WALL | LX_WCLONE))
		return -LX_EINVAL;
	if (!(wait.options & events) || wait.type >= P_PIDFD || (wait.type == P_PID && (int32_t)wait.id <= 0) ||
	    (wait.type == P_PGID && (int32_t)wait.id < 0))
		return -LX_EINVAL;
	if (wait.type == P_PGID && wait.id == 0)
		wait.id = ceno_self()->pgid;
	result = find(&wait);
	if (result == 0 && !(wait.options & LX_WNOHANG))
		return block(&wait);
	if (result < 0)
		return result;
	if (wait.child) {
		info = (struct lx_siginfo){ .signo = LX_SIGCHLD,
			                    .code = wait.code,
			                    .child_pid = (int32_t)wait.child->pid,
			                    .child_uid = CENO_UID,
			                    .child_status = wait.status };
		write_usage(a[4], wait.child->ended_tsc + wait.child->children_tsc, &error);
		consume(&wait);
	}
	/* Linux writes the first fields only, and zeros of them if nothing was found. */
	if (a[2] && ceno_user_write(a[2], &info, 28))
		error = -LX_EFAULT;
	return error;
}
