/*
 * New tasks: threads, and processes that share or copy what their parent has.
 *
 * All of it is checked, and all that can fail is made, before anybody can see it.
 *
 * What Linux can share and membrane does not: signal actions and the working directory
 * between processes (CLONE_SIGHAND and CLONE_FS without CLONE_THREAD).
 */
#include "calls.h"
#include "fd.h"
#include "promise.h"
#include "process.h"
#include "vm.h"

struct wish {
	uint64_t flags, stack, parent_tid, child_tid, tls;
	uint32_t exit_signal;
};

static int check(const struct wish *wish)
{
	const uint64_t flags = wish->flags;

	if (flags & LX_CLONE_NEW_ANY)
		return -LX_EPERM;
	if ((flags & LX_CLONE_THREAD) && !(flags & LX_CLONE_SIGHAND))
		return -LX_EINVAL;
	if ((flags & LX_CLONE_SIGHAND) && !(flags & LX_CLONE_VM))
		return -LX_EINVAL;
	if ((flags & LX_CLONE_SIGHAND) && !(flags & LX_CLONE_THREAD))
		return -LX_EINVAL;
	if ((flags & LX_CLONE_SIGHAND) && (flags & LX_CLONE_CLEAR_SIGHAND))
		return -LX_EINVAL;
	if ((flags & LX_CLONE_PIDFD) || wish->exit_signal > LX_SIGNALS)
		return -LX_EINVAL;
	if ((flags & LX_CLONE_SETTLS) && wish->tls >= CENO_USER_END)
		return -LX_EPERM;
	return 0;
}

static uint32_t tasks_now(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < CENO_TASKS; i++)
		count += (ceno_task_at(i) ? 1u : 0u) + (ceno_process_at(i) && ceno_process_at(i)->zombie ? 1u : 0u);
	return count;
}

/* The child's task continues where its parent's call returns, with 0. */
static void copy_task(struct ceno_task *child, const struct wish *wish)
{
	const struct ceno_task *parent = ceno_current;
	int shares_stack = (wish->flags & LX_CLONE_VM) && !(wish->flags & LX_CLONE_VFORK);

	child->regs = parent->regs;
	child->regs.gpr[CENO_RAX] = 0;
	if (wish->stack)
		child->regs.gpr[CENO_RSP] = wish->stack;
	if (wish->flags & LX_CLONE_SETTLS)
		child->regs.fs_base = wish->tls;
	child->mask = parent->mask;
	if (!(wish->flags & LX_CLONE_VM)) {
		child->rseq = parent->rseq;
		child->rseq_signature = parent->rseq_signature;
	}
	if (!shares_stack)
		child->alt_stack = parent->alt_stack;
	memcpy(child->name, parent->name, sizeof(child->name));
	memcpy(child->fpu, ceno_sched_fpu(), ceno_fpu_bytes());
}

static void copy_process(struct ceno_process *child, const struct wish *wish)
{
	const struct ceno_process *parent = ceno_self();

	child->parent = wish->flags & LX_CLONE_PARENT ? parent->parent : ceno_self();
	child->exit_signal = wish->flags & LX_CLONE_PARENT ? parent->exit_signal : wish->exit_signal;
	child->pgid = parent->pgid;
	child->sid = parent->sid;
	child->umask = parent->umask;
	child->dumpable = parent->dumpable;
	child->nice = parent->nice;
	child->policy = parent->policy;
	child->barriers = parent->barriers;
	child->no_new_privs = parent->no_new_privs;
	ceno_promise_inherit(child, parent);
	memcpy(child->limit, parent->limit, sizeof(child->limit));
	memcpy(child->path, parent->path, sizeof(child->path));
	for (uint32_t i = 1; i <= LX_SIGNALS; i++) {
		child->action[i] = parent->action[i];
		if ((wish->flags & LX_CLONE_CLEAR_SIGHAND) && child->action[i].handler > 1)
			child->action[i] = (struct lx_sigaction){ 0 };
	}
	child->cwd = parent->cwd;
	if (child->cwd)
		child->cwd->uses++;
}

/* Memory and descriptors, shared or copied. */
static int take_resources(struct ceno_process *child, uint64_t flags)
{
	struct ceno_process *parent = ceno_self();

	if (flags & LX_CLONE_FILES) {
		child->files = parent->files;
		child->files->uses++;
	} else {
		child->files = ceno_files_copy(parent->files);
	}
	if (!child->files)
		return -LX_ENOMEM;
	if (flags & LX_CLONE_VM) {
		child->vm = parent->vm;
		ceno_vm_hold(child->vm);
	} else {
		child->vm = ceno_vm_fork(parent->vm);
	}
	if (child->vm)
		return 0;
	ceno_files_put(child->files);
	return -LX_ENOMEM;
}

static int new_process(const struct wish *wish, struct ceno_task **task)
{
	struct ceno_process *child = ceno_process_new(NULL);
	int error;

	if (!child)
		return -LX_EAGAIN;
	error = take_resources(child, wish->flags);
	if (error) {
		ceno_task_free(child->threads);
		ceno_process_free(child);
		return error;
	}
	copy_process(child, wish);
	*task = child->threads;
	return 0;
}

/* The child's number, where the program wants it. A bad address is its own loss, as in Linux. */
static void tell_numbers(struct ceno_task *child, const struct wish *wish)
{
	if (wish->flags & LX_CLONE_PARENT_SETTID)
		(void)ceno_user_write(wish->parent_tid, &child->tid, sizeof(child->tid));
	if (wish->flags & LX_CLONE_CHILD_SETTID) {
		struct ceno_vm *own = ceno_vm_select(child->process->vm);

		(void)ceno_user_write(wish->child_tid, &child->tid, sizeof(child->tid));
		ceno_vm_select(own);
	}
	if (wish->flags & LX_CLONE_CHILD_CLEARTID)
		child->clear_child_tid = wish->child_tid;
}

static int64_t start(const struct wish *wish)
{
	struct ceno_task *child = NULL;
	uint32_t tid;
	int error = 0;

	if (tasks_now() >= ceno_self()->limit[6].cur)
		return -LX_EAGAIN;
	ceno_sched_regs();
	if (wish->flags & LX_CLONE_THREAD)
		child = ceno_task_new(ceno_self());
	else
		error = new_process(wish, &child);
	if (!child)
		return error ? error : -LX_EAGAIN;
	copy_task(child, wish);
	tell_numbers(child, wish);
	tid = child->tid;
	if (wish->flags & LX_CLONE_VFORK) {
		child->process->vfork = ceno_current;
		ceno_current->vfork = child->process;
		ceno_current->call.progress = tid;
	}
	ceno_sched_ready(child);
	if (!(wish->flags & LX_CLONE_THREAD))
		ceno_sched_forked();
	return wish->flags & LX_CLONE_VFORK ? ceno_block_killable(&ceno_current->vfork) : tid;
}

static int64_t clone(const struct wish *wish)
{
	const struct ceno_task *task = ceno_current;
	int error = check(wish);

	if (task->vfork)
		return ceno_block_killable(&task->vfork);
	if (task->call.progress) /* the child of a vfork has its own memory now */
		return (int64_t)task->call.progress;
	return error ? error : start(wish);
}

int64_t ceno_sys_clone(const uint64_t a[6])
{
	const struct wish wish = { .flags = (uint32_t)a[0] & ~0xffu,
		                   .stack = a[1],
		                   .parent_tid = a[2],
		                   .child_tid = a[3],
		                   .tls = a[4],
		                   .exit_signal = (uint32_t)a[0] & 0xff };

	return clone(&wish);
}

int64_t ceno_sys_fork(const uint64_t a[6])
{
	const struct wish wish = { .exit_signal = LX_SIGCHLD };

	(void)a;
	return clone(&wish);
}

int64_t ceno_sys_vfork(const uint64_t a[6])
{
	const struct wish wish = { .flags = LX_CLONE_VFORK | LX_CLONE_VM, .exit_signal = LX_SIGCHLD };

	(void)a;
	return clone(&wish);
}

int64_t ceno_sys_clone3(const uint64_t a[6])
{
	enum {
		FLAGS,
		PIDFD,
		CHILD_TID,
		PARENT_TID,
		EXIT_SIGNAL,
		STACK,
		STACK_BYTES,
		TLS,
		TIDS,
		TIDS_COUNT,
		CGROUP,
		ALL
	};
	uint64_t args[ALL] = { 0 };
	struct wish wish;

	if (a[1] < 64)
		return -LX_EINVAL;
	if (a[1] > CENO_PAGE || a[1] % 8)
		return -LX_E2BIG;
	for (uint64_t i = 0; i < a[1] / 8; i++) {
		uint64_t word;

		if (ceno_user_read(&word, a[0] + i * 8, 8))
			return -LX_EFAULT;
		if (i < ALL)
			args[i] = word;
		else if (word)
			return -LX_E2BIG;
	}
	if (args[TIDS] || args[TIDS_COUNT] || args[CGROUP] || (args[FLAGS] & (0xffull | ~0x3ffffffffull)) ||
	    (args[FLAGS] & LX_CLONE_DETACHED) || !args[STACK] != !args[STACK_BYTES] || args[EXIT_SIGNAL] > LX_SIGNALS)
		return -LX_EINVAL;
	if (args[STACK] >= CENO_USER_END || args[STACK_BYTES] > CENO_USER_END - args[STACK])
		return -LX_EINVAL;
	if ((args[FLAGS] & (LX_CLONE_THREAD | LX_CLONE_PARENT)) && args[EXIT_SIGNAL])
		return -LX_EINVAL;
	wish = (struct wish){ .flags = args[FLAGS],
		              .stack = args[STACK] + args[STACK_BYTES],
		              .parent_tid = args[PARENT_TID],
		              .child_tid = args[CHILD_TID],
		              .tls = args[TLS],
		              .exit_signal = (uint32_t)args[EXIT_SIGNAL] };
	return clone(&wish);
}

int64_t ceno_sys_set_tid_address(const uint64_t a[6])
{
	ceno_current->clear_child_tid = a[0];
	return ceno_current->tid;
}
