/*
 * /proc. See vfs.h. One directory serves every process: a walk through /proc/<pid> leads
 * into it and notes whose it is (struct ceno_walk), and so does an open file. Text is made
 * when it is opened, into a file without a name.
 */
#include <stdarg.h>

#include "fd.h"
#include "frames.h"
#include "task.h"
#include "time.h"
#include "tree.h"
#include "vm.h"

struct text {
	struct ceno_inode *inode;
	int full;
};

static struct ceno_inode *pid_dir;

/* ---- writing text -------------------------------------------------------------------- */

static void put(struct text *out, const char *s, uint64_t length)
{
	if (ceno_inode_write(out->inode, s, length, out->inode->size) != (int64_t)length)
		out->full = 1;
}

uint64_t ceno_number_put(char *out, uint64_t value)
{
	char digits[20];
	uint64_t length = 0;

	do {
		digits[length++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	for (uint64_t i = 0; i < length; i++)
		out[i] = digits[length - 1 - i];
	return length;
}

static void put_hex(struct text *out, uint64_t value, unsigned width)
{
	char digits[16];
	unsigned at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value % 16];
		value /= 16;
	} while (value || at > sizeof(digits) - width);
	put(out, digits + at, sizeof(digits) - at);
}

/* %u decimal and %x at least 8, %X exactly 16 hexadecimal digits, of a uint64_t; %s a string. */
static void put_format(struct text *out, const char *format, ...)
{
	char line[20];
	va_list arguments;

	va_start(arguments, format);
	while (*format) {
		uint64_t plain = 0;
		const char *s;

		while (format[plain] && format[plain] != '%')
			plain++;
		put(out, format, plain);
		format += plain;
		if (!*format)
			break;
		switch (format[1]) {
		case 's':
			s = va_arg(arguments, const char *);
			put(out, s, strlen(s));
			break;
		case 'u':
			put(out, line, ceno_number_put(line, va_arg(arguments, uint64_t)));
			break;
		default:
			put_hex(out, va_arg(arguments, uint64_t), format[1] == 'X' ? 16 : 8);
			break;
		}
		format += 2;
	}
	va_end(arguments);
}

/* ---- of the machine -------------------------------------------------------------------- */

static void put_meminfo(struct text *out, const struct ceno_process *of)
{
	static const char *const zero[] = { "Buffers:        ", "Cached:         ", "SwapCached:     ",
		                            "SwapTotal:      ", "SwapFree:       ", "Shmem:          " };
	uint64_t total = ceno_frames_total() * 4, free = ceno_frames_unused() * 4;

	(void)of;
	put_format(out, "MemTotal:       %u kB\nMemFree:        %u kB\nMemAvailable:   %u kB\n", total, free, free);
	for (unsigned i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		put_format(out, "%s0 kB\n", zero[i]);
}

static void put_uptime(struct text *out, const struct ceno_process *of)
{
	uint64_t ns = ceno_time_ns(LX_CLOCK_BOOTTIME);

	(void)of;
	put_format(out, "%u.%u%u 0.00\n", ns / 1000000000u, ns / 100000000u % 10, ns / 10000000u % 10);
}

static uint64_t count_tasks(int only_runnable)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < CENO_TASKS; i++) {
		const struct ceno_task *task = ceno_task_at(i);

		count += task && (!only_runnable || task->state == CENO_TASK_RUNNABLE);
	}
	return count;
}

static void put_loadavg(struct text *out, const struct ceno_process *of)
{
	put_format(out, "0.00 0.00 0.00 %u/%u %u\n", count_tasks(1), count_tasks(0), (uint64_t)of->pid);
}

static void put_cpu_stat(struct text *out, const struct ceno_process *of)
{
	uint64_t ticks = ceno_time_ns(LX_CLOCK_BOOTTIME) / 10000000u;

	(void)of;
	for (int i = 0; i < 2; i++)
		put_format(out, "cpu%s%u 0 0 0 0 0 0 0 0 0\n", i ? "0 " : "  ", ticks);
	put_format(out, "intr 0\nctxt 0\nbtime %u\nprocesses %u\nprocs_running %u\nprocs_blocked 0\n",
	           (ceno_time_ns(LX_CLOCK_REALTIME) - ceno_time_ns(LX_CLOCK_BOOTTIME)) / 1000000000u, count_tasks(0),
	           count_tasks(1));
}

/* ---- of a process ------------------------------------------------------------------------- */

/* What an area shows; the name of a file in ceno_path_scratch, of one that was looked for last still there. */
static const char *describe(const struct ceno_area *area, const struct ceno_inode **last)
{
	char *path = ceno_path_scratch();
	int removed = 0;

	if (area->flags & CENO_AREA_STACK)
		return "[stack]";
	if (area->flags & CENO_AREA_BRK)
		return "[heap]";
	if (!area->file)
		return "";
	if (area->file != *last) {
		const struct ceno_name *name = ceno_inode_name(area->file);

		*last = area->file;
		if (!name || ceno_name_path(name, path, CENO_PATH_MAX, &removed) < 0)
			memcpy(path, "/ (deleted)", 12);
	}
	return path;
}

static void put_maps(struct text *out, const struct ceno_process *of)
{
	const struct ceno_inode *last = NULL;

	for (uint32_t i = 0; of->vm && i < of->vm->count; i++) {
		const struct ceno_area *area = &of->vm->areas[i];
		const char rights[] = { area->prot & LX_PROT_READ ? 'r' : '-', area->prot & LX_PROT_WRITE ? 'w' : '-',
			                area->prot & LX_PROT_EXEC ? 'x' : '-',
			                area->flags & CENO_AREA_SHARED ? 's' : 'p', 0 };

		put_format(out, "%x-%x %s %x 00:0%u %u %s\n", area->start, area->end, rights, area->offset,
		           (uint64_t)(area->file ? 2 : 0), area->file ? area->file->number : 0, describe(area, &last));
	}
}

static const char *state_of(const struct ceno_process *of)
{
	static const char *const states[] = { [CENO_TASK_RUNNABLE] = "R (running)",
		                              [CENO_TASK_BLOCKED] = "S (sleeping)",
		                              [CENO_TASK_STOPPED] = "T (stopped)",
		                              [CENO_TASK_ENDED] = "Z (zombie)" };

	return states[of->threads ? of->threads->state : CENO_TASK_ENDED];
}

static uint64_t threads_of(const struct ceno_process *of)
{
	uint64_t count = 0;

	for (const struct ceno_task *task = of->threads; task; task = task->sibling)
		count++;
	return count;
}

static const char *name_of(const struct ceno_process *of)
{
	return of->threads ? of->threads->name : "";
}

static uint64_t parent_of(const struct ceno_process *of)
{
	return of->parent ? of->parent->pid : 1;
}

/* Bytes of address space; pages of RAM in it. */
static uint64_t size_of(const struct ceno_process *of)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; of->vm && i < of->vm->count; i++)
		sum += of->vm->areas[i].end - of->vm->areas[i].start;
	return sum;
}

static uint64_t resident(const struct ceno_process *of)
{
	return of->vm ? of->vm->pages : 0;
}

static void put_stat(struct text *out, const struct ceno_process *of)
{
	char state[2] = { state_of(of)[0], 0 };

	put_format(out, "%u (%s) %s %u %u %u 0 -1 0 0 0 0 0 ", (uint64_t)of->pid, name_of(of), state, parent_of(of),
	           (uint64_t)of->pgid, (uint64_t)of->sid);
	put_format(out, "%u 0 %u 0 %u %u %u 0 %u %u %u 18446744073709551615",
	           ceno_time_ticks(ceno_sched_process_tsc(of)), ceno_time_ticks(of->children_tsc),
	           20 + (uint64_t)of->nice, (uint64_t)of->nice, threads_of(of),
	           ceno_time_ns(LX_CLOCK_BOOTTIME) / 10000000u - ceno_time_ticks(ceno_rdtsc() - of->start_tsc),
	           size_of(of), resident(of));
	for (int i = 0; i < 27; i++)
		put_format(out, " 0");
	put_format(out, "\n");
}

static void put_statm(struct text *out, const struct ceno_process *of)
{
	put_format(out, "%u %u 0 0 0 %u 0\n", size_of(of) / CENO_PAGE, resident(of), resident(of));
}

static void put_status(struct text *out, const struct ceno_process *of)
{
	const struct ceno_task *task = of->threads;
	uint64_t ignored = 0, caught = 0;

	for (uint32_t signal = 1; signal <= LX_SIGNALS; signal++) {
		ignored |= (uint64_t)(of->action[signal].handler == 1) << (signal - 1);
		caught |= (uint64_t)(of->action[signal].handler > 1) << (signal - 1);
	}
	put_format(out,
	           "Name:\t%s\nUmask:\t0%u%u%u\nState:\t%s\nTgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\nTracerPid:\t0\n",
	           name_of(of), (uint64_t)of->umask >> 6, (uint64_t)(of->umask >> 3 & 7), (uint64_t)(of->umask & 7),
	           state_of(of), (uint64_t)of->pid, (uint64_t)of->pid, parent_of(of));
	for (int i = 0; i < 2; i++)
		put_format(out, "%s:\t%u\t%u\t%u\t%u\n", i ? "Gid" : "Uid", (uint64_t)CENO_UID, (uint64_t)CENO_UID,
		           (uint64_t)CENO_UID, (uint64_t)CENO_UID);
	put_format(out, "FDSize:\t%u\nGroups:\t\nVmSize:\t%u kB\nVmRSS:\t%u kB\nThreads:\t%u\n", (uint64_t)CENO_FDS,
	           size_of(of) / 1024, resident(of) * 4, threads_of(of));
	put_format(out, "SigPnd:\t%X\nShdPnd:\t%X\nSigBlk:\t%X\nSigIgn:\t%X\nSigCgt:\t%X\n",
	           task ? task->pending.set : 0, of->pending.set, task ? task->mask : 0, ignored, caught);
	for (int i = 0; i < 5; i++)
		put_format(out, "Cap%s:\t%X\n", &"Inh\0Prm\0Eff\0Bnd\0Amb"[i * 4], (uint64_t)0);
	put_format(out, "NoNewPrivs:\t%u\nSeccomp:\t0\nCpus_allowed:\t1\nCpus_allowed_list:\t0\n",
	           (uint64_t)of->no_new_privs);
}

static void put_limit(struct text *out, uint64_t value)
{
	if (value == UINT64_MAX)
		put(out, "unlimited            ", 21);
	else {
		uint64_t before = out->inode->size;

		put_format(out, "%u", value);
		put(out, "                     ", 21 - (out->inode->size - before));
	}
}

static void put_limits(struct text *out, const struct ceno_process *of)
{
	/* Sixteen pairs of a name and a unit. */
	const char *at =
	    "cpu time\0seconds\0file size\0bytes\0data size\0bytes\0stack size\0bytes\0core file size\0bytes\0"
	    "resident set\0bytes\0processes\0processes\0open files\0files\0locked memory\0bytes\0"
	    "address space\0bytes\0file locks\0locks\0pending signals\0signals\0msgqueue size\0bytes\0"
	    "nice priority\0\0realtime priority\0\0realtime timeout\0us";

	put_format(out, "Limit                     Soft Limit           Hard Limit           Units     \n");
	for (unsigned i = 0; i < 16; i++) {
		put_format(out, "Max %s", at);
		put(out, "                      ", 22 - strlen(at));
		at += strlen(at) + 1;
		put_limit(out, of->limit[i].cur);
		put_limit(out, of->limit[i].max);
		put_format(out, "%s\n", at);
		at += strlen(at) + 1;
	}
}

/* As the program has it in its memory, which may not be what it was given. */
static void put_memory(struct text *out, struct ceno_vm *vm, uint64_t from, uint64_t end)
{
	while (from < end && !out->full) {
		uint64_t bytes;
		int error = 0;
		const char *at = ceno_pages_reach(vm, from, LX_PROT_READ, &bytes, &error);

		if (!at)
			return;
		bytes = bytes < end - from ? bytes : end - from;
		put(out, at, bytes);
		from += bytes;
	}
}

static void put_cmdline(struct text *out, const struct ceno_process *of)
{
	if (of->vm)
		put_memory(out, of->vm, of->vm->args, of->vm->env);
}

/* Not to others, if the process is not dumpable. */
static void put_environ(struct text *out, const struct ceno_process *of)
{
	if (of->vm && (of->dumpable || of == ceno_self()))
		put_memory(out, of->vm, of->vm->env, of->vm->env_end);
}

static void put_comm(struct text *out, const struct ceno_process *of)
{
	put_format(out, "%s\n", name_of(of));
}

/* ---- the tree -------------------------------------------------------------------------------- */

static const struct entry {
	const char *path;
	uint8_t kind, which;
	uint16_t mode;
	void (*make)(struct text *out, const struct ceno_process *of);
} entries[] = {
	{ "/proc/0/maps", CENO_INODE_GENERATED, 0, 0444, put_maps },
	{ "/proc/0/stat", CENO_INODE_GENERATED, 0, 0444, put_stat },
	{ "/proc/0/statm", CENO_INODE_GENERATED, 0, 0444, put_statm },
	{ "/proc/0/status", CENO_INODE_GENERATED, 0, 0444, put_status },
	{ "/proc/0/cmdline", CENO_INODE_GENERATED, 0, 0444, put_cmdline },
	{ "/proc/0/environ", CENO_INODE_GENERATED, 0, 0400, put_environ },
	{ "/proc/0/comm", CENO_INODE_GENERATED, 0, 0644, put_comm },
	{ "/proc/0/limits", CENO_INODE_GENERATED, 0, 0444, put_limits },
	{ "/proc/meminfo", CENO_INODE_GENERATED, 0, 0444, put_meminfo },
	{ "/proc/uptime", CENO_INODE_GENERATED, 0, 0444, put_uptime },
	{ "/proc/loadavg", CENO_INODE_GENERATED, 0, 0444, put_loadavg },
	{ "/proc/stat", CENO_INODE_GENERATED, 0, 0444, put_cpu_stat },
	{ "/proc/0/exe", CENO_INODE_MAGIC, CENO_PROC_EXE, 0777, NULL },
	{ "/proc/0/cwd", CENO_INODE_MAGIC, CENO_PROC_CWD, 0777, NULL },
	{ "/proc/0/root", CENO_INODE_MAGIC, CENO_PROC_ROOT, 0777, NULL },
	{ "/proc/self", CENO_INODE_MAGIC, CENO_PROC_SELF, 0777, NULL },
	{ "/proc/thread-self", CENO_INODE_MAGIC, CENO_PROC_THREAD_SELF, 0777, NULL },
	{ "/proc/0/fd", CENO_INODE_FD_DIR, 0, 0500, NULL },
};

struct ceno_inode *ceno_procfs_generate(uint8_t which, int32_t pid)
{
	struct text out = { .inode = ceno_inode_new(CENO_INODE_FILE, entries[which].mode) };
	const struct ceno_process *of = pid ? ceno_process_find(pid) : ceno_self();

	if (!out.inode)
		return NULL;
	out.inode->owned = 0;
	if (of)
		entries[which].make(&out, of);
	out.inode->traits = CENO_INODE_OF_PROC;
	if (!out.full)
		return out.inode;
	ceno_inode_settle(out.inode);
	return NULL;
}

struct ceno_files *ceno_procfs_files(int32_t pid)
{
	const struct ceno_process *of = pid ? ceno_process_find(pid) : ceno_self();

	return of ? of->files : NULL;
}

int64_t ceno_procfs_target(uint8_t which, int32_t pid, char *out)
{
	const struct ceno_process *of = pid ? ceno_process_find(pid) : ceno_self();
	uint64_t length = 0;
	int removed;

	if (which == CENO_PROC_SELF || which == CENO_PROC_THREAD_SELF) {
		length = ceno_number_put(out, ceno_self()->pid);
		if (which == CENO_PROC_THREAD_SELF) {
			memcpy(out + length, "/task/", 6);
			length += 6;
			length += ceno_number_put(out + length, ceno_current->tid);
		}
	} else if (of && which == CENO_PROC_EXE) {
		length = strlen(of->path);
		memcpy(out, of->path, length);
	} else if (of && which == CENO_PROC_CWD && of->cwd) {
		length = (uint64_t)ceno_name_path(of->cwd->dir.name, out, CENO_PATH_MAX, &removed) - 1;
	} else {
		out[length++] = '/';
	}
	out[length] = 0;
	return (int64_t)length;
}

struct ceno_inode *ceno_procfs_find(const struct ceno_inode *dir, const char *text, uint64_t length, int32_t *pid)
{
	int32_t number = ceno_number_parse(text, length);
	const struct ceno_task *task = number > 0 ? ceno_task_find(number) : NULL;

	if (dir->device == CENO_PROC_PIDS) {
		if (number <= 0 || (!task && !ceno_process_find(number)))
			return NULL;
		*pid = task ? (int32_t)task->process->pid : number;
		return pid_dir;
	}
	return task && (int32_t)task->process->pid == (*pid ? *pid : (int32_t)ceno_self()->pid) ? pid_dir : NULL;
}

int32_t ceno_procfs_next(const struct ceno_inode *dir, int32_t pid, int32_t from)
{
	int32_t least = -1;

	for (uint32_t i = 0; i < CENO_TASKS; i++) {
		const struct ceno_process *process = ceno_process_at(i);
		const struct ceno_task *task = ceno_task_at(i);
		int32_t number = -1;

		if (dir->device == CENO_PROC_PIDS && process)
			number = (int32_t)process->pid;
		if (dir->device == CENO_PROC_TIDS && task && (int32_t)task->process->pid == pid)
			number = (int32_t)task->tid;
		if (number >= from && (least < 0 || number < least))
			least = number;
	}
	return least;
}

void ceno_procfs_plant(void)
{
	struct ceno_inode *proc = ceno_path_make("/proc", 0), *tasks = ceno_path_make("/proc/0/task", 0);

	if (!proc || !tasks)
		ceno_membrane_abort();
	for (unsigned i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		struct ceno_inode *inode = ceno_tree_plant(entries[i].path, entries[i].kind, entries[i].mode);

		if (!inode)
			continue;
		inode->device = entries[i].make ? (uint8_t)i : entries[i].which;
		inode->owned = (entries[i].mode & 077) == 0;
	}
	/* The processes' directory has no name: it is found by numbers only. */
	proc->device = CENO_PROC_PIDS;
	tasks->device = CENO_PROC_TIDS;
	pid_dir = tasks->dir.parent;
	pid_dir->uses++;
	ceno_dir_remove(pid_dir->dir.name);
}
