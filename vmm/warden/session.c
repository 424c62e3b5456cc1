/*
 * A session's descriptors: made, given to the vmm, watched. The measured part of
 * a launch is in launch.c.
 */
#include "session.h"
#include "record.h"
#include "../../guest-kernel/abi/cpu.h"
#include "../sandbox/jail.h"
#include "../windows/name.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t ceno_session_us(const struct ceno_session *session)
{
	return (now_ns() - session->accepted_ns) / 1000;
}

void ceno_session_close_fd(struct ceno_session *session, int *fd)
{
	if (*fd < 0)
		return;
	ceno_fd_close(fd);
	session->fds_closed++;
}

/* ---- control group -------------------------------------------------------------- */

static int open_sibling(int fd, uint32_t version, const char *name)
{
	char path[4096];
	struct stat st;
	if (fd < 0 || version == 0 || fstat(fd, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return openat(fd, name, O_RDONLY | O_CLOEXEC);
	/* v1: the supervisor gives the tasks file; its neighbours are found beside it. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	char target[3800];
	ssize_t n = readlink(path, target, sizeof target - 1);
	if (n < 0)
		return -1;
	target[n] = 0;
	char *slash = strrchr(target, '/');
	if (!slash)
		return -1;
	*slash = 0;
	snprintf(path, sizeof path, "%s/%s", target, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* A counter line "name N" of memory.events (v2) or memory.oom_control (v1). */
static uint64_t oom_kills(int fd)
{
	char text[1024];
	ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
	if (n < 0)
		return 0;
	text[n] = 0;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "oom_kill ", 9) == 0)
			return strtoull(line + 9, NULL, 10);
		if (!*line)
			break;
	}
	return 0;
}

int ceno_session_oom_killed(const struct ceno_session *session)
{
	return oom_kills(session->group_events) > session->oom_kills_before;
}

/* Reads the group's list, once, into text; its length, 0 if there is none. */
static size_t read_group(const struct ceno_session *session, int when, char *text, size_t size)
{
	int fd = session->group_procs[when];
	ssize_t n = fd < 0 ? 0 : pread(fd, text, size - 1, 0);
	size_t length = n > 0 ? (size_t)n : 0;
	text[length] = '\0';
	return length;
}

uint32_t ceno_session_group_tasks(const struct ceno_session *session, int when)
{
	char text[4096];
	uint32_t count = 0;
	for (size_t i = 0, n = read_group(session, when, text, sizeof text); i < n; i++)
		count += text[i] == '\n';
	return count;
}

/* Is the vmm in its group? It need not be alone there: until Linux 6.13 KVM puts a
 * kernel thread of the VM's own (kvm-nx-lpage-recovery) beside it. */
static int in_group(const struct ceno_session *session)
{
	char text[4096], *line = text, *end;
	if (session->launch.cgroup_version == 0)
		return 1; /* none could be made; the proof says so */
	read_group(session, 0, text, sizeof text);
	for (long pid; (pid = strtol(line, &end, 10)) > 0 && end != line; line = end)
		if (pid == session->vmm.pid)
			return 1;
	return 0;
}

/* ---- set-up --------------------------------------------------------------------- */

/* The same memfd, read-only for good: whoever holds only this can never write it. */
int ceno_session_reopen_read_only(int fd)
{
	char path[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int prepare_ram(uint64_t bytes)
{
	struct stat st;
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW;
	if (fstat(CENO_WARDEN_FD_RAM, &st) < 0)
		return -errno;
	if (st.st_size == 0 && ftruncate(CENO_WARDEN_FD_RAM, (off_t)bytes) < 0)
		return -errno;
	if (st.st_size != 0 && (uint64_t)st.st_size != bytes)
		return -EINVAL;
	if (st.st_blocks != 0)
		return -ENOTEMPTY; /* somebody's memory */
	if (fcntl(CENO_WARDEN_FD_RAM, F_ADD_SEALS, seals) < 0 && errno != EPERM)
		return -errno;
	return (fcntl(CENO_WARDEN_FD_RAM, F_GET_SEALS) & seals) == seals ? 0 : -EPERM;
}

void ceno_session_init(struct ceno_session *session, const struct ceno_supervisor_launch *park)
{
	memset(session, 0, sizeof *session);
	session->launch = *park;
	session->streams[0] = session->streams[1] = session->streams[2] = -1;
	session->control = session->ram_ro = -1;
	session->vmm = (struct ceno_child){ .pidfd = -1, .report = -1, .joiner = -1 };
	session->material = (struct ceno_material){ -1, -1, -1, -1, -1, -1, 0 };
	session->accepted_ns = now_ns();
	uint32_t version = park->cgroup_version;
	session->group_events =
	    open_sibling(CENO_WARDEN_FD_CGROUP, version, version == 2 ? "memory.events" : "memory.oom_control");
	for (int i = 0; i < 2; i++)
		session->group_procs[i] = open_sibling(CENO_WARDEN_FD_CGROUP, version, "cgroup.procs");
	session->oom_kills_before = oom_kills(session->group_events);
	ceno_facts_open(&session->facts, park->kvm_kind, version);
	session->inputs = ceno_inputs_new();
}

int ceno_session_accept(struct ceno_session *session, const struct ceno_supervisor_launch *launch)
{
	session->accepted = 1;
	session->accepted_ns = now_ns();
	session->launch = *launch;
	session->ram_ro = ceno_session_reopen_read_only(CENO_WARDEN_FD_RAM);
	if (!ceno_facts_swapless(&session->facts))
		return CENO_SESSION_ERROR_SWAPPABLE;
	int rc = session->ram_ro < 0 ? -EBADF : prepare_ram(launch->memory_bytes);
	session->failure.value = (uint64_t)-rc;
	return rc == 0 ? 0 : CENO_SESSION_ERROR_MEMORY;
}

/* ---- memfds --------------------------------------------------------------------- */

/* It may grow once, and unless it is a window it never shrinks: the supervisor, who has a duplicate from early
 * on, looks at the seals while the size is being fixed here. */
static int make_memfd(const char *name, int seals)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create(name, flags);
	if (fd >= 0 && fcntl(fd, F_ADD_SEALS, seals) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int fix_size(int fd, uint64_t bytes)
{
	return ftruncate(fd, (off_t)bytes) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0 ? -1 : 0;
}

static int make_window(uint32_t class, uint64_t bytes, int *window)
{
	int fd = make_memfd("ceno-window", 0), number = CENO_WARDEN_FD_WINDOW + (int)class;
	int rc = fd < 0 || fix_size(fd, bytes) < 0 || dup3(fd, number, O_CLOEXEC) < 0 ? -errno : 0;
	ceno_fd_close(&fd);
	*window = rc == 0 ? number : -1;
	return rc;
}

static int make_material(struct ceno_session *session)
{
	struct ceno_material *m = &session->material;
	m->boot = make_memfd("ceno-boot", F_SEAL_SHRINK);
	m->pack = make_memfd("ceno-pack", F_SEAL_SHRINK);
	if (m->boot < 0 || m->pack < 0 || fix_size(m->boot, CENO_PAGE) < 0)
		return -errno;
	m->boot_ro = ceno_session_reopen_read_only(m->boot);
	m->pack_ro = ceno_session_reopen_read_only(m->pack);
	if (m->boot_ro < 0 || m->pack_ro < 0)
		return -errno;
	m->trail = make_memfd("ceno-trail", F_SEAL_SHRINK);
	if (m->trail < 0 || fix_size(m->trail, CENO_TRAIL_BYTES) < 0)
		return -errno;
	if (!(session->launch.pledge_mask & 1u << CENO_PLEDGE_STDIO))
		return 0;
	return make_window(CENO_PLEDGE_STDIO, CENO_STDIO_BYTES, &m->stdio);
}

void ceno_session_back_windows(const struct ceno_session *session)
{
	const struct ceno_material *m = &session->material;
	(void)fallocate(m->trail, 0, 0, CENO_TRAIL_BYTES);
	if (m->stdio >= 0)
		(void)fallocate(m->stdio, 0, 0, CENO_STDIO_BYTES);
}

/* ---- starting the vmm ------------------------------------------------------------- */

/* Blobs of the node, in the order of both tables. */
#define CENO_BLOBS 3
static const struct {
	int from, to;
} blobs[CENO_BLOBS] = {
	{ CENO_WARDEN_FD_FIRMWARE, CENO_VMM_FD_FIRMWARE },
	{ CENO_WARDEN_FD_TRUST, CENO_VMM_FD_TRUST },
	{ CENO_WARDEN_FD_BUNDLE, CENO_VMM_FD_BUNDLE },
};

/* The vmm gets them read-only, however the supervisor holds them. */
static void fill_table(int control, int shared[CENO_BLOBS], int table[CENO_VMM_FD_END])
{
	for (int i = 0; i < CENO_VMM_FD_END; i++)
		table[i] = -1;
	table[CENO_VMM_FD_CONTROL] = control;
	table[CENO_VMM_FD_KVM] = CENO_WARDEN_FD_KVM;
	for (int i = 0; i < CENO_BLOBS; i++)
		table[blobs[i].to] = shared[i] = ceno_session_reopen_read_only(blobs[i].from);
}

/* A number that was closed at exec may be something of the loop's by now. */
static int group_or_none(int fd, uint32_t version)
{
	struct statfs fs;
	return fstatfs(fd, &fs) == 0 && fs.f_type == (version == 2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC) ? fd
													       : -1;
}

static int start_vmm(struct ceno_session *session)
{
	int pair[2], shared[CENO_BLOBS];
	struct ceno_spawn spawn = {
		.executable = CENO_WARDEN_FD_VMM,
		.cgroup = group_or_none(CENO_WARDEN_FD_CGROUP, session->launch.cgroup_version),
		/* Of v1 only: with v2 these numbers are free, and may be files of the one group that is watched. */
		.more_groups = { group_or_none(CENO_WARDEN_FD_CGROUP_TASKS, 1),
		                 group_or_none(CENO_WARDEN_FD_CGROUP_PROCESSOR, 1) },
		.cgroup_version = session->launch.cgroup_version,
		.uid = session->launch.uid_base + 1,
	};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	session->control = pair[0];
	fill_table(pair[1], shared, spawn.table);
	int rc = ceno_observe_inherited(&session->filters);
	if (rc == 0)
		rc = ceno_spawn_vmm(&spawn, &session->vmm);
	close(pair[1]);
	for (int i = 0; i < CENO_BLOBS; i++)
		ceno_fd_close(&shared[i]);
	return rc == 0 ? ceno_spawn_wait(&session->vmm, 5000) : rc;
}

int ceno_session_start_vmm(struct ceno_session *session)
{
	int rc = start_vmm(session);
	session->failure.value = (uint64_t)-rc;
	return rc == 0 ? 0 : CENO_SESSION_ERROR_JAIL;
}

int ceno_session_open(struct ceno_session *session, const struct ceno_session_record *open_record, const int streams[3])
{
	struct timespec wall;
	session->open = *open_record;
	session->accepted_ns = now_ns();
	clock_gettime(CLOCK_REALTIME, &wall);
	session->statement.timing.started_unix_ms = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000;
	for (int i = 0; i < 3; i++)
		session->streams[i] = streams[i];
	if (session->inputs)
		session->inputs->flags = open_record->flags & CENO_SESSION_NATIVE ? CENO_PACK_NATIVE : 0;
	int rc = session->inputs ? make_material(session) : -ENOMEM;
	session->failure.value = (uint64_t)-rc;
	return rc == 0 ? 0 : CENO_SESSION_ERROR_MEMORY;
}

int ceno_session_size_pack(struct ceno_session *session)
{
	struct ceno_material *m = &session->material;
	m->pack_bytes = session->inputs->total_bytes;
	if (fix_size(m->pack, m->pack_bytes) == 0)
		return 0;
	session->failure.value = (uint64_t)errno;
	return CENO_SESSION_ERROR_MEMORY;
}

/* ---- while it runs ------------------------------------------------------------------ */

/* The vCPU has the registers of the launch record; UMIP only where the CPU has it. */
static int mode_is_as_asked(const struct ceno_session *session)
{
	const struct ceno_proof_cpu *cpu = &session->statement.isolation.cpu;
	const struct ceno_vmm_registers *regs = &session->vmm_launch.regs;
	uint64_t cr4 = cpu->offered & CENO_CPU_UMIP ? regs->cr4 : regs->cr4 & ~CENO_CR4_UMIP;
	return cpu->cr0 == regs->cr0 && cpu->cr4 == cr4 && cpu->efer == (regs->efer | CENO_EFER_LMA) &&
	    !(cpu->offered & ~CENO_CPU_FEATURE_MASK);
}

void ceno_session_name_step(struct ceno_failure *failure, uint64_t step)
{
	const char *text = step < CENO_JAIL_STEP_COUNT ? ceno_jail_step_text((int)step) : "";
	snprintf(failure->path, sizeof failure->path, "%s", text);
}

/* One that this node requires was not offered. */
static void fail_missing(struct ceno_failure *failure, uint64_t missing)
{
	failure->value = EOPNOTSUPP;
	ceno_session_name_step(failure, (uint64_t)__builtin_ctzll(missing));
}

int ceno_session_check_lock(struct ceno_session *session)
{
	int rc = ceno_spawn_joined(&session->vmm, 5000);
	if (rc == 0)
		rc = ceno_observe(session->vmm.pid, session->launch.uid_base + 1, &session->seen);
	session->failure.value = (uint64_t)-rc;
	const uint64_t missing = (CENO_JAIL_REQUIRED | session->launch.layers) & ~session->jail_done;
	if (rc == 0 && missing)
		fail_missing(&session->failure, missing);
	else if (rc == 0 && in_group(session) && ceno_observe_locked(&session->seen, session->filters) &&
	         mode_is_as_asked(session))
		return 0;
	return CENO_SESSION_ERROR_JAIL;
}

int ceno_session_request(struct ceno_session *session, int fd, uint64_t bytes)
{
	struct stat st;
	if (session->material.stdio < 0 || session->dropped & 1u << CENO_PLEDGE_STDIO || bytes == 0 ||
	    bytes > CENO_STDIO_REQUEST_MAX)
		return CENO_SESSION_ERROR_TOO_LARGE;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return CENO_SESSION_ERROR_NOT_REGULAR;
	uint8_t *window = mmap(NULL, CENO_STDIO_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, session->material.stdio, 0);
	if (window == MAP_FAILED)
		return CENO_SESSION_ERROR_MEMORY;
	struct ceno_stdio_host *host = (void *)(window + CENO_STDIO_HOST_OFFSET);
	int error =
	    pread(fd, window + CENO_STDIO_REQUEST_OFFSET, bytes, 0) == (ssize_t)bytes ? 0 : CENO_SESSION_ERROR_CHANGED;
	if (error == 0) {
		/* The guest reads the length after it saw the new number. */
		__atomic_store_n(&host->request_bytes, (uint32_t)bytes, __ATOMIC_RELAXED);
		__atomic_store_n(&host->request_seq, ++session->request_seq, __ATOMIC_RELEASE);
	}
	munmap(window, CENO_STDIO_BYTES);
	return error;
}

void ceno_session_enosys(const struct ceno_session *session, struct ceno_session_record *record)
{
	struct ceno_stdio_guest page;
	if (session->material.stdio < 0 ||
	    pread(session->material.stdio, &page, sizeof page, CENO_STDIO_GUEST_OFFSET) != (ssize_t)sizeof page)
		return;
	const uint32_t fit = sizeof record->enosys / sizeof record->enosys[0];
	record->enosys_distinct = page.enosys_distinct;
	record->enosys_other = page.enosys_other;
	record->missing = page.missing & ((1u << CENO_PLEDGE_COUNT) - 1);
	for (uint32_t i = 0; i < fit && i < page.enosys_distinct; i++) {
		record->enosys[i].number = page.enosys[i].number;
		record->enosys[i].count = page.enosys[i].count;
		ceno_program_name(record->enosys[i].program, page.enosys_program[i]);
	}
}
