/*
 * The order of the jail, and its steps that are one system call and its
 * read-back. The steps with parts of their own are in jail_root.c (mounts) and
 * jail_fds.c (descriptors).
 *
 * Order matters in three places: everything that needs a capability (host name,
 * mounts, secure bits, bounding set) comes before they are dropped; the death
 * signal comes after the last change of credentials, because the kernel clears
 * it there; dumpable comes last, because changing credentials sets it again.
 */
#include "jail_steps.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

ssize_t ceno_jail_read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, text, size - 1);
	int saved = errno;
	close(fd);
	errno = saved;
	if (n >= 0)
		text[n] = 0;
	return n;
}

static int one_id_mapped(const char *path)
{
	char text[128];
	unsigned inside, outside, count;
	int used = 0;
	if (ceno_jail_read_text(path, text, sizeof text) < 0)
		return -1;
	if (sscanf(text, "%u %u %u %n", &inside, &outside, &count, &used) == 3 && inside == 0 && count == 1 &&
	    text[used] == 0)
		return 0;
	errno = EPERM;
	return -1;
}

static int step_maps(void)
{
	char text[16];
	if (one_id_mapped("/proc/self/uid_map") < 0 || one_id_mapped("/proc/self/gid_map") < 0)
		return -1;
	if (ceno_jail_read_text("/proc/self/setgroups", text, sizeof text) < 0)
		return -1;
	uid_t real, effective, saved;
	if (getresuid(&real, &effective, &saved) < 0)
		return -1;
	if (strcmp(text, "deny\n") != 0 || real != 0 || effective != 0 || saved != 0) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

static int step_environment(void)
{
	if (!environ || !environ[0])
		return 0;
	errno = E2BIG;
	return -1;
}

static int step_session(void)
{
	if (setsid() < 0)
		return -1;
	if (getsid(0) == getpid())
		return 0;
	errno = EPERM;
	return -1;
}

static int step_keyring(void)
{
	long joined = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	if (joined < 0)
		return errno == ENOSYS ? 0 : -1; /* a kernel without keyrings has none to leak */
	long current = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
	if (current == joined)
		return 0;
	errno = EPERM;
	return -1;
}

static int step_hostname(void)
{
	uint8_t random[8];
	char name[2 * sizeof random + 1];
	struct utsname now;
	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return -1;
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(name + 2 * i, 3, "%02x", random[i]);
	if (sethostname(name, strlen(name)) < 0 || uname(&now) < 0)
		return -1;
	if (strcmp(now.nodename, name) == 0)
		return 0;
	errno = EPERM;
	return -1;
}

static int step_limits(rlim_t descriptors)
{
	const struct {
		__rlimit_resource_t what;
		rlim_t value;
	} limits[] = {
		{ RLIMIT_CORE, 0 },   { RLIMIT_FSIZE, 0 }, { RLIMIT_MSGQUEUE, 0 }, { RLIMIT_NICE, 0 },
		{ RLIMIT_RTPRIO, 0 }, { RLIMIT_LOCKS, 0 }, { RLIMIT_NPROC, 64 },   { RLIMIT_NOFILE, descriptors },
	};
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		struct rlimit want = { limits[i].value, limits[i].value }, have;
		if (setrlimit(limits[i].what, &want) < 0 || getrlimit(limits[i].what, &have) < 0)
			return -1;
		if (have.rlim_cur != want.rlim_cur || have.rlim_max != want.rlim_max) {
			errno = EPERM;
			return -1;
		}
	}
	return 0;
}

#define CENO_SECUREBITS \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED | \
	 SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static int step_securebits(void)
{
	if (prctl(PR_SET_SECUREBITS, CENO_SECUREBITS, 0, 0, 0) < 0)
		return -1;
	if (prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) == CENO_SECUREBITS)
		return 0;
	errno = EPERM;
	return -1;
}

static int step_bounding(void)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -1;
	/* The kernel's last capability may be newer than our header: go on until it
	 * says there is no such capability. */
	for (unsigned long cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) < 0)
			return cap > CAP_SETPCAP ? 0 : -1;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -1;
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0) {
			errno = EPERM;
			return -1;
		}
	}
	return 0;
}

static int step_capabilities(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { { 0 } }, have[2];
	if (syscall(SYS_capset, &header, none) < 0 || syscall(SYS_capget, &header, have) < 0)
		return -1;
	for (int i = 0; i < 2; i++)
		if (have[i].effective | have[i].permitted | have[i].inheritable) {
			errno = EPERM;
			return -1;
		}
	return 0;
}

static int step_no_new_privs(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return 0;
	errno = EPERM;
	return -1;
}

static int step_death_signal(int control_fd)
{
	int have = 0;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl(PR_GET_PDEATHSIG, &have, 0, 0, 0) < 0)
		return -1;
	if (have != SIGKILL) {
		errno = EPERM;
		return -1;
	}
	/* A warden that died before this line sends no signal any more; its end of
	 * the control socket is closed then. */
	struct pollfd control = { .fd = control_fd, .events = 0 };
	if (control_fd >= 0 && poll(&control, 1, 0) > 0 && (control.revents & (POLLHUP | POLLERR | POLLNVAL))) {
		errno = EOWNERDEAD;
		return -1;
	}
	return 0;
}

static int step_dumpable(void)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -1;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0)
		return 0;
	errno = EPERM;
	return -1;
}

static int step_landlock(uint32_t *abi)
{
	int rc = ceno_jail_landlock(abi, 0);
	return rc < 0 && *abi == 0 ? CENO_JAIL_NOT_OFFERED : rc;
}

static int take_step(int step, const struct ceno_jail_options *options, struct ceno_jail_result *result)
{
	switch ((enum ceno_jail_step)step) {
	case CENO_JAIL_MAPS:
		return step_maps();
	case CENO_JAIL_ENVIRONMENT:
		return step_environment();
	case CENO_JAIL_SESSION:
		return step_session();
	case CENO_JAIL_KEYRING:
		return step_keyring();
	case CENO_JAIL_HOSTNAME:
		return step_hostname();
	case CENO_JAIL_NETWORK:
		return ceno_jail_network();
	case CENO_JAIL_SPACES:
		return ceno_jail_spaces();
	case CENO_JAIL_CORE:
		return ceno_jail_core();
	case CENO_JAIL_BRANCHES:
		return ceno_jail_branches();
	case CENO_JAIL_L1D:
		return ceno_jail_l1d();
	case CENO_JAIL_ROOT:
		return ceno_jail_root();
	case CENO_JAIL_DESCRIPTORS:
		return ceno_jail_descriptors(options->keep, options->keep_count);
	case CENO_JAIL_LIMITS:
		return step_limits(options->descriptor_limit);
	case CENO_JAIL_SECUREBITS:
		return step_securebits();
	case CENO_JAIL_BOUNDING:
		return step_bounding();
	case CENO_JAIL_CAPABILITIES:
		return step_capabilities();
	case CENO_JAIL_NO_NEW_PRIVS:
		return step_no_new_privs();
	case CENO_JAIL_LANDLOCK:
		return step_landlock(&result->landlock_abi);
	case CENO_JAIL_DEATH_SIGNAL:
		return step_death_signal(options->control_fd);
	case CENO_JAIL_DUMPABLE:
		return step_dumpable();
	}
	errno = EINVAL;
	return -1;
}

int ceno_jail_enter(const struct ceno_jail_options *options, struct ceno_jail_result *result)
{
	static const int order[] = {
#define CENO_JAIL_NUMBER(name, number, text) number,
		CENO_JAIL_STEPS(CENO_JAIL_NUMBER)
#undef CENO_JAIL_NUMBER
	};
	memset(result, 0, sizeof *result);
	result->failed_step = -1;
	for (int i = 0; i < CENO_JAIL_STEP_COUNT; i++) {
		int rc = take_step(order[i], options, result);
		if (rc == 0) {
			result->done |= 1u << order[i];
			continue;
		}
		if (rc == CENO_JAIL_NOT_OFFERED)
			continue; /* the warden sees the missing bit */
		result->failed_step = order[i];
		result->error = errno;
		return -1;
	}
	return 0;
}

const char *ceno_jail_step_text(int step)
{
	switch (step) {
#define CENO_JAIL_CASE(name, number, text) \
	case number: \
		return text;
		CENO_JAIL_STEPS(CENO_JAIL_CASE)
#undef CENO_JAIL_CASE
	default:
		return "";
	}
}
