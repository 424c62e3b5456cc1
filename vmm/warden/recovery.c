/*
 * Recovery; see recovery.h. A pid may have been reused since the supervisor noted
 * it, so it is killed only through a pidfd, and only if the process behind it runs
 * the very file that the node starts as ceno-vmm. The proof that nobody else can
 * still write is not the kill but F_SEAL_WRITE, which the kernel refuses while a
 * writable mapping exists.
 */
#include "recovery.h"
#include "destroy.h"
#include "lanes.h"
#include "privilege.h"
#include "record.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KILL_DEADLINE_MS 10000
#define EXIT_DEADLINE_MS 2000 /* then F_SEAL_WRITE decides */

static int is_our_vmm(int32_t pid)
{
	char path[64];
	struct stat running, ours;
	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	return stat(path, &running) == 0 && fstat(CENO_WARDEN_FD_VMM, &ours) == 0 && running.st_dev == ours.st_dev &&
	    running.st_ino == ours.st_ino;
}

/* A process on its way out has no executable any more; nor has a kernel thread. */
static int is_exiting(int32_t pid)
{
	char path[64];
	struct stat st;
	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	return stat(path, &st) < 0;
}

/* Returns 0 when no vmm is left, -1 if one would not die. */
static int kill_vmm(int32_t pid)
{
	struct ceno_child child = { .pid = pid, .report = -1, .joiner = -1 };
	if (pid <= 0)
		return 0;
	child.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (child.pidfd < 0)
		return errno == ESRCH || errno == EINVAL ? 0 : -1;
	/* The check comes after pidfd_open: if it holds, the pidfd is of that process. */
	int left = 0;
	if (is_our_vmm(pid))
		left = ceno_child_kill(&child) < 0 || !ceno_record_wait(child.pidfd, KILL_DEADLINE_MS);
	else if (is_exiting(pid)) /* killed with its warden, but its mappings may not be gone yet */
		(void)ceno_record_wait(child.pidfd, EXIT_DEADLINE_MS);
	ceno_fd_close(&child.pidfd);
	return left ? -1 : 0;
}

int ceno_recovery_wipe(const struct ceno_supervisor_launch *launch, int *areas, unsigned count)
{
	struct stat st;
	if (kill_vmm(launch->vmm_pid) < 0 || fstat(CENO_WARDEN_FD_RAM, &st) < 0)
		return 0;
	(void)ceno_privilege_leave_real_time(); /* to wipe as what it is, is better than not to */
	ceno_lanes_start(0);
	int view = ceno_session_reopen_read_only(CENO_WARDEN_FD_RAM);
	uint64_t bytes = st.st_blocks == 0 ? 0 : (uint64_t)st.st_size; /* 0: nothing was ever written */
	int wiped = view >= 0 && ceno_destroy_orphan(CENO_WARDEN_FD_RAM, view, bytes, areas, count) == 0;
	ceno_fd_close(&view);
	return wiped;
}
