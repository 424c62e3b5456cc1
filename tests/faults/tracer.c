/* The tracer; see tracer.h. */
#include "tracer.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "vmm/core/launch.h"
#include "vmm/warden/wire.h"

#define TASKS_MAX 16
#define OPTIONS \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | \
	 PTRACE_O_EXITKILL)

enum phase { PHASE_START, PHASE_SETUP, PHASE_RUN, PHASE_END };
static const char *const role_names[] = { "warden", "child", "vmm", "recovery" };
static const char *const phase_names[] = { "start", "setup", "run", "end" };

struct task {
	pid_t tid;
	enum role role;
	int failing;  /* the call it is in shall return this (negative), 0: as it does */
	uint64_t put; /* a breakpoint that it steps over: put back then */
};

static struct traced *shared;
static pid_t the_warden;
static enum role its_role;
static struct task tasks[TASKS_MAX];
static enum phase phases[ROLES];
static int filtered[ROLES], executed[ROLES],
    armed[ROLES]; /* a filter kills what is not in it; allocations are stopped at */

/* ---- breakpoints: allocations, and the states of destruction ---------------------- */

static const char *const allocators[] = { "malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc" };
#define ALLOCATORS (sizeof allocators / sizeof allocators[0])

struct stop {
	uint64_t at; /* 0: none */
	long original;
};
static struct stop allocation_stops[ROLES][ALLOCATORS], state_stops[ROLES][CENO_DESTROY_STATE_COUNT];

static int set_stop(struct task *t, struct stop *stop, uint64_t at)
{
	errno = 0;
	long word = ptrace(PTRACE_PEEKTEXT, t->tid, at, 0);
	if (errno || ptrace(PTRACE_POKETEXT, t->tid, at, (word & ~0xffl) | 0xcc) < 0)
		return -1;
	*stop = (struct stop){ at, word };
	return 0;
}

/* The one of `count` that the task stands behind, or -1. */
static int stop_at(const struct stop *stops, size_t count, uint64_t rip)
{
	for (size_t i = 0; i < count; i++)
		if (stops[i].at && stops[i].at + 1 == rip)
			return (int)i;
	return -1;
}

/* Where the first mapping of a file of this name begins; with its text mapped, else 0. */
static uint64_t base_of(pid_t pid, const char *name)
{
	char path[64], line[512];
	unsigned long first = 0;
	int text = 0;
	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file)) {
		if (!strstr(line, name))
			continue;
		if (!first)
			(void)sscanf(line, "%lx-", &first);
		text |= strstr(line, " r-xp ") != NULL;
	}
	if (file)
		fclose(file);
	return text ? first : 0;
}

/* The same library as ours, so the same offsets. */
static void arm_allocators(struct task *t)
{
	uint64_t there = base_of(t->tid, "/libc.so.6"), here = base_of(getpid(), "/libc.so.6");
	if (!there)
		return;
	for (size_t i = 0; i < ALLOCATORS; i++)
		if (set_stop(t, &allocation_stops[t->role][i],
		             there + (uint64_t)dlsym(RTLD_DEFAULT, allocators[i]) - here) < 0)
			return;
	armed[t->role] = 1;
}

/* One of the symbols ceno_destroy_STATE: which, or -1. */
static int state_of(const char *symbol)
{
	static const char prefix[] = "ceno_destroy_";
	static const char *const names[] = {
#define NAME(name, step, ways, needs, does, evidence, failure) #name,
		CENO_DESTROY_STATES(NAME)
#undef NAME
	};
	if (strncmp(symbol, prefix, sizeof prefix - 1) != 0)
		return -1;
	for (int i = 0; i < (int)CENO_DESTROY_STATE_COUNT; i++)
		if (strcmp(symbol + sizeof prefix - 1, names[i]) == 0)
			return i;
	return -1;
}

static void arm_symbols(struct task *t, const uint8_t *file, uint64_t base)
{
	const Elf64_Ehdr *head = (const void *)file;
	const Elf64_Shdr *section = (const void *)(file + head->e_shoff);
	unsigned found = 0;
	for (int i = 0; i < head->e_shnum; i++) {
		if (section[i].sh_type != SHT_SYMTAB)
			continue;
		const Elf64_Sym *symbol = (const void *)(file + section[i].sh_offset);
		const char *names = (const char *)file + section[section[i].sh_link].sh_offset;
		for (size_t k = 0; k < section[i].sh_size / sizeof *symbol; k++) {
			int state = state_of(names + symbol[k].st_name);
			if (state < 0)
				continue;
			found++;
			(void)set_stop(t, &state_stops[t->role][state],
			               base + symbol[k].st_value); /* it may be dead by now */
		}
	}
	shared->blind |= found != CENO_DESTROY_STATE_COUNT;
}

/* A warden after its exec: a stop at every state. */
static void arm_states(struct task *t)
{
	char path[64], name[4096];
	struct stat st;
	snprintf(path, sizeof path, "/proc/%d/exe", (int)t->tid);
	ssize_t n = readlink(path, name, sizeof name - 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *file = n > 0 && fd >= 0 && fstat(fd, &st) == 0
	    ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
	    : MAP_FAILED;
	if (file == MAP_FAILED)
		abort();
	name[n] = 0;
	arm_symbols(t, file, base_of(t->tid, name));
	munmap(file, (size_t)st.st_size);
	close(fd);
}

/* Back over the instruction that the stop stands on; it is put back after that one. */
static void step_over(struct task *t, struct user_regs_struct *regs, const struct stop *stop)
{
	regs->rip = stop->at;
	ptrace(PTRACE_SETREGS, t->tid, 0, regs);
	ptrace(PTRACE_POKETEXT, t->tid, stop->at, stop->original);
	t->put = stop->at;
}

static void on_allocation(struct task *t, struct user_regs_struct *regs, int which)
{
	const struct fault *f = &shared->fault;
	uint32_t n = ++shared->allocations[t->role];
	if (f->kind != FAULT_ALLOC || f->role != t->role || f->nth != n) {
		step_over(t, regs, &allocation_stops[t->role][which]);
		return;
	}
	regs->rip = (uint64_t)ptrace(PTRACE_PEEKDATA, t->tid, regs->rsp, 0);
	regs->rsp += 8;
	regs->rax = strcmp(allocators[which], "posix_memalign") == 0 ? ENOMEM : 0;
	ptrace(PTRACE_SETREGS, t->tid, 0, regs);
	shared->done = 1;
}

/* Whether every backed page of RAM is zero (1), none is (0), or some are (-1). */
static int look_at_ram(pid_t warden)
{
	static const uint8_t zeros[4096];
	static uint8_t page[4096];
	char path[64];
	int zero = 0, other = 0;
	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)warden, CENO_WARDEN_FD_RAM);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	for (off_t at = 0, end; fd >= 0 && (at = lseek(fd, at, SEEK_DATA)) >= 0; at = end) {
		end = lseek(fd, at, SEEK_HOLE);
		for (; at < end && pread(fd, page, sizeof page, at) == sizeof page; at += (off_t)sizeof page)
			memcmp(page, zeros, sizeof page) == 0 ? zero++ : other++;
	}
	if (fd < 0 || close(fd) < 0)
		return -1;
	return zero && other ? -1 : !other;
}

static int is_write_sealed(pid_t warden)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)warden, CENO_WARDEN_FD_RAM);
	int fd = open(path, O_RDONLY | O_CLOEXEC), seals = fd < 0 ? 0 : fcntl(fd, F_GET_SEALS);
	if (fd >= 0)
		close(fd);
	return (seals & F_SEAL_WRITE) != 0;
}

/* Session and tracer take turns: it kills, and lets go. */
static void hold(void)
{
	const struct timespec moment = { 0, 200000 };
	__atomic_store_n(&shared->held, HELD_HERE, __ATOMIC_RELEASE);
	for (int i = 0; i < 25000 && __atomic_load_n(&shared->held, __ATOMIC_ACQUIRE) != HELD_LET_GO; i++)
		nanosleep(&moment, NULL);
}

/* Before a state, or before the exit (STEPS - 1). */
static void on_boundary(struct task *t, uint32_t step)
{
	const struct fault *f = &shared->fault;
	if (t->role == ROLE_RECOVERY)
		phases[ROLE_RECOVERY] = PHASE_END;
	if (t->role == ROLE_WARDEN && step < CENO_DESTROY_STATE_COUNT) {
		shared->disordered |= shared->entered >> step != 0;
		shared->entered |= 1u << step;
	}
	if (t->role == ROLE_WARDEN && step == CENO_DESTROY_READ_BACK && look_at_ram(t->tid) == 0)
		shared->seen |= SEEN_FILLED;
	if (t->role == ROLE_WARDEN && step == CENO_DESTROY_COMPARED) {
		shared->seen |= look_at_ram(t->tid) == 1 ? SEEN_ZEROED : 0;
		shared->seen |= is_write_sealed(t->tid) ? SEEN_SEALED : 0;
	}
	if (f->role == ROLE_RECOVERY && t->role == ROLE_WARDEN && f->fell == step)
		kill(t->tid, SIGKILL);
	if (f->kind == FAULT_STEP && f->role == t->role && f->step == step && !shared->done) {
		shared->done = 1;
		hold();
	}
}

/* 1: it was one of ours. */
static int on_breakpoint(struct task *t)
{
	struct user_regs_struct regs;
	if (ptrace(PTRACE_GETREGS, t->tid, 0, &regs) < 0)
		return 0;
	int which = stop_at(allocation_stops[t->role], ALLOCATORS, regs.rip);
	if (which >= 0) {
		on_allocation(t, &regs, which);
		return 1;
	}
	which = stop_at(state_stops[t->role], CENO_DESTROY_STATE_COUNT, regs.rip);
	if (which < 0)
		return 0;
	step_over(t, &regs, &state_stops[t->role][which]);
	on_boundary(t, (uint32_t)which);
	return 1;
}

static void put_back(struct task *t)
{
	errno = 0;
	long word = ptrace(PTRACE_PEEKTEXT, t->tid, t->put, 0);
	if (!errno)
		ptrace(PTRACE_POKETEXT, t->tid, t->put, (word & ~0xffl) | 0xcc);
	t->put = 0;
}

/* ---- sites ------------------------------------------------------------------------- */

static uint32_t site_of(enum role role, const struct __ptrace_syscall_info *call)
{
	char text[SITE_TEXT], *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, (int)call->entry.nr);
	if (name)
		snprintf(text, sizeof text, "%s %s %s", role_names[role], phase_names[phases[role]], name);
	else /* newer than the library: mseal */
		snprintf(text, sizeof text, "%s %s call-%u", role_names[role], phase_names[phases[role]],
		         (unsigned)call->entry.nr);
	if (call->entry.nr == SYS_ioctl)
		snprintf(text + strlen(text), sizeof text - strlen(text), ":%x", (unsigned)call->entry.args[1]);
	free(name);
	for (uint32_t i = 0; i < shared->site_count; i++)
		if (strcmp(shared->site[i], text) == 0)
			return i;
	if (shared->site_count == SITES_MAX)
		return SITES_MAX - 1;
	memcpy(shared->site[shared->site_count], text, sizeof text);
	return shared->site_count++;
}

static uint32_t peek_type(const struct task *t, uint64_t at)
{
	uint32_t type = 0;
	struct iovec ours = { &type, sizeof type }, theirs = { (void *)at, sizeof type };
	(void)process_vm_readv(t->tid, &ours, 1, &theirs, 1, 0);
	return type;
}

/* What the process is about to say to its peers: the type of its record, or 0. */
static uint32_t said(const struct task *t, const struct __ptrace_syscall_info *call)
{
	uint64_t iov = 0, base = 0;
	struct iovec ours = { &iov, sizeof iov }, theirs = { (void *)(call->entry.args[1] + 16), sizeof iov };
	if (call->entry.nr == SYS_write || call->entry.nr == SYS_sendto)
		return peek_type(t, call->entry.args[1]);
	if (call->entry.nr != SYS_sendmsg || process_vm_readv(t->tid, &ours, 1, &theirs, 1, 0) < 0)
		return 0;
	ours.iov_base = &base;
	theirs.iov_base = (void *)iov;
	return process_vm_readv(t->tid, &ours, 1, &theirs, 1, 0) < 0 ? 0 : peek_type(t, base);
}

static void move_phase(struct task *t, const struct __ptrace_syscall_info *call)
{
	enum phase *phase = &phases[t->role];
	uint64_t nr = call->entry.nr, fd = call->entry.args[0];
	uint32_t type = said(t, call);
	if (t->role == ROLE_VMM) {
		if (nr == SYS_seccomp && call->entry.args[0] == 1)
			filtered[ROLE_VMM] = 1; /* from its exit on */
		if (fd == CENO_VMM_FD_CONTROL && type == CENO_VMM_PARKED)
			*phase = PHASE_SETUP;
		if (fd == CENO_VMM_FD_CONTROL && type == CENO_VMM_LOCKED)
			*phase = PHASE_RUN;
	} else if (t->role == ROLE_WARDEN) {
		if (fd == CENO_WARDEN_FD_SUPERVISOR && type == CENO_WARDEN_READY)
			*phase = PHASE_SETUP;
		if (fd == CENO_WARDEN_FD_SESSION && type == CENO_SESSION_LAUNCHED)
			*phase = PHASE_RUN;
		if (*phase >= PHASE_SETUP && (nr == SYS_pidfd_send_signal || (nr == SYS_waitid && fd == P_PIDFD)))
			*phase = PHASE_END;
	}
}

/* ---- stops -------------------------------------------------------------------------- */

/* A call the kernel does not make. A filter that would kill for that gets one it admits, and that fails. */
static void prevent(struct task *t)
{
	struct user_regs_struct regs;
	if (ptrace(PTRACE_GETREGS, t->tid, 0, &regs) < 0)
		return;
	regs.orig_rax = (uint64_t)-1;
	if (filtered[t->role]) {
		regs.orig_rax = SYS_clock_gettime;
		regs.rdi = CLOCK_MONOTONIC;
		regs.rsi = 1;
	}
	ptrace(PTRACE_SETREGS, t->tid, 0, &regs);
	t->failing = -shared->fault.error;
	shared->done = 1;
}

static void on_entry(struct task *t, const struct __ptrace_syscall_info *call)
{
	const struct fault *f = &shared->fault;
	if (call->entry.nr == SYS_restart_syscall)
		return; /* the kernel's own way back into a wait that a stop interrupted, which is chance: no site */
	uint32_t site = site_of(t->role, call), n = ++shared->calls[site];
	int here = !shared->done && f->site == site && f->nth == n;
	if (call->entry.nr == SYS_exit_group && (t->role == ROLE_RECOVERY || phases[t->role] == PHASE_END))
		on_boundary(t, STEPS - 1);
	if (here && f->kind == FAULT_KILL) {
		shared->done = 1;
		kill(t->tid, SIGKILL);
	} else if (here && f->kind == FAULT_CALL) {
		prevent(t);
	}
	move_phase(t, call);
}

static void on_exit_stop(struct task *t)
{
	struct user_regs_struct regs;
	const enum fault_kind kind = shared->fault.kind;
	if (!armed[t->role] && executed[t->role] && (kind == FAULT_ALLOC || kind == FAULT_NONE))
		arm_allocators(t);
	if (!t->failing || ptrace(PTRACE_GETREGS, t->tid, 0, &regs) < 0)
		return;
	regs.rax = (unsigned long long)t->failing;
	ptrace(PTRACE_SETREGS, t->tid, 0, &regs);
	t->failing = 0;
}

static struct task *task_of(pid_t tid, enum role born)
{
	struct task *free_one = NULL;
	for (int i = 0; i < TASKS_MAX; i++) {
		if (tasks[i].tid == tid)
			return &tasks[i];
		if (!tasks[i].tid && !free_one)
			free_one = &tasks[i];
	}
	if (!free_one)
		abort();
	*free_one = (struct task){ .tid = tid, .role = born };
	return free_one;
}

static int is_thread_of(pid_t tid, pid_t process)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/task/%d", (int)process, (int)tid);
	return access(path, F_OK) == 0;
}

/* The warden's lanes are threads of it; its children before exec are named by nobody; whoever was born of a
 * vmm is one. */
static enum role role_of_new(pid_t tid)
{
	if (is_thread_of(tid, the_warden))
		return its_role;
	char path[64], name[32] = "";
	snprintf(path, sizeof path, "/proc/%d/comm", (int)tid);
	FILE *file = fopen(path, "re");
	if (file) {
		(void)!fgets(name, sizeof name, file);
		fclose(file);
	}
	return executed[ROLE_VMM] || strncmp(name, "ceno-vmm", 8) == 0 ? ROLE_VMM : ROLE_CHILD;
}

/* Returns the signal to deliver. */
static int on_stop(struct task *t, int status)
{
	struct __ptrace_syscall_info call;
	int signal = WSTOPSIG(status);
	if (signal == (SIGTRAP | 0x80)) {
		if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof call, &call) <= 0)
			return 0;
		if (call.op == PTRACE_SYSCALL_INFO_ENTRY)
			on_entry(t, &call);
		else if (call.op == PTRACE_SYSCALL_INFO_EXIT)
			on_exit_stop(t);
		return 0;
	}
	if (status >> 16) { /* an event */
		if (status >> 16 == PTRACE_EVENT_EXEC) {
			t->role = t->role == ROLE_CHILD ? ROLE_VMM : t->role;
			executed[t->role] = 1;
			if (t->role == ROLE_WARDEN || t->role == ROLE_RECOVERY)
				arm_states(t);
		}
		return 0;
	}
	if (signal == SIGTRAP && t->put)
		put_back(t);
	else if (signal == SIGTRAP)
		return on_breakpoint(t) ? 0 : SIGTRAP;
	else if (signal == SIGSEGV && t->role == ROLE_VMM)
		kill(t->tid, SIGKILL); /* abort() of a PID 1: untraced it ends here, traced it would spin */
	else
		return signal;
	return 0;
}

void fault_trace(struct traced *traced, enum role role, pid_t warden, int gate)
{
	int status;
	pid_t tid;
	shared = traced;
	if (ptrace(PTRACE_SEIZE, warden, 0, OPTIONS) < 0 || ptrace(PTRACE_INTERRUPT, warden, 0, 0) < 0)
		_exit(3);
	the_warden = warden;
	its_role = role;
	task_of(warden, role);
	(void)!write(gate, "", 1);
	while ((tid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		struct task *t = task_of(tid, role_of_new(tid));
		if (!WIFSTOPPED(status)) {
			t->tid = 0;
			continue;
		}
		int deliver = on_stop(t, status);
		ptrace(t->put ? PTRACE_SINGLESTEP : PTRACE_SYSCALL, tid, 0, deliver);
	}
}
