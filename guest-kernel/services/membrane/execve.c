/*
 * execve and execveat: the process's half. exec.c makes the new address space beside the old
 * one; here everything that can still fail is done before anything of the old program goes.
 */
#include "calls.h"
#include "exec.h"
#include "fd.h"
#include "frames.h"
#include "process.h"
#include "promise.h"
#include "vm.h"

/* ---- what can fail ------------------------------------------------------------------ */

static int find_descriptor(uint64_t fd, struct ceno_inode **file, char *path)
{
	struct ceno_file *open = ceno_fd_file((int32_t)fd);
	static const char directory[] = "/dev/fd/";
	char digits[12];
	uint32_t value = (uint32_t)fd, at = sizeof(digits);

	if (!open)
		return -LX_EBADF;
	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	memcpy(path, directory, sizeof(directory) - 1);
	memcpy(path + sizeof(directory) - 1, digits + at, sizeof(digits) - at);
	path[sizeof(directory) - 1 + sizeof(digits) - at] = 0;
	*file = open->inode;
	return ceno_promise_path(&(struct ceno_walk){ .inode = open->inode, .file = open }, CENO_NEED_EXECUTE);
}

/* The file of (dirfd, path), and the path that the program is called by. path: a page. */
static int find(uint64_t dirfd, uint64_t path_gva, uint32_t flags, char *path, struct ceno_inode **file)
{
	int64_t length = ceno_user_string(path, path_gva, CENO_PATH_MAX);
	struct ceno_walk walk;
	int error;

	if (length < 0)
		return (int)length;
	if (length == 0 && (flags & LX_AT_EMPTY_PATH))
		return find_descriptor(dirfd, file, path);
	if (length == 0)
		return -LX_ENOENT;
	if ((int32_t)dirfd == LX_AT_FDCWD && !(flags & LX_AT_SYMLINK_NOFOLLOW))
		return ceno_exec_find(path, file);
	error = ceno_path_user(dirfd, path_gva,
	                       CENO_NEED_EXECUTE | (flags & LX_AT_SYMLINK_NOFOLLOW ? CENO_WALK_NOFOLLOW : 0), &walk);
	if (error)
		return error;
	if (!walk.inode)
		return -LX_ENOENT;
	if (walk.inode->kind == CENO_INODE_LINK)
		return -LX_ELOOP;
	*file = walk.inode;
	return 0;
}

/* A table of descriptors of its own, if others share it. */
static int unshare_files(struct ceno_process *self)
{
	struct ceno_files *own;

	if (self->files->uses == 1)
		return 0;
	own = ceno_files_copy(self->files);
	if (!own)
		return -LX_ENOMEM;
	ceno_files_put(self->files);
	self->files = own;
	return 0;
}

/* ---- what cannot --------------------------------------------------------------------- */

/* Where the program lies, for /proc/self/exe; as it was called if that is not known. */
static void remember(const char *path)
{
	struct ceno_process *self = ceno_self();
	const char *name = path;
	struct ceno_walk walk;
	uint64_t length;
	int removed;

	for (const char *at = path; *at; at++)
		if (*at == '/')
			name = at + 1;
	length = strlen(name);
	memset(ceno_current->name, 0, sizeof(ceno_current->name));
	memcpy(ceno_current->name, name, length < 15 ? length : 15);
	if (ceno_path_walk(ceno_path_cwd(), path, 0, &walk) || !walk.inode ||
	    ceno_name_path(walk.name, self->path, sizeof(self->path), &removed) < 0)
		memcpy(self->path, path, strlen(path) + 1);
}

static void begin(const struct ceno_exec *exec)
{
	struct ceno_task *task = ceno_current;
	struct ceno_regs *regs = ceno_sched_regs();

	memset(regs, 0, sizeof(*regs));
	regs->gpr[CENO_RSP] = exec->rsp;
	regs->rip = exec->rip;
	regs->rflags = CENO_RFLAGS_SET;
	task->rseq = 0;
	memset(task->fpu, 0, ceno_fpu_bytes());
	ceno_fpu_initial(task->fpu);
	ceno_sched_fpu_reload();
}

/* If there is no space now, the turn that follows finds that, too. */
static void prime(const struct ceno_exec *exec)
{
	uint64_t since = ceno_rdtsc();

	if (ceno_vm_enter(exec->vm) == 0)
		ceno_exec_prime(exec);
	ceno_sched_lengthen(since);
}

static void become(const struct ceno_exec *exec)
{
	struct ceno_process *self = ceno_self();

	ceno_task_alone();
	remember(exec->path);
	ceno_vfork_done(self);
	ceno_vm_drop(self->vm);
	self->vm = exec->vm;
	ceno_vm_select(exec->vm);
	ceno_files_exec(self->files);
	ceno_signal_exec();
	ceno_timers_forget(self, 0);
	self->exit_signal = LX_SIGCHLD;
	self->executed = 1;
	self->dumpable = 1;
	begin(exec);
	prime(exec);
}

static int64_t execute(uint64_t dirfd, uint64_t path_gva, const uint64_t vectors[2], uint32_t flags, char *path)
{
	struct ceno_exec exec = {
		.path = path, .argv = vectors[0], .envp = vectors[1], .stack_limit = ceno_self()->limit[3].cur
	};
	int error = find(dirfd, path_gva, flags, path, &exec.file);

	if (!error)
		error = ceno_exec(&exec);
	if (error == CENO_EXEC_KILL) {
		ceno_process_kill(ceno_self(), LX_SIGSEGV);
		return CENO_NO_RESULT;
	}
	if (error)
		return error;
	error = unshare_files(ceno_self());
	if (error) {
		ceno_vm_drop(exec.vm);
		return error;
	}
	become(&exec);
	return CENO_NO_RESULT;
}

int64_t ceno_sys_execveat(const uint64_t a[6])
{
	uint64_t frame;
	int64_t result;

	if (a[4] & ~(uint64_t)(LX_AT_EMPTY_PATH | LX_AT_SYMLINK_NOFOLLOW))
		return -LX_EINVAL;
	frame = ceno_frames_alloc(0);
	if (frame == CENO_NO_FRAME)
		return -LX_ENOMEM;
	result = execute(a[0], a[1], &a[2], (uint32_t)a[4], ceno_ram(frame));
	ceno_frames_free(frame, 0);
	return result;
}

int64_t ceno_sys_execve(const uint64_t a[6])
{
	const uint64_t at[6] = { (uint64_t)LX_AT_FDCWD, a[0], a[1], a[2] };

	return ceno_sys_execveat(at);
}
