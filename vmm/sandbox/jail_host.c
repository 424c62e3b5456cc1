/*
 * Steps that ask the kernel for more than every kernel or processor has: what the
 * network namespace may reach, further namespaces, and who shares a core with the
 * guest. All before the root is taken away, for they read /proc and /sys.
 */
#include "jail_steps.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Newer than the headers of some build hosts; include/uapi/linux/prctl.h. */
#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE 62
#endif
#define SCHED_CORE_GET    0
#define SCHED_CORE_CREATE 1
#define SCHED_CORE_THREAD 0
#define SCHED_CORE_GROUP  1
#ifndef PR_SPEC_L1D_FLUSH
#define PR_SPEC_L1D_FLUSH 2
#endif

static int refuse(int error)
{
	errno = error;
	return -1;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = write(fd, text, strlen(text));
	int saved = errno;
	close(fd);
	errno = saved;
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

/* ---- network -------------------------------------------------------------------- */

static int interface_is_down(int fd, const char *name)
{
	struct ifreq request = { 0 };
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return -1;
	return request.ifr_flags & IFF_UP ? refuse(ENETUNREACH) : 0;
}

/* Two lines of headings, then "  name: counters". */
static int interfaces_are_down(int fd)
{
	char line[512], name[IFNAMSIZ];
	FILE *devices = fopen("/proc/self/net/dev", "re");
	int rc = devices ? 0 : -1;
	for (int i = 0; rc == 0 && fgets(line, sizeof line, devices); i++)
		if (i >= 2)
			rc = sscanf(line, " %15[^: ]:", name) == 1 ? interface_is_down(fd, name) : refuse(EPROTO);
	if (devices)
		fclose(devices);
	return rc;
}

static int no_routes(void)
{
	char text[512];
	ssize_t n = ceno_jail_read_text("/proc/self/net/route", text, sizeof text);
	if (n < 0)
		return errno == ENOENT ? 0 : -1; /* a kernel without IPv4 */
	const char *end = strchr(text, '\n');
	return end && end[1] ? refuse(ENETUNREACH) : 0; /* the first line is the heading */
}

int ceno_jail_network(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno == EAFNOSUPPORT ? 0 : -1;
	int rc = interfaces_are_down(fd);
	int saved = errno;
	close(fd);
	errno = saved;
	return rc == 0 ? no_routes() : rc;
}

/* ---- namespaces ------------------------------------------------------------------ */

#define SPACES_LIMIT "/proc/sys/user/max_user_namespaces"

/* The limit is the user namespace's own, so nobody else's changes; without a capability
 * it cannot be raised again, and none is left at the end of the jail. */
int ceno_jail_spaces(void)
{
	static const char path[] = SPACES_LIMIT;
	char text[16];
	if (write_text(path, "0") < 0)
		return errno == EROFS || errno == EACCES || errno == ENOENT ? CENO_JAIL_NOT_OFFERED : -1;
	if (ceno_jail_read_text(path, text, sizeof text) < 0)
		return -1;
	return strcmp(text, "0\n") == 0 ? 0 : refuse(EPERM);
}

/* ---- who shares the processor ----------------------------------------------------- */

static int smt_is_active(void)
{
	char text[8];
	ssize_t n = ceno_jail_read_text("/sys/devices/system/cpu/smt/active", text, sizeof text);
	return n < 0 || text[0] != '0'; /* a host that does not say may have it */
}

/* 1 if the kernel has it, 0 if there is no SMT to need it, -1 if SMT is on without it. */
static int core_scheduling(void)
{
	unsigned long cookie = 0;
	if (prctl(PR_SCHED_CORE, SCHED_CORE_GET, 0, SCHED_CORE_THREAD, &cookie) == 0)
		return 1;
	return errno == ENODEV || !smt_is_active() ? 0 : -1;
}

/* A cookie of its own: no thread of another process runs beside one of these on a core. */
int ceno_jail_core(void)
{
	unsigned long cookie = 0;
	int has = core_scheduling();
	if (has <= 0)
		return has == 0 ? 0 : CENO_JAIL_NOT_OFFERED;
	if (prctl(PR_SCHED_CORE, SCHED_CORE_CREATE, 0, SCHED_CORE_GROUP, 0) < 0)
		return -1;
	if (prctl(PR_SCHED_CORE, SCHED_CORE_GET, 0, SCHED_CORE_THREAD, &cookie) < 0)
		return -1;
	return cookie ? 0 : refuse(EPERM);
}

/* Set for good before any thread is made: each inherits it. */
int ceno_jail_branches(void)
{
	int now = prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH, 0, 0, 0);
	if (now < 0 || now == PR_SPEC_ENABLE)
		return CENO_JAIL_NOT_OFFERED; /* the kernel has none, or was told to do without */
	if (!(now & PR_SPEC_PRCTL))
		return 0; /* not affected, or restricted for everybody */
	if (prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH, PR_SPEC_FORCE_DISABLE, 0, 0) < 0)
		return -1;
	now = prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH, 0, 0, 0);
	return now >= 0 && now & PR_SPEC_FORCE_DISABLE ? 0 : refuse(EPERM);
}

int ceno_jail_l1d(void)
{
	if (prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_L1D_FLUSH, PR_SPEC_ENABLE, 0, 0) < 0)
		return CENO_JAIL_NOT_OFFERED; /* Linux has it on x86 after booting with l1d_flush=on */
	int now = prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_L1D_FLUSH, 0, 0, 0);
	return now >= 0 && now & PR_SPEC_ENABLE ? 0 : refuse(EPERM);
}

/* ---- by looking --------------------------------------------------------------------- */

static int spaces_offered(void)
{
	struct statvfs fs;
	return statvfs(SPACES_LIMIT, &fs) == 0 && !(fs.f_flag & ST_RDONLY);
}

static int branches_offered(void)
{
	int now = prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH, 0, 0, 0);
	return now >= 0 && now != PR_SPEC_ENABLE;
}

static int l1d_offered(void)
{
	int now = prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_L1D_FLUSH, 0, 0, 0);
	return now >= 0 && now & PR_SPEC_PRCTL;
}

uint32_t ceno_jail_offers(void)
{
	uint32_t offers = 0;
	offers |= ceno_jail_landlock_abi() ? 1u << CENO_JAIL_LANDLOCK : 0;
	offers |= spaces_offered() ? 1u << CENO_JAIL_SPACES : 0;
	offers |= core_scheduling() >= 0 ? 1u << CENO_JAIL_CORE : 0;
	offers |= branches_offered() ? 1u << CENO_JAIL_BRANCHES : 0;
	offers |= l1d_offered() ? 1u << CENO_JAIL_L1D : 0;
	return offers;
}
